"""What is asked of ``/oauth/authorize``: nobody is redirected before client and address are certain; then the client is told."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from mcp_server.oauth.limits import Limits, Rate

HOSTED = "https://claude.ai/api/mcp/auth_callback"
LOCAL = "http://localhost:51620/callback"


def is_page(answer):
    """A page for people, from which nobody is sent anywhere."""
    return answer.headers["Content-Type"].startswith("text/html") and "Location" not in answer.headers


def tells_client(answer, uri, error):
    assert answer.status == 303, answer.text
    assert answer.location.startswith(uri + "?")
    assert answer.said["error"] == error
    assert answer.said["state"] == "state-of-the-client"
    return True


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.example/callback",
        HOSTED + "/",
        HOSTED + "/../x",
        HOSTED + "#f",
        HOSTED.replace("claude.ai", "claude.ai:443"),
        HOSTED.replace("claude.ai", "claude.com"),
        HOSTED.replace("https", "http"),
        HOSTED.replace("//", "//user@"),
        HOSTED.replace("/api/", "/api/./"),
        HOSTED.replace("api", "API"),
        HOSTED + "?x=1",
        HOSTED[:-1],
        "http://[::1",
        "http://localhost:99999/callback",
        "http://localhost:x/callback",
        "javascript:alert(1)",
        "",
    ],
)
async def test_an_address_that_is_not_the_registered_one_is_never_redirected_to(house, asked):
    app = await house.app(HOSTED)
    for more in ({}, {"response_type": "nonsense"}, {"prompt": "none"}, {"code_challenge": None}):
        answer = await house.anybody.get(app.asks(redirect_uri=asked, **more))
        assert answer.status == 400
        assert is_page(answer)


@pytest.mark.parametrize(
    "asked",
    [
        LOCAL + "/other",
        LOCAL + "?x=1",
        LOCAL.replace("http", "https"),
        LOCAL.replace("localhost", "127.0.0.1"),
        LOCAL.replace("localhost", "[::1]"),
        LOCAL.replace("//", "//user@"),
        LOCAL.replace("localhost", "localhost.evil.example"),
    ],
)
async def test_of_loopback_nothing_but_the_port_may_differ(house, app, asked):
    answer = await house.anybody.get(app.asks(redirect_uri=asked))
    assert answer.status == 400
    assert is_page(answer)
    assert (await house.anybody.get(app.asks(redirect_uri=LOCAL.replace("51620", "4")))).status == 200


async def test_an_address_that_may_no_longer_be_registered_is_no_longer_redirected_to(house_of):
    before = await house_of(redirect_hosts=frozenset({"tools.acme.example"}))
    app = await before.app("https://tools.acme.example/cb")
    assert (await before.anybody.get(app.asks())).status == 200
    after = await house_of(redirect_hosts=frozenset())
    answer = await after.anybody.get(app.asks())
    assert answer.status == 400
    assert is_page(answer)


@pytest.mark.parametrize("client_id", [None, "", "sp_cl_unknown", "x" * 5000, "https://127.0.0.1/client", "ü\u202e"])
async def test_a_client_that_is_not_known_is_a_page(house, app, client_id):
    answer = await house.anybody.get(app.asks(client_id=client_id))
    assert answer.status == 400
    assert is_page(answer)
    assert house.documents.fetched == []


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://evil.example/request"}, "request_uri_not_supported"),
    ],
)
async def test_what_else_is_wrong_is_told_to_the_client_with_state_and_iss(house, app, changed, error):
    answer = await house.anybody.get(app.asks(**changed))
    assert tells_client(answer, LOCAL, error)
    assert answer.said["iss"] == house.addresses.public_url


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge": "x" * 42},
        {"code_challenge": "x" * 44},
        {"code_challenge": "x" * 42 + "="},
        {"code_challenge": "ü" * 43},
    ],
)
async def test_a_code_challenge_of_s256_is_never_optional(house, app, changed):
    assert tells_client(await house.anybody.get(app.asks(**changed)), LOCAL, "invalid_request")


@pytest.mark.parametrize("asked", ["https://evil.example/mcp", "https://evil.example", "nonsense", "http://[::1"])
async def test_a_foreign_resource_is_refused(house, app, asked):
    assert tells_client(await house.anybody.get(app.asks(resource=asked)), LOCAL, "invalid_target")


async def test_of_two_resources_both_have_to_be_ours(house, app):
    ours = house.addresses.resource
    answer = await house.anybody.get(app.asks() + "&resource=https://evil.example/mcp")
    assert tells_client(answer, LOCAL, "invalid_target")
    assert (await house.anybody.get(f"{app.asks()}&resource={ours}")).status == 200


@pytest.mark.parametrize("prompt", ["none", "none consent", "login none"])
async def test_nobody_is_let_through_unasked(house, app, prompt):
    answer = await house.anybody.get(app.asks(prompt=prompt))
    assert tells_client(answer, LOCAL, "login_required")
    assert answer.said["iss"] == house.addresses.public_url


@pytest.mark.parametrize(
    "name", ["client_id", "redirect_uri", "state", "scope", "code_challenge", "response_type", "unknown"]
)
async def test_a_parameter_that_comes_twice_is_a_page(house, app, name):
    answer = await house.anybody.get(f"{app.asks(unknown='x')}&{name}=x")
    assert answer.status == 400
    assert is_page(answer)


async def test_the_page_names_the_client_as_its_own_word_and_where_it_sends_people(house):
    app = await house.app(HOSTED, client_name="Payroll of Acme")
    page = await house.anybody.get(app.asks())
    assert "Payroll of Acme" in page.text
    assert "claude.ai" in page.text
    app.client_id = "https://claude.ai/oauth/claude-code-client-metadata"
    page = await house.anybody.get(app.asks(redirect_uri=LOCAL))
    assert "Claude Code" in page.text
    assert "claude.ai" in page.text
    assert "localhost" in page.text


async def test_a_client_that_anybody_registered_always_meets_the_page(house, app, browser):
    await app.connect(browser=browser)
    for _ in range(2):
        answer = await browser.get(app.asks())
        assert answer.status == 200
        assert is_page(answer)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x>', "\u202eevil\u200b", "{{7*7}}"])
async def test_what_a_client_calls_itself_cannot_become_part_of_the_page(house, name):
    app = await house.app(client_name=name)
    page = await house.anybody.get(app.asks())
    assert page.status == 200
    for raw in ("<script", "<img", "\u202e", "\u200b"):
        assert raw not in page.text


async def test_an_error_page_repeats_nothing_of_the_request(house, app):
    for changed in (
        {"client_id": "MARK1<b>"},
        {"redirect_uri": "https://mark1.example/<b>"},
        {"redirect_uri": "MARK1"},
    ):
        page = await house.anybody.get(app.asks(**changed))
        assert page.status == 400
        assert "mark1" not in page.text.lower()


async def test_a_page_cannot_be_framed_and_asks_for_nothing(house, app):
    for target in (app.asks(), app.asks(client_id="unknown"), "/oauth/callback/google?state=x"):
        page = await house.anybody.get(target)
        policy = page.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "form-action" not in policy
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in page.headers


async def test_no_header_of_a_request_shapes_an_address(house_of):
    house = await house_of(public_url="https://skills.acme.example")
    app = await house.app()
    poison = {
        "Host": "evil.example",
        "X_Forwarded_Host": "evil.example",
        "X_Forwarded_Proto": "ftp",
        "Forwarded": "host=evil.example",
    }
    page = await house.anybody.get(app.asks(), **poison)
    assert 'action="https://skills.acme.example/oauth/consent"' in page.text
    refused = await house.anybody.get(app.asks(prompt="none"), **poison)
    assert refused.said["iss"] == "https://skills.acme.example"
    for answer in (page, refused, await house.anybody.get("/.well-known/oauth-authorization-server", **poison)):
        assert "evil.example" not in answer.text + str(answer.headers)


async def test_looking_is_for_get_only_and_head_begins_nothing(house, app):
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        answer = await house.anybody.send(method, app.asks())
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET"
        assert "Set-Cookie" not in answer.headers


async def test_a_flood_of_sign_ins_is_slowed_down_and_passes(house_of, clock):
    house = await house_of(limits=Limits(sign_ins_of_one=Rate(5, 1.0)))
    app = await house.app()
    answers = [await house.anybody.get(app.asks()) for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    assert is_page(answers[-1])
    assert answers[-1].headers["Retry-After"] == "1"
    assert "Set-Cookie" not in answers[-1].headers
    clock.advance(1)
    assert (await house.anybody.get(app.asks())).status == 200


async def test_an_operator_learns_which_host_would_have_to_be_allowed(house, app):
    with capture_logs() as lines:
        await house.anybody.get(app.asks(redirect_uri="https://tools.acme.example/callback"))
        await house.register("https://other.acme.example/callback")
    hosts = [line["host"] for line in lines if line["event"] in ("redirect_refused", "registration_refused")]
    assert hosts == ["tools.acme.example", "other.acme.example"]
