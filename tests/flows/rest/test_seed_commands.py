"""The commands that the seed connector's ``skillport`` skill (1.3.4) tells Claude to run for reading: as they are, by a shell."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import zipfile
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash"
)

AUTHORIZED = '-H "Authorization: Bearer $TOKEN"'
LIST = f'curl -sf "$BASE_URL/api/skills" {AUTHORIZED}'
OF_A_SURFACE = f'curl -sf "$BASE_URL/api/skills?surface=CC" {AUTHORIZED}'
REFRESH = f'curl -sf "$BASE_URL/api/skills?refresh=true" {AUTHORIZED}'
SHOW = f'curl -sf "$BASE_URL/api/skills/{{skill-name}}" {AUTHORIZED}'
INSTALL = f'curl -sf "$BASE_URL/api/skills/{{skill-name}}/install" {AUTHORIZED}'
AS_FOLDER = "curl -sf $BASE_URL/install.sh | bash -s -- {install_token} --skill"
AS_PACKAGE = "curl -sf $BASE_URL/install.sh | bash -s -- {install_token} --package"
DEBUG = f'curl -sf "$BASE_URL/api/debug/plugins" {AUTHORIZED}'
CHECK_UPDATES = (
    f'curl -X POST "$BASE_URL/api/check-updates" {AUTHORIZED} -H "Content-Type: application/json" '
    """-d '{"installed": [{"name": "skill-a", "version": "1.0.0"}]}'"""
)
WHOAMI = f'curl -sf "$BASE_URL/api/whoami" {AUTHORIZED}'


@pytest.fixture
def shell(api, tmp_path):
    """``await shell(command)``: its exit code and what it prints, on a machine of its own."""

    async def typed(command: str, token: str = "sps_of-bob") -> tuple[int | None, str]:
        given = {"BASE_URL": api.base_url, "TOKEN": token, "NO_PROXY": "*"}
        machine = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", command, stdout=PIPE, stderr=PIPE, env={**machine, **given}
        )
        async with asyncio.timeout(60):
            printed, _ = await process.communicate()
        return process.returncode, printed.decode()

    return typed


@pytest.fixture
def run(shell):
    """The same of a command that prints JSON; None where it prints nothing."""

    async def typed(command: str, **how):
        code, printed = await shell(command, **how)
        return code, json.loads(printed) if printed else None

    return typed


async def test_list(run):
    code, answer = await run(LIST)
    assert (code, answer["count"]) == (0, 3)
    assert {skill["name"] for skill in answer["skills"]} == {"pdf", "report"}


async def test_list_of_a_surface(run):
    code, answer = await run(OF_A_SURFACE)
    assert (code, answer["surface_filter"], answer["count"]) == (0, "CC", 3)


async def test_list_afresh(run):
    code, answer = await run(REFRESH)
    assert (code, answer["count"]) == (0, 3)


async def test_one_skill(run):
    code, answer = await run(SHOW.replace("{skill-name}", "pdf"))
    assert (code, answer["skill"]["version"], answer["editable"]) == (0, "1.2.0", False)
    assert answer["skill_md"].startswith("---\nname: pdf\n")
    assert "scripts/fill.py" in answer["files"]


async def test_one_skill_that_is_not_there_fails_as_curl_fails(run):
    for name in ("salaries", "nothing"):
        assert await run(SHOW.replace("{skill-name}", name)) == (22, None)


async def test_install_into_claude_code(run, shell, published, tmp_path):
    code, answer = await run(INSTALL.replace("{skill-name}", "pdf"))
    assert (code, answer["skill"], answer["expires_in"]) == (0, "pdf", 900)
    code, _ = await shell(AS_FOLDER.replace("{install_token}", answer["install_token"]))
    assert code == 0
    installed = tmp_path / ".claude" / "skills" / "pdf"
    assert (installed / "SKILL.md").read_text() == published.small["plugins/docs/skills/pdf/SKILL.md"]
    assert os.access(installed / "scripts" / "fill.py", os.X_OK)
    left = json.loads((installed / ".skillport.json").read_bytes())
    body = json.dumps({"installed": [left]})
    code, updates = await run(CHECK_UPDATES.replace(CHECK_UPDATES.partition("-d ")[2], f"'{body}'"))
    assert (code, [one["status"] for one in updates["installed"]]) == (0, ["up_to_date"])


async def test_install_as_a_package(run, shell, tmp_path):
    _, answer = await run(INSTALL.replace("{skill-name}", "pdf"))
    code, printed = await shell(AS_PACKAGE.replace("{install_token}", answer["install_token"]))
    assert code == 0
    path = printed.splitlines()[-1].removeprefix("SKILL_FILE=")
    assert Path(path).name == "pdf.skill"
    assert {"pdf/SKILL.md", "pdf/scripts/fill.py"} <= set(zipfile.ZipFile(path).namelist())


async def test_the_command_of_the_answer_makes_a_package_too(run, shell):
    """And, with ``--skill`` behind it, what the skill tells Claude Code users to add, a folder."""
    for more, says in (("", "SKILL_FILE="), (" --skill", "")):
        _, answer = await run(INSTALL.replace("{skill-name}", "pdf"))
        code, printed = await shell(answer["command"] + more)
        assert code == 0
        assert printed.splitlines()[-1].startswith(says)
        assert ("SKILL_FILE=" in printed) == bool(says)


async def test_plugins_are_listed_for_editors(run):
    assert await run(DEBUG) == (22, None)
    code, answer = await run(DEBUG, token="sps_of-alice")
    assert (code, [plugin["name"] for plugin in answer["plugins"]]) == (0, ["docs", "finance", "people"])


async def test_updates(run):
    code, answer = await run(CHECK_UPDATES)
    assert (code, answer["hasUpdates"], answer["updates"]) == (0, False, [])
    code, answer = await run(CHECK_UPDATES.replace("skill-a", "docs"))
    assert answer["hasUpdates"] is True
    (update,) = answer["updates"]
    assert (update["name"], update["installedVersion"], update["availableVersion"]) == ("docs", "1.0.0", "1.2.0")


async def test_whoami(run):
    code, answer = await run(WHOAMI)
    assert (code, answer["id"], answer["name"], answer["provider"]) == (0, "token:bob", "Bob", "token")


async def test_without_a_good_token_every_command_fails_as_curl_fails(run):
    for command in (LIST, OF_A_SURFACE, REFRESH, SHOW, WHOAMI):
        assert await run(command, token="sps_stolen") == (22, None)
