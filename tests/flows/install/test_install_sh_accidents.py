"""What install.sh leaves behind when it is cut, killed, crowded or has no room: the old skill or the new one, never a mixture."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

STEPS = ("mkdir", "mv", "rm", "rmdir", "tar", "chmod")
COUNTING = """
counter={counter}
count=$(($(cat "$counter") + 1))
echo "$count" >"$counter"
[ "$count" -ne {fatal} ] || kill -9 0
exec "$real" "$@"
"""
"""A tool that counts, and at one number kills the process group that it is in: the script, and itself before it did anything."""


async def test_a_script_that_was_cut_runs_nothing(victim: Any, impostor: Any) -> None:
    ends = [at for at, char in enumerate(impostor.script) if char == "\n"][::25]
    last = impostor.script.rindex("\nmain ")
    for end in (*ends, *range(last, last + len('\nmain "$@"'))):
        await victim.run("a-token", "--skill", script=impostor.script[:end])
        assert impostor.asked == []
    assert list(victim.home.iterdir()) == []
    assert list(victim.temporary.iterdir()) == []


async def test_a_run_that_is_killed_at_any_step_is_mended_by_the_next(
    machine: Any, shop: Any, small: Any, files_of: Any
) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    old = files_of(machine.skills / "pdf")
    (machine.skills / "pdf" / "SKILL.md").write_text("mine")
    edited = {**old, "SKILL.md": (0o644, b"mine")}
    small["plugins/docs/skills/pdf/SKILL.md"] += "New.\n"
    await shop.publisher.publish(small)
    new = files_of(small)
    counter = machine.home.parent / "counter"
    seen: list[str] = []
    for fatal in range(1, 100):
        counter.write_text("0")
        for step in STEPS:
            machine.shim(step, COUNTING.format(counter=counter, fatal=fatal))
        ran = await machine.install(await shop.offer(), "--force")
        if ran.status == 0:
            break
        assert ran.status == -signal.SIGKILL, ran.said
        there = files_of(machine.skills / "pdf")
        seen.append({repr(edited): "old", repr(new): "new", "{}": "none"}[repr(there)])
        machine.shims = None
        for scratch in machine.temporary.iterdir():  # what is left there, nobody can find again
            shutil.rmtree(scratch)
        mended = await machine.run("--uninstall", "nothing")  # whatever is done next
        assert "no skill nothing" in mended.said
        there = files_of(machine.skills / "pdf")
        copies = [files_of(copy) for copy in machine.kept]
        assert (there, copies) in ((edited, []), (new, [edited]))
        assert machine.leftovers == []
        _as_before(machine, edited)
    assert ran.status == 0
    assert seen == sorted(seen, key=["old", "none", "new"].index)
    assert seen.count("none") == 1
    assert len(seen) > 10


def _as_before(machine: Any, edited: dict[str, tuple[int, bytes]]) -> None:
    """The edited skill is there, and no copy is kept: so that the next run begins where this one did."""
    for copy in machine.kept:
        for path, (_, content) in edited.items():
            (machine.skills / "pdf" / path).write_bytes(content)
        (copy / ".skillport.json").replace(machine.skills / "pdf" / ".skillport.json")
        shutil.rmtree(machine.home / ".claude" / ".skillport")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_run_that_is_asked_to_stop_tidies_up(machine: Any, shop: Any, number: int) -> None:
    """In the middle of its download."""
    assert (await machine.install(await shop.offer())).status == 0
    under_way, over = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.query.get("format") == "archive":
            under_way.set()
            await over.wait()
        return await handler(request)

    shop.meddler = slow
    process = await machine.start(*_words(await shop.offer()), "--force")
    ending = asyncio.create_task(process.communicate(shop.script.encode()))
    async with asyncio.timeout(30):
        await under_way.wait()
        os.killpg(process.pid, number)
        over.set()  # wget goes on after SIGHUP, and the shell waits for it
        await ending
    assert process.returncode in (128 + number, -number, 1)
    assert (await machine.run("--check")).out == "pdf\t1.2.0\tok\n"
    assert machine.leftovers == []


def _words(offer: Any) -> list[str]:
    return offer.command.rpartition(" -- ")[2].split()


async def test_two_runs_at_once_wait_for_each_other(machine: Any, shop: Any, small: Any) -> None:
    for name in ("one", "two", "three"):
        small[f"plugins/docs/skills/{name}/SKILL.md"] = shop.publisher.skill_md(name, "Is one of several.")
    await shop.publisher.publish(small)
    offers = [await shop.offer(f"docs/{name}") for name in ("one", "two", "three")]
    runs = await asyncio.gather(*(machine.install(offer) for offer in offers))
    assert [ran.status for ran in runs] == [0, 0, 0], [ran.said for ran in runs]
    assert machine.names(machine.skills) == ["one", "three", "two"]
    assert machine.leftovers == []


@pytest.fixture
def state(machine: Any) -> Path:
    """The folder where runs meet."""
    folder = machine.home / ".claude" / ".skillport" / "skills"
    folder.mkdir(parents=True)
    return folder


async def test_a_lock_of_somebody_who_lives_is_respected(machine: Any, shop: Any, state: Path) -> None:
    machine.shim("sleep", "exit 0")
    held = f"{os.uname().nodename} {os.getpid()}\n"
    (state / "lock").write_text(held)
    offer = await shop.offer()
    ran = await machine.install(offer)
    assert ran.status == 1
    assert f"another installation is under way (process {os.uname().nodename} {os.getpid()})" in ran.said
    assert (state / "lock").read_text() == held
    assert machine.names(machine.skills) == []
    (state / "lock").unlink()
    assert (await machine.install(offer)).status == 0


@pytest.mark.parametrize("content", ["dead", "", "garbage\n"])
async def test_a_lock_that_nobody_holds_any_more_is_broken(machine: Any, shop: Any, state: Path, content: str) -> None:
    machine.shim("sleep", "exit 0")
    (state / "lock").write_text(f"{os.uname().nodename} {_dead()}\n" if content == "dead" else content)
    if content.startswith("garbage"):
        os.utime(state / "lock", (0, 0))  # of another machine, and old
    ran = await machine.install(await shop.offer())
    assert ran.status == 0, ran.said
    assert machine.leftovers == []


async def test_a_lock_that_changed_hands_meanwhile_is_not_broken(machine: Any, shop: Any, state: Path) -> None:
    """Somebody else broke the dead one's lock first, and holds it now."""
    machine.shim("sleep", "exit 0")
    machine.shim(
        "mkdir",
        f'case $* in *breaking) echo "{os.uname().nodename} {os.getpid()}" >{state}/lock ;; esac; exec "$real" "$@"',
    )
    (state / "lock").write_text(f"{os.uname().nodename} {_dead()}\n")
    ran = await machine.install(await shop.offer())
    assert ran.status == 1
    assert f"(process {os.uname().nodename} {os.getpid()})" in ran.said


async def test_whatever_is_installed_next_mends_what_was_killed(machine: Any, shop: Any, state: Path) -> None:
    """Between the two renames of an update."""
    assert (await machine.install(await shop.offer())).status == 0
    (state / "swap" / "pdf").mkdir(parents=True)
    (machine.skills / "pdf").rename(state / "swap" / "pdf" / "old")
    (state / "work.12345").mkdir()
    assert (await machine.install(await shop.offer("finance/report"))).status == 0
    assert (await machine.run("--check")).out == "pdf\t1.2.0\tok\nreport\t2.0.0\tok\n"
    assert machine.leftovers == []


def _dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


async def test_many_who_find_the_same_dead_lock_do_not_get_in_together(machine: Any, shop: Any, state: Path) -> None:
    (state / "lock").write_text(f"{os.uname().nodename} {_dead()}\n")
    log = machine.home.parent / "inside"
    machine.shim(
        "tar",
        f'echo in >>{log}; "$real" "$@"; ended=$?; [ "$(tail -n 1 {log})" = in ] && echo out >>{log}; exit $ended',
    )
    offers = [await shop.offer("docs/pdf") for _ in range(4)]
    runs = await asyncio.gather(*(machine.install(offer, "--force") for offer in offers))
    assert [ran.said for ran in runs if ran.status] == []
    assert log.read_text().split() == ["in", "out"] * 12  # tar runs three times in each, and never beside another
    assert machine.leftovers == []


@pytest.fixture
def tiny(machine: Any) -> Iterator[Path]:
    """A disk of 48 KiB."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        options = ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(folder)]
        try:
            made = subprocess.run(options, capture_output=True, text=True, timeout=10, check=False)
        except FileNotFoundError:
            pytest.skip("mount is not installed")
        if made.returncode:
            pytest.skip(f"a file system cannot be mounted here: {made.stderr.strip()}")
        stack.callback(subprocess.run, ["umount", str(folder)], check=True, timeout=10)
        yield folder


@pytest.mark.parametrize("target", ["--skill", "--package"])
async def test_a_full_disk_leaves_what_was_there(
    machine: Any, shop: Any, small: Any, tiny: Path, files_of: Any, target: str
) -> None:
    machine.home = tiny / "home"
    machine.home.mkdir()
    assert (await machine.install(await shop.offer())).status == 0
    old = files_of(machine.skills / "pdf")
    small["plugins/docs/skills/pdf/large.bin"] = os.urandom(60_000)
    await shop.publisher.publish(small)
    offer = await shop.offer()
    ran = await machine.run(offer.token, target, *(("--dir", str(tiny)) if target == "--package" else ()))
    assert (ran.status, ran.out) == (1, "")
    assert "disk full" in ran.said
    assert files_of(machine.skills / "pdf") == old
    assert machine.leftovers == []
    assert machine.names(tiny) == ["home"]


async def test_a_disk_that_fills_up_while_unpacking_leaves_what_was_there(
    machine: Any, shop: Any, small: Any, tiny: Path, files_of: Any
) -> None:
    machine.home = tiny / "home"
    machine.home.mkdir()
    small["plugins/docs/skills/pdf/large.txt"] = "easily packed\n" * 5_000
    await shop.publisher.publish(small)
    ran = await machine.install(await shop.offer())
    assert (ran.status, ran.out) == (1, "")
    assert "is the disk full?" in ran.said
    assert machine.names(machine.skills) == []
    assert machine.leftovers == []


async def test_a_disk_without_any_room_says_so(machine: Any, shop: Any, tiny: Path) -> None:
    machine.home = tiny / "home"
    machine.skills.mkdir(parents=True)
    filler = os.open(tiny / "filler", os.O_CREAT | os.O_WRONLY)
    with suppress(OSError):
        while os.write(filler, b"x" * 512):
            pass
    os.close(filler)
    ran = await machine.install(await shop.offer())
    assert ran.status == 1
    assert "disk full" in ran.said or "No space" in ran.said
    assert machine.names(machine.skills) == []


@pytest.fixture
def somebody(machine: Any) -> Iterator[Any]:
    """The machine of somebody who may not write everywhere, as root may."""
    if os.getuid() != 0:
        yield machine
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        machine.user = 65534
        machine.home, machine.temporary = Path(folder) / "home", Path(folder) / "tmp"
        for own in (machine.home, machine.temporary):
            own.mkdir()
            os.chown(own, machine.user, machine.user)
        tools = Path(folder) / "bin"
        tools.mkdir()
        for tool in machine.tools.iterdir():
            (tools / tool.name).symlink_to(tool.readlink())
        machine.tools = tools
        yield machine


async def test_somebody_without_rights_installs_for_themselves(somebody: Any, shop: Any) -> None:
    ran = await somebody.install(await shop.offer())
    assert ran.status == 0, ran.said
    assert somebody.leftovers == []


@pytest.mark.parametrize("target", ["--skill", "--package"])
async def test_a_home_that_cannot_be_written_is_left_as_it_is(somebody: Any, shop: Any, target: str) -> None:
    somebody.home.chmod(0o555)
    offer = await shop.offer()
    ran = await somebody.run(offer.token, target, *(("--dir", str(somebody.home)) if target == "--package" else ()))
    assert (ran.status, ran.out) == (1, "")
    assert "cannot write to" in ran.said
    assert len(ran.said.splitlines()) == 1
    assert list(somebody.home.iterdir()) == []
    assert list(somebody.temporary.iterdir()) == []
    assert (await shop.get(f"/api/install/{offer.token}"))[0] == 200  # not used up


async def test_skills_that_cannot_be_written_are_left_as_they_are(somebody: Any, shop: Any, files_of: Any) -> None:
    assert (await somebody.install(await shop.offer())).status == 0
    old = files_of(somebody.skills / "pdf")
    somebody.skills.chmod(0o555)
    try:
        ran = await somebody.install(await shop.offer(), "--force")
        assert ran.status == 1
        assert "cannot move" in ran.said
        assert files_of(somebody.skills / "pdf") == old
        assert (await somebody.run("--uninstall", "pdf")).status == 1
        assert files_of(somebody.skills / "pdf") == old
    finally:
        somebody.skills.chmod(0o755)
    assert somebody.leftovers == []


@pytest.mark.parametrize(
    ("without", "why"),
    [
        (("curl", "wget"), "curl or wget is needed"),
        (("sha256sum", "shasum", "openssl"), "could not be verified"),
    ],
)
async def test_a_tool_that_is_missing_is_named(victim: Any, impostor: Any, without: tuple[str, ...], why: str) -> None:
    tools = victim.home.parent / "fewer"
    tools.mkdir()
    for tool in victim.tools.iterdir():
        if tool.name not in without:
            (tools / tool.name).symlink_to(tool.readlink())
    victim.tools = tools
    ran = await victim.run("a-token", "--skill")
    assert ran.status == 1
    assert why in ran.said
    assert not (victim.home / ".claude").exists()


async def test_nobody_s_home_is_an_error_and_not_the_root(victim: Any) -> None:
    ran = await victim.run("a-token", "--skill", HOME=None)
    assert ran.status != 0
    assert "HOME" in ran.said


async def test_whoever_looks_at_a_skill_sees_all_of_one_version(machine: Any, shop: Any, small: Any) -> None:
    assert (await machine.install(await shop.offer())).status == 0
    skill = machine.skills / "pdf"
    before = frozenset(machine.names(skill))
    small["plugins/docs/skills/pdf/new.txt"] = "new\n"
    del small["plugins/docs/skills/pdf/empty.txt"]
    await shop.publisher.publish(small)
    seen = {frozenset(machine.names(skill))}
    installing = asyncio.create_task(machine.install(await shop.offer()))
    while not installing.done():
        with suppress(FileNotFoundError):  # for an instant, between the two renames
            seen |= _looked(skill)
        await asyncio.sleep(0)
    assert (await installing).status == 0
    assert seen <= {before, frozenset(machine.names(skill))}


def _looked(folder: Path) -> set[frozenset[str]]:
    """The names in a folder, unless it was moved away while they were read: what is moved away is taken apart."""
    there = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        names = frozenset(os.listdir(there))  # noqa: PTH208  a folder by its number has no Path
        return {names} if os.fstat(there).st_ino == folder.stat().st_ino else set()
    finally:
        os.close(there)
