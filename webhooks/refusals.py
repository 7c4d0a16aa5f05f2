"""Owns every way in which a request is not taken: its status, its words, and one line of log a second at most.

Status codes of this surface stand here and nowhere else. A refusal never quotes the request: its sender has proved nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from webhooks.delivery import NotADelivery
from webhooks.signature import BadSignature

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """``code`` is stable, ``error`` a short title, ``message`` says what to do."""

    status: int
    code: str
    error: str
    message: str
    headers: Mapping[str, str] | None = None


METHOD_NOT_ALLOWED = Refusal(
    405, "method_not_allowed", "Method not allowed", "Deliveries come as POST.", {"Allow": "POST"}
)
CONTENT_ENCODING = Refusal(
    415, "content_encoding_unsupported", "Unsupported media type", "Send the body as it was signed, not compressed."
)
BODY_TOO_LARGE = Refusal(413, "body_too_large", "Body too large", "GitHub delivers 25 MB at most, this is more.")
BODY_TOO_SLOW = Refusal(408, "body_too_slow", "Request timeout", "The body did not arrive in time. Redeliver it.")
BODY_UNREADABLE = Refusal(400, "body_unreadable", "Bad request", "The body ended early or its framing is broken.")
OTHER_GITHUB = Refusal(
    400,
    "other_github",
    "Bad request",
    "X-GitHub-Enterprise-Host names another GitHub than this address is for. Each has an address of its own.",
)
RECEIVER_BUSY = Refusal(
    503, "receiver_busy", "Busy", "Too much is arriving at once. Redeliver it in a moment.", {"Retry-After": "10"}
)
NOT_STORED = Refusal(
    503,
    "delivery_not_stored",
    "Not stored",
    "The delivery could not be written down, so it was not taken. Redeliver it once the server's disk is well.",
    {"Retry-After": "60"},
)

_UNSIGNED = "Unauthenticated"
_BAD_REQUEST = "Bad request"
_BECAUSE: Mapping[NotADelivery | BadSignature, Refusal] = {
    because: Refusal(status, str(because), error, message)
    for because, status, error, message in (
        (NotADelivery.EVENT, 400, _BAD_REQUEST, "X-GitHub-Event is missing or malformed. Only GitHub posts here."),
        (NotADelivery.GUID, 400, _BAD_REQUEST, "X-GitHub-Delivery is missing or malformed. Only GitHub posts here."),
        (
            NotADelivery.CONTENT_TYPE,
            415,
            "Unsupported media type",
            "Set the webhook's content type to application/json (application/x-www-form-urlencoded is taken too).",
        ),
        (NotADelivery.NOT_FORM, 400, _BAD_REQUEST, "The form has to have exactly one field named payload."),
        (NotADelivery.NOT_JSON, 400, _BAD_REQUEST, "The payload is not JSON, or is nested too deeply."),
        (NotADelivery.NOT_AN_OBJECT, 400, _BAD_REQUEST, "The payload has to be a JSON object."),
        (
            BadSignature.MISSING,
            401,
            _UNSIGNED,
            "X-Hub-Signature-256 is missing. Set a secret on the webhook; a SHA-1 signature alone is not accepted.",
        ),
        (
            BadSignature.MALFORMED,
            401,
            _UNSIGNED,
            "X-Hub-Signature-256 has to be sha256= followed by 64 lower-case hex digits.",
        ),
        (
            BadSignature.MISMATCH,
            401,
            _UNSIGNED,
            "The signature does not match. The webhook's secret and the one configured here differ.",
        ),
    )
}


def refusal_of(because: NotADelivery | BadSignature) -> Refusal:
    return _BECAUSE[because]


class RefusalLog:
    """Says that requests were refused: the first one at once, those of the next second together in one line, and so on.

    A flood must not fill the log. Belongs to the loop's thread.
    """

    def __init__(self, interval_s: float = 1.0) -> None:
        self._interval_s = interval_s
        self._untold: Counter[str] = Counter()
        self._last: Mapping[str, object] = {}
        self._silence: asyncio.TimerHandle | None = None

    def add(self, refusal: Refusal, **facts: object) -> None:
        """Count one. Where several share a line, ``facts`` are the last one's."""
        self._untold[refusal.code] += 1
        self._last = facts
        if self._silence is None:
            self._tell()

    def _tell(self) -> None:
        self._silence = None
        if self._untold:
            log.warning("deliveries_refused", count=self._untold.total(), codes=dict(self._untold), **self._last)
            self._untold.clear()
            self._silence = asyncio.get_running_loop().call_later(self._interval_s, self._tell)
