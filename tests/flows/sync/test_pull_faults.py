"""Everything that can go wrong around a pull: what is served stays whole, and the mirror converges once it is over."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing

import aiohttp
import pytest

from skillport_sync.snapshot import PARSER_VERSION
from skillport_sync.store.ledger import DeliveryState
from skillport_sync.sync.fetch import ARCHIVE_TRIES
from skillport_sync.sync.plan import Bounds

HEAD, COMMIT, TREE = "GET /commits/HEAD", "GET /git/commits", "GET /git/trees"
TOKEN = "token-of-the-mirror"
BLOB, TARBALL, CODELOAD = "GET /git/blobs", "GET /tarball", "GET codeload:*"
STEPS = [HEAD, COMMIT, TREE, BLOB]


def change(mirror, make, files: int = 3) -> str:
    """A commit that changes so many files; not delivered."""
    return mirror.repository.commit({make.path(n): make.skill(f"s{n:05}", f"changed {n}") for n in range(files)})


async def healed(mirror, commit: str, within_s: float = 130.0) -> None:
    """The mirror serves this commit once retries have had so much time."""
    waited_s = 0.0
    while mirror.commit != commit or mirror.loop.last_failure is not None:
        assert waited_s < within_s, f"{mirror.loop.last_failure}: {mirror.report.reason}"
        await mirror.after(60.0)
        waited_s += 60.0
    await mirror.assert_serves(commit)


async def asked(mirror, what: str) -> bytes:
    """What the stand-in answers to anybody who has the token; not in the journal."""
    url = f"{mirror.standin.api_url}/repos/{mirror.repository.full_name}/{what}"
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Authorization": f"token {TOKEN}"}) as answer,
    ):
        body = await answer.read()
    mirror.standin.journal.reset()
    return body


async def archive_of(mirror, commit: str) -> bytes:
    return await asked(mirror, f"tarball/{commit}")


def database(mirror, name: str) -> sqlite3.Connection:
    return sqlite3.connect(mirror.directory / name, isolation_level=None)


# --- GitHub's answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
async def test_a_server_error_at_any_step_is_survived_and_tried_again(running, make, step, status):
    served, commit = running.published, change(running, make)
    running.standin.faults.fail_next(step, status=status, times=2)
    assert (await running.reconcile()).outcome == "failed"
    assert running.published is served
    await healed(running, commit)


@pytest.mark.parametrize("step", STEPS)
async def test_a_connection_cut_at_any_step_is_survived(running, make, step):
    served, commit = running.published, change(running, make)
    running.standin.faults.cut_next(step, after_bytes=3)
    assert (await running.reconcile()).outcome == "failed"
    assert running.published is served
    await healed(running, commit)


@pytest.mark.parametrize("step", STEPS)
async def test_a_web_page_instead_of_an_answer_is_survived(running, make, step):
    commit = change(running, make)
    running.standin.faults.fail_next(step, status=200)
    assert (await running.reconcile()).outcome == "failed"
    await healed(running, commit)


@pytest.mark.parametrize("step", STEPS)
async def test_one_wrong_byte_in_any_answer_is_never_published(running, make, step):
    served, commit = running.published, change(running, make)
    running.standin.faults.corrupt_next(step, flip_byte=len("0123456789") if step is BLOB else -20)
    report = await running.reconcile()
    assert running.commit in (served.publication.commit, commit)
    if report.outcome != "published":
        assert running.published is served
    await healed(running, commit)


async def test_wrong_bytes_of_a_blob_are_named_and_not_stored(running, make):
    commit = change(running, make)
    running.standin.faults.corrupt_next(BLOB)
    assert (await running.reconcile()).outcome == "failed"
    assert running.loop.last_failure == "wrong_bytes"
    with closing(database(running, "mirror.db")) as rows:
        for sha1, content in rows.execute("SELECT sha1, content FROM blobs"):
            assert running.repository.objects.read(sha1.hex(), "blob") == content
    await healed(running, commit)


async def test_an_answer_that_never_adds_up_is_left_to_reconcile_after_a_few_tries(running, make):
    change(running, make)
    running.standin.faults.corrupt_next(BLOB, times=1_000)
    await running.reconcile()
    for _ in range(2):
        await running.after(2.0)
    tried = running.standin.journal.count(HEAD)
    await running.time.skip(200.0)
    assert running.standin.journal.count(HEAD) == tried
    await running.after(100.0)
    assert running.standin.journal.count(HEAD) == tried + 1


async def test_the_tree_of_another_commit_is_refused(running, make):
    """Stale content under a new id: the listing does not add up to the commit's tree."""
    old = running.repository.head()
    commit = change(running, make)
    running.standin.faults.fail_next(TREE, status=200, body=await asked(running, f"git/trees/{old}?recursive=1"))
    assert (await running.reconcile()).outcome == "failed"
    assert running.loop.last_failure == "tree_mismatch"
    assert running.commit == old
    await healed(running, commit)


# --- archives -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [0, 1, 10, 25, 50, 75, 90, 99])
async def test_a_cut_archive_is_never_published_and_what_arrived_is_kept(mirror, make, percent):
    commit = mirror.repository.commit(make.marketplace(300))
    whole = len(await archive_of(mirror, commit))
    mirror.standin.faults.cut_next(CODELOAD, after_bytes=whole * percent // 100)
    await mirror.start(wake=False)
    assert (await mirror.reconcile()).outcome == "failed"
    assert mirror.published is None
    await healed(mirror, commit)


async def test_a_wrong_byte_in_an_archive_is_never_published(mirror, make):
    commit = mirror.repository.commit(make.marketplace(300))
    mirror.standin.faults.corrupt_next(CODELOAD, flip_byte=1_000)
    await mirror.start(wake=False)
    await mirror.reconcile()
    assert mirror.commit in (None, commit)
    await healed(mirror, commit)


async def test_the_archive_of_another_commit_gives_nothing(mirror, make):
    old = mirror.repository.head()
    commit = mirror.repository.commit(make.marketplace(300))
    mirror.standin.faults.fail_next(CODELOAD, status=200, body=await archive_of(mirror, old))
    await mirror.start(wake=False)
    assert (await mirror.reconcile()).outcome == "failed"
    await healed(mirror, commit)


async def test_archives_that_never_come_are_given_up_and_blobs_fetched_instead(mirror, make):
    """A proxy that lets nothing but the API through must not keep a mirror empty for ever."""
    commit = mirror.repository.commit(make.marketplace(80))
    mirror.standin.faults.fail_next(CODELOAD, status=403, times=1_000)
    await mirror.start(wake=False)
    await mirror.reconcile()
    await healed(mirror, commit)
    assert mirror.standin.journal.count(CODELOAD) == ARCHIVE_TRIES
    assert mirror.standin.journal.count(BLOB) == 80


async def test_while_only_archives_are_limited_a_small_repository_comes_blob_by_blob(mirror, make):
    commit = mirror.repository.commit(make.marketplace(80))
    mirror.standin.faults.fail_next(CODELOAD, status=429, headers={"Retry-After": "1800"})
    await mirror.start()
    await mirror.settled()
    await mirror.assert_serves(commit)


# --- who may ask, and how often -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(401, "github_credentials_refused"), (403, "github_permission_missing")])
async def test_refused_credentials_are_no_storm_of_retries(running, make, status, code):
    """One try a minute however often we are woken, one an interval if we are not; an operator is never kept waiting."""
    served, commit = running.published, change(running, make)
    running.standin.faults.fail_next("* *", status=status, body=b'{"message": "no"}', times=1_000)
    running.loop.wake("reconcile")
    await running.pulled(running.loop.last)
    assert running.loop.last_failure == code
    asked = len(running.standin.journal)
    for _ in range(59):
        running.loop.wake("push")
        await running.time.skip(1.0)
    assert len(running.standin.journal) == asked
    await running.after(2.0)
    assert len(running.standin.journal) == asked + 1
    assert running.published is served
    running.standin.faults.clear()
    assert (await running.reconcile()).outcome == "published"
    assert running.commit == commit


async def test_a_repository_that_is_gone_keeps_what_is_served(running):
    served = running.published
    running.repository.delete()
    report = await running.reconcile()
    assert (report.outcome, running.loop.last_failure) == ("failed", "github_not_found")
    assert running.published is served
    asked = len(running.standin.journal)
    await running.time.skip(290.0)
    assert len(running.standin.journal) == asked
    await running.after(20.0)


async def test_a_deleted_delivery_is_not_waited_for(running):
    await running.pulled(await running.receive(running.repository.delete_branch("main")))
    entries = await running.state.recent_deliveries()
    assert [entry.state for entry in entries] == [DeliveryState.FAILED], "a redelivery revives it"
    asked = len(running.standin.journal)
    await running.time.skip(250.0)
    assert len(running.standin.journal) == asked


async def test_an_empty_repository_is_no_snapshot_and_no_storm(mirror, standin, make):
    mirror.repository = standin.create_repository("acme/empty")
    mirror.configured = "acme/empty"
    await mirror.start(wake=False)
    assert (await mirror.reconcile()).outcome == "failed"
    assert mirror.loop.last_failure == "empty_repository"
    asked = len(standin.journal)
    await mirror.time.skip(250.0)
    assert len(standin.journal) == asked
    first = mirror.repository.commit(make.marketplace())
    await mirror.receive(mirror.repository.changes[-1])
    await mirror.settled()
    await mirror.assert_serves(first)


@pytest.mark.parametrize("status", [403, 429])
async def test_a_rate_limit_is_honoured_to_the_second(running, make, status):
    commit = change(running, make)
    headers = {"Retry-After": "120"}
    running.standin.faults.fail_next(HEAD, status=status, body=b'{"message": "rate limit"}', headers=headers)
    running.loop.wake("reconcile")
    await running.pulled(running.loop.last)
    assert running.loop.last_failure == "rate_limited"
    asked = len(running.standin.journal)
    for _ in range(11):
        running.loop.wake("push")
        await running.time.skip(10.0)
    assert (await running.reconcile()).outcome == "failed", "an operator is told, and GitHub is not asked"
    assert len(running.standin.journal) == asked
    await running.after(11.0)
    await running.settled()
    await running.assert_serves(commit)


async def test_a_used_up_limit_is_waited_out_until_its_reset(running, make):
    commit = change(running, make)
    running.standin.limits.exhaust(reset_in_s=1_200.0)
    running.loop.wake("reconcile")
    await running.pulled(running.loop.last)
    assert running.loop.last_failure == "rate_limited"
    asked = len(running.standin.journal)
    await running.time.skip(1_190.0)
    assert len(running.standin.journal) == asked
    await running.after(11.0)
    await running.settled()
    await running.assert_serves(commit)


# --- down, and down again -------------------------------------------------------------------------------------------------


async def test_answers_stay_while_github_is_down_and_their_age_grows(running, make):
    served = running.published
    running.standin.faults.down()
    await running.reconcile()
    await running.time.skip(700.0)
    assert running.published is served
    assert await running.content(make.path(0)) == running.repository.read(make.path(0))
    assert running.current.age_s("acme") >= 700
    assert running.current.is_stale("acme")
    commit = change(running, make)
    running.standin.faults.up()
    await healed(running, commit)
    assert running.current.age_s("acme") <= 61


async def test_a_restart_without_github_serves_what_was_published_last(running, make):
    commit = change(running, make)
    await running.reconcile()
    running.standin.faults.down()
    await running.restart()
    assert running.commit == commit
    await running.assert_serves(commit)
    assert running.published.publication.cause == "operator"


async def test_a_restart_asks_github_once_when_nothing_changed(running):
    await running.restart()
    await running.settled()
    assert len(running.standin.journal) == 1
    assert running.standin.journal.primary_cost() == 0


@pytest.mark.parametrize("step", [*STEPS, TARBALL, CODELOAD])
async def test_a_process_stopped_at_any_step_converges_when_it_starts_again(running, make, step):
    served = running.commit
    files = 80 if step in (TARBALL, CODELOAD) else 3
    commit = running.repository.commit({make.path(n): make.skill(f"s{n:05}", f"new {n}") for n in range(files)})
    gate = running.standin.faults.gate(step)
    running.loop.wake("reconcile")
    async with asyncio.timeout(10):
        await gate.reached()
    await running.stop()
    gate.open()
    running.standin.faults.clear()
    await running.start(wake=False)
    assert running.commit == served
    running.loop.wake("start")
    await running.settled()
    await running.assert_serves(commit)


async def test_a_delivery_taken_before_a_crash_is_answered_for_after_it(running, make):
    running.standin.faults.down()
    commit = change(running, make)
    await running.pulled(await running.receive(running.repository.changes[-1]))
    await running.stop()
    running.standin.faults.up()
    await running.start()
    await running.settled()
    await running.assert_serves(commit)
    assert [entry.state for entry in await running.state.recent_deliveries()] == [DeliveryState.DONE]


async def test_after_eight_failures_a_delivery_is_given_up_and_its_redelivery_revives_it(running, make):
    running.standin.faults.down()
    commit = change(running, make)
    await running.receive(running.repository.changes[-1], guid="again")
    for _ in range(8):
        await running.after(60.0)
    (entry,) = await running.state.recent_deliveries()
    assert entry.state is DeliveryState.FAILED
    running.standin.faults.up()
    await running.receive(running.repository.changes[-1], guid="again")
    await running.time.skip(60.0)
    await running.settled()
    assert running.commit == commit
    (entry,) = await running.state.recent_deliveries()
    assert entry.state is DeliveryState.DONE


# --- our own disk ---------------------------------------------------------------------------------------------------------


def flip(mirror, path: str) -> bytes:
    """Change one byte of a content where it lies, behind everybody's back; what it was."""
    oid = bytes.fromhex(mirror.published.snapshot.files[path].oid)
    with closing(database(mirror, "mirror.db")) as rows:
        ((content,),) = rows.execute("SELECT content FROM blobs WHERE sha1 = ?", (oid,))
        wrong = bytes([content[0] ^ 1]) + content[1:]
        rows.execute("UPDATE blobs SET content = ? WHERE sha1 = ?", (wrong, oid))
    return content


async def test_verify_finds_a_flipped_byte_and_fetches_the_content_again(running, make):
    content = flip(running, make.path(0))
    report = await running.reconcile(verify=True)
    assert report.outcome == "unchanged"
    assert (report.verified.corrupt, report.verified.root_matches) == (1, True)
    assert await running.content(make.path(0)) == content
    assert running.standin.journal.count(BLOB) == 1
    assert (await running.reconcile(verify=True)).verified.corrupt == 0


async def test_what_verify_dropped_is_fetched_even_when_github_comes_back_later(running, make):
    content = flip(running, make.path(0))
    running.standin.faults.down()
    assert (await running.reconcile(verify=True)).outcome == "failed"
    running.standin.faults.up()
    await running.after(60.0)
    await running.settled()
    assert await running.content(make.path(0)) == content


async def test_a_flipped_byte_of_what_is_served_is_mended_though_the_head_is_refused(running, make):
    """The head cannot be published, so what is served has to be brought back for its own sake."""
    await running.push({".skillport/access.json": b"{"})
    content = flip(running, ".skillport/access.json")
    assert (await running.reconcile(verify=True)).outcome == "refused"
    assert await running.content(".skillport/access.json") == content


async def test_what_github_has_no_more_does_not_keep_the_mirror_from_the_head(running, make):
    """The damaged content belongs to a commit that was forced away and cleaned up."""
    flip(running, make.path(0))
    gone = running.published.snapshot.files[make.path(0)].oid
    commit = change(running, make)
    running.standin.faults.fail_next(f"{BLOB}/{gone}", status=404, body=b'{"message": "Not Found"}', times=1_000)
    assert (await running.reconcile(verify=True)).outcome == "published"
    await running.assert_serves(commit)


async def test_a_rehearsed_verify_tells_and_changes_nothing_that_is_served(running, make):
    flip(running, make.path(0))
    served = running.published
    report = await running.reconcile(verify=True, dry_run=True)
    assert report.outcome == "unchanged"
    assert running.published is served
    assert running.standin.journal.count(BLOB) == 0


async def test_a_damaged_content_found_at_start_hides_nothing_else_and_is_mended(running, make):
    content = flip(running, make.path(0))
    await running.stop()
    running.standin.faults.down()
    await running.start(wake=False)
    skills = [skill.name for skill in running.published.snapshot.catalog.skills]
    assert "s00001" in skills
    running.standin.faults.up()
    await running.reconcile()
    await running.assert_serves(running.repository.head())
    assert await running.content(make.path(0)) == content
    assert "s00000" in [skill.name for skill in running.published.snapshot.catalog.skills]


async def test_damage_to_what_was_fetched_and_not_published_yet_is_mended(mirror, make):
    """Held, so never fetched again; damaged, so never published: it has to be noticed when it is read."""
    mirror.repository.commit({".skillport/access.json": b"{"})
    await mirror.start()
    await mirror.settled()
    with closing(database(mirror, "mirror.db")) as rows:
        rows.execute(
            "UPDATE blobs SET content = CAST(x'00' || substr(content, 2) AS BLOB) WHERE substr(content, 1, 1) = x'2d'"
        )
    mirror.repository.commit({".skillport/access.json": make.policy("google:1")})
    assert (await mirror.reconcile()).outcome == "failed"
    assert mirror.loop.last_failure == "content_damaged"
    await mirror.after(1.0)
    await mirror.settled()
    await mirror.assert_serves(mirror.repository.head())


async def test_rows_that_do_not_add_up_are_found_and_the_file_is_made_anew(running, make):
    with closing(database(running, "mirror.db")) as rows:
        rows.execute("UPDATE files SET mode = ? WHERE path = ?", (0o100755, make.path(0).encode()))
    served = running.published.snapshot
    report = await running.reconcile(verify=True)
    assert not report.verified.root_matches
    assert running.published.snapshot.files == served.files
    await running.assert_serves(running.repository.head())
    assert (await running.reconcile(verify=True)).verified.root_matches


async def test_rows_that_do_not_add_up_at_start_are_put_aside_and_pulled_anew(running, make):
    with closing(database(running, "mirror.db")) as rows:
        rows.execute("UPDATE files SET mode = ? WHERE path = ?", (0o100755, make.path(0).encode()))
    await running.restart()
    await running.settled()
    await running.assert_serves(running.repository.head())


OVERWRITE = """
import sys
with open(sys.argv[1], "r+b") as file:
    for page in sys.argv[2:]:
        file.seek((int(page) - 1) * 4096)
        file.write(b"?" * 4096)
"""


def scribble(mirror) -> None:
    """Overwrite the pages where the tables of contents begin."""
    with closing(database(mirror, "mirror.db")) as rows:
        rows.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = rows.execute("SELECT rootpage FROM sqlite_master WHERE name LIKE '%blobs%' AND rootpage > 0").fetchall()
    # In another process: closing the file in this one would let go of SQLite's locks on it.
    command = [sys.executable, "-c", OVERWRITE, str(mirror.directory / "mirror.db"), *(str(page) for (page,) in pages)]
    subprocess.run(command, check=True)


async def test_a_file_that_breaks_while_it_is_used_is_made_anew_while_answers_go_on(running, make):
    scribble(running)
    served, commit = running.published, change(running, make)
    assert (await running.reconcile()).outcome == "failed"
    assert running.loop.last_failure == "database_damaged"
    assert running.published is served
    assert list(running.directory.glob("mirror.db.*")), "put aside, not thrown away"
    await running.after(1.0)
    await running.settled()
    await running.assert_serves(commit)


async def test_a_mirror_made_anew_behind_our_back_is_filled_again_while_answers_go_on(running, make):
    """Another marketplace of the same file found it damaged."""
    served = running.published.snapshot
    await running.store.start_anew("damaged")
    assert running.published.snapshot is served
    await running.reconcile()
    await running.assert_serves(running.repository.head())
    assert await running.content(make.path(0)) == running.repository.read(make.path(0))
    await running.restart(wake=False)
    await running.assert_serves(running.repository.head())


async def test_a_mirror_deleted_between_two_starts_is_filled_again(running, make):
    await running.stop()
    for path in running.directory.glob("mirror.db*"):
        path.unlink()
    await running.start()
    await running.settled()
    await running.assert_serves(running.repository.head())


async def test_what_another_version_of_the_parser_published_is_published_again_without_github(running):
    with closing(database(running, "mirror.db")) as rows:
        rows.execute("UPDATE publications SET parser_version = 0")
    await running.restart()
    await running.settled()
    assert len(running.standin.journal) == 1
    newest, older = await running.store.publications("acme")
    assert (newest.parser_version, older.parser_version) == (PARSER_VERSION, 0)
    await running.assert_serves(running.repository.head())


async def test_a_higher_limit_brings_files_that_were_too_large_without_a_push(mirror):
    mirror.bounds = Bounds(max_file_bytes=1_000)
    mirror.repository.commit({"plugins/docs/picture": bytes(5_000)})
    await mirror.start()
    await mirror.settled()
    assert mirror.published.snapshot.files["plugins/docs/picture"].sha256 is None
    mirror.bounds = Bounds()
    await mirror.restart()
    await mirror.settled()
    assert await mirror.content("plugins/docs/picture") == bytes(5_000)
    assert mirror.published.snapshot.problems == ()


async def test_a_full_disk_keeps_what_is_served_and_the_mirror_follows_once_there_is_room(running, make):
    served, commit = running.published, change(running, make)
    pages = await running.store._writer.run_alone(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await running.store._writer.run_alone(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").close())
    big = running.repository.commit({"plugins/docs/big": bytes(range(256)) * 400})
    assert (await running.reconcile()).outcome == "failed"
    assert running.loop.last_failure == "database_full"
    assert running.published is served
    await running.store._writer.run_alone(lambda c: c.execute("PRAGMA max_page_count = 1000000").close())
    del commit
    await healed(running, big)


async def test_a_ledger_that_cannot_be_written_stops_nothing_and_is_made_up_for(running, make):
    with closing(database(running, "state.db")) as rows:
        rows.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON pulls WHEN new.done > old.done BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        commit = change(running, make)
        await running.pulled(await running.receive(running.repository.changes[-1]))
        assert running.commit == commit
        assert [entry.state for entry in await running.state.recent_deliveries()] == [DeliveryState.OWED]
        rows.execute("DROP TRIGGER full")
    await running.after(1.0)
    await running.settled()
    assert [entry.state for entry in await running.state.recent_deliveries()] == [DeliveryState.DONE]


async def test_a_ledger_that_cannot_be_read_is_a_failure_like_any_other(running, make):
    with closing(database(running, "state.db")) as rows:
        rows.execute("ALTER TABLE pulls RENAME TO elsewhere")
        assert (await running.reconcile()).outcome == "failed"
        rows.execute("ALTER TABLE elsewhere RENAME TO pulls")
    commit = change(running, make)
    await running.after(1.0)
    await running.settled()
    await running.assert_serves(commit)
