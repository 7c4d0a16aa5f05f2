"""Owns the API's gate: who asks, whether they may, what it costs, and the headers every API answer carries."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import orjson
from aiohttp import hdrs, web

from skillport_sync.standin.access import ANONYMOUS, BadCredentials
from skillport_sync.standin.journal import JournalEntry
from skillport_sync.standin.rest.call import (
    DOCUMENTATION,
    ApiError,
    Call,
    Fields,
    QueryLimited,
    Route,
    answer,
    invalid,
    not_found,
)

if TYPE_CHECKING:
    from skillport_sync.standin.hub import StandInGitHub
    from skillport_sync.standin.repository import Repository

Endpoint = Callable[[web.Request, JournalEntry], Awaitable[web.StreamResponse]]

_SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub "
    "Support for help, please include the request ID."
)
_PUBLIC = ("contents", "metadata", "pull_requests")


def guarded(hub: StandInGitHub, route: Route) -> Endpoint:
    """The route's handler behind the gate."""

    async def handle(request: web.Request, entry: JournalEntry) -> web.StreamResponse:
        call = Call(hub, request)
        response: web.StreamResponse
        limited = False
        try:
            _identify(call, route)
            limited = True
            _refuse_limited(call, route)
            limited = False
            moved = _find_repository(call, route) if "{owner}" in route.path else None
            call.fields = _fields(entry)
            response = moved or await route.handler(call)
        except ApiError as error:
            response = error.response()
        response = _conditional(request, response)
        free = route.free or limited or response.status in (304, 401)
        entry.primary = 0 if free else 1
        _add_headers(call, response, entry)
        return response

    return handle


def _identify(call: Call, route: Route) -> None:
    authorization = call.request.headers.get(hdrs.AUTHORIZATION)
    try:
        if route.caller == "app":
            call.app = call.hub.access.which_app(authorization)
        else:
            call.grant = call.hub.access.who(authorization)
    except BadCredentials as error:
        raise ApiError(401, str(error)) from error
    if route.caller == "token" and call.grant is ANONYMOUS:
        raise ApiError(401, "Requires authentication")


def _refuse_limited(call: Call, route: Route) -> None:
    limits = call.hub.limits
    secondary = limits.take_secondary()
    if secondary is not None:
        error = ApiError(secondary.status, _SECONDARY)
        if secondary.retry_after_s is not None:
            error.headers["Retry-After"] = str(secondary.retry_after_s)
        raise error
    if not limits.off and not route.free and limits.bucket(call.identity).remaining == 0:
        message = f"API rate limit exceeded for {call.identity}."
        raise QueryLimited(200, message) if route.path == "/graphql" else ApiError(limits.exhausted_status, message)


def _find_repository(call: Call, route: Route) -> web.StreamResponse | None:
    """Set the call's repository; an answer when it has moved. Raises: ApiError, 404 for what may not be seen."""
    names = call.request.match_info
    if "repository_id" in names:
        found = next((r for r in call.hub.repositories if str(r.id) == names["repository_id"] and not r.deleted), None)
    else:
        found = call.hub.find(f"{names['owner']}/{names['repo']}")
    if found is None or not _visible(call, found):
        raise not_found()
    if "owner" in names and f"{names['owner']}/{names['repo']}".lower() != found.full_name.lower():
        return _moved(call, found)
    call.found = found
    _permit(call, route, found)
    return None


def _visible(call: Call, repository: Repository) -> bool:
    if call.app is not None:
        return call.app.covers(repository)
    return not repository.private or call.grant.sees(repository)


def _permit(call: Call, route: Route, repository: Repository) -> None:
    permission, level = route.needs
    if call.grant.app is not None and call.grant.app.suspended:
        raise ApiError(403, "This installation has been suspended")
    public = not repository.private and level == "read" and permission in _PUBLIC
    own = call.app is not None or (call.grant.may(permission, level) and call.grant.sees(repository))
    if not own and not public:
        if call.grant is ANONYMOUS:
            raise ApiError(401, "Requires authentication")
        kind = "integration" if call.grant.app else "personal access token"
        error = ApiError(403, f"Resource not accessible by {kind}")
        error.headers["X-Accepted-GitHub-Permissions"] = f"{permission}={level}"
        raise error
    if repository.archived and route.writes:
        raise ApiError(403, "Repository was archived so is read-only.")


def _moved(call: Call, repository: Repository) -> web.StreamResponse:
    """301 for reading, 307 for writing, to the repository's id (github.md §6: a POST must not follow a 301)."""
    _, _, asked = call.request.raw_path.partition("/repos/")
    _, name, *rest = asked.split("/", 2)
    suffix = "/" + rest[0] if rest else "".join(name.partition("?")[1:])
    location = f"{call.api}/repositories/{repository.id}{suffix}"
    reading = call.request.method in ("GET", "HEAD")
    message = "Moved Permanently" if reading else "Temporary Redirect"
    body = {"message": message, "url": location, "documentation_url": DOCUMENTATION}
    return answer(body, status=301 if reading else 307, headers={"Location": location})


def _fields(entry: JournalEntry) -> Fields:
    if not entry.body or entry.method not in ("POST", "PATCH", "PUT"):
        return Fields({})
    try:
        values = orjson.loads(entry.body)
    except orjson.JSONDecodeError:
        raise ApiError(400, "Problems parsing JSON") from None
    if values is not None and not isinstance(values, dict):
        raise invalid("Invalid request.\n\nThe body is not an object.")
    return Fields(values or {})


def _conditional(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Add an ETag, and answer 304 where the caller has it. Weak ones depend on who asks (github.md §2.4)."""
    if request.method != "GET" or response.status != 200 or not isinstance(response, web.Response):
        return response
    etag = response.headers.get(hdrs.ETAG)
    if etag is None or etag.startswith("W/"):
        asker = request.headers.get(hdrs.AUTHORIZATION, "").encode()
        body = etag.encode() if etag else response.body if isinstance(response.body, bytes) else b""
        etag = f'W/"{zlib.crc32(body):08x}{zlib.crc32(asker):08x}"'
        response.headers[hdrs.ETAG] = etag
    known = [part.strip().removeprefix("W/") for part in request.headers.get(hdrs.IF_NONE_MATCH, "").split(",")]
    if etag.removeprefix("W/") not in known:
        return response
    return web.Response(status=304, headers={hdrs.ETAG: etag})


def _add_headers(call: Call, response: web.StreamResponse, entry: JournalEntry) -> None:
    limits = call.hub.limits
    if not limits.off:
        bucket = limits.bucket(call.identity)
        bucket.used += entry.primary
        response.headers["x-ratelimit-limit"] = str(bucket.limit)
        response.headers["x-ratelimit-remaining"] = str(bucket.remaining)
        response.headers["x-ratelimit-used"] = str(bucket.used)
        response.headers["x-ratelimit-reset"] = str(int(bucket.reset_at.timestamp()))
        response.headers["x-ratelimit-resource"] = "graphql" if entry.kind == "graphql" else "core"
    _, _, media = entry.accept.partition("application/vnd.github.")
    kind = media.partition(",")[0].partition("+")[0].removeprefix("v3.")
    response.headers["X-GitHub-Media-Type"] = (
        f"github.v3; {f'param={kind}' if kind in ('raw', 'sha') else 'format=json'}"
    )
    response.headers["X-GitHub-Request-Id"] = f"{call.hub.new_id():X}:{len(call.hub.journal):X}"
