"""Several marketplaces in one service: each with its own head, policy, failures and history, and one tool over all of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from skillport_sync.errors import Invalid, Missing
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports import (
    ExplainRequest,
    MarketplaceStatus,
    PublicationRow,
    PullReport,
    ReconcileOptions,
    RollbackRequest,
)
from skillport_sync.standin import Repository, StandInGitHub

SOON_S = 60.0
OURS, NEXT, PARTNERS = "acme/skills", "next", "partners"
SECRET = "hush"


def skill(name: str, text: str) -> bytes:
    return f"---\nname: {name}\ndescription: {text}\n---\n{text}\n".encode()


def marketplace(title: str, *plugins: str) -> bytes:
    entries = [{"name": name, "source": f"./{name}", "version": "1.0.0"} for name in plugins]
    return json.dumps({"name": title, "owner": {"name": "Acme"}, "plugins": entries}).encode()


def policy(**readers: Sequence[str]) -> bytes:
    """Everybody reads, but these skills only the people named."""
    rules = {name: {"read": [{"id": one} for one in ids]} for name, ids in readers.items()}
    return json.dumps(
        {"version": "1.0", "editors": [], "skills": rules, "defaults": {"read": "*", "write": "editors"}}
    ).encode()


@dataclass(slots=True)
class Worlds:
    """One service over three marketplaces: two branches of ``acme/skills``, and the repository of a partner.

    All three call themselves ``acme`` in marketplace.json and have a skill ``letters`` in a plugin ``docs``.
    """

    world: Any
    ours: Repository
    theirs: Repository

    def loop(self, name: str) -> Any:
        return self.world.service.parts.marketplaces[MarketplaceName(name)].loop

    async def settled(self) -> None:
        for mirrored in self.world.service.parts.marketplaces.values():
            await mirrored.loop.settled()

    def served(self) -> dict[str, str]:
        """What is served of each marketplace."""
        current = self.world.service.parts.current.get()
        return {name: published.publication.commit for name, published in current.items()}

    async def reconcile(self, **options: Any) -> dict[str, PullReport]:
        events = self.world.service.operator.reconcile(ReconcileOptions(**options))
        return {event.marketplace: event async for event in events if isinstance(event, PullReport)}

    async def status(self) -> dict[str, MarketplaceStatus]:
        report = await self.world.service.operator.status()
        return {each.name: each for each in report.marketplaces}

    async def publications(self, name: str | None = None) -> list[PublicationRow]:
        rows: list[PublicationRow] = await self.world.service.operator.publications(name, 50)
        return rows

    async def fetch(self, label: str, **how: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = await self.world.ask(operation="fetch", skill=label, **how)
        return answer

    async def says(self, label: str, **how: Any) -> str:
        """What the SKILL.md of this label says; or the tool's sentence where it cannot be had."""
        answer = await self.fetch(label, **how)
        if answer["isError"]:
            return str(answer["content"][0]["text"])
        (text,) = [block["resource"]["text"] for block in answer["content"] if block["type"] == "resource"]
        return str(text).splitlines()[-1]

    async def listed(self, **how: Any) -> list[tuple[str, str]]:
        answer = await self.world.ask(operation="list", **how)
        return [(each["marketplace"], each["name"]) for each in answer["structuredContent"]["skills"]]


@pytest.fixture
async def worlds(standin: StandInGitHub, build_world: Callable[..., Awaitable[Any]]) -> AsyncIterator[Worlds]:
    ours, theirs = standin.create_repository("acme/skills"), standin.create_repository("partner/claude")
    ours.commit(
        {
            ".claude-plugin/marketplace.json": marketplace("acme", "docs"),
            ".skillport/access.json": policy(memos=["test:ada"]),
            "docs/skills/letters/SKILL.md": skill("letters", "ours"),
            "docs/skills/memos/SKILL.md": skill("memos", "ours"),
        }
    )
    ours.create_branch("next")
    ours.commit({"docs/skills/letters/SKILL.md": skill("letters", "the next")}, branch="next")
    theirs.commit(
        {
            ".claude-plugin/marketplace.json": marketplace("acme", "docs", "extras"),
            "docs/skills/letters/SKILL.md": skill("letters", "theirs"),
            "extras/skills/maps/SKILL.md": skill("maps", "theirs"),
        }
    )
    more = (
        f'[[marketplaces]]\nname = "{NEXT}"\nrepository = "acme/skills"\nbranch = "next"',
        f'[[marketplaces]]\nname = "{PARTNERS}"\nrepository = "partner/claude"',
    )
    async with asyncio.timeout(SOON_S):
        world = await build_world(ours, *more)
        theirs.add_hook(f"{world.service.url}/webhooks/github", SECRET, ["push", "repository"])
        worlds = Worlds(world, ours, theirs)
        await worlds.settled()
        yield worlds


# --- heads -------------------------------------------------------------------------------------------------------------------


async def test_each_marketplace_serves_its_own_head_and_follows_its_own_pushes(worlds: Worlds) -> None:
    heads = {OURS: worlds.ours.head(), NEXT: worlds.ours.head("next"), PARTNERS: worlds.theirs.head()}
    assert worlds.served() == heads
    for name, repository, branch in (
        (PARTNERS, worlds.theirs, None),
        (NEXT, worlds.ours, "next"),
        (OURS, worlds.ours, None),
    ):
        files = {"docs/skills/letters/SKILL.md": skill("letters", f"pushed to {name}")}
        heads[name] = await repository.push(files, branch=branch)
        await worlds.settled()
        assert worlds.served() == heads
        assert await worlds.says(f"letters@{name}") == f"pushed to {name}"
    causes = [(row.marketplace, row.cause) for row in await worlds.publications()]
    assert causes[:3] == [(OURS, "push"), (NEXT, "push"), (PARTNERS, "push")]


async def test_a_delivery_is_answered_for_by_the_marketplaces_that_it_concerns_and_no_others(worlds: Worlds) -> None:
    await worlds.theirs.push({"README.md": b"hello"})
    await worlds.settled()
    report = await worlds.world.service.operator.status()
    said = [(row.repository, row.state, row.marketplaces) for row in report.deliveries]
    assert said == [("partner/claude", "done", (PARTNERS,))]
    assert {each.name: each.pulls_owed for each in report.marketplaces} == {OURS: 0, NEXT: 0, PARTNERS: 0}
    assert {name: len(await worlds.publications(name)) for name in (OURS, NEXT, PARTNERS)} == {
        OURS: 1,
        NEXT: 1,
        PARTNERS: 2,
    }


async def test_a_lost_delivery_is_found_by_a_reconcile_of_that_marketplace_alone(worlds: Worlds) -> None:
    before = worlds.served()
    commits = {
        OURS: await worlds.ours.push({"docs/skills/new/SKILL.md": skill("new", "x")}, deliver=False),
        PARTNERS: await worlds.theirs.push({"docs/skills/new/SKILL.md": skill("new", "x")}, deliver=False),
    }
    reports = await worlds.reconcile(marketplace=PARTNERS)
    assert {name: report.outcome for name, report in reports.items()} == {PARTNERS: "published"}
    assert worlds.served() == {**before, PARTNERS: commits[PARTNERS]}
    reports = await worlds.reconcile()
    assert {name: report.outcome for name, report in reports.items()} == {
        OURS: "published",
        NEXT: "unchanged",
        PARTNERS: "unchanged",
    }


# --- one tool over all -------------------------------------------------------------------------------------------------------


async def test_one_list_has_the_skills_of_all_and_says_whose_they_are(worlds: Worlds) -> None:
    assert sorted(await worlds.listed()) == [
        (OURS, "letters"),
        (NEXT, "letters"),
        (PARTNERS, "letters"),
        (PARTNERS, "maps"),
    ]
    answer = await worlds.world.ask(operation="list", limit=2)
    assert answer["structuredContent"]["total"] == 4
    assert {each["marketplace"]: each["commit"] for each in answer["structuredContent"]["snapshots"]} == worlds.served()
    rest = await worlds.world.ask(operation="list", limit=2, cursor=answer["structuredContent"]["next_cursor"])
    pages = [each["marketplace"] for page in (answer, rest) for each in page["structuredContent"]["skills"]]
    assert sorted(pages) == sorted([OURS, NEXT, PARTNERS, PARTNERS])


async def test_a_name_that_several_have_is_answered_with_candidates_that_each_mean_one(worlds: Worlds) -> None:
    assert await worlds.says("maps") == "theirs"
    for label in ("letters", "docs/letters"):
        sentence = await worlds.says(label)
        assert sentence.startswith(f"Several skills are called '{label}'. Send one of: ")
        candidates = sentence.partition("Send one of: ")[2].rstrip(".").split(", ")
        assert sorted([await worlds.says(candidate) for candidate in candidates]) == ["ours", "the next", "theirs"]


async def test_the_title_that_all_have_in_common_means_none_of_them_alone(worlds: Worlds) -> None:
    assert await worlds.says("maps@acme") == "theirs"
    assert (await worlds.says("letters@acme")).startswith("Several skills are called 'letters@acme'.")


async def test_a_marketplaces_own_name_comes_before_what_another_one_calls_itself(worlds: Worlds) -> None:
    await worlds.ours.push({".claude-plugin/marketplace.json": marketplace(PARTNERS, "docs")})
    await worlds.settled()
    assert await worlds.says(f"letters@{PARTNERS}") == "theirs"
    assert await worlds.says(f"docs/letters@{OURS}") == "ours"


async def test_what_is_installed_is_compared_with_the_marketplace_it_came_from(worlds: Worlds) -> None:
    installed = [
        {"name": f"letters@{PARTNERS}", "version": "1.0.0"},
        {"name": f"maps@{NEXT}", "version": "1.0.0"},
        {"name": "letters", "version": "1.0.0"},
    ]
    answer = await worlds.world.ask(operation="version", installed=installed)
    statuses = [each["status"] for each in answer["structuredContent"]["installed"]]
    assert statuses == ["up_to_date", "gone", "ambiguous"]


# --- policies ----------------------------------------------------------------------------------------------------------------


async def test_each_marketplace_decides_by_its_own_policy(worlds: Worlds) -> None:
    ada = await worlds.world.token_for("test:ada")
    assert (OURS, "memos") in await worlds.listed(token=ada)
    assert (OURS, "memos") not in await worlds.listed()
    nowhere = await worlds.says(f"memos@{PARTNERS}")
    assert (await worlds.says("memos")).replace("'memos'", "") == nowhere.replace(f"'memos@{PARTNERS}'", "")
    await worlds.theirs.push({".skillport/access.json": policy(letters=["test:ada"])})
    await worlds.settled()
    assert sorted(await worlds.listed()) == [(OURS, "letters"), (NEXT, "letters"), (PARTNERS, "maps")]
    assert sorted(await worlds.listed(token=ada)) == sorted(
        [
            (OURS, "letters"),
            (OURS, "memos"),
            (NEXT, "letters"),
            (NEXT, "memos"),
            (PARTNERS, "letters"),
            (PARTNERS, "maps"),
        ]
    )
    candidates = await worlds.says("letters")
    assert PARTNERS not in candidates


async def test_whoami_says_where_a_person_is_an_editor(worlds: Worlds) -> None:
    editors = {"version": "1.0", "editors": [{"id": "test:ada"}], "defaults": {"read": "*", "write": "editors"}}
    await worlds.theirs.push({".skillport/access.json": json.dumps(editors).encode()})
    await worlds.settled()
    answer = await worlds.world.ask(operation="whoami", token=await worlds.world.token_for("test:ada"))
    assert answer["structuredContent"]["editor"] == {OURS: False, NEXT: False, PARTNERS: True}


async def test_a_question_about_one_of_them_has_to_say_which(worlds: Worlds) -> None:
    operator = worlds.world.service.operator
    with pytest.raises(
        Invalid, match=f"say which: --marketplace {OURS} or --marketplace {NEXT} or --marketplace {PARTNERS}"
    ):
        await operator.lint(None)
    report = await operator.lint(PARTNERS)
    assert (report.title, report.commit, len(report.skills)) == (PARTNERS, worlds.theirs.head(), 2)


async def test_an_account_of_a_person_asks_each_policy(worlds: Worlds) -> None:
    report = await worlds.world.service.operator.explain(ExplainRequest("test:bob", skill="memos"))
    told = {access.name: [skill.read.allowed for skill in access.skills] for access in report.marketplaces}
    assert told == {OURS: [False], NEXT: [False]}
    await worlds.ours.push({".skillport/access.json": policy()}, branch="next")
    await worlds.settled()
    report = await worlds.world.service.operator.explain(ExplainRequest("test:bob", skill="memos"))
    assert {access.name: access.skills[0].read.allowed for access in report.marketplaces} == {OURS: False, NEXT: True}


# --- failures ----------------------------------------------------------------------------------------------------------------


async def test_one_that_is_refused_keeps_its_publication_while_the_others_go_on(worlds: Worlds) -> None:
    before = worlds.served()
    await worlds.theirs.push(
        {".skillport/access.json": b"{nonsense", "docs/skills/letters/SKILL.md": skill("letters", "no")}
    )
    pushed = await worlds.ours.push({"docs/skills/letters/SKILL.md": skill("letters", "and on")})
    await worlds.settled()
    assert worlds.served() == {**before, OURS: pushed}
    assert await worlds.says(f"letters@{PARTNERS}") == "theirs"
    assert await worlds.says(f"letters@{OURS}") == "and on"
    reports = await worlds.reconcile()
    assert {name: report.outcome for name, report in reports.items()} == {
        OURS: "unchanged",
        NEXT: "unchanged",
        PARTNERS: "refused",
    }


async def test_one_whose_repository_is_gone_fails_alone(worlds: Worlds) -> None:
    worlds.theirs.delete()
    pushed = await worlds.ours.push({"docs/skills/letters/SKILL.md": skill("letters", "and on")}, branch="next")
    await worlds.loop(NEXT).settled()
    reports = await worlds.reconcile()
    assert {name: report.outcome for name, report in reports.items()} == {
        OURS: "unchanged",
        NEXT: "unchanged",
        PARTNERS: "failed",
    }
    assert worlds.served()[NEXT] == pushed
    assert await worlds.says("maps") == "theirs"
    async with worlds.world.http.get(f"{worlds.world.service.url}/readyz") as ready:
        assert ready.status == 200


async def test_a_rename_of_a_repository_that_two_marketplaces_share_is_followed_by_both(worlds: Worlds) -> None:
    await worlds.ours.deliver(worlds.ours.rename("acme/claude-skills"))
    await worlds.settled()
    await worlds.ours.push({"docs/skills/letters/SKILL.md": skill("letters", "after the rename")})
    commit = await worlds.ours.push({"docs/skills/letters/SKILL.md": skill("letters", "the next one")}, branch="next")
    await worlds.settled()
    assert worlds.served()[NEXT] == commit
    assert await worlds.says(f"letters@{OURS}") == "after the rename"
    report = await worlds.world.service.operator.status()
    (renamed,) = [row for row in report.deliveries if row.event == "repository"]
    assert (renamed.action, renamed.state, set(renamed.marketplaces)) == ("renamed", "done", {OURS, NEXT})
    assert {each.name: each.repository for each in report.marketplaces} == {
        OURS: "acme/claude-skills",
        NEXT: "acme/claude-skills",
        PARTNERS: "partner/claude",
    }


# --- history and rollback ----------------------------------------------------------------------------------------------------


async def test_each_has_a_history_of_its_own(worlds: Worlds) -> None:
    for _ in range(2):
        await worlds.theirs.push({"extras/skills/maps/SKILL.md": skill("maps", worlds.theirs.head())})
        await worlds.settled()
    assert {row.marketplace: row.commit for row in await worlds.publications() if row.current} == worlds.served()
    assert [(row.marketplace, row.changed) for row in await worlds.publications(PARTNERS)] == [
        (PARTNERS, 1),
        (PARTNERS, 1),
        (PARTNERS, 0),
    ]
    assert [row.marketplace for row in await worlds.publications(NEXT)] == [NEXT]


async def test_a_rollback_of_one_leaves_the_others_to_their_branches(worlds: Worlds) -> None:
    good = worlds.served()
    await worlds.theirs.push({"docs/skills/letters/SKILL.md": skill("letters", "nonsense")})
    await worlds.settled()
    report = await worlds.world.service.operator.rollback(RollbackRequest(good[PARTNERS], reason="nonsense"))
    assert (report.marketplace, report.outcome) == (PARTNERS, "published")
    assert worlds.served() == good
    assert await worlds.says(f"letters@{PARTNERS}") == "theirs"
    ours = await worlds.ours.push({"docs/skills/letters/SKILL.md": skill("letters", "ours goes on")})
    theirs = await worlds.theirs.push({"docs/skills/letters/SKILL.md": skill("letters", "mended")})
    await worlds.settled()
    assert worlds.served() == {**good, OURS: ours}
    status = await worlds.status()
    assert {name: each.pin.commit for name, each in status.items() if each.pin is not None} == {
        PARTNERS: good[PARTNERS]
    }
    assert {name: each.pulls_owed for name, each in status.items()} == {OURS: 0, NEXT: 0, PARTNERS: 0}
    reports = await worlds.reconcile()
    assert {name: each.outcome for name, each in reports.items()} == {
        OURS: "unchanged",
        NEXT: "unchanged",
        PARTNERS: "held",
    }
    pinned = [(row.marketplace, row.commit, row.cause) for row in await worlds.publications() if row.pinned]
    assert pinned == [(PARTNERS, good[PARTNERS], "rollback")]
    resumed = [event async for event in worlds.world.service.operator.resume(None) if isinstance(event, PullReport)]
    assert [(each.marketplace, each.outcome, each.after) for each in resumed] == [(PARTNERS, "published", theirs)]
    assert await worlds.says(f"letters@{PARTNERS}") == "mended"


async def test_a_commit_that_two_of_them_published_needs_to_be_said_of_which(worlds: Worlds) -> None:
    shared = worlds.ours.head("next")
    await worlds.ours.deliver(worlds.ours.force("main", shared))
    await worlds.settled()
    assert worlds.served()[OURS] == worlds.served()[NEXT] == shared
    rollback = worlds.world.service.operator.rollback
    with pytest.raises(Invalid, match=f"--marketplace {OURS} or --marketplace {NEXT}"):
        await rollback(RollbackRequest(shared[:10]))
    with pytest.raises(Missing, match=f"no publication of {PARTNERS} that is kept has commit"):
        await rollback(RollbackRequest(shared[:10], PARTNERS))
    report = await rollback(RollbackRequest(shared[:10], NEXT))
    assert (report.marketplace, report.after) == (NEXT, shared)
    assert {name for name, each in (await worlds.status()).items() if each.pin is not None} == {NEXT}


async def test_one_that_would_lose_most_of_its_skills_is_held_while_the_others_go_on(worlds: Worlds) -> None:
    await worlds.theirs.push({f"extras/skills/more-{n:02}/SKILL.md": skill(f"more-{n:02}", "x") for n in range(12)})
    await worlds.settled()
    before = worlds.served()
    emptied = await worlds.theirs.push({"extras/skills": None})
    ours = await worlds.ours.push({"docs/skills/letters/SKILL.md": skill("letters", "goes on")})
    await worlds.settled()
    assert worlds.served() == {**before, OURS: ours}
    reports = await worlds.reconcile()
    assert {name: (each.outcome, each.removed) for name, each in reports.items()} == {
        OURS: ("unchanged", 0),
        NEXT: ("unchanged", 0),
        PARTNERS: ("held", 13),
    }
    confirmed = await worlds.reconcile(confirm=emptied[:12])
    assert {name: each.outcome for name, each in confirmed.items()} == {
        OURS: "unchanged",
        NEXT: "unchanged",
        PARTNERS: "published",
    }


# --- one store under all of them ---------------------------------------------------------------------------------------------


async def test_everything_held_for_all_of_them_can_be_proved_again(worlds: Worlds) -> None:
    reports = await worlds.reconcile(verify=True)
    verified = {
        name: (report.verified.files, report.verified.corrupt) for name, report in reports.items() if report.verified
    }
    assert verified == {OURS: (4, 0), NEXT: (4, 0), PARTNERS: (3, 0)}


async def test_a_mirror_that_is_made_anew_is_filled_again_for_all_of_them(worlds: Worlds) -> None:
    before = worlds.served()
    await worlds.world.service.parts.mirror.start_anew("for the test")
    assert worlds.served() == before
    await worlds.reconcile()
    assert worlds.served() == before
    for label, text in ((f"letters@{OURS}", "ours"), (f"letters@{NEXT}", "the next"), ("maps", "theirs")):
        assert await worlds.says(label) == text
    assert {row.marketplace for row in await worlds.publications()} == {OURS, NEXT, PARTNERS}
