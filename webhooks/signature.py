"""Owns the question whether a body was sent by somebody who knows the webhook's secret.

PURE. GitHub signs the raw body, urlencoded ones included: ``X-Hub-Signature-256: sha256=`` and 64 hex digits of
HMAC-SHA256 (https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries). The older SHA-1 header is
never looked at. Never reads what the body says: that is ``delivery``'s, and only of a ``VerifiedBody``.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from enum import StrEnum

from skillport_sync.errors import Invalid

HEADER = "X-Hub-Signature-256"

_WELL_FORMED = re.compile(r"sha256=([0-9a-f]{64})")
_SEAL = object()


class BadSignature(StrEnum):
    """Why a body is not believed. Values are stable codes."""

    MISSING = "signature_missing"
    MALFORMED = "signature_malformed"
    MISMATCH = "signature_mismatch"


@dataclass(frozen=True, slots=True)
class VerifiedBody:
    """A body whose sender knows a secret. Comes from ``verify`` and from nowhere else."""

    content: bytes = field(repr=False)
    secret_index: int
    """Which of the secrets it was signed with, 0 being the current one: once nothing arrives under 1, the old one can go."""
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only verify() makes a VerifiedBody")


def usable_secrets(secrets: Sequence[bytes]) -> tuple[bytes, ...]:
    """The secrets, current one first, when each of them keeps somebody out.

    Raises:
        Invalid: there is none, or one is empty (everybody can sign with an empty key), or one is there twice.
    """
    if not secrets:
        raise Invalid(
            "The webhook has no secret, so anybody could send deliveries. Name a file in github.webhook_secret_files.",
            code="webhook_secret_missing",
        )
    if not all(secrets):
        raise Invalid("A webhook secret is empty. Put a long random text into its file.", code="webhook_secret_empty")
    if len(set(secrets)) != len(secrets):
        raise Invalid(
            "Two webhook secrets are the same. For a rotation name the new one first, then the old one.",
            code="webhook_secret_repeated",
        )
    return tuple(secrets)


def claimed_digest(header: str | None) -> bytes | BadSignature:
    """The 32 bytes that the header claims. Costs nothing, so it is asked before a body is read at all."""
    if header is None:
        return BadSignature.MISSING
    # compare_digest raises on non-ASCII text and bytes.fromhex skips blanks: neither is shown anything but 64 hex digits.
    match = _WELL_FORMED.fullmatch(header)
    return bytes.fromhex(match[1]) if match else BadSignature.MALFORMED


def verify(body: bytes, header: str | None, secrets: Sequence[bytes]) -> VerifiedBody | BadSignature:
    """The body, believed, when ``header`` is its HMAC under one of ``secrets``. Compared in constant time. Never raises."""
    claimed = claimed_digest(header)
    if isinstance(claimed, BadSignature):
        return claimed
    for index, secret in enumerate(secrets):
        if hmac.compare_digest(hmac.digest(secret, body, "sha256"), claimed):
            return VerifiedBody(body, index, _SEAL)
    return BadSignature.MISMATCH
