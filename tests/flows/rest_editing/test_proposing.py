"""Saving where changes are reviewed: the answer links a pull request, and ``/api/changes`` lists those that are open."""

from __future__ import annotations

import pytest

BODY = {"files": [{"path": "notes.md", "content": "Mine.\n"}]}


@pytest.fixture
async def reviewed(world_of):
    """The service, with a Saver that opens pull requests."""
    return await world_of(mode="pull_request")


async def test_the_answer_links_the_pull_request_and_a_second_save_goes_into_it(reviewed):
    before = reviewed.head()
    first = await reviewed.done("/api/skills/pdf", BODY, who="carol")
    pull_request = first["pull_request"]
    assert pull_request.keys() == {"number", "url", "branch", "is_new", "why"}
    assert (pull_request["is_new"], first["publication"]) == (True, None)
    assert pull_request["url"].endswith(f"/{pull_request['number']}")
    assert first["commit"] == reviewed.repository.refs[f"refs/heads/{pull_request['branch']}"]
    assert reviewed.head() == before
    again = await reviewed.done("/api/skills/pdf", {"files": [{"path": "more.md", "content": "More.\n"}]}, who="carol")
    assert again["pull_request"]["number"] == pull_request["number"]
    assert again["pull_request"]["is_new"] is False
    assert [write.outcome for _, write in reviewed.writes] == ["proposed", "proposed"]
    assert f"pull request {pull_request['number']}" in reviewed.writes[0][1].detail


async def test_open_ones_are_shown_to_whoever_may_know_the_skill(reviewed, make):
    await reviewed.done("/api/skills/pdf", BODY, who="carol")
    await reviewed.done("/api/skills/salaries", BODY, who="alice")
    new = {"files": [{"path": "SKILL.md", "content": make.md("fresh")}], "skill_group": "docs"}
    await reviewed.done("/api/skills/fresh", new, who="dora")
    seen = {who: (await reviewed.get("/api/changes", who=who)) for who in ("alice", "bob", "carol", "dora")}
    told = {who: {f"{one['skill_group']}/{one['skill']}" for one in answer["changes"]} for who, answer in seen.items()}
    assert told == {
        "alice": {"docs/pdf", "people/salaries"},
        "bob": {"docs/pdf"},
        "carol": {"docs/pdf"},
        "dora": {"docs/pdf", "docs/fresh"},
    }
    assert all(answer["count"] == len(answer["changes"]) for answer in seen.values())
    (pdf,) = seen["carol"]["changes"]
    assert pdf["mine"] is True
    assert pdf["created_at"].endswith("Z")
    assert (pdf["state"], pdf["person"], seen["bob"]["changes"][0]["mine"]) == ("open", "token:carol", False)
    assert pdf.keys() == {
        *("number", "url", "branch", "title", "state", "skill", "skill_group"),
        *("person", "mine", "commit", "created_at", "updated_at"),
    }
    assert seen["bob"]["snapshot"]["repository"] == "acme/skills"


async def test_a_rehearsal_opens_nothing(reviewed):
    answer = await reviewed.done("/api/skills/pdf?dry_run=true", BODY, who="carol")
    assert answer["dry_run"] is True
    assert (await reviewed.get("/api/changes"))["changes"] == []
