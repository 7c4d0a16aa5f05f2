"""Owns webhook settings: list, create, read, change, delete, ping, test. A hook made here is pinged at once, as on GitHub."""

from __future__ import annotations

from aiohttp import web

from skillport_sync.standin import shapes
from skillport_sync.standin.hooks import Hook
from skillport_sync.standin.rest.call import ApiError, Call, Fields, Route, answer, not_found


async def list_hooks(call: Call) -> web.StreamResponse:
    hooks = list(call.repository.hooks.values())
    page = int(call.query("page") or 1)
    start = (page - 1) * call.per_page()
    headers = {}
    if len(hooks) > start + call.per_page():
        url = f"{call.repository.api_url}/hooks?per_page={call.per_page()}&page={page + 1}"
        headers["Link"] = f'<{url}>; rel="next"'
    return answer([shapes.hook(hook) for hook in hooks[start : start + call.per_page()]], headers=headers)


async def create_hook(call: Call) -> web.StreamResponse:
    config = call.fields.part("config") or Fields({})
    if call.fields.optional_text("name") not in (None, "web"):
        raise _refused("name", "invalid", "name must be 'web'")
    url = config.optional_text("url")
    if url is None:
        raise _refused("url", "missing_field", "url cannot be blank")
    events = tuple(call.fields.texts("events") or ["push"])
    if any(hook.url == url and set(hook.events) == set(events) for hook in call.repository.hooks.values()):
        raise ApiError(
            422,
            "Validation Failed",
            [{"resource": "Hook", "code": "custom", "message": "Hook already exists on this repository"}],
        )
    hook = call.repository.add_hook(
        url, config.optional_text("secret"), events, config.optional_text("content_type") or "form"
    )
    hook.active = call.fields.flag("active", default=True)
    _insecure(hook, config)
    _ping(call, hook)
    shape = shapes.hook(hook)
    return answer(shape, status=201, headers={"Location": str(shape["url"])})


async def get_hook(call: Call) -> web.StreamResponse:
    return answer(shapes.hook(hook_of(call)))


async def update_hook(call: Call) -> web.StreamResponse:
    """A ``config`` replaces the old one as a whole: without ``secret`` there is none any more (github.md §1.4)."""
    hook = hook_of(call)
    config = call.fields.part("config")
    if config is not None:
        hook.url = config.optional_text("url") or hook.url
        hook.content_type = config.optional_text("content_type") or "form"
        hook.secret = config.optional_text("secret")
        _insecure(hook, config)
    events = call.fields.texts("events")
    chosen = list(events if events is not None else hook.events)
    chosen += [event for event in call.fields.texts("add_events") or [] if event not in chosen]
    dropped = call.fields.texts("remove_events") or []
    hook.events = tuple(event for event in chosen if event not in dropped)
    hook.active = call.fields.flag("active", default=hook.active)
    hook.updated_at = call.hub.now()
    return answer(shapes.hook(hook))


async def get_config(call: Call) -> web.StreamResponse:
    return answer(shapes.hook_config(hook_of(call)))


async def update_config(call: Call) -> web.StreamResponse:
    """What is not named stays as it is, the secret too: https://docs.github.com/rest/repos/webhooks"""
    hook = hook_of(call)
    change_config(hook, call.fields)
    hook.updated_at = call.hub.now()
    return answer(shapes.hook_config(hook))


def change_config(hook: Hook, config: Fields) -> None:
    """A repository's hook or an App's."""
    hook.url = config.optional_text("url") or hook.url
    hook.content_type = config.optional_text("content_type") or hook.content_type
    hook.secret = config.optional_text("secret") or hook.secret
    _insecure(hook, config)


async def delete_hook(call: Call) -> web.StreamResponse:
    call.hub.announce_later(call.repository, call.repository.remove_hook(hook_of(call)))
    return web.Response(status=204)


async def ping_hook(call: Call) -> web.StreamResponse:
    _ping(call, hook_of(call))
    return web.Response(status=204)


async def test_hook(call: Call) -> web.StreamResponse:
    """Sends the latest push once more, under a GUID of its own."""
    hook = hook_of(call)
    branches = [change for change in call.repository.changes if change.ref.startswith("refs/heads/")]
    if branches and hook.wants("push"):
        call.hub.announce_later(call.repository, branches[-1].again(call.hub.new_guid()), hook)
    return web.Response(status=204)


def hook_of(call: Call) -> Hook:
    hook = call.repository.hooks.get(call.number("hook_id"))
    if hook is None:
        raise not_found()
    return hook


def _ping(call: Call, hook: Hook) -> None:
    body = {"zen": "Approachable is better than simple.", "hook_id": hook.id, "hook": shapes.hook(hook)}
    call.hub.announce_later(call.repository, call.repository.event("ping", None, body, hook=hook))


def _insecure(hook: Hook, config: Fields) -> None:
    value = config.pairs().get("insecure_ssl")
    if value is not None:
        hook.insecure_ssl = "1" if str(value) == "1" else "0"


def _refused(field: str, code: str, message: str) -> ApiError:
    return ApiError(422, "Validation Failed", [{"resource": "Hook", "field": field, "code": code, "message": message}])


_READ, _WRITE = ("repository_hooks", "read"), ("repository_hooks", "write")
_HOOKS = "/repos/{owner}/{repo}/hooks"
ROUTES = (
    Route("GET", _HOOKS, list_hooks, _READ),
    Route("POST", _HOOKS, create_hook, _WRITE),
    Route("GET", _HOOKS + "/{hook_id}", get_hook, _READ),
    Route("PATCH", _HOOKS + "/{hook_id}", update_hook, _WRITE),
    Route("GET", _HOOKS + "/{hook_id}/config", get_config, _READ),
    Route("PATCH", _HOOKS + "/{hook_id}/config", update_config, _WRITE),
    Route("DELETE", _HOOKS + "/{hook_id}", delete_hook, _WRITE),
    Route("POST", _HOOKS + "/{hook_id}/pings", ping_hook, _READ),
    Route("POST", _HOOKS + "/{hook_id}/tests", test_hook, _READ),
)
