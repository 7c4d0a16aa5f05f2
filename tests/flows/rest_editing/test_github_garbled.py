"""GitHub answers a save with what is no answer of GitHub's: that is GitHub's trouble, said as such, and the save works later."""

from __future__ import annotations

import pytest

BODY = {"files": [{"path": "x.md", "content": "x"}]}


@pytest.mark.parametrize("body", ['{"id": "not a number"}', "[]", "{"])
async def test_an_answer_that_makes_no_sense_is_503_and_the_same_request_works_later(world, body):
    before = world.head()
    world.standin.faults.fail_next("GET /repos/*", status=200, body=body)
    seen = await world.post("/api/skills/pdf", BODY)
    assert (seen.status, seen.json["code"], seen.headers["Retry-After"]) == (503, "github_answer_broken", "60")
    assert world.head() == before, "nothing was written"
    assert (await world.done("/api/skills/pdf", BODY))["commit"] == world.head()
