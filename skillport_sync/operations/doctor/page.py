"""Owns the reading of a page with one form, as far as pressing a button needs it. Pure."""

from __future__ import annotations

from html.parser import HTMLParser


class Form(HTMLParser):
    """Where the page's form goes, what is hidden in it, and its buttons as ``(name, value)``."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "form":
                self.action = given.get("action", "")
            case "input" if given.get("type") == "hidden":
                self.hidden[given.get("name", "")] = given.get("value", "")
            case "button":
                self.buttons.append((given.get("name", ""), given.get("value", "")))

    def choices(self, name: str) -> list[str]:
        """The values of the buttons of this name."""
        return [value for button, value in self.buttons if button == name]
