"""The writing client against a GitHub that behaves, one that refuses, and one whose answers are lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from skillport_sync.errors import Broken, Conflict, Denied, Missing, RateLimited, SkillportError, Unavailable
from skillport_sync.git.edit import Edited, Put, Remove, edited
from skillport_sync.git.listing import Listing, RawEntry, verified
from skillport_sync.git.objects import CommitId, Mode, TreeId
from skillport_sync.git.paths import RepoPath
from skillport_sync.github.budget import Limits
from skillport_sync.github.credentials import PULL_REQUESTS, WRITING, AppCredentials, StaticToken
from skillport_sync.github.transport import NOT_REACHED, Credentials
from skillport_sync.github.writing import Committed, GitHubWriter, Message, Protected, Requester, Stale, Unanswered
from skillport_sync.standin import File, Grant, Repository, StandInGitHub, Symlink

REPO = "acme/skills"
TOKEN = "token-of-the-tests"
BY_ADA = Message("Save pdf", Requester("Ada", "google:1", "ada@example.com"), "Two files.")
BY_BOB = Message("Save pdf", Requester("Bob", "google:2"))

Outcome = Committed | Stale | Protected | Unanswered
Commit = Callable[..., Awaitable[Outcome]]


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(seconds=self.passed_s)

    def monotonic_s(self) -> float:
        return self.passed_s


def put(path: str, content: bytes, *, executable: bool | None = None) -> Put:
    return Put(RepoPath(path), content, executable)


def remove(path: str) -> Remove:
    return Remove(RepoPath(path))


def listing(repository: Repository, commit: str | None = None) -> Listing:
    objects, tree = repository.objects, repository.tree(commit)
    rows = [
        RawEntry(path, Mode(entry.mode), entry.oid, objects.size_of(entry.oid) if entry.kind == "blob" else None)
        for path, entry in objects.walk(tree)
    ]
    found = verified(rows, TreeId(tree))
    assert isinstance(found, Listing)
    return found


def edit(repository: Repository, *edits: Put | Remove) -> Edited:
    found = edited(listing(repository), edits)
    assert isinstance(found, Edited)
    return found


PLAIN = (put("a/SKILL.md", b"# a, better\n"), put("b/new.bin", b"\0\xff"), remove("a/notes.md"))
MODES = (
    *PLAIN,
    put("a/run.sh", b"#!/bin/sh\necho\n", executable=True),
    put("a/SKILL.md", b"# a, better\n", executable=True),
)[1:]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def skills(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository(REPO)
    repository.commit(
        {
            "a/SKILL.md": b"# a\n",
            "a/notes.md": b"notes\n",
            "a/run.sh": File(b"#!/bin/sh\n", executable=True),
            "a/link": Symlink(b"SKILL.md"),
            "deep/er/one": b"1",
        }
    )
    return repository


@pytest.fixture
async def connect(standin: StandInGitHub, clock: HandClock) -> AsyncIterator[Callable[..., GitHubWriter]]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:

        def client(credentials: Credentials | None = None, url: str | None = None, **limits: float) -> GitHubWriter:
            return GitHubWriter(
                session,
                credentials or StaticToken(TOKEN),
                api_url=url or standin.api_url,
                clock=clock,
                limits=Limits(**limits),  # type: ignore[arg-type]
            )

        client.session = session  # type: ignore[attr-defined]
        yield client


@pytest.fixture
def writer(connect: Callable[..., GitHubWriter]) -> GitHubWriter:
    return connect()


def base_of(repository: Repository) -> tuple[CommitId, TreeId]:
    return CommitId(repository.head()), TreeId(repository.tree())


async def save(
    writer: GitHubWriter, repository: Repository, change: Edited, message: Message = BY_ADA, branch: str = "main"
) -> Outcome:
    return await writer.commit(REPO, branch, *base_of(repository), message, change)


def history_of(repository: Repository, branch: str = "main") -> list[str]:
    """First parents, newest first."""
    found, at = [], repository.head(branch)
    while True:
        found.append(at)
        parents = repository.objects.commit(at).parents
        if not parents:
            return found
        at = parents[0]


def check_requests(standin: StandInGitHub, openapi: Any) -> None:
    """Whatever was asked of REST was asked as GitHub describes it."""
    for entry in standin.journal:
        if entry.kind == "api" and "/pulls" not in entry.path:
            openapi.validate_request(
                entry.method, entry.path, entry.query, json.loads(entry.body) if entry.body else None
            )


# --- one commit --------------------------------------------------------------------------------------------------------------


async def test_ordinary_files_are_one_request_and_the_tree_that_was_computed(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub
) -> None:
    before, change = skills.head(), edit(skills, *PLAIN)
    assert change.is_plain
    done = await save(writer, skills, change)
    assert done == Committed(CommitId(skills.head()), change.listing.root, CommitId(before))
    assert skills.tree() == change.listing.root
    assert skills.objects.commit(skills.head()).parents == (before,)
    assert skills.objects.commit(skills.head()).message == BY_ADA.text
    assert standin.journal.lines() == ["POST /graphql 200"]
    assert writer.spent.requests == 1


async def test_modes_are_kept_where_a_plain_commit_would_lose_them(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub, openapi: Any
) -> None:
    before, change = skills.head(), edit(skills, *MODES)
    assert not change.is_plain
    done = await save(writer, skills, change)
    assert done == Committed(CommitId(skills.head()), change.listing.root, CommitId(before))
    assert skills.tree() == change.listing.root
    assert skills.objects.commit(skills.head()).message == BY_ADA.text
    asked = sorted(standin.journal.lines())
    assert asked == [
        f"GET /repos/{REPO} 200",
        "POST /graphql 200",
        f"POST /repos/{REPO}/git/blobs 201",
        f"POST /repos/{REPO}/git/commits 201",
        f"POST /repos/{REPO}/git/trees 201",
    ]
    assert [entry.path for entry in standin.journal][-1] == "/graphql"
    check_requests(standin, openapi)


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param((put("a/SKILL.md", b"# a\n", executable=True),), id="only the mode"),
        pytest.param((remove("deep/er/one"),), id="a directory becomes empty"),
        pytest.param((remove("deep/er/one"), put("deep", b"a file")), id="a directory becomes a file"),
        pytest.param((remove("a/notes.md"), put("a/notes.md/x", b"1")), id="a file becomes a directory"),
        pytest.param((put("a/run.sh", b"changed"),), id="an executable stays one"),
        pytest.param((put("a/link", b"no link any more"),), id="a link becomes a file"),
        pytest.param((put("ü/ß.md", "grüße\r\n".encode()), put("empty", b"")), id="names and nothing"),
        pytest.param((put("nul", b"a\0b"), put("big", b"x" * 300_000)), id="what is no inline text"),
    ],
)
@pytest.mark.parametrize("way", ["commit", "commit_objects"])
async def test_whatever_is_edited_becomes_the_tree_that_git_would_make(
    writer: GitHubWriter, skills: Repository, edits: tuple[Put | Remove, ...], way: str, openapi: Any, standin: Any
) -> None:
    change = edit(skills, *edits)
    done = await getattr(writer, way)(REPO, "main", *base_of(skills), BY_ADA, change)
    assert isinstance(done, Committed)
    assert skills.tree() == change.listing.root == done.tree
    check_requests(standin, openapi)


async def test_what_json_holds_badly_goes_as_a_blob_and_room_is_made_before_it_is_taken(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub
) -> None:
    edits = (put("nul", b"a\0b"), put("latin", b"caf\xe9"), put("deep", b"text"), remove("deep/er/one"))
    change = edit(skills, *edits)
    await writer.commit_objects(REPO, "main", *base_of(skills), BY_ADA, change)
    assert skills.tree() == change.listing.root
    (asked,) = standin.journal.matching("POST /git/trees")
    rows = [(row["path"], row.get("content"), row.get("sha", "") is None) for row in json.loads(asked.body)["tree"]]
    assert rows == [("deep/er/one", None, True), ("deep", "text", False), ("latin", None, False), ("nul", None, False)]
    assert standin.journal.count("POST /git/blobs") == 2


async def test_very_much_text_does_not_go_into_one_request(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub
) -> None:
    change = edit(skills, *[put(f"big/{n}", bytes([65 + n]) * 3_000_000) for n in range(3)])
    assert isinstance(await save(writer, skills, change), Committed)
    assert standin.journal.count("POST /git/blobs") == 3
    assert skills.tree() == change.listing.root


async def test_a_bots_commits_are_signed_and_an_owners_only_by_graphql(
    writer: GitHubWriter, skills: Repository, api: Any
) -> None:
    async def is_verified() -> bool:
        return bool((await api("GET", f"/repos/{REPO}/git/commits/{skills.head()}")).json["verification"]["verified"])

    await save(writer, skills, edit(skills, *PLAIN))
    assert await is_verified()
    await save(writer, skills, edit(skills, put("x", b"", executable=True)))
    assert not await is_verified()


# --- what keeps it from being made -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edits", [PLAIN, MODES], ids=["plain", "objects"])
class TestRefusals:
    """The same for both ways to write."""

    async def test_a_branch_that_moved_is_stale_and_stays(self, writer, skills, edits) -> None:
        change, base = edit(skills, *edits), base_of(skills)
        other = skills.commit({"other": b"1"})
        assert isinstance(await writer.commit(REPO, "main", *base, BY_ADA, change), Stale)
        assert skills.head() == other

    async def test_rewound_history_does_not_come_back(self, writer, skills, edits) -> None:
        first = skills.head()
        skills.commit({"secret": b"a mistake"})
        change, base = edit(skills, *edits), base_of(skills)
        skills.force("main", first)
        assert isinstance(await writer.commit(REPO, "main", *base, BY_ADA, change), Stale)
        assert skills.head() == first

    async def test_a_protected_branch_says_so(self, writer, skills, edits) -> None:
        before = skills.head()
        skills.protected_branches.add("main")
        done = await save(writer, skills, edit(skills, *edits))
        assert isinstance(done, Protected)
        assert "pull request" in done.said
        assert skills.head() == before

    async def test_an_archived_repository_says_so(self, writer, skills, edits) -> None:
        change = edit(skills, *edits)
        skills.archive()
        assert (await failure(save(writer, skills, change))).code == "repository_archived"

    async def test_a_missing_permission_is_named(self, connect, standin, skills, edits) -> None:
        standin.accept_token("reads", permissions={"contents": "read", "metadata": "read"})
        before = skills.head()
        error = await failure(save(connect(StaticToken("reads")), skills, edit(skills, *edits)))
        assert (type(error), error.code) == (Denied, "github_permission_missing")
        assert "contents=write" in error.message
        assert skills.head() == before

    async def test_a_repository_that_is_not_seen_is_missing(self, connect, standin, skills, edits) -> None:
        standin.accept_token("elsewhere", repositories=["acme/other"])
        error = await failure(save(connect(StaticToken("elsewhere")), skills, edit(skills, *edits)))
        assert type(error) is Missing

    async def test_a_branch_that_is_gone_is_not_made(self, writer, skills, edits) -> None:
        change, base = edit(skills, *edits), base_of(skills)
        try:
            done: object = await writer.commit(REPO, "gone", *base, BY_ADA, change)
        except Missing as error:
            done = error
        assert isinstance(done, Missing | Stale)
        assert "refs/heads/gone" not in skills.refs

    async def test_a_used_up_limit_stops_the_asking(self, writer, skills, standin, clock, edits) -> None:
        before = skills.head()
        standin.limits.exhaust(reset_in_s=100)
        change = edit(skills, *edits)
        assert type(await failure(save(writer, skills, change))) is RateLimited
        asked = standin.journal.count()
        assert type(await failure(save(writer, skills, change))) is RateLimited
        assert standin.journal.count() == asked
        assert skills.head() == before

    async def test_a_secondary_limit_is_waited_for_as_long_as_it_says(
        self, writer, skills, standin, clock, edits
    ) -> None:
        standin.limits.secondary_next(retry_after_s=7, times=3)
        change = edit(skills, *edits)
        error = await failure(save(writer, skills, change))
        assert isinstance(error, RateLimited)
        assert error.retry_after_s == 7
        standin.limits._secondary.clear()
        clock.passed_s += 8
        assert isinstance(await save(writer, skills, change), Committed)

    async def test_of_many_at_once_one_gets_through(self, writer, skills, edits) -> None:
        before, base = skills.head(), base_of(skills)
        changes = [edit(skills, *edits, put("who", b"%d" % n)) for n in range(50)]
        async with asyncio.timeout(60):
            outcomes = await asyncio.gather(*[writer.commit(REPO, "main", *base, BY_ADA, change) for change in changes])
        (won,) = [each for each in outcomes if isinstance(each, Committed)]
        assert sum(isinstance(each, Stale) for each in outcomes) == 49
        assert history_of(skills) == [won.commit, before]


async def failure(asking: Awaitable[object]) -> SkillportError:
    with pytest.raises(SkillportError) as raised:
        await asking
    return raised.value


async def test_the_query_limit_that_comes_with_200_closes_the_gate(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub
) -> None:
    standin.limits.exhaust(reset_in_s=100)
    await failure(save(writer, skills, edit(skills, *PLAIN)))
    (answered,) = standin.journal.entries
    assert (answered.path, answered.status) == ("/graphql", 200)
    await failure(writer.rights(REPO))
    assert standin.journal.count() == 1


async def test_what_github_takes_for_a_secret_is_told_and_nothing_moves(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub
) -> None:
    before = skills.head()
    body = json.dumps({"message": "Repository rule violations found\n\nSecret detected in content"})
    standin.faults.fail_next("POST /git/trees", status=422, body=body)
    error = await failure(save(writer, skills, edit(skills, *MODES)))
    assert (type(error), error.code) == (Denied, "github_push_protection")
    assert skills.head() == before


@pytest.mark.parametrize("kind", ["blobs", "trees", "commits"])
async def test_objects_that_are_not_what_git_makes_are_not_moved_to(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub, kind: str
) -> None:
    before = skills.head()
    other: dict[str, Any] = {"sha": "f" * 40, "tree": {"sha": "e" * 40}, "parents": [], "message": "x"}
    standin.faults.fail_next(f"POST /git/{kind}", status=201, body=json.dumps(other))
    error = await failure(save(writer, skills, edit(skills, *MODES)))
    assert (type(error), error.code) == (Broken, "github_wrote_another")
    assert skills.head() == before
    assert standin.journal.count("POST /graphql") == 0


async def test_a_renamed_repository_is_still_written_to(writer: GitHubWriter, skills: Repository) -> None:
    skills.rename("acme/renamed")
    for executable in (False, True):
        change = edit(skills, put("n", skills.head().encode(), executable=executable))
        assert isinstance(await save(writer, skills, change), Committed)


# --- answers that are lost ---------------------------------------------------------------------------------------------------

FAULTS: dict[str, Callable[[StandInGitHub, int], None]] = {
    "502 before": lambda hub, after: hub.faults.fail_next("* *", status=502, after=after),
    "502 after": lambda hub, after: hub.faults.fail_next("* *", status=502, after=after, late=True),
    "500 of GraphQL": lambda hub, after: hub.faults.fail_next(
        "* *",
        body='{"data": null, "errors": [{"message": "Something went wrong"}]}',
        status=200,
        after=after,
        late=True,
    ),
    "a page": lambda hub, after: hub.faults.fail_next("* *", status=200, after=after, late=True),
    "cut before": lambda hub, after: hub.faults.reset_next("* *", after=after),
    "cut after": lambda hub, after: hub.faults.reset_next("* *", after=after, late=True),
    "too late before": lambda hub, after: hub.faults.hang_next("* *", after=after),
    "too late after": lambda hub, after: hub.faults.hang_next("* *", after=after, late=True),
    "429": lambda hub, after: hub.faults.fail_next("* *", status=429, body='{"message": "slow down"}', after=after),
    "409": lambda hub, after: hub.faults.fail_next("* *", status=409, body='{"message": "Conflict"}', after=after),
    "403": lambda hub, after: hub.faults.fail_next("* *", status=403, body='{"message": "no"}', after=after),
}


@pytest.mark.parametrize("requests", range(5))
@pytest.mark.parametrize("edits", [PLAIN, MODES], ids=["plain", "objects"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_is_lost_the_branch_has_all_of_it_or_nothing_and_never_twice(
    connect: Callable[..., GitHubWriter],
    clock: HandClock,
    skills: Repository,
    standin: StandInGitHub,
    edits: tuple[Put | Remove, ...],
    fault: str,
    requests: int,
) -> None:
    writer = connect(total_timeout_s=0.3) if "late" in fault else connect()
    before, base, change = skills.head(), base_of(skills), edit(skills, *edits)
    FAULTS[fault](standin, requests)

    async def attempt() -> Outcome | SkillportError:
        try:
            return await writer.commit(REPO, "main", *base, BY_ADA, change)
        except SkillportError as error:
            return error

    outcome = await attempt()
    standin.faults.clear()
    clock.passed_s += 100
    landed = skills.head() != before
    match outcome:
        case Committed(commit):
            assert commit == skills.head()
        case Unanswered():
            found = await writer.landed(REPO, "main", base[0], change.listing.root, BY_ADA)
            assert found == (Committed(CommitId(skills.head()), change.listing.root, base[0]) if landed else None)
        case SkillportError():
            assert not landed
        case _:
            pytest.fail(f"{outcome}")
    # Once more, whatever came of it: the first and the second together make one commit.
    again = await attempt()
    assert isinstance(again, Stale if landed else Committed)
    assert skills.tree() == change.listing.root
    assert history_of(skills) == [skills.head(), before]


async def test_what_never_reached_github_is_no_open_question(
    connect: Callable[..., GitHubWriter], skills: Repository
) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    error = await failure(save(connect(url=f"http://127.0.0.1:{port}"), skills, edit(skills, *PLAIN)))
    assert (type(error), error.code) == (Unavailable, NOT_REACHED)


async def test_our_commit_is_found_under_those_that_came_since(writer: GitHubWriter, skills: Repository) -> None:
    base, change = base_of(skills), edit(skills, *PLAIN)
    done = await save(writer, skills, change)
    for n in range(5):
        skills.commit({f"later/{n}": b"1"})
    assert await writer.landed(REPO, "main", base[0], change.listing.root, BY_ADA) == done


async def test_the_same_edit_by_somebody_else_is_not_ours(writer: GitHubWriter, skills: Repository) -> None:
    base, change = base_of(skills), edit(skills, *PLAIN)
    assert isinstance(await save(writer, skills, change, BY_BOB), Committed)
    assert await writer.landed(REPO, "main", base[0], change.listing.root, BY_ADA) is None
    assert await writer.landed(REPO, "main", base[0], change.listing.root, BY_BOB) is not None


async def test_another_edit_on_the_same_parent_is_not_ours(writer: GitHubWriter, skills: Repository) -> None:
    base, change = base_of(skills), edit(skills, *PLAIN)
    skills.commit({"other": b"1"}, message=BY_ADA.text)
    assert await writer.landed(REPO, "main", base[0], change.listing.root, BY_ADA) is None


async def test_a_history_without_the_parent_is_not_walked_for_ever(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub
) -> None:
    for n in range(150):
        skills.commit({"n": b"%d" % n})
    assert await writer.landed(REPO, "main", CommitId("f" * 40), TreeId("e" * 40), BY_ADA) is None
    assert standin.journal.count() == 101


async def test_reads_that_lag_do_not_make_it_twice(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub
) -> None:
    before, base, change = skills.head(), base_of(skills), edit(skills, *PLAIN)
    standin.faults.lag_after_writes = 1
    standin.faults.reset_next("POST /graphql", late=True)
    assert isinstance(await writer.commit(REPO, "main", *base, BY_ADA, change), Unanswered)
    assert await writer.landed(REPO, "main", base[0], change.listing.root, BY_ADA) is None
    assert isinstance(await writer.commit(REPO, "main", *base, BY_ADA, change), Stale)
    assert await writer.landed(REPO, "main", base[0], change.listing.root, BY_ADA) is not None
    assert history_of(skills) == [skills.head(), before]


async def test_the_head_is_read_with_its_tree_and_parents(writer: GitHubWriter, skills: Repository) -> None:
    first, second = skills.head(), skills.commit({"x": b"1"}, message="One\n\nTwo")
    seen = await writer.head_of(REPO, "main")
    assert (seen.commit, seen.tree, seen.parents, seen.message) == (second, skills.tree(), (first,), "One\n\nTwo")
    assert type(await failure(writer.head_of(REPO, "gone"))) is Missing


# --- branches ----------------------------------------------------------------------------------------------------------------


async def test_a_branch_is_made_once_whoever_asks_again(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub, openapi: Any
) -> None:
    at = CommitId(skills.head())
    standin.faults.reset_next("POST /git/refs", late=True)
    assert type(await failure(writer.create_branch(REPO, "skillport/a/1", at))) is Unavailable
    assert await writer.create_branch(REPO, "skillport/a/1", at) == at
    other = CommitId(skills.commit({"x": b"1"}))
    assert await writer.create_branch(REPO, "skillport/a/1", other) == at
    assert skills.refs["refs/heads/skillport/a/1"] == at
    check_requests(standin, openapi)


@pytest.mark.parametrize(
    ("status", "words", "meant"),
    [
        (
            422,
            "Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n",
            Protected,
        ),
        (422, "Reference update failed", Conflict),
        (409, "Conflict", Conflict),
    ],
)
async def test_a_branch_that_may_not_be_made_says_why(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub, status: int, words: str, meant: type
) -> None:
    standin.faults.fail_next("POST /git/refs", status=status, body=json.dumps({"message": words}))
    try:
        done: object = await writer.create_branch(REPO, "new", CommitId(skills.head()))
    except Conflict as error:
        done = error
    assert isinstance(done, meant)


async def test_a_branch_is_deleted_only_where_it_is_expected_to_be(writer: GitHubWriter, skills: Repository) -> None:
    at = CommitId(skills.head())
    await writer.create_branch(REPO, "work", at)
    moved = CommitId(skills.commit({"x": b"1"}, branch="work"))
    assert isinstance(await writer.delete_branch(REPO, "work", at), Stale)
    assert await writer.delete_branch(REPO, "work", moved) is None
    assert "refs/heads/work" not in skills.refs


async def test_a_commit_can_be_made_before_its_branch(writer: GitHubWriter, skills: Repository) -> None:
    change = edit(skills, *MODES)
    made = await writer.make_commit(REPO, *base_of(skills), BY_ADA, change)
    assert await writer.create_branch(REPO, "skillport/a/1", made.commit) == made.commit
    assert skills.tree(skills.head("skillport/a/1")) == change.listing.root


async def test_rights_say_what_may_be_done(
    writer: GitHubWriter, connect: Callable[..., GitHubWriter], skills: Repository, standin: StandInGitHub
) -> None:
    rights = await writer.rights(REPO)
    assert (rights.full_name, rights.default_branch, rights.archived, rights.may_push) == (REPO, "main", False, True)
    standin.accept_token("reads", permissions={"contents": "read", "metadata": "read"})
    skills.archive()
    rights = await connect(StaticToken("reads")).rights(REPO)
    assert (rights.archived, rights.may_push) == (True, False)


# --- pull requests -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def proposed(writer: GitHubWriter, skills: Repository) -> str:
    """A branch with something to merge."""
    branch = "skillport/a/1"
    await writer.create_branch(REPO, branch, CommitId(skills.head()))
    done = await writer.commit_plain(REPO, branch, CommitId(skills.head()), BY_ADA, edit(skills, *PLAIN))
    assert isinstance(done, Committed)
    return branch


async def test_a_pull_request_is_opened_once_whoever_asks_again(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub, proposed: str, openapi: Any
) -> None:
    standin.faults.reset_next("POST /pulls", late=True)
    wanted = {"head": proposed, "base": "main", "title": "Save pdf", "body": "by Ada"}
    assert type(await failure(writer.pulls.open(REPO, **wanted))) is Unavailable
    pull = await writer.pulls.open(REPO, **wanted)
    assert (pull.number, pull.state, pull.title, pull.body) == (1, "open", "Save pdf", "by Ada")
    assert (pull.head_branch, pull.head_commit, pull.base_branch) == (proposed, skills.head(proposed), "main")
    assert pull.url.endswith("/acme/skills/pull/1")
    assert len(skills.pulls) == 1
    for entry in standin.journal.matching("POST /pulls"):
        openapi.validate_request("POST", entry.path, {}, json.loads(entry.body))


async def test_an_open_pull_request_that_lists_do_not_show_yet_is_a_conflict(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub, proposed: str
) -> None:
    skills.pulls.open(proposed, "main", "by hand")
    standin.faults.hide_newest_pull()
    error = await failure(writer.pulls.open(REPO, head=proposed, base="main", title="x", body=""))
    assert (type(error), error.code) == (Conflict, "github_conflict")
    assert "already exists" in error.message


async def test_nothing_to_merge_says_so(writer: GitHubWriter, skills: Repository) -> None:
    skills.create_branch("same")
    error = await failure(writer.pulls.open(REPO, head="same", base="main", title="x", body=""))
    assert error.code == "nothing_to_merge"


async def test_a_branch_that_github_does_not_see_yet_is_a_conflict(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub
) -> None:
    standin.faults.lag_after_writes = 1
    await writer.create_branch(REPO, "new", CommitId(skills.commit({"x": b"1"}, branch="elsewhere")))
    wanted = {"head": "new", "base": "main", "title": "x", "body": ""}
    assert (await failure(writer.pulls.open(REPO, **wanted))).code == "github_conflict"
    assert (await writer.pulls.open(REPO, **wanted)).number == 1


async def test_a_pull_request_is_found_changed_and_closed(
    writer: GitHubWriter, skills: Repository, proposed: str
) -> None:
    opened = await writer.pulls.open(REPO, head=proposed, base="main", title="Save", body="one")
    assert await writer.pulls.find(REPO, head=proposed) == opened
    assert await writer.pulls.find(REPO, head="other") is None
    changed = await writer.pulls.update(REPO, 1, body="two")
    assert (changed.title, changed.body) == ("Save", "two")
    assert (await writer.pulls.close(REPO, 1)).state == "closed"
    assert (await writer.pulls.close(REPO, 1)).state == "closed"
    assert await writer.pulls.find(REPO, head=proposed) is None
    assert (await writer.pulls.get(REPO, 1)).state == "closed"
    assert type(await failure(writer.pulls.get(REPO, 2))) is Missing


async def test_one_that_a_person_merged_is_merged(writer: GitHubWriter, skills: Repository, proposed: str) -> None:
    await writer.pulls.open(REPO, head=proposed, base="main", title="Save", body="")
    skills.protected_branches.add("main")
    skills.pulls.merge(1)
    assert (await writer.pulls.get(REPO, 1)).state == "merged"
    assert [pull.state for pull in await writer.pulls.listed(REPO, state="all")] == ["merged"]
    assert skills.read("a/SKILL.md") == b"# a, better\n"


async def test_all_pages_of_pull_requests_are_listed(
    writer: GitHubWriter, skills: Repository, standin: StandInGitHub
) -> None:
    for n in range(205):
        skills.create_branch(f"b{n}")
        skills.pulls.open(f"b{n}", "main", str(n))
    numbers = [pull.number for pull in await writer.pulls.listed(REPO)]
    assert numbers == list(range(205, 0, -1))
    assert standin.journal.count("GET /pulls") == 3


async def test_pull_requests_take_a_permission_of_their_own(
    connect: Callable[..., GitHubWriter], standin: StandInGitHub, skills: Repository
) -> None:
    standin.accept_token("commits", permissions={"contents": "write", "metadata": "read"})
    writer = connect(StaticToken("commits"))
    assert isinstance(await save(writer, skills, edit(skills, *PLAIN)), Committed)
    error = await failure(writer.pulls.open(REPO, head="x", base="main", title="x", body=""))
    assert (type(error), error.code) == (Denied, "github_permission_missing")
    assert "pull_requests=write" in error.message


# --- the App -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> tuple[str, str]:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@pytest.fixture
def as_app(standin: StandInGitHub, connect: Any, key: tuple[str, str], clock: HandClock) -> Callable[..., GitHubWriter]:
    def client(**granted: str) -> GitHubWriter:
        standin.register_app(7, key[1], 99, account="acme", permissions={"metadata": "read", **granted})
        return connect(  # type: ignore[no-any-return]
            AppCredentials(
                connect.session,
                app_id="7",
                private_key=key[0],
                repository=REPO,
                permissions=WRITING,
                wished=PULL_REQUESTS,
                api_url=standin.api_url,
                clock=clock,
            )
        )

    return client


def minted(standin: StandInGitHub) -> list[Grant]:
    return [grant for grant in standin.access.grants.values() if grant.app is not None]


async def test_an_app_writes_with_a_token_for_this_repository_and_no_more(
    as_app: Any, standin: StandInGitHub, skills: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = as_app(contents="write", pull_requests="write", repository_hooks="write", workflows="write")
    assert isinstance(await save(writer, skills, edit(skills, *PLAIN)), Committed)
    (grant,) = minted(standin)
    assert grant.permissions == {"contents": "write", "metadata": "read", "pull_requests": "write"}
    assert grant.repositories == {REPO}


async def test_an_app_without_pull_requests_still_commits(
    as_app: Any, standin: StandInGitHub, skills: Repository
) -> None:
    writer = as_app(contents="write")
    assert isinstance(await save(writer, skills, edit(skills, *PLAIN)), Committed)
    (grant,) = minted(standin)
    assert grant.permissions == {"contents": "write", "metadata": "read"}


async def test_an_app_that_may_not_write_says_what_it_lacks_and_asks_for_nothing_else(
    as_app: Any, standin: StandInGitHub, skills: Repository
) -> None:
    writer = as_app(contents="read", pull_requests="write")
    error = await failure(save(writer, skills, edit(skills, *PLAIN)))
    assert (type(error), error.code) == (Denied, "app_without_permission")
    assert "contents=write" in error.message
    assert standin.journal.count("POST /graphql") == 0


async def test_an_app_without_the_repository_is_not_said_to_lack_permissions(
    as_app: Any, standin: StandInGitHub, skills: Repository
) -> None:
    writer = as_app(contents="write")
    app = standin.access.apps[7]
    await writer.rights(REPO)
    app.repositories = frozenset({"acme/other"})
    standin.access.grants.clear()
    error = await failure(save(writer, skills, edit(skills, *PLAIN)))
    assert type(error) is Missing
    assert "permission" not in error.message


async def test_a_token_that_cannot_be_had_is_no_open_question(
    as_app: Any, standin: StandInGitHub, skills: Repository
) -> None:
    writer = as_app(contents="write", pull_requests="write")
    standin.faults.reset_next("POST /access_tokens")
    assert type(await failure(save(writer, skills, edit(skills, *PLAIN)))) is Unavailable
    assert standin.journal.count("POST /graphql") == 0


# --- secrets -----------------------------------------------------------------------------------------------------------------


async def test_no_log_line_and_no_error_shows_a_token_or_a_file(
    connect: Callable[..., GitHubWriter], skills: Repository, standin: StandInGitHub
) -> None:
    standin.accept_token("hush-hush", permissions={"contents": "read"})
    change = edit(skills, put("a/SKILL.md", b"confidential"), put("run", b"confidential", executable=True))
    with structlog.testing.capture_logs() as logged:
        writer = connect(StaticToken("hush-hush"))
        errors = [await failure(save(writer, skills, change)), await failure(writer.pulls.close(REPO, 1))]
    said = json.dumps(logged, default=str) + "".join(f"{error!r}{error.message}" for error in errors)
    assert logged
    assert "hush" not in said
    assert "confidential" not in said


async def test_a_token_no_header_can_carry_says_which_key_to_look_at() -> None:
    with pytest.raises(SkillportError, match="write_token_file"):
        StaticToken("a b", key="write_token_file")
