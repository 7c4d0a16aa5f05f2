"""Owns the reading of what GitHub says of webhooks and of what it delivered: bytes in, typed facts out. Pure.

Shapes: https://docs.github.com/rest/repos/webhooks, https://docs.github.com/rest/apps/webhooks. A secret is never in an answer,
only stars where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from skillport_sync.git.objects import CommitId
from skillport_sync.github.fields import Fields, flag, inner, list_of, number, object_of, objects_of, oid, text, time

OK = "OK"
APP_HOOK = 0
"""What stands for the number of an App's own hook, which has none."""
_NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="next"')


@dataclass(frozen=True, slots=True)
class HookFact:
    """A webhook as it is set up. ``id`` is ``APP_HOOK`` for the one that belongs to an App."""

    id: int
    url: str
    events: tuple[str, ...]
    is_active: bool
    is_json: bool
    checks_tls: bool
    has_secret: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver an event. ``guid`` is the event's, and the same for all attempts; ``id`` is this one's."""

    id: int
    guid: str
    delivered_at: datetime
    status: str
    """``OK``, or in GitHub's words why not. Anything but ``OK`` is a failure, whatever the code is."""
    status_code: int
    event: str
    action: str | None = None
    repository_id: int | None = None
    is_redelivery: bool = False

    @property
    def is_ok(self) -> bool:
        return self.status == OK


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of a repository's push log. Ids may be ZERO_ID: created, deleted."""

    id: int
    kind: str
    """``push``, ``force_push``, ``branch_creation``, ``branch_deletion``, ``pr_merge``, ``merge_queue_merge``."""
    ref: str
    before: CommitId
    after: CommitId
    at: datetime
    actor: str | None


def read_hooks(body: bytes) -> tuple[HookFact, ...]:
    return tuple(_hook(each) for each in objects_of(body, _HOOK))


def read_hook(body: bytes) -> HookFact:
    return _hook(object_of(body, _HOOK))


def read_app_hook(config: bytes, app: bytes) -> HookFact:
    """An App's hook out of its configuration, and of what the App says of its events. It cannot be switched off by itself."""
    events = _texts(object_of(app, "an App"), "events", "an App")
    return _configured(APP_HOOK, object_of(config, _HOOK), events, is_active=True)


def read_attempts(body: bytes) -> tuple[Attempt, ...]:
    what = "a delivery"
    return tuple(
        Attempt(
            id=number(each, "id", what),
            guid=text(each, "guid", what),
            delivered_at=time(each, "delivered_at", what),
            status=text(each, "status", what),
            status_code=number(each, "status_code", what),
            event=text(each, "event", what),
            action=_optional_text(each, "action"),
            repository_id=_optional_number(each, "repository_id"),
            is_redelivery=flag(each, "redelivery", what),
        )
        for each in objects_of(body, what)
    )


def read_activity(body: bytes) -> tuple[Activity, ...]:
    what = "a push log"
    return tuple(
        Activity(
            id=number(each, "id", what),
            kind=text(each, "activity_type", what),
            ref=text(each, "ref", what),
            before=CommitId(oid(each, what, "before")),
            after=CommitId(oid(each, what, "after")),
            at=time(each, "timestamp", what),
            actor=text(inner(each, "actor", what), "login", what) if each.get("actor") is not None else None,
        )
        for each in objects_of(body, what)
    )


def next_cursor(headers: Mapping[str, str], parameter: str) -> str | None:
    """Where the next page begins, by the ``Link`` of this one; None where there is none. The address itself is not followed."""
    found = _NEXT.search(headers.get("link", ""))
    if found is None:
        return None
    return next(iter(parse_qs(urlsplit(found[1]).query).get(parameter, [])), None)


_HOOK = "a webhook"


def _hook(fields: Fields) -> HookFact:
    config = inner(fields, "config", _HOOK)
    return _configured(
        number(fields, "id", _HOOK), config, _texts(fields, "events", _HOOK), is_active=flag(fields, "active", _HOOK)
    )


def _configured(number_: int, config: Fields, events: tuple[str, ...], *, is_active: bool) -> HookFact:
    # A number on some Enterprise Servers, and absent where it was never set: https://docs.github.com/rest/repos/webhooks
    insecure = config.get("insecure_ssl", "0")
    return HookFact(
        id=number_,
        url=_optional_text(config, "url") or "",
        events=events,
        is_active=is_active,
        is_json=config.get("content_type") == "json",
        checks_tls=str(insecure) != "1",
        has_secret=bool(config.get("secret")),
    )


def _texts(fields: Fields, key: str, what: str) -> tuple[str, ...]:
    return tuple(each for each in list_of(fields.get(key), what) if isinstance(each, str))


def _optional_text(fields: Fields, key: str) -> str | None:
    value = fields.get(key)
    return value if isinstance(value, str) and value else None


def _optional_number(fields: Fields, key: str) -> int | None:
    value = fields.get(key)
    return value if type(value) is int else None
