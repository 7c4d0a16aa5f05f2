"""Owns the person at a browser: goes where a client sends them, answers every page by plain HTTP, and comes back to the client.

Their browser keeps cookies for one sign-in and runs no script. Of each form they fill in what they know and press the button they
mean; a page that they cannot answer is told as what stands on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

ASKS = re.compile(r"http://127\.0\.0\.1:\d+/oauth/authorize\?[!-~]+")
"""The address that a client without a browser of its own asks a person to open, among whatever else it says."""
_MOST_STEPS = 30


@dataclass(frozen=True, slots=True)
class CameBack:
    """Where the client has to be told of: its own return address, with what the service says in it."""

    address: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """A page with nothing for this person to press; ``words`` are what stands on it."""

    status: int
    words: str


@dataclass(frozen=True, slots=True)
class Person:
    """``answers``: the value of a field, or of the button to press, by its name."""

    answers: Mapping[str, str]

    async def sign_in(self, address: str) -> CameBack | Stuck:
        """Raises AssertionError where it goes round in circles."""
        end = parse_qs(urlsplit(address).query)["redirect_uri"][0]
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
            response = await http.get(address)
            for _ in range(_MOST_STEPS):
                if response.is_redirect:
                    target = urljoin(str(response.url), response.headers["location"])
                    if target.startswith(f"{end}?"):
                        return CameBack(target)
                    response = await http.get(target)
                    continue
                page = _Page(response.text)
                form = next((filled for each in page.forms if (filled := each.filled(self.answers)) is not None), None)
                if response.status_code != 200 or form is None:
                    return Stuck(response.status_code, page.words)
                response = await http.post(urljoin(str(response.url), form.action), data=form.values)
        raise AssertionError("the sign-in goes round in circles")

    async def sign_in_and_return(self, address: str) -> CameBack | Stuck:
        """The same for a client that listens at its return address: go there too."""
        end = await self.sign_in(address)
        if isinstance(end, CameBack):
            async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
                try:
                    await http.get(end.address)
                except httpx2.TransportError as error:
                    return Stuck(0, f"nobody listens where the client wanted the person back: {error}")
        return end


@dataclass(frozen=True, slots=True)
class _Filled:
    action: str
    values: dict[str, str]


@dataclass(slots=True)
class _Form:
    action: str
    hidden: dict[str, str] = field(default_factory=dict)
    fields: list[str] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, answers: Mapping[str, str]) -> _Filled | None:
        """None where a field is asked for that this person does not know, or no button is theirs."""
        pressed = next(((name, value) for name, value in self.buttons if answers.get(name) == value or not name), None)
        if pressed is None or not set(self.fields) <= set(answers):
            return None
        known = {name: answers[name] for name in self.fields}
        return _Filled(self.action, {**self.hidden, **known, **({pressed[0]: pressed[1]} if pressed[0] else {})})


class _Page(HTMLParser):
    """The forms of a page, and what a person would read on it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self.words = ""
        self._is_shown = True
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._is_shown = tag not in ("style", "title")
        if tag == "form":
            self.forms.append(_Form(given.get("action", "")))
        elif self.forms and tag == "input" and given.get("type") == "hidden":
            self.forms[-1].hidden[given["name"]] = given.get("value", "")
        elif self.forms and tag == "input":
            self.forms[-1].fields.append(given["name"])
        elif self.forms and tag == "button":
            self.forms[-1].buttons.append((given.get("name", ""), given.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self._is_shown and data.strip():
            self.words = f"{self.words} {data.strip()}".strip()
