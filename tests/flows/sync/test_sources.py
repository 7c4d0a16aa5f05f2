"""Other repositories, resolved: which commit each is at, what is fetched of it, and what becomes of one that fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from skillport_sync.catalog.model import SourceKey, SourceWish
from skillport_sync.errors import RateLimited, Unauthenticated, Unavailable
from skillport_sync.git.objects import BlobId, CommitId, blob_id
from skillport_sync.github.client import GitHub
from skillport_sync.github.credentials import StaticToken
from skillport_sync.ports import MarketplaceName
from skillport_sync.standin import Repository, StandInGitHub
from skillport_sync.store.ledger import Concern, DeliveryFacts
from skillport_sync.store.mirror import MirrorStore
from skillport_sync.sync.followed import HEAD_WITHIN_S, READ_WITHIN_S, SLOWEST_BYTES_PER_S
from skillport_sync.sync.plan import Bounds, TooMuch
from skillport_sync.sync.sources import Resolved, Sources, Trouble

ACME = MarketplaceName("acme")
TOKEN = "token-of-the-mirror"
TOOLS = {
    "plugins/lint/SKILL.md": b"Lints.",
    "plugins/lint/rules/one.md": b"The first rule.",
    "plugins/format/SKILL.md": b"Formats.",
    "README.md": b"Tools of everybody.",
}


def wish(repository: str, ref: str | None = None, *directories: str, sha: str | None = None) -> SourceWish:
    key = SourceKey(f"{repository.lower()}@{sha or ref or 'HEAD'}")
    return SourceWish(key, repository, ref, None if sha is None else CommitId(sha), directories or ("",))


class Desk:
    """``Sources`` over a real store and client, and what is held of them: what a pull would serve."""

    def __init__(self, standin: StandInGitHub, store: MirrorStore, github: GitHub) -> None:
        self.standin = standin
        self.store = store
        self.github = github
        self.bounds = Bounds()
        self.held: dict[SourceKey, Resolved] = {}
        self.progress: list[tuple[int, int | None]] = []
        self.sources: Sources
        self.begin()

    def begin(self, name: MarketplaceName = ACME) -> None:
        """As after a start: nothing is remembered but what is held."""
        self.sources = Sources(name, github=self.github, store=self.store, bounds=self.bounds)

    async def resolve(self, *wishes: SourceWish, full: bool = False) -> tuple[list[Resolved], list[Trouble]]:
        """What a pull would do: resolve, and hold what came of it. The journal has this time's requests only."""
        self.standin.journal.reset()
        async with asyncio.timeout(500):  # of a time of which tests skip some
            found = await self.sources.resolve(
                wishes, self.held, full=full, on_blobs=lambda *count: self.progress.append(count)
            )
        assert not isinstance(found, TooMuch), found
        resolved, troubles = found
        self.held = {one.wish.key: one for one in [*resolved, *(t.kept for t in troubles if t.kept is not None)]}
        return found

    async def one(self, wanted: SourceWish, *, full: bool = False) -> Resolved:
        resolved, troubles = await self.resolve(wanted, full=full)
        assert not troubles, troubles
        (one,) = resolved
        return one

    async def trouble(self, wanted: SourceWish) -> Trouble:
        resolved, troubles = await self.resolve(wanted)
        assert not resolved, resolved
        (trouble,) = troubles
        return trouble

    @property
    def cost(self) -> tuple[int, int]:
        """Requests of the last time, and what they took from the rate limit."""
        return len(self.standin.journal), self.standin.journal.primary_cost()

    async def stored(self, source: Resolved) -> dict[str, bytes]:
        """What can be served of a source, by path."""
        entries = {path.decode(): entry for path, entry in source.listing.entries.items() if entry.oid in source.facts}
        contents = await self.store.contents({entry.oid for entry in entries.values()})
        return {path: contents[entry.oid] for path, entry in entries.items()}


@pytest.fixture
async def desk(tmp_path: Path, standin: StandInGitHub, time) -> AsyncIterator[Desk]:
    standin.limits.off = True
    store = await MirrorStore.open(tmp_path / "mirror.db", clock=time)
    async with aiohttp.ClientSession() as session:
        github = GitHub(session, StaticToken(TOKEN), api_url=standin.api_url, clock=time, max_concurrency=100)
        yield Desk(standin, store, github)
    await store.close()


@pytest.fixture
def tools(standin: StandInGitHub) -> Repository:
    """``beta/tools`` with one commit on two branches: two plugins in directories of their own."""
    tools = standin.create_repository("beta/tools")
    tools.commit(TOOLS)
    tools.create_branch("spare")
    return tools


HEAD = wish("beta/tools")
MAIN = wish("beta/tools", "main")

# --- what is read ---------------------------------------------------------------------------------------------------------


async def test_a_source_is_resolved_to_a_commit_and_everything_of_it_is_held(desk: Desk, tools: Repository) -> None:
    found = await desk.one(HEAD)
    assert (found.state.key, found.state.repository) == ("beta/tools@HEAD", "beta/tools")
    assert (found.state.commit, found.state.tree, found.listing.root) == (tools.head(), tools.tree(), tools.tree())
    assert await desk.stored(found) == TOOLS
    assert (found.files_changed, found.bytes_fetched) == (4, sum(map(len, TOOLS.values())))


async def test_only_what_is_wanted_of_it_is_fetched_but_all_of_it_is_proved(desk: Desk, tools: Repository) -> None:
    found = await desk.one(wish("beta/tools", None, "plugins/lint"))
    assert found.listing.root == tools.tree()
    assert len(found.listing.entries) == 4
    assert set(await desk.stored(found)) == {"plugins/lint/SKILL.md", "plugins/lint/rules/one.md"}
    assert desk.standin.journal.count("GET /git/blobs") == 2
    assert not await desk.store.held([blob_id(TOOLS["README.md"])])
    assert found.files_changed == 2


async def test_names_that_are_not_utf8_are_recovered_without_holding_what_nobody_wants(
    desk: Desk, tools: Repository
) -> None:
    tools.commit({b"plugins/lint/caf\xe9.md": b"wanted", b"plugins/format/caf\xe9.md": b"not wanted"})
    found = await desk.one(wish("beta/tools", None, "plugins/lint"))
    assert found.listing.root == tools.tree()
    assert not await desk.store.held([blob_id(b"not wanted")])
    assert blob_id(b"wanted") in found.facts


async def test_many_files_come_in_an_archive(desk: Desk, tools: Repository) -> None:
    tools.commit({f"plugins/many/{n}.md": b"%d" % n for n in range(100)})
    found = await desk.one(HEAD)
    assert desk.standin.journal.count("GET /git/blobs") == 0
    assert len(await desk.stored(found)) == 104


async def test_a_marketplace_of_another_repository_is_not_followed(desk: Desk, tools: Repository) -> None:
    """Two marketplaces that take plugins from each other: each reads the other's files, and nothing that those name."""
    skills = desk.standin.create_repository("acme/skills")

    def naming(other: str) -> dict[str, bytes]:
        plugins = [{"name": "theirs", "source": {"source": "github", "repo": other}}]
        return {".claude-plugin/marketplace.json": json.dumps({"name": "x", "plugins": plugins}).encode()}

    skills.commit(naming("beta/tools"))
    tools.commit(naming("acme/skills"))
    for marketplace, other in ((ACME, "beta/tools"), (MarketplaceName("beta"), "acme/skills")):
        desk.begin(marketplace)
        desk.held = {}
        await desk.one(wish(other))
        assert all(f"/{other}" in entry.path for entry in desk.standin.journal), desk.standin.journal.lines()


async def test_progress_counts_all_sources_together(desk: Desk, tools: Repository) -> None:
    other = desk.standin.create_repository("beta/other")
    other.commit({"one.md": b"one", "two.md": b"two"})
    await desk.resolve(HEAD, wish("beta/other"))
    assert desk.progress[-1] == (6, 6)
    assert all(total is None or done <= total <= 6 for done, total in desk.progress)


# --- which commit, and what it costs ----------------------------------------------------------------------------------------


async def test_what_has_not_moved_costs_one_free_request_a_ref_and_none_a_pinned_commit(
    desk: Desk, tools: Repository
) -> None:
    tools.create_branch("next")
    tools.tag("v1", message="annotated")
    wishes = (HEAD, wish("beta/tools", "next"), wish("beta/tools", "v1"), wish("beta/tools", sha=tools.head()))
    first, troubles = await desk.resolve(*wishes)
    assert not troubles
    again, _ = await desk.resolve(*wishes)
    assert desk.cost == (3, 0), desk.standin.journal.lines()
    assert [(one.wish, one.state, one.facts) for one in again] == [(one.wish, one.state, one.facts) for one in first]
    assert [(one.bytes_fetched, one.files_changed) for one in again] == [(0, 0)] * 4


async def test_a_branch_is_followed_and_only_what_changed_is_fetched(desk: Desk, tools: Repository) -> None:
    await desk.one(MAIN)
    tools.commit({"plugins/lint/SKILL.md": b"Lints better.", "plugins/format/SKILL.md": None})
    found = await desk.one(MAIN)
    assert found.state.commit == tools.head()
    assert desk.standin.journal.count("GET /git/blobs") == 1
    assert found.files_changed == 2
    assert (await desk.stored(found))["plugins/lint/SKILL.md"] == b"Lints better."


async def test_changes_outside_what_is_wanted_are_followed_without_fetching_anything(
    desk: Desk, tools: Repository
) -> None:
    wanted = wish("beta/tools", None, "plugins/lint")
    await desk.one(wanted)
    tools.commit({"README.md": b"Changed."})
    found = await desk.one(wanted)
    assert (found.state.commit, found.bytes_fetched, found.files_changed) == (tools.head(), 0, 0)


async def test_without_a_ref_whatever_is_the_default_branch_is_followed(desk: Desk, tools: Repository) -> None:
    await desk.one(HEAD)
    tools.rename_default_branch("trunk")
    commit = tools.commit({"README.md": b"On the trunk."})
    assert (await desk.one(HEAD)).state.commit == commit


@pytest.mark.parametrize("message", [None, "annotated"])
async def test_a_tag_is_followed_where_it_moves(desk: Desk, tools: Repository, message: str | None) -> None:
    v1 = wish("beta/tools", "v1")
    tools.tag("v1", message=message)
    assert (await desk.one(v1)).state.commit == tools.head()
    tools.commit({"README.md": b"Changed."})
    assert (await desk.one(v1)).state.commit != tools.head()
    assert desk.cost == (1, 0)
    tools.tag("v1", message=message)
    assert (await desk.one(v1)).state.commit == tools.head()


async def test_what_is_known_of_a_source_is_kept_while_only_another_one_is_asked_about(
    desk: Desk, tools: Repository
) -> None:
    v1, other = wish("beta/tools", "v1"), wish("beta/other")
    tools.tag("v1")
    desk.standin.create_repository("beta/other").commit({"SKILL.md": b"other"})
    await desk.one(v1)
    async with asyncio.timeout(20):
        await desk.sources.resolve([other], desk.held, full=False, on_blobs=lambda *_: None)
    await desk.one(v1)
    assert desk.cost == (1, 0), "known to be a tag"


async def test_of_a_branch_and_a_tag_of_one_name_the_branch_is_meant(desk: Desk, tools: Repository) -> None:
    tools.tag("next")
    tools.create_branch("next")
    commit = tools.commit({"README.md": b"On the branch."}, branch="next")
    assert (await desk.one(wish("beta/tools", "next"))).state.commit == commit


async def test_a_commit_that_is_pinned_stays_whatever_the_branches_do(desk: Desk, tools: Repository) -> None:
    pinned = wish("beta/tools", sha=tools.head())
    tools.commit({"README.md": b"Changed."})
    found = await desk.one(pinned)
    assert desk.standin.journal.entries[0].primary == 0, "whether it was renamed is asked for nothing"
    assert found.state.commit == pinned.sha != tools.head()
    assert await desk.stored(found) == TOOLS
    tools.delete()
    assert (await desk.one(pinned)).state == found.state
    assert desk.cost == (0, 0)


async def test_two_refs_of_one_repository_are_two_sources(desk: Desk, tools: Repository) -> None:
    first = tools.head()
    tools.create_branch("stable")
    tools.commit({"README.md": b"Changed."})
    resolved, _ = await desk.resolve(MAIN, wish("beta/tools", "stable"))
    assert [one.state.commit for one in resolved] == [tools.head(), first]


async def test_a_rewritten_branch_is_believed_at_once(desk: Desk, tools: Repository) -> None:
    """Whether its history may be rewritten is the other repository's business."""
    first = tools.head()
    tools.commit({"README.md": b"Changed."})
    await desk.one(MAIN)
    rewritten = tools.commit({"README.md": b"Rewritten."}, base=first)
    assert (await desk.one(MAIN)).state.commit == rewritten


async def test_a_read_that_lags_brings_nothing_back(desk: Desk, tools: Repository) -> None:
    old = (await desk.one(MAIN)).state.commit
    tools.commit({"README.md": b"Changed."})
    await desk.one(MAIN)
    desk.standin.faults.answer_stale_head(commit=old)
    trouble = await desk.trouble(MAIN)
    assert (trouble.code, trouble.kept.state.commit) == ("source_lags", tools.head())
    assert desk.cost == (1, 1)
    assert (await desk.one(MAIN)).state.commit == tools.head()


async def test_a_branch_that_was_set_back_is_believed_when_it_is_seen_twice(desk: Desk, tools: Repository) -> None:
    old = (await desk.one(MAIN)).state.commit
    tools.commit({"README.md": b"Changed."})
    await desk.one(MAIN)
    tools.force("main", old)
    await desk.trouble(MAIN)
    assert (await desk.one(MAIN)).state.commit == old


async def test_an_operator_who_asks_for_everything_anew_gets_what_github_says(desk: Desk, tools: Repository) -> None:
    old = (await desk.one(MAIN)).state.commit
    tools.commit({"README.md": b"Changed."})
    await desk.one(MAIN)
    tools.force("main", old)
    found = await desk.one(MAIN, full=True)
    assert found.state.commit == old
    assert desk.standin.journal.count("GET /git/blobs") == 4


# --- names ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pin", [False, True])
async def test_a_renamed_repository_is_followed_under_its_present_name(
    desk: Desk, tools: Repository, pin: bool
) -> None:
    tools.rename("gamma/toolbox")
    wanted = wish("beta/tools", sha=tools.head() if pin else None)
    with capture_logs() as lines:
        found = await desk.one(wanted)
    assert (found.state.key, found.state.repository) == (wanted.key, "gamma/toolbox")
    said = [(line["event"], line["repository"]) for line in lines if line["log_level"] != "debug"]
    assert said == [("source_renamed", "gamma/toolbox")]
    assert desk.standin.journal.count("GET /repos/beta/tools/*") == 1, desk.standin.journal.lines()


async def test_a_repository_that_is_renamed_meanwhile_is_followed_and_costs_nothing_more_from_then_on(
    desk: Desk, tools: Repository
) -> None:
    await desk.one(MAIN)
    tools.rename("beta/toolbox")
    assert (await desk.one(MAIN)).state.repository == "beta/toolbox"
    tools.commit({"README.md": b"Changed."})
    with capture_logs() as lines:
        assert (await desk.one(MAIN)).state.commit == tools.head()
        desk.begin()
        await desk.one(MAIN)
        assert desk.cost == (1, 0)
        await desk.one(MAIN, full=True)
    assert {line["log_level"] for line in lines} == {"debug"}, "said once"


async def test_a_private_repository_that_becomes_public_and_private_again_is_followed_throughout(
    desk: Desk, tools: Repository
) -> None:
    await desk.one(MAIN)
    for change in (tools.publicize, tools.privatize):
        change()
        tools.commit({"README.md": change.__name__.encode()})
        assert (await desk.one(MAIN)).state.commit == tools.head()


# --- what fails -------------------------------------------------------------------------------------------------------------

Mishap = Callable[[StandInGitHub, Repository], object]


def fails(pattern: str, status: int) -> Mishap:
    return lambda standin, _: standin.faults.fail_next(pattern, times=9, status=status, body='{"message": "No."}')


def is_hidden(standin: StandInGitHub, tools: Repository) -> None:
    """Private, and no longer for these credentials."""
    standin.accept_token(TOKEN, repositories=["beta/other"])


def listing_is_wrong(standin: StandInGitHub, _: Repository) -> None:
    """The first letter of the first name in it is another one."""
    before = f'{{"sha":"{40 * "0"}","url":"{standin.api_url}/repos/beta/tools/git/trees/{40 * "0"}","tree":[{{"path":"'
    standin.faults.corrupt_next("GET /repos/beta/tools/git/trees/*", flip_byte=len(before))


MISHAPS: Mapping[str, tuple[Mishap, str]] = {
    "vanished": (lambda _, tools: tools.delete(), "github_not_found"),
    "private": (is_hidden, "github_not_found"),
    "refused": (fails("GET /repos/beta/tools/commits/*", 403), "github_permission_missing"),
    "blocked by law": (fails("GET /repos/beta/tools/commits/*", 451), "github_permission_missing"),
    "branch deleted": (lambda _, tools: tools.delete_branch("main"), "source_ref_missing"),
    "failing": (fails("GET /repos/beta/tools/*", 502), "github_unavailable"),
    "cut": (
        lambda standin, _: standin.faults.cut_next("GET /repos/beta/tools/git/trees/*", after_bytes=10),
        "github_unreachable",
    ),
    "not shown": (lambda standin, tools: standin.faults.hide_commit(tools.head(), times=9), "commit_not_visible"),
    "listing broken": (listing_is_wrong, "tree_mismatch"),
    "blob broken": (
        lambda standin, _: standin.faults.corrupt_next("GET /repos/beta/tools/git/blobs/*"),
        "wrong_bytes",
    ),
}


LASTING = ("github_not_found", "github_permission_missing", "source_ref_missing")
"""What somebody has to mend."""


@pytest.mark.parametrize(("mishap", "code"), MISHAPS.values(), ids=MISHAPS)
async def test_a_source_that_cannot_be_looked_at_keeps_its_last_commit_and_is_reported(
    desk: Desk, tools: Repository, mishap: Mishap, code: str
) -> None:
    desk.standin.create_repository("beta/other").commit({"SKILL.md": b"Others go on."})
    kept, _ = await desk.resolve(MAIN)
    tools.commit({"plugins/lint/SKILL.md": b"Lints better."})
    mishap(desk.standin, tools)
    resolved, (trouble,) = await desk.resolve(MAIN, wish("beta/other"))
    assert (trouble.wish, trouble.code, trouble.kept) == (MAIN, code, desk.held[MAIN.key])
    assert [(trouble.kept.state, trouble.kept.facts)] == [(one.state, one.facts) for one in kept]
    assert trouble.is_passing is (code not in LASTING)
    assert trouble.message
    assert TOKEN not in trouble.message
    assert [one.state.repository for one in resolved] == ["beta/other"]


@pytest.mark.parametrize("mishap", [mishap for mishap, _ in MISHAPS.values()], ids=MISHAPS)
async def test_a_source_that_was_never_resolved_has_nothing_to_keep(
    desk: Desk, tools: Repository, mishap: Mishap
) -> None:
    mishap(desk.standin, tools)
    assert (await desk.trouble(MAIN)).kept is None


@pytest.mark.parametrize("mishap", [mishap for mishap, _ in MISHAPS.values()], ids=MISHAPS)
async def test_once_it_can_be_looked_at_again_it_is_followed_on(desk: Desk, tools: Repository, mishap: Mishap) -> None:
    await desk.one(MAIN)
    commit = tools.commit({"plugins/lint/SKILL.md": b"Lints better."})
    mishap(desk.standin, tools)
    await desk.trouble(MAIN)
    desk.standin.faults.clear()
    desk.standin.accept_token(TOKEN)
    tools.deleted = False
    tools.refs["refs/heads/main"] = commit
    assert (await desk.one(MAIN)).state.commit == commit


async def test_an_empty_repository_is_trouble(desk: Desk) -> None:
    desk.standin.create_repository("beta/empty")
    assert (await desk.trouble(wish("beta/empty"))).code == "empty_repository"


@pytest.mark.parametrize("ref", ["nowhere", "..", "a//b"])
async def test_a_ref_that_is_not_there_is_trouble(desk: Desk, tools: Repository, ref: str) -> None:
    assert (await desk.trouble(wish("beta/tools", ref))).code in ("source_ref_missing", "repository_invalid")


async def test_an_abbreviated_commit_is_no_ref(desk: Desk, tools: Repository) -> None:
    assert (await desk.trouble(wish("beta/tools", tools.head()[:10]))).code == "source_ref_missing"


async def test_a_commit_that_is_not_there_is_trouble(desk: Desk, tools: Repository) -> None:
    trouble = await desk.trouble(wish("beta/tools", sha="5" * 40))
    assert trouble.code == "source_ref_missing"
    assert "has no commit 5555" in trouble.message


@pytest.mark.parametrize(
    ("pattern", "after_s"),
    [
        ("GET /repos/beta/tools/commits/*", HEAD_WITHIN_S),
        ("GET /repos/beta/tools/git/trees/*", READ_WITHIN_S),
        ("GET /repos/beta/tools/git/blobs/*", READ_WITHIN_S),
    ],
)
async def test_a_slow_source_keeps_nobody_waiting_for_long(
    desk: Desk, tools: Repository, time, pattern: str, after_s: float
) -> None:
    await desk.one(MAIN)
    tools.commit({"plugins/lint/SKILL.md": b"Lints better."})
    gate = desk.standin.faults.gate(pattern)
    held, looking = desk.held, asyncio.create_task(desk.trouble(MAIN))
    await gate.reached()
    await time.skip(after_s + 0.1)
    trouble = await looking
    assert trouble.code == "source_slow"
    assert (trouble.kept.state, trouble.kept.facts) == (held[MAIN.key].state, held[MAIN.key].facts)


async def test_much_content_may_take_longer(desk: Desk, tools: Repository, time) -> None:
    videos = [bytes([n]) * (4 * SLOWEST_BYTES_PER_S) for n in range(8)]
    last = bytes(4)  # the smallest is asked for after all others
    tools.commit({f"videos/{n}": video for n, video in enumerate([*videos, last])})
    first_eight = desk.standin.faults.gate("GET /repos/beta/tools/git/blobs/*")
    the_last = desk.standin.faults.gate(f"GET /repos/beta/tools/git/blobs/{blob_id(last)}*")
    looking = asyncio.create_task(desk.one(wish("beta/tools", None, "videos")))
    for gate, requests in ((first_eight, 8), (the_last, 1)):
        await gate.reached(requests)
        await time.skip(READ_WITHIN_S / 2 + 1.0)
        gate.open()
    assert len((await looking).facts) == 9


async def test_what_arrived_of_a_slow_source_is_not_fetched_again(desk: Desk, tools: Repository, time) -> None:
    slow = blob_id(TOOLS["README.md"])
    gate = desk.standin.faults.gate(f"GET /repos/beta/tools/git/blobs/{slow}*")
    arrived, others = 0, asyncio.Event()

    def notice(_logger: object, _method: str, line: EventDict) -> EventDict:
        nonlocal arrived
        arrived += line.get("kind") == "git/blobs"
        if arrived == 3:
            others.set()
        return line

    with capture_logs(processors=[notice]):
        looking = asyncio.create_task(desk.trouble(MAIN))
        async with asyncio.timeout(20):
            await gate.reached()
            await others.wait()
        await time.skip(READ_WITHIN_S + 0.1)
        assert (await looking).code == "source_slow"
    gate.open()
    await desk.one(MAIN)
    assert [entry.path.rpartition("/")[2] for entry in desk.standin.journal.matching("GET /git/blobs")] == [slow]


async def test_an_archive_that_never_arrives_in_time_is_given_up_for_blobs(desk: Desk, tools: Repository, time) -> None:
    tools.commit({f"plugins/many/{n}.md": b"%d" % n for n in range(50)})
    for _ in range(3):
        gate = desk.standin.faults.gate("GET /repos/beta/tools/tarball/*")
        looking = asyncio.create_task(desk.resolve(MAIN))
        await gate.reached()
        await time.skip(READ_WITHIN_S + 1.0)
        await looking
        gate.open()
    assert len((await desk.one(MAIN)).facts) == 54
    assert desk.standin.journal.count("GET /git/blobs") == 54


async def test_a_limit_on_archives_is_the_trouble_of_who_needs_one(desk: Desk, tools: Repository) -> None:
    tools.commit({f"plugins/many/{n}.md": b"%d" % n for n in range(1_100)})
    desk.standin.faults.fail_next("GET codeload:*", status=429, headers={"Retry-After": "60"})
    small = desk.standin.create_repository("beta/small")
    small.commit({"SKILL.md": b"small"})
    resolved, troubles = await desk.resolve(MAIN, wish("beta/small"))
    assert [one.state.repository for one in resolved] == ["beta/small"]
    assert [trouble.code for trouble in troubles] == ["archive_rate_limited"]


async def test_a_limit_on_everything_is_raised(desk: Desk, tools: Repository) -> None:
    desk.standin.limits.off = False
    desk.standin.limits.secondary_next(retry_after_s=30)
    with pytest.raises(RateLimited):
        await desk.resolve(MAIN, wish("beta/other"))


async def test_credentials_that_nobody_accepts_are_raised(desk: Desk, tools: Repository) -> None:
    desk.standin.revoke_token(TOKEN)
    with pytest.raises(Unauthenticated):
        await desk.resolve(MAIN)


async def test_a_disk_that_fails_is_not_the_source_s_trouble(desk: Desk, tools: Repository) -> None:
    await desk.store.close()
    with pytest.raises(Unavailable) as raised:
        await desk.resolve(MAIN)
    assert raised.value.code == "store_closed"


# --- what is wanted changes -------------------------------------------------------------------------------------------------


async def test_another_directory_of_the_same_commit_is_fetched_without_reading_the_commit_again(
    desk: Desk, tools: Repository
) -> None:
    await desk.one(wish("beta/tools", "main", "plugins/lint"))
    found = await desk.one(wish("beta/tools", "main", "plugins/format", "plugins/lint"))
    assert desk.cost == (2, 1), desk.standin.journal.lines()
    assert found.files_changed == 1
    assert set(await desk.stored(found)) == TOOLS.keys() - {"README.md"}


async def test_while_it_cannot_be_looked_at_only_what_was_held_of_it_is_kept(desk: Desk, tools: Repository) -> None:
    await desk.one(wish("beta/tools", "main", "plugins/lint"))
    desk.standin.faults.fail_next("GET /repos/beta/tools/*", times=2)
    trouble = await desk.trouble(wish("beta/tools", "main", "plugins/format", "plugins/lint/rules"))
    assert trouble.kept.wish.directories == ("plugins/lint/rules",)
    trouble = await desk.trouble(wish("beta/tools", "main", "plugins/format"))
    assert trouble.kept is None


async def test_contents_that_were_lost_are_fetched_again(desk: Desk, tools: Repository) -> None:
    found = await desk.one(MAIN)
    lost = BlobId(blob_id(TOOLS["README.md"]))
    await desk.store.discard_blobs([lost])
    del found.facts[lost]
    assert await desk.stored(await desk.one(MAIN)) == TOOLS
    assert desk.cost == (2, 1)


# --- how much ---------------------------------------------------------------------------------------------------------------


async def test_at_most_eight_are_looked_at_at_once(desk: Desk) -> None:
    wishes = []
    for n in range(20):
        desk.standin.create_repository(f"beta/n{n:02}").commit({"SKILL.md": b"%d" % n})
        wishes.append(wish(f"beta/n{n:02}"))
    desk.standin.latency_s = 0.01
    resolved, _ = await desk.resolve(*wishes)
    assert [one.wish for one in resolved] == wishes, "in the order of the wishes"
    await desk.resolve(*wishes)
    assert desk.cost == (20, 0)
    assert desk.standin.journal.most_at_once() == 8


async def test_a_source_that_is_too_large_by_itself_is_its_own_trouble(desk: Desk, tools: Repository) -> None:
    desk.bounds = Bounds(max_files=5)
    desk.begin()
    kept = await desk.one(MAIN)
    tools.commit({f"more/{n}": b"%d" % n for n in range(5)})
    trouble = await desk.trouble(MAIN)
    assert (trouble.code, trouble.kept.state) == ("too_many_files", kept.state)
    assert "beta/tools" in trouble.message


@pytest.mark.parametrize(
    ("bounds", "code"), [(Bounds(max_files=7), "too_many_files"), (Bounds(max_total_bytes=70), "too_many_bytes")]
)
async def test_all_together_may_not_be_more_than_one_repository(
    desk: Desk, tools: Repository, bounds: Bounds, code: str
) -> None:
    tools.create_branch("next")
    desk.bounds = bounds
    desk.begin()
    own = (await desk.one(MAIN)).listing
    desk.standin.journal.reset()
    for wishes, listing in (([MAIN, wish("beta/tools", "next")], None), ([wish("beta/tools", "next")], own)):
        found = await desk.sources.resolve(wishes, {}, full=False, on_blobs=lambda *_: None, own=listing)
        assert isinstance(found, TooMuch)
        assert found.code == code
    assert desk.standin.journal.count("GET /git/blobs") == 0, "weighed before anything is fetched"


async def test_only_the_bytes_that_are_wanted_count(desk: Desk, tools: Repository) -> None:
    desk.bounds = Bounds(max_total_bytes=30)
    desk.begin()
    await desk.one(wish("beta/tools", None, "plugins/lint"))
    assert (await desk.trouble(HEAD)).code == "too_many_bytes"


# --- in a marketplace -------------------------------------------------------------------------------------------------------


def taking(plugins: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
    """A marketplace of plugins from other repositories: by name, the fields of their sources."""
    entries = [{"name": name, "source": {"source": "github", **source}} for name, source in plugins.items()]
    manifest = {"name": "acme", "owner": {"name": "Acme"}, "plugins": entries}
    return {".claude-plugin/marketplace.json": json.dumps(manifest).encode()}


def labels(mirror) -> list[str]:
    """The skills that are listed."""
    return [skill.label for skill in mirror.published.snapshot.catalog.skills if skill.plugin.published]


@pytest.fixture
def plugin(standin: StandInGitHub, make) -> Repository:
    """``beta/plugin``: a repository that is one plugin with one skill."""
    plugin = standin.create_repository("beta/plugin")
    plugin.commit({"skills/greet/SKILL.md": make.skill("greet")})
    return plugin


async def test_a_reconcile_that_finds_nothing_is_one_free_request_for_every_branch_that_is_followed(
    running, plugin: Repository
) -> None:
    plugin.create_branch("next")
    sources = {"a": {}, "b": {"ref": "next"}, "c": {"sha": plugin.head()}}
    await running.push(taking({name: {"repo": "beta/plugin", **source} for name, source in sources.items()}))
    await running.confirmed()
    assert labels(running) == ["a/greet", "b/greet", "c/greet"]
    running.standin.journal.reset()
    assert (await running.reconcile()).outcome == "unchanged"
    journal = running.standin.journal
    assert (len(journal), journal.primary_cost()) == (3, 0), journal.lines()


async def test_a_push_to_a_source_is_published_without_one_to_the_marketplace(running, plugin, make) -> None:
    await running.push(taking({"a": {"repo": "beta/plugin"}}))
    commit = plugin.commit({"skills/greet/SKILL.md": make.skill("greet", "Better.")})
    before = running.loop.last
    facts = DeliveryFacts("source", hook_id=1, event="push", ref="refs/heads/main")
    await running.state.record(facts, [Concern(ACME, "source_push")])
    running.loop.wake("source_push")
    await running.pulled(before)
    await running.settled()
    publication = running.published
    assert [state.commit for state in publication.snapshot.sources] == [running.repository.head(), commit]
    assert publication.publication.cause == "source_push"
    assert await running.owed() == 0


async def test_a_source_that_vanishes_goes_on_being_served_through_a_restart(running, plugin) -> None:
    await running.push(taking({"a": {"repo": "beta/plugin"}}))
    commit = plugin.head()
    plugin.delete()
    for _ in range(2):
        await running.reconcile()
        snapshot = running.published.snapshot
        assert [state.commit for state in snapshot.sources] == [running.repository.head(), commit]
        assert labels(running) == ["a/greet"]
        await running.restart()
        await running.settled()


async def test_two_marketplaces_that_take_plugins_from_each_other_come_to_rest(
    tmp_path: Path, running, time, make
) -> None:
    other = running.standin.create_repository("beta/skills")
    other.commit(taking({"theirs": {"repo": "acme/skills"}}) | {"skills/beta/SKILL.md": make.skill("beta")})
    (tmp_path / "beta").mkdir()
    beta = type(running)(tmp_path / "beta", running.standin, other, time)
    await beta.start()
    try:
        await running.push(taking({"theirs": {"repo": "beta/skills"}}) | {"skills/acme/SKILL.md": make.skill("acme")})
        for mirror in (beta, running):
            await mirror.settled()
            await mirror.reconcile()
        running.standin.journal.reset()
        for mirror, repository in ((running, other), (beta, running.repository)):
            assert (await mirror.reconcile()).outcome == "unchanged"
            assert mirror.published.snapshot.sources[1].commit == repository.head()
        assert len(running.standin.journal) == 4
        assert labels(running) == ["theirs/beta"]
    finally:
        await beta.stop()
