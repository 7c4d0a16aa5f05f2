"""What edit.sh does on each shell, and the whole way round: get a skill, change it, save the folder with the skill's own script.

Every shell has other tools, so that each of them is tried. One that is not there is skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path

import pytest

from skillport_sync.template.own_skill import own_skill

RUN_S = 60.0
NEEDED = (
    *("cat", "chmod", "cut", "date", "df", "env", "find", "grep", "gzip"),
    *("head", "mkdir", "mktemp", "mv", "od", "rm", "sed", "sleep", "sort"),
    *("tail", "tar", "tr", "uname", "wc"),
)
SHELLS = {
    "dash": (("dash",), ("curl", "sha256sum")),
    "bash": (("bash", "--posix"), ("wget", "shasum", "perl")),
    "mksh": (("mksh",), ("curl", "openssl", "printf")),
    "busybox": (("busybox", "sh"), ()),
}


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    said: str


@pytest.fixture(params=SHELLS)
def typed(request, tmp_path, world):
    """``await typed(*words)``: ``curl … | sh -s -- WORDS`` in this shell, with the tools that go with it and no others."""
    argv, extra = SHELLS[request.param]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    tools = tmp_path / "bin"
    tools.mkdir()
    if not extra:
        subprocess.run([shutil.which("busybox"), "--install", "-s", tools], check=True, timeout=RUN_S)
    for tool in (*NEEDED, *extra) if extra else ():
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
        (tools / tool).symlink_to(shutil.which(tool))
    (tmp_path / "tmp").mkdir()

    async def run(*words: str, script: str | None = None) -> Ran:
        text = script or (await world.ask("/edit.sh", who=None)).body.decode()
        environment = {"PATH": str(tools), "HOME": str(tmp_path), "TMPDIR": str(tmp_path / "tmp"), "LANG": "C.UTF-8"}
        process = await asyncio.create_subprocess_exec(
            shutil.which(argv[0]), *argv[1:], "-s", "--", *words, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
        )
        async with asyncio.timeout(RUN_S):
            out, said = await process.communicate(text.encode())
        assert not list((tmp_path / "tmp").iterdir()), "nothing is left behind"
        return Ran(process.returncode or 0, out.decode(), said.decode())

    return run


@pytest.fixture
def got(typed, world, tmp_path):
    """``await got(*words)``: the same with a fresh link, into a folder of the test's."""

    async def run(*words: str, skill: str = "pdf") -> Ran:
        token = (await world.get(f"/api/skills/{skill}/edit", who="carol"))["edit_token"]
        return await typed(token, "--dir", str(tmp_path / "work"), *words)

    return run


def payload(folder: Path, *words: str) -> dict[str, object]:
    """What the skill's own script makes of the folder."""
    script = folder.parent / "payload.py"
    script.write_bytes(own_skill().files["scripts/payload.py"].content)
    done = subprocess.run([sys.executable, "-B", script, folder, *words], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_a_skill_is_got_changed_saved_and_got_again(got, world, tmp_path, make):
    ran = await got()
    folder = tmp_path / "work" / "pdf"
    assert (ran.status, ran.out) == (0, f"SKILL_DIR={folder}\nSKILL.md\nassets/logo.png\nscripts/fill.py\n"), ran.said
    assert (folder / "assets/logo.png").read_bytes() == make.png
    assert (folder / "SKILL.md").stat().st_mode & 0o777 == 0o644
    assert json.loads((folder / ".edit_info").read_text())["commit"] == world.head()
    (folder / "SKILL.md").write_text(make.md("pdf", "Better."))
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "scripts/fill.py").unlink()
    body = payload(folder, "--message", "pdf: better")
    assert [file["path"] for file in body["files"]] == ["SKILL.md", "run.sh", "scripts/fill.py"]
    answer = await world.done("/api/skills/pdf", body, who="carol")
    assert [file["path"].rpartition("pdf/")[2] for file in answer["files"]] == ["SKILL.md", "run.sh", "scripts/fill.py"]
    again = await got()
    assert (again.status, again.out) == (0, f"SKILL_DIR={folder}\nSKILL.md\nassets/logo.png\nrun.sh\n"), again.said
    assert os.access(folder / "run.sh", os.X_OK)
    assert json.loads((folder / ".edit_info").read_text())["revision"] == answer["revision"]
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["payload.py", "pdf"]


async def test_changes_that_were_not_saved_are_not_touched(got, tmp_path):
    await got()
    folder = tmp_path / "work" / "pdf"
    (folder / "SKILL.md").write_text("mine")
    ran = await got()
    assert (ran.status, ran.out) == (3, "")
    assert "changes that were not saved" in ran.said
    assert (folder / "SKILL.md").read_text() == "mine"
    forced = await got("--force")
    assert forced.status == 0, forced.said
    assert (folder / "SKILL.md").read_text() != "mine"
    (kept,) = tmp_path.glob("work/pdf.kept-*")
    assert (kept / "SKILL.md").read_text() == "mine"


async def test_a_refusal_uses_no_link_up(typed, world, tmp_path):
    folder = tmp_path / "work" / "pdf"
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    token = (await world.get("/api/skills/pdf/edit", who="carol"))["edit_token"]
    words = (token, "--dir", str(tmp_path / "work"))
    assert (await typed(*words)).status == 3
    assert (folder / "mine.txt").read_text() == "mine"
    assert (await typed(*words, "--force")).status == 0
    (kept,) = tmp_path.glob("work/pdf.kept-*")
    assert (kept / "mine.txt").read_text() == "mine"
    assert (await world.ask(f"/api/edit/{token}", who=None)).status == 410, "and now it is used up"


async def test_what_is_there_already_uses_no_link_up(got, typed, world, tmp_path):
    await got()
    token = (await world.get("/api/skills/pdf/edit", who="carol"))["edit_token"]
    ran = await typed(token, "--dir", str(tmp_path / "work"))
    assert (ran.status, "is there already" in ran.said) == (0, True)
    assert ran.out.startswith(f"SKILL_DIR={tmp_path / 'work' / 'pdf'}\n")
    assert (await world.ask(f"/api/edit/{token}", who=None)).status == 200


async def test_an_untouched_folder_becomes_what_is_served_now(got, world, tmp_path):
    await got()
    await world.done("/api/skills/pdf", {"files": [{"path": "new.md", "content": "new"}]})
    assert (await got()).status == 0
    assert (tmp_path / "work/pdf/new.md").read_text() == "new"


async def test_a_tampered_archive_is_not_unpacked(typed, world, tmp_path):
    token = (await world.get("/api/skills/pdf/edit", who="carol"))["edit_token"]
    script = (await world.ask("/edit.sh", who=None)).body.decode()
    spoiled = script.replace("sha256) digest=$value", "sha256) digest=0$value")
    assert spoiled != script
    ran = await typed(token, "--dir", str(tmp_path / "work"), script=spoiled)
    assert (ran.status, ran.out) == (1, "")
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("what", ["a link to somewhere else", "somebody else's"])
async def test_the_usual_folder_has_to_be_ones_own(typed, world, tmp_path, what):
    usual = tmp_path / "usual"
    if what == "somebody else's":
        if os.getuid() != 0:
            pytest.skip("only root can make somebody else's folder")
        usual.mkdir()
        os.chown(usual, 12345, 12345)
    else:
        (tmp_path / "elsewhere").mkdir()
        usual.symlink_to(tmp_path / "elsewhere")
    token = (await world.get("/api/skills/pdf/edit", who="carol"))["edit_token"]
    script = (await world.ask("/edit.sh", who=None)).body.decode().replace("/tmp/skillport-edit", str(usual))
    ran = await typed(token, script=script)
    assert (ran.status, "is not yours" in ran.said) == (1, True)
    assert list(usual.iterdir()) == []


async def test_the_usual_folder_is_made_for_ones_own_eyes(typed, world, tmp_path):
    token = (await world.get("/api/skills/pdf/edit", who="carol"))["edit_token"]
    script = (
        (await world.ask("/edit.sh", who=None)).body.decode().replace("/tmp/skillport-edit", str(tmp_path / "usual"))
    )
    ran = await typed(token, script=script)
    assert ran.out.startswith(f"SKILL_DIR={tmp_path / 'usual' / 'pdf'}\n"), ran.said
    assert (tmp_path / "usual").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("words", "status"),
    [((), 2), (("--dir",), 2), (("--what",), 2), (("a", "b"), 2), (("a/b",), 2), (("--help",), 0), (("sp_ed_x",), 1)],
)
async def test_it_says_how_it_is_used(typed, words, status):
    ran = await typed(*words)
    assert ran.status == status
    assert "SKILL_DIR=" not in ran.out or status == 0


async def test_a_script_that_was_cut_short_does_nothing(typed, world, tmp_path):
    token = (await world.get("/api/skills/pdf/edit", who="carol"))["edit_token"]
    script = (await world.ask("/edit.sh", who=None)).body.decode()
    for part in (0.3, 0.6, 0.9):
        cut = script[: int(len(script) * part)].rpartition("\n")[0]
        await typed(token, "--dir", str(tmp_path / "work"), script=cut)
    assert not (tmp_path / "work").exists()
    assert (await world.ask(f"/api/edit/{token}", who=None)).status == 200
