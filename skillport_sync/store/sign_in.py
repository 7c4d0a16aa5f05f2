"""Owns the values of sign-in that are stored: people, clients, sign-ins under way, grants, tokens, and what became of them.

Values only. Whatever opens anything is here as its SHA-256 and never as itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NewType

from skillport_sync.access.model import Principal, PrincipalId

GrantId = NewType("GrantId", int)
"""What one person let one client do, once. Says nothing to whoever finds it."""

Forget = Callable[[Sequence[bytes]], None]
"""Told the SHA-256 of tokens that opened something until now. Called on the loop, once it is committed; never raises."""

ClientKind = Literal["dcr", "cimd", "static"]
"""Registered by itself (RFC 7591), known by the document at its URL, or entered in the configuration."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in at least once, as their provider described them the last time."""

    principal: Principal
    provider: str
    created_at: datetime
    last_login_at: datetime
    disabled_at: datetime | None
    """Since when an operator keeps them out. None: they are welcome."""


@dataclass(frozen=True, slots=True)
class Client:
    """A program that people may let in. What it says of itself is its own word."""

    client_id: str
    kind: ClientKind
    name: str
    redirect_uris: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime
    approved: bool
    """Whether anybody ever signed in through it."""


class Stage(StrEnum):
    """How far a sign-in got. It goes one way: consent, upstream, and then done or denied."""

    CONSENT = "consent"
    """Our page is shown."""
    UPSTREAM = "upstream"
    """The person agreed and is at their provider."""
    DONE = "done"
    """A code was made."""
    DENIED = "denied"
    """The person, or the provider, said no."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One sign-in under way, between ``/oauth/authorize`` and the code."""

    id_hash: bytes
    stage: Stage
    client_id: str
    redirect_uri: str
    """As the client sent it, byte for byte: it is sent back there."""
    client_state: str | None
    scope: str
    resource: str
    code_challenge: str
    csrf_hash: bytes
    """Of what the form of our page carries."""
    bind_hash: bytes
    """Of the cookie that binds it to one browser."""
    created_at: datetime
    expires_at: datetime
    provider: str | None = None
    nonce: str | None = None
    upstream_verifier: str | None = None
    state_hash: bytes | None = None
    """Of the ``state`` that the provider sends back. It finds the transaction too."""


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """What a code stands for. It is burnt, whatever the caller finds wrong with the request that carried it."""

    grant_id: GrantId
    person: PrincipalId
    client_id: str
    redirect_uri: str
    code_challenge: str
    scope: str
    resource: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """A code came a second time: whoever has it may be a thief, so its grant is over and every token of it opens nothing."""

    grant_id: GrantId
    person: PrincipalId
    client_id: str


@dataclass(frozen=True, slots=True)
class NewTokens:
    """A pair to be stored. Neither outlives its grant: where it would, its end is the grant's."""

    access_hash: bytes
    access_expires_at: datetime
    refresh_hash: bytes
    refresh_expires_at: datetime
    """When it is forgotten if nobody uses it."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A pair was stored, and may be handed out."""

    grant_id: GrantId
    principal: Principal
    client_id: str
    scope: str
    resource: str
    access_expires_at: datetime
    """At most what was asked for: the grant may end earlier."""


@dataclass(frozen=True, slots=True)
class Reused:
    """A refresh token came again, too late to be an honest retry: its grant is over and every token of it opens nothing."""

    grant_id: GrantId
    person: PrincipalId
    client_id: str


@dataclass(frozen=True, slots=True)
class WrongClient:
    """The token is another client's. Nothing happened to it."""

    grant_id: GrantId


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no such token, or it was forgotten long ago."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The token was good once: it lay idle too long, or its grant is over, or the person is kept out."""

    grant_id: GrantId
    person: PrincipalId
    reason: str
    """``idle``, ``expired``, ``disabled``, or what the grant was ended for."""


Rotation = Issued | Reused | WrongClient | Unknown | Ended


@dataclass(frozen=True, slots=True)
class RefreshFacts:
    """Whose refresh token this is, to be judged before it is used up."""

    grant_id: GrantId
    principal: Principal
    client_id: str
    scope: str
    resource: str


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """What an access token opens, for whom, until when."""

    principal: Principal
    grant_id: GrantId
    client_id: str
    resource: str
    scope: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A grant that is alive, as an operator sees it."""

    grant_id: GrantId
    person: PrincipalId
    person_name: str
    email: str | None
    client_id: str
    client_name: str
    redirect_uri: str
    created_at: datetime
    last_used_at: datetime
    """When tokens were last handed out for it: within the life of an access token."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Purged:
    """What a round of forgetting took."""

    transactions: int = 0
    tokens: int = 0
    grants: int = 0
    clients: int = 0
