"""Pulls, seen from outside: what is served afterwards, and what GitHub was asked for it."""

from __future__ import annotations

import pytest

from skillport_sync.access.model import AccessPolicy
from skillport_sync.git.objects import Mode
from skillport_sync.standin import File, Submodule, Symlink
from skillport_sync.sync.plan import Bounds

# --- what it costs --------------------------------------------------------------------------------------------------------


def asked(mirror) -> tuple[int, int, int]:
    """Requests, what they took from the rate limit, and sequential round trips; then the count begins again."""
    journal = mirror.standin.journal
    cost = len(journal), journal.primary_cost(), journal.round_trips()
    journal.reset()
    return cost


async def test_the_first_sync_of_500_files_is_five_requests(mirror, make):
    mirror.repository.commit(make.marketplace(500))
    mirror.standin.latency_s = 0.005  # so that what waits for what shows in the journal
    await mirror.start()
    await mirror.settled()
    assert asked(mirror) == (5, 4, 4), mirror.standin.journal.lines()
    await mirror.assert_serves(mirror.repository.head())
    assert mirror.report.requests == 5
    assert mirror.report.primary_cost == 4


async def test_a_push_of_three_files_is_five_requests_in_two_round_trips(running, make):
    running.standin.latency_s = 0.005
    await running.push({make.path(n): make.skill(f"s{n:05}", "changed") for n in range(3)})
    assert asked(running) == (5, 5, 2), running.standin.journal.lines()
    await running.assert_serves(running.repository.head())
    await running.confirmed()
    assert asked(running) == (1, 0, 1), "confirmed by a free 304"


async def test_a_push_of_400_files_is_four_requests(mirror, make):
    mirror.repository.commit(make.marketplace(500))
    await mirror.start()
    await mirror.settled()
    asked(mirror)
    mirror.standin.latency_s = 0.005
    await mirror.push({make.path(n): make.skill(f"s{n:05}", f"changed {n}") for n in range(400)})
    assert asked(mirror) == (4, 3, 3), mirror.standin.journal.lines()
    await mirror.assert_serves(mirror.repository.head())


async def test_a_reconcile_that_finds_nothing_is_one_free_request(running):
    report = await running.reconcile()
    assert report.outcome == "unchanged"
    assert asked(running) == (1, 0, 1)


async def test_a_push_that_only_moves_files_fetches_no_content(running, make):
    moved = running.repository.read(make.path(0))
    await running.push({make.path(0): None, "plugins/docs/skills/moved/SKILL.md": moved})
    assert running.standin.journal.count("GET /git/blobs") == 0
    await running.assert_serves(running.repository.head())


async def test_a_commit_that_changes_no_file_is_published_with_the_same_content(running):
    before = running.published.publication
    await running.push({})
    after = running.published.publication
    assert after.commit == running.repository.head() != before.commit
    assert after.content_number == before.content_number


async def test_what_is_served_is_asked_of_nobody(running, make):
    for n in range(10):
        await running.content(make.path(n))
    assert asked(running) == (0, 0, 0)


# --- what is read ---------------------------------------------------------------------------------------------------------


async def test_modes_links_submodules_and_any_bytes_arrive_as_they_are(running, make):
    odd = {
        "plugins/docs/run.sh": File(b"#!/bin/sh\n", executable=True),
        "plugins/docs/link": Symlink(b"run.sh"),
        "plugins/docs/vendor": Submodule("5" * 40),
        "plugins/docs/crlf.txt": b"one\r\ntwo\r\n",
        "plugins/docs/bom.txt": b"\xef\xbb\xbfwith a mark",
        "plugins/docs/binary": bytes(range(256)) * 100,
        "plugins/docs/empty": b"",
        "plugins/docs/" + "deep/" * 40 + "file": b"deep",
        "plugins/docs/späße ☃ 100%.md": b"snow",
    }
    await running.push(odd)
    await running.assert_serves(running.repository.head())
    files = running.published.snapshot.files
    assert files["plugins/docs/run.sh"].mode is Mode.EXECUTABLE
    assert files["plugins/docs/link"].mode is Mode.SYMLINK
    assert await running.content("plugins/docs/link") == b"run.sh"
    assert (files["plugins/docs/vendor"].mode, files["plugins/docs/vendor"].sha256) == (Mode.SUBMODULE, None)
    assert [problem.code for problem in running.published.snapshot.problems] == ["submodule"]


async def test_a_file_above_the_limit_is_skipped_and_reported(mirror):
    mirror.bounds = Bounds(max_file_bytes=1_000)
    mirror.repository.commit({"plugins/docs/video": bytes(1_001), "plugins/docs/picture": bytes(1_000)})
    await mirror.start()
    await mirror.settled()
    files = mirror.published.snapshot.files
    assert (files["plugins/docs/video"].size_bytes, files["plugins/docs/video"].sha256) == (1_001, None)
    assert await mirror.content("plugins/docs/picture") == bytes(1_000)
    assert [(p.path, p.code) for p in mirror.published.snapshot.problems] == [("plugins/docs/video", "file_too_large")]
    fetched = mirror.standin.journal.matching("GET /git/blobs")
    assert not any(mirror.repository.objects.put_blob(bytes(1_001)) in entry.path for entry in fetched)


async def test_too_many_files_are_refused_and_what_was_served_stays(running, make):
    before = running.commit
    running.bounds = Bounds(max_files=15)
    await running.restart()
    await running.settled()
    await running.push({f"plugins/docs/{n}": b"%d" % n for n in range(20)})
    assert running.report.outcome == "refused"
    assert "sync.max_files is 15" in running.report.reason
    assert running.commit == before


@pytest.mark.parametrize("tree_limit", [10, 12, 20])
async def test_a_truncated_listing_is_walked(mirror, make, tree_limit):
    """A directory of ten skills is never larger than the limit in itself, all that is below it is."""
    mirror.standin.tree_limit = tree_limit
    mirror.repository.commit(make.marketplace(10) | {"a/b/c/d/1": b"1", "a/b/c/2": b"2", "a/b/3": b"3"})
    await mirror.start()
    await mirror.settled()
    await mirror.assert_serves(mirror.repository.head())


async def test_a_directory_that_github_cuts_is_not_believed(mirror, make):
    mirror.standin.tree_limit = 7
    mirror.repository.commit(make.marketplace(10))
    await mirror.start(wake=False)
    assert (await mirror.reconcile()).outcome == "failed"
    assert mirror.loop.last_failure == "tree_mismatch"


async def test_a_repository_with_more_files_than_allowed_is_not_walked_to_its_end(mirror, make):
    mirror.standin.tree_limit = 30
    mirror.bounds = Bounds(max_files=40)
    mirror.repository.commit({f"{n}/{m}/{k}": b"%d" % k for n in range(20) for m in range(20) for k in range(2)})
    await mirror.start()
    await mirror.settled()
    assert mirror.loop.last_failure == "too_many_files"
    assert mirror.published is None
    await mirror.reconcile()
    assert mirror.standin.journal.count("GET /git/trees") < 200, "of 422 in all; and it is not walked again"


async def test_what_attributes_alter_in_an_archive_is_fetched_by_blob(mirror, make):
    altered = {
        ".gitattributes": b"secret.md export-ignore\nversion.txt export-subst\ncrlf.txt text eol=crlf\nid.txt ident\n",
        "plugins/docs/secret.md": b"not in the archive",
        "plugins/docs/version.txt": b"$Format:%H$",
        "plugins/docs/crlf.txt": b"one\ntwo\n",
        "plugins/docs/id.txt": b"$Id$",
    }
    mirror.repository.commit(make.marketplace(100) | altered)
    await mirror.start()
    await mirror.settled()
    await mirror.assert_serves(mirror.repository.head())
    assert mirror.standin.journal.count("GET /tarball") == 1
    assert 2 <= mirror.standin.journal.count("GET /git/blobs") <= 4


async def test_names_that_are_not_utf8_are_verified_and_not_published(running, make):
    latin = "Spaß".encode("latin-1")
    await running.push({b"plugins/docs/" + latin + b".txt": b"fun", b"plugins/docs/" + latin + b"/x": b"x"})
    await running.assert_serves(running.repository.head())
    assert {problem.code for problem in running.published.snapshot.problems} == {"path_not_utf8"}
    assert running.standin.journal.count("GET /tarball") == 1


async def test_names_that_are_known_already_cost_no_second_archive(running, make):
    """Two of them read the same, have the same content, and are still told apart."""
    await running.push({b"plugins/docs/\xff.sh": b"fun", b"plugins/docs/\xfe.sh": File(b"fun", executable=True)})
    running.standin.journal.reset()
    running.standin.latency_s = 0.005
    await running.push({make.path(0): make.skill("s00000", "changed")})
    await running.assert_serves(running.repository.head())
    assert asked(running) == (3, 3, 2), running.standin.journal.lines()


async def test_names_that_are_not_utf8_are_read_on_the_first_sync(mirror):
    mirror.repository.commit({b"plugins/docs/\xff.txt": b"fun", b"plugins/docs/\xfe.txt": b"fun"})
    await mirror.start()
    await mirror.settled()
    await mirror.assert_serves(mirror.repository.head())


async def test_such_names_in_a_repository_too_large_for_an_archive_are_refused(mirror):
    mirror.bounds = Bounds(tarball_max_bytes=100)
    mirror.repository.commit({b"plugins/docs/\xff.txt": b"fun"})
    await mirror.start()
    await mirror.settled()
    assert mirror.loop.last_failure == "names_not_utf8"
    assert mirror.standin.journal.count("GET /tarball") == 0


# --- policy and content together ------------------------------------------------------------------------------------------


async def test_a_malformed_policy_keeps_the_old_content_and_the_old_policy_together(running, make):
    before = running.published
    await running.push({".skillport/access.json": b"{", make.path(0): make.skill("s00000", "new")})
    assert running.published is before
    assert running.report.outcome == "refused"
    assert running.report.reason.startswith(".skillport/access.json:1: ")
    assert running.loop.last_failure == "policy_malformed"


async def test_a_refused_head_is_read_once_and_then_costs_a_free_request(running):
    await running.push({".skillport/access.json": b"{"})
    running.standin.journal.reset()
    assert (await running.reconcile()).outcome == "refused"
    assert asked(running) == (1, 0, 1)


async def test_the_commit_that_mends_a_refused_one_is_published_from_its_push(running, make):
    await running.push({".skillport/access.json": b"{", make.path(0): make.skill("s00000", "new")})
    running.standin.journal.reset()
    await running.push({".skillport/access.json": make.policy("google:2")})
    await running.assert_serves(running.repository.head())
    policy = running.published.snapshot.policy
    assert isinstance(policy, AccessPolicy)
    assert policy.editors.ids == {"google:2"}
    assert running.standin.journal.count("GET /commits/HEAD") == 0, "the push was followed from the refused head"
    assert running.pull.refused is None
    assert await running.owed() == 0


async def test_a_refused_head_is_forgotten_when_the_branch_goes_back_to_what_is_served(running):
    served = running.commit
    await running.push({".skillport/access.json": b"{"})
    assert running.pull.refused is not None
    running.repository.force("main", served)
    assert (await running.reconcile()).outcome == "unchanged"
    assert running.pull.refused is None
    assert running.loop.last_failure is None


async def test_a_first_commit_with_a_malformed_policy_serves_nothing(mirror):
    mirror.repository.commit({".skillport/access.json": b"{"})
    await mirror.start()
    await mirror.settled()
    assert mirror.published is None
    assert mirror.report.outcome == "refused"


# --- which commit ---------------------------------------------------------------------------------------------------------


async def test_a_head_that_lags_behind_what_is_published_is_not_believed(running, make):
    older = running.repository.head()
    newer = await running.push({make.path(0): make.skill("s00000", "new")})
    running.standin.faults.answer_stale_head(commit=older)
    report = await running.reconcile()
    assert (report.outcome, running.commit) == ("held", newer)
    await running.time.skip(5.0)
    await running.settled()
    assert running.report.outcome == "unchanged"
    assert running.commit == newer
    assert len(await running.store.publications("acme")) == 2, "it never went back"


async def test_a_late_delivery_and_a_lagging_head_together_do_not_go_back(running, make):
    """The first of two pushes is delivered last, and the read that follows is old."""
    running.repository.commit({make.path(0): make.skill("s00000", "1")})
    late = running.repository.changes[-1]
    newer = running.repository.commit({make.path(0): make.skill("s00000", "2")})
    await running.reconcile()
    assert running.commit == newer
    running.standin.faults.answer_stale_head(commit=late.after)
    assert (await running.pulled(await running.receive(late))).outcome == "held"
    assert (await running.after(5.0)).outcome == "unchanged"
    await running.settled()
    assert running.commit == newer
    assert len(await running.store.publications("acme")) == 2, "it never went back"


async def test_a_force_push_with_its_delivery_is_followed_at_once(running, make):
    older = running.repository.head()
    await running.push({make.path(0): make.skill("s00000", "1")})
    await running.push({make.path(0): make.skill("s00000", "2")})
    await running.receive(running.repository.force("main", older))
    await running.settled()
    await running.assert_serves(older)
    assert await running.owed() == 0


async def test_a_force_push_whose_delivery_was_lost_is_believed_at_the_second_look(running, make):
    older = running.repository.head()
    newer = await running.push({make.path(0): make.skill("s00000", "1")})
    running.repository.force("main", older)
    report = await running.reconcile()
    assert (report.outcome, running.commit) == ("held", newer)
    await running.time.skip(5.0)
    await running.settled()
    await running.assert_serves(older)
    assert running.report.reason == "history was rewritten"


async def test_a_rewritten_branch_that_is_pushed_to_between_two_looks_is_believed(running, make):
    """Otherwise a busy branch would never be believed."""
    first = running.repository.head()
    await running.push({make.path(0): make.skill("s00000", "1")})
    running.repository.commit({make.path(1): make.skill("s00001", "other")}, base=first)
    assert (await running.reconcile()).outcome == "held"
    await running.time.skip(4.0)
    running.repository.commit({make.path(1): make.skill("s00001", "and on")})
    running.repository.commit({make.path(1): make.skill("s00001", "and on and on")})
    await running.time.skip(1.0)
    await running.settled()
    await running.assert_serves(running.repository.head())


async def test_several_commits_pushed_at_once_and_found_by_reconcile_are_believed(running, make):
    for text in "abc":
        running.repository.commit({make.path(0): make.skill("s00000", text)})
    assert (await running.reconcile()).outcome == "published"
    await running.assert_serves(running.repository.head())


async def test_a_deleted_branch_keeps_what_is_served_and_a_recreated_one_replaces_it(running, make):
    served = running.published
    running.repository.create_branch("other")
    await running.pulled(await running.receive(running.repository.delete_branch("main")))
    assert running.loop.last_failure == "branch_missing"
    assert running.published is served
    created = running.repository.commit({make.path(0): make.skill("s00000", "new")}, branch="other")
    await running.time.skip(1.0)
    await running.receive(running.repository.move("refs/heads/main", created))
    await running.settled()
    await running.assert_serves(created)


async def test_a_branch_recreated_without_a_word_is_found_by_reconcile(running, make):
    running.repository.delete_branch("main")
    assert (await running.reconcile()).outcome == "failed"
    unrelated = running.repository.objects.put_commit(
        running.repository.tree(running.commit), [], *[_somebody(running)] * 2, "Begin again\n"
    )
    running.repository.move("refs/heads/main", unrelated)
    assert (await running.reconcile()).outcome == "held", "no common history: it has to be seen twice"
    await running.time.skip(5.0)
    await running.settled()
    await running.assert_serves(unrelated)


def _somebody(mirror):
    return mirror.repository.objects.commit(mirror.repository.changes[0].after).author


async def test_a_renamed_default_branch_is_followed(running, make):
    running.repository.rename_default_branch("trunk")
    assert (await running.reconcile()).outcome == "unchanged"
    await running.push({make.path(0): make.skill("s00000", "on trunk")})
    await running.assert_serves(running.repository.head("trunk"))


async def test_another_default_branch_is_followed(running, make):
    running.repository.create_branch("next")
    commit = running.repository.commit({make.path(0): make.skill("s00000", "next")}, branch="next")
    running.repository.set_default_branch("next")
    assert (await running.reconcile()).outcome == "published"
    await running.assert_serves(commit)


async def test_a_configured_branch_is_followed_whatever_the_default_is(mirror, make):
    mirror.repository.create_branch("stable")
    stable = mirror.repository.head()
    mirror.repository.commit({make.path(0): make.skill("s00000", "unstable")})
    mirror.branch = "stable"
    await mirror.start()
    await mirror.settled()
    await mirror.assert_serves(stable)


async def test_a_renamed_repository_is_followed_and_its_new_name_is_used_from_then_on(running, make):
    running.repository.rename("umbrella/tools")
    commit = running.repository.commit({make.path(0): make.skill("s00000", "renamed")})
    await running.reconcile()
    await running.assert_serves(commit)
    assert running.loop.source.repository == "umbrella/tools"
    assert running.published.snapshot.repository == "umbrella/tools"
    running.standin.journal.reset()
    await running.reconcile()
    assert asked(running) == (1, 0, 1), "no redirect any more"


async def test_a_repository_renamed_before_a_restart_is_found_under_its_old_name(running, make):
    running.repository.rename("umbrella/tools")
    await running.reconcile()
    await running.restart()
    commit = await running.push({make.path(0): make.skill("s00000", "renamed")})
    await running.assert_serves(commit)
    await running.confirmed()
    assert running.loop.source.repository == "umbrella/tools"


# --- orders ---------------------------------------------------------------------------------------------------------------


async def test_a_rehearsal_tells_what_would_be_published_and_publishes_nothing(running, make):
    before = running.published
    running.repository.commit({make.path(0): None, make.path(1): make.skill("s00001", "new")})
    report = await running.reconcile(dry_run=True)
    assert (report.outcome, report.after) == ("would_publish", running.repository.head())
    assert (report.added, report.changed, report.removed) == (0, 1, 1)
    assert report.files_changed == 2
    assert running.published is before
    assert len(await running.store.publications("acme")) == 1
    assert running.loop.last.report.outcome != "would_publish", "a rehearsal is not the latest pull"


async def test_full_fetches_as_if_nothing_were_held(running, make):
    report = await running.reconcile(full=True)
    assert report.outcome == "unchanged"
    assert running.standin.journal.count("GET /git/blobs") == len(make.marketplace())
    await running.assert_serves(running.repository.head())


async def test_progress_is_told_on_the_way(mirror, make):
    mirror.repository.commit(make.marketplace(40))
    await mirror.start(wake=False)
    await mirror.reconcile()
    stages = [progress.stage for progress in mirror.progress]
    assert stages[0] == "head"
    assert stages[-1] == "publish"
    blobs = [progress for progress in mirror.progress if progress.stage == "blobs"]
    assert (blobs[-1].done, blobs[-1].total) == (40, 40)
    assert [progress.done for progress in blobs] == sorted(progress.done for progress in blobs)
