"""Whoever reads content is heard of, with what they read, whichever way the answer took: computed, remembered, refused."""

from __future__ import annotations

import pytest

from mcp_server.reads import Read

PDF = {"operation": "fetch", "skill": "pdf"}


@pytest.fixture
def served(published):
    """The publication that is served."""
    return published.current.get()["acme"].publication


def of(publication, skill, *paths):
    return Read(skill, paths, "ok", publication.marketplace, publication.id, publication.commit)


@pytest.mark.parametrize("hot_bytes", [0, 1024 * 1024], ids=["every answer computed", "answers remembered"])
async def test_every_fetch_is_heard_with_who_through_what_and_which_files(published, wire_of, reads, served, hot_bytes):
    wire = await wire_of(published, hot_bytes=hot_bytes)
    for modern in (True, False):
        for who in ("alice", "bob"):
            for _ in range(2):
                await wire.call(PDF, who=who, modern=modern)
    whole = of(served, "docs/pdf", "SKILL.md")
    assert reads == [
        (f"token:{who}", f"token:{who}", whole) for _ in range(2) for who in ("alice", "bob") for _ in range(2)
    ]


async def test_a_remembered_answer_in_an_odd_message_is_a_read_too(published, wire, reads, served):
    for who in ("bob", "alice"):  # what they may read is not the same, so each has an answer to be remembered
        await wire.call(PDF, who=who)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "odd": True}
    message["params"] = {"name": "skillport", "arguments": PDF}
    seen = await wire.send(message, who="alice", MCP_Protocol_Version="2025-11-25")
    assert seen.json["result"]["isError"] is False
    assert [who for who, _, _ in reads] == ["token:bob", "token:alice", "token:alice"]
    assert {read for _, _, read in reads} == {of(served, "docs/pdf", "SKILL.md")}


async def test_the_files_that_were_sent_are_named(wire, reads, served):
    await wire.call({**PDF, "paths": ["scripts/fill.py", "assets/logo.png"]})
    assert reads[-1][2] == of(served, "docs/pdf", "scripts/fill.py", "assets/logo.png")


async def test_what_is_no_content_is_no_read(wire, reads):
    for arguments in ({}, {"operation": "version", "skill": "pdf"}, {"operation": "whoami"}, {"operation": "nonsense"}):
        for _ in range(2):
            await wire.call(arguments)
    await wire.request("tools/list")
    await wire.call({"operation": "fetch"})
    assert reads == []


async def test_a_refused_read_is_heard_as_what_was_asked_for(wire, reads):
    """What may not be read is answered as what does not exist; the audit says who tried."""
    for arguments in ({**PDF, "skill": "salaries"}, {**PDF, "paths": ["no/such", "SKILL.md"]}):
        assert (await wire.call(arguments))["isError"] is True
    assert [read for _, _, read in reads] == [
        Read("salaries", (), "unknown_skill"),
        Read("pdf", ("no/such", "SKILL.md"), "unknown_path"),
    ]
    await wire.call({**PDF, "skill": "salaries"}, who="alice")
    assert reads[-1][2].outcome == "ok"


async def test_an_earlier_version_is_a_read_of_its_own_commit(published, wire, reads, served, clock):
    clock.advance(60)
    await published.publish({**published.small, "plugins/docs/skills/pdf/scripts/fill.py": "print('again')\n"})
    await wire.call({**PDF, "commit": served.commit})
    await wire.call(PDF)
    assert reads[0][2] == of(served, "docs/pdf", "SKILL.md")
    assert reads[1][2].commit == published.current.get()["acme"].publication.commit != served.commit
