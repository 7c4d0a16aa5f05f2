"""What the stand-in answers to somebody who reads, as GitHub describes it (the ``api`` fixture validates every answer)."""

from __future__ import annotations

import base64
import hashlib

import pytest

from skillport_sync.standin import File, Repository, StandInGitHub, Submodule, Symlink

SHA = {"Accept": "application/vnd.github.sha"}
RAW = {"Accept": "application/vnd.github.raw+json"}
ROOT = "/repos/acme/skills"


@pytest.fixture
def skills(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository("acme/skills")
    repository.commit(
        {
            "README.md": b"# Skills\n",
            "bin/run": File(b"#!/bin/sh\n", executable=True),
            "link": Symlink(b"README.md"),
            "outside": Symlink(b"../elsewhere"),
            "lib": Submodule("1" * 40),
            "data.bin": bytes(range(256)),
            b"caf\xe9.md": b"latin name",
        },
        message="Begin",
    )
    return repository


async def test_the_repository_is_described_in_full(api, skills):
    answer = await api("GET", ROOT)
    assert answer.json["full_name"] == "acme/skills"
    assert answer.json["default_branch"] == "main"
    assert answer.json["private"] is True
    assert answer.json["id"] == skills.id


@pytest.mark.parametrize("ref", ["HEAD", "heads/main", "main", "tags/v1", "v1", "tags/v2"])
async def test_a_head_is_read_as_its_bare_id_whatever_its_name(api, skills, ref):
    skills.tag("v1")
    skills.tag("v2", message="annotated")
    answer = await api("GET", f"{ROOT}/commits/{ref}", headers=SHA)
    assert answer.raw.decode() == skills.head()
    assert answer.headers["ETag"] == f'"{skills.head()}"'


async def test_a_head_that_has_not_moved_is_304_and_costs_nothing_for_any_token(api, skills, standin):
    standin.accept_token("another")
    for token in ("token-of-the-tests", "another"):
        asked = {**SHA, "If-None-Match": f'"{skills.head()}"'}
        answer = await api("GET", f"{ROOT}/commits/heads/main", headers=asked, token=token)
        assert answer.status == 304
    assert standin.journal.count() == 2
    assert standin.journal.primary_cost() == 0
    assert answer.headers["x-ratelimit-used"] == "0"


async def test_other_etags_belong_to_the_token_that_asked(api, skills, standin):
    standin.accept_token("another")
    etag = (await api("GET", f"{ROOT}/git/ref/heads/main")).headers["ETag"]
    same = await api("GET", f"{ROOT}/git/ref/heads/main", headers={"If-None-Match": etag})
    other = await api("GET", f"{ROOT}/git/ref/heads/main", headers={"If-None-Match": etag}, token="another")
    assert (same.status, other.status) == (304, 200)


async def test_unknown_commits_are_refused_in_githubs_way(api, skills):
    nowhere = "f" * 40
    assert (await api("GET", f"{ROOT}/commits/{nowhere}", headers=SHA)).status == 422
    assert (await api("GET", f"{ROOT}/commits/heads/nowhere")).json[
        "message"
    ] == "No commit found for SHA: heads/nowhere"
    for path in ("git/commits", "git/trees", "git/blobs", "git/tags"):
        assert (await api("GET", f"{ROOT}/{path}/{nowhere}")).status == 404
    assert (await api("GET", f"{ROOT}/git/ref/heads/nowhere")).status == 404
    assert (await api("GET", f"{ROOT}/compare/{nowhere}...main")).status == 404
    assert (await api("GET", f"{ROOT}/contents/nowhere")).status == 404
    assert (await api("GET", f"{ROOT}/tarball/nowhere")).status == 404


async def test_an_empty_repository_conflicts(api, standin):
    standin.create_repository("acme/empty")
    for path in ("commits/HEAD", "git/ref/heads/main", "git/matching-refs/heads", "git/trees/main"):
        answer = await api("GET", f"/repos/acme/empty/{path}")
        assert (answer.status, answer.json["message"]) == (409, "Git Repository is empty.")


async def test_references_and_tags_are_listed_and_read(api, skills):
    skills.create_branch("feature/one")
    skills.tag("v1", message="First")
    refs = (await api("GET", f"{ROOT}/git/matching-refs/heads/")).json
    assert [ref["ref"] for ref in refs] == ["refs/heads/feature/one", "refs/heads/main"]
    found = (await api("GET", f"{ROOT}/git/ref/heads/feature/one")).json
    assert found["object"] == {
        "sha": skills.head(),
        "type": "commit",
        "url": f"{skills.api_url}/git/commits/{skills.head()}",
    }
    tag = (await api("GET", f"{ROOT}/git/ref/tags/v1")).json["object"]
    assert tag["type"] == "tag"
    peeled = (await api("GET", f"{ROOT}/git/tags/{tag['sha']}")).json
    assert (peeled["tag"], peeled["message"], peeled["object"]["sha"]) == ("v1", "First", skills.head())


async def test_a_commit_is_read_both_ways(api, skills):
    first = skills.head()
    second = skills.commit({"README.md": b"# Skills\n\nMore.\n", "data.bin": None}, message="Change\n\nMuch.")
    bare = (await api("GET", f"{ROOT}/git/commits/{second}")).json
    assert bare["tree"]["sha"] == skills.tree(second)
    assert [parent["sha"] for parent in bare["parents"]] == [first]
    assert bare["message"] == "Change\n\nMuch."
    full = (await api("GET", f"{ROOT}/commits/{second}")).json
    assert {file["filename"]: file["status"] for file in full["files"]} == {
        "README.md": "modified",
        "data.bin": "removed",
    }


async def test_a_recursive_tree_lists_everything_with_modes_and_lossy_names(api, skills):
    for value in ("1", "0", "no"):
        answer = await api("GET", f"{ROOT}/git/trees/{skills.head()}", query={"recursive": value})
        listed = {item["path"]: (item["mode"], item["type"]) for item in answer.json["tree"]}
        assert listed == {
            "README.md": ("100644", "blob"),
            "bin": ("040000", "tree"),
            "bin/run": ("100755", "blob"),
            "caf�.md": ("100644", "blob"),
            "data.bin": ("100644", "blob"),
            "lib": ("160000", "commit"),
            "link": ("120000", "blob"),
            "outside": ("120000", "blob"),
        }
        assert answer.json["truncated"] is False
    flat = (await api("GET", f"{ROOT}/git/trees/{skills.tree()}")).json
    assert "bin/run" not in [item["path"] for item in flat["tree"]]
    assert flat["sha"] == skills.tree()


async def test_a_tree_beyond_the_limit_is_truncated(api, skills, standin):
    standin.tree_limit = 3
    answer = await api("GET", f"{ROOT}/git/trees/main", query={"recursive": "1"})
    assert answer.json["truncated"] is True
    assert len(answer.json["tree"]) == 3


async def test_a_blob_comes_raw_or_as_base64_up_to_the_limit(api, skills, standin):
    oid = skills.objects.lookup(skills.tree(), b"data.bin").oid
    raw = await api("GET", f"{ROOT}/git/blobs/{oid}", headers=RAW)
    assert raw.raw == bytes(range(256))
    assert raw.headers["Content-Type"] == "application/vnd.github.raw+json; charset=utf-8"
    coded = (await api("GET", f"{ROOT}/git/blobs/{oid}")).json
    assert base64.b64decode(coded["content"]) == bytes(range(256))
    assert coded["size"] == 256
    standin.blob_limit = 255
    refused = await api("GET", f"{ROOT}/git/blobs/{oid}", headers=RAW)
    assert (refused.status, refused.json["errors"][0]["code"]) == (403, "too_large")


async def test_contents_are_as_lossy_as_githubs(api, skills):
    listed = (await api("GET", f"{ROOT}/contents/", strict=False)).json
    assert {item["name"]: item["type"] for item in listed}["lib"] == "file"
    assert {item["name"]: item["type"] for item in listed}["link"] == "symlink"
    followed = (await api("GET", f"{ROOT}/contents/link")).json
    assert (followed["type"], base64.b64decode(followed["content"])) == ("file", b"# Skills\n")
    assert (await api("GET", f"{ROOT}/contents/outside")).json["target"] == "../elsewhere"
    assert (await api("GET", f"{ROOT}/contents/lib")).json["type"] == "submodule"
    assert (await api("GET", f"{ROOT}/contents/bin/run", headers=RAW)).raw == b"#!/bin/sh\n"
    old = skills.head()
    skills.commit({"README.md": None})
    assert (await api("GET", f"{ROOT}/contents/README.md")).status == 404
    assert (await api("GET", f"{ROOT}/contents/README.md", query={"ref": old})).status == 200
    skills.commit({"big.txt": b"x" * 1_000_001})
    big = (await api("GET", f"{ROOT}/contents/big.txt")).json
    assert (big["content"], big["encoding"]) == ("", "none")


async def test_a_comparison_says_where_the_head_stands(api, skills):
    first = skills.head()
    second = skills.commit({"one": b"1"})
    other = skills.commit({"two": b"2"}, base=first, branch="other")

    async def status(base: str, head: str) -> str:
        return (await api("GET", f"{ROOT}/compare/{base}...{head}")).json["status"]

    assert await status(first, second) == "ahead"
    assert await status(second, first) == "behind"
    assert await status("main", other) == "diverged"
    assert await status("main", "main") == "identical"
    ahead = (await api("GET", f"{ROOT}/compare/{first}...main")).json
    assert [commit["sha"] for commit in ahead["commits"]] == [second]
    assert [file["filename"] for file in ahead["files"]] == ["one"]


async def test_the_push_log_shows_every_move_of_a_branch(api, skills):
    first = skills.head()
    second = skills.commit({"one": b"1"})
    skills.force("main", first)
    skills.create_branch("b")
    skills.delete_branch("b")
    skills.tag("v1")
    log = (await api("GET", f"{ROOT}/activity")).json
    kinds = [entry["activity_type"] for entry in log]
    assert kinds == ["branch_deletion", "branch_creation", "force_push", "push", "branch_creation"]
    assert (log[2]["before"], log[2]["after"]) == (second, first)
    of_main = await api("GET", f"{ROOT}/activity", query={"ref": "refs/heads/main", "per_page": "2"})
    assert [entry["after"] for entry in of_main.json] == [first, second]
    following = of_main.headers["Link"].split(">")[0].lstrip("<").removeprefix(api.github.api_url)
    assert [entry["after"] for entry in (await api("GET", following)).json] == [first]


async def test_the_limits_are_told_for_free(api, skills, standin):
    await api("GET", ROOT)
    answer = await api("GET", "/rate_limit")
    assert answer.json["resources"]["core"]["used"] == 1
    assert answer.headers["x-ratelimit-remaining"] == "4999"
    assert (await api("GET", "/meta")).json["hooks"]


async def test_an_enterprise_server_tells_no_limits(api, skills, standin):
    standin.limits.off = True
    assert not [name for name in (await api("GET", ROOT)).headers if name.lower().startswith("x-ratelimit")]
    assert (await api("GET", "/rate_limit")).status == 404
    assert "hooks" not in (await api("GET", "/meta")).json


async def test_a_blob_that_is_asked_for_by_id_hashes_to_it(api, skills):
    for path, entry in skills.objects.walk(skills.tree()):
        if entry.kind == "blob":
            raw = (await api("GET", f"{ROOT}/git/blobs/{entry.oid}", headers=RAW)).raw
            assert hashlib.sha1(b"blob %d\0" % len(raw) + raw).hexdigest() == entry.oid, path
