"""``doctor``: looks at everything, signs in as far as it can, and says what a real client would fail at and why."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from skillport_sync.cli import main
from skillport_sync.cli.doctor import examined
from skillport_sync.cli.screen import drawn, plain
from skillport_sync.config import GitHubSettings
from skillport_sync.operations.doctor import inside, outside
from skillport_sync.operations.doctor.web import NoAnswer, Web
from skillport_sync.reports import Check, DoctorReport
from skillport_sync.standin import StandInGitHub
from skillport_sync.standin.identity import StandInIdentity

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

SOON_S = 60.0


class Desk:
    """Where an operator sits."""

    def __init__(self, config: Path) -> None:
        self._config = config

    async def types(self, *words: str) -> Result:
        """Run a command in this process, in a thread: it has an event loop of its own."""
        async with asyncio.timeout(SOON_S):
            return await asyncio.to_thread(
                CliRunner().invoke, main, ["--config", str(self._config), *words], prog_name="skillport-sync"
            )

    async def sees(self, exit_code: int) -> dict[str, tuple[str, str]]:
        """What each check is called, its verdict, and what was seen with what to do."""
        result = await self.types("doctor", "--json")
        assert result.exit_code == exit_code, f"{result.stdout}\n{result.stderr}\n{result.exception!r}"
        checks = json.loads(result.stdout)["checks"]
        return {check["what"]: (check["verdict"], f"{check['seen']}; {check['to_do']}") for check in checks}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "service" / "config.toml")


@pytest.fixture
def port() -> int:
    """One that was free a moment ago: a command has to know it before the service has it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        number: int = held.getsockname()[1]
        return number


@pytest.fixture
async def identity() -> AsyncIterator[StandInIdentity]:
    """A provider as a company has one."""
    identity = StandInIdentity()
    await identity.start()
    yield identity
    await identity.close()


def provider(issuer: str) -> tuple[str, ...]:
    return ("[[auth.providers]]", 'preset = "oidc"', 'name = "corp"', 'client_id = "ours"', f'issuer = "{issuer}"')


STEPS = ("register", "authorize", "to demo", "back to the client", "token", "tool call", "renewal", "sign-out")


# --- a service that is well --------------------------------------------------------------------------------------------------


async def test_with_the_stand_in_it_signs_in_calls_the_tool_and_leaves(
    house_of: Any, configure: Any, desk: Desk, port: int
) -> None:
    house = await house_of(configure("[server]", f"port = {port}"))
    seen = await desk.sees(0)
    assert {step: seen[step][0] for step in STEPS} == dict.fromkeys(STEPS, "ok")
    assert list(seen)[-len(STEPS) :] == list(STEPS)
    assert not [what for what, (verdict, _) in seen.items() if verdict == "failed"]
    assert seen["running"][0] == seen["disk"][0] == seen["databases"][0] == seen["clock"][0] == "ok"
    assert "FTS5" in seen["SQLite"][1]
    assert seen["acme/skills (HEAD)"][0] == "ok"
    assert seen["webhooks"][0] == seen["public_url"][0] == "warning"
    assert all(f"/.well-known/oauth-{name}" in seen for name in ("protected-resource/mcp", "protected-resource"))
    assert await house.state.oauth.sessions() == []


async def test_nothing_secret_is_said(house_of: Any, configure: Any, desk: Desk, port: int) -> None:
    await house_of(configure("[server]", f"port = {port}"))
    for words in (("doctor",), ("doctor", "--json")):
        screen = (await desk.types(*words)).stdout
        for secret in ("sp_", "code=", "state=", "token-of-the-tests", "Bearer"):
            assert secret not in screen


async def test_looked_at_twice_it_is_still_the_same_client(
    house_of: Any, configure: Any, desk: Desk, port: int
) -> None:
    settings = configure("[server]", f"port = {port}", *provider("http://127.0.0.1:1"))
    house = await house_of(settings, dev=False)
    await desk.sees(1)
    await desk.sees(1)
    assert await house.state.oauth.count_unapproved() == 1


# --- what is wrong -----------------------------------------------------------------------------------------------------------


async def test_where_nothing_runs_that_is_said_and_what_can_be_seen_is_looked_at(
    configure: Any, desk: Desk, port: int
) -> None:
    configure("[server]", f"port = {port}")
    seen = await desk.sees(1)
    assert seen["running"][0] == "failed"
    assert "skillport-sync serve" in seen["running"][1]
    assert seen["acme/skills (HEAD)"][0] == "ok"
    assert "nothing runs" in seen["refusal at /mcp"][1]
    assert "register" not in seen


async def test_a_credential_that_github_refuses_is_said(
    configure: Any, desk: Desk, tmp_path: Path, standin: StandInGitHub
) -> None:
    standin.accept_token("token-of-the-tests")
    configure()
    (tmp_path / "service" / "github-token").write_text("another-one")
    verdict, words = (await desk.sees(1))["acme/skills (HEAD)"]
    assert verdict == "failed"
    assert "token_file" in words
    assert "another-one" not in words


async def test_a_public_url_that_is_not_the_services_is_said_of_each_document(
    house_of: Any, configure: Any, desk: Desk, port: int, tmp_path: Path
) -> None:
    await house_of(configure("[server]", f"port = {port}"))
    config = tmp_path / "service" / "config.toml"
    config.write_text(f'public_url = "http://localhost:{port}"\n{config.read_text()}')
    seen = await desk.sees(1)
    verdict, words = seen["/.well-known/oauth-protected-resource/mcp"]
    assert (verdict, "authorization_servers, resource differ" in words) == ("failed", True)
    assert seen["/.well-known/oauth-authorization-server"][0] == "failed"
    assert "it points elsewhere" in seen["refusal at /mcp"][1]
    assert seen["authorize"][0] == "failed"


async def test_a_provider_that_is_down_is_said_where_it_is_looked_for_and_where_people_would_notice(
    house_of: Any, configure: Any, desk: Desk, port: int
) -> None:
    await house_of(configure("[server]", f"port = {port}", *provider("http://127.0.0.1:1")), dev=False)
    seen = await desk.sees(1)
    assert seen["corp"][0] == "failed"
    assert seen["authorize"][0] == "ok"
    assert seen["to corp"][0] == "failed"


async def test_a_provider_that_does_not_know_us_is_said_with_the_address_to_register(
    house_of: Any, configure: Any, desk: Desk, port: int, identity: StandInIdentity
) -> None:
    house = await house_of(configure("[server]", f"port = {port}", *provider(identity.issuer)), dev=False)
    seen = await desk.sees(1)
    assert seen["corp"][0] == "ok"
    verdict, words = seen["to corp"]
    assert verdict == "failed"
    assert f"{house.url}/oauth/callback/corp" in words


async def test_with_a_real_provider_it_ends_where_a_person_is_needed(
    house_of: Any, configure: Any, desk: Desk, port: int, identity: StandInIdentity
) -> None:
    identity.register("ours", redirect_uris=[f"http://127.0.0.1:{port}/oauth/callback/corp"])
    house = await house_of(configure("[server]", f"port = {port}", *provider(identity.issuer)), dev=False)
    seen = await desk.sees(0)
    assert "from here on a person is needed" in seen["to corp"][1]
    assert "token" not in seen
    assert await house.state.people.all() == []


async def test_without_registration_the_replay_is_left_out_and_that_is_said(
    house_of: Any, configure: Any, desk: Desk, port: int, identity: StandInIdentity
) -> None:
    lines = ("[server]", f"port = {port}", "[auth]", "registration = false", *provider(identity.issuer))
    await house_of(configure(*lines), dev=False)
    seen = await desk.sees(0)
    assert seen["register"][0] == "warning"
    assert seen["/.well-known/oauth-authorization-server"][0] == "ok"


async def test_where_only_api_tokens_open_it_nobody_is_said_to_fail_at_signing_in(
    house_of: Any, configure: Any, desk: Desk, port: int
) -> None:
    await house_of(configure("[server]", f"port = {port}", "[auth]", 'mode = "token"'), dev=False)
    seen = await desk.sees(0)
    assert "API tokens only" in seen["refusal at /mcp"][1]
    assert "register" not in seen


@pytest.mark.parametrize(
    ("off_s", "verdict", "word"),
    [(0, "ok", "as GitHub's"), (-30, "warning", "behind"), (30, "warning", "ahead of"), (3600, "failed", "ahead of")],
)
async def test_a_clock_that_is_off_is_said(standin: StandInGitHub, off_s: int, verdict: str, word: str) -> None:
    github = GitHubSettings(standin.api_url, None, ())
    async with aiohttp.ClientSession() as session:
        check = await inside.clock(Web(session), github, datetime.now(UTC) + timedelta(seconds=off_s))
    assert check.verdict == verdict
    assert word in check.seen


@pytest.mark.parametrize(
    ("url", "words"),
    [("https://127.0.0.1:{port}/", "it does not speak TLS there"), ("http://127.0.0.1:1/", "refused")],
)
async def test_no_answer_is_said_in_words(standin: StandInGitHub, url: str, words: str) -> None:
    port = standin.api_url.rpartition(":")[2].partition("/")[0]
    async with aiohttp.ClientSession() as session:
        answer = await Web(session).ask("GET", url.format(port=port))
    assert isinstance(answer, NoAnswer)
    assert words in answer.error


def certificate(folder: Path, until: datetime) -> tuple[Path, Path]:
    """One of nobody's authority, for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(until - timedelta(days=365))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain_pem = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain_pem))
    return pem, private


@pytest.mark.parametrize(
    ("days", "is_trusted", "verdict", "word"),
    [
        (90, True, "ok", "TLSv1.3, certificate until"),
        (3, True, "warning", "until"),
        (90, False, "failed", "self-signed"),
    ],
)
async def test_tls_is_looked_at_with_the_end_of_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, is_trusted: bool, verdict: str, word: str
) -> None:
    now = datetime.now(UTC)
    pem, key = certificate(tmp_path, now + timedelta(days=days))
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context) as server:
        check = await outside.tls(f"https://localhost:{server.sockets[0].getsockname()[1]}", now)
    assert check is not None
    assert check.verdict == verdict
    assert word in check.seen


async def test_an_address_without_tls_is_said(standin: StandInGitHub) -> None:
    port = standin.api_url.rpartition(":")[2].partition("/")[0]
    check = await outside.tls(f"https://127.0.0.1:{port}", datetime.now(UTC))
    assert check is not None
    assert (check.verdict, check.seen) == ("failed", "it does not speak TLS there")
    assert await outside.tls(f"http://127.0.0.1:{port}", datetime.now(UTC)) is None


# --- the screen --------------------------------------------------------------------------------------------------------------


def test_the_screen_says_what_to_do_below_what_was_seen() -> None:
    report = DoctorReport(
        (
            Check("machine", "disk", "ok", "12.0 GB free"),
            Check("machine", "clock", "warning", "30 s ahead of GitHub's", "use NTP"),
            Check("sign-in", "register", "failed", "status 404 where 201 is expected", "look at the log"),
        )
    )
    assert plain(examined(report)) == (
        "machine\n"
        "  ok       disk: 12.0 GB free\n"
        "  warning  clock: 30 s ahead of GitHub's\n"
        "      → use NTP\n"
        "\n"
        "sign-in\n"
        "  failed   register: status 404 where 201 is expected\n"
        "      → look at the log\n"
        "\n"
        "3 checks: 1 failed, 1 warning\n"
    )
    assert all(len(line) <= 60 for line in drawn(examined(report), 60).splitlines())
