"""Owns the answer to an install link in JSON: all files of a skill, as the predecessor's links answered. Only reads an
archive."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Iterator
from typing import Final

import orjson

from mcp_server.archives.making import AGAIN_IN_S, Archive
from mcp_server.install.links import Ready
from skillport_sync.errors import Unavailable

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of all files together: the answer is in memory as a whole, and more than once."""


def files_json(ready: Ready) -> bytes:
    """``{skill_name, skill_version, skill, files: [{path, content, encoding?, executable?}]}``; what is not UTF-8 is base64.

    For a worker thread. Raises: Unavailable where the archive has made room meanwhile, or the disk does not give it back.
    """
    skill, packed = ready.skill, _read(ready.archive)
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
            "files": list(_files(packed, ready.bundle.name)),
        }
    )


def _read(archive: Archive) -> bytes:
    """Its bytes, as they were written. tarfile would take what is cut for a shorter archive."""
    try:
        packed = archive.path.read_bytes()
        if hashlib.sha256(packed).hexdigest() == archive.sha256:
            return packed
        archive.path.unlink(missing_ok=True)  # whoever asks again has it made anew
    except FileNotFoundError as error:
        raise Unavailable("The archive was removed to make room for others. Ask again.", code="archive_gone") from error
    except OSError as error:
        raise Unavailable(
            f"The server cannot read its archives ({error.strerror or error}). Tell an operator, then try again.",
            code="archives_unreadable",
            retry_after_s=AGAIN_IN_S,
        ) from error
    raise Unavailable("The server's disk has changed the archive. Ask again.", code="archive_damaged")


def _files(packed: bytes, folder: str) -> Iterator[dict[str, str | bool]]:
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
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
