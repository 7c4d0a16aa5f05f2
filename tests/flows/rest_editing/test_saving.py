"""Saving files of a skill over REST, to the commit and back: the seed connector's fields, one commit, seen at once."""

from __future__ import annotations

import asyncio
import base64

import pytest

PDF = "plugins/docs/skills/pdf/"
SECRET = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
"""Looks like a token of GitHub's, and is none."""
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 12345\n"


async def test_a_save_is_one_commit_that_is_served_when_the_answer_arrives(world, make):
    before = world.head()
    text = make.md("pdf", "Fills any PDF form.")
    answer = await world.done(
        "/api/skills/pdf",
        {
            "commitMessage": "Say any form",
            "files": [
                {"path": "SKILL.md", "content": text},
                {"path": "notes/new.md", "content": "New.\n"},
                {"path": "scripts/fill.py", "content": ""},
            ],
        },
    )
    assert answer["success"] is True
    assert (answer["skill"], answer["skill_group"]) == ("pdf", "docs")
    assert (answer["isNewSkill"], answer["isNewGroup"]) == (False, False)
    assert answer["files"] == [
        {"path": f"{PDF}SKILL.md", "created": False, "changed": True},
        {"path": f"{PDF}notes/new.md", "created": True},
        {"path": f"{PDF}scripts/fill.py", "deleted": True},
    ]
    assert answer["summary"] == "1 file(s) created, 1 file(s) updated, 1 file(s) deleted"
    assert answer["commit"] == world.head() != before
    assert answer["publication"] == world.current.get()["acme"].publication.id
    assert answer["snapshot"]["commit"] == answer["commit"]
    assert answer["warnings"] == []
    assert list(world.repository.objects.commit(world.head()).parents) == [before]
    assert "Requested-by: Alice <token:alice>" in world.repository.objects.commit(world.head()).message
    seen = await world.get("/api/skills/pdf")
    assert seen["skill_md"] == text
    assert seen["skill"]["revision"] == answer["revision"]


async def test_binary_files_and_the_executable_bit_arrive(world, make):
    wrapped = base64.encodebytes(make.png).decode()
    answer = await world.done(
        "/api/skills/pdf",
        {
            "files": [
                {"path": "assets/new.png", "content": wrapped, "encoding": "base64"},
                {"path": "scripts/run.sh", "content": "#!/bin/sh\n", "executable": True},
            ]
        },
    )
    assert {file["path"] for file in answer["files"]} == {f"{PDF}assets/new.png", f"{PDF}scripts/run.sh"}
    assert world.content(f"{PDF}assets/new.png") == make.png
    details = {one["path"]: one for one in (await world.get("/api/skills/pdf"))["file_details"]}
    assert details["scripts/run.sh"]["executable"] is True
    assert details["assets/new.png"]["executable"] is False


async def test_a_new_skill_in_a_new_plugin_can_be_read_at_once(world, make):
    answer = await world.done(
        "/api/skills/notes",
        {
            "skill_group": "writing",
            "plugin_metadata": {"description": "Writes.", "keywords": ["text"]},
            "files": [{"path": "SKILL.md", "content": make.md("notes")}],
        },
    )
    assert (answer["isNewSkill"], answer["isNewGroup"], answer["version"]) == (True, True, "1.0.0")
    assert (await world.get("/api/skills/writing/notes"))["skill"]["published"] is False


@pytest.mark.parametrize("address", ["/api/skills/docs/extra", "/api/skills/docs%2Fextra", "/api/skills/extra"])
async def test_a_new_skill_goes_into_the_plugin_that_the_address_or_the_body_names(world, make, address):
    body = {"files": [{"path": "SKILL.md", "content": make.md("extra")}]}
    if address.endswith("/extra") and "docs" not in address:
        body["skill_group"] = "docs"
    answer = await world.done(address, body)
    assert (answer["skill_group"], answer["isNewSkill"], answer["isNewGroup"]) == ("docs", True, False)
    assert world.content("plugins/docs/skills/extra/SKILL.md") is not None


async def test_an_existing_skill_is_found_by_name_by_label_and_by_group(world, make):
    for number, (address, group) in enumerate(
        [("/api/skills/ledger", None), ("/api/skills/finance/ledger", None), ("/api/skills/ledger", "finance")]
    ):
        body = {"files": [{"path": f"{number}.md", "content": "x"}], "skill_group": group}
        assert (await world.done(address, body))["isNewSkill"] is False


async def test_saving_what_is_there_already_makes_no_commit(world, make):
    before = world.head()
    answer = await world.done(
        "/api/skills/pdf", {"files": [{"path": "SKILL.md", "content": make.md("pdf", "Fills PDF forms.")}]}
    )
    assert (answer["success"], answer["unchanged"], answer["files"], answer["summary"]) == (
        True,
        True,
        [],
        "No changes",
    )
    assert (answer["skill"], answer["skill_group"], answer["isNewSkill"]) == ("pdf", "docs", False)
    assert answer["commit"] == world.head() == before


@pytest.mark.parametrize("in_body", [True, False])
async def test_a_rehearsal_shows_the_diff_the_files_and_the_decision_and_changes_nothing(world, make, in_body):
    before = world.head()
    body = {"files": [{"path": "notes.md", "content": "hello\n"}], **({"dry_run": True} if in_body else {})}
    answer = await world.done("/api/skills/pdf" + ("" if in_body else "?dry_run=true"), body)
    assert (answer["dry_run"], answer["commit"], answer["publication"]) == (True, None, None)
    assert "+hello\n" in answer["diff"]
    assert answer["files"] == [{"path": f"{PDF}notes.md", "created": True}]
    assert answer["decision"]["allowed"] is True
    assert "docs" in answer["decision"]["because"]
    assert world.head() == before
    assert world.writes == []
    assert world.asked[-1] == ("save", "ok")


async def test_what_the_linter_says_of_the_result_comes_with_the_answer(world, make):
    long = make.md("pdf", "Fills forms. " + "x" * 1200)
    files = [{"path": "SKILL.md", "content": long}, {"path": "hidden.md", "content": "a\u202eb\n"}]
    answer = await world.done("/api/skills/pdf", {"files": files})
    told = {one["code"]: one for one in answer["warnings"]}
    assert told["skill_description_too_long"]["path"] == f"{PDF}SKILL.md"
    assert "claude_ai_upload" in told["skill_description_too_long"]["surface"]
    assert [code for code in told if code.startswith("hidden_")]
    assert all(one.keys() == {"code", "path", "line", "message", "severity", "surface"} for one in answer["warnings"])
    again = await world.done("/api/skills/pdf", {"files": [{"path": "other.md", "content": "fine\n"}]})
    assert again["warnings"] == [], "what was wrong before is not told again"


async def test_what_was_wrong_with_the_plugin_before_is_not_told_again(world_of):
    world = await world_of(more={"plugins/docs/skills/broken/SKILL.md": "---\nname: [\n---\n"})
    answer = await world.done("/api/skills/pdf", {"files": [{"path": "x.md", "content": "x"}]})
    assert answer["warnings"] == []
    answer = await world.done("/api/skills/pdf", {"files": [{"path": "big.bin", "content": LFS}]})
    assert [(one["code"], one["path"]) for one in answer["warnings"]] == [("lfs_pointer", f"{PDF}big.bin")]


async def test_two_skills_of_one_label_are_not_told_apart_by_where_they_are(world_of, make):
    world = await world_of(more={"plugins/docs/skills/other/SKILL.md": make.md("pdf")})
    body = {"files": [{"path": "x.md", "content": "x"}]}
    for name in ("pdf", "docs%2Fpdf", "plugins%2Fdocs%2Fskills%2Fother"):
        assert await world.refused(f"/api/skills/{name}", body) == (400, "skill_ambiguous")


async def test_whoever_may_write_the_plugin_may_save_and_nobody_else(world, make):
    body = {"files": [{"path": "x.md", "content": "x"}]}
    assert (await world.done("/api/skills/pdf", body, who="carol"))["success"] is True
    seen = await world.post("/api/skills/pdf", body, who="bob")
    assert (seen.status, seen.json["code"]) == (403, "not_allowed")
    assert "docs/pdf" in seen.json["message"]
    assert await world.refused("/api/skills/ledger", body, who="carol") == (403, "not_allowed")


async def test_a_skill_that_somebody_may_not_read_is_answered_like_one_that_is_not_there(world):
    body = {"files": [{"path": "x.md", "content": "x"}]}
    answers = []
    for name in ("salaries", "nothing"):
        for method, path in (
            ("POST", ""),
            ("POST", "/bump"),
            ("POST", "/publish"),
            ("POST", "/unpublish"),
            ("POST", "/rename"),
            ("DELETE", "?confirm=true"),
            ("GET", "/edit"),
        ):
            sent = {**body, "type": "patch", "to": "x", "description": "x", "tags": ["surface:CC"]}
            seen = await world.ask(f"/api/skills/{name}{path}", method=method, who="bob", body=sent)
            answers.append((method, path, seen.status, seen.body.replace(name.encode(), b"NAME")))
    assert answers[:7] == answers[7:]
    assert [status for _, _, status, _ in answers[:7]] == [403] + [404] * 6


async def test_the_name_of_a_hidden_skill_is_taken_and_no_more_is_said(world, make):
    more = {"plugin_metadata": {"description": "x"}}
    body = {"files": [{"path": "SKILL.md", "content": make.md("salaries")}], "skill_group": "other", **more}
    for address, sent in (("/api/skills/salaries", body), ("/api/skills/ledger/rename", {"to": "salaries"})):
        knows = await world.post(address, sent, who="alice")
        guesses = await world.post(address, sent, who="dora")
        assert (knows.status, knows.json["code"]) == (guesses.status, guesses.json["code"]) == (409, "name_taken")
        assert "people" in knows.json["message"]
        assert "people" not in guesses.body.decode()


@pytest.mark.parametrize(
    ("files", "status", "code", "place"),
    [
        ([{"path": "../x", "content": "x"}], 400, None, None),
        ([{"path": ".claude-plugin/plugin.json", "content": "x"}], 400, "path_plugin_in_skill", None),
        ([{"path": "SKILL.md", "content": ""}], 400, "skill_md_needed", None),
        ([{"path": "SKILL.md", "content": "no frontmatter"}], 400, "frontmatter_missing", f"{PDF}SKILL.md"),
        ([{"path": "big.bin", "content": "x" * (10 * 1024 * 1024 + 1)}], 413, "file_too_large", f"{PDF}big.bin"),
    ],
)
async def test_what_may_not_be_written_is_refused_with_code_path_and_line(world, files, status, code, place):
    before = world.head()
    seen = await world.post("/api/skills/pdf", {"files": files})
    assert seen.status == status
    assert seen.json.keys() == {"error", "message", "code", "path", "line"}
    assert code in (None, seen.json["code"])
    assert place in (None, seen.json["path"])
    assert world.head() == before


async def test_a_secret_is_refused_unless_an_editor_lets_it_pass(world):
    body = {"files": [{"path": "notes.md", "content": f"one\nkey: {SECRET}\n"}]}
    seen = await world.post("/api/skills/pdf", body)
    assert (seen.status, seen.json["code"][:6], seen.json["path"], seen.json["line"]) == (
        400,
        "secret",
        f"{PDF}notes.md",
        2,
    )
    assert SECRET not in seen.body.decode()
    assert await world.refused("/api/skills/pdf", {**body, "allow_secrets": True}, who="carol") == (403, "not_allowed")
    answer = await world.done("/api/skills/pdf", {**body, "allow_secrets": True})
    assert [one["line"] for one in answer["warnings"]] == [2]
    assert SECRET not in str(answer)


async def test_a_skill_of_another_name_is_not_saved(world, make):
    body = {"files": [{"path": "SKILL.md", "content": make.md("report")}], "skill_group": "finance"}
    seen = await world.post("/api/skills/report", body)
    assert (seen.status, seen.json["code"]) == (409, "name_taken")


async def test_both_sides_are_told_where_somebody_saved_meanwhile(world, make):
    base = (await world.get("/api/skills/pdf"))["skill"]["revision"]
    theirs = {"files": [{"path": "SKILL.md", "content": make.md("pdf", "Theirs.")}, {"path": "t.md", "content": "t"}]}
    await world.done("/api/skills/pdf", theirs, who="carol")
    mine = {"files": [{"path": "SKILL.md", "content": make.md("pdf", "Mine.")}], "base_revision": base}
    for body, headers in ((mine, {}), ({**mine, "base_revision": None}, {"If-Match": f'"{base}"'})):
        seen = await world.post("/api/skills/pdf", body, headers=headers)
        assert (seen.status, seen.json["code"]) == (409, "revision_changed")
        assert (seen.json["base"], seen.json["yours"]) == (base, ["SKILL.md"])
        assert seen.json["current"] == (await world.get("/api/skills/pdf"))["skill"]["revision"]
        assert seen.json["theirs"] == ["SKILL.md", "t.md"]
        assert seen.json["both"] == [{"path": "SKILL.md", "content": make.md("pdf", "Theirs.")}]
        assert seen.json["commit"] == world.head()
    assert (await world.done("/api/skills/pdf", {**mine, "base_revision": seen.json["current"]}))["success"] is True


async def test_what_was_made_from_a_skill_that_is_gone_makes_no_new_one(world, make):
    body = {"files": [{"path": "SKILL.md", "content": make.md("gone")}], "base_revision": "0" * 40}
    assert await world.refused("/api/skills/gone", body) == (404, "unknown_skill")


async def test_every_change_and_every_refusal_is_told_once(world, make):
    answer = await world.done("/api/skills/pdf", {"files": [{"path": "x.md", "content": "x"}]})
    await world.post("/api/skills/pdf", {"files": [{"path": "x.md", "content": "y"}]}, who="bob")
    await world.post("/api/skills/nothing/bump", {"type": "patch"}, who="bob")
    await world.post("/api/skills/pdf", b"{", who="bob")
    (alice, saved), (bob, refused), (_, missing), (_, broken) = world.writes
    assert (alice, saved.operation, saved.skill, saved.outcome) == ("token:alice", "save", "docs/pdf", "ok")
    assert (saved.marketplace, saved.commit, saved.publication) == ("acme", answer["commit"], answer["publication"])
    assert saved.detail == "1 file(s) created"
    assert (bob, refused.operation, refused.skill, refused.outcome) == ("token:bob", "save", "docs/pdf", "not_allowed")
    assert (missing.operation, missing.skill, missing.outcome) == ("bump", "nothing", "unknown_skill")
    assert (broken.skill, broken.outcome) == ("pdf", "not_json")
    assert world.asked == [("save", "ok"), ("save", "not_allowed"), ("bump", "unknown_skill"), ("save", "not_json")]


async def test_fifty_saves_at_once_are_each_in_the_history_once(world):
    async def save(number: int):
        return await world.done(
            f"/api/skills/{('pdf', 'report')[number % 2]}",
            {"files": [{"path": f"{number}.md", "content": f"{number}\n"}]},
        )

    answers = await asyncio.gather(*(save(number) for number in range(50)))
    assert len({answer["commit"] for answer in answers}) == 50
    for number in range(50):
        assert (
            world.content(f"plugins/docs/skills/{('pdf', 'report')[number % 2]}/{number}.md") == f"{number}\n".encode()
        )
