"""What install.sh does where all goes well, on each shell: the files are there, whole, and nothing else is."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mcp_server.install.script import install_sh

GOLDEN = Path(__file__).parents[2] / "golden" / "install.sh"


async def test_every_file_is_there_with_its_bytes_and_its_mode(
    machine: Any, shop: Any, small: Any, files_of: Any
) -> None:
    ran = await machine.install(await shop.offer())
    assert (ran.status, ran.last_line) == (0, f"SKILL_DIR={machine.skills / 'pdf'}"), ran.said
    assert files_of(machine.skills / "pdf") == files_of(small)
    assert "Installed docs/pdf 1.2.0" in ran.said
    assert {path.stat().st_mode & 0o7777 for path in (machine.skills / "pdf").rglob("*") if path.is_dir()} == {0o755}
    assert machine.leftovers == []


async def test_it_also_works_with_other_tools(other_machine: Any, shop: Any, small: Any, files_of: Any) -> None:
    ran = await other_machine.install(await shop.offer())
    assert ran.status == 0, ran.said
    assert files_of(other_machine.skills / "pdf") == files_of(small)
    assert (await other_machine.run("--check")).out == "pdf\t1.2.0\tok\n"
    (other_machine.skills / "pdf" / "empty.txt").write_text("no more")
    assert (await other_machine.run("--check")).out == "pdf\t1.2.0\tedited\n"
    assert (await other_machine.install(await shop.package(), "--dir", str(other_machine.home))).status == 0


async def test_no_tool_reads_the_rest_of_the_script(machine: Any, shop: Any) -> None:
    read = machine.home.parent / "read"
    machine.shim("tar", f'ls -l /proc/self/fd/0 >>{read} 2>&1; exec "$real" "$@"')
    (machine.shims / "ls").symlink_to(shutil.which("ls") or "/bin/ls")
    assert (await machine.install(await shop.offer())).status == 0
    assert {line.rpartition(" -> ")[2] for line in read.read_text().splitlines()} == {"/dev/null"}


async def test_the_manifest_says_what_was_installed(machine: Any, shop: Any, files_of: Any) -> None:
    offer = await shop.offer()
    assert (await machine.install(offer)).status == 0
    said = json.loads((machine.skills / "pdf" / ".skillport.json").read_text("utf-8"))
    assert {key: value for key, value in said.items() if key != "files"} == {
        "format": 1,
        "name": "pdf",
        "plugin": "docs",
        "marketplace": "acme",
        "version": "1.2.0",
        "revision": offer.skill.revision,
        "commit": offer.snapshot.commit,
        "repository": "acme/skills",
        "source": shop.url,
        "executable": ["scripts/fill.py"],
    }
    assert said["files"].keys() == files_of(machine.skills / "pdf").keys()


async def test_installing_what_is_there_uses_no_link_up(machine: Any, shop: Any) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    again = await shop.offer()
    ran = await machine.install(again)
    assert (ran.status, ran.last_line) == (0, f"SKILL_DIR={machine.skills / 'pdf'}")
    assert "is installed already" in ran.said
    assert (await shop.get(f"/api/install/{again.token}"))[0] == 200


async def test_a_new_version_of_the_same_files_is_noted(machine: Any, shop: Any, small: Any) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    small["plugins/docs/.claude-plugin/plugin.json"] = shop.publisher.plugin_json("docs", "1.3.0")
    await shop.publisher.publish(small)
    assert "Installed docs/pdf 1.3.0" in (await machine.install(await shop.offer())).said
    assert (await machine.run("--check")).out == "pdf\t1.3.0\tok\n"


async def test_an_update_replaces_everything(machine: Any, shop: Any, small: Any, files_of: Any) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    small["plugins/docs/.claude-plugin/plugin.json"] = shop.publisher.plugin_json("docs", "1.3.0")
    small["plugins/docs/skills/pdf/new/file.txt"] = "new\n"
    del small["plugins/docs/skills/pdf/crlf.txt"]
    await shop.publisher.publish(small)
    ran = await machine.install(await shop.offer())
    assert ran.status == 0, ran.said
    assert files_of(machine.skills / "pdf") == files_of(small)
    assert machine.leftovers == []
    assert machine.kept == []


async def test_a_package_is_a_file_that_its_last_line_names(machine: Any, shop: Any) -> None:
    ran = await machine.install(await shop.package(), "--dir", str(machine.home / "out"))
    assert (ran.status, ran.last_line) == (0, f"SKILL_FILE={machine.home / 'out' / 'pdf.skill'}"), ran.said
    with zipfile.ZipFile(machine.home / "out" / "pdf.skill") as package:
        assert "pdf/SKILL.md" in package.namelist()
    assert machine.names(machine.home / "out") == ["pdf.skill"]
    assert (machine.home / "out" / "pdf.skill").stat().st_mode & 0o777 == 0o600
    assert machine.leftovers == []


async def test_a_token_alone_makes_a_package_in_tmp_as_it_always_did(machine: Any, shop: Any, small: Any) -> None:
    name = f"packed-{os.getpid()}-{machine.world.name}"
    small[f"plugins/docs/skills/{name}/SKILL.md"] = shop.publisher.skill_md(name, "Is packed.")
    await shop.publisher.publish(small)
    offer = await shop.offer(f"docs/{name}")
    package = Path("/tmp", f"{name}.skill")
    with ExitStack() as stack:
        stack.callback(package.unlink, missing_ok=True)
        ran = await machine.run(offer.token)
        assert (ran.status, ran.last_line) == (0, f"SKILL_FILE={package}"), ran.said
        assert zipfile.is_zipfile(package)


async def test_what_was_rewritten_for_an_upload_is_said(machine: Any, shop: Any, small: Any) -> None:
    small["plugins/docs/skills/odd/SKILL.md"] = "---\nname: odd\ndescription: Odd.\nmodel: opus\n---\n\nBody\n"
    await shop.publisher.publish(small)
    ran = await machine.install(await shop.package("docs/odd"), "--dir", str(machine.home))
    assert ran.status == 0
    assert "Note: " in ran.said
    assert "model" in ran.said


async def test_a_project_gets_a_skill_of_its_own(machine: Any, shop: Any) -> None:
    project = machine.home / "a project"
    project.mkdir()
    ran = await machine.install(await shop.offer(), "--project", cwd=project)
    assert (ran.status, ran.last_line) == (0, f"SKILL_DIR={project / '.claude' / 'skills' / 'pdf'}"), ran.said
    assert (project / ".claude/skills/pdf/SKILL.md").is_file()
    assert not machine.skills.exists()
    assert (await machine.run("--check", "--project", cwd=project)).out == "pdf\t1.2.0\tok\n"
    assert (await machine.run("--uninstall", "pdf", "--project", cwd=project)).status == 0


@pytest.mark.parametrize("folder", ["elsewhere", "a folder/of skills/"])
async def test_skills_go_where_they_are_told(machine: Any, shop: Any, folder: str) -> None:
    ran = await machine.install(await shop.offer(), "--dir", folder)
    assert (ran.status, ran.last_line) == (0, f"SKILL_DIR={machine.home / folder / 'pdf'}"), ran.said
    assert (machine.home / folder / "pdf/SKILL.md").is_file()
    assert not list(machine.home.rglob(".skillport"))


async def test_the_configuration_folder_of_claude_code_is_respected(machine: Any, shop: Any) -> None:
    folder = machine.home / "config"
    ran = await machine.install(await shop.offer(), CLAUDE_CONFIG_DIR=str(folder))
    assert (ran.status, ran.last_line) == (0, f"SKILL_DIR={folder / 'skills' / 'pdf'}")
    assert not (machine.home / ".claude").exists()


async def test_a_folder_of_skills_may_be_a_link(machine: Any, shop: Any) -> None:
    real = machine.home / "dotfiles" / "skills"
    real.mkdir(parents=True)
    machine.skills.parent.mkdir()
    machine.skills.symlink_to(real)
    for _ in range(2):
        assert (await machine.install(await shop.offer(), "--force")).status == 0
    assert machine.skills.is_symlink()
    assert (real / "pdf/SKILL.md").is_file()
    assert machine.names(real) == ["pdf"]


async def test_a_folder_on_another_file_system_gets_its_skill_whole(machine: Any, shop: Any, files_of: Any) -> None:
    """What df says of a link to another disk is said here, because a test cannot have one everywhere."""
    machine.shim("df", 'echo header; case $* in *.skillport/skills/.*) echo "beside 1 1";; *) echo "skills 1 1";; esac')
    moved = machine.home.parent / "moved"
    machine.shim("mv", f'echo "$1" >>{moved}; exec "$real" "$@"')
    assert (await machine.install(await shop.offer())).status == 0
    assert moved.read_text().startswith(str(machine.skills))  # from one place to another of the same disk
    assert (machine.skills / "pdf/SKILL.md").is_file()
    assert machine.names(machine.skills) == ["pdf"]
    assert machine.leftovers == []


async def test_a_skill_is_removed_without_a_trace(machine: Any, shop: Any) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    ran = await machine.run("--uninstall", "pdf")
    assert (ran.status, ran.said) == (0, f"Removed {machine.skills / 'pdf'}.\n")
    assert machine.names(machine.skills) == []
    assert machine.leftovers == []
    assert (await machine.run("--uninstall", "pdf")).status == 1


async def test_a_check_lists_what_is_from_here_and_how_it_is(machine: Any, shop: Any) -> None:
    assert (await machine.run("--check")).status == 0
    for skill in ("docs/pdf", "finance/report"):
        assert (await machine.install(await shop.offer(skill))).status == 0
    (machine.skills / "own").mkdir()
    (machine.skills / "own" / "SKILL.md").write_text("mine")
    ran = await machine.run("--check")
    assert (ran.status, ran.out) == (0, "pdf\t1.2.0\tok\nreport\t2.0.0\tok\n")
    (machine.skills / "report" / "SKILL.md").write_text("mine now")
    ran = await machine.run("--check")
    assert (ran.status, ran.out) == (3, "pdf\t1.2.0\tok\nreport\t2.0.0\tedited\n")
    assert shop.asked[-1].startswith("/api/install/")  # nothing is asked without a token


async def test_a_check_with_a_token_says_what_has_an_update(machine: Any, shop: Any, small: Any) -> None:
    for skill in ("docs/pdf", "finance/report", "people/salaries"):
        assert (await machine.install(await shop.offer(skill, shop.publisher.alice))).status == 0
    ran = await machine.run("--check", SKILLPORT_TOKEN="sps_of-alice")
    assert (ran.status, ran.out) == (0, "pdf\t1.2.0\tok\nreport\t2.0.0\tok\nsalaries\t\tok\n"), ran.said
    small["plugins/docs/.claude-plugin/plugin.json"] = shop.publisher.plugin_json("docs", "1.3.0")
    small["plugins/docs/skills/pdf/SKILL.md"] += "More.\n"
    small["plugins/finance/skills/report/SKILL.md"] += "More.\n"
    del small["plugins/people/skills/salaries/SKILL.md"]
    await shop.publisher.publish(small)
    ran = await machine.run("--check", SKILLPORT_TOKEN="sps_of-alice")
    assert ran.status == 3
    assert ran.out == (
        "pdf\t1.2.0\tok, update to 1.3.0 available\n"
        "report\t2.0.0\tok, update to 2.0.0 available\n"
        "salaries\t\tok, not offered any more\n"
    )
    refused = await machine.run("--check", SKILLPORT_TOKEN="sps_of-nobody")
    assert refused.status == 1
    assert "is SKILLPORT_TOKEN right?" in refused.said
    assert "sps_of-nobody" not in refused.out + refused.said


async def test_the_service_s_own_skill_is_installed_where_the_marketplace_has_none(machine: Any, shop: Any) -> None:
    ran = await machine.install(await shop.offer("skillport"))
    assert ran.status == 0, ran.said
    assert (machine.skills / "skillport" / "SKILL.md").read_bytes().startswith(b"---\n")


async def test_help_asks_nothing_and_names_both_ways_to_download(victim: Any, impostor: Any) -> None:
    ran = await victim.run("--help")
    assert ran.status == 0
    assert f"curl -fsS {impostor.url}/install.sh | sh -s -- TOKEN --skill" in ran.out
    assert f"wget -qO- {impostor.url}/install.sh | sh -s -- TOKEN --skill" in ran.out
    assert impostor.asked == []


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--skill",),
        ("a", "b"),
        ("--what", "a"),
        ("--dir",),
        ("--uninstall", "../pdf"),
        ("--uninstall", ".hidden"),
        ("--uninstall", "pdf", "token"),
        ("to;ken", "--skill"),
        ("$(id)", "--skill"),
        ("a", "--skill", "--dir", "/"),
    ],
)
async def test_words_that_mean_nothing_change_nothing(victim: Any, impostor: Any, words: tuple[str, ...]) -> None:
    ran = await victim.run(*words)
    assert ran.status == 2
    assert "--help says how" in ran.said
    assert impostor.asked == []
    assert not (victim.home / ".claude").exists()


async def test_another_service_can_be_named(machine: Any, shop: Any) -> None:
    offer = await shop.offer()
    script = shop.script.replace(shop.url, "https://elsewhere.example")
    ran = await machine.install(offer, script=script, SKILLPORT_CONNECTOR_URL=f"{shop.url}/")
    assert ran.status == 0, ran.said
    assert (await machine.install(offer, SKILLPORT_CONNECTOR_URL="file:///etc")).status == 2


async def test_the_script_is_what_the_golden_file_shows() -> None:
    assert install_sh("https://skills.acme.example") == GOLDEN.read_text("utf-8")
