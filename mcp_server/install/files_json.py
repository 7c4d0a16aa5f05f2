"""Owns the answer to an install link in JSON: all files of a skill, as the predecessor's links answered. Only reads an
archive."""

from __future__ import annotations

import base64
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from mcp_server.install.links import Ready
from skillport_sync.errors import Unavailable

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of all files together: the answer is in memory as a whole, and more than once."""


def files_json(ready: Ready) -> bytes:
    """``{skill_name, skill_version, skill, files: [{path, content, encoding?, executable?}]}``; what is not UTF-8 is base64.

    For a worker thread. Raises: Unavailable where the archive has made room meanwhile.
    """
    skill = ready.skill
    return orjson.dumps(
        {
            "skill_name": ready.bundle.name,
            "skill_version": skill.version,
            "skill": {
                "name": skill.name,
                "version": skill.version,
                "plugin": skill.plugin,
                "marketplace": skill.marketplace,
                "revision": skill.revision,
                "commit": skill.commit,
            },
            "files": list(_files(ready.archive.path, ready.bundle.name)),
        }
    )


def _files(path: Path, folder: str) -> Iterator[dict[str, str | bool]]:
    try:
        archive = tarfile.open(path, "r:gz")  # noqa: SIM115  closed below: only its opening may find nothing
    except FileNotFoundError as error:
        raise Unavailable("The archive was removed to make room for others. Ask again.", code="archive_gone") from error
    with archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None, "our archives hold plain files"
            entry: dict[str, str | bool] = {"path": member.name.removeprefix(f"{folder}/"), **_text(file.read())}
            if member.mode & 0o100:
                entry["executable"] = True
            yield entry


def _text(content: bytes) -> dict[str, str]:
    try:
        return {"content": content.decode()}
    except UnicodeDecodeError:
        return {"content": base64.b64encode(content).decode(), "encoding": "base64"}
