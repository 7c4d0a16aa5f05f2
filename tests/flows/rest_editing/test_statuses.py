"""Which status each outcome of a save has, and whose marketplace a change goes to: with a stand-in for the Saver, which is real
in the other tests of this folder."""

from __future__ import annotations

import pytest

from skillport_sync.catalog.change.wishes import ChangeRefused, Save
from skillport_sync.errors import Broken, Conflict, Denied, RateLimited, Unavailable
from skillport_sync.sync.saves import Clash, NotAllowed, Unchanged

BODY = {"files": [{"path": "x.md", "content": "x"}]}
HEAD = "a" * 40


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (NotAllowed("defaults.write is editors"), 403, "not_allowed"),
        (ChangeRefused("name_taken", "there is one"), 409, "name_taken"),
        (ChangeRefused("unknown_skill", "there is none any more"), 404, "unknown_skill"),
        (ChangeRefused("skill_too_large", "too large"), 413, "skill_too_large"),
        (ChangeRefused("file_too_large", "too large", "x"), 413, "file_too_large"),
        (ChangeRefused("skill_too_many_files", "too many"), 413, "skill_too_many_files"),
        (ChangeRefused("policy_malformed", "no policy", ".skillport/access.json", 3), 400, "policy_malformed"),
        (Clash("docs/pdf", "1" * 40, None, HEAD, ("x.md",), None), 409, "revision_changed"),
        (Denied("no credential", code="read_only"), 403, "read_only"),
        (Denied("needs contents: write", code="github_permission_missing"), 403, "github_permission_missing"),
        (Conflict("moves", code="branch_moves"), 409, "branch_moves"),
        (Unavailable("GitHub is down", code="github_unavailable", retry_after_s=7.2), 503, "github_unavailable"),
        (RateLimited("too many", retry_after_s=60), 503, "rate_limited"),
        (Unavailable("who knows", code="write_unanswered"), 503, "write_unanswered"),
        (Broken("odd"), 500, "internal_error"),
    ],
)
async def test_every_outcome_has_its_status(world_of, scripted, outcome, status, code):
    world = await world_of(savers={"acme": scripted(outcome)})
    seen = await world.post("/api/skills/pdf", BODY)
    assert (seen.status, seen.json["code"]) == (status, code)
    assert ("Retry-After" in seen.headers) == (status == 503)
    ((_, write),) = world.writes
    assert write.outcome == ("broken" if status == 500 else code)


async def test_what_retrying_takes_is_rounded_up(world_of, scripted):
    world = await world_of(savers={"acme": scripted(Unavailable("down", retry_after_s=7.2))})
    assert (await world.post("/api/skills/pdf", BODY)).headers["Retry-After"] == "8"


async def test_what_is_sent_is_what_is_wanted(world_of, scripted):
    saver = scripted(Unchanged(HEAD), Unchanged(HEAD))
    world = await world_of(savers={"acme": saver})
    body = {**BODY, "commitMessage": " Why ", "base_revision": "2" * 40, "dry_run": True, "unheard": ["of"]}
    await world.done("/api/skills/plugins%2Fdocs%2Fskills%2Fpdf", {**body, "skill_group": None})
    (wanted,) = saver.wanted
    assert (wanted.existing, wanted.base, wanted.message, wanted.dry_run) == ("docs/pdf", "2" * 40, "Why", True)
    assert wanted.principal.id == "token:alice"
    assert isinstance(wanted.wish, Save)
    assert (wanted.wish.skill, wanted.wish.group, wanted.wish.allow_secrets) == ("pdf", None, False)


async def test_a_new_skill_goes_to_the_marketplace_that_is_named(world_of, scripted):
    acme, other = scripted(Unchanged(HEAD)), scripted(Unchanged(HEAD))
    world = await world_of(savers={"acme": acme, "other": other})
    seen = await world.post("/api/skills/fresh", BODY)
    assert (seen.status, seen.json["code"]) == (400, "marketplace_missing")
    assert "acme, other" in seen.json["message"]
    assert await world.refused("/api/skills/fresh", {**BODY, "marketplace": "none"}) == (400, "unknown_marketplace")
    await world.done("/api/skills/fresh", {**BODY, "marketplace": "other"})
    assert (acme.wanted, other.wanted[0].existing) == ([], None)
    await world.done("/api/skills/pdf", BODY)
    assert acme.wanted[0].existing == "docs/pdf", "an existing one says itself where it is"


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(world_of, scripted):
    world = await world_of(savers={"acme": scripted()})
    assert await world.refused("/api/skills/pdf/bump", b" " * 70_000) == (413, "body_too_large")
    assert world.writes == []


async def test_files_larger_than_json_is_read_at_once_arrive_whole(world_of, scripted):
    saver = scripted(Unchanged(HEAD))
    world = await world_of(savers={"acme": saver})
    await world.done("/api/skills/pdf", {"files": [{"path": "big.txt", "content": "ä" * 1_000_000}]})
    assert saver.wanted[0].wish.files[0].content == ("ä" * 1_000_000).encode()
