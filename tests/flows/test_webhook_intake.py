"""What a body may cost: how large, how slow, and how much of them together, each to the byte."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol

from webhooks.intake import MIB, SMALL_BYTES, Account, IncomingBody, Limits
from webhooks.refusals import BODY_TOO_LARGE, BODY_TOO_SLOW, BODY_UNREADABLE, RECEIVER_BUSY, Refusal


def a_stream(*chunks: bytes, ends: bool = True) -> StreamReader:
    """A body as aiohttp hands it over."""
    loop = asyncio.get_running_loop()
    connection = BaseProtocol(loop)
    connection.connection_made(asyncio.Transport())
    stream = StreamReader(connection, 2**30, loop=loop)
    for chunk in chunks:
        stream.feed_data(chunk)
    if ends:
        stream.feed_eof()
    return stream


async def read(stream: StreamReader, account: Account, limits: Limits) -> tuple[bytes | Refusal, int]:
    """What came of it, and what all bodies held together when it did."""
    with IncomingBody(stream, account, limits) as incoming:
        return await incoming.read(), account.held_bytes


def test_the_limits_leave_room_for_all_that_github_sends_within_the_time_it_waits() -> None:
    # 25 MB and 10 s: https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
    assert Limits() == Limits(body_bytes=27_262_976, body_deadline_s=10.0, held_bytes=67_108_864, record_deadline_s=8.0)
    assert SMALL_BYTES == MIB == 1_048_576


@pytest.mark.parametrize(
    ("held", "body", "more", "has_room"),
    [
        # Of 8 MiB, six for any body, the whole for small ones.
        (2 * MIB, MIB, 4 * MIB, True),
        (2 * MIB, MIB, 4 * MIB + 1, False),
        (6 * MIB, 2 * MIB, 0, True),
        (6 * MIB, 2 * MIB, 1, False),
        # One is small while it has a MiB at most, however it came.
        (7 * MIB, 0, MIB, True),
        (7 * MIB, MIB - 1, 1, True),
        (7 * MIB, MIB, 1, False),
        (7 * MIB, MIB - 1, 2, False),
        (7 * MIB + 1, 0, MIB, False),
        (8 * MIB, 1, 0, True),
        (8 * MIB, 1, 1, False),
        # The only one there always may.
        (0, 0, 9 * MIB, True),
        (3 * MIB, 3 * MIB, 9 * MIB, True),
    ],
)
def test_large_bodies_have_three_quarters_and_small_ones_all(held: int, body: int, more: int, has_room: bool) -> None:
    account = Account(8 * MIB)
    account.held_bytes = held
    assert account.has_room_for(body, more) is has_room


async def test_a_body_is_whole_and_on_the_account_until_it_is_let_go() -> None:
    account = Account(100)
    assert account.held_bytes == 0
    account.held_bytes = 5  # of another
    with IncomingBody(a_stream(b"one ", b"two ", b"three"), account, Limits()) as incoming:
        assert await incoming.read() == b"one two three"
        assert account.held_bytes == 5 + 13
    assert account.held_bytes == 5


@pytest.mark.parametrize(("size_bytes", "is_taken"), [(0, True), (9, True), (10, True), (11, False)])
async def test_a_body_may_be_as_large_as_the_limit(size_bytes: int, is_taken: bool) -> None:
    for parts in ([b"x" * size_bytes], [b"x"] * size_bytes):
        account = Account(100)
        came, _ = await read(a_stream(*parts), account, Limits(body_bytes=10))
        assert came == (b"x" * size_bytes if is_taken else BODY_TOO_LARGE)
        assert account.held_bytes == 0


async def test_what_is_refused_was_never_on_the_account() -> None:
    account = Account(100)
    account.held_bytes = 60
    assert await read(a_stream(b"x" * 41), account, Limits()) == (RECEIVER_BUSY, 60)
    assert await read(a_stream(b"x" * 40), account, Limits()) == (b"x" * 40, 100)
    assert await read(a_stream(b"x" * 11), account, Limits(body_bytes=10)) == (BODY_TOO_LARGE, 60)
    assert account.held_bytes == 60


async def test_a_body_that_does_not_end_is_given_up_and_let_go() -> None:
    account = Account(100)
    stream = a_stream(b"a beginning", ends=False)
    async with asyncio.timeout(5):
        assert await read(stream, account, Limits(body_deadline_s=0.01)) == (BODY_TOO_SLOW, 11)
    assert account.held_bytes == 0


@pytest.mark.parametrize("error", [web.RequestPayloadError("framing"), ConnectionResetError("gone")])
async def test_a_body_that_breaks_off_is_refused_and_let_go(error: Exception) -> None:
    account = Account(100)
    stream = a_stream(b"a beginning", ends=False)
    with IncomingBody(stream, account, Limits()) as incoming:
        reading = asyncio.ensure_future(incoming.read())
        for _ in itertools.takewhile(lambda _: not account.held_bytes, range(100)):
            await asyncio.sleep(0)
        stream.set_exception(error)
        async with asyncio.timeout(5):
            assert await reading == BODY_UNREADABLE
    assert account.held_bytes == 0


async def test_an_error_that_is_ours_is_not_hidden() -> None:
    account = Account(100)
    stream = a_stream()
    stream.set_exception(RuntimeError("ours"))
    with pytest.raises(RuntimeError, match="ours"):
        await read(stream, account, Limits())
