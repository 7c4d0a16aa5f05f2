"""The catalog that one person is given."""

from __future__ import annotations

import json
from typing import Any

import pytest

OWN = "skillport"


def marketplace(*entries: dict[str, Any], **extra: object) -> str:
    return json.dumps({"name": "acme-skills", "owner": {"name": "Acme"}, "plugins": list(entries), **extra})


def entry(name: str, **extra: object) -> dict[str, Any]:
    return {"name": name, "source": f"./plugins/{name}", **extra}


def plugin(publisher: Any, name: str, *skills: str, version: str | None = "1.0.0") -> dict[str, str]:
    manifest = {"name": name, **({"version": version} if version else {})}
    return {f"plugins/{name}/.claude-plugin/plugin.json": json.dumps(manifest)} | {
        f"plugins/{name}/skills/{skill}/SKILL.md": publisher.skill_md(skill, f"Does {skill}.") for skill in skills
    }


def policy(skills: dict[str, Any] | None = None, plugins: dict[str, Any] | None = None, default: Any = "*") -> str:
    return json.dumps(
        {
            "version": "1.1",
            "editors": [{"id": "token:alice"}],
            "skills": skills or {},
            "plugins": plugins or {},
            "defaults": {"read": default, "write": "editors"},
        }
    )


ALICE_ONLY = {"read": [{"id": "token:alice"}]}


async def test_what_a_person_may_not_read_is_not_in_their_catalog(published: Any, room: Any) -> None:
    assert list(await room.entries("alice")) == ["docs", "finance", "people"]
    assert list(await room.entries("bob")) == ["docs", "finance"]
    assert b"people" not in (await room.get("/marketplace.json", "bob")).body
    assert b"salaries" not in (await room.get("/marketplace.json", "bob")).body


async def test_an_entry_keeps_what_its_author_wrote(publisher: Any, room: Any) -> None:
    written = entry(
        "docs", description="Ümläuts — and more", tags=["surface:CC"], homepage="https://x.example", odd=[1]
    )
    await publisher.publish(
        {".claude-plugin/marketplace.json": marketplace(written), **plugin(publisher, "docs", "pdf")}
    )
    served = (await room.entries())["docs"]
    assert list(served)[: len(written)] == list(written)
    assert {name: served[name] for name in written if name != "source"} == {
        name: value for name, value in written.items() if name != "source"
    }
    assert served["version"].startswith("1.0.0+")


async def test_headers_for_another_archive_do_not_reach_ours(publisher: Any, room: Any) -> None:
    written = entry("docs", headers={"Authorization": "Bearer theirs"}, headersHelper="/bin/theirs")
    await publisher.publish(
        {".claude-plugin/marketplace.json": marketplace(written), **plugin(publisher, "docs", "pdf")}
    )
    assert not {"headers", "headersHelper"} & (await room.entries())["docs"].keys()


async def test_only_what_claude_code_knows_of_the_marketplace_is_passed_on(publisher: Any, room: Any) -> None:
    files = {
        ".claude-plugin/marketplace.json": marketplace(
            {"name": "docs", "source": "docs"},
            description="Ours",
            metadata={"pluginRoot": "./plugins", "version": "3"},
            everything=["people", "docs"],
            forceRemoveDeletedPlugins=True,
        ),
        **plugin(publisher, "docs", "pdf"),
    }
    await publisher.publish(files)
    catalog = await room.catalog()
    assert "everything" not in catalog
    assert catalog["metadata"] == {"version": "3"}
    assert (catalog["name"], catalog["description"], catalog["forceRemoveDeletedPlugins"]) == (
        "acme-skills",
        "Ours",
        True,
    )
    assert "docs" in await room.entries()


async def test_a_marketplace_without_an_owner_is_given_one(publisher: Any, room: Any) -> None:
    document = json.dumps({"name": "acme-skills", "plugins": [entry("docs")]})
    await publisher.publish({".claude-plugin/marketplace.json": document, **plugin(publisher, "docs", "pdf")})
    assert (await room.catalog())["owner"] == {"name": "acme/skills"}


async def test_renames_tell_only_of_plugins_that_the_person_may_have(publisher: Any, room: Any) -> None:
    renames = {"old-docs": "older-docs", "older-docs": "docs", "wages": "people", "dropped": None, "shut": None}
    await publisher.publish(
        {
            ".claude-plugin/marketplace.json": marketplace(entry("docs"), entry("people"), renames=renames),
            ".skillport/access.json": policy({"salaries": ALICE_ONLY}, {"shut": ALICE_ONLY}),
            **plugin(publisher, "docs", "pdf"),
            **plugin(publisher, "people", "salaries"),
        }
    )
    assert (await room.catalog("bob"))["renames"] == {"old-docs": "docs", "older-docs": "docs", "dropped": None}
    assert (await room.catalog("alice"))["renames"]["wages"] == "people"
    assert "shut" in (await room.catalog("alice"))["renames"]


async def test_packages_and_foreign_repositories_pass_as_they_are_where_the_plugin_may_be_had(
    publisher: Any, room: Any
) -> None:
    npm = {"name": "tool", "source": {"source": "npm", "package": "@acme/tool", "version": "^1"}}
    foreign = {"name": "far", "source": {"source": "url", "url": "https://gitlab.example/a/b.git", "ref": "main"}}
    shut = {"name": "shut", "source": {"source": "npm", "package": "@acme/shut"}}
    awaited = {"name": "late", "source": {"source": "github", "repo": "acme/late"}}
    await publisher.publish(
        {
            ".claude-plugin/marketplace.json": marketplace(npm, foreign, shut, awaited),
            ".skillport/access.json": policy(plugins={"shut": ALICE_ONLY}),
        }
    )
    assert list((await room.entries("bob")).values()) == [npm, foreign]
    assert list((await room.entries("alice")).values()) == [npm, foreign, shut]


async def test_a_plugin_of_another_repository_that_is_mirrored_is_an_archive(publisher: Any, room: Any) -> None:
    far = {"name": "far", "source": {"source": "git-subdir", "url": "acme/tools", "path": "kit"}}
    await publisher.publish(
        {".claude-plugin/marketplace.json": marketplace(far)},
        others={
            "acme/tools@HEAD": {
                "kit/.claude-plugin/plugin.json": publisher.plugin_json("far", "2.0.0"),
                "kit/.claude-plugin/marketplace.json": marketplace(entry("theirs")),
                "kit/skills/saw/SKILL.md": publisher.skill_md("saw", "Saws."),
                "kit/.skillport/access.json": policy(),
                "elsewhere.txt": "no",
            }
        },
    )
    unpacked = await room.plugin("far")
    assert sorted(unpacked.files) == [".claude-plugin/plugin.json", "skills/saw/SKILL.md"]


async def test_the_plugin_of_the_service_is_added_where_there_is_none_of_that_name(publisher: Any, room: Any) -> None:
    await publisher.publish(publisher.small)
    unpacked = await room.plugin(OWN)
    assert "skills/skillport/SKILL.md" in unpacked.files
    catalog = await room.catalog()
    (own,) = (one for one in catalog["plugins"] if one["name"] == OWN)
    assert own["version"] == unpacked.json(".claude-plugin/plugin.json")["version"]
    theirs = {
        ".claude-plugin/marketplace.json": marketplace(entry(OWN)),
        ".skillport/access.json": policy({OWN: ALICE_ONLY}),
        **plugin(publisher, OWN, OWN, version="9.0.0"),
    }
    await publisher.publish(theirs)
    assert [one["name"] for one in (await room.catalog("bob"))["plugins"]] == []
    (entry_of_theirs,) = (await room.catalog("alice"))["plugins"]
    assert entry_of_theirs["version"].startswith("9.0.0+")


async def test_with_several_marketplaces_one_has_to_be_named(publisher: Any, room: Any) -> None:
    await publisher.publish(publisher.small)
    await publisher.publish(publisher.many(3), name="other")
    seen = await room.get("/marketplace.json")
    assert (seen.status, seen.json["code"]) == (400, "which_marketplace")
    assert "acme, other" in seen.json["message"]
    assert {one["name"] for one in (await room.catalog(marketplace="acme"))["plugins"]} == {"docs", "finance", OWN}
    other = await room.catalog(marketplace="other")
    assert "plugin-0" in {one["name"] for one in other["plugins"]}
    assert (await room.unpacked(other["plugins"][0])).files
    assert (await room.get("/marketplace.json?marketplace=none")).status == 404


async def test_a_catalog_is_kept_by_nobody_else_and_asked_for_again_by_its_tag(published: Any, room: Any) -> None:
    seen = await room.get("/marketplace.json")
    assert seen.headers["Cache-Control"] == "private, no-cache"
    tag = seen.headers["ETag"]
    again = await room.get("/marketplace.json", If_None_Match=tag)
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    assert (await room.get("/marketplace.json", "alice", If_None_Match=tag)).status == 200
    head = await room.get("/marketplace.json", method="HEAD")
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", tag)


@pytest.mark.parametrize("path", ["/marketplace.json", f"/archives/docs/{'0' * 64}.zip"])
async def test_without_a_token_nothing_is_told(published: Any, room: Any, path: str) -> None:
    seen = await room.get(path, who=None)
    assert (seen.status, seen.json["code"]) == (401, "token_missing")
    assert (await room.get(path, method="POST")).status == 405


async def test_nothing_published_is_said_and_is_no_empty_catalog(room: Any) -> None:
    seen = await room.get("/marketplace.json")
    assert (seen.status, seen.json["code"]) == (503, "nothing_published")


async def test_a_content_that_is_not_held_is_no_shorter_catalog(publisher: Any, room: Any) -> None:
    published = await publisher.publish(publisher.small)
    oid = published.snapshot.files["plugins/docs/skills/pdf/SKILL.md"].oid
    await publisher.store.discard_blobs([oid])
    seen = await room.get("/marketplace.json")
    assert (seen.status, seen.json["code"]) == (503, "content_not_held")


async def test_of_two_entries_with_one_name_the_first_counts(publisher: Any, room: Any) -> None:
    files = {
        ".claude-plugin/marketplace.json": marketplace(
            entry("docs", source="nowhere"), entry("docs", category="first"), entry("docs", category="second")
        ),
        **plugin(publisher, "docs", "pdf"),
    }
    await publisher.publish(files)
    assert (await room.entries())["docs"]["category"] == "first"


async def test_a_marketplace_json_behind_a_link_is_read_and_not_handed_out(publisher: Any, room: Any) -> None:
    files = {
        ".claude-plugin/marketplace.json": "../docs/catalog.json",
        "docs/catalog.json": marketplace({"name": "all", "source": "./"}),
        "skills/pdf/SKILL.md": publisher.skill_md("pdf", "Fills."),
    }
    await publisher.publish(files, symlinks=frozenset({".claude-plugin/marketplace.json"}))
    assert sorted((await room.plugin("all")).files) == ["skills/pdf/SKILL.md"]
