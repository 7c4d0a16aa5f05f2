"""What install.sh does with what is there already: nothing of anybody's is lost, and a link that was refused still works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Edit = Callable[[Path], object]

EDITS: dict[str, Edit] = {
    "changed": lambda skill: (skill / "SKILL.md").write_text("mine"),
    "added": lambda skill: (skill / "scripts" / "mine.sh").write_text("mine"),
    "removed": lambda skill: (skill / "empty.txt").unlink(),
    "renamed": lambda skill: (skill / "empty.txt").rename(skill / "full.txt"),
    "linked": lambda skill: ((skill / "bom.txt").unlink(), (skill / "bom.txt").symlink_to("crlf.txt")),
    "unlisted": lambda skill: (skill / ".skillport.json").write_text('{\n  "format": 1,\n  "files": {\n  }\n}\n'),
}


async def newer(shop: Any, small: Any, version: str = "1.3.0") -> Any:
    """A link to another version."""
    small["plugins/docs/.claude-plugin/plugin.json"] = shop.publisher.plugin_json("docs", version)
    small["plugins/docs/skills/pdf/SKILL.md"] += f"This is {version}.\n"
    await shop.publisher.publish(small)
    return await shop.offer()


@pytest.mark.parametrize("edit", EDITS)
async def test_an_edited_skill_is_left_alone(machine: Any, shop: Any, small: Any, edit: str) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    EDITS[edit](machine.skills / "pdf")
    before = sorted((path, path.lstat().st_mtime_ns) for path in machine.skills.rglob("*"))
    offer = await newer(shop, small)
    ran = await machine.install(offer)
    assert (ran.status, ran.out) == (3, "")
    assert "was edited since it was installed" in ran.said
    assert sorted((path, path.lstat().st_mtime_ns) for path in machine.skills.rglob("*")) == before
    assert machine.leftovers == []
    assert (await shop.get(f"/api/install/{offer.token}?format=plan"))[0] == 200


async def test_force_replaces_an_edited_skill_and_keeps_it(machine: Any, shop: Any, small: Any, files_of: Any) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    (machine.skills / "pdf" / "SKILL.md").write_text("mine")
    offer = await newer(shop, small)
    assert (await machine.install(offer)).status == 3
    ran = await machine.install(offer, "--force")
    assert ran.status == 0, ran.said
    assert files_of(machine.skills / "pdf") == files_of(small)
    (copy,) = machine.kept
    assert str(copy) in ran.said
    assert (copy / "SKILL.md").read_text() == "mine"
    assert machine.leftovers == []


async def test_what_is_edited_during_the_download_is_kept_too(machine: Any, shop: Any, small: Any) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    offer = await newer(shop, small)

    async def edited(request: Any, handler: Any) -> Any:
        if request.query.get("format") == "archive":
            (machine.skills / "pdf" / "SKILL.md").write_text("mine")
        return await handler(request)

    shop.meddler = edited
    assert (await machine.install(offer)).status == 0
    (copy,) = machine.kept
    assert (copy / "SKILL.md").read_text() == "mine"


async def test_two_copies_of_one_second_are_both_kept(machine: Any, shop: Any) -> None:
    machine.shim("date", "echo 20261121-100000")
    for text in ("first", "second"):
        assert (await machine.install(await shop.offer(), "--force")).status == 0
        (machine.skills / "pdf" / "SKILL.md").write_text(text)
    assert (await machine.install(await shop.offer(), "--force")).status == 0
    assert [(copy / "SKILL.md").read_text() for copy in machine.kept] == ["first", "second"]


async def test_what_running_a_skill_leaves_behind_is_no_edit(machine: Any, shop: Any, small: Any) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    cache = machine.skills / "pdf" / "scripts" / "__pycache__"
    cache.mkdir()
    (cache / "fill.cpython-311.pyc").write_bytes(b"\0")
    (machine.skills / "pdf" / ".DS_Store").write_bytes(b"\0")
    assert (await machine.run("--check")).out == "pdf\t1.2.0\tok\n"
    assert (await machine.install(await newer(shop, small))).status == 0
    assert not cache.exists()


async def test_a_skill_that_is_not_from_here_is_left_alone(machine: Any, shop: Any) -> None:
    own = machine.skills / "pdf"
    own.mkdir(parents=True)
    (own / "SKILL.md").write_text("mine")
    offer = await shop.offer()
    ran = await machine.install(offer)
    assert ran.status == 3
    assert "is not from here" in ran.said
    assert [path.name for path in own.iterdir()] == ["SKILL.md"]
    assert (await machine.install(offer, "--force")).status == 0
    (copy,) = machine.kept
    assert (copy / "SKILL.md").read_text() == "mine"


async def test_a_link_that_somebody_made_is_not_followed(machine: Any, shop: Any) -> None:
    real = machine.home / "work" / "pdf"
    real.mkdir(parents=True)
    (real / "SKILL.md").write_text("mine")
    machine.skills.mkdir(parents=True)
    (machine.skills / "pdf").symlink_to(real)
    assert (await machine.install(await shop.offer())).status == 3
    assert (await machine.run("--uninstall", "pdf")).status == 3
    assert (await machine.install(await shop.offer(), "--force")).status == 0
    assert not (machine.skills / "pdf").is_symlink()
    assert (real / "SKILL.md").read_text() == "mine"
    (copy,) = machine.kept
    assert copy.readlink() == real


async def test_a_link_that_leads_nowhere_is_somebody_s_too(machine: Any, shop: Any) -> None:
    machine.skills.mkdir(parents=True)
    (machine.skills / "pdf").symlink_to("gone")
    assert (await machine.install(await shop.offer())).status == 3
    assert (machine.skills / "pdf").is_symlink()


async def test_a_file_in_the_place_of_the_skill_is_left_alone(machine: Any, shop: Any) -> None:
    machine.skills.mkdir(parents=True)
    (machine.skills / "pdf").write_text("mine")
    assert (await machine.install(await shop.offer())).status == 3
    assert (machine.skills / "pdf").read_text() == "mine"


async def test_a_skill_of_another_plugin_is_not_replaced_by_its_namesake(machine: Any, shop: Any) -> None:
    assert (await machine.install(await shop.offer("docs/report"))).status == 0
    other = await shop.offer("finance/report")
    ran = await machine.install(other)
    assert ran.status == 3
    assert "from docs@acme" in ran.said
    assert (await machine.install(other, "--force")).status == 0
    assert machine.kept == []  # it was as it was installed: nothing is lost


async def test_a_newer_version_is_only_replaced_on_purpose(machine: Any, shop: Any, small: Any) -> None:
    assert (await machine.install(await newer(shop, small, "1.10.0"))).status == 0
    offer = await newer(shop, small, "1.9.0")
    ran = await machine.install(offer)
    assert ran.status == 3
    assert "version 1.10.0 is installed and newer than 1.9.0" in ran.said
    assert (await machine.install(offer, "--force")).status == 0
    assert (await machine.run("--check")).out == "pdf\t1.9.0\tok\n"
    assert machine.kept == []  # it was as it was installed: nothing is lost


OLDER = ["1.9.0 1.10.0", "1.2.0-rc.1 1.2.0", "1.9.9 2", "0.9 1.0", "1.0.0 1.0.0.1", "1.0.0 1.0.1-rc.1"]
NOT_OLDER = ["v1 v2", "1.2.0+a 1.2.0+b", "1.0 1.0.0", "1.0.0 summer", "summer 1.0.0", "2.0.0 1.0.0", "1.2.0 1.2.0-rc.1"]
NOT_OLDER += ["1.2.0-rc.1 1.2.0-rc.2", "1.0.0$(id) 2.0.0", "1.0.0 2.0.0\\n"]


async def test_versions_are_compared_by_their_numbers(victim: Any, impostor: Any) -> None:
    functions, _, _ = impostor.script.rpartition("\nmain ")
    asking = 'for pair in "$@"; do if is_older ${pair% *} ${pair#* }; then echo older; else echo not; fi; done\n'
    ran = await victim.run(*OLDER, *NOT_OLDER, script=f"{functions}\n{asking}")
    answers = ran.out.split()
    wrong = [
        pair for pair, answer in zip(OLDER + NOT_OLDER, answers, strict=True) if (answer == "older") != (pair in OLDER)
    ]
    assert wrong == []


async def test_an_edited_skill_is_not_removed_unless_asked_twice(machine: Any, shop: Any) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    (machine.skills / "pdf" / "SKILL.md").write_text("mine")
    ran = await machine.run("--uninstall", "pdf")
    assert ran.status == 3
    assert (machine.skills / "pdf" / "SKILL.md").read_text() == "mine"
    assert (await machine.run("--uninstall", "pdf", "--force")).status == 0
    assert not (machine.skills / "pdf").exists()
    (copy,) = machine.kept
    assert (copy / "SKILL.md").read_text() == "mine"


async def test_a_folder_in_the_place_of_a_package_is_left_alone(machine: Any, shop: Any) -> None:
    (machine.home / "pdf.skill").mkdir()
    offer = await shop.package()
    assert (await machine.install(offer, "--dir", str(machine.home))).status == 3
    assert list((machine.home / "pdf.skill").iterdir()) == []


async def test_a_package_replaces_a_link_and_not_what_it_leads_to(machine: Any, shop: Any) -> None:
    (machine.home / "precious").write_text("mine")
    (machine.home / "pdf.skill").symlink_to("precious")
    assert (await machine.install(await shop.package(), "--dir", str(machine.home))).status == 0
    assert (machine.home / "precious").read_text() == "mine"
    assert not (machine.home / "pdf.skill").is_symlink()
