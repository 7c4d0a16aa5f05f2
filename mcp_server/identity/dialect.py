"""Owns what OpenID providers differ in, as a protocol: where they are found, what they are asked, and whom their claims mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mcp_server.identity.id_token import Claims
from mcp_server.identity.metadata import Metadata
from mcp_server.identity.provider import Identity, Refused


class Dialect(Protocol):
    """One kind of OpenID provider, configured. Pure, all of it: ``openid`` does the talking."""

    @property
    def name(self) -> str: ...

    @property
    def preset(self) -> str: ...

    @property
    def authority(self) -> str:
        """Below which the discovery document is found."""
        ...

    @property
    def announced_issuer(self) -> str:
        """What that document has to call itself."""
        ...

    @property
    def callback_issuer(self) -> str | None:
        """What ``iss`` at the callback has to be, where there is one; None where several issuers share an address."""
        ...

    def scope(self, announced: Metadata) -> str: ...

    def parameters(self, announced: Metadata) -> Mapping[str, str]:
        """What the person is sent there with, beside what every client sends."""
        ...

    def issuer_of(self, claims: Claims) -> str:
        """The only issuer that a token with these claims may have; empty where there is none. Never raises."""
        ...

    def lacks(self, claims: Claims) -> bool:
        """Whether the userinfo endpoint may know something that these claims do not say."""
        ...

    def person(self, claims: Claims) -> Identity | Refused:
        """Who these verified claims mean, if they may come in. Never raises."""
        ...
