"""``reconcile --redeliver`` and ``status``, as they are typed beside a running service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner, Result

from skillport_sync.cli import main
from skillport_sync.control import control_socket

pytestmark = pytest.mark.usefixtures("logging_as_it_was")


@pytest.fixture
async def answering(running) -> AsyncIterator:
    """The house, whose operator answers to commands."""
    operator = running.parts.operator(running_since=running.clock.now())
    async with control_socket(running.parts.settings.data_dir, operator):
        yield running


async def types(house, *words: str) -> Result:
    async with asyncio.timeout(30):
        return await asyncio.to_thread(
            CliRunner().invoke, main, ["--config", str(house.config), *words], prog_name="skillport-sync"
        )


async def test_what_was_lost_is_explained_asked_for_and_arrives(answering):
    await answering.shut()
    answering.clock.advance(1)
    await answering.push("lost")
    await answering.open()
    await answering.reconcile()
    explained = (await types(answering, "status")).stdout
    assert "1 delivery never arrived" in explained
    assert "was not reached" in explained
    assert "nobody told of it" in explained
    result = await types(answering, "reconcile", "--redeliver")
    assert result.exit_code == 0, result.output
    assert "GitHub was asked for 1 delivery again" in result.stdout
    await answering.settled()
    again = await types(answering, "reconcile", "--redeliver", "--json")
    assert json.loads(again.stdout)["marketplaces"][0]["redelivered"] == 0
    assert "never arrived" not in (await types(answering, "status")).stdout


async def test_a_rehearsal_asks_for_nothing(answering):
    await answering.shut()
    await answering.push("lost")
    await answering.open()
    result = await types(answering, "reconcile", "--redeliver", "--dry-run", "--json")
    assert json.loads(result.stdout)["marketplaces"][0]["redelivered"] is None
    assert answering.github.journal.count("POST /repos/*/attempts") == 0


async def test_status_names_what_is_the_matter_and_what_to_do(answering):
    answering.repository.delete()
    await types(answering, "reconcile")
    told = (await types(answering, "status")).stdout
    assert "(repository_gone)" in told
    assert "→ restore it on GitHub" in told
    document = json.loads((await types(answering, "status", "--json")).stdout)
    assert document["marketplaces"][0]["healing"]["states"][0]["code"] == "repository_gone"
