"""Owns the JSON of webhooks and of their delivery records."""

from __future__ import annotations

import orjson

from skillport_sync.standin.hooks import Delivery, Hook
from skillport_sync.standin.shapes.accounts import Json, moment


def hook(found: Hook) -> Json:
    """The secret is never told, only that there is one."""
    url = f"{found.target.hooks_url}/{found.id}"
    code, status, message = found.last_response
    return {
        "type": "Repository" if found.target.kind == "repository" else "App",
        "id": found.id,
        "name": "web",
        "active": found.active,
        "events": list(found.events),
        "config": hook_config(found),
        "updated_at": moment(found.updated_at),
        "created_at": moment(found.created_at),
        "url": url,
        "test_url": f"{url}/tests",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {"code": code, "status": status, "message": message},
    }


def hook_config(found: Hook) -> Json:
    config: Json = {"url": found.url, "content_type": found.content_type, "insecure_ssl": found.insecure_ssl}
    return config | ({"secret": "********"} if found.secret is not None else {})


def delivery_item(found: Delivery) -> Json:
    return {
        "id": found.id,
        "guid": found.guid,
        "delivered_at": moment(found.delivered_at),
        "redelivery": found.redelivery,
        "duration": round(found.duration_s, 3),
        "status": found.status,
        "status_code": found.status_code,
        "event": found.event,
        "action": found.action,
        "installation_id": found.installation_id,
        "repository_id": found.repository_id,
        "throttled_at": None,
    }


def delivery(found: Delivery) -> Json:
    return {
        **delivery_item(found),
        "url": found.url,
        "request": {"headers": dict(found.request_headers), "payload": orjson.loads(found.payload)},
        "response": {"headers": dict(found.response_headers), "payload": found.response_body},
    }
