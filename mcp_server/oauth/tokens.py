"""Owns what tokens, codes and other one-time secrets look like, and how one refresh token follows from another. Pure.

Opaque: 256 random bits say nothing to whoever finds one. Only SHA-256 digests are ever stored, which for random input of that
length is as good as any slow hash. The next refresh token is worked out from the present one and the server's key, so that a
client that asks twice, or two processes that race, are given the same successor and the chain stays a line.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from enum import StrEnum
from typing import NewType

from skillport_sync.ports import Entropy

ServerKey = NewType("ServerKey", bytes)
"""32 random bytes, made once per service and kept in state.db. Never leaves the process."""
Digest = NewType("Digest", bytes)
"""SHA-256 of a secret: what is stored, and what it is found by."""

SECRET_BYTES = 32
MAX_SECRET_CHARS = 200
"""Nothing longer was ever minted here: it is refused before it is hashed."""


class Kind(StrEnum):
    """What a secret is for. The value is its prefix, so that a token found in a file can be recognised, and revoked."""

    ACCESS = "sp_at_"
    REFRESH = "sp_rt_"
    CODE = "sp_ac_"
    TRANSACTION = "sp_tx_"
    BROWSER = "sp_br_"
    FORM = "sp_fm_"
    STATE = "sp_st_"


def mint(kind: Kind, entropy: Entropy) -> str:
    """A new secret of this kind."""
    return kind + _text(entropy.token_bytes(SECRET_BYTES))


def nameless(entropy: Entropy) -> str:
    """As many random bits in 43 characters that need no escaping, for others to keep: a nonce, a verifier for a provider."""
    return _text(entropy.token_bytes(SECRET_BYTES))


def is_kind(kind: Kind, secret: str) -> bool:
    """Whether this could have been minted here as that kind: what looks otherwise need not be looked up."""
    return secret.startswith(kind) and len(secret) <= MAX_SECRET_CHARS and secret.isascii()


def digest(secret: str) -> Digest:
    """What to store, or look up, in place of the secret. Total: whatever text is sent has a digest."""
    return Digest(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest())


def successor(key: ServerKey, refresh_token: str) -> str:
    """The refresh token that replaces this one: always the same, and unknowable without the key."""
    derived = hmac.digest(key, b"refresh-next" + refresh_token.encode("utf-8", "surrogatepass"), "sha256")
    return Kind.REFRESH + _text(derived)


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not depend on where they differ. Any text may be compared."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def opens(secret: str | None, stored: bytes) -> bool:
    """Whether this is the secret whose digest was stored. None is nobody's."""
    return secret is not None and hmac.compare_digest(digest(secret), stored)


def challenge_of(verifier: str) -> str:
    """The S256 code challenge of a PKCE verifier: https://www.rfc-editor.org/rfc/rfc7636#section-4.2."""
    return _text(hashlib.sha256(verifier.encode("ascii", "replace")).digest())


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")
