"""Owns showing people what edits would change: a unified diff of the text files. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Final

from skillport_sync.git.edit import Changed
from skillport_sync.git.objects import BlobId

MAX_CHARACTERS: Final = 60_000
"""About what a conversation can take in."""
_MAX_FILE_BYTES: Final = 400_000
_NOTHING: Final = "/dev/null"

Content = Callable[[BlobId], bytes | None]
"""The bytes of a blob; None where they are not held."""


def unified(changed: Iterable[Changed], content: Content) -> str:
    """The changes as ``git diff`` would show them, but for object ids. What is no text, or very long, is only named."""
    parts: list[str] = []
    left = MAX_CHARACTERS
    for change in changed:
        part = _of(change, content)
        if len(part) > left:
            part = f"{_title(change)}\n(too long to be shown)\n"
        parts.append(part)
        left = max(0, left - len(part))
    return "".join(parts)


def _of(change: Changed, content: Content) -> str:
    before = text_of(content(change.before.oid)) if change.before is not None else ""
    after = text_of(content(change.after.oid)) if change.after is not None else ""
    head = [_title(change)]
    if change.before is None and change.after is not None:
        head.append(f"new file mode {change.after.mode:06o}")
    elif change.after is None and change.before is not None:
        head.append(f"deleted file mode {change.before.mode:06o}")
    elif change.before is not None and change.after is not None and change.before.mode is not change.after.mode:
        head += [f"old mode {change.before.mode:06o}", f"new mode {change.after.mode:06o}"]
    if before is None or after is None:
        return "\n".join([*head, "(no text, or too long to be shown)", ""])
    path = _shown(change)
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        _NOTHING if change.before is None else f"a/{path}",
        _NOTHING if change.after is None else f"b/{path}",
    )
    body = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return "\n".join([*head, body])


def _title(change: Changed) -> str:
    return f"diff --git a/{_shown(change)} b/{_shown(change)}"


def _shown(change: Changed) -> str:
    return change.path.decode("utf-8", "backslashreplace")


def text_of(content: bytes | None) -> str | None:
    """What can be shown of these bytes; None where they are no text, or very long, or not there."""
    if content is None or len(content) > _MAX_FILE_BYTES or b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None
