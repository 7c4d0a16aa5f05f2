"""Clients introduce themselves: anybody may, so it is cheap, bounded, and lets nobody in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mcp_server.oauth.limits import Limits, Rate

HOSTED = "https://claude.ai/api/mcp/auth_callback"
LOCAL = "http://localhost:57297/callback"


async def test_claude_code_is_answered_as_it_expects(house):
    answer = await house.register(
        LOCAL,
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        token_endpoint_auth_method="none",
        application_type="native",
        scope="skills offline_access",
    )
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.json
    assert said.pop("client_id").startswith("sp_cl_")
    assert type(said.pop("client_id_issued_at")) is int
    assert said == {
        "client_name": "Claude Code (acme)",
        "redirect_uris": [LOCAL],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": "skills offline_access",
    }


async def test_claude_on_the_web_asks_for_a_secret_and_gets_none(house):
    answer = await house.register(
        HOSTED, token_endpoint_auth_method="client_secret_post", scope="claudeai", logo_uri=None
    )
    assert answer.status == 201
    assert answer.json["token_endpoint_auth_method"] == "none"
    assert answer.json["scope"] == "skills"
    assert "client_secret" not in answer.json
    assert None not in answer.json.values()
    assert "" not in answer.json.values()


async def test_a_client_without_a_name_gets_none(house):
    answer = await house.register(client_name=None)
    assert answer.status == 201
    assert "client_name" not in answer.json


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "com.evil.app://callback",
        "http://evil.example/callback",
        "https://evil.example/callback",
        "https://claude.ai.evil.example/callback",
        "https://user@claude.ai/callback",
        "https://claude.ai/callback#f",
        "https://claude.ai/../callback",
        "http://[::1",
        "http://localhost:99999/callback",
        "http://localhost:x/callback",
        "",
    ],
)
async def test_an_address_where_nobody_may_be_sent_is_refused(house, uri):
    answer = await house.register(HOSTED, uri)
    assert (answer.status, answer.json["error"]) == (400, "invalid_redirect_uri")
    assert await house.store.oauth.count_unapproved() == 0


async def test_the_same_words_are_one_client_whatever_the_port(house):
    answers = [await house.register(f"http://localhost:{port}/callback") for port in (1, 57297, 65535)]
    assert len({answer.json["client_id"] for answer in answers}) == 1
    assert [answer.json["redirect_uris"] for answer in answers] == [
        [f"http://localhost:{port}/callback"] for port in (1, 57297, 65535)
    ]
    assert await house.store.oauth.count_unapproved() == 1
    other = await house.register(LOCAL, client_name="Another")
    assert other.json["client_id"] != answers[0].json["client_id"]
    assert [action for action, _ in await house.actions()] == ["client_registered"] * 2


async def test_ten_addresses_are_taken_and_eleven_are_not(house):
    uris = [f"http://localhost/{at}" for at in range(11)]
    assert (await house.register(*uris[:10])).status == 201
    assert (await house.register(*uris)).status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b"{",
        b"\xff\xfe",
        b"[" * 1000,
        b'{"a":' * 1000 + b"1" + b"}" * 1000,
        b'{"redirect_uris":"x"}',
    ],
)
async def test_what_is_no_registration_is_an_error_and_not_a_failure(house, body):
    answer = await house.anybody.send("POST", "/oauth/register", body, Content_Type="application/json")
    assert answer.status == 400
    assert answer.json["error"] in ("invalid_client_metadata", "invalid_redirect_uri")


async def test_a_large_body_is_not_read_to_its_end(house):
    body = json.dumps({"redirect_uris": [HOSTED], "x": "y" * 40_000}).encode()
    answer = await house.anybody.send("POST", "/oauth/register", body)
    assert (answer.status, answer.json["error"]) == (400, "invalid_client_metadata")


async def test_clients_nobody_signed_in_through_are_bounded_and_those_in_use_stay(house_of):
    limits = replace(Limits(), unapproved_clients=5)
    house = await house_of(limits=limits)
    app = await house.app()
    tokens = await app.connect()
    for at in range(20):
        await house.register(f"http://localhost/{at}")
    assert await house.store.oauth.count_unapproved() == 5
    assert (await app.refresh(tokens["refresh_token"])).status == 200


async def test_a_flood_is_slowed_down_and_leaves_those_signed_in_untouched(house_of, clock):
    limits = replace(Limits(), registrations_of_one=Rate(10, 1.0), registrations=Rate(20, 1.0))
    house = await house_of(limits=limits)
    app = await house.app()
    tokens = await app.connect()
    statuses = [(await house.register(f"http://localhost/{at}")).status for at in range(15)]
    assert statuses.count(201) == 9
    refused = await house.register()
    assert refused.status == 429
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    # Somebody else, behind the same proxy, still may: up to what all may together.
    elsewhere = await house.anybody.send(
        "POST", "/oauth/register", json.dumps({"redirect_uris": [HOSTED]}).encode(), X_Forwarded_For="198.51.100.7"
    )
    assert elsewhere.status == 201
    assert (await app.refresh(tokens["refresh_token"])).status == 200
    assert await house.opens(tokens["access_token"])
    assert len(await app.sign_in(browser=house.browser())) > 40
    clock.advance(1)
    assert (await house.register()).status == 201


async def test_everybody_together_is_bounded_too(house_of):
    limits = replace(Limits(), registrations_of_one=Rate(2, 0.1), registrations=Rate(6, 0.1))
    house = await house_of(limits=limits)
    body = json.dumps({"redirect_uris": [HOSTED]}).encode()
    statuses = [
        (await house.anybody.send("POST", "/oauth/register", body, X_Forwarded_For=f"198.51.100.{at // 2}")).status
        for at in range(12)
    ]
    assert statuses == [201] * 6 + [429] * 6


async def test_where_it_is_switched_off_there_is_no_such_address(house_of):
    house = await house_of(registration=False)
    assert (await house.register()).status == 404
    said = (await house.anybody.get("/.well-known/oauth-authorization-server")).json
    assert "registration_endpoint" not in said
