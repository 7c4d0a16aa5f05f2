"""What is broken and passes is "not now": 503 and when to ask again, the story in the log. Our own mistakes stay a 500."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from skillport_sync.errors import Broken

PASSING = [
    "content_damaged",
    "database_damaged",
    "database_foreign",
    "database_newer",
    "github_answer_broken",
    "github_answer_too_large",
]


@pytest.mark.parametrize("code", PASSING)
async def test_what_the_next_pull_mends_is_not_now(serve_routes, door_of, published, code):
    async def answer(request):
        raise Broken("blob 12 does not hash to its id", code=code)

    api = await serve_routes([_open(door_of(published.alice), answer)])
    with capture_logs() as lines:
        seen = await api.ask("/open/sp_in_hidden", who=None)
    assert (seen.status, seen.json["code"], seen.headers["Retry-After"]) == (503, code, "60")
    (line,) = [line for line in lines if line["log_level"] == "error"]
    assert (line["event"], line["path"], line["code"]) == ("request_broken", "/open/{secret}", code)


def _open(door, answer):
    return door.resource("/open/{secret}", {"GET": door.anybody(answer)})


@pytest.mark.parametrize("code", ["broken", "pull_crashed", "tree_mismatch"])
async def test_what_somebody_must_look_at_is_a_500_with_a_reference(serve_routes, door_of, published, code):
    async def answer(request):
        raise Broken("this cannot be", code=code)

    api = await serve_routes([_open(door_of(published.alice), answer)])
    seen = await api.ask("/open/1", who=None)
    assert (seen.status, seen.json["code"]) == (500, "internal_error")
