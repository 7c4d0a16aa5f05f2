"""Owns what an App asks for itself with a JWT: who it is, its installation in a repository, tokens for an hour, its own hook."""

from __future__ import annotations

from aiohttp import web

from skillport_sync.standin import shapes
from skillport_sync.standin.access import App
from skillport_sync.standin.hooks import Hook
from skillport_sync.standin.rest.call import ApiError, Call, Route, answer, invalid, not_found
from skillport_sync.standin.rest.hooks import change_config

_RANKS = {"read": 1, "write": 2, "admin": 3}


async def create_token(call: Call) -> web.StreamResponse:
    """Narrowed to ``repositories``, ``repository_ids`` and ``permissions`` where given, never widened."""
    number = call.number("installation_id")
    app = next((each for each in _installations(call) if each.installation_id == number), None)
    if app is None:
        raise not_found()
    if app.suspended:
        raise ApiError(403, "This installation has been suspended")
    covered = [found for found in call.hub.repositories if app.covers(found)]
    chosen = covered
    names, numbers = call.fields.texts("repositories"), call.fields.numbers("repository_ids")
    if names is not None or numbers:
        wanted = [found for found in covered if found.name in (names or []) or found.id in numbers]
        if len(wanted) < len(names or []) + len(numbers):
            raise invalid(
                "There is at least one repository that does not exist or is not accessible to the parent installation."
            )
        chosen = wanted
    narrowed = names is not None or bool(numbers)
    asked = call.fields.part("permissions")
    permissions = {name: str(level) for name, level in asked.pairs().items()} if asked else None
    for name, level in (permissions or {}).items():
        if _RANKS.get(level, 9) > _RANKS.get(app.permissions.get(name, ""), 0):
            raise invalid("The permissions requested are not granted to this installation.")
    token, grant = call.hub.access.issue(app, [found.full_name for found in chosen] if narrowed else None, permissions)
    body: dict[str, object] = {
        "token": token,
        "expires_at": shapes.moment(grant.expires_at or call.hub.now()),
        "permissions": dict(grant.permissions),
        "repository_selection": "selected" if narrowed or app.repositories is not None else "all",
    }
    if narrowed:
        body["repositories"] = [shapes.repository(call.api, found) for found in chosen]
    return answer(body, status=201)


async def repository_installation(call: Call) -> web.StreamResponse:
    app = _app(call)
    if not app.covers(call.repository):
        raise not_found()
    return answer(app.described(call.api))


async def organization_installation(call: Call) -> web.StreamResponse:
    """https://docs.github.com/rest/apps/apps#get-an-organization-installation-for-the-authenticated-app"""
    asked = call.variable("org").lower()
    found = next((each for each in _installations(call) if each.account.lower() == asked), None)
    if found is None:
        raise not_found()
    return answer(found.described(call.api))


async def get_app(call: Call) -> web.StreamResponse:
    """https://docs.github.com/rest/apps/apps#get-the-authenticated-app, as far as anybody here reads it."""
    app = _app(call)
    return answer(
        {
            "id": app.id,
            "slug": f"app-{app.id}",
            "name": f"App {app.id}",
            "permissions": dict(app.permissions),
            "events": list(app.events if app.hook is None else app.hook.events),
        }
    )


async def get_config(call: Call) -> web.StreamResponse:
    """https://docs.github.com/rest/apps/webhooks#get-a-webhook-configuration-for-an-app"""
    return answer(shapes.hook_config(_hook(call)))


async def update_config(call: Call) -> web.StreamResponse:
    hook = _hook(call)
    change_config(hook, call.fields)
    return answer(shapes.hook_config(hook))


def _hook(call: Call) -> Hook:
    hook = _app(call).hook
    if hook is None:
        raise not_found()
    return hook


def _installations(call: Call) -> list[App]:
    return [each for each in call.hub.access.installations(_app(call)) if not each.deleted]


def _app(call: Call) -> App:
    if call.app is None:
        raise not_found()
    return call.app


ROUTES = (
    Route("GET", "/app", get_app, caller="app"),
    Route("GET", "/app/hook/config", get_config, caller="app"),
    Route("PATCH", "/app/hook/config", update_config, caller="app"),
    Route("POST", "/app/installations/{installation_id}/access_tokens", create_token, caller="app", free=True),
    Route("GET", "/repos/{owner}/{repo}/installation", repository_installation, caller="app"),
    Route("GET", "/orgs/{org}/installation", organization_installation, caller="app"),
)
