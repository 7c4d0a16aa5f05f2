"""Owns what an operator decides about sign-in, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from mcp_server.oauth.limits import Limits
from mcp_server.peers import THIS_MACHINE, Network


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """The bounds within which these are safe are the configuration's to keep."""

    access_token_s: int = 3600
    refresh_idle: timedelta = timedelta(days=30)
    """A refresh token that lies unused for so long opens nothing any more."""
    grant: timedelta = timedelta(days=90)
    """How long somebody stays signed in at most, however busy."""
    refresh_window_s: int = 60
    """How long after its exchange a refresh token may come again, from a client that retries or races itself."""
    code_s: int = 60
    transaction_s: int = 600
    """From our page to the provider and back."""
    redirect_hosts: frozenset[str] = frozenset()
    """Where clients may be sent back to, beside Claude's own hosts and the person's machine."""
    cimd_hosts: frozenset[str] = frozenset()
    """Whose documents may say who a client is. Empty: any public host's."""
    registration: bool = True
    limits: Limits = field(default_factory=Limits)
    trusted_proxies: tuple[Network, ...] = THIS_MACHINE
    """Who is believed when they say for whom they ask."""
