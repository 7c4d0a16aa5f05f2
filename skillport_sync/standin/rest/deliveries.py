"""Owns delivery records: listed, read and sent again, for a repository's hook and for an App's own."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from skillport_sync.standin import shapes
from skillport_sync.standin.hooks import Delivery, Hook
from skillport_sync.standin.rest.call import ApiError, Call, Route, answer, invalid, not_found
from skillport_sync.standin.rest.hooks import hook_of


async def list_deliveries(call: Call) -> web.StreamResponse:
    """Newest first, by the cursor in ``Link``. ``status=failure`` is a status code of 400 to 599 and nothing else."""
    hook = _hook(call)
    kept = hook.kept(call.hub.now())
    status = call.query("status")
    if status not in (None, "success", "failure"):
        raise invalid("status must be one of success, failure")
    if status is not None:
        kept = [found for found in kept if (400 <= found.status_code <= 599) == (status == "failure")]
    cursor = call.query("cursor")
    if cursor is not None:
        if not cursor.removeprefix("v1_").isdecimal():
            raise ApiError(400, "Invalid cursor")
        kept = [found for found in kept if found.id < int(cursor.removeprefix("v1_"))]
    page, rest = kept[: call.per_page()], kept[call.per_page() :]
    headers = {}
    if rest:
        query = urlencode({**call.request.query, "cursor": f"v1_{page[-1].id}"})
        headers["Link"] = f'<{call.api}{call.request.path}?{query}>; rel="next"'
    return answer([shapes.delivery_item(found) for found in page], headers=headers)


async def get_delivery(call: Call) -> web.StreamResponse:
    return answer(shapes.delivery(_delivery(call)[1]))


async def redeliver(call: Call) -> web.StreamResponse:
    """202 at once, with nothing in it: the attempt comes later and is a record of its own."""
    hook, found = _delivery(call)
    call.hub.redeliver_later(hook, found)
    return web.Response(status=202)


def _hook(call: Call) -> Hook:
    if call.app is None:
        return hook_of(call)
    if call.app.hook is None:
        raise not_found()
    return call.app.hook


def _delivery(call: Call) -> tuple[Hook, Delivery]:
    hook, number = _hook(call), call.number("delivery_id")
    for found in hook.kept(call.hub.now()):
        if found.id == number:
            return hook, found
    raise not_found()


_READ, _WRITE = ("repository_hooks", "read"), ("repository_hooks", "write")
_OF_HOOK = "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries"
_OF_APP = "/app/hook/deliveries"
ROUTES = (
    Route("GET", _OF_HOOK, list_deliveries, _READ),
    Route("GET", _OF_HOOK + "/{delivery_id}", get_delivery, _READ),
    Route("POST", _OF_HOOK + "/{delivery_id}/attempts", redeliver, _WRITE),
    Route("GET", _OF_APP, list_deliveries, caller="app"),
    Route("GET", _OF_APP + "/{delivery_id}", get_delivery, caller="app"),
    Route("POST", _OF_APP + "/{delivery_id}/attempts", redeliver, caller="app"),
)
