"""Owns what is asked about pull requests: create, list, get, update. Merging is not here: people merge, on the web."""

from __future__ import annotations

from aiohttp import web

from skillport_sync.standin import history, shapes
from skillport_sync.standin.pulls import Pull
from skillport_sync.standin.rest.call import ApiError, Call, Route, answer, not_found


async def create_pull(call: Call) -> web.StreamResponse:
    fields, repository = call.fields, call.repository
    head, base = fields.text("head").rpartition(":")[2], fields.text("base")
    for name, branch in (("head", head), ("base", base)):
        if call.head_of(f"refs/heads/{branch}") is None:
            raise _refused({"field": name, "code": "invalid"})
    if any(pull.head == head and pull.base == base and pull.state == "open" for pull in repository.pulls):
        raise _refused({"code": "custom", "message": f"A pull request already exists for {repository.owner}:{head}."})
    if not history.commits_between(call.objects, repository.head(base), repository.head(head)):
        raise _refused({"code": "custom", "message": f"No commits between {base} and {head}"})
    pull, opened = repository.pulls.open(
        head, base, fields.text("title"), fields.optional_text("body"), author=call.grant.login
    )
    call.hub.announce_later(repository, opened)
    shape = shapes.pull(call.api, repository, pull)
    return answer(shape, status=201, headers={"Location": str(shape["url"])})


async def list_pulls(call: Call) -> web.StreamResponse:
    """Newest first. Of open ones only, unless ``state`` says otherwise."""
    state = call.query("state") or "open"
    head = (call.query("head") or "").rpartition(":")[2]
    hidden = len(call.repository.pulls) if call.hub.faults.take_hidden_pull() else None
    found = [
        pull
        for pull in reversed(list(call.repository.pulls))
        if state in ("all", pull.state)
        and head in ("", pull.head)
        and call.query("base") in (None, pull.base)
        and pull.number != hidden
    ]
    start = (int(call.query("page") or 1) - 1) * call.per_page()
    page = found[start : start + call.per_page()]
    return answer([shapes.listed_pull(call.api, call.repository, pull) for pull in page])


async def get_pull(call: Call) -> web.StreamResponse:
    return answer(shapes.pull(call.api, call.repository, _asked(call)))


async def update_pull(call: Call) -> web.StreamResponse:
    """Title, body, and ``state``; a merged one stays closed."""
    fields, pulls, pull = call.fields, call.repository.pulls, _asked(call)
    title, body, state = (fields.optional_text(name) for name in ("title", "body", "state"))
    if state not in (None, "open", "closed"):
        raise _refused({"field": "state", "code": "invalid"})
    if state == "open" and pull.merged_at is not None:
        raise _refused({"field": "state", "code": "invalid"})
    actor, events = call.grant.login, []
    if title not in (None, pull.title) or body not in (None, pull.body):
        events.append(pulls.edit(pull.number, title=title, body=body, actor=actor))
    if state == "closed" and pull.state == "open":
        events.append(pulls.close(pull.number, actor=actor))
    if state == "open" and pull.state == "closed":
        events.append(pulls.reopen(pull.number, actor=actor))
    for event in events:
        call.hub.announce_later(call.repository, event)
    return answer(shapes.pull(call.api, call.repository, pull))


def _asked(call: Call) -> Pull:
    try:
        return call.repository.pulls[call.number("number")]
    except KeyError:
        raise not_found() from None


def _refused(error: dict[str, object]) -> ApiError:
    return ApiError(422, "Validation Failed", [{"resource": "PullRequest", **error}])


_READ, _WRITE = ("pull_requests", "read"), ("pull_requests", "write")
_PULLS = "/repos/{owner}/{repo}/pulls"
ROUTES = (
    Route("POST", _PULLS, create_pull, _WRITE),
    Route("GET", _PULLS, list_pulls, _READ),
    Route("GET", _PULLS + "/{number}", get_pull, _READ),
    Route("PATCH", _PULLS + "/{number}", update_pull, _WRITE),
)
