"""Pull requests at the stand-in: as GitHub shapes them, as branches move, as people merge them, and what is announced of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skillport_sync.standin import CannotMerge, File, Hook, Pull, Repository, StandInGitHub

ROOT = "/repos/acme/skills"
NOWHERE = "http://127.0.0.1:9/hook"
"""Deliveries there fail, and are on record as what was to be delivered."""


@pytest.fixture
def skills(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository("acme/skills")
    repository.commit({"a": b"1\n", "b": b"2\n"})
    repository.commit({"a": b"better\n", "run": File(b"#!", executable=True), "b": None}, branch="work")
    return repository


@pytest.fixture
def hook(skills: Repository) -> Hook:
    return skills.add_hook(NOWHERE, "secret", ["push", "pull_request"])


@pytest.fixture
def ask(api: Any) -> Any:
    """The routes that GitHub's description in the checkout does not have, unvalidated."""

    async def asked(method: str, path: str, body: object = None, query: Any = None) -> Any:
        headers = {"Authorization": "token token-of-the-tests"}
        url = api.github.api_url + ROOT + path
        async with api.session.request(method, url, json=body, params=query, headers=headers) as answer:
            return answer.status, await answer.json()

    return asked


@pytest.fixture
def is_a_pull(openapi: Any) -> Any:
    return lambda value: openapi._check("/components/schemas/pull-request", value, "a pull request")


def told(hook: Hook) -> list[tuple[str, str | None]]:
    return [(each.event, each.action) for each in hook.deliveries]


async def opened(ask: Any, **more: str) -> Any:
    status, pull = await ask("POST", "/pulls", {"title": "Better", "head": "work", "base": "main", **more})
    assert status == 201
    return pull


async def test_one_that_is_opened_is_announced_and_found(ask, skills, hook, standin, is_a_pull):
    made = await opened(ask, body="Because.")
    is_a_pull(made)
    await standin.deliveries_settled()
    assert told(hook) == [("pull_request", "opened")]
    payload = json.loads(hook.deliveries[0].payload)
    assert list(payload)[:3] == ["action", "number", "pull_request"]
    assert payload["pull_request"] == made
    assert (payload["number"], payload["repository"]["full_name"], payload["sender"]["login"]) == (
        1,
        "acme/skills",
        "mona",
    )
    assert await ask("GET", "/pulls/1") == (200, made)
    assert (await ask("GET", "/pulls/2"))[0] == 404
    _, (listed,) = await ask("GET", "/pulls", query={"head": "acme:work"})
    assert {"merged", "mergeable", "commits", "changed_files"} <= set(made) - set(listed)
    assert listed["merged_at"] is None
    assert (await ask("GET", "/pulls", query={"head": "acme:other"}))[1] == []


async def test_its_words_and_its_state_can_be_changed(ask, skills, hook, standin, is_a_pull):
    await opened(ask, body="one")
    status, pull = await ask("PATCH", "/pulls/1", {"body": "two"})
    assert (status, pull["title"], pull["body"]) == (200, "Better", "two")
    _, pull = await ask("PATCH", "/pulls/1", {"state": "closed"})
    is_a_pull(pull)
    assert (pull["state"], pull["merged"], pull["merged_at"]) == ("closed", False, None)
    assert pull["closed_at"] is not None
    assert (await ask("PATCH", "/pulls/1", {"state": "closed"}))[0] == 200
    _, pull = await ask("PATCH", "/pulls/1", {"state": "open"})
    assert (pull["state"], pull["closed_at"]) == ("open", None)
    assert (await ask("PATCH", "/pulls/1", {"state": "gone"}))[0] == 422
    assert (await ask("PATCH", "/pulls/9", {"state": "closed"}))[0] == 404
    await standin.deliveries_settled()
    assert sorted(told(hook)) == [("pull_request", a) for a in ("closed", "edited", "opened", "reopened")]
    (edited,) = [json.loads(each.payload) for each in hook.deliveries if each.action == "edited"]
    assert edited["changes"] == {"body": {"from": "one"}}


@pytest.mark.parametrize("method", ["merge", "squash"])
async def test_a_person_merges_it_on_a_branch_that_takes_nothing_else(ask, skills, hook, standin, is_a_pull, method):
    await opened(ask)
    skills.protected_branches.add("main")
    skills.commit({"c": b"3\n"})
    before, head = skills.head(), skills.head("work")
    change, event = skills.pulls.merge(1, method, actor="grace")
    await skills.deliver(change)
    await skills.deliver(event)
    files = {path: skills.objects.read(entry.oid, "blob") for path, entry in skills.objects.walk(skills.tree())}
    assert files == {b"a": b"better\n", b"c": b"3\n", b"run": b"#!"}
    parents = skills.objects.commit(skills.head()).parents
    assert parents == ((before, head) if method == "merge" else (before,))
    _, pull = await ask("GET", "/pulls/1")
    is_a_pull(pull)
    assert (pull["state"], pull["merged"], pull["merge_commit_sha"]) == ("closed", True, skills.head())
    assert pull["merged_by"]["login"] == "grace"
    await standin.deliveries_settled()
    last = json.loads(hook.deliveries[-1].payload)
    assert (last["action"], last["pull_request"]["merged"], last["pull_request"]["head"]["sha"]) == (
        "closed",
        True,
        head,
    )
    assert (await ask("PATCH", "/pulls/1", {"state": "open"}))[0] == 422
    with pytest.raises(CannotMerge):
        skills.pulls.merge(1)


def test_what_both_sides_changed_cannot_be_merged(skills):
    skills.pulls.open("work", "main", "Better")
    skills.commit({"a": b"otherwise\n"})
    with pytest.raises(CannotMerge, match="a"):
        skills.pulls.merge(1)
    assert skills.pulls[1].state == "open"


async def test_a_push_to_its_branch_is_its_new_head(ask, skills, hook, standin, api):
    await opened(ask)
    at = skills.head("work")
    given = {
        "branch": {"repositoryNameWithOwner": "acme/skills", "branchName": "work"},
        "expectedHeadOid": at,
        "message": {"headline": "More"},
        "fileChanges": {"additions": [{"path": "x", "contents": ""}]},
    }
    query = "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }"
    await api("POST", "/graphql", body={"query": query, "variables": {"input": given}})
    assert (await ask("GET", "/pulls/1"))[1]["head"]["sha"] == skills.head("work") != at
    await standin.deliveries_settled()
    assert sorted(told(hook), key=str) == [
        ("pull_request", "opened"),
        ("pull_request", "synchronize"),
        ("push", None),
    ]
    (payload,) = [json.loads(each.payload) for each in hook.deliveries if each.action == "synchronize"]
    assert (payload["before"], payload["after"]) == (at, skills.head("work"))


async def test_it_ends_with_its_branch(ask, skills, hook, standin, api):
    await opened(ask)
    head = skills.head("work")
    assert (await api("DELETE", f"{ROOT}/git/refs/heads/work")).status == 204
    _, pull = await ask("GET", "/pulls/1")
    assert (pull["state"], pull["merged"], pull["head"]["sha"]) == ("closed", False, head)
    await standin.deliveries_settled()
    assert ("pull_request", "closed") in told(hook)


def test_one_whose_commits_were_pushed_by_hand_is_merged(skills):
    pull, _ = skills.pulls.open("work", "main", "Better")
    change = skills.force("main", skills.head("work"))
    assert (pull.state, pull.merge_commit) == ("closed", skills.head("work"))
    (event,) = skills.pulls.events_of(change)
    assert (event.action, event.payload["pull_request"]["merged"]) == ("closed", True)


async def test_lists_may_lack_the_newest_for_a_moment(ask, skills, standin):
    await opened(ask)
    standin.faults.hide_newest_pull()
    assert (await ask("GET", "/pulls"))[1] == []
    assert len((await ask("GET", "/pulls"))[1]) == 1


def test_numbers_begin_at_one(skills):
    pull, _ = skills.pulls.open("work", "main", "Better")
    assert isinstance(pull, Pull)
    assert skills.pulls[1] is pull
    assert list(skills.pulls) == [pull]
    for number in (0, 2, -1):
        with pytest.raises(KeyError):
            skills.pulls[number]
