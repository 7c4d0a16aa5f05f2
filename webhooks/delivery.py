"""Owns what a delivery says: its headers, and the few facts of its payload that anything here depends on.

PURE and total: any headers, any body give a value, never an exception. Payloads grow and differ between GitHub and its
Enterprise Server, so every fact is narrowed on its own: one that is missing or has another shape is None, and the rest still
counts. Events and fields: https://docs.github.com/en/webhooks/webhook-events-and-payloads. A push's lists of files are not
read: GitHub cuts them, and content comes from its trees only. Never decides what follows from a fact: ``judgement`` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

import orjson

from skillport_sync.git.objects import CommitId, is_object_id
from webhooks.happening import (
    Happening,
    HookChanged,
    InstallationChanged,
    Pinged,
    PullRequestChanged,
    Pushed,
    RefNoticed,
    Repository,
    RepositoryChanged,
    Unhandled,
)
from webhooks.signature import VerifiedBody

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
"""What GitHub sends when a webhook was made through the API without a content type."""

_EVENT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_GUID = re.compile(r"[0-9A-Za-z-]{1,64}")
_HOST = re.compile(r"[0-9A-Za-z.:-]{1,255}")
_NAME = re.compile(r"[0-9A-Za-z._-]{1,100}")
_FULL_NAME = re.compile(r"[0-9A-Za-z._-]{1,100}/[0-9A-Za-z._-]{1,100}")
_WORD = re.compile(r"[0-9a-z_*]{1,64}")
_MEDIA_TYPE = re.compile(r"[0-9A-Za-z/.+-]{1,64}")
_BRANCH = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]{1,255}")  # what git check-ref-format allows at most
_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]{1,255}")
_LARGEST_ID = 2**63 - 1
_MOST_REPOSITORIES = 10_000

JsonObject = Mapping[str, object]


class NotADelivery(StrEnum):
    """Why a request is not a delivery of GitHub's. Values are stable codes."""

    EVENT = "event_header_missing"
    GUID = "delivery_header_missing"
    CONTENT_TYPE = "content_type_unsupported"
    NOT_FORM = "body_not_form"
    NOT_JSON = "body_not_json"
    NOT_AN_OBJECT = "body_not_an_object"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers say. Unsigned: good enough to refuse early and to name a delivery, never to act on alone."""

    event: str
    guid: str
    """The same for every redelivery, and for every webhook that the same event went to."""
    is_form: bool
    hook_id: int | None = None
    host: str | None = None
    """The Enterprise Server it came from; None for github.com, which does not name itself
    (https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery, believed and read."""

    envelope: Envelope
    action: str | None
    repository: Repository
    """Nothing but None where the event concerns no single repository."""
    happening: Happening


def read_envelope(headers: Mapping[str, str]) -> Envelope | NotADelivery:
    """What the headers say. ``headers`` finds a name whatever its case."""
    event, guid = headers.get("X-GitHub-Event", ""), headers.get("X-GitHub-Delivery", "")
    if _EVENT.fullmatch(event) is None:
        return NotADelivery.EVENT
    if _GUID.fullmatch(guid) is None:
        return NotADelivery.GUID
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type not in (JSON_TYPE, FORM_TYPE):
        return NotADelivery.CONTENT_TYPE
    hook_id, host = headers.get("X-GitHub-Hook-ID", ""), headers.get("X-GitHub-Enterprise-Host", "")
    return Envelope(
        event=event,
        guid=guid,
        is_form=media_type == FORM_TYPE,
        hook_id=_id(int(hook_id)) if hook_id.isascii() and hook_id.isdigit() and len(hook_id) < 20 else None,
        host=host.lower() if _HOST.fullmatch(host) else None,
    )


def parse(body: VerifiedBody, envelope: Envelope) -> Delivery | NotADelivery:
    """What the payload says."""
    content: bytes | str = body.content
    if envelope.is_form:
        try:
            fields = parse_qsl(body.content.decode(), strict_parsing=True, max_num_fields=16, errors="strict")
        except ValueError:
            return NotADelivery.NOT_FORM
        payloads = [value for name, value in fields if name == "payload"]
        if len(payloads) != 1:
            return NotADelivery.NOT_FORM
        [content] = payloads
    try:
        # Beyond 1024 levels orjson refuses with its own error, so nesting cannot exhaust the stack.
        document: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        return NotADelivery.NOT_JSON
    if not isinstance(document, dict):
        return NotADelivery.NOT_AN_OBJECT
    read = _READERS.get(envelope.event)
    return Delivery(
        envelope=envelope,
        action=_text(document, "action", _WORD),
        repository=_repository(document.get("repository")),
        happening=read(document) if read else Unhandled(),
    )


# --- one reader an event ----------------------------------------------------------------------------------------------------


def _pinged(payload: JsonObject) -> Pinged:
    hook = _object(payload, "hook")
    config = _object(hook, "config")
    events = hook.get("events")
    return Pinged(
        events=tuple(e for e in events if isinstance(e, str) and _WORD.fullmatch(e))
        if isinstance(events, list)
        else (),
        content_type=_text(config, "content_type", _MEDIA_TYPE),
        is_active=hook.get("active") is not False,
        checks_tls=config.get("insecure_ssl") not in ("1", 1),  # true, in JSON, is 1 to Python
    )


def _pushed(payload: JsonObject) -> Pushed:
    return Pushed(
        ref=_text(payload, "ref", _REF),
        before=_commit(payload, "before"),
        after=_commit(payload, "after"),
        forced=payload.get("forced") is True,
    )


def _repository_changed(payload: JsonObject) -> RepositoryChanged:
    changes = _object(payload, "changes")
    owner, _, name = (_repository(payload.get("repository")).full_name or "").partition("/")
    old_name = _text(_object(_object(changes, "repository"), "name"), "from", _NAME)
    sender = _object(_object(changes, "owner"), "from")
    old_owner = _text(_object(sender, "user"), "login", _NAME) or _text(_object(sender, "organization"), "login", _NAME)
    return RepositoryChanged(
        previous_name=f"{old_owner or owner}/{old_name or name}" if name and (old_owner or old_name) else None,
        previous_branch=_text(_object(changes, "default_branch"), "from", _BRANCH),
    )


def _hook_changed(_: JsonObject) -> HookChanged:
    return HookChanged()


def _installation_changed(payload: JsonObject) -> InstallationChanged:
    ended = _text(payload, "action", _WORD) in ("deleted", "suspend")
    installation, listed = _object(payload, "installation"), _repositories(payload, "repositories")
    is_whole = not listed or installation.get("repository_selection") == "all"
    return InstallationChanged(
        ended=ended,
        gained=() if ended else listed,
        lost=listed if ended else (),
        whole_account=_text(_object(installation, "account"), "login", _NAME) if is_whole else None,
    )


def _installation_repositories(payload: JsonObject) -> InstallationChanged:
    gained, lost = _repositories(payload, "repositories_added"), _repositories(payload, "repositories_removed")
    return InstallationChanged(ended=False, gained=gained, lost=lost)


def _ref_noticed(_: JsonObject) -> RefNoticed:
    return RefNoticed()


def _pull_request_changed(_: JsonObject) -> PullRequestChanged:
    return PullRequestChanged()


_READERS: Mapping[str, Callable[[JsonObject], Happening]] = {
    "ping": _pinged,
    "push": _pushed,
    "repository": _repository_changed,
    "public": _repository_changed,
    "meta": _hook_changed,
    "pull_request": _pull_request_changed,
    "installation": _installation_changed,
    "installation_repositories": _installation_repositories,
    "create": _ref_noticed,
    "delete": _ref_noticed,
}


# --- narrowing: a fact, or None ----------------------------------------------------------------------------------------------


def _object(parent: JsonObject, key: str) -> JsonObject:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _text(parent: JsonObject, key: str, pattern: re.Pattern[str]) -> str | None:
    value = parent.get(key)
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _commit(parent: JsonObject, key: str) -> CommitId | None:
    value = parent.get(key)
    return CommitId(value) if isinstance(value, str) and is_object_id(value) else None


def _id(value: object) -> int | None:
    """A number that SQLite can hold; JSON's booleans are ints to Python, not to us."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_ID else None


def _repository(value: object) -> Repository:
    if not isinstance(value, dict):
        return Repository()
    return Repository(
        id=_id(value.get("id")),
        full_name=_text(value, "full_name", _FULL_NAME),
        default_branch=_text(value, "default_branch", _BRANCH),
    )


def _repositories(payload: JsonObject, key: str) -> tuple[Repository, ...]:
    value = payload.get(key)
    return tuple(_repository(item) for item in value[:_MOST_REPOSITORIES]) if isinstance(value, list) else ()
