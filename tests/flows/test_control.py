"""A command asks the service beside it over a socket that only its own user may open."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from skillport_sync.control import ControlClient, ControlServer, connect
from skillport_sync.control import server as server_module
from skillport_sync.control.server import Handler
from skillport_sync.errors import (
    Broken,
    Conflict,
    Denied,
    Invalid,
    Missing,
    RateLimited,
    SkillportError,
    Unauthenticated,
    Unavailable,
)
from skillport_sync.reports import JsonObject

SOON_S = 10.0


async def ping(_: JsonObject) -> JsonObject:
    return {}


async def echo(arguments: JsonObject) -> JsonObject:
    return {"said": arguments}


async def count(arguments: JsonObject) -> AsyncGenerator[JsonObject, None]:
    upto = arguments["upto"]
    assert isinstance(upto, int)
    for number in range(upto):
        yield {"number": number}
    if arguments.get("then") == "fail":
        raise Missing("there is no more", code="no_more")
    if arguments.get("then") == "break":
        raise RuntimeError("hush")


HANDLERS: Mapping[str, Handler] = {"ping": ping, "echo": echo, "count": count}


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory whose path is surely short enough."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def open_to(path: Path, mode: int) -> None:
    path.chmod(mode)


def is_there(path: Path) -> bool:
    return path.exists()


@pytest.fixture
def long_path(tmp_path: Path) -> Path:
    """A directory whose socket would have a path too long for a socket."""
    path = tmp_path / ("d" * 60) / ("e" * 60)
    path.mkdir(parents=True)
    return path


# --- answers -----------------------------------------------------------------------------------------------------------------


async def test_a_question_is_answered(tmp_path: Path) -> None:
    async with ControlServer(HANDLERS).on(tmp_path):
        assert await ControlClient(tmp_path).call("echo", {"a": [1, None, "é"]}) == {"said": {"a": [1, None, "é"]}}


async def test_an_answer_in_parts_comes_part_by_part(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def wait(_: JsonObject) -> AsyncGenerator[JsonObject, None]:
        yield {"before": True}
        await released.wait()
        yield {"after": True}

    async with ControlServer({"wait": wait}).on(tmp_path), asyncio.timeout(SOON_S):
        parts = ControlClient(tmp_path).stream("wait", {})
        assert await anext(parts) == {"before": True}
        released.set()
        assert [part async for part in parts] == [{"after": True}]


async def test_many_parts_all_come_in_order(tmp_path: Path) -> None:
    async with ControlServer(HANDLERS).on(tmp_path):
        parts = [part["number"] async for part in ControlClient(tmp_path).stream("count", {"upto": 5000})]
    assert parts == list(range(5000))


async def test_a_question_is_answered_while_another_answer_is_under_way(tmp_path: Path) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slow(_: JsonObject) -> JsonObject:
        asked.set()
        await answered.wait()
        return {"slow": True}

    async with (
        ControlServer({**HANDLERS, "slow": slow}).on(tmp_path),
        asyncio.timeout(SOON_S),
        asyncio.TaskGroup() as group,
    ):
        waiting = group.create_task(ControlClient(tmp_path).call("slow", {}))
        await asked.wait()
        assert await ControlClient(tmp_path).call("echo", {}) == {"said": {}}
        answered.set()
    assert waiting.result() == {"slow": True}


async def test_while_there_is_nothing_to_say_a_heartbeat_says_that_somebody_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "HEARTBEAT_S", 0.001)
    heard = asyncio.Event()

    async def wait(_: JsonObject) -> AsyncGenerator[JsonObject, None]:
        await heard.wait()
        yield {"number": 1}

    async with ControlServer({"wait": wait}).on(tmp_path) as path, asyncio.timeout(SOON_S):
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
            session.post("http://service/wait", data=b"{}") as response,
        ):
            assert await response.content.readline() == b"\n"
            assert await response.content.readline() == b"\n"
            heard.set()
            rest = await response.read()
        assert rest.strip().endswith(b'{"end":true}')
        heard.set()
        assert [part async for part in ControlClient(tmp_path).stream("wait", {})] == [{"number": 1}]


async def test_whoever_stops_listening_ends_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "HEARTBEAT_S", 0.001)
    ended = asyncio.Event()

    async def endless(_: JsonObject) -> AsyncGenerator[JsonObject, None]:
        try:
            yield {"number": 1}
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with ControlServer({"endless": endless}).on(tmp_path), asyncio.timeout(SOON_S):
        parts = ControlClient(tmp_path).stream("endless", {})
        await anext(parts)
        await parts.aclose()
        await ended.wait()


# --- errors ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        *(kind("what is wrong: what to do", code="some_code") for kind in (Invalid, Denied, Missing, Conflict, Broken)),
        Unauthenticated("sign in"),
        Unavailable("later", retry_after_s=3.5),
        RateLimited("much later", retry_after_s=None),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_arrives_as_it_was_raised(tmp_path: Path, error: SkillportError) -> None:
    async def fail(_: JsonObject) -> JsonObject:
        raise error

    async with ControlServer({"fail": fail}).on(tmp_path):
        with pytest.raises(SkillportError) as raised:
            await ControlClient(tmp_path).call("fail", {})
    assert type(raised.value) is type(error)
    assert (raised.value.code, raised.value.message) == (error.code, error.message)
    assert getattr(raised.value, "retry_after_s", None) == getattr(error, "retry_after_s", None)


async def test_an_error_of_a_kind_of_its_own_arrives_as_the_kind_it_belongs_to(tmp_path: Path) -> None:
    class TooMany(Conflict):
        default_code = "too_many"

    async def fail(_: JsonObject) -> JsonObject:
        raise TooMany("too many")

    async with ControlServer({"fail": fail}).on(tmp_path):
        with pytest.raises(Conflict) as raised:
            await ControlClient(tmp_path).call("fail", {})
    assert raised.value.code == "too_many"


async def test_an_error_after_some_parts_arrives_after_those_parts(tmp_path: Path) -> None:
    async with ControlServer(HANDLERS).on(tmp_path):
        parts = ControlClient(tmp_path).stream("count", {"upto": 2, "then": "fail"})
        assert [await anext(parts), await anext(parts)] == [{"number": 0}, {"number": 1}]
        with pytest.raises(Missing, match="there is no more"):
            await anext(parts)


@pytest.mark.parametrize("in_parts", [False, True])
async def test_what_nobody_expected_is_told_by_number_and_logged_under_it(tmp_path: Path, in_parts: bool) -> None:
    async def fail(_: JsonObject) -> JsonObject:
        raise RuntimeError("hush")

    async with ControlServer({**HANDLERS, "fail": fail}).on(tmp_path):
        client = ControlClient(tmp_path)
        parts = client.stream("count", {"upto": 0, "then": "break"})
        with capture_logs() as logs, pytest.raises(Broken) as raised:
            await (anext(parts) if in_parts else client.call("fail", {}))
    (logged,) = [entry for entry in logs if entry["event"] == "control_request_failed"]
    assert logged["error_id"] in raised.value.message
    assert "hush" not in raised.value.message


async def test_a_command_that_the_service_does_not_know_says_which_it_knows(tmp_path: Path) -> None:
    async with ControlServer(HANDLERS).on(tmp_path):
        with pytest.raises(Invalid, match=r"does not know 'dance', only count, echo, ping"):
            await ControlClient(tmp_path).call("dance", {})


@pytest.mark.parametrize("body", [b"not json", b"[1]", b'"text"'])
async def test_arguments_that_are_no_object_are_refused(tmp_path: Path, body: bytes) -> None:
    async with (
        ControlServer(HANDLERS).on(tmp_path) as path,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.post("http://service/echo", data=body) as response,
    ):
        assert response.status == 400
        assert (await response.json())["error"]["kind"] == "invalid"


async def test_a_service_that_stops_in_between_is_told_from_an_answer_that_ended(tmp_path: Path) -> None:
    async def wait(_: JsonObject) -> AsyncGenerator[JsonObject, None]:
        yield {"number": 1}
        await asyncio.Event().wait()

    async with asyncio.timeout(SOON_S):
        async with ControlServer({"wait": wait}).on(tmp_path):
            parts = ControlClient(tmp_path).stream("wait", {})
            await anext(parts)
        with pytest.raises(Unavailable) as raised:
            await anext(parts)
    assert raised.value.code == "service_left"


# --- the socket --------------------------------------------------------------------------------------------------------------


async def test_without_a_service_there_is_nobody_to_ask(tmp_path: Path) -> None:
    assert await connect(tmp_path) is None
    assert await connect(tmp_path / "not" / "there") is None
    with pytest.raises(Unavailable) as raised:
        await ControlClient(tmp_path).call("ping", {})
    assert raised.value.code == "service_not_running"


def left_over(path: Path) -> None:
    """A socket file whose process died."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


async def test_a_socket_left_over_means_nobody_and_is_replaced(tmp_path: Path) -> None:
    left_over(tmp_path / "control.sock")
    assert await connect(tmp_path) is None
    async with ControlServer(HANDLERS).on(tmp_path):
        assert await connect(tmp_path) is not None
    assert await connect(tmp_path) is None
    assert names_in(tmp_path) == []


async def test_only_the_services_own_user_may_open_the_socket(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with ControlServer(HANDLERS).on(tmp_path) as path:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert path == tmp_path / "control.sock"
        assert os.umask(0) == 0
    finally:
        os.umask(before)


async def test_what_is_no_socket_is_not_removed_from_its_place(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("precious")
    with pytest.raises(Conflict, match="in the way"):
        async with ControlServer(HANDLERS).on(tmp_path):
            pass
    assert (tmp_path / "control.sock").read_text() == "precious"


async def test_a_path_too_long_for_a_socket_is_stood_in_for_by_a_private_one(long_path: Path) -> None:
    async with ControlServer(HANDLERS).on(long_path) as path:
        assert path.parent.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert (long_path / "control.path").read_text() == str(path)
        assert await ControlClient(long_path).call("echo", {}) == {"said": {}}
    assert not is_there(path.parent)
    assert names_in(long_path) == []


async def test_a_stand_in_left_over_is_cleaned_away(long_path: Path) -> None:
    old = Path(tempfile.mkdtemp())
    left_over(old / "control.sock")
    (long_path / "control.path").write_text(str(old / "control.sock"))
    assert await connect(long_path) is None
    async with ControlServer(HANDLERS).on(long_path):
        assert not is_there(old)
        assert await connect(long_path) is not None


@pytest.mark.parametrize(("mode", "believed"), [(0o700, True), (0o755, False), (0o777, False)])
async def test_a_stand_in_is_believed_only_where_nobody_else_may_write(
    long_path: Path, short_path: Path, mode: int, believed: bool
) -> None:
    open_to(short_path, mode)
    async with ControlServer(HANDLERS).on(short_path) as path:
        (long_path / "control.path").write_text(str(path))
        assert (await connect(long_path) is not None) is believed
