"""What goes wrong on command, as a client sees it, and what the journal keeps."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from skillport_sync.standin import Repository, StandInGitHub
from skillport_sync.standin.journal import Journal, JournalEntry, matches

ROOT = "/repos/acme/skills"
SHA = {"Accept": "application/vnd.github.sha"}
RAW = {"Accept": "application/vnd.github.raw+json"}


@pytest.fixture
def skills(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository("acme/skills")
    repository.commit({"README.md": b"# Skills\n" * 100})
    return repository


@pytest.fixture
def blob(skills: Repository) -> str:
    entry = skills.objects.lookup(skills.tree(), b"README.md")
    return f"{ROOT}/git/blobs/{entry.oid}"


@pytest.mark.parametrize(
    ("pattern", "method", "path", "expected"),
    [
        ("GET /repos/*/git/blobs/*", "GET", "/repos/acme/skills/git/blobs/1", True),
        ("GET /git/blobs", "GET", "/repos/acme/skills/git/blobs/1", True),
        ("GET /git/blob", "GET", "/repos/acme/skills/git/blobs/1", False),
        ("POST /git/blobs", "GET", "/repos/acme/skills/git/blobs/1", False),
        ("* *", "PATCH", "/anything", True),
        ("GET codeload:*", "GET", "codeload:/acme/skills/legacy.tar.gz/1", True),
        ("GET /legacy.tar.gz", "GET", "codeload:/acme/skills/legacy.tar.gz/1", True),
    ],
)
def test_a_pattern_is_a_method_and_a_path_or_words_of_one(pattern, method, path, expected):
    assert matches(pattern, method, path) is expected


async def test_the_next_requests_fail_and_then_no_more(api, blob, standin):
    standin.faults.fail_next("GET /repos/*/git/blobs/*", times=2, status=502)
    standin.faults.fail_next("GET /git/blobs", status=500, body='{"message": "oops"}', headers={"X-Odd": "1"})
    statuses = []
    for _ in range(4):
        async with api.session.get(
            standin.api_url + blob, headers={"Authorization": "token token-of-the-tests"}
        ) as answer:
            statuses.append((answer.status, answer.content_type, answer.headers.get("X-Odd")))
    assert statuses == [
        (502, "text/html", None),
        (502, "text/html", None),
        (500, "application/json", "1"),
        (200, "application/json", None),
    ]


async def test_a_body_is_cut_off_in_the_middle(api, blob, standin):
    standin.faults.cut_next("GET /git/blobs", after_bytes=10)
    url = standin.api_url + blob
    async with api.session.get(url, headers={"Authorization": "token token-of-the-tests", **RAW}) as answer:
        assert answer.content_length == 900
        assert await answer.content.readexactly(10) == b"# Skills\n#"
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    assert len((await api("GET", blob, headers=RAW)).raw) == 900


async def test_a_corrupt_body_has_the_right_length_and_one_wrong_byte(api, blob, standin):
    standin.faults.corrupt_next("GET /git/blobs", flip_byte=3)
    wrong = (await api("GET", blob, headers=RAW)).raw
    right = (await api("GET", blob, headers=RAW)).raw
    assert len(wrong) == len(right)
    assert [n for n in range(len(right)) if wrong[n] != right[n]] == [3]


async def test_a_delayed_answer_waits_for_its_event(api, blob, standin):
    event = asyncio.Event()
    standin.faults.delay_next("GET /git/blobs", event)
    task = asyncio.create_task(api("GET", blob))
    gate_free = await api("GET", f"{ROOT}/commits/HEAD", headers=SHA)
    assert gate_free.status == 200
    assert not task.done()
    event.set()
    async with asyncio.timeout(5):
        assert (await task).status == 200


async def test_a_gate_holds_requests_until_it_is_opened(api, blob, standin):
    gate = standin.faults.gate("GET /git/blobs")
    async with asyncio.timeout(5):
        tasks = [asyncio.create_task(api("GET", blob)) for _ in range(3)]
        await gate.reached(3)
        assert not any(task.done() for task in tasks)
        gate.open()
        assert [answer.status for answer in await asyncio.gather(*tasks)] == [200] * 3
        assert (await api("GET", blob)).status == 200
    assert standin.journal.most_at_once() == 3


async def test_a_hanging_request_ends_with_the_stand_in(api, blob, standin):
    standin.faults.hang_next("GET /git/blobs")
    gate = standin.faults.gate("GET /git/blobs")
    task = asyncio.create_task(api("GET", blob))
    async with asyncio.timeout(5):
        await gate.reached()
        gate.open()
        await standin.close()
        with pytest.raises(aiohttp.ClientError):
            await task


async def test_while_it_is_down_nobody_gets_an_answer(api, blob, standin):
    standin.faults.down()
    with pytest.raises(aiohttp.ClientError):
        await api("GET", blob)
    standin.faults.up()
    assert (await api("GET", blob)).status == 200


async def test_a_redirect_leads_where_it_is_told(api, standin, skills):
    standin.faults.redirect_next("GET /tarball", "https://elsewhere.example/x")
    assert (await api("GET", f"{ROOT}/tarball/main")).headers["Location"] == "https://elsewhere.example/x"
    assert (await api("GET", f"{ROOT}/tarball/main")).headers["Location"].startswith(standin.codeload_url)


async def test_the_api_may_lag_behind_the_push(api, skills, standin):
    old = skills.head()
    new = skills.commit({"x": b"1"})
    standin.faults.answer_stale_head(times=2)
    heads = [(await api("GET", f"{ROOT}/commits/heads/main", headers=SHA)).raw.decode() for _ in range(3)]
    assert heads == [old, old, new]
    standin.faults.hide_commit(new, times=3)
    assert (await api("GET", f"{ROOT}/git/commits/{new}")).status == 404
    assert (await api("GET", f"{ROOT}/git/trees/{new}")).status == 404
    assert (await api("GET", f"{ROOT}/commits/{new}")).status == 422
    assert (await api("GET", f"{ROOT}/git/commits/{new}")).status == 200


async def test_what_is_lost_late_has_happened_and_what_is_lost_early_has_not(api, skills, standin):
    def branches() -> set[str]:
        return {ref.rpartition("/")[2] for ref in skills.refs}

    async def make(name: str) -> int:
        try:
            body = {"ref": f"refs/heads/{name}", "sha": skills.head()}
            return (await api("POST", f"{ROOT}/git/refs", body=body, strict=False)).status
        except aiohttp.ClientError:
            return 0

    gone = '{"message": "Server Error"}'
    standin.faults.fail_next("POST /git/refs", body=gone)
    standin.faults.fail_next("POST /git/refs", body=gone, late=True)
    assert [await make("early-502"), await make("late-502")] == [502, 502]
    standin.faults.reset_next("POST /git/refs")
    assert await make("early-cut") == 0
    standin.faults.reset_next("POST /git/refs", late=True)
    assert await make("late-cut") == 0
    assert branches() == {"main", "late-502", "late-cut"}


async def test_a_late_hang_has_happened_too(api, skills, standin):
    standin.faults.hang_next("POST /git/refs", late=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await api("POST", f"{ROOT}/git/refs", body={"ref": "refs/heads/new", "sha": skills.head()})
    assert "refs/heads/new" in skills.refs


async def test_so_many_requests_pass_before_a_fault(api, blob, standin):
    standin.faults.fail_next("GET /git/blobs", body='{"message": "x"}', after=2)
    assert [(await api("GET", blob)).status for _ in range(4)] == [200, 200, 502, 200]


async def test_reads_may_lag_behind_every_write(api, skills, standin):
    old = skills.head()
    new = skills.commit({"x": b"1"}, branch="work")
    standin.faults.lag_after_writes = 2
    await api("PATCH", f"{ROOT}/git/refs/heads/main", body={"sha": new})
    other = await api("GET", f"{ROOT}/git/ref/heads/work")
    assert other.json["object"]["sha"] == new
    heads = [(await api("GET", f"{ROOT}/git/ref/heads/main")).json["object"]["sha"] for _ in range(3)]
    assert heads == [old, old, new]
    await api("POST", f"{ROOT}/git/refs", body={"ref": "refs/heads/new", "sha": new})
    assert [(await api("GET", f"{ROOT}/git/ref/heads/new")).status for _ in range(3)] == [404, 404, 200]


async def test_everything_scripted_can_be_forgotten(api, blob, standin):
    gate = standin.faults.gate("GET /git/blobs")
    standin.faults.fail_next("GET /git/blobs", times=9)
    standin.faults.down()
    standin.faults.clear()
    async with asyncio.timeout(5):
        assert (await api("GET", blob)).status == 200
    assert gate.waiting == 0


async def test_the_journal_counts_what_was_asked_and_what_it_cost(api, blob, standin):
    await api("GET", f"{ROOT}/commits/heads/main", headers=SHA)
    await asyncio.gather(*(api("GET", blob) for _ in range(3)))
    link = (await api("GET", f"{ROOT}/tarball/main")).headers["Location"]
    await api("GET", link, token=None)
    journal = standin.journal
    assert journal.count() == 6
    assert journal.count("GET /git/blobs") == 3
    assert journal.primary_cost() == 5
    assert journal.lines()[0] == f"GET {ROOT}/commits/heads/main 200"
    assert [entry.authorized for entry in journal.matching("GET codeload:*")] == [False]
    journal.reset()
    assert journal.count() == 0


def test_round_trips_are_the_longest_chain_of_requests_after_one_another():
    def entry(started: float, ended: float) -> JournalEntry:
        return JournalEntry("GET", "/x", {}, "api", "", True, started, ended_s=ended)

    journal = Journal([entry(0, 1), entry(1, 2), entry(1, 2.5), entry(1.1, 2.2), entry(3, 4)])
    assert journal.round_trips() == 3
    assert journal.most_at_once() == 3
    assert Journal().round_trips() == 0


async def test_latency_is_one_round_trip_for_each_request(skills):
    github = StandInGitHub(latency_s=0.05)
    github.accept_token("t")
    github.create_repository("acme/skills").commit({"a": b"1"})
    await github.start()
    try:
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession(headers={"Authorization": "token t"}) as session:
            started = loop.time()
            async with session.get(f"{github.api_url}{ROOT}/tarball") as answer:
                assert answer.status == 200
            assert loop.time() - started >= 0.1
    finally:
        await github.close()
