"""What the client does with answers that no well-behaved GitHub gives, and what it sends while doing so."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest
import structlog

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
from skillport_sync.git.objects import EMPTY_TREE, BlobId, CommitId, TreeId
from skillport_sync.github.budget import Spent
from skillport_sync.github.client import GitHub
from skillport_sync.github.credentials import StaticToken

A, B = CommitId("a" * 40), CommitId("b" * 40)
OID = BlobId("d" * 40)
REPO = "acme/skills"
API = "/repos/acme/skills"
BLOB = f"{API}/git/blobs/{OID}"
TREE = f"{API}/git/trees/{A}"
HEAD = f"{API}/commits/heads/main"
SHA = {"content-type": "application/vnd.github.sha; charset=utf-8"}
RATE = {
    "x-ratelimit-limit": "5000",
    "x-ratelimit-remaining": "4321",
    "x-ratelimit-reset": "1795000000",
    "x-ratelimit-resource": "core",
}
REPOSITORY = {"id": 7, "full_name": "acme/abilities", "default_branch": "trunk", "private": True, "archived": False}


async def failure_of(awaitable: Any) -> SkillportError:
    async with asyncio.timeout(10):
        with pytest.raises(SkillportError) as caught:
            await awaitable
    return caught.value


# --- what is sent --------------------------------------------------------------------------------------------------------


async def test_every_request_says_who_asks_for_which_version(github: GitHub, script: Any, secret: str) -> None:
    script.on(BLOB, b"x")
    await github.blob(REPO, OID, max_bytes=10)
    headers = script.seen[0].headers
    assert headers["Authorization"] == f"token {secret}"
    assert headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert headers["User-Agent"].startswith("skillport-sync/")
    assert headers["Accept"] == "application/vnd.github.raw+json"


async def test_a_head_check_offers_what_is_known(github: GitHub, script: Any) -> None:
    script.on(HEAD, status=304)
    head = await github.head(REPO, "heads/main", A)
    assert (head.commit, head.unchanged, head.renamed_to) == (A, True, None)
    assert script.seen[0].headers["If-None-Match"] == f'"{A}"'
    assert script.seen[0].headers["Accept"] == "application/vnd.github.sha"


async def test_a_branch_is_quoted_without_losing_its_slashes(github: GitHub, script: Any) -> None:
    script.on(f"{API}/commits/heads/fix/%237%3F%20%7Bx%7D", A.encode(), headers=SHA)
    assert (await github.head(REPO, "heads/fix/#7? {x}", None)).commit == A


async def test_a_tree_is_asked_for_with_or_without_what_is_below(github: GitHub, script: Any) -> None:
    script.on(TREE, {"tree": [], "truncated": False})
    await github.tree(REPO, A)
    await github.subtree(REPO, TreeId(A), recursive=True)
    await github.subtree(REPO, TreeId(A), recursive=False)
    assert script.targets == [f"GET {TREE}?recursive=1", f"GET {TREE}?recursive=1", f"GET {TREE}"]


async def test_the_empty_tree_is_not_asked_for(github: GitHub, script: Any) -> None:
    assert (await github.tree(REPO, EMPTY_TREE)).entries == []
    assert script.seen == []


async def test_what_is_no_repository_is_not_asked_for(github: GitHub, script: Any) -> None:
    for repository in ("skills", "../skills", "acme/skills/../.."):
        with pytest.raises(Invalid):
            await github.repository(repository)
    assert script.seen == []


# --- heads ---------------------------------------------------------------------------------------------------------------


async def test_a_new_head_is_told_from_a_known_one(github: GitHub, script: Any) -> None:
    script.on(HEAD, B.encode(), headers=SHA)
    assert not (await github.head(REPO, "heads/main", A)).unchanged
    assert (await github.head(REPO, "heads/main", B)).unchanged
    assert not (await github.head(REPO, "heads/main", None)).unchanged


async def test_a_304_that_nobody_asked_for_is_no_answer(github: GitHub, script: Any) -> None:
    script.on(HEAD, status=304)
    assert type(await failure_of(github.head(REPO, "heads/main", None))) is Unavailable


@pytest.mark.parametrize("status", [404, 422])
async def test_where_head_means_nothing_the_default_branch_is_looked_up(
    github: GitHub, script: Any, status: int
) -> None:
    script.on(f"{API}/commits/HEAD", {"message": "No commit found for SHA: HEAD"}, status=status)
    script.on(API, {**REPOSITORY, "full_name": REPO})
    script.on(f"{API}/commits/heads/trunk", A.encode(), headers=SHA)
    assert (await github.head(REPO, "HEAD", None)).commit == A


async def test_a_branch_that_is_not_there_is_missing(github: GitHub, script: Any) -> None:
    script.on(HEAD, {"message": "No commit found for SHA: heads/main"}, status=422)
    error = await failure_of(github.head(REPO, "heads/main", None))
    assert (type(error), error.code) == (Missing, "branch_missing")


@pytest.mark.parametrize("ref", ["HEAD", "heads/main"])
async def test_an_empty_repository_is_a_conflict_of_its_own(github: GitHub, script: Any, ref: str) -> None:
    script.on(f"{API}/commits/{ref}", {"message": "Git Repository is empty."}, status=409)
    error = await failure_of(github.head(REPO, ref, None))
    assert (type(error), error.code) == (Conflict, "empty_repository")


# --- redirects -----------------------------------------------------------------------------------------------------------


async def test_a_renamed_repository_is_followed_and_its_new_name_reported(
    github: GitHub, script: Any, secret: str
) -> None:
    script.on(HEAD, status=301, headers={"location": f"{script.url}/repositories/7/commits/heads/main"})
    script.on("/repositories/7/commits/heads/main", status=304)
    script.on("/repositories/7", REPOSITORY)
    head = await github.head(REPO, "heads/main", A)
    assert (head.commit, head.unchanged, head.renamed_to) == (A, True, "acme/abilities")
    assert [seen.headers["Authorization"] for seen in script.seen] == [f"token {secret}"] * 3
    assert script.seen[1].headers["If-None-Match"] == f'"{A}"'
    assert github.spent == Spent(requests=3, primary=2)


@pytest.mark.parametrize("status", [301, 307, 308])
async def test_a_redirect_on_the_same_origin_is_followed(github: GitHub, script: Any, status: int) -> None:
    script.on(BLOB, status=status, headers={"location": f"/repositories/7/git/blobs/{OID}"})
    script.on(f"/repositories/7/git/blobs/{OID}", b"content")
    assert await github.blob(REPO, OID, max_bytes=10) == b"content"


async def test_a_redirect_to_another_origin_gets_neither_credentials_nor_a_request(connect: Any, serve: Any) -> None:
    here, elsewhere = await serve(), await serve()
    here.on(BLOB, status=301, headers={"location": f"{elsewhere.url}{BLOB}?token=S3CR3T"})
    error = await failure_of(connect(here).blob(REPO, OID, max_bytes=10))
    assert (type(error), error.code) == (Unavailable, "github_redirect_refused")
    assert elsewhere.seen == []
    assert "S3CR3T" not in error.message


async def test_a_redirect_loop_ends(github: GitHub, script: Any) -> None:
    script.on(BLOB, status=301, headers={"location": BLOB})
    assert (await failure_of(github.blob(REPO, OID, max_bytes=10))).code == "github_redirect_refused"
    assert len(script.seen) == 4


@pytest.mark.parametrize("status", [300, 302, 303])
async def test_another_kind_of_redirect_is_not_followed(github: GitHub, script: Any, status: int) -> None:
    script.on(BLOB, status=status, headers={"location": "/other"})
    assert (await failure_of(github.blob(REPO, OID, max_bytes=10))).code == "github_redirect_refused"
    assert len(script.seen) == 1


@pytest.mark.parametrize("location", [{}, {"location": ""}, {"location": "http://"}, {"location": "http://[::1"}])
async def test_a_redirect_to_nowhere_is_no_answer(github: GitHub, script: Any, location: dict[str, str]) -> None:
    script.on(BLOB, status=301, headers=location)
    assert (await failure_of(github.blob(REPO, OID, max_bytes=10))).code == "github_redirect_refused"


# --- statuses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Unavailable), (401, Unauthenticated), (403, Denied), (404, Missing), (409, Conflict), (418, Unavailable),
     (422, Conflict), (451, Denied), (500, Unavailable), (502, Unavailable), (520, Unavailable), (599, Unavailable)],
)  # fmt: skip
async def test_a_status_becomes_one_of_our_errors(github: GitHub, script: Any, status: int, kind: type) -> None:
    script.on(BLOB, {"message": "because"}, status=status)
    error = await failure_of(github.blob(REPO, OID, max_bytes=10))
    assert type(error) is kind
    assert f"GET {BLOB}" in error.message


@pytest.mark.parametrize("status", [500, 502, 520])
async def test_an_error_page_that_breaks_off_or_goes_on_for_ever_is_still_an_error(
    github: GitHub, script: Any, status: int
) -> None:
    script.on(BLOB, b"<html>" + b"x" * 1_000_000, status=status, headers={"content-type": "text/html"})
    script.on(BLOB, b"<html>", status=status, cut_after=3)
    for _ in range(2):
        assert type(await failure_of(github.blob(REPO, OID, max_bytes=10))) is Unavailable


@pytest.mark.parametrize("ask", ["head", "commit", "tree", "blob", "repository"])
async def test_a_web_page_instead_of_an_answer_is_no_answer(github: GitHub, script: Any, ask: str) -> None:
    for path in (f"{API}/git/commits/{A}", TREE, HEAD, API, BLOB):
        script.on(path, b"<html>Please sign in</html>", headers={"content-type": "text/html; charset=utf-8"})
    asking = {
        "head": lambda: github.head(REPO, "heads/main", A),
        "commit": lambda: github.commit(REPO, A),
        "tree": lambda: github.tree(REPO, A),
        "blob": lambda: github.blob(REPO, OID, max_bytes=1000),
        "repository": lambda: github.repository(REPO),
    }[ask]
    assert type(await failure_of(asking())) is Unavailable


async def test_json_that_is_none_is_broken(github: GitHub, script: Any) -> None:
    script.on(API, b'{"id": 7', headers={"content-type": "application/json"})
    assert type(await failure_of(github.repository(REPO))) is Broken


async def test_a_comparison_with_a_commit_that_is_gone_is_no_comparison(github: GitHub, script: Any) -> None:
    script.on(f"{API}/compare/{A}...{B}", {"status": "diverged"})
    script.on(f"{API}/compare/{A}...{B}", {"message": "Not Found"}, status=404)
    assert await github.compare(REPO, A, B) == "diverged"
    assert await github.compare(REPO, A, B) is None


# --- bodies --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"text", b"[1]", bytes(range(256)) * 1000])
@pytest.mark.parametrize("kind", ["application/vnd.github.raw+json; charset=utf-8", "application/json", ""])
async def test_a_blob_is_bytes_whatever_it_says_it_is(github: GitHub, script: Any, content: bytes, kind: str) -> None:
    script.on(BLOB, content, headers={"content-type": kind} if kind else {})
    assert await github.blob(REPO, OID, max_bytes=len(content)) == content


async def test_a_blob_that_is_larger_than_it_may_be_is_not_read_to_its_end(github: GitHub, script: Any) -> None:
    never = asyncio.Event()
    script.on(BLOB, b"x" * 100_000_000, cut_after=2_000_000, hold=never)
    error = await failure_of(github.blob(REPO, OID, max_bytes=1000))
    assert (type(error), error.code) == (Broken, "github_answer_too_large")
    never.set()


async def test_an_endless_listing_is_not_read_to_its_end(connect: Any, script: Any) -> None:
    script.on(TREE, b'{"tree":[' + b" " * 100_000)
    assert (await failure_of(connect(script, max_json_bytes=50_000).tree(REPO, A))).code == "github_answer_too_large"


@pytest.mark.parametrize("cut_after", [0, 1, 9])
async def test_a_cut_answer_is_no_answer(github: GitHub, script: Any, cut_after: int) -> None:
    script.on(BLOB, b"0123456789", cut_after=cut_after)
    error = await failure_of(github.blob(REPO, OID, max_bytes=100))
    assert (type(error), error.code) == (Unavailable, "github_unreachable")


async def test_a_large_listing_is_read(github: GitHub, script: Any) -> None:
    entry = {"path": "skills/a/SKILL.md", "mode": "100644", "type": "blob", "sha": OID, "size": 3, "url": "https://…"}
    script.on(TREE, {"sha": A, "tree": [entry] * 2000, "truncated": True})
    answer = await github.tree(REPO, A)
    assert len(answer.entries) == 2000
    assert answer.truncated


# --- time ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["read_timeout_s", "total_timeout_s"])
async def test_an_answer_that_does_not_come_is_not_waited_for(connect: Any, script: Any, limit: str) -> None:
    never = asyncio.Event()
    script.on(BLOB, b"x", hold=never)
    error = await failure_of(connect(script, **{limit: 0.02}).blob(REPO, OID, max_bytes=100))
    assert (type(error), error.code) == (Unavailable, "github_unreachable")
    assert "too long" in error.message
    never.set()


async def test_nobody_listening_is_unavailable(connect: Any) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    github = connect(f"http://127.0.0.1:{port}")
    cut = await failure_of(github.repository(REPO))
    server.close()
    await server.wait_closed()
    refused = await failure_of(github.repository(REPO))
    assert [type(cut), type(refused)] == [Unavailable, Unavailable]
    assert github.spent == Spent(requests=2, primary=0)


async def test_a_question_that_is_cancelled_gives_its_place_back(connect: Any, script: Any) -> None:
    never = asyncio.Event()
    script.on(BLOB, b"x", hold=never)
    script.on(BLOB, b"x")
    github = connect(script, max_concurrency=1)
    question = asyncio.create_task(github.blob(REPO, OID, max_bytes=10))
    async with asyncio.timeout(10):
        await script.arrived.wait()
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
        assert await github.blob(REPO, OID, max_bytes=10) == b"x"
    never.set()


async def test_no_more_than_so_many_ask_at_once(connect: Any, script: Any) -> None:
    go = asyncio.Event()
    script.on(BLOB, b"x", hold=go)
    github = connect(script, max_concurrency=2)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(github.blob(REPO, OID, max_bytes=10))
        while len(script.seen) < 2:
            script.arrived.clear()
            await script.arrived.wait()
        assert github.spent.requests == 2
        go.set()
    assert len(script.seen) == 6


# --- limits and accounts -------------------------------------------------------------------------------------------------


async def test_the_accounts_count_requests_and_what_they_cost(github: GitHub, script: Any) -> None:
    script.on(HEAD, status=304)
    script.on(BLOB, b"x", headers=RATE)
    before = github.spent
    await github.head(REPO, "heads/main", A)
    assert github.spent - before == Spent(requests=1, primary=0)
    assert github.rate is None
    await github.blob(REPO, OID, max_bytes=10)
    assert github.spent - before == Spent(requests=2, primary=1)
    assert github.rate is not None
    assert (github.rate.limit, github.rate.remaining, github.rate.resource) == (5000, 4321, "core")


async def test_garbage_in_the_rate_headers_is_ignored(github: GitHub, script: Any) -> None:
    script.on(BLOB, b"x", headers=RATE)
    script.on(BLOB, b"x", headers={**RATE, "x-ratelimit-reset": "tomorrow", "x-ratelimit-remaining": "many"})
    for _ in range(2):
        await github.blob(REPO, OID, max_bytes=10)
    assert github.rate is not None
    assert github.rate.remaining == 4321


@pytest.mark.parametrize("status", [403, 429])
async def test_after_a_limit_nobody_asks_until_it_has_passed(
    github: GitHub, script: Any, clock: Any, status: int
) -> None:
    script.on(BLOB, {"message": "slow down"}, status=status, headers={"retry-after": "90"})
    script.on(BLOB, b"x")
    first = await failure_of(github.blob(REPO, OID, max_bytes=10))
    assert isinstance(first, RateLimited)
    assert first.retry_after_s == 90
    clock.advance(60)
    second = await failure_of(github.head(REPO, "heads/main", A))
    assert isinstance(second, RateLimited)
    assert second.retry_after_s == 30
    assert len(script.seen) == 1
    clock.advance(30)
    assert await github.blob(REPO, OID, max_bytes=10) == b"x"


async def test_a_shorter_limit_does_not_end_a_longer_one(connect: Any, script: Any, clock: Any) -> None:
    go = asyncio.Event()
    script.on(BLOB, b"", status=429, headers={"retry-after": "600"})
    script.on(HEAD, b"", status=429, headers={"retry-after": "5"}, hold=go)
    github = connect(script)
    async with asyncio.timeout(10):
        late = asyncio.create_task(failure_of(github.head(REPO, "heads/main", A)))
        await script.arrived.wait()
        await failure_of(github.blob(REPO, OID, max_bytes=10))
        go.set()
        await late
    clock.advance(60)
    error = await failure_of(github.blob(REPO, OID, max_bytes=10))
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 540


async def test_those_who_waited_for_their_turn_do_not_ask_either(connect: Any, script: Any) -> None:
    script.on(BLOB, {"message": "You have exceeded a secondary rate limit."}, status=403)
    github = connect(script, max_concurrency=1)
    failures = await asyncio.gather(*(failure_of(github.blob(REPO, OID, max_bytes=10)) for _ in range(5)))
    assert all(isinstance(failure, RateLimited) for failure in failures)
    assert len(script.seen) == 1


async def test_a_limit_says_until_when(github: GitHub, script: Any, clock: Any) -> None:
    reset = int(clock.now().timestamp()) + 1200
    script.on(BLOB, b"", status=429, headers={**RATE, "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)})
    error = await failure_of(github.blob(REPO, OID, max_bytes=10))
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 1200


# --- secrets -------------------------------------------------------------------------------------------------------------


async def test_no_failure_shows_the_token(connect: Any, script: Any, serve: Any, secret: str) -> None:
    never = asyncio.Event()
    for status in (401, 403, 404, 422, 429, 500):
        script.on(BLOB, {"message": f"bad {secret}"}, status=status)
    script.on(BLOB, b"0123456789", cut_after=3)
    script.on(BLOB, b"x", hold=never)
    shown = []
    for _ in range(8):
        error = await failure_of(connect(script, read_timeout_s=0.05).blob(REPO, OID, max_bytes=100))
        shown += ["".join(traceback.format_exception(error)), repr(error), repr(error.__dict__)]
    never.set()
    assert not [text for text in shown if secret in text]


async def test_an_answer_that_is_no_http_shows_no_token(connect: Any, babbler: str, secret: str) -> None:
    error = await failure_of(connect(babbler).blob(REPO, OID, max_bytes=100))
    assert type(error) is Unavailable
    assert error.__cause__ is None  # aiohttp's own error has the whole request in its repr
    assert secret not in "".join(traceback.format_exception(error))


async def test_nothing_that_holds_the_token_shows_it(github: GitHub, secret: str) -> None:
    credentials = StaticToken(secret)
    assert secret not in f"{credentials!r} {credentials!s} {github!r}"


async def test_each_request_leaves_one_line_without_names(github: GitHub, script: Any, clock: Any) -> None:
    script.on(BLOB, b"x")
    script.on(HEAD, status=304)
    with structlog.testing.capture_logs() as lines:
        await github.blob(REPO, OID, max_bytes=10)
        await github.head(REPO, "heads/main", A)
        await failure_of(github.commit(REPO, A))
    assert [
        (line["event"], line["log_level"], line["method"], line["kind"], line["status"], line["cost"]) for line in lines
    ] == [
        ("github_asked", "debug", "GET", "git/blobs", 200, 1),
        ("github_asked", "debug", "GET", "commits", 304, 0),
        ("github_asked", "debug", "GET", "git/commits", 404, 1),
    ]
    assert set(lines[0]) == {"event", "log_level", "method", "kind", "status", "duration_ms", "cost"}


@pytest.mark.parametrize("token", ["", " \n", "a b", "a\nb", "tökén"])
async def test_a_token_that_no_header_can_carry_is_refused_unseen(token: str) -> None:
    with pytest.raises(Invalid) as caught:
        StaticToken(token)
    assert not token.strip() or token not in caught.value.message


async def test_tokens_are_not_sent_in_the_clear(connect: Any) -> None:
    with pytest.raises(Invalid):
        connect("http://github.example")
