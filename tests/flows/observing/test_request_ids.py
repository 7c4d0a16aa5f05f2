"""Every line that is logged while a request is answered says which request that was."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import structlog
from aiohttp import web

from skillport_sync.config import LogSettings
from skillport_sync.listener import bind, site
from skillport_sync.log import configure_logging
from skillport_sync.observing.tally import Tally

log = structlog.get_logger()


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    level = root.level
    configure_logging(LogSettings("info", "json"), stream)
    yield stream
    root.setLevel(level)
    root.handlers[:] = [handler for handler in root.handlers if type(handler).__module__ != "skillport_sync.log"]


async def answer(request: web.Request) -> web.Response:
    log.info("asked", by="loop")
    await asyncio.to_thread(log.info, "asked", by="thread")
    logging.getLogger("some.library").warning("asked")
    return web.Response(status=int(request.match_info["status"]))


async def forbid(_request: web.Request) -> web.Response:
    raise web.HTTPForbidden


refusals = Tally(2)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    listener = bind("127.0.0.1", 0)
    routes = [web.get("/answer/{status}", answer), web.get("/forbidden", forbid)]
    async with (
        site(
            listener,
            routes,
            max_body_bytes=99,
            header_timeout_s=9,
            keepalive_s=9,
            drain_s=1,
            on_refused=refusals.add,
        ),
        aiohttp.ClientSession(listener.url) as session,
    ):
        yield session


def ids(written: io.StringIO) -> list[str]:
    return [json.loads(line)["request_id"] for line in written.getvalue().splitlines()]


async def test_all_lines_of_one_request_have_one_id_and_the_next_has_another(
    written: io.StringIO, http: aiohttp.ClientSession
) -> None:
    for _ in range(2):
        async with http.get("/answer/200") as answered:
            assert "X-Request-Id" not in answered.headers
    first, second = ids(written)[:3], ids(written)[3:]
    assert len(set(first)) == len(set(second)) == 1
    assert len(second) == 3
    assert first[0] != second[0]


async def test_requests_at_the_same_time_keep_their_ids(written: io.StringIO, http: aiohttp.ClientSession) -> None:
    async def ask(name: str) -> str:
        async with http.get("/answer/200", headers={"X-Request-Id": name}) as answered:
            return answered.headers["X-Request-Id"]

    names = [f"request-{at}" for at in range(20)]
    assert await asyncio.gather(*map(ask, names)) == names
    assert sorted(ids(written)) == sorted(names * 3)


@pytest.mark.parametrize(
    "given",
    ["a b", "", "x" * 129, "-dash-first", 'quote"', "späße", "<script>"],
    ids=lambda given: given[:8] or "empty",
)
async def test_an_id_that_may_not_stand_in_a_log_is_replaced(
    written: io.StringIO, http: aiohttp.ClientSession, given: str
) -> None:
    async with http.get("/answer/200", headers={"X-Request-Id": given}) as answered:
        assert "X-Request-Id" not in answered.headers
    assert given not in ids(written)
    assert len(set(ids(written))) == 1


async def test_whoever_is_refused_is_told_the_id_to_ask_about(
    written: io.StringIO, http: aiohttp.ClientSession
) -> None:
    async with http.get("/answer/503") as refused:
        assert refused.headers["X-Request-Id"] == ids(written)[0]
    async with http.get("/forbidden") as refused:
        assert refused.headers["X-Request-Id"] not in ids(written)
    told = dict(refusals.read())
    assert (told["/answer/{status}", "503"], told["/forbidden", "403"]) == (1, 1)
    assert not [status for _, status in told if status < "400"]


async def test_a_secret_that_was_sent_as_an_id_is_not_logged(written: io.StringIO, http: aiohttp.ClientSession) -> None:
    async with http.get("/answer/200", headers={"X-Request-Id": "ghp_" + "a" * 36}):
        pass
    assert "aaaa" not in written.getvalue()
