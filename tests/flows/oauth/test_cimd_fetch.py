"""The one request that strangers can cause: over real TLS to a real listener, which sees who connects and what is asked.

Where somebody must not be connected to, what counts is that nobody was, not what was answered.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mcp_server.oauth.cimd_fetch import CONCURRENCY, MAX_BYTES, DocumentFetcher, Fetched, HostNames, NotFetched

NAME = "apps.acme.example"
URL = f"https://{NAME}/client.json"
BODY = json.dumps({"client_id": URL}).encode()


def reply(body: bytes = BODY, *headers: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Host:
    """A TLS server for ``apps.acme.example`` on loopback that answers as it is told."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []
        self.answer: bytes | Callable[[asyncio.StreamWriter], Awaitable[None]] = reply()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if callable(self.answer):
                await self.answer(writer)
            else:
                writer.write(self.answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def resolve(self, name: str) -> list[tuple[str, int]]:
        assert name == NAME
        return [("127.0.0.1", self.port)]

    def fetcher(self, **changed) -> DocumentFetcher:
        """One that is let connect to loopback."""
        how = {"resolve": self.resolve, "is_allowed": lambda address: True, "tls": self.tls, **changed}
        return DocumentFetcher(**how)


def certificate(directory: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "host.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    host = Host()
    host.tls.load_verify_locations(path)
    server = await asyncio.start_server(host.converse, "127.0.0.1", 0, ssl=context)
    host.port = server.sockets[0].getsockname()[1]
    yield host
    server.close()
    server.close_clients() if hasattr(server, "close_clients") else None
    async with asyncio.timeout(5):
        await server.wait_closed()


async def test_a_document_is_fetched_with_nothing_but_the_question(host):
    host.answer = reply(BODY, "Cache-Control: public, max-age=300", "Set-Cookie: a=b")
    fetch = host.fetcher()
    for _ in range(2):
        assert await fetch(URL) == Fetched(BODY, 300)
    assert host.connections == 2, "a connection was used again"
    for request in host.requests:
        head = request.decode().lower()
        assert head.startswith(f"get /client.json http/1.1\r\nhost: {NAME}\r\n")
        assert "accept-encoding: identity\r\n" in head
        assert "cookie" not in head
        assert "authorization" not in head
        assert "referer" not in head


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fd00::1"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        [],
    ],
)
async def test_nobody_is_connected_to_unless_every_address_is_public(host, addresses):
    async def resolve(name: str) -> list[tuple[str, int]]:
        return [(address, host.port) for address in addresses]

    async with asyncio.timeout(5):
        assert await DocumentFetcher(resolve=resolve, tls=host.tls)(URL) == NotFetched("address_not_public")
    assert host.connections == 0


async def test_a_name_is_resolved_once_and_what_it_says_later_does_not_count(host):
    asked = []

    async def resolve(name: str) -> list[tuple[str, int]]:
        asked.append(name)
        return [("127.0.0.1", host.port)] if len(asked) == 1 else [("192.0.2.1", 9)]

    assert isinstance(await host.fetcher(resolve=resolve)(URL), Fetched)
    assert asked == [NAME]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_not_followed(host, status):
    host.answer = reply(b"", f"Location: https://{NAME}/other", status=status)
    assert await host.fetcher()(URL) == NotFetched(f"status {status[:3]}")
    assert host.connections == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (reply(status="404 Not Found"), "status 404"),
        (reply(status="204 No Content", body=b""), "status 204"),
        (reply(b"<html>", kind="text/html"), "not_json"),
        (reply(BODY, "Content-Encoding: gzip"), "encoded"),
        (reply(b" " * (MAX_BYTES + 1)), "too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b" " * 100_000, "too_large"),
    ],
)
async def test_what_is_no_small_json_document_is_not_read(host, answer, why):
    host.answer = answer
    assert await host.fetcher()(URL) == NotFetched(why)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
    ],
)
async def test_what_is_no_http_is_not_fetched(host, answer):
    host.answer = answer
    assert isinstance(await host.fetcher()(URL), NotFetched)


async def test_a_document_of_the_largest_size_is_read(host):
    host.answer = reply(b" " * MAX_BYTES, kind="application/cimd+json")
    assert await host.fetcher()(URL) == Fetched(b" " * MAX_BYTES, None)


async def test_a_host_that_stops_in_the_middle_is_cut_off(host):
    async def begin(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{")
        await writer.drain()
        await asyncio.Event().wait()

    host.answer = begin
    async with asyncio.timeout(5):
        assert await host.fetcher(timeout_s=0.3)(URL) == NotFetched("timeout")
    assert host.connections == 1


async def test_a_name_server_that_never_answers_is_given_up(host):
    async def resolve(name: str) -> list[tuple[str, int]]:
        await asyncio.Event().wait()
        raise AssertionError

    async with asyncio.timeout(5):
        assert await host.fetcher(resolve=resolve, timeout_s=0.1)(URL) == NotFetched("timeout")


async def test_four_at_a_time_and_whoever_waits_too_long_gives_up(host):
    inside, most = 0, 0

    async def resolve(name: str) -> list[tuple[str, int]]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        try:
            await asyncio.Event().wait()
        finally:
            inside -= 1
        raise AssertionError

    fetch = host.fetcher(resolve=resolve, timeout_s=0.2)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(URL)) for _ in range(CONCURRENCY + 1)]
    assert {task.result() for task in tasks} == {NotFetched("timeout")}
    assert (most, inside) == (CONCURRENCY, 0)


async def test_a_certificate_for_another_name_or_by_nobody_known_is_refused(host):
    async def resolve(name: str) -> list[tuple[str, int]]:
        return [("127.0.0.1", host.port)]

    for fetch, url in (
        (host.fetcher(resolve=resolve), "https://other.acme.example/client.json"),
        (host.fetcher(tls=ssl.create_default_context()), URL),
    ):
        found = await fetch(url)
        assert isinstance(found, NotFetched)
        assert found.why.startswith("connection: ")
    assert host.requests == []


async def test_a_proxy_of_the_environment_is_not_asked(host, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert isinstance(await host.fetcher()(URL), Fetched)


async def test_a_name_that_does_not_exist_is_not_fetched(host):
    async def resolve(name: str) -> list[tuple[str, int]]:
        raise OSError("no such name")

    assert isinstance(await host.fetcher(resolve=resolve)(URL), NotFetched)


async def test_this_machines_own_names_are_resolved_and_then_refused():
    addresses = await HostNames()("localhost")
    assert {port for _, port in addresses} == {443}
    assert await DocumentFetcher()("https://localhost/client") == NotFetched("address_not_public")


@pytest.mark.parametrize(
    ("header", "max_age_s"),
    [
        ("max-age=300", 300),
        ("no-store", None),
        ("public, MAX-AGE=60, x", 60),
        ("max-age=-1", None),
        ("max-age=x", None),
        ("s-maxage=5", None),
    ],
)
async def test_how_long_it_is_fresh_is_read_from_its_header(host, header, max_age_s):
    host.answer = reply(BODY, f"Cache-Control: {header}")
    assert await host.fetcher()(URL) == Fetched(BODY, max_age_s)
