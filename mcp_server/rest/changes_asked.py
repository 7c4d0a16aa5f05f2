"""Owns what somebody asks to have changed: from a URL and a body to a wish, or a sentence that says what to send instead. Pure.

Fields are the seed connector's, ours stand beside them. Easy about what it does not know: other keys are ignored. Whether a wish
can be fulfilled is decided elsewhere; here it only has to say what it means.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from skillport_sync.catalog.change.wishes import Bump, FileWish, Part, Publish, Rename, Save
from skillport_sync.errors import Invalid
from skillport_sync.git.objects import TreeId
from skillport_sync.ports import MarketplaceName

MAX_TEXT: Final = 10_000
"""Of anything that is no file's content, in characters."""
MAX_MESSAGE: Final = 500

_YES: Final = frozenset({"true", "1", "yes"})
_NO: Final = frozenset({"false", "0", "no"})
_REVISION: Final = re.compile(r"[0-9a-f]{40}")
_FILES_EXAMPLE: Final = 'Send {"files": [{"path": "SKILL.md", "content": "…"}]}'

Body = Mapping[str, object]
"""A JSON object, unchecked."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for any change, whatever it is."""

    base: TreeId | None = None
    """The revision that it was made from; None: nobody said."""
    dry_run: bool = False
    confirmed: bool = False
    message: str | None = None
    marketplace: MarketplaceName | None = None


def body_of(raw: bytes) -> Body:
    """The object in a body; an empty body is an empty one. Raises: Invalid."""
    if not raw.strip():
        return {}
    try:
        loaded = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid("The body is not JSON.", code="not_json") from error
    if not isinstance(loaded, dict):
        raise Invalid("The body must be a JSON object.", code="not_json")
    return loaded


def terms_of(body: Body, query: Mapping[str, str], if_match: str | None) -> Terms:
    """``if_match`` is the header: the same as ``base_revision``, for clients that think in HTTP. Raises: Invalid."""
    stated = {revision for revision in (_base(body), _tag(if_match)) if revision is not None}
    if len(stated) > 1:
        raise Invalid("base_revision and If-Match name two revisions: send one.", code="base_revision_twice")
    message = _text(body, "commitMessage")
    if message is not None and len(message) > MAX_MESSAGE:
        raise Invalid(f"commitMessage may be {MAX_MESSAGE} characters long.", code="argument_too_long")
    marketplace = _text(body, "marketplace") or query.get("marketplace") or None
    return Terms(
        base=stated.pop() if stated else None,
        dry_run=_flag(body, "dry_run") or _asked(query, "dry_run"),
        confirmed=_flag(body, "confirm") or _asked(query, "confirm"),
        message=message,
        marketplace=None if marketplace is None else MarketplaceName(marketplace),
    )


def save_of(name: str, group: str | None, body: Body) -> Save:
    """``group`` is the plugin that the URL names. Raises: Invalid."""
    stated = _text(body, "skill_group")
    if group is not None and stated not in (None, group):
        raise Invalid(f"The address names the plugin {group!r}, and skill_group {stated!r}.", code="group_differs")
    metadata = body.get("plugin_metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise Invalid('plugin_metadata must be an object, as {"description": "…"}.', code="argument_type")
    match body.get("files"):
        case [*entries] if entries:
            files = tuple(_files(entries))
        case _:
            raise Invalid(f"There are no files in the body. {_FILES_EXAMPLE}.", code="files_missing")
    return Save(name, files, group or stated, metadata, _flag(body, "allow_secrets"))


def bump_of(name: str, body: Body) -> Bump:
    """Raises: Invalid."""
    try:
        return Bump(name, Part(_text(body, "type") or ""))
    except ValueError:
        known = ", ".join(part.value for part in Part)
        raise Invalid(f"type must be one of {known}.", code="bump_type_unknown") from None


def publish_of(name: str, body: Body) -> Publish:
    """Raises: Invalid."""
    return Publish(
        name,
        _text(body, "description") or "",
        _text(body, "category"),
        _words(body, "tags") or (),
        _words(body, "keywords"),
    )


def rename_of(name: str, body: Body) -> Rename:
    """Raises: Invalid."""
    to = _text(body, "to")
    if to is None:
        raise Invalid('Say what it is to be called: {"to": "new-name"}.', code="name_missing")
    return Rename(name, to)


def _files(entries: Sequence[object]) -> Iterable[FileWish]:
    for at, entry in enumerate(entries):
        match entry:
            case {"path": str(path), "content": str(content), **more} if path.strip():
                encoding, executable = more.get("encoding"), more.get("executable")
            case _:
                raise Invalid(f"Entry {at} of files has no path and content. {_FILES_EXAMPLE}.", code="file_malformed")
        if executable is not None and not isinstance(executable, bool):
            raise Invalid(f"executable of {path[:200]!r} must be true or false.", code="argument_type")
        # As the seed has it: no content, no file.
        yield FileWish(path, _content(path, content, encoding) if content else None, executable)


def _content(path: str, content: str, encoding: object) -> bytes:
    match encoding:
        case None | "" | "utf-8" | "utf8":
            return content.encode()
        case "base64":
            try:
                # Command line tools break its lines, and those mean nothing.
                return base64.b64decode("".join(content.split()), validate=True)
            except (binascii.Error, ValueError) as error:
                raise Invalid(f"The content of {path[:200]!r} is not base64.", code="base64_invalid") from error
        case _:
            raise Invalid(
                f'encoding of {path[:200]!r} must be "base64", or left out for text.', code="encoding_unknown"
            )


def _base(body: Body) -> TreeId | None:
    text = _text(body, "base_revision")
    return None if text is None else _revision("base_revision", text)


def _tag(if_match: str | None) -> TreeId | None:
    """https://www.rfc-editor.org/rfc/rfc9110#name-if-match; ``*`` asks for nothing in particular."""
    text = (if_match or "").strip().removeprefix("W/").strip('"')
    return None if text in ("", "*") else _revision("If-Match", text)


def _revision(name: str, text: str) -> TreeId:
    if _REVISION.fullmatch(text) is None:
        raise Invalid(
            f"{name} must be a revision as the service tells it: 40 hexadecimal digits.",
            code="base_revision_malformed",
        )
    return TreeId(text)


def _text(body: Body, name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Invalid(f"{name} must be a string.", code="argument_type")
    if len(value) > MAX_TEXT:
        raise Invalid(f"{name} may be {MAX_TEXT:,} characters long, not {len(value):,}.", code="argument_too_long")
    return value.strip() or None


def _words(body: Body, name: str) -> tuple[str, ...] | None:
    match body.get(name):
        case None:
            return None
        case [*words] if all(isinstance(word, str) for word in words):
            return tuple(map(str, words))
        case _:
            raise Invalid(f"{name} must be a list of strings.", code="argument_type")


def _flag(body: Body, name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise Invalid(f"{name} must be true or false.", code="argument_type")
    return value is True


def _asked(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "").strip().lower()
    if text and text not in _YES | _NO:
        raise Invalid(f"{name} must be true or false.", code="argument_type")
    return text in _YES
