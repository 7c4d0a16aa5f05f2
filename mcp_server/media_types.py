"""Owns what kind of content a file is said to be, by the end of its name. Pure.

Our own table, because what the standard library says depends on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MARKDOWN: Final = "text/markdown"
DIRECTORY: Final = "inode/directory"

_BY_EXTENSION: Final[Mapping[str, str]] = {
    "css": "text/css",
    "csv": "text/csv",
    "gif": "image/gif",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript",
    "json": "application/json",
    "md": MARKDOWN,
    "pdf": "application/pdf",
    "png": "image/png",
    "py": "text/x-python",
    "sh": "text/x-shellscript",
    "svg": "image/svg+xml",
    "toml": "application/toml",
    "webp": "image/webp",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
}


def media_type(path: str) -> str | None:
    """The kind of the file at ``path``; None where its name does not tell."""
    return _BY_EXTENSION.get(path.rpartition("/")[2].rpartition(".")[2].lower())


def media_type_of_content(path: str, *, is_text: bool) -> str:
    """The same of a file whose content is known: there is always an answer."""
    return media_type(path) or ("text/plain" if is_text else "application/octet-stream")
