"""A provider that is down, slow, or answers nonsense: one of a few codes, a sentence for the page, and never anything else."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest
from structlog.testing import capture_logs

from mcp_server.identity.provider import Identity
from mcp_server.identity.transport import MAX_ANSWER_BYTES
from skillport_sync.errors import Unavailable
from skillport_sync.standin.identity import ADA

DISCOVERY = "GET /.well-known/openid-configuration"
MEMBERSHIP = ("github", "GET /user/memberships/orgs/acme")
EVERY_STEP = [
    ("oidc", DISCOVERY),
    ("oidc", "POST /token"),
    ("oidc", "GET /keys"),
    ("google", "GET /google/.well-known/openid-configuration"),
    ("google", "POST /google/token"),
    ("google", "GET /google/oauth2/v3/certs"),
    ("github", "POST /github/login/oauth/access_token"),
    ("github", "GET /github/api/v3/user"),
    MEMBERSHIP,
]
DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000
NONSENSE = (
    b"",
    b"<html>hello</html>",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"\xff\xfe",
    DEEP,
    b'{"a": NaN}',
    b'{"keys": {}}',
    b'{"keys": [7, {}], "expires_in": 1e999, "id": "7", "access_token": ["x"], "token_type": 7}',
)


async def unavailable(signing_in) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        async with asyncio.timeout(10):
            await signing_in
    assert caught.value.__cause__ is None
    assert caught.value.message.endswith(".")
    return caught.value


@pytest.mark.parametrize(
    ("preset", "step", "status"),
    [
        (*step, status)
        for step in EVERY_STEP
        for status in (500, 503, 429, 418, 404, 302)
        if step != MEMBERSHIP or status not in (404, 302)  # which is what GitHub says of a stranger
    ],
)
async def test_a_step_that_answers_with_an_error_is_a_failure_that_passes(sign_in_at, idp, clock, preset, step, status):
    sign_in = sign_in_at(preset)
    idp.faults.http.fail_next(step, status=status)
    error = await unavailable(sign_in.as_(ADA))
    assert error.code == "provider_failing"
    assert str(status) in error.message
    clock.advance(10)
    assert isinstance(await sign_in.again().as_(ADA), Identity)


@pytest.mark.parametrize(
    ("preset", "step", "body"),
    [
        (*step, body)
        for step in EVERY_STEP
        for body in NONSENSE
        if step != MEMBERSHIP or not body.startswith(b'{"keys"')  # a membership that says nothing is none
    ],
    ids=lambda each: repr(each[:12]) if isinstance(each, bytes) else each,
)
async def test_a_step_that_answers_nonsense_says_so(sign_in_at, idp, clock, preset, step, body):
    sign_in = sign_in_at(preset)
    idp.faults.http.fail_next(step, status=200, body=body, headers={"Content-Type": "application/json"})
    assert (await unavailable(sign_in.as_(ADA))).code == "provider_nonsense"
    clock.advance(10)
    assert isinstance(await sign_in.again().as_(ADA), Identity)


@pytest.mark.parametrize(("preset", "step"), EVERY_STEP)
async def test_a_step_that_is_never_answered_ends_in_time(sign_in_at, idp, preset, step):
    sign_in = sign_in_at(preset, timeout_s=0.3)
    idp.faults.http.hang_next(step)
    error = await unavailable(sign_in.as_(ADA))
    assert error.code == "provider_unreachable"
    assert "too long" in error.message


@pytest.mark.parametrize(("preset", "step"), EVERY_STEP)
async def test_an_answer_is_never_held_beyond_its_limit(sign_in_at, idp, preset, step):
    sign_in = sign_in_at(preset)
    large = b'{"padding": "' + b"x" * MAX_ANSWER_BYTES + b'"}'
    idp.faults.http.fail_next(step, status=200, body=large)
    assert (await unavailable(sign_in.as_(ADA))).code == "provider_nonsense"


async def test_a_compressed_answer_is_not_unpacked(sign_in, idp):
    async with sign_in.session.get(f"{idp.url}/keys") as answer:
        packed = gzip.compress(await answer.read())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    idp.faults.http.fail_next("GET /keys", status=200, body=packed, headers=headers)
    error = await unavailable(sign_in.as_(ADA))
    assert (error.code, "compressed" in error.message) == ("provider_nonsense", True)


@pytest.mark.parametrize("preset", ["oidc", "github"])
async def test_a_provider_that_is_gone_cannot_be_reached(sign_in_at, idp, preset):
    sign_in = sign_in_at(preset)
    came = await sign_in.chosen(ADA)
    idp.faults.http.down()
    assert (await unavailable(sign_in.identified(came))).code == "provider_unreachable"
    await idp.close()
    assert (await unavailable(sign_in.identified(came))).code == "provider_unreachable"


@pytest.mark.parametrize(
    "token",
    [
        {"access_token": "x", "token_type": "Bearer"},
        {"access_token": "x", "token_type": "Bearer", "id_token": 7},
        {"access_token": "x", "token_type": "MAC", "id_token": "x"},
        {"access_token": "x", "id_token": "x"},
        {"access_token": None, "token_type": "Bearer", "id_token": "x"},
        {"access_token": "", "token_type": "Bearer", "id_token": "x"},
        {"access_token": "x\ny", "token_type": "Bearer", "id_token": "x"},
        {"access_token": "x", "token_type": "Bearer", "id_token": "x", "expires_in": "soon"},
        {"access_token": "x", "token_type": "Bearer", "id_token": "x", "expires_in": [1]},
        {"access_token": "x", "token_type": "Bearer", "id_token": "x", "expires_at": {}},
    ],
)
async def test_a_token_response_that_lacks_something_is_nonsense(sign_in, idp, token):
    idp.faults.http.fail_next("POST /token", status=200, body=json.dumps(token))
    assert (await unavailable(sign_in.as_(ADA))).code == "provider_nonsense"


@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "<b>", 7, ["x"], {}, True])
async def test_a_client_that_is_not_known_is_the_operator_s_to_mend(sign_in, idp, status, error):
    body = json.dumps({"error": error, "error_description": "<b>buy now</b>"})
    idp.faults.http.fail_next("POST /token", status=status, body=body)
    failed = await unavailable(sign_in.as_(ADA))
    assert failed.code == "provider_misconfigured"
    assert "<" not in failed.message


async def test_a_wrong_secret_is_the_operator_s_to_mend(sign_in_at, idp):
    for preset in ("oidc", "google", "microsoft", "github"):
        sign_in = sign_in_at(preset)
        idp.register("skillport", "another secret", redirect_uris=[sign_in.redirect_uri])
        assert (await unavailable(sign_in.as_(ADA))).code == "provider_misconfigured"


@pytest.mark.parametrize(
    "announced",
    [
        {"issuer": "https://elsewhere.example"},
        {"issuer": None},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"token_endpoint": "https://elsewhere.example/token#x"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user@elsewhere.example/"},
        {"jwks_uri": None},
        {"jwks_uri": "https://[::1"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_a_discovery_document_with_a_wrong_name_or_address_is_not_used(sign_in, idp, announced):
    idp.announced_instead = announced
    assert (await unavailable(sign_in.chosen(ADA))).code == "provider_nonsense"


async def test_a_redirect_is_never_followed(sign_in, idp):
    idp.faults.http.redirect_next("POST /token", idp.url + "/keys")
    assert (await unavailable(sign_in.as_(ADA))).code == "provider_failing"
    assert idp.journal.count("* /keys") == 0


async def test_userinfo_about_somebody_else_is_nonsense(sign_in, idp):
    idp.thin_id_tokens, idp.userinfo_instead = True, {"sub": "grace"}
    assert (await unavailable(sign_in.as_(ADA))).code == "provider_nonsense"


async def test_a_provider_known_before_still_signs_in_while_its_discovery_is_down(sign_in, idp, clock):
    assert isinstance(await sign_in.as_(ADA), Identity)
    clock.advance(23 * 3600)
    idp.faults.http.fail_next(DISCOVERY, status=503, times=100)
    with capture_logs() as logged:
        assert isinstance(await sign_in.again().as_(ADA), Identity)
    assert {line["event"] for line in logged if line["log_level"] == "warning"} == {"provider_document_stale"}
    clock.advance(3600)
    assert (await unavailable(sign_in.again().as_(ADA))).code == "provider_failing"


async def test_keys_are_not_believed_beyond_their_hour_when_they_cannot_be_had(sign_in, idp, clock):
    assert isinstance(await sign_in.as_(ADA), Identity)
    clock.advance(3600)
    idp.faults.http.fail_next("GET /keys", status=503)
    assert (await unavailable(sign_in.again().as_(ADA))).code == "provider_failing"


async def test_a_crowd_asks_a_provider_once_and_one_that_is_down_once_in_ten_seconds(sign_in, idp, clock):
    gate = idp.faults.http.gate(DISCOVERY)
    idp.faults.http.fail_next(DISCOVERY, status=503)
    async with asyncio.timeout(10), asyncio.TaskGroup() as crowd:
        waiting = [crowd.create_task(unavailable(sign_in.again().chosen(ADA))) for _ in range(20)]
        await gate.reached(1)
        gate.open()
    assert {waited.result().code for waited in waiting} == {"provider_failing"}
    assert idp.journal.count(DISCOVERY) == 1
    clock.advance(10)
    assert isinstance(await sign_in.as_(ADA), Identity)


async def test_somebody_who_gives_up_does_not_take_the_others_document_along(sign_in, idp):
    gate = idp.faults.http.gate(DISCOVERY)
    first = asyncio.create_task(sign_in.chosen(ADA))
    async with asyncio.timeout(10):
        await gate.reached(1)
        second = asyncio.create_task(sign_in.again().chosen(ADA))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        gate.open()
        assert "code" in await second


@pytest.mark.parametrize("headers", [{"x-ratelimit-remaining": "0"}, {"retry-after": "60"}])
async def test_a_limit_of_github_s_is_not_taken_for_a_no(sign_in_at, idp, headers):
    idp.faults.http.fail_next(MEMBERSHIP[1], status=403, body=b"{}", headers=headers)
    assert (await unavailable(sign_in_at("github").as_(ADA))).code == "provider_failing"


async def test_an_address_that_github_does_not_show_is_no_address(sign_in_at, idp):
    for status in (403, 404):
        idp.faults.http.fail_next("GET /github/api/v3/user/emails", status=status, body=b"{}")
        outcome = await sign_in_at("github").as_(ADA)
        assert isinstance(outcome, Identity)
        assert outcome.principal.email is None
