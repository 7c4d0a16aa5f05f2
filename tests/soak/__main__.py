"""Owns the command line of ``make soak``: everything at once for some minutes, then what was said, what grew, and the exit code.

The first half is rough: the service is killed and stopped and started again while all goes on. The second half is one life with
the same traffic and GitHub's faults, in which memory, file descriptors and databases have to stay flat. Then, one more death.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from rich.console import Console
from rich.table import Table

from skillport_sync.standin import Repository, StandInGitHub
from tests.faults.running import GITHUB_TOKEN, REPOSITORY, SECRET, Serve, ask, commit_of, configure
from tests.soak.evidence import PLUGIN, Said
from tests.soak.measures import Sample, Verdict, judge, look
from tests.soak.traffic import SKILLS, Traffic, skill_md

WRITE_TOKEN: Final = "token-that-may-write"
LOOK_EVERY_S: Final = 1.0
CONVERGE_WITHIN_S: Final = 120.0
LIVES_LAST_S: Final = (8.0, 30.0)
WARM_UP: Final = 0.1
"""The part of the second half in which a new life fills what it keeps in memory."""


@dataclass
class Story:
    """What happened."""

    samples: list[Sample] = field(default_factory=list)
    lives: Counter[str] = field(default_factory=Counter)
    log_errors: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    wrong: list[Said] = field(default_factory=list)


def main() -> int:
    """0 when every answer was right and nothing grew, else 1."""
    arguments = _arguments()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # it logs every sign-in that a death cuts short
    console.print(f"soaking for {arguments.minutes:g} minutes, seed {arguments.seed}", style="dim")
    with tempfile.TemporaryDirectory(prefix="skillport-soak-") as folder:
        story, traffic = asyncio.run(_soak(Path(folder), arguments.minutes * 60, arguments.seed))
    return _conclude(console, story, traffic)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="Everything at once, and nothing may give way."
    )
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N")
    parser.add_argument("--seed", type=int, default=20261121, metavar="N")
    return parser.parse_args()


async def _soak(folder: Path, lasts_s: float, seed: int) -> tuple[Story, Traffic]:
    story, dice = Story(), random.Random(seed)
    github = StandInGitHub()
    github.limits.off = True
    github.accept_token(GITHUB_TOKEN)
    github.accept_token(WRITE_TOKEN)
    await github.start()
    repository = _repository(github, dice)
    config = _configuration(folder / "service", github.api_url)
    serve = Serve(config, program=(str(Path(__file__).with_name("launch.py")),), on_line=_listening(story))
    async with serve, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        await serve.start("--dev")
        await serve.heard("snapshot_published")
        repository.add_hook(f"{serve.url}/webhooks/github", SECRET, ["push", "pull_request"])
        code, token, err = await serve.command("token", "create", "soak", "--principal", "demo:ada")
        assert code == 0, err
        traffic = Traffic(github, repository, serve.url, http, dice, token.strip())
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for worker in traffic.workers():
                group.create_task(_run(worker))
            await _rough_half(serve, story, dice, began_s + lasts_s / 2)
            await _quiet_half(serve, story, traffic, began_s + lasts_s)
            traffic.stopping.set()
        await _converge(serve, story, traffic)
        await serve.kill()
        story.lives["kill -9"] += 1
        await serve.start("--dev")
        await _converge(serve, story, traffic)
        code, out, err = await serve.command("reconcile", "--verify", "--json")
        if code != 0 or '"corrupt": 0' not in out:
            story.problems.append(f"what is held cannot be proved: {out}{err}")
        if (code := await serve.stop()) != 0:
            story.problems.append(f"it was asked to stop and ended with {code}")
    await github.close()
    story.wrong = traffic.evidence.wrong(repository)
    return story, traffic


async def _run(worker: Callable[[], Awaitable[None]]) -> None:
    await worker()


def _repository(github: StandInGitHub, dice: random.Random) -> Repository:
    plugins = [{"name": PLUGIN, "source": f"./{PLUGIN}", "version": "1.0.0"}]
    manifest = {"name": "acme", "owner": {"name": "Acme"}, "plugins": plugins}
    policy = {"version": "1.0", "editors": [{"id": "demo:ada"}], "defaults": {"read": "*", "write": "editors"}}
    repository = github.create_repository(REPOSITORY)
    repository.commit(
        {
            ".claude-plugin/marketplace.json": json.dumps(manifest).encode(),
            ".skillport/access.json": json.dumps(policy).encode(),
            **{f"{PLUGIN}/skills/s{n:02}/SKILL.md": skill_md(f"s{n:02}", 0, dice) for n in range(SKILLS)},
        }
    )
    return repository


def _configuration(place: Path, api_url: str) -> Path:
    """An address that outlives every restart, an interval that is short, and little history."""
    port = _free_port()
    config = configure(place, api_url)
    (place / "write-token").touch(0o600)
    (place / "write-token").write_text(WRITE_TOKEN)
    text = config.read_text()
    for old, new in (
        ("port = 0", f"port = {port}"),
        ('[auth]\nmode = "none"\n', ""),
        (f'repository = "{REPOSITORY}"', f'repository = "{REPOSITORY}"\nretention = {{ publications = 20, days = 0 }}'),
        ('token_file = "github-token"', 'token_file = "github-token"\nwrite_token_file = "write-token"'),
    ):
        assert old in text, old
        text = text.replace(old, new)
    config.write_text(text + "[sync]\nreconcile_interval_s = 5\njitter_s = 1\nrequest_timeout_s = 10\n")
    return config


def _free_port() -> int:
    """Below those that the system gives to whoever connects: nobody may have it while the service is between two lives."""
    for port in random.SystemRandom().sample(range(20_000, 30_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no port is free")


def _listening(story: Story) -> Callable[[dict[str, Any]], None]:
    def hear(line: dict[str, Any]) -> None:
        if line.get("level") in ("error", "critical") or "exception" in line:
            last = str(line.get("exception", "")).strip().rpartition("\n")[2]
            story.log_errors[f"{line.get('event')} {last}"[:240]] += 1

    return hear


async def _rough_half(serve: Serve, story: Story, dice: random.Random, until_s: float) -> None:
    while (left_s := until_s - time.monotonic()) > 0:
        await asyncio.sleep(min(left_s, dice.uniform(*LIVES_LAST_S)))
        if dice.random() < 0.5:
            story.lives["kill -9"] += 1
            await serve.kill()
        else:
            story.lives["SIGTERM"] += 1
            serve.send(signal.SIGTERM)
            if (code := await serve.ended()) != 0:
                story.problems.append(f"it was asked to stop and ended with {code}")
        await serve.start("--dev")


async def _quiet_half(serve: Serve, story: Story, traffic: Traffic, until_s: float) -> None:
    """One life, looked at every second once it is warm."""
    await asyncio.sleep(max(0.0, (until_s - time.monotonic()) * WARM_UP))
    while time.monotonic() < until_s:
        with suppress(OSError):
            data = serve.config.parent / "data"
            story.samples.append(await asyncio.to_thread(look, serve.pid, data, time.monotonic(), traffic.written))
        await asyncio.sleep(LOOK_EVERY_S)


async def _converge(serve: Serve, story: Story, traffic: Traffic) -> None:
    """With GitHub well again, answers are soon of its head."""
    traffic.github.faults.clear()
    head = traffic.repository.head()
    try:
        async with asyncio.timeout(CONVERGE_WITHIN_S):
            while True:
                news = serve.next_line()
                with suppress(aiohttp.ClientError, AssertionError):
                    if commit_of(await ask(traffic.http, serve.url, traffic.token)) == head:
                        return
                await news.wait()
    except TimeoutError:
        story.problems.append(f"it never came to the head {head[:10]}")


def _conclude(console: Console, story: Story, traffic: Traffic) -> int:
    table = Table("what was done", "times", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name, times in [*sorted(story.lives.items()), *sorted(traffic.done.items())]:
        table.add_row(name, f"{times:,}")
    console.print(table, "")
    answers, kinds = sum(traffic.evidence.answers.values()), len(traffic.evidence.answers)
    commits = len({said.commit for said in traffic.evidence.answers})
    tone = "bold red" if story.wrong or not answers else "green"
    console.print(
        f"[{tone}]{answers:,} answers ({kinds:,} different ones, of {commits:,} commits) checked against the commit that each "
        f"named: {len(story.wrong)} wrong[/]"
    )
    verdicts = _grown(story)
    _print_growth(console, verdicts, story.samples)
    problems = [
        *story.problems,
        *(f"wrong: {said}" for said in story.wrong[:10]),
        *(f"{times} x {what}" for what, times in traffic.failures.items()),
        *(f"logged as an error, {times} x: {what}" for what, times in story.log_errors.items()),
    ]
    for problem in problems:
        console.print(problem, style="red", markup=False)
    is_well = bool(answers) and not problems and bool(verdicts) and all(verdict.is_flat for verdict in verdicts)
    console.print("[bold green]nothing gave way[/]" if is_well else "[bold red]something gave way[/]")
    return 0 if is_well else 1


def _grown(story: Story) -> list[Verdict]:
    try:
        return judge(story.samples)
    except ValueError as error:
        story.problems.append(str(error))
        return []


def _print_growth(console: Console, verdicts: Sequence[Verdict], samples: Sequence[Sample]) -> None:
    if not verdicts:
        return
    lasted_s = samples[-1].at_s - samples[0].at_s
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(f"the last {lasted_s:.0f} s")
    for name in ("begins at", "rises by", "may rise by"):
        table.add_column(name, justify="right")
    for verdict in verdicts:
        table.add_row(
            verdict.name,
            f"{verdict.begins:,.1f} {verdict.unit}",
            f"{verdict.rises:+,.1f} {verdict.unit}",
            f"{verdict.may_rise:,.1f} {verdict.unit}",
            style="" if verdict.is_flat else "bold red",
        )
    console.print("", table, "")


if __name__ == "__main__":
    sys.exit(main())
