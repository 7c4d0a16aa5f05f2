"""Owns the checks of a new marketplace through Claude Code: it validates strictly, is added, and installs byte for byte."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from skillport_sync.template.new_marketplace import new_marketplace
from tests.clients.checks import Bench, Finished, Result
from tests.clients.claude_code import CALM

OWNER = "Acme"
INSTALLED = ("skillport", "data")
"""The one that teaches the others, and one with a script."""


async def check(name: str, bench: Bench) -> AsyncIterator[Result]:
    """``skillport-sync init-marketplace``, then what somebody does with it who has Claude Code and no service."""
    written = await bench.run([sys.executable, "-m", "skillport_sync", "init-marketplace", "market", "--owner", OWNER])
    if written.code != 0:
        yield Result(name, "", "init-marketplace", "failed", written.why)
        return
    market = bench.folder / "market"
    plugins = sorted(path.parent.parent for path in market.glob("plugins/*/.claude-plugin/plugin.json"))
    wrong = [f"{path.name}: {why}" for path in (market, *plugins) if (why := await _validated(bench, path)) is not None]
    yield _result(name, "plugin validate --strict", wrong, f"the marketplace and {len(plugins)} plugins")
    added = await _claude(bench, "marketplace", "add", "./market")
    yield _result(name, "plugin marketplace add", [] if added.code == 0 else [added.why], "")
    wrong = [f"{plugin}: {why}" for plugin in INSTALLED if (why := await _installed(bench, plugin)) is not None]
    yield _result(name, "plugin install", wrong, "the same bytes and modes as were written")


async def _validated(bench: Bench, path: Path) -> str | None:
    """Why it is not sound; None where it is, and there is not even a warning."""
    said = await _claude(bench, "validate", "--strict", "--json", str(path))
    if said.code != 0:
        return said.why
    manifest = json.loads(said.out)["manifest"]
    return None if not manifest["errors"] and not manifest["warnings"] else json.dumps(manifest)


async def _installed(bench: Bench, plugin: str) -> str | None:
    """What is wrong with the plugin as it was installed; None where it is what was written."""
    made = new_marketplace(OWNER)
    done = await _claude(bench, "install", f"{plugin}@{made.name}")
    if done.code != 0:
        return done.why
    above = f"plugins/{plugin}/"
    wanted = {
        path.removeprefix(above): (file.content, file.executable)
        for path, file in made.files.items()
        if path.startswith(above)
    }
    (there,) = (bench.folder / ".claude" / "plugins" / "cache" / made.name / plugin).iterdir()
    files = [path for path in there.rglob("*") if path.is_file()]
    found = {
        path.relative_to(there).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o111)) for path in files
    }
    differ = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
    return f"differ: {', '.join(differ)}" if differ else None


def _result(name: str, check: str, wrong: list[str], seen: str) -> Result:
    return Result(name, "", check, "failed" if wrong else "passed", "; ".join(wrong) or seen)


async def _claude(bench: Bench, *words: str) -> Finished:
    return await bench.run([bench.package.command("claude"), "plugin", *words], **CALM)
