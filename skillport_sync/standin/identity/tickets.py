"""Owns what the stand-in remembers: its clients, the sign-ins under way, codes, and the tokens it gave."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from skillport_sync.standin.identity.people import Person

Dialect = Literal["oidc", "google", "microsoft", "github"]

CODE_LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who may ask. ``secret`` None: a public client."""

    id: str
    secret: str | None
    redirect_uris: frozenset[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """One authorization request that was found to be right."""

    dialect: Dialect
    issuer: str
    """What the token will be signed as, and the callback may name. For Entra, of the person's own tenant: empty here."""
    client_id: str
    redirect_uri: str
    state: str
    challenge: str
    scope: str
    nonce: str


@dataclass(frozen=True, slots=True)
class _Code:
    asked: Asked
    person: Person
    until: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """An access token, and what it opens."""

    person: Person
    dialect: Dialect
    scope: str


@dataclass(slots=True)
class Tickets:
    now: Callable[[], datetime]
    clients: dict[str, Client] = field(default_factory=dict)
    given: dict[str, Given] = field(default_factory=dict)
    _asked: dict[str, Asked] = field(default_factory=dict)
    _codes: dict[str, _Code] = field(default_factory=dict)

    def begin(self, asked: Asked) -> str:
        """A ticket for the form."""
        ticket = secrets.token_urlsafe(16)
        self._asked[ticket] = asked
        return ticket

    def take(self, ticket: str) -> Asked | None:
        return self._asked.pop(ticket, None)

    def code(self, asked: Asked, person: Person) -> str:
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(asked, person, self.now() + CODE_LIFETIME)
        return code

    def redeem(self, code: str) -> tuple[Asked, Person] | None:
        """Once, within a minute."""
        found = self._codes.pop(code, None)
        return (found.asked, found.person) if found is not None and self.now() < found.until else None

    def give(self, given: Given, prefix: str = "") -> str:
        token = prefix + secrets.token_urlsafe(24)
        self.given[token] = given
        return token
