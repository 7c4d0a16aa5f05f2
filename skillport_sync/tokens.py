"""Owns what the service's own tokens look like and how they are kept: shown once, stored as a hash.

A token is 256 random bits, so a plain SHA-256 of it is enough: there is nothing to guess that a slow hash would slow down.
The prefix lets secret scanners, and our own log redaction, know one when they see it. What a client is given that somebody
signed in through is in ``mcp_server.oauth.tokens``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from enum import StrEnum
from typing import Final, NewType

from skillport_sync.ports import Entropy

TokenHash = NewType("TokenHash", bytes)

SECRET_CHARS: Final = 43
"""What stands behind the prefix: 32 bytes in base64url."""
_SECRET_BYTES: Final = 32
_SECRET: Final = re.compile(rf"[A-Za-z0-9_-]{{{SECRET_CHARS}}}")


class TokenKind(StrEnum):
    """What a token is for. The value is its prefix; none begins with another one."""

    API = "sps_"
    """Made by an operator, for a script or a machine. Good until it is revoked, or expires."""
    MINTED = "sp_api_"
    """Made by somebody who may ask, for what cannot sign in: scripts for minutes, Claude Code for months. Never for MCP."""
    INSTALL = "sp_in_"
    """One link: installs one skill, once."""
    EDIT = "sp_ed_"
    """One link: hands one skill out to be changed, once."""


def mint(entropy: Entropy, kind: TokenKind = TokenKind.API) -> str:
    """A new token."""
    return kind + base64.urlsafe_b64encode(entropy.token_bytes(_SECRET_BYTES)).decode("ascii").rstrip("=")


def is_well_formed(kind: TokenKind, text: str) -> bool:
    """Whether this could have been minted here as that kind: what looks otherwise need not be looked up."""
    return text.startswith(kind) and _SECRET.fullmatch(text, len(kind)) is not None


def hash_of(token: str) -> TokenHash:
    """What is stored and looked up in its place."""
    return TokenHash(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest())
