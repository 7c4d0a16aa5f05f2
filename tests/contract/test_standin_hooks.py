"""What the stand-in announces: signed deliveries, their record, and sending them again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web

from skillport_sync.standin import Repository, StandInGitHub

ROOT = "/repos/acme/skills"
SECRET = "It's a Secret to Everybody"


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> dict[str, object]:
        return json.loads(self.body)


class Receiver:
    """Listens for deliveries and keeps them; answers with ``status``, once ``hold`` is set."""

    def __init__(self) -> None:
        self.status = 202
        self.got: list[Received] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        await self.hold.wait()
        self.got.append(Received(dict(request.headers), body))
        return web.Response(status=self.status, text="noted")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application(client_max_size=30_000_000)
    application.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


@pytest.fixture
def skills(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository("acme/skills")
    repository.commit({"README.md": b"# Skills\n", "old": b"1"})
    return repository


async def test_a_push_arrives_signed_as_github_signs(skills, receiver):
    hook = skills.add_hook(receiver.url, SECRET)
    before = skills.head()
    after = await skills.push({"README.md": b"more", "new": b"1", "old": None}, message="Change")
    (got,) = receiver.got
    expected = "sha256=" + hmac.new(SECRET.encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["X-Hub-Signature-256"] == expected
    assert re.fullmatch(r"sha1=[0-9a-f]{40}", got.headers["X-Hub-Signature"])
    assert got.headers["X-GitHub-Event"] == "push"
    assert got.headers["X-GitHub-Hook-ID"] == str(hook.id)
    assert got.headers["X-GitHub-Hook-Installation-Target-Type"] == "repository"
    assert got.headers["X-GitHub-Hook-Installation-Target-ID"] == str(skills.id)
    assert got.headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert re.fullmatch(r"[0-9a-f-]{36}", got.headers["X-GitHub-Delivery"])
    push = got.payload
    assert (push["ref"], push["before"], push["after"]) == ("refs/heads/main", before, after)
    assert (push["created"], push["deleted"], push["forced"]) == (False, False, False)
    assert push["head_commit"]["tree_id"] == skills.tree()
    (commit,) = push["commits"]
    assert (commit["added"], commit["removed"], commit["modified"]) == (["new"], ["old"], ["README.md"])
    assert isinstance(push["repository"]["created_at"], int)
    assert isinstance(push["repository"]["pushed_at"], int)


async def test_a_form_hook_carries_the_payload_in_a_field_and_signs_the_form(skills, receiver):
    skills.add_hook(receiver.url, SECRET, content_type="form")
    await skills.push({"x": b"1"})
    (got,) = receiver.got
    assert got.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert json.loads(parse_qs(got.body.decode())["payload"][0])["after"] == skills.head()
    expected = hmac.new(SECRET.encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["X-Hub-Signature-256"] == f"sha256={expected}"


async def test_without_a_secret_nothing_is_signed(skills, receiver):
    skills.add_hook(receiver.url, None)
    await skills.push({"x": b"1"})
    assert not [name for name in receiver.got[0].headers if name.startswith("X-Hub-Signature")]


async def test_branches_made_forced_and_deleted_say_so(skills, receiver):
    skills.add_hook(receiver.url, SECRET)
    first = skills.head()
    second = skills.commit({"x": b"1"})
    await skills.deliver(skills.create_branch("b", second))
    await skills.deliver(skills.force("main", first))
    await skills.deliver(skills.delete_branch("b"))
    await skills.deliver(skills.tag("v1", message="First"))
    made, forced, deleted, tagged = [got.payload for got in receiver.got]
    assert (made["created"], made["before"], made["commits"]) == (True, "0" * 40, [])
    assert (forced["forced"], forced["before"], forced["after"], forced["commits"]) == (True, second, first, [])
    assert (deleted["deleted"], deleted["after"], deleted["head_commit"]) == (True, "0" * 40, None)
    assert tagged["ref"] == "refs/tags/v1"
    assert tagged["after"] != tagged["head_commit"]["id"] == first


async def test_several_commits_of_one_push_are_listed_oldest_first(skills, receiver):
    skills.add_hook(receiver.url, SECRET)
    start = skills.head()
    one = skills.commit({"x": b"1"}, branch="work", base=start)
    two = skills.commit({"x": b"2"}, branch="work")
    await skills.deliver(skills.force("main", two))
    assert [commit["id"] for commit in receiver.got[0].payload["commits"]] == [one, two]


async def test_deliveries_can_be_lost_repeated_and_reordered_by_plain_code(skills, receiver):
    skills.add_hook(receiver.url, SECRET)
    await skills.push({"x": b"1"}, deliver=False)
    first, second = skills.changes[-1], None
    skills.commit({"x": b"2"})
    second = skills.changes[-1]
    for change in (second, first, second):
        await skills.deliver(change)
    assert [got.payload["after"] for got in receiver.got] == [second.after, first.after, second.after]
    assert [got.headers["X-GitHub-Delivery"] for got in receiver.got] == [second.guid, first.guid, second.guid]


async def test_deliveries_of_writes_can_be_lost_repeated_and_held_too(api, skills, receiver, standin):
    skills.add_hook(receiver.url, SECRET)
    new = skills.commit({"x": b"1"}, branch="work")
    standin.faults.lose_next_deliveries()
    standin.faults.repeat_next_deliveries()
    for name in ("lost", "twice"):
        await api("POST", f"{ROOT}/git/refs", body={"ref": f"refs/heads/{name}", "sha": new})
        await standin.deliveries_settled()
    assert [got.payload["ref"] for got in receiver.got] == ["refs/heads/twice"] * 2
    assert len({got.headers["X-GitHub-Delivery"] for got in receiver.got}) == 1
    gate = standin.faults.hold_deliveries()
    await api("DELETE", f"{ROOT}/git/refs/heads/lost")
    async with asyncio.timeout(5):
        await gate.reached()
        assert len(receiver.got) == 2
        gate.open()
        await standin.deliveries_settled()
    assert len(receiver.got) == 3


async def test_every_other_event_names_the_repository(skills, receiver, standin):
    skills.add_hook(receiver.url, SECRET, ["*"])
    for event in (
        skills.rename("acme/tools"),
        skills.transfer("globex"),
        skills.rename_default_branch("trunk"),
        skills.archive(),
        skills.unarchive(),
        skills.publicize(),
        skills.event("public"),
        skills.privatize(),
    ):
        await skills.deliver(event)
    told = [(got.headers["X-GitHub-Event"], got.payload.get("action")) for got in receiver.got]
    assert told == [
        ("repository", "renamed"),
        ("repository", "transferred"),
        ("repository", "edited"),
        ("repository", "archived"),
        ("repository", "unarchived"),
        ("repository", "publicized"),
        ("public", None),
        ("repository", "privatized"),
    ]
    assert receiver.got[0].payload["changes"] == {"repository": {"name": {"from": "skills"}}}
    assert receiver.got[1].payload["changes"]["owner"]["from"]["organization"]["login"] == "acme"
    assert receiver.got[2].payload["changes"] == {"default_branch": {"from": "main"}}
    assert receiver.got[2].payload["repository"]["default_branch"] == "trunk"
    assert {got.payload["repository"]["id"] for got in receiver.got} == {skills.id}


async def test_a_hook_hears_only_what_it_asked_for(skills, receiver):
    skills.add_hook(receiver.url, SECRET, ["repository"])
    await skills.push({"x": b"1"})
    assert receiver.got == []


async def test_a_hook_made_through_the_api_is_pinged_and_can_be_changed(api, skills, receiver, standin):
    config = {"url": receiver.url, "secret": SECRET, "content_type": "json"}
    made = await api("POST", f"{ROOT}/hooks", body={"config": config, "events": ["push", "repository"]})
    assert (made.status, made.json["config"]["secret"]) == (201, "********")
    await standin.deliveries_settled()
    ping = receiver.got[0]
    assert (ping.headers["X-GitHub-Event"], ping.payload["hook_id"]) == ("ping", made.json["id"])
    one = f"{ROOT}/hooks/{made.json['id']}"
    assert [hook["id"] for hook in (await api("GET", f"{ROOT}/hooks")).json] == [made.json["id"]]
    assert (await api("GET", one)).json["last_response"]["code"] == 202
    changed = await api("PATCH", one, body={"config": {"url": receiver.url}, "add_events": ["public"]})
    assert changed.json["config"] == {"url": receiver.url, "content_type": "form", "insecure_ssl": "0"}
    assert changed.json["events"] == ["push", "repository", "public"]
    assert (await api("POST", f"{one}/pings")).status == 204
    assert (await api("POST", f"{one}/tests")).status == 204
    await standin.deliveries_settled()
    assert sorted(got.headers["X-GitHub-Event"] for got in receiver.got) == ["ping", "ping", "push"]
    assert (await api("DELETE", one)).status == 204
    await standin.deliveries_settled()
    assert receiver.got[-1].headers["X-GitHub-Event"] == "meta"
    assert (await api("GET", one)).status == 404


async def test_a_hook_that_is_there_already_or_names_no_url_is_refused(api, skills, receiver):
    skills.add_hook(receiver.url, SECRET)
    again = await api("POST", f"{ROOT}/hooks", body={"config": {"url": receiver.url}})
    assert (again.status, again.json["errors"][0]["message"]) == (422, "Hook already exists on this repository")
    assert (await api("POST", f"{ROOT}/hooks", body={})).json["errors"][0]["code"] == "missing_field"


async def test_failed_deliveries_are_recorded_and_sent_again_under_the_same_guid(api, skills, receiver, standin):
    hook = skills.add_hook(receiver.url, SECRET)
    url = f"{ROOT}/hooks/{hook.id}/deliveries"
    receiver.status = 503
    await skills.push({"x": b"1"})
    (failed,) = (await api("GET", url)).json
    assert (failed["status_code"], failed["status"], failed["event"]) == (503, "Invalid HTTP Response: 503", "push")
    assert (await api("GET", url, query={"status": "success"})).json == []
    full = (await api("GET", f"{url}/{failed['id']}")).json
    assert full["request"]["payload"]["after"] == skills.head()
    assert full["request"]["headers"]["X-GitHub-Delivery"] == failed["guid"]
    assert full["response"]["payload"] == "noted"
    receiver.status = 202
    again = await api("POST", f"{url}/{failed['id']}/attempts")
    assert (again.status, again.raw) == (202, b"")
    await standin.deliveries_settled()
    newest, oldest = (await api("GET", url)).json
    assert (newest["guid"], newest["redelivery"], newest["status"]) == (failed["guid"], True, "OK")
    assert newest["id"] != oldest["id"] == failed["id"]
    assert receiver.got[0].body == receiver.got[1].body


async def test_deliveries_are_paged_by_cursor_and_forgotten_after_three_days(receiver):
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    github = StandInGitHub(now=lambda: clock[0])
    github.accept_token("token-of-the-tests")
    skills = github.create_repository("acme/skills")
    hook = skills.add_hook(receiver.url, SECRET)
    await github.start()
    try:
        for number in range(3):
            await skills.push({"x": b"%d" % number})
        async with aiohttp.ClientSession(headers={"Authorization": "token token-of-the-tests"}) as session:
            url = f"{github.api_url}{ROOT}/hooks/{hook.id}/deliveries"
            async with session.get(url, params={"per_page": "2"}) as answer:
                ids = [item["id"] for item in await answer.json()]
                following = answer.links["next"]["url"]
            async with session.get(following) as answer:
                ids += [item["id"] for item in await answer.json()]
            assert ids == sorted(ids, reverse=True) == [delivery.id for delivery in reversed(hook.deliveries)]
            clock[0] += timedelta(days=3, seconds=1)
            async with session.get(url) as answer:
                assert await answer.json() == []
    finally:
        await github.close()


async def test_a_receiver_that_is_slow_or_gone_is_a_failed_delivery(skills, receiver, standin):
    hook = skills.add_hook(receiver.url, SECRET)
    standin.postman.answer_within_s = 0.05
    receiver.hold.clear()
    await skills.push({"x": b"1"})
    receiver.hold.set()
    hook.url = "http://127.0.0.1:1/hook"
    await skills.push({"x": b"2"})
    assert [(d.status, d.status_code) for d in hook.deliveries] == [
        ("timed out", 504),
        ("failed to connect to host", 502),
    ]


async def test_a_write_through_the_api_is_announced_too(api, skills, receiver, standin):
    skills.add_hook(receiver.url, SECRET)
    new = skills.commit({"x": b"1"}, branch="work")
    await api("PATCH", f"{ROOT}/git/refs/heads/main", body={"sha": new})
    await standin.deliveries_settled()
    assert receiver.got[0].payload["after"] == new


def shape_of(value: object) -> object:
    """Names and kinds, without the values."""
    if isinstance(value, dict):
        return {key: shape_of(below) for key, below in value.items()}
    return "list" if isinstance(value, list) else type(value).__name__


def missing(sample: object, ours: object, where: str = "") -> list[str]:
    """What a sample has and we have not. Null on either side fits everything."""
    if isinstance(sample, dict) and isinstance(ours, dict):
        if where.endswith(".permissions"):
            return []  # which ones an App has is its own affair
        return [
            m
            for key in sample
            for m in (missing(sample[key], ours[key], f"{where}.{key}") if key in ours else [f"{where}.{key}"])
        ]
    if "NoneType" in (sample, ours) or sample == ours:
        if where.endswith(".permissions"):
            return []  # which ones an App has is its own affair
        return []
    return [f"{where}: {sample!r} but {ours!r}"]


@pytest.mark.parametrize(
    ("sample", "event"),
    [
        ("push/with-new-branch", "push"),
        ("repository/renamed", "renamed"),
        ("repository/edited.with-default_branch-edit", "edited"),
        ("repository/publicized.with-organization", "publicized"),
        ("public/with-installation", "public"),
        ("ping/with-organization", "ping"),
        ("meta/deleted", "meta"),
        ("installation/created", "installation"),
    ],
)
async def test_payloads_have_every_field_of_githubs_samples(
    sample_payloads: Path, skills, receiver, standin, api, sample, event
):
    app = standin.register_app(
        7, "no key is needed here", 99, account="acme", webhook_url=receiver.url, webhook_secret=SECRET
    )
    hook = skills.add_hook(receiver.url, SECRET, ["*"])
    if event == "push":
        await skills.push({"x": b"1"})
    elif event == "installation":
        await standin.change_installation(app, "created")
    elif event == "ping":
        await api("POST", f"{ROOT}/hooks/{hook.id}/pings")
        await standin.deliveries_settled()
    else:
        made = {
            "renamed": lambda: skills.rename("acme/tools"),
            "edited": lambda: skills.set_default_branch("trunk"),
            "publicized": skills.publicize,
            "public": lambda: skills.event("public"),
            "meta": lambda: skills.remove_hook(hook),
        }
        await skills.deliver(made[event]())
    expected = shape_of(json.loads((sample_payloads / f"{sample}.payload.json").read_bytes()))
    assert missing(expected, shape_of(receiver.got[0].payload)) == []
