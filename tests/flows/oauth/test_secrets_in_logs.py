"""A whole life of a session with every logger at DEBUG: no secret in any line, nor in the audit, nor in the file."""

from __future__ import annotations

import io
import logging
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from structlog.testing import capture_logs

from mcp_server.identity.provider import Refused


@pytest.fixture
def every_line():
    """Everything that any library logs."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


async def test_no_secret_of_a_sign_in_is_ever_written_down(house, app, browser, every_line, tmp_path):
    with capture_logs() as ours:
        agreed = await house.agree(app, browser)
        upstream = next(iter(house.google.begun.values()))
        cookies = [header.partition(";")[0].partition("=")[2] for header in browser.kept]
        back = house.google.sign_in(agreed.location)
        code_upstream = parse_qs(urlsplit(back).query)["code"][0]
        code = (await browser.get(back)).said["code"]
        tokens = (await app.redeem(code)).json
        newer = (await app.refresh(tokens["refresh_token"])).json
        await app.refresh(newer["refresh_token"], resource="https://evil.example")
        await app.redeem(code)
        await app.refresh(newer["refresh_token"])
        await app.revoke(newer["refresh_token"])
        await house.come_back(app, house.browser(), who=Refused("wrong_domain", "No."))
        await house.come_back(app, house.browser(), who=RuntimeError("nobody foresaw this"))
        await house.anybody.get(f"/oauth/callback/google?state={upstream.state}&code={quote(code_upstream)}")
    secrets = [
        upstream.state,
        upstream.nonce,
        upstream.verifier,
        code_upstream,
        code,
        app.verifier,
        "state-of-the-client",
        *(tokens[name] for name in ("access_token", "refresh_token")),
        *(newer[name] for name in ("access_token", "refresh_token")),
        *filter(None, cookies),
    ]
    assert len(secrets) >= 13
    lines = every_line.getvalue() + repr(ours)
    assert "oauth_answered" in lines
    assert "person_signed_in" in lines
    audit = repr(await house.audited())
    # The nonce and the verifier towards the provider lie in the file for as long as the sign-in is under way.
    at_rest = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    for secret in secrets:
        assert secret not in lines
        assert secret not in audit
        if secret not in (upstream.nonce, upstream.verifier, "state-of-the-client"):
            assert secret.encode() not in at_rest


async def test_the_line_of_a_request_names_its_route_and_its_error(house, app):
    with capture_logs() as lines:
        await house.anybody.get(app.asks(client_id="unknown"))
        await house.anybody.get("/oauth/callback/google?state=x&code=y")
        await app.refresh("sp_rt_x")
    said = [(line["route"], line["status"], line["error"]) for line in lines if line["event"] == "oauth_answered"]
    assert said == [
        ("/oauth/authorize", 400, "unknown_client"),
        ("/oauth/callback/{provider}", 400, "no_such_sign_in"),
        ("/oauth/token", 400, "invalid_grant"),
    ]


async def test_while_the_database_is_closed_people_get_a_page_and_clients_an_error(house, app, browser):
    form = await house.asked(app, browser)
    await house.store.close()
    answers = [
        await browser.get(app.asks()),
        await browser.post(form.action, {**form.hidden, "provider": "google"}, Origin=house.url),
    ]
    for answer in answers:
        assert answer.status in (500, 503)
        assert answer.headers["Content-Type"].startswith("text/html")
    for answer in (await app.redeem("sp_ac_x"), await house.register()):
        assert answer.status in (500, 503)
        assert answer.json["error"] in ("temporarily_unavailable", "server_error")
