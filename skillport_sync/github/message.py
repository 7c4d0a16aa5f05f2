"""Owns the words of a commit: what was done, and for whom. Pure.

A line is a line: what people write cannot add trailers of its own, and nothing that looks like a token gets into history.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from skillport_sync.github.refusal import LIKE_A_TOKEN

HEADLINE_LIMIT = 120
_OURS = re.compile(r"\b(sk_(api|edit|install)_|sps_|sp_[a-z]{2}_)[A-Za-z0-9_-]+")
_EMAIL = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_SPEAKS_FOR = re.compile(r"^(?=(requested|co-authored|signed-off)-by:)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Requester:
    """The person behind a commit that the service makes. ``id`` is ``provider:uid``."""

    name: str
    id: str
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A commit's message. ``headline`` is cut to one line of 120 characters; ``body`` may have many lines, or none."""

    headline: str
    requester: Requester | None = None
    body: str = ""

    @property
    def first_line(self) -> str:
        line = _line(self.headline) or "Change skills"
        return line if len(line) <= HEADLINE_LIMIT else line[: HEADLINE_LIMIT - 1] + "…"

    @property
    def rest(self) -> str:
        """All below the first line: the body, then who asked for it. May be empty."""
        body = _SPEAKS_FOR.sub(" ", _clean(self.body)).strip("\n")
        return "\n\n".join([part for part in (body, "\n".join(self.trailers)) if part.strip()])

    @property
    def trailers(self) -> tuple[str, ...]:
        """Who asked, and GitHub's own way to show a person beside the bot: https://git-scm.com/docs/git-interpret-trailers,
        https://docs.github.com/pull-requests/committing-changes-to-your-project/creating-and-editing-commits
        """
        person = self.requester
        if person is None:
            return ()
        name = _name(person.name) or "Somebody"
        asked = f"Requested-by: {name} <{_name(person.id)}>"
        email = person.email or ""
        return (asked, f"Co-authored-by: {name} <{email}>") if _EMAIL.fullmatch(email) else (asked,)

    @property
    def text(self) -> str:
        """The whole, as git keeps it."""
        return "\n\n".join([part for part in (self.first_line, self.rest) if part])

    def is_of(self, text: str) -> bool:
        """Whether a commit of this text is one of this message: GitHub may add to it, but takes nothing away."""
        lines = [line.rstrip() for line in text.split("\n")]
        return self.first_line in lines and all(line in lines for line in self.trailers[:1])


def _clean(text: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    printable = "\n".join("".join(char if char.isprintable() else " " for char in line).rstrip() for line in lines)
    return _OURS.sub("…", LIKE_A_TOKEN.sub("…", printable))


def _line(text: str) -> str:
    return " ".join(_clean(text.replace("\n", " ")).split())


def _name(text: str) -> str:
    return " ".join(_line(text).replace("<", " ").replace(">", " ").split())
