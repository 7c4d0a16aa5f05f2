"""Owns ``.skillport.json``: what an installed skill says of itself, so that it can be verified, compared and removed later. Pure.

One key a line, and one file a line, because install.sh reads it with sed. That is a promise to every script that was ever
downloaded: ``FORMAT`` is raised before it is broken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from mcp_server.install.installable import Installable, Piece

FORMAT = 1
MANIFEST = ".skillport.json"


def manifest(skill: Installable, source: str) -> bytes:
    """The manifest of a skill of exactly these files, installed from the service at ``source``. It does not list itself."""
    head = {
        "name": skill.name,
        "plugin": skill.plugin,
        "marketplace": skill.marketplace,
        "version": skill.version,
        "revision": skill.revision,
        "commit": skill.commit,
        "repository": skill.repository,
        "source": source,
    }
    executable = [piece.path for piece in skill.pieces if piece.executable]
    lines = [
        f'  "format": {FORMAT},',
        *(f"  {_json(key)}: {_json(value)}," for key, value in head.items()),
        '  "files": {',
        *_separated(_line(piece) for piece in skill.pieces),
        "  },",
        '  "executable": [',
        *_separated(f"    {_json(path)}" for path in executable),
        "  ]",
    ]
    return "\n".join(["{", *lines, "}", ""]).encode()


def _line(piece: Piece) -> str:
    return f'    {_json(piece.path)}: "{piece.sha256.hex()}"'


def _separated(lines: Iterator[str]) -> Iterator[str]:
    before = next(lines, None)
    for line in lines:
        yield f"{before},"
        before = line
    if before is not None:
        yield before


def _json(value: str | None) -> str:
    return json.dumps(value, ensure_ascii=False)
