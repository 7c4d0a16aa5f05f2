"""Which skills are used: by version, out of the audit, without people unless they are asked for."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skillport_sync.access.model import PrincipalId
from skillport_sync.cli import main
from skillport_sync.control import control_socket
from skillport_sync.git.objects import CommitId
from skillport_sync.operations import using
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports import UsageRequest
from skillport_sync.store.audit import AuditAction, AuditEvent

ACME = MarketplaceName("acme/skills")
ADA, BEA = PrincipalId("google:ada"), PrincipalId("google:bea")
Watch = Any


def notes(watch: Watch, commit: str, who: PrincipalId, action: AuditAction = AuditAction.READ, **other: Any) -> None:
    facts = {"skill": "docs/pdf", "outcome": "ok", "days_ago": 0, **other}
    watch.parts.state.audit.append_soon(
        AuditEvent(
            watch.parts.clock.now() - timedelta(days=facts["days_ago"]),
            action,
            facts["outcome"],
            who,
            surface="mcp",
            marketplace=ACME,
            skill=facts["skill"],
            commit=CommitId(commit),
            detail="SKILL.md",
        )
    )


async def used(watch: Watch, request: UsageRequest = UsageRequest()) -> list[tuple[Any, ...]]:  # noqa: B008 - frozen
    told = using.told(watch.parts.state, watch.parts.mirror, request, enabled=True)
    rows = [row async for some in told for row in some]
    return [(row.skill, row.version, row.reads, row.installs, row.principal_id) for row in rows]


async def test_uses_are_counted_by_the_version_that_was_served_then(watch: Watch) -> None:
    first = await watch.publishes("1.0.0")
    second = await watch.publishes("2.0.0")
    for commit, who in ((first, ADA), (second, ADA), (second, BEA)):
        notes(watch, commit, who)
    notes(watch, second, BEA, AuditAction.INSTALL)
    assert await used(watch) == [("docs/pdf", "2.0.0", 2, 1, None), ("docs/pdf", "1.0.0", 1, 0, None)]
    assert await used(watch, UsageRequest(by_person=True)) == [
        ("docs/pdf", "2.0.0", 1, 1, BEA),
        ("docs/pdf", "1.0.0", 1, 0, ADA),
        ("docs/pdf", "2.0.0", 1, 0, ADA),
    ]


async def test_commits_of_one_version_are_counted_together(watch: Watch) -> None:
    first = await watch.publishes("1.0.0")
    again = watch.repository.commit({"README.md": b"more"}, message="not the skill")
    watch.parts.wake(ACME, "push")
    await watch.loop.settled()
    notes(watch, first, ADA)
    notes(watch, again, ADA)
    assert [(version, reads) for _, version, reads, _, _ in await used(watch)] == [("1.0.0", 2)]


async def test_what_was_refused_or_long_ago_or_is_not_known_any_more(watch: Watch) -> None:
    commit = await watch.publishes("1.0.0")
    notes(watch, commit, ADA, outcome="denied")
    notes(watch, commit, ADA, days_ago=9)
    notes(watch, "f" * 40, ADA, skill="docs/gone")
    notes(watch, "no commit", ADA, skill="docs/gone")
    since = watch.parts.clock.now() - timedelta(days=1)
    assert await used(watch, UsageRequest(since)) == [("docs/gone", None, 2, 0, None)]
    assert ("docs/pdf", "1.0.0", 1, 0, None) in await used(watch)


async def test_a_whole_plugin_that_was_installed_is_one_line_of_its_own(watch: Watch) -> None:
    notes(watch, await watch.publishes("1.0.0"), ADA, AuditAction.INSTALL, skill="docs")
    assert await used(watch) == [("docs", None, 0, 1, None)]


# --- as it is typed --------------------------------------------------------------------------------------------------


async def types(folder: Path, *words: str) -> Result:
    return await asyncio.to_thread(
        CliRunner().invoke, main, ["--config", str(folder / "config.toml"), "usage", *words], prog_name="skillport-sync"
    )


async def test_the_command_names_nobody_unless_it_is_asked_to(watch: Watch, tmp_path: Path) -> None:
    notes(watch, await watch.publishes("1.0.0"), ADA)
    async with AsyncExitStack() as stack:
        operator = watch.parts.operator(running_since=watch.parts.clock.now())
        await stack.enter_async_context(control_socket(watch.parts.settings.data_dir, operator))
        plain, named = await types(tmp_path), await types(tmp_path, "--by-person")
        lines, none = await types(tmp_path, "--json", "--since", "1d"), await types(tmp_path, "--since", "2999-01-01")
    assert plain.output.splitlines()[0].split() == ["skill", "version", "reads", "installs", "last"]
    assert plain.output.splitlines()[1].split()[:4] == ["docs/pdf", "1.0.0", "1", "0"]
    assert ADA not in plain.output
    assert ADA in named.output
    (line,) = map(json.loads, lines.output.splitlines())
    assert line.pop("last_at")
    assert line == {"marketplace": ACME, "skill": "docs/pdf", "version": "1.0.0", "reads": 1, "installs": 0}
    assert none.output == "nothing was read or installed in that time\n"
    assert {each.exit_code for each in (plain, named, lines, none)} == {0}


@pytest.mark.parametrize("enabled", [True, False])
async def test_where_it_is_switched_off_nothing_is_counted(watch: Watch, tmp_path: Path, enabled: bool) -> None:
    notes(watch, await watch.publishes("1.0.0"), ADA)
    operator = watch.parts.operator(running_since=watch.parts.clock.now())
    operator._counts_usage = enabled
    async with control_socket(watch.parts.settings.data_dir, operator):
        result = await types(tmp_path)
    assert (result.exit_code == 0) is enabled
    assert ("[usage] enabled is false" in result.output) is not enabled
