"""Owns how a sign-in ends where no app takes over: connected, or what went wrong and what to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcp_server.oauth.pages import outside_text
from mcp_server.oauth.pages.consent import MAX_NAME_CHARS
from mcp_server.oauth.pages.frame import Mark, document
from mcp_server.oauth.pages.markup import NOTHING, element

MAX_PERSON_CHARS: Final = 120
MAX_TITLE_CHARS: Final = 120
MAX_TEXT_CHARS: Final = 600
MAX_REFERENCE_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """What happened and what to do. ``status`` is for whoever sends it; ``reference`` finds the story in the log."""

    title: str
    message: str
    what_to_do: str
    reference: str | None
    status: int


@dataclass(frozen=True, slots=True)
class ConnectedPage:
    """Who is connected now: the app by what it calls itself, the person by what the provider calls them."""

    client_name: str
    person: str


def problem(page: ProblemPage) -> bytes:
    """The page as HTML. Everything on it may be somebody else's words: each part is cut to a length."""
    title = outside_text.words(page.title, MAX_TITLE_CHARS) or "This did not work"
    reference = outside_text.words(page.reference or "", MAX_REFERENCE_CHARS)
    return document(
        title,
        Mark.APART,
        element("h1", title),
        element("p", outside_text.words(page.message, MAX_TEXT_CHARS), class_="lead"),
        element(
            "section",
            element("h2", "What to do", id="remedy"),
            element("p", outside_text.words(page.what_to_do, MAX_TEXT_CHARS)),
            class_="panel",
            aria_labelledby="remedy",
        ),
        footer=element("p", "If you ask for help, say this reference: ", element("code", reference))
        if reference
        else NOTHING,
    )


def connected(page: ConnectedPage) -> bytes:
    """The page as HTML."""
    name = outside_text.words(page.client_name, MAX_NAME_CHARS)
    person = outside_text.words(page.person, MAX_PERSON_CHARS)
    return document(
        "You are connected",
        Mark.CONNECTED,
        element("h1", "You are connected"),
        element("p", "You can close this window and go back to the app.", class_="lead"),
        element(
            "dl",
            element("div", element("dt", "The app"), element("dd", element("bdi", name or "An app without a name"))),
            element("div", element("dt", "Signed in as"), element("dd", element("bdi", person))) if person else NOTHING,
            class_="panel",
        ),
    )
