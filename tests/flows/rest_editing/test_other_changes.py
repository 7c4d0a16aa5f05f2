"""Deleting, versions, publishing and renaming over REST: what is answered, what is in the repository then, who may."""

from __future__ import annotations

import json

import pytest

PDF = "plugins/docs/skills/pdf/"
ENTRY = {"description": "Paper.", "category": "office", "tags": ["surface:CC", "paper"], "keywords": ["pdf"]}


def plugins(world):
    return json.loads(world.content(".claude-plugin/marketplace.json"))["plugins"]


async def test_a_delete_takes_the_skill_and_leaves_the_plugin(world):
    answer = (await world.ask("/api/skills/pdf?confirm=true", method="DELETE")).json
    assert (answer["success"], answer["skill"], answer["plugin"], answer["pluginDeleted"]) == (
        True,
        "pdf",
        "docs",
        False,
    )
    assert sorted(answer["deletedFiles"]) == [f"{PDF}SKILL.md", f"{PDF}assets/logo.png", f"{PDF}scripts/fill.py"]
    assert (answer["revision"], answer["version"]) == (None, None)
    assert answer["commit"] == world.head()
    assert (await world.ask("/api/skills/pdf")).status == 404
    assert (await world.ask("/api/skills/docs/report")).status == 200


async def test_the_last_skill_takes_its_plugin_with_it(world):
    answer = (await world.ask("/api/skills/finance/ledger?confirm=true", method="DELETE", body={})).json
    assert answer["pluginDeleted"] is True
    assert "finance" not in {plugin["name"] for plugin in plugins(world)}


async def test_nothing_is_deleted_without_confirmation(world):
    before = world.head()
    assert await world.refused("/api/skills/pdf", method="DELETE") == (400, "confirm_missing")
    assert await world.refused("/api/skills/pdf?confirm=false", method="DELETE") == (400, "confirm_missing")
    rehearsed = (await world.ask("/api/skills/pdf?dry_run=true", method="DELETE")).json
    assert len(rehearsed["deletedFiles"]) == 3
    assert world.head() == before


@pytest.mark.parametrize(("kind", "version"), [("patch", "1.2.1"), ("minor", "1.3.0"), ("major", "2.0.0")])
async def test_a_bump_raises_the_version_of_the_plugin(world, kind, version):
    answer = await world.done("/api/skills/pdf/bump", {"type": kind}, who="carol")
    assert (answer["skill"], answer["skill_group"]) == ("pdf", "docs")
    assert (answer["oldVersion"], answer["newVersion"], answer["version"]) == ("1.2.0", version, version)
    assert (await world.get("/api/skills/docs/report"))["skill"]["version"] == version


async def test_publishing_makes_an_entry_and_then_changes_it(world):
    first = await world.done("/api/skills/draft/memo/publish", ENTRY)
    assert (first["skill"], first["skill_group"], first["action"]) == ("memo", "draft", "created")
    assert plugins(world)[-1] == {"name": "draft", "source": "./plugins/draft", "version": "0.1.0", **ENTRY}
    again = await world.done("/api/skills/memo/publish", {**ENTRY, "description": "More paper."})
    assert again["action"] == "updated"
    same = await world.done("/api/skills/memo/publish", {**ENTRY, "description": "More paper."})
    assert (same["unchanged"], same["action"]) == (True, "updated")


async def test_unpublishing_takes_the_entry_away_and_leaves_the_files(world):
    answer = await world.done("/api/skills/ledger/unpublish")
    assert (answer["action"], answer["skill_group"]) == ("removed", "finance")
    assert "finance" not in {plugin["name"] for plugin in plugins(world)}
    assert (await world.get("/api/skills/finance/ledger"))["skill"]["published"] is False


async def test_a_renamed_skill_is_found_under_its_new_name(world):
    answer = await world.done("/api/skills/report/rename", {"to": "summary"})
    assert (answer["skill"], answer["renamedFrom"], answer["skill_group"]) == ("summary", "report", "docs")
    assert (await world.get("/api/skills/docs/summary"))["skill"]["name"] == "summary"
    assert (await world.ask("/api/skills/docs/report")).status == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [("publish", ENTRY), ("unpublish", {}), ("rename", {"to": "other"}), ("bump", {"type": "patch"})],
)
async def test_every_change_can_be_rehearsed(world, path, body):
    before = world.head()
    for sent, query in (({**body, "dry_run": True}, ""), (body, "?dry_run=true")):
        answer = await world.done(
            f"/api/skills/ledger/{path}{query}" if path != "bump" else f"/api/skills/pdf/bump{query}", sent
        )
        assert answer["dry_run"] is True
        assert answer["diff"]
    assert world.head() == before
    assert world.writes == []


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("bump", {}, "bump_type_unknown"),
        ("bump", {"type": "huge"}, "bump_type_unknown"),
        ("publish", {"description": "x", "tags": []}, "surface_missing"),
        ("publish", {"description": "x", "tags": "surface:CC"}, "argument_type"),
        ("publish", {"tags": ["surface:CC"]}, "description_missing"),
        ("rename", {}, "name_missing"),
        ("rename", {"to": "Not A Name"}, "skill_name_invalid"),
        ("bump", {"type": "patch", "base_revision": "x"}, "base_revision_malformed"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_anything_happens(world, path, body, code):
    before = world.head()
    assert await world.refused(f"/api/skills/pdf/{path}", body) == (400, code)
    assert world.head() == before


async def test_only_editors_publish_and_rename(world):
    for path, body in (("publish", ENTRY), ("unpublish", {}), ("rename", {"to": "other"})):
        assert await world.refused(f"/api/skills/pdf/{path}", body, who="carol") == (403, "not_allowed")


async def test_a_base_holds_for_every_change(world):
    stale = {"base_revision": "1" * 40}
    assert await world.refused("/api/skills/pdf/bump", {"type": "patch", **stale}) == (409, "revision_changed")
    assert await world.refused("/api/skills/pdf?confirm=true", stale, method="DELETE") == (409, "revision_changed")
    current = (await world.get("/api/skills/pdf"))["skill"]["revision"]
    seen = await world.ask("/api/skills/pdf?confirm=true", method="DELETE", headers={"If-Match": f'W/"{current}"'})
    assert seen.status == 200


async def test_a_token_for_reading_changes_nothing_and_is_told_so(world):
    body = {"files": [{"path": "x.md", "content": "x"}]}
    assert await world.refused("/api/skills/pdf", body, who="settings") == (403, "token_read_only")
    assert await world.refused("/api/skills/pdf/bump", {"type": "patch"}, who="settings") == (403, "token_read_only")
    assert await world.refused("/api/skills/pdf/edit", method="GET", who="settings") == (403, "token_read_only")
    who = await world.get("/api/whoami", who="settings")
    assert (who["can_write"], "for reading only" in who["read_only"]) == ({"acme": False}, True)


async def test_a_service_without_a_credential_for_writing_says_so(world_of):
    world = await world_of(can_write=False)
    for path, body in (("", {"files": [{"path": "x.md", "content": "x"}]}), ("/bump", {"type": "patch"})):
        assert await world.refused(f"/api/skills/pdf{path}", body) == (403, "read_only")
    assert await world.refused("/api/skills/pdf/edit", method="GET") == (403, "read_only")
    assert await world.refused("/api/skills/nothing/bump", {"type": "patch"}) == (404, "unknown_skill")
    who = await world.get("/api/whoami")
    assert (who["can_write"], "write_token_file" in who["read_only"]) == ({"acme": False}, True)


@pytest.mark.parametrize(("who", "may"), [("alice", True), ("carol", True), ("bob", False)])
async def test_whoami_says_whether_there_is_anything_somebody_can_change(world, who, may):
    answer = await world.get("/api/whoami", who=who)
    assert (answer["can_write"], answer["read_only"]) == ({"acme": may}, None)


async def test_other_methods_are_told_what_there_is(world):
    for path, allowed in (
        ("/api/skills/pdf", "DELETE, GET, HEAD, POST"),
        ("/api/skills/docs/pdf", "DELETE, GET, HEAD, POST"),
        ("/api/skills/docs/pdf/bump", "POST"),
        ("/api/skills/pdf/edit", "GET"),
        ("/api/changes", "GET, HEAD"),
    ):
        seen = await world.ask(path, method="PUT", body={})
        assert (seen.status, seen.headers["Allow"]) == (405, allowed)


async def test_nobody_changes_anything_without_a_token(world):
    for method, path in (
        ("POST", "/api/skills/pdf"),
        ("DELETE", "/api/skills/pdf?confirm=true"),
        ("GET", "/api/changes"),
    ):
        assert await world.refused(path, {}, method=method, who=None) == (401, "token_missing")
