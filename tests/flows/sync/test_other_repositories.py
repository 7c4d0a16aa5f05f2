"""Plugins that a marketplace takes from other repositories are published with it: one commit of each, like a lock file."""

from __future__ import annotations

import json

import pytest

from skillport_sync.standin import Symlink

TOOLS = "acme/tools"
PDF = "plugins/pdf/skills/forms/SKILL.md"


def manifest(*sources: object) -> dict[str, object]:
    """marketplace.json with the plugin ``docs`` of this repository, and one plugin for each of ``sources``."""
    entries = [{"name": "docs", "source": "./plugins/docs"}]
    entries += [{"name": f"other{n}", "source": source} for n, source in enumerate(sources)]
    content = json.dumps({"name": "acme", "owner": {"name": "Acme"}, "plugins": entries}, indent=1)
    return {".claude-plugin/marketplace.json": content.encode()}


def subdirectory(path: str = "plugins/pdf", **more: str) -> dict[str, str]:
    return {"source": "git-subdir", "url": f"https://github.com/{TOOLS}.git", "path": path, **more}


@pytest.fixture
def tools(standin, make):
    """``acme/tools``: two plugins with a skill each."""
    repository = standin.create_repository(TOOLS)
    repository.commit({PDF: make.skill("forms"), "plugins/xls/skills/sheets/SKILL.md": make.skill("sheets")})
    return repository


@pytest.fixture
async def joined(mirror, tools):
    """In step with a marketplace that takes the plugin ``pdf`` from ``acme/tools``; the journal is empty."""
    mirror.repository.commit(manifest(subdirectory()))
    await mirror.start()
    await mirror.settled()
    mirror.standin.journal.reset()
    return mirror


def labels(mirror) -> set[str]:
    return {skill.label for skill in mirror.published.snapshot.catalog.skills}


def codes(mirror) -> set[str]:
    return {problem.code for problem in mirror.published.snapshot.problems}


async def body(mirror, label: str, path: str = "SKILL.md") -> bytes:
    (skill,) = mirror.published.snapshot.skills_named(label)
    files = dict(mirror.published.snapshot.files_of(skill))
    return await mirror.store.content(files[path].oid)


async def test_a_plugin_of_another_repository_is_published_with_the_commit_it_was_resolved_to(joined, tools, make):
    assert "other0/forms" in labels(joined)
    assert "other0/sheets" not in labels(joined)
    assert [(state.repository, state.commit) for state in joined.published.snapshot.sources] == [
        ("acme/skills", joined.repository.head()),
        (TOOLS, tools.head()),
    ]
    assert await body(joined, "other0/forms") == make.skill("forms")


async def test_only_what_is_asked_for_of_another_repository_is_held(joined, tools):
    stored = await joined.store.load("acme")
    sheets = tools.read("plugins/xls/skills/sheets/SKILL.md", tools.head())
    assert len(stored.sources) == 2
    assert not await joined.store.held([joined_id(sheets)])


def joined_id(content: bytes) -> str:
    from skillport_sync.git.objects import blob_id

    return blob_id(content)


async def test_a_commit_of_the_other_repository_alone_is_published(joined, tools, make):
    own = joined.commit
    tools.commit({PDF: make.skill("forms", "newer")})
    report = await joined.reconcile()
    assert (report.outcome, report.before, report.after, report.changed) == ("published", own, own, 1)
    assert tools.head()[:10] in report.reason
    assert await body(joined, "other0/forms") == make.skill("forms", "newer")


async def test_a_reconcile_with_nothing_new_costs_one_free_request_each(joined):
    report = await joined.reconcile()
    assert (report.outcome, report.requests, report.primary_cost) == ("unchanged", 2, 0)


async def test_a_restart_serves_it_again_from_memory_alone(joined, make):
    await joined.stop()
    joined.standin.faults.fail_next("* *", times=100, status=502)
    await joined.start(wake=False)
    assert await body(joined, "other0/forms") == make.skill("forms")
    assert "source_unavailable" not in codes(joined)


async def test_a_push_is_followed_without_asking_after_the_other_repository(joined, make):
    await joined.push({make.path(0): make.skill("s00000", "new")})
    assert joined.standin.journal.count(f"* /repos/{TOOLS}/*") == 0
    assert "other0/forms" in labels(joined)


async def test_an_entry_that_is_added_is_resolved_with_the_push_that_adds_it(joined, tools):
    await joined.push(manifest(subdirectory(), subdirectory("plugins/xls")))
    assert {"other0/forms", "other1/sheets"} <= labels(joined)


async def test_an_entry_that_is_taken_out_takes_its_skills_and_its_source_with_it(joined):
    await joined.push(manifest())
    assert "other0/forms" not in labels(joined)
    assert len(joined.published.snapshot.sources) == 1


async def test_a_repository_that_vanishes_keeps_its_last_commit_and_is_reported(joined, tools, make):
    tools.deleted = True
    assert (await joined.reconcile()).outcome == "unchanged"
    assert [trouble.wish.repository for trouble in joined.loop.source_troubles] == [TOOLS]
    await joined.push({make.path(0): make.skill("s00000", "still moving")})
    await joined.confirmed()
    assert await body(joined, "other0/forms") == make.skill("forms")
    assert joined.loop.source_troubles


async def test_a_repository_that_was_never_there_leaves_out_only_its_plugin(mirror):
    mirror.repository.commit(manifest(subdirectory()))
    await mirror.start()
    await mirror.settled()
    assert mirror.commit == mirror.repository.head()
    assert "docs/s00000" in labels(mirror)
    assert "source_unavailable" in codes(mirror)


async def test_a_repository_that_appears_later_is_taken_up_by_the_next_reconcile(mirror, standin, make):
    mirror.repository.commit(manifest(subdirectory()))
    await mirror.start()
    await mirror.settled()
    standin.create_repository(TOOLS).commit({PDF: make.skill("forms")})
    assert (await mirror.reconcile()).added == 1
    assert "source_unavailable" not in codes(mirror)


async def test_a_pinned_commit_stays_whatever_its_branch_does(mirror, tools, make):
    first = tools.head()
    mirror.repository.commit(manifest(subdirectory(sha=first)))
    await mirror.start()
    await mirror.settled()
    tools.commit({PDF: make.skill("forms", "newer")})
    mirror.standin.journal.reset()
    report = await mirror.reconcile()
    assert (report.outcome, report.requests) == ("unchanged", 1)
    assert await body(mirror, "other0/forms") == make.skill("forms")


async def test_two_marketplaces_that_take_from_each_other_do_not_go_round_in_circles(mirror, standin, make):
    other = standin.create_repository(TOOLS)
    back = {
        "name": "tools",
        "owner": {"name": "T"},
        "plugins": [{"name": "a", "source": {"source": "github", "repo": "acme/skills"}}],
    }
    other.commit({".claude-plugin/marketplace.json": json.dumps(back).encode(), PDF: make.skill("forms")})
    mirror.repository.commit(manifest(subdirectory()))
    await mirror.start()
    await mirror.settled()
    assert "other0/forms" in labels(mirror)
    assert len(mirror.published.snapshot.sources) == 2


async def test_what_the_disk_lost_of_another_repository_is_fetched_again(joined, make):
    oid = joined_id(make.skill("forms"))
    await joined.store.discard_blobs([oid])
    report = await joined.reconcile(verify=True)
    assert report.outcome == "unchanged"
    assert await body(joined, "other0/forms") == make.skill("forms")


async def test_a_rollback_brings_the_other_repository_back_too(joined, tools, make):
    first = joined.commit
    tools.commit({PDF: make.skill("forms", "newer")})
    await joined.push({make.path(0): make.skill("s00000", "second")})
    await joined.reconcile()
    assert await body(joined, "other0/forms") == make.skill("forms", "newer")
    joined.standin.journal.reset()
    assert (await joined.loop.rollback(first, "")).outcome == "published"
    assert joined.standin.journal.count() == 0
    assert await body(joined, "other0/forms") == make.skill("forms")


async def test_a_plugin_added_while_its_repository_was_down_is_published_when_that_is_back(joined, tools):
    joined.standin.faults.fail_next(f"* /repos/{TOOLS}/*", times=50, status=502)
    await joined.push(manifest(subdirectory(), subdirectory("plugins/xls")))
    assert "other1/sheets" not in labels(joined)
    joined.standin.faults.clear()
    await joined.reconcile()
    assert {"other0/forms", "other1/sheets"} <= labels(joined)


async def test_a_repository_that_was_down_for_a_moment_is_looked_at_again_soon(joined, tools, make):
    joined.standin.faults.fail_next(f"* /repos/{TOOLS}/*", times=1, status=502)
    tools.commit({PDF: make.skill("forms", "newer")})
    await joined.reconcile()
    assert joined.loop.source_troubles
    await joined.after(11)
    assert await body(joined, "other0/forms") == make.skill("forms", "newer")
    assert not joined.loop.source_troubles


async def test_a_push_there_that_reads_do_not_show_yet_is_looked_for_again(joined, tools, make):
    joined.loop.wake("source_push")
    await joined.settled()
    tools.commit({PDF: make.skill("forms", "newer")})
    await joined.after(11)
    assert await body(joined, "other0/forms") == make.skill("forms", "newer")
    joined.standin.journal.reset()
    await joined.time.skip(100)
    await joined.settled()
    assert joined.standin.journal.count() == 0, "and not looked for again without end"


async def test_a_marketplace_file_behind_a_link_takes_from_other_repositories_too(mirror, tools):
    content = manifest(subdirectory())[".claude-plugin/marketplace.json"]
    mirror.repository.commit({".claude-plugin/marketplace.json": None})
    mirror.repository.commit({"config/marketplace.json": content, ".claude-plugin": Symlink(b"config")})
    await mirror.start()
    await mirror.settled()
    assert "other0/forms" in labels(mirror)
