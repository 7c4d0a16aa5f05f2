"""Owns the reading of a provider's signing keys: which of a JWK set may be believed. Pure.

https://www.rfc-editor.org/rfc/rfc7517. A set with strangers in it (keys to encrypt with, new kinds, broken ones) is still good
for the keys that are understood; only a set without any is of no use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from mcp_server.identity.metadata import Useless

MAX_KEYS: Final = 100
"""Entra, which has most, publishes about a dozen."""

_RSA_CHARS: Final = range(342, 1367)
"""Length of a modulus in base64url: 2048 to 8192 bits. Shorter ones are too weak, longer ones only slow."""


def parse(document: Mapping[str, object]) -> KeySet | Useless:
    """The keys that a signature may be checked with. Never raises."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        return Useless("it has no list of keys")
    keys = [key for key in map(_key, listed[:MAX_KEYS]) if key is not None]
    return KeySet(list(keys)) if keys else Useless("it has no key that signs with RSA or P-256")


def _key(listed: object) -> RSAKey | ECKey | None:
    if not isinstance(listed, dict) or listed.get("use", "sig") != "sig":
        return None
    # The public members alone: whatever else a document holds, nothing here can be made to sign.
    members = {name: listed[name] for name in ("kty", "kid", "alg", "use", "n", "e", "crv", "x", "y") if name in listed}
    if not all(isinstance(value, str) for value in members.values()):
        return None
    try:
        if members.get("kty") == "RSA" and len(members.get("n", "").rstrip("=")) in _RSA_CHARS:
            return RSAKey.import_key(members)
        if members.get("kty") == "EC" and members.get("crv") == "P-256":
            return ECKey.import_key(members)
    except (JoseError, ValueError, TypeError, ArithmeticError):
        return None
    return None
