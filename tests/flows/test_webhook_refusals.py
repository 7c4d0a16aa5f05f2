"""What a refused sender is told, word for word where somebody may depend on it, and how seldom the log speaks of it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from webhooks.delivery import NotADelivery
from webhooks.refusals import (
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    BODY_UNREADABLE,
    CONTENT_ENCODING,
    METHOD_NOT_ALLOWED,
    NOT_STORED,
    OTHER_GITHUB,
    RECEIVER_BUSY,
    Refusal,
    RefusalLog,
    refusal_of,
)
from webhooks.signature import BadSignature

TOLD = (
    (METHOD_NOT_ALLOWED, 405, "method_not_allowed", "Method not allowed", "as POST", {"Allow": "POST"}),
    (CONTENT_ENCODING, 415, "content_encoding_unsupported", "Unsupported media type", "not compressed", None),
    (OTHER_GITHUB, 400, "other_github", "Bad request", "names another GitHub", None),
    (BODY_TOO_LARGE, 413, "body_too_large", "Body too large", "25 MB at most", None),
    (BODY_TOO_SLOW, 408, "body_too_slow", "Request timeout", "did not arrive in time", None),
    (BODY_UNREADABLE, 400, "body_unreadable", "Bad request", "ended early", None),
    (RECEIVER_BUSY, 503, "receiver_busy", "Busy", "Too much is arriving", {"Retry-After": "10"}),
    (NOT_STORED, 503, "delivery_not_stored", "Not stored", "could not be written down", {"Retry-After": "60"}),
    (NotADelivery.EVENT, 400, "event_header_missing", "Bad request", "X-GitHub-Event is", None),
    (NotADelivery.GUID, 400, "delivery_header_missing", "Bad request", "X-GitHub-Delivery is", None),
    (NotADelivery.CONTENT_TYPE, 415, "content_type_unsupported", "Unsupported media type", "application/json", None),
    (NotADelivery.NOT_FORM, 400, "body_not_form", "Bad request", "one field named payload", None),
    (NotADelivery.NOT_JSON, 400, "body_not_json", "Bad request", "not JSON", None),
    (NotADelivery.NOT_AN_OBJECT, 400, "body_not_an_object", "Bad request", "a JSON object", None),
    (BadSignature.MISSING, 401, "signature_missing", "Unauthenticated", "X-Hub-Signature-256 is missing", None),
    (BadSignature.MALFORMED, 401, "signature_malformed", "Unauthenticated", "64 lower-case hex digits", None),
    (BadSignature.MISMATCH, 401, "signature_mismatch", "Unauthenticated", "does not match", None),
)


@pytest.mark.parametrize(("because", "status", "code", "error", "part", "headers"), TOLD, ids=[row[2] for row in TOLD])
def test_a_refusal_says_what_is_wrong_under_a_code_that_stays(
    because: Refusal | NotADelivery | BadSignature,
    status: int,
    code: str,
    error: str,
    part: str,
    headers: dict[str, str] | None,
) -> None:
    refusal = because if isinstance(because, Refusal) else refusal_of(because)
    assert (refusal.status, refusal.code, refusal.error, refusal.headers) == (status, code, error, headers)
    assert part in refusal.message
    assert refusal.message.endswith(".")


def test_every_reason_has_its_refusal() -> None:
    assert {row[0] for row in TOLD if not isinstance(row[0], Refusal)} == {*NotADelivery, *BadSignature}


# --- the log --------------------------------------------------------------------------------------------------------------------


class HurriedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to whatever is next, so that a second of silence costs nothing and is exact."""

    def __init__(self) -> None:
        self._at_s = 0.0
        self._real = selectors.DefaultSelector()
        super().__init__(self._real)
        self._jump_over(self._real)

    def time(self) -> float:
        return self._at_s

    def _jump_over(self, selector: selectors.BaseSelector) -> None:
        select: Callable[..., object] = selector.select

        def at_once(timeout: float | None = None) -> object:
            self._at_s += timeout or 0.0
            return select(0)

        selector.select = at_once  # type: ignore[assignment,method-assign]


@pytest.fixture
def hurried() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        yield runner


async def _until(at_s: float) -> None:
    loop = asyncio.get_running_loop()
    reached = asyncio.Event()
    loop.call_at(at_s, reached.set)
    await reached.wait()


def told(lines: list[EventDict]) -> list[tuple[int, dict[str, int]]]:
    assert {(line["event"], line["log_level"]) for line in lines} <= {("deliveries_refused", "warning")}
    return [(line["count"], line["codes"]) for line in lines]


def test_the_first_is_told_at_once_and_those_of_the_next_second_together(hurried: asyncio.Runner) -> None:
    async def story() -> None:
        refusals = RefusalLog()
        with capture_logs() as lines:
            refusals.add(METHOD_NOT_ALLOWED, guid="a")
            assert told(lines) == [(1, {"method_not_allowed": 1})]
            refusals.add(BODY_TOO_SLOW, guid="b")
            await _until(0.5)
            refusals.add(METHOD_NOT_ALLOWED, guid="c", github_event="push")
            refusals.add(BODY_TOO_SLOW)
            refusals.add(BODY_TOO_SLOW, guid="d")
            await _until(0.999)
            assert len(lines) == 1
            await _until(1.001)
            assert told(lines[1:]) == [(4, {"body_too_slow": 3, "method_not_allowed": 1})]
            assert (lines[0]["guid"], lines[1]["guid"]) == ("a", "d")
            assert "github_event" not in lines[1]
            refusals.add(METHOD_NOT_ALLOWED)
            await _until(1.999)
            assert len(lines) == 2
            await _until(2.001)
            assert told(lines[2:]) == [(1, {"method_not_allowed": 1})]

    hurried.run(story())


def test_a_quiet_second_is_not_told_and_the_next_refusal_is_told_at_once(hurried: asyncio.Runner) -> None:
    async def story() -> None:
        refusals = RefusalLog()
        with capture_logs() as lines:
            refusals.add(METHOD_NOT_ALLOWED)
            await _until(5.0)
            assert len(lines) == 1
            refusals.add(BODY_TOO_SLOW)
            assert told(lines) == [(1, {"method_not_allowed": 1}), (1, {"body_too_slow": 1})]

    hurried.run(story())
