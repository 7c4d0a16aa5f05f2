"""Owns ``GET /repos/{owner}/{repo}`` and its push log, ``/activity``."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from aiohttp import web

from skillport_sync.standin import shapes
from skillport_sync.standin.rest.call import Call, Route, answer, invalid, not_found

_PERIODS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}


async def get_repository(call: Call) -> web.StreamResponse:
    writes = call.grant.may("contents", "write")
    permissions = {"admin": False, "maintain": False, "push": writes, "triage": writes, "pull": True}
    return answer(shapes.full_repository(call.api, call.repository, permissions))


async def activity(call: Call) -> web.StreamResponse:
    """Branches only, newest first unless ``direction=asc``; pages by the cursor ``after``."""
    changes = list(enumerate(call.repository.changes))
    if call.query("direction") != "asc":
        changes.reverse()
    ref, kind, period = call.query("ref"), call.query("activity_type"), call.query("time_period")
    if ref is not None and not ref.startswith("refs/"):
        ref = f"refs/heads/{ref}"
    if period is not None and period not in _PERIODS:
        raise invalid("Invalid time_period")
    since = call.hub.now() - timedelta(days=_PERIODS[period]) if period else None
    listed = [
        (number, change)
        for number, change in changes
        if change.ref.startswith("refs/heads/")
        and (ref is None or change.ref == ref)
        and (kind is None or change.activity_type == kind)
        and (since is None or change.at >= since)
    ]
    after = call.query("after")
    if after is not None:
        position = next((i for i, (number, _) in enumerate(listed) if str(number) == after), None)
        if position is None:
            raise not_found()
        listed = listed[position + 1 :]
    page, rest = listed[: call.per_page()], listed[call.per_page() :]
    headers = {}
    if rest:
        query = urlencode({**call.request.query, "after": str(page[-1][0])})
        headers["Link"] = f'<{call.repository.api_url}/activity?{query}>; rel="next"'
    return answer(
        [
            {
                "id": call.repository.id * 1000 + number,
                "node_id": shapes.node("PushActivity", f"{call.repository.id}:{number}"),
                "before": change.before,
                "after": change.after,
                "ref": change.ref,
                "timestamp": shapes.moment(change.at),
                "activity_type": change.activity_type,
                "actor": shapes.account(call.api, change.actor),
            }
            for number, change in page
        ],
        headers=headers,
    )


ROUTES = (
    Route("GET", "/repos/{owner}/{repo}", get_repository),
    Route("GET", "/repos/{owner}/{repo}/activity", activity, ("contents", "read")),
)
