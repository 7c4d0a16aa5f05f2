"""The client against a GitHub that behaves, in what is asked, what it costs and what comes of it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from skillport_sync.errors import Broken, Conflict, Denied, Missing, RateLimited, Unauthenticated, Unavailable
from skillport_sync.git.listing import Listing, verified
from skillport_sync.git.objects import BlobId, CommitId, Mode, TreeId, blob_id
from skillport_sync.github.budget import Spent
from skillport_sync.github.client import GitHub
from skillport_sync.github.credentials import AppCredentials, StaticToken
from skillport_sync.standin import File, Repository, StandInGitHub, Submodule, Symlink

REPO = "acme/skills"
TOKEN = "token-of-the-tests"
FILES = {
    b"skills/one/SKILL.md": b"# one\r\n",
    b"skills/one/run.sh": File(b"#!/bin/sh\n", executable=True),
    b"skills/one/link": Symlink(b"SKILL.md"),
    b"skills/one/" + b"deep/" * 40 + b"file": b"deep",
    b"caf\xe9.md": b"latin-1",
    b"logo.bin": bytes(range(256)) * 20,
    b"empty": b"",
    b"vendor": Submodule("9" * 40),
    b"hidden.md": b"not in archives",
    b".gitattributes": b"hidden.md export-ignore\n",
}


@pytest.fixture
def repository(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository(REPO)
    repository.commit(FILES)
    return repository


@pytest.fixture
def head(repository: Repository) -> CommitId:
    return CommitId(repository.head())


@pytest.fixture
async def github(connect: Any, standin: StandInGitHub, repository: Repository) -> GitHub:
    return connect(standin.api_url, credentials=StaticToken(TOKEN))


async def test_a_commit_is_read_whole_and_proves_itself(github: GitHub, head: CommitId, repository: Repository) -> None:
    assert (await github.head(REPO, "HEAD", None)).commit == head
    commit, tree = await asyncio.gather(github.commit(REPO, head), github.tree(REPO, head))
    assert (commit.id, commit.parents, commit.tree) == (head, (), repository.tree())
    assert tree.lossy_names
    readable = [entry for entry in tree.entries if b"caf" not in entry.path]
    assert {(entry.path, entry.mode) for entry in readable if entry.mode is not Mode.TREE} == {
        (b"skills/one/SKILL.md", Mode.FILE),
        (b"skills/one/run.sh", Mode.EXECUTABLE),
        (b"skills/one/link", Mode.SYMLINK),
        (b"skills/one/" + b"deep/" * 40 + b"file", Mode.FILE),
        (b"logo.bin", Mode.FILE),
        (b"empty", Mode.FILE),
        (b"vendor", Mode.SUBMODULE),
        (b"hidden.md", Mode.FILE),
        (b".gitattributes", Mode.FILE),
    }
    for entry in tree.entries:
        if entry.mode.has_content:
            content = await github.blob(REPO, BlobId(entry.oid), max_bytes=10_000)
            assert blob_id(content) == entry.oid
            assert len(content) == entry.size_bytes


async def test_a_listing_without_odd_names_verifies(github: GitHub, repository: Repository) -> None:
    head = CommitId(repository.commit({b"caf\xe9.md": None}))
    commit, tree = await asyncio.gather(github.commit(REPO, head), github.tree(REPO, head))
    assert not tree.lossy_names
    assert isinstance(verified(tree.entries, commit.tree), Listing)


async def test_an_archive_holds_what_the_listing_says_raw_names_included(github: GitHub, head: CommitId) -> None:
    async with github.tarball(REPO, head, max_bytes=100_000) as batches:
        members = {member.path: member async for batch in batches for member in batch}
    assert set(members) == set(FILES) - {b"vendor", b"hidden.md"}
    assert members[b"skills/one/run.sh"].mode is Mode.EXECUTABLE
    assert (members[b"skills/one/link"].mode, members[b"skills/one/link"].content) == (Mode.SYMLINK, b"SKILL.md")
    assert members[b"logo.bin"].content == FILES[b"logo.bin"]


async def test_our_accounts_are_githubs_accounts(github: GitHub, standin: StandInGitHub, head: CommitId) -> None:
    await github.head(REPO, "heads/main", None)
    await github.head(REPO, "heads/main", head)
    await github.commit(REPO, head)
    async with github.tarball(REPO, head, max_bytes=100_000) as batches:
        _ = [batch async for batch in batches]
    with pytest.raises(Missing):
        await github.blob(REPO, BlobId("e" * 40), max_bytes=10)
    standin.limits.secondary_next(status=429)
    with pytest.raises(RateLimited):
        await github.repository(REPO)
    assert github.spent == Spent(requests=len(standin.journal), primary=standin.journal.primary_cost())


async def test_every_request_is_one_that_github_describes(
    github: GitHub,
    standin: StandInGitHub,
    head: CommitId,
    repository: Repository,
    openapi: Any,
    app: AppCredentials,
    connect: Any,
) -> None:
    second = CommitId(repository.commit({"skills/one/SKILL.md": b"# two"}))
    apps = connect(standin.api_url, credentials=app)
    for client in (github, apps):
        await client.head(REPO, "HEAD", None)
        await client.head(REPO, "heads/main", head)
        fact = await client.commit(REPO, head)
        await client.tree(REPO, head)
        await client.subtree(REPO, fact.tree, recursive=False)
        await client.blob(REPO, blob_id(b""), max_bytes=10)
        await client.repository(REPO)
        assert await client.compare(REPO, head, second) == "ahead"
        async with client.tarball(REPO, head, max_bytes=100_000):
            pass
    repository.rename("acme/abilities")
    await github.head(REPO, "heads/main", head)
    asked = [entry for entry in standin.journal if entry.kind == "api"]
    assert len(asked) >= 20
    for entry in asked:
        body = json.loads(entry.body) if entry.body else None
        openapi.validate_request(entry.method, entry.path, entry.query, body)


@pytest.mark.parametrize(
    ("base", "other", "relation"),
    [(0, 1, "ahead"), (1, 0, "behind"), (1, 1, "identical"), (1, 2, "diverged")],
)
async def test_commits_are_compared(
    github: GitHub, repository: Repository, head: CommitId, base: int, other: int, relation: str
) -> None:
    first, second = head, CommitId(repository.commit({"a": b"1"}))
    repository.force("main", first)
    commits = [first, second, CommitId(repository.commit({"a": b"2"}))]
    assert await github.compare(REPO, commits[base], commits[other]) == relation
    assert await github.compare(REPO, CommitId("e" * 40), commits[0]) is None


async def test_a_truncated_listing_says_so_and_its_parts_are_whole(
    github: GitHub, standin: StandInGitHub, head: CommitId, repository: Repository
) -> None:
    standin.tree_limit = 3
    whole = await github.tree(REPO, head)
    assert whole.truncated
    assert len(whole.entries) == 3
    standin.tree_limit = 100_000
    top = await github.subtree(REPO, TreeId(repository.tree()), recursive=False)
    assert not top.truncated
    skills = next(entry for entry in top.entries if entry.path == b"skills")
    below = await github.subtree(REPO, TreeId(skills.oid), recursive=True)
    assert b"one/SKILL.md" in {entry.path for entry in below.entries}


async def test_a_renamed_repository_is_found_under_its_old_name(
    github: GitHub, repository: Repository, head: CommitId
) -> None:
    repository.rename("acme/abilities")
    renamed = await github.head(REPO, "heads/main", head)
    assert (renamed.unchanged, renamed.renamed_to) == (True, "acme/abilities")
    assert (await github.repository(REPO)).full_name == "acme/abilities"
    assert (await github.head("acme/abilities", "heads/main", head)).renamed_to is None


async def test_the_default_branch_is_followed_whatever_it_is_called(
    github: GitHub, repository: Repository, head: CommitId
) -> None:
    repository.rename_default_branch("trunk")
    assert (await github.head(REPO, "HEAD", None)).commit == head
    with pytest.raises(Missing):
        await github.head(REPO, "heads/main", head)


async def test_an_empty_repository_says_so(github: GitHub, standin: StandInGitHub) -> None:
    standin.create_repository("acme/empty")
    for ref in ("HEAD", "heads/main"):
        with pytest.raises(Conflict) as caught:
            await github.head("acme/empty", ref, None)
        assert caught.value.code == "empty_repository"


async def test_a_deleted_repository_is_missing(github: GitHub, repository: Repository, head: CommitId) -> None:
    repository.delete()
    with pytest.raises(Missing):
        await github.head(REPO, "HEAD", head)


async def test_a_token_without_rights_is_told_which_it_needs(
    standin: StandInGitHub, head: CommitId, connect: Any
) -> None:
    standin.accept_token("weak", permissions={"metadata": "read"})
    standin.accept_token("stranger", repositories=["acme/other"])
    with pytest.raises(Denied, match="contents"):
        await connect(standin.api_url, credentials=StaticToken("weak")).commit(REPO, head)
    with pytest.raises(Missing):
        await connect(standin.api_url, credentials=StaticToken("stranger")).commit(REPO, head)
    with pytest.raises(Unauthenticated):
        await connect(standin.api_url, credentials=StaticToken("unknown")).commit(REPO, head)


@pytest.mark.parametrize("status", [403, 429])
async def test_a_used_up_limit_is_waited_out(
    github: GitHub, standin: StandInGitHub, clock: Any, head: CommitId, status: int
) -> None:
    clock.at = datetime.now(UTC)
    standin.limits.exhaust(status=status, reset_in_s=600)
    with pytest.raises(RateLimited) as caught:
        await github.commit(REPO, head)
    assert caught.value.retry_after_s == pytest.approx(600, abs=5)
    assert github.rate is not None
    assert github.rate.remaining == 0
    standin.limits.refill()
    clock.advance(caught.value.retry_after_s or 0)
    assert (await github.commit(REPO, head)).id == head


async def test_an_enterprise_server_without_limits_tells_none(
    github: GitHub, standin: StandInGitHub, head: CommitId
) -> None:
    standin.limits.off = True
    await github.commit(REPO, head)
    assert github.rate is None


async def test_faults_come_out_as_what_they_are(
    github: GitHub, standin: StandInGitHub, head: CommitId, connect: Any
) -> None:
    standin.faults.fail_next("GET /git/commits", status=502)
    with pytest.raises(Unavailable):
        await github.commit(REPO, head)
    standin.faults.cut_next("GET /git/trees", after_bytes=100)
    with pytest.raises(Unavailable):
        await github.tree(REPO, head)
    standin.faults.cut_next("GET codeload:*", after_bytes=100)
    with pytest.raises(Unavailable):
        await _drain(github, head)
    standin.faults.corrupt_next("GET codeload:*")
    with pytest.raises(Broken):
        await _drain(github, head)
    standin.faults.hang_next("GET /git/commits")
    with pytest.raises(Unavailable):
        await connect(standin.api_url, credentials=StaticToken(TOKEN), read_timeout_s=0.05).commit(REPO, head)
    standin.faults.down()
    with pytest.raises(Unavailable):
        await github.commit(REPO, head)
    standin.faults.up()
    assert (await github.commit(REPO, head)).id == head


async def _drain(github: GitHub, head: CommitId) -> None:
    async with github.tarball(REPO, head, max_bytes=100_000) as batches:
        async for _ in batches:
            pass


async def test_no_more_than_eight_requests_are_under_way(github: GitHub, standin: StandInGitHub) -> None:
    gate = standin.faults.gate("GET /git/blobs")
    oid = blob_id(b"")
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(github.blob(REPO, oid, max_bytes=10))
        await gate.reached(8)
        gate.open()
    assert standin.journal.most_at_once() == 8


# --- as an App -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def app(
    key: rsa.RSAPrivateKey, standin: StandInGitHub, repository: Repository, session: aiohttp.ClientSession, clock: Any
) -> AppCredentials:
    clock.at = datetime.now(UTC)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    standin.register_app(77, public.decode(), 4242, account="acme")
    return AppCredentials(
        session, app_id="77", private_key=private.decode(), repository=REPO, api_url=standin.api_url, clock=clock
    )


async def test_an_app_reads_what_it_is_installed_on(
    connect: Any, standin: StandInGitHub, app: AppCredentials, head: CommitId
) -> None:
    standin.create_repository("acme/other").commit({"a": b"1"})
    github = connect(standin.api_url, credentials=app)
    assert (await github.head(REPO, "HEAD", None)).commit == head
    with pytest.raises(Missing):  # its token is narrowed to one repository
        await github.head("acme/other", "HEAD", None)
    assert standin.journal.count("POST /app/installations/4242/access_tokens") == 1


async def test_a_revoked_app_token_is_replaced(
    connect: Any, standin: StandInGitHub, app: AppCredentials, head: CommitId
) -> None:
    github = connect(standin.api_url, credentials=app)
    await github.commit(REPO, head)
    standin.revoke_token((await app.authorization()).removeprefix("token "))
    assert (await github.commit(REPO, head)).id == head
    assert standin.journal.count("POST /app/installations/4242/access_tokens") == 2


async def test_an_app_keeps_a_renamed_repository(
    connect: Any, standin: StandInGitHub, app: AppCredentials, repository: Repository, head: CommitId
) -> None:
    repository.rename("acme/abilities")
    github = connect(standin.api_url, credentials=app)
    assert (await github.head(REPO, "heads/main", head)).renamed_to == "acme/abilities"
    assert (await github.commit("acme/abilities", head)).id == head


async def test_an_app_that_is_not_installed_there_is_told_so(
    connect: Any, standin: StandInGitHub, app: AppCredentials, repository: Repository, head: CommitId
) -> None:
    repository.transfer("elsewhere")
    with pytest.raises(Missing) as caught:
        await connect(standin.api_url, credentials=app).commit(REPO, head)
    assert caught.value.code == "app_not_installed"
