"""What is asked of GitHub about webhooks and pushes: as its own description has it, page after page, no secret lost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from skillport_sync.errors import Broken, Denied, Missing
from skillport_sync.github.activity import PushLog
from skillport_sync.github.budget import Limits
from skillport_sync.github.credentials import AppJwt, StaticToken
from skillport_sync.github.hook_facts import next_cursor, read_activity, read_attempts, read_hooks
from skillport_sync.github.hooks import AppHooks, RepositoryHooks, Wanted
from skillport_sync.github.transport import Credentials, Transport
from skillport_sync.standin import Repository, StandInGitHub

REPO = "acme/skills"
URL = "http://127.0.0.1:9/webhooks/github"
WANTED = Wanted(URL, ("push", "repository", "meta"), "hush")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return 0.0


@pytest.fixture
def skills(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository(REPO)
    repository.commit({"README.md": b"1"})
    return repository


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


def transport(
    session: aiohttp.ClientSession, standin: StandInGitHub, credentials: Credentials | None = None
) -> Transport:
    return Transport(
        session,
        credentials or StaticToken("token-of-the-tests"),
        api_url=standin.api_url,
        user_agent="tests",
        clock=Now(),
        max_concurrency=1,
        limits=Limits(),
    )


@pytest.fixture
def hooks(session, standin) -> RepositoryHooks:
    return RepositoryHooks(transport(session, standin))


@pytest.fixture
def as_described(standin, openapi):
    """Every request that was sent is one that GitHub describes."""

    def check() -> None:
        for entry in standin.journal:
            if not entry.path.endswith("/config") and entry.path != "/app":
                body = json.loads(entry.body) if entry.body else None
                openapi.validate_request(entry.method, entry.path, dict(entry.query), body)

    return check


async def test_every_request_is_as_github_describes_it(skills, standin, hooks, session, as_described):
    hook = await hooks.create(REPO, WANTED)
    await standin.deliveries_settled()
    (ping,) = (await hooks.deliveries(REPO, hook, None)).attempts
    assert (ping.event, ping.is_ok, ping.status_code) == ("ping", False, 502)
    await hooks.redeliver(REPO, hook, ping.id)
    await standin.deliveries_settled()
    assert await hooks.ping(REPO, hook)
    await hooks.repair(REPO, hook, WANTED)
    await hooks.listed(REPO)
    await PushLog(transport(session, standin)).since(REPO, "refs/heads/main", LONG_AGO)
    as_described()


async def test_mending_keeps_the_secret_where_a_patch_of_the_hook_would_lose_it(skills, hooks):
    made = await hooks.create(REPO, WANTED)
    mended = await hooks.repair(REPO, made, Wanted(URL, ("push", "pull_request"), "another"))
    assert skills.hooks[made.id].secret == "another"
    assert mended.has_secret
    assert set(mended.events) == {"push", "repository", "meta", "pull_request"}


async def test_all_deliveries_are_listed_over_pages_and_only_as_far_back_as_needed(skills, standin, hooks):
    hook = await hooks.create(REPO, WANTED)
    await standin.deliveries_settled()
    for number in range(230):
        await skills.push({"README.md": str(number).encode()})
    found = await hooks.deliveries(REPO, hook, None)
    assert found.is_whole
    assert len({attempt.id for attempt in found.attempts}) == 231
    kept = skills.hooks[hook.id].deliveries
    kept[:] = [
        replace(each, delivered_at=each.delivered_at - timedelta(minutes=231 - n)) for n, each in enumerate(kept)
    ]
    standin.journal.reset()
    recent = (await hooks.deliveries(REPO, hook, None)).attempts[20].delivered_at
    assert standin.journal.count() == 3
    some = await hooks.deliveries(REPO, hook, recent)
    assert [each.id for each in some.attempts] == [each.id for each in found.attempts[:21]]
    assert standin.journal.count() == 4


async def test_pushes_are_listed_over_pages_newest_first_and_of_one_branch(skills, standin, session):
    log = PushLog(transport(session, standin))
    for number in range(120):
        skills.commit({"README.md": str(number).encode()})
    skills.create_branch("other")
    found = await log.since(REPO, "refs/heads/main", LONG_AGO)
    assert len(found) == 121
    assert found[0].after == skills.head()
    assert {each.ref for each in found} == {"refs/heads/main"}
    assert await log.since(REPO, "refs/heads/main", datetime.now(UTC) + timedelta(days=1)) == ()


async def test_a_hook_on_the_second_page_is_found(skills, hooks):
    for number in range(130):
        skills.add_hook(f"https://h{number}.example/", None)
    assert len(await hooks.listed(REPO)) == 130


async def test_an_apps_hook_is_read_and_set_with_its_own_signature(skills, standin, session, as_described):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    app = standin.register_app(
        7, public.decode(), 99, account="acme", webhook_url="http://127.0.0.1:9/old", webhook_secret="old"
    )
    hooks = AppHooks(transport(session, standin, AppJwt("7", pem.decode())))
    (hook,) = await hooks.listed(REPO)
    assert (hook.id, hook.url, hook.events) == (0, "http://127.0.0.1:9/old", ("push", "repository"))
    mended = await hooks.repair(REPO, hook, WANTED)
    assert (mended.url, app.hook.secret) == (URL, "hush")
    assert not await hooks.ping(REPO, mended)
    await skills.push({"README.md": b"2"})
    (attempt,) = (await hooks.deliveries(REPO, mended, None)).attempts
    await hooks.redeliver(REPO, mended, attempt.id)
    await standin.deliveries_settled()
    assert len((await hooks.deliveries(REPO, mended, None)).attempts) == 2
    as_described()


async def test_without_the_permission_it_is_denied_with_its_name_and_404_is_missing(skills, standin, session):
    standin.accept_token("poor", permissions={"contents": "read", "metadata": "read"})
    poor = RepositoryHooks(transport(session, standin, StaticToken("poor")))
    with pytest.raises(Denied, match="repository_hooks=read"):
        await poor.listed(REPO)
    with pytest.raises(Missing):
        await poor.listed("acme/nothing")


@pytest.mark.parametrize("read", [read_hooks, read_attempts, read_activity])
@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"[{}]", b'[{"id": "1"}]'])
def test_what_is_no_answer_of_githubs_is_broken(read, body):
    with pytest.raises(Broken):
        read(body)


def test_a_cursor_is_taken_from_the_link_and_nothing_else_of_it():
    link = '<https://evil.example/x?cursor=v1_5&per_page=100>; rel="next", <https://x/?cursor=v1_1>; rel="prev"'
    assert next_cursor({"link": link}, "cursor") == "v1_5"
    assert next_cursor({"link": '<https://x/?cursor=1>; rel="prev"'}, "cursor") is None
    assert next_cursor({}, "cursor") is None
