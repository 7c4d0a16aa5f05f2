"""What a sign-in must not leave behind: nothing secret in a log, an error, a repr, or a header that nobody asked for."""

from __future__ import annotations

import io
import logging
import socket

import pytest
from structlog.testing import capture_logs

from mcp_server.identity.provider import Identity
from skillport_sync.errors import Unavailable
from skillport_sync.standin.identity import ADA, SPOILED

PRESETS = ("oidc", "google", "microsoft", "github")


@pytest.fixture
def everything_said():
    """Every record of every library at its most talkative, as a careless operator might set it."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    loggers = [logging.getLogger(name) for name in ("authlib", "httpx2", "httpcore2", "aiohttp", "joserfc", "asyncio")]
    before = [(logger, logger.level) for logger in (root, *loggers)]
    root.addHandler(handler)
    for logger, _ in before:
        logger.setLevel(logging.DEBUG)
    yield said
    root.removeHandler(handler)
    for logger, level in before:
        logger.setLevel(level)


async def whole_sign_ins(sign_in_at, idp) -> list[str]:
    """Signs in everywhere, rightly and wrongly. Returns every secret that was under way."""
    secrets = ["s3cret", "sp%C3%A4%C3%9Fe"]
    idp.thin_id_tokens = True
    for preset in PRESETS:
        for wrong in (None, "wrong_nonce", "garbage"):
            if wrong is not None and preset != "github":
                idp.faults.spoil_next(SPOILED[wrong])
            sign_in = sign_in_at(preset)
            came = await sign_in.chosen(ADA)
            secrets += [came["code"], sign_in.upstream.state, sign_in.upstream.verifier, sign_in.upstream.nonce]
            await sign_in.identified(came)
            await sign_in.identified(came)
    return secrets + list(idp.tickets.given)


async def test_nothing_secret_is_logged_however_much_is_logged(sign_in_at, idp, everything_said):
    with capture_logs() as ours:
        secrets = await whole_sign_ins(sign_in_at, idp)
    logged = everything_said.getvalue() + repr(ours)
    assert [line["event"] for line in ours].count("provider_asked") > 20
    assert len(secrets) > 30
    assert [secret for secret in secrets if secret in logged] == []


async def test_a_failure_says_nothing_secret_even_with_all_it_holds(sign_in, idp):
    came = await sign_in.chosen(ADA)
    idp.faults.http.down()
    with pytest.raises(Unavailable) as caught:
        await sign_in.identified(came)
    held = [repr(each) for each in (caught.value, caught.value.__cause__, sign_in.upstream, sign_in.provider)]
    for secret in (came["code"], sign_in.upstream.verifier, sign_in.upstream.nonce, "Basic", "s3cret"):
        assert secret not in "".join(held)
    assert caught.value.__suppress_context__


async def test_what_the_environment_says_of_proxies_and_passwords_changes_nothing(
    sign_in_at, idp, monkeypatch, tmp_path
):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login operator password private\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        for preset in PRESETS:
            assert isinstance(await sign_in_at(preset).as_(ADA), Identity)
    assert not any(entry.authorized for entry in idp.journal.matching("GET *") if "/github/api" not in entry.path)
