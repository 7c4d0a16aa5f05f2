"""What somebody who saves is told where GitHub does not take it: what to do, and that nothing was written."""

from __future__ import annotations

import pytest

BODY = {"files": [{"path": "x.md", "content": "x"}]}
WRITE = "token-that-may-write"


async def test_github_being_down_is_503_and_the_same_request_works_later(world):
    before = world.head()
    world.standin.faults.down()
    seen = await world.post("/api/skills/pdf", BODY)
    assert (seen.status, int(seen.headers["Retry-After"]) >= 1) == (503, True)
    assert (await world.get("/api/skills/pdf"))["snapshot"]["commit"] == before, "reading goes on"
    world.standin.faults.up()
    assert world.head() == before
    assert (await world.done("/api/skills/pdf", BODY))["commit"] == world.head()


async def test_an_answer_that_got_lost_is_no_second_commit(world):
    before = world.head()
    world.standin.faults.fail_next("POST /graphql", status=502, late=True)
    answer = await world.done("/api/skills/pdf", BODY)
    assert answer["commit"] == world.head()
    assert list(world.repository.objects.commit(world.head()).parents) == [before]


async def test_an_archived_repository_is_named(world):
    world.repository.archived = True
    assert await world.refused("/api/skills/pdf", BODY) == (403, "repository_archived")


async def test_a_permission_that_is_missing_is_named(world):
    world.standin.accept_token(WRITE, permissions={"metadata": "read", "contents": "read"})
    seen = await world.post("/api/skills/pdf", BODY)
    assert (seen.status, seen.json["code"]) == (403, "github_permission_missing")
    assert "contents" in seen.json["message"].lower()
    assert WRITE not in seen.body.decode()


@pytest.mark.parametrize("path", ["", "?dry_run=true"])
async def test_a_save_asks_github_once_and_a_rehearsal_never(world, path):
    await world.done("/api/skills/pdf", {"files": [{"path": "first.md", "content": "x"}]})
    world.standin.journal.reset()
    await world.done(f"/api/skills/pdf{path}", BODY)
    asked = [line for line in world.standin.journal.lines() if "graphql" in line.lower()]
    assert len(asked) == (0 if path else 1)
    assert len(world.standin.journal.lines()) == len(asked), "and nothing else"
