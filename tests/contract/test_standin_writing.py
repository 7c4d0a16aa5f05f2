"""What the stand-in does when somebody writes: git data, references, pull requests, GraphQL mutations."""

from __future__ import annotations

import base64

import pytest

from skillport_sync.standin import File, Repository, StandInGitHub
from skillport_sync.standin.shapes import node

ROOT = "/repos/acme/skills"


@pytest.fixture
def skills(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository("acme/skills")
    repository.commit({"README.md": b"# Skills\n", "a/run": File(b"#!/bin/sh\n", executable=True), "a/b": b"b"})
    return repository


async def write_tree(api, entries, base=None) -> str:
    body = {"tree": entries} | ({"base_tree": base} if base else {})
    return (await api("POST", f"{ROOT}/git/trees", body=body)).json["sha"]


async def test_several_files_become_one_commit_by_git_data(api, skills, standin):
    head = skills.head()
    blob = await api(
        "POST", f"{ROOT}/git/blobs", body={"content": base64.b64encode(b"\0\xff").decode(), "encoding": "base64"}
    )
    assert blob.status == 201
    tree = await write_tree(
        api,
        [
            {"path": "README.md", "mode": "100644", "type": "blob", "content": "grüße\n"},
            {"path": "x/y/bin", "mode": "100755", "type": "blob", "sha": blob.json["sha"]},
            {"path": "a/b", "mode": "100644", "type": "blob", "sha": None},
        ],
        base=skills.tree(),
    )
    commit = await api("POST", f"{ROOT}/git/commits", body={"message": "Write", "tree": tree, "parents": [head]})
    assert commit.json["author"]["name"] == "mona"
    moved = await api("PATCH", f"{ROOT}/git/refs/heads/main", body={"sha": commit.json["sha"], "force": False})
    assert moved.json["object"]["sha"] == skills.head() == commit.json["sha"]
    assert skills.read("README.md") == "grüße\n".encode()
    assert skills.read("x/y/bin") == b"\0\xff"
    paths = [path for path, entry in skills.objects.walk(skills.tree()) if entry.kind == "blob"]
    assert paths == [b"README.md", b"a/run", b"x/y/bin"]
    assert skills.changes[-1].before == head
    assert standin.journal.primary_cost() == 4


async def test_without_a_base_tree_everything_else_is_gone(api, skills):
    tree = await write_tree(api, [{"path": "only", "mode": "100644", "type": "blob", "content": "x"}])
    assert [path for path, _ in skills.objects.walk(tree)] == [b"only"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"path": "nothing", "mode": "100644", "type": "blob", "sha": None}, "GitRPC::BadObjectState"),
        (
            {"path": "../x", "mode": "100644", "type": "blob", "content": ""},
            "tree.path contains a malformed path component",
        ),
        ({"path": "x", "mode": "100644", "type": "blob", "sha": "f" * 40}, f"tree.sha {'f' * 40} is not a valid blob"),
        ({"path": "x", "mode": "777", "type": "blob", "content": ""}, "tree.mode must be one of"),
    ],
)
async def test_a_tree_that_cannot_be_is_refused(api, skills, entry, message):
    body = {"base_tree": skills.tree(), "tree": [entry]}
    answer = await api("POST", f"{ROOT}/git/trees", body=body, strict=False)
    assert answer.status == 422
    assert answer.json["message"].startswith(message)


async def test_an_update_that_is_no_fast_forward_is_refused_unless_forced(api, skills):
    first = skills.head()
    second = skills.commit({"one": b"1"})
    other = skills.commit({"two": b"2"}, base=first, branch="other")
    refused = await api("PATCH", f"{ROOT}/git/refs/heads/main", body={"sha": other})
    assert (refused.status, refused.json["message"]) == (422, "Update is not a fast forward")
    assert skills.head() == second
    assert (await api("PATCH", f"{ROOT}/git/refs/heads/main", body={"sha": other, "force": True})).status == 200
    assert skills.changes[-1].forced


async def test_references_are_made_and_deleted_once(api, skills):
    head = skills.head()
    made = await api("POST", f"{ROOT}/git/refs", body={"ref": "refs/heads/new", "sha": head})
    assert made.status == 201
    again = await api("POST", f"{ROOT}/git/refs", body={"ref": "refs/heads/new", "sha": head})
    assert (again.status, again.json["message"]) == (422, "Reference already exists")
    missing = await api("POST", f"{ROOT}/git/refs", body={"ref": "refs/heads/x", "sha": "f" * 40})
    assert (missing.status, missing.json["message"]) == (422, "Object does not exist")
    assert (await api("DELETE", f"{ROOT}/git/refs/heads/new")).status == 204
    gone = await api("DELETE", f"{ROOT}/git/refs/heads/new")
    assert (gone.status, gone.json["message"]) == (422, "Reference does not exist")


async def test_a_protected_branch_takes_no_direct_update(api, skills):
    head = skills.head()
    new = skills.commit({"x": b"1"}, branch="work")
    skills.protected_branches.add("main")
    skills.force("main", head)
    answer = await api("PATCH", f"{ROOT}/git/refs/heads/main", body={"sha": new})
    assert answer.status == 422
    assert "pull request" in answer.json["message"]


async def test_a_pull_request_is_made_once_and_only_where_there_is_something_to_merge(api, skills):
    skills.create_branch("work")
    body = {"title": "Better", "head": "work", "base": "main"}
    empty = await api("POST", f"{ROOT}/pulls", body=body)
    assert (empty.status, empty.json["errors"][0]["message"]) == (422, "No commits between main and work")
    skills.commit({"x": b"1"}, branch="work")
    made = await api("POST", f"{ROOT}/pulls", body=body)
    assert (made.status, made.json["number"], made.json["commits"]) == (201, 1, 1)
    assert (await api("POST", f"{ROOT}/pulls", body=body)).status == 422
    assert (await api("POST", f"{ROOT}/pulls", body={**body, "head": "nowhere"})).json["errors"][0]["field"] == "head"


async def test_an_archived_repository_is_read_only(api, skills):
    skills.archive()
    answer = await api("POST", f"{ROOT}/git/blobs", body={"content": "x"})
    assert (answer.status, answer.json["message"]) == (403, "Repository was archived so is read-only.")
    assert (await api("GET", f"{ROOT}/commits/HEAD")).status == 200


async def test_bodies_that_are_no_json_object_are_refused(api, skills, standin):
    for raw, status in ((b"{", 400), (b"[1]", 422), (b'{"sha": 5}', 422)):
        headers = {"Authorization": "token token-of-the-tests"}
        url = f"{standin.api_url}{ROOT}/git/refs/heads/main"
        async with api.session.patch(url, data=raw, headers=headers) as answer:
            assert answer.status == status


async def test_graphql_commits_only_on_the_expected_head(api, skills, standin):
    head = skills.head()
    given = {
        "branch": {"repositoryNameWithOwner": "acme/skills", "branchName": "main"},
        "expectedHeadOid": head,
        "message": {"headline": "Edit", "body": "By hand."},
        "fileChanges": {
            "additions": [{"path": "a/run", "contents": base64.b64encode(b"new").decode()}],
            "deletions": [{"path": "a/b"}],
        },
    }
    query = "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }"
    body = {"query": query, "variables": {"input": given}}
    done = (await api("POST", "/graphql", body=body)).json
    assert done["data"]["createCommitOnBranch"]["commit"]["oid"] == skills.head()
    entry = skills.objects.lookup(skills.tree(), b"a/run")
    assert (entry.mode, skills.read("a/run")) == (0o100644, b"new")
    stale = await api("POST", "/graphql", body=body)
    assert (stale.status, stale.json["errors"][0]["type"]) == (200, "STALE_DATA")
    assert skills.objects.commit(skills.head()).parents == (head,)
    assert done["data"]["createCommitOnBranch"]["commit"]["tree"]["oid"] == skills.tree()
    assert standin.journal.matching("POST /graphql")[0].kind == "graphql"


async def test_graphql_moves_references_only_from_where_they_were(api, skills):
    first = skills.head()
    second = skills.commit({"x": b"1"}, branch="work")
    repository_id = (await api("GET", ROOT)).json["node_id"]
    query = "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }"

    async def move(before: str, after: str, name: str = "refs/heads/main"):
        update = {"name": name, "beforeOid": before, "afterOid": after}
        given = {"repositoryId": repository_id, "refUpdates": [update]}
        return (await api("POST", "/graphql", body={"query": query, "variables": {"input": given}})).json

    assert (await move(second, second))["errors"][0]["type"] == "STALE_DATA"
    assert "errors" not in await move(first, second)
    assert skills.head() == second
    assert "errors" not in await move("0" * 40, second, "refs/heads/new")
    assert "errors" not in await move(second, "0" * 40, "refs/heads/new")
    assert "refs/heads/new" not in skills.refs


def committing(head: str, path: str = "x") -> dict[str, object]:
    given = {
        "branch": {"repositoryNameWithOwner": "acme/skills", "branchName": "main"},
        "expectedHeadOid": head,
        "message": {"headline": "Edit"},
        "fileChanges": {"additions": [{"path": path, "contents": ""}]},
    }
    return {
        "query": "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch }",
        "variables": {"input": given},
    }


def moving(skills: Repository, before: str, after: str) -> dict[str, object]:
    update = {"name": "refs/heads/main", "beforeOid": before, "afterOid": after}
    given = {"repositoryId": node("Repository", skills.id), "refUpdates": [update]}
    return {"query": "mutation($input: UpdateRefsInput!) { updateRefs }", "variables": {"input": given}}


async def test_graphql_refuses_with_words_what_it_may_not_do(api, skills, standin):
    standin.accept_token("reads", permissions={"contents": "read", "metadata": "read"})
    head, new = skills.head(), skills.commit({"y": b"1"}, branch="work")

    async def refused(**more: str) -> set[tuple[str, str]]:
        said = set()
        for body in (committing(head), moving(skills, head, new)):
            answer = await api("POST", "/graphql", body=body, **more)
            (error,) = answer.json["errors"]
            assert (answer.status, *answer.json["data"].values()) == (200, None)
            said.add((error["type"], error["message"].split(chr(10))[0]))
        return said

    assert await refused(token="reads") == {("FORBIDDEN", "Resource not accessible by personal access token")}
    skills.protected_branches.add("main")
    assert await refused() == {("UNPROCESSABLE", "Repository rule violations found")}
    skills.protected_branches.clear()
    skills.archive()
    assert await refused() == {("UNPROCESSABLE", "Repository was archived so is read-only.")}
    assert skills.head() == head


async def test_graphql_tells_a_used_up_limit_with_200(api, skills, standin):
    standin.limits.exhaust()
    answer = await api("POST", "/graphql", body=committing(skills.head()))
    assert (answer.status, answer.json["errors"][0]["type"]) == (200, "RATE_LIMITED")
    assert answer.headers["x-ratelimit-remaining"] == "0"


async def test_a_file_may_come_where_a_directory_was_and_the_other_way_round(api, skills):
    base = skills.tree()
    entries = [
        {"path": "a/run", "mode": "100755", "type": "blob", "sha": None},
        {"path": "a/b", "mode": "100644", "type": "blob", "sha": None},
        {"path": "a", "mode": "100644", "type": "blob", "content": "a file"},
        {"path": "README.md", "mode": "100644", "type": "blob", "sha": None},
        {"path": "README.md/x", "mode": "100644", "type": "blob", "content": "x"},
    ]
    tree = await write_tree(api, entries, base=base)
    found = [(path, entry.kind) for path, entry in skills.objects.walk(tree)]
    assert found == [(b"README.md", "tree"), (b"README.md/x", "blob"), (b"a", "blob")]
