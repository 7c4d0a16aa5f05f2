"""Owns the question before a sign-in: which app asks, what it would be able to do, and who the person is to be known by. Pure.

Everything that an app says of itself is marked as its own word, and stands apart from ours. Where the person is sent afterwards
is shown always: it is the one thing about an app that was checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mcp_server.oauth.metadata import OFFLINE, SCOPE
from mcp_server.oauth.pages import outside_text
from mcp_server.oauth.pages.frame import Mark, document
from mcp_server.oauth.pages.markup import NOTHING, Html, element, joined

MAX_NAME_CHARS: Final = 80
MAX_TITLE_CHARS: Final = 40
MAX_SCOPES_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """What is asked, of whom. ``action``, ``transaction`` and ``csrf`` are ours and sent back as they are.

    ``client_name`` is what the app calls itself; ``client_host`` where its description was read, None where it registered
    itself. ``return_host`` is where the code will go, ``is_loopback`` whether that is the person's own machine. Each of
    ``providers`` is its name and its title.
    """

    action: str
    transaction: str
    csrf: str
    client_name: str
    client_host: str | None
    return_host: str
    is_loopback: bool
    resource_host: str
    scopes: tuple[str, ...]
    providers: tuple[tuple[str, str], ...]


def consent(page: ConsentPage) -> bytes:
    """The page as HTML. Its form sends ``transaction``, ``csrf`` and either ``provider=<name>`` or ``deny=yes``."""
    return document(
        "Connect an app",
        Mark.ASKED,
        element("h1", "Connect this app?"),
        element("p", *_granted(page.scopes, element("b", outside_text.host(page.resource_host))), class_="lead"),
        element("div", _app(page), _warning() if page.is_loopback else NOTHING, class_="panel"),
        _answer(page),
    )


def _granted(scopes: tuple[str, ...], here: Html) -> Iterator[str]:
    """What the scopes mean. One that has no words here is shown by its name: a page must not promise less than is granted."""
    if SCOPE in scopes:
        yield from ("It could then read every skill at ", here, " that you may read,")
        yield " and change those that you may change, in your name."
    else:
        yield from ("It asks to use ", here, " in your name.")
    others = ", ".join(dict.fromkeys(scope for scope in scopes if scope not in (SCOPE, OFFLINE)))
    if others:
        yield f" It also asks for: {outside_text.words(others, MAX_SCOPES_CHARS)}."


def _app(page: ConsentPage) -> Html:
    name = outside_text.words(page.client_name, MAX_NAME_CHARS)
    described = outside_text.host(page.client_host or "")
    return element(
        "dl",
        _fact("Calls itself", element("bdi", name or "nothing", class_="name"), "Its own word. Nobody has checked it."),
        _fact("Describes itself at", element("b", described))
        if described
        else _fact("Describes itself at", element("b", "no address"), "It registered itself here, as any app may."),
        _fact(
            "Sends you back to",
            element("b", outside_text.host(page.return_host)),
            "That is the computer you are using." if page.is_loopback else "",
        ),
    )


def _fact(label: str, value: Html, hint: str = "") -> Html:
    return element(
        "div",
        element("dt", label),
        element("dd", value, element("span", hint, class_="hint") if hint else NOTHING),
    )


def _warning() -> Html:
    return element(
        "section",
        element("h2", "Did you start this yourself, just now?", id="started"),
        element(
            "p",
            "Any program on your computer can claim to be this app. If a link, a message or somebody else brought you here,"
            " do not connect.",
        ),
        class_="note",
        aria_labelledby="started",
    )


def _answer(page: ConsentPage) -> Html:
    """The form. One provider is the plain next step; several are a choice, and none of them stands out."""
    look = {"class_": "one"} if len(page.providers) == 1 else {}
    buttons = [
        element(
            "button",
            f"Continue with {outside_text.words(title, MAX_TITLE_CHARS) or outside_text.words(name, MAX_TITLE_CHARS)}",
            type="submit",
            name="provider",
            value=name,
            **look,
        )
        for name, title in page.providers
    ]
    return element(
        "form",
        element("input", type="hidden", name="transaction", value=page.transaction, autocomplete="off"),
        element("input", type="hidden", name="csrf", value=page.csrf, autocomplete="off"),
        element("h2", "Sign in to connect it", id="answer"),
        element("p", "The app never sees your password.", class_="hint"),
        joined(buttons),
        element("button", "Do not connect", type="submit", name="deny", value="yes", class_="deny"),
        method="post",
        action=page.action,
        aria_labelledby="answer",
    )
