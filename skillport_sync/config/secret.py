"""Owns the reading of secrets: from files, when they are needed, into values that do not show themselves.

An error names the path and what is wrong with it, never what stands in it.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

import structlog

from skillport_sync.errors import Invalid

log = structlog.get_logger(__name__)

MAX_SECRET_BYTES = 64 * 1024

LOOKS_SECRET = re.compile(
    r"gh[pousr]_\w{10,}|github_pat_\w{10,}|sps_\w{10,}|GOCSPX-[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""What is surely a secret by its shape, wherever it stands."""


class Secret:
    """A text that only ``reveal`` shows: not repr, not str, not a format, not a pickle, not a comparison."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


def read_secret(path: Path) -> Secret:
    """What stands in the file, without the newline at its end. Warns when everybody on the machine may read it.

    Raises:
        Invalid: missing, unreadable, empty, too large, or not text. The message says which, and what to do.
    """
    try:
        with path.open("rb") as file:
            everybody_reads = bool(path.stat().st_mode & stat.S_IROTH)
            content = file.read(MAX_SECRET_BYTES + 1)
    except FileNotFoundError as error:
        raise _unreadable(path, "does not exist; create it, or correct the path") from error
    except IsADirectoryError as error:
        raise _unreadable(path, "is a directory; name the file in it") from error
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise _unreadable(path, f"cannot be read ({reason}); give the service's user the right to read it") from error
    if len(content) > MAX_SECRET_BYTES:
        raise _unreadable(path, "is larger than 64 KiB, which no secret is; correct the path")
    try:
        text = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        # Without a cause: that exception carries the bytes.
        raise _unreadable(path, "is not UTF-8 text; write the secret alone into it") from None
    if not text.strip():
        raise _unreadable(path, "is empty; write the secret into it")
    if everybody_reads:
        log.warning("secret_file_exposed", path=str(path), advice=f"chmod 600 {path}")
    return Secret(text)


def _unreadable(path: Path, what: str) -> Invalid:
    return Invalid(f"secret file {path} {what}", code="secret_unreadable")
