"""Who comes in, from where, and in which form everybody else is told why not."""

from __future__ import annotations

import pytest
from aiohttp import ClientError, web
from structlog.testing import capture_logs

from skillport_sync.errors import (
    Broken,
    Conflict,
    Denied,
    Invalid,
    Missing,
    RateLimited,
    Unauthenticated,
    Unavailable,
)


@pytest.fixture
def behind(serve_routes, door_of, published):
    """``await behind(answer)``: what a known caller is answered at ``/thing/{secret}``, anybody at ``/open/{secret}``."""

    async def serve(answer, **door):
        front = door_of(published.alice, published.bob, **door)

        async def to_known(request, caller):
            return await answer(request)

        return await serve_routes(
            [
                front.resource("/thing/{secret}", {"GET": front.known(to_known), "POST": front.known(to_known)}),
                front.resource("/open/{secret}", {"GET": front.anybody(answer)}, head=False),
            ]
        )

    return serve


async def said(request):
    return web.json_response({"said": request.match_info["secret"]})


def failing(error):
    async def answer(request):
        raise error

    return answer


async def test_a_host_that_is_not_ours_is_misdirected(behind):
    api = await behind(said)
    for path in ("/thing/1", "/open/1"):
        seen = await api.ask(path, headers={"Host": "rebound.example"})
        assert (seen.status, seen.json["code"]) == (421, "host_not_allowed")


async def test_a_page_of_a_strange_origin_is_refused_and_told_nothing(behind):
    api = await behind(said)
    for path in ("/thing/1", "/open/1"):
        for method in ("GET", "OPTIONS", "PUT"):
            seen = await api.ask(path, method=method, headers={"Origin": "https://evil.example"})
            assert (seen.status, seen.json["code"]) == (403, "origin_not_allowed")
            assert "Access-Control-Allow-Origin" not in seen.headers


async def test_a_page_of_a_known_origin_sees_answers_and_refusals(behind):
    api = await behind(said)
    for path, who, status in (("/thing/1", "bob", 200), ("/thing/1", None, 401), ("/open/1", None, 200)):
        seen = await api.ask(path, who=who, headers={"Origin": "https://claude.example"})
        assert seen.status == status
        assert seen.headers["Access-Control-Allow-Origin"] == "https://claude.example"
        assert "WWW-Authenticate" in seen.headers["Access-Control-Expose-Headers"]
        assert seen.headers["Vary"] == "Origin"


async def test_a_browser_that_asks_first_needs_no_token(behind):
    seen = await (await behind(said)).ask(
        "/thing/1", method="OPTIONS", who=None, headers={"Origin": "http://localhost:6274"}
    )
    assert (seen.status, seen.body) == (204, b"")
    assert seen.headers["Access-Control-Allow-Origin"] == "http://localhost:6274"
    assert "Authorization" in seen.headers["Access-Control-Allow-Headers"]
    assert "DELETE" in seen.headers["Access-Control-Allow-Methods"]


async def test_who_sends_no_token_or_a_wrong_one_is_told_how_to_sign_in(behind):
    api = await behind(said)
    missing = await api.ask("/thing/1", who=None)
    assert (missing.status, missing.json["code"]) == (401, "token_missing")
    assert missing.headers["WWW-Authenticate"] == (
        'Bearer resource_metadata="https://skills.acme.example/.well-known/oauth-protected-resource/mcp", scope="skills"'
    )
    for header in ("Bearer sps_nobodys", "Bearer ey.J.x", "Basic YTpi", "Bearer ", "bearer"):
        seen = await api.ask("/thing/1", headers={"Authorization": header})
        assert (seen.status, seen.json["code"]) == (401, "token_invalid")
        assert 'error="invalid_token"' in seen.headers["WWW-Authenticate"]


async def test_where_nobody_signs_in_the_challenge_is_bare(behind):
    seen = await (await behind(said, sign_in=None)).ask("/thing/1", who=None)
    assert seen.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_in_the_url_is_refused_even_beside_a_good_one(behind):
    seen = await (await behind(said)).ask("/thing/1?access_token=sps_of-bob")
    assert (seen.status, seen.json["code"]) == (400, "token_in_query")
    assert b"sps_of-bob" not in seen.body


async def test_tokens_that_cannot_be_looked_up_now_are_asked_for_again_later(behind):
    class Away:
        async def caller(self, authorization):
            raise Unavailable("the database is busy", code="database_busy", retry_after_s=2.2)

    seen = await (await behind(said, authenticator=Away())).ask("/thing/1")
    assert (seen.status, seen.json["code"], seen.headers["Retry-After"]) == (503, "database_busy", "3")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid("Send a number."), 400),
        (Unauthenticated("Who are you?", code="step_up"), 401),
        (Denied("Ask an editor."), 403),
        (Missing("There is no such thing."), 404),
        (Conflict("It moved."), 409),
        (Unavailable("Not now."), 503),
        (RateLimited("Slower.", retry_after_s=30), 503),
    ],
)
async def test_every_error_has_its_status_and_says_what_to_do(behind, error, status):
    seen = await (await behind(failing(error))).ask("/thing/1")
    assert (seen.status, seen.json["code"], seen.json["message"]) == (status, error.code, error.message)
    assert ("Retry-After" in seen.headers) == (status == 503)
    assert ("WWW-Authenticate" in seen.headers) == (status == 401)


@pytest.mark.parametrize("error", [Broken("blob 12 does not hash to its id"), ZeroDivisionError("division by zero")])
async def test_what_is_wrong_here_is_a_reference_outside_and_the_whole_story_in_the_log(behind, error):
    api = await behind(failing(error))
    with capture_logs() as lines:
        seen = await api.ask("/open/sp_in_hidden", who=None)
    assert (seen.status, seen.json["code"]) == (500, "internal_error")
    assert str(error).encode() not in seen.body
    (line,) = [line for line in lines if line["event"] == "request_failed"]
    assert line["reference"] in seen.json["message"]
    # The route and not the address: a one-time token stands in that.
    assert line["path"] == "/open/{secret}"
    assert "sp_in_hidden" not in repr(lines)


async def test_an_answer_that_breaks_off_is_cut_and_nothing_is_put_behind_it(behind):
    async def breaking(request):
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"half")
        raise Unavailable("the disk is gone")

    api = await behind(breaking)
    with capture_logs() as lines, pytest.raises(ClientError):
        await api.ask("/open/1")
    assert [line["event"] for line in lines] == ["answer_broken_off"]


async def test_head_is_get_without_its_body_and_only_where_that_changes_nothing(behind):
    api = await behind(said)
    got, head = await api.ask("/thing/1"), await api.ask("/thing/1", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(got.body))
    assert (await api.ask("/open/1", method="HEAD")).status == 405


async def test_other_methods_are_told_which_there_are(behind):
    api = await behind(said)
    for method in ("PUT", "DELETE", "PATCH", "PROPFIND"):
        seen = await api.ask("/thing/1", method=method)
        assert (seen.status, seen.json["code"]) == (405, "method_not_allowed")
        assert seen.headers["Allow"] == "GET, HEAD, POST"
    assert (await api.ask("/open/1", method="POST")).headers["Allow"] == "GET"


async def test_nobody_keeps_an_answer_unless_it_says_so(behind):
    assert (await (await behind(said)).ask("/thing/1")).headers["Cache-Control"] == "no-store"

    async def kept(request):
        return web.Response(text="x", headers={"Cache-Control": "private, max-age=60"})

    assert (await (await behind(kept)).ask("/thing/1")).headers["Cache-Control"] == "private, max-age=60"
