"""Owns the words of signing in at an identity provider: what one is asked for, and what comes of it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from skillport_sync.access.model import Principal


@dataclass(frozen=True, slots=True)
class Upstream:
    """What one sign-in recognises its own answer by. Each is random, used once, and shown to nobody else."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in. What the provider handed out to find that is forgotten already."""

    principal: Principal
    provider: str
    warnings: tuple[str, ...] = ()
    """Stable codes of what is missing in ``principal``, such as ``groups_overage``. For the log and the audit."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody is signed in, and trying again at once would not change that. ``message`` is for the person, on a page."""

    code: str
    message: str


class Provider(Protocol):
    """One identity provider, as it is configured."""

    @property
    def name(self) -> str:
        """The part of a principal's id before the colon, and the end of the callback's path."""
        ...

    @property
    def title(self) -> str:
        """What its button says."""
        ...

    @property
    def preset(self) -> str: ...

    async def authorization_url(self, upstream: Upstream, redirect_uri: str) -> str:
        """Where to send the person. Raises: Unavailable."""
        ...

    async def identify(
        self, parameters: Mapping[str, str], upstream: Upstream, redirect_uri: str
    ) -> Identity | Refused:
        """Who came back with these ``parameters``, the query of the callback.

        Raises: Unavailable, where the provider is down, slow, or says what makes no sense. Its message is for a page.
        """
        ...

    async def still_allowed(self, principal: Principal) -> bool | None:
        """Whether this person would still be let in, asked of the provider at most once an hour. None: it cannot be told.

        Never raises because of the provider, and takes ten seconds at most: a client waits for its new token meanwhile.
        """
        ...
