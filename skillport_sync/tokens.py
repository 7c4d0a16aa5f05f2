"""Owns what a static API token looks like and how it is kept: shown once, stored as a hash.

A token is 256 random bits, so a plain SHA-256 of it is enough: there is nothing to guess that a slow hash would slow down.
The prefix lets secret scanners, and our own log redaction, know one when they see it.
"""

from __future__ import annotations

import base64
import hashlib
from typing import NewType

from skillport_sync.ports import Entropy

TokenHash = NewType("TokenHash", bytes)

PREFIX = "sps_"
_SECRET_BYTES = 32


def mint(entropy: Entropy) -> str:
    """A new token."""
    return PREFIX + base64.urlsafe_b64encode(entropy.token_bytes(_SECRET_BYTES)).decode("ascii").rstrip("=")


def hash_of(token: str) -> TokenHash:
    """What is stored and looked up in its place."""
    return TokenHash(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest())
