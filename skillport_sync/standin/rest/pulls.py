"""Owns pull requests: create, list, get."""

from __future__ import annotations

from aiohttp import web

from skillport_sync.standin import history, shapes
from skillport_sync.standin.repository import Pull
from skillport_sync.standin.rest.call import ApiError, Call, Route, answer, not_found


async def create_pull(call: Call) -> web.StreamResponse:
    fields, repository = call.fields, call.repository
    head, base = fields.text("head").rpartition(":")[2], fields.text("base")
    for name, branch in (("head", head), ("base", base)):
        if f"refs/heads/{branch}" not in repository.refs:
            raise _refused({"field": name, "code": "invalid"})
    if any(pull.head == head and pull.base == base and pull.state == "open" for pull in repository.pulls):
        raise _refused({"code": "custom", "message": f"A pull request already exists for {repository.owner}:{head}."})
    if not history.commits_between(call.objects, repository.head(base), repository.head(head)):
        raise _refused({"code": "custom", "message": f"No commits between {base} and {head}"})
    pull = Pull(
        len(repository.pulls) + 1,
        call.hub.new_id(),
        fields.text("title"),
        fields.optional_text("body"),
        head,
        base,
        call.grant.login,
        call.hub.now(),
    )
    repository.pulls.append(pull)
    shape = shapes.pull(call.api, repository, pull)
    return answer(shape, status=201, headers={"Location": str(shape["url"])})


async def list_pulls(call: Call) -> web.StreamResponse:
    state = call.query("state") or "open"
    head = (call.query("head") or "").rpartition(":")[2]
    found = [
        pull
        for pull in reversed(call.repository.pulls)
        if state in ("all", pull.state) and head in ("", pull.head) and call.query("base") in (None, pull.base)
    ]
    return answer([shapes.pull(call.api, call.repository, pull) for pull in found[: call.per_page()]])


async def get_pull(call: Call) -> web.StreamResponse:
    number = call.number("number")
    for pull in call.repository.pulls:
        if pull.number == number:
            return answer(shapes.pull(call.api, call.repository, pull))
    raise not_found()


def _refused(error: dict[str, object]) -> ApiError:
    return ApiError(422, "Validation Failed", [{"resource": "PullRequest", **error}])


_READ, _WRITE = ("pull_requests", "read"), ("pull_requests", "write")
_PULLS = "/repos/{owner}/{repo}/pulls"
ROUTES = (
    Route("POST", _PULLS, create_pull, _WRITE),
    Route("GET", _PULLS, list_pulls, _READ),
    Route("GET", _PULLS + "/{number}", get_pull, _READ),
)
