"""Owns the form of what a client is told that asked for something wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OAuthError:
    """``error`` is one of the codes that RFC 6749, 7591, 8707 and 9101 know, ``description`` a sentence in plain ASCII."""

    error: str
    description: str
    status: int = 400
