"""Owns the pair of tokens that a client is given: how it is made, how long it lives, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mcp_server.oauth.settings import OAuthSettings
from mcp_server.oauth.tokens import Kind, ServerKey, digest, mint, successor
from skillport_sync.ports import Clock, Entropy
from skillport_sync.store.sign_in import Issued, NewTokens


@dataclass(frozen=True, slots=True)
class Pair:
    """Two secrets, and what is stored in their place."""

    access_token: str
    refresh_token: str
    stored: NewTokens


class TokenPairs:
    def __init__(self, settings: OAuthSettings, key: ServerKey, clock: Clock, entropy: Entropy) -> None:
        self._settings = settings
        self._key = key
        self._clock = clock
        self._entropy = entropy

    def first(self) -> Pair:
        """The pair with which a grant begins."""
        return self._pair(mint(Kind.REFRESH, self._entropy))

    def after(self, refresh_token: str) -> Pair:
        """The pair that this refresh token is exchanged for: its own successor, whoever asks and how often."""
        return self._pair(successor(self._key, refresh_token))

    def told(self, pair: Pair, issued: Issued) -> dict[str, object]:
        """https://www.rfc-editor.org/rfc/rfc6749#section-5.1. The lifetime is whole seconds: some clients refuse others."""
        left = issued.access_expires_at - self._clock.now()
        return {
            "access_token": pair.access_token,
            "token_type": "Bearer",
            "expires_in": max(0, left // timedelta(seconds=1)),
            "refresh_token": pair.refresh_token,
            "scope": issued.scope,
        }

    def _pair(self, refresh_token: str) -> Pair:
        access_token, now = mint(Kind.ACCESS, self._entropy), self._clock.now()
        stored = NewTokens(
            access_hash=digest(access_token),
            access_expires_at=now + timedelta(seconds=self._settings.access_token_s),
            refresh_hash=digest(refresh_token),
            refresh_expires_at=now + self._settings.refresh_idle,
        )
        return Pair(access_token, refresh_token, stored)
