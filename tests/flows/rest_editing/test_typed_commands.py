"""The commands for writing that skills tell Claude to run, as they stand there, by a shell: the seed connector's ``skillport``
skill (1.3.4), and the one that comes with this service."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import textwrap
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from skillport_sync.template.own_skill import own_skill

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")

AUTHORIZED = '-H "Authorization: Bearer $TOKEN"'
JSON = '-H "Content-Type: application/json"'
SEED = {
    "edit": f'curl -sf "$BASE_URL/api/skills/{{skill-name}}/edit" {AUTHORIZED}',
    "save": f'curl -X POST "$BASE_URL/api/skills/{{skill-name}}" {AUTHORIZED} {JSON} -d "$(cat payload.json)"',
    "bump": f"""curl -X POST "$BASE_URL/api/skills/{{skill-name}}/bump" {AUTHORIZED} {JSON} -d '{{"type": "minor"}}'""",
    "publish": f'curl -X POST "$BASE_URL/api/skills/{{skill-name}}/publish" {AUTHORIZED} {JSON} '
    """-d '{"description": "Forms.", "category": "productivity", "tags": ["surface:CALL", "automation"], "keywords": ["x"]}'""",
    "delete": f'curl -X DELETE "$BASE_URL/api/skills/{{skill-name}}?confirm=true" {AUTHORIZED}',
}


@pytest.fixture
def shell(world, tmp_path):
    """``await shell(command, **environment)``: what it prints, in a folder of its own."""

    async def typed(command: str, **environment: str) -> str:
        given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "NO_PROXY": "*"}
        given |= {"BASE_URL": world.url, "TOKEN": "sps_of-alice", **environment}
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", command, stdout=PIPE, stderr=PIPE, env=given, cwd=tmp_path
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    return typed


@pytest.fixture
def seed(shell):
    async def typed(what: str, skill: str):
        return json.loads(await shell(SEED[what].replace("{skill-name}", skill)))

    return typed


def taught(folder: str, *words: str) -> list[str]:
    """The blocks of commands of a chapter of the skill's document that have these words in them."""
    text = own_skill().files[folder].content.decode()
    blocks = re.findall(r"^( *)```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [body for _, block in blocks if all(word in (body := textwrap.dedent(block)) for word in words)]


async def test_the_commands_of_the_seed_change_a_skill(seed, shell, world, make, tmp_path):
    answer = await seed("edit", "pdf")
    command = answer["command"] + f" --dir {tmp_path}/work"
    folder = Path((await shell(command)).splitlines()[0].removeprefix("SKILL_DIR="))
    payload = {
        "skill_group": "docs",
        "files": [{"path": "SKILL.md", "content": make.md("pdf", "Seed.") + 'It\'s "quoted" ☃\n'}],
        "commitMessage": "Change pdf",
    }
    (tmp_path / "payload.json").write_text(json.dumps(payload))
    assert (folder / "SKILL.md").is_file()
    saved = await seed("save", "pdf")
    assert saved.keys() >= {"success", "skill", "skill_group", "isNewSkill", "isNewGroup", "files", "summary"}
    assert (saved["success"], saved["summary"]) == (True, "1 file(s) updated")
    bumped = await seed("bump", "pdf")
    assert (bumped["success"], bumped["oldVersion"], bumped["newVersion"]) == (True, "1.2.0", "1.3.0")
    published = await seed("publish", "pdf")
    assert (published["success"], published["action"]) == (True, "updated")
    deleted = await seed("delete", "pdf")
    assert (deleted["success"], deleted["skill"], deleted["plugin"], deleted["pluginDeleted"]) == (
        True,
        "pdf",
        "docs",
        False,
    )
    assert len(deleted["deletedFiles"]) == 3


async def test_the_commands_of_our_own_skill_write_one_and_change_it(shell, world, make, tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "payload.py").write_bytes(own_skill().files["scripts/payload.py"].content)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "SKILL.md").write_text(make.md("notes"))
    document = "references/authoring.md"

    (new,) = taught(document, "payload.py ./NAME")
    new = new.replace("--plugin PLUGIN", "--plugin writing --describe Writes.").replace("NAME", "notes")
    made = json.loads(await shell(new))
    assert (made["isNewSkill"], made["isNewGroup"]) == (True, True), made

    (edit,) = taught(document, "/edit")
    offered = json.loads(await shell(edit.replace("NAME", "notes")))
    printed = await shell(f"{offered['command']} --dir {tmp_path}/work")
    folder = printed.splitlines()[0].removeprefix("SKILL_DIR=")
    (Path(folder) / "SKILL.md").write_text(make.md("notes", "Better."))
    (save,) = taught(document, "$SKILL_DIR")
    saved = json.loads(await shell(save.replace("NAME", "notes"), SKILL_DIR=folder))
    assert (saved["summary"], saved["isNewSkill"]) == ("1 file(s) updated", False), saved

    (bump,) = taught(document, "/bump")
    assert json.loads(await shell(bump.replace("NAME", "notes")))["newVersion"] == "1.1.0"
    (publish,) = taught(document, "/publish")
    assert json.loads(await shell(publish.replace("NAME", "notes")))["action"] == "created"
    (others,) = taught(document, "/rename")
    rename, unpublish = re.sub(r"\\\n *", "", others).strip().splitlines()
    assert json.loads(await shell(rename.replace("NAME", "writing%2Fnotes")))["skill"] == "new-name"
    assert json.loads(await shell(unpublish.replace("NAME", "new-name")))["action"] == "removed"
    (delete,) = taught(document, "-X DELETE")
    assert json.loads(await shell(delete.replace("NAME", "new-name")))["pluginDeleted"] is True
