"""Owns a skill as a ``.skill`` package: a zip of one folder that claude.ai and the Skills API accept. Pure.

Bytes are changed on this path only, and every change is told. Never reads a content of the mirror, never decides who may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcp_server.archives.layout import Member
from mcp_server.install.package_files import SKILL_MD, SkillFile, chosen, is_skill_md
from mcp_server.install.package_frontmatter import for_upload
from mcp_server.install.package_name import upload_name
from mcp_server.install.package_rewrite import Rewrite

__all__ = ["CONTENT_TYPE", "MAX_BYTES", "NotPackageable", "Packaged", "Rewrite", "SkillFile", "package"]

MAX_BYTES = 30_000_000
"""Of all files, uncompressed: the Skills API's limit."""
CONTENT_TYPE = "application/zip"


@dataclass(frozen=True, slots=True)
class Packaged:
    name: str
    """What the skill is called in the package: its folder, and the ``name`` of its SKILL.md."""
    members: tuple[Member, ...]
    """For ``layout("zip", …)``. Of their contents only SKILL.md's may be another than the mirror holds."""
    rewrites: tuple[Rewrite, ...]
    size_bytes: int
    """Of all members, uncompressed."""

    @property
    def filename(self) -> str:
        return f"{self.name}.skill"


@dataclass(frozen=True, slots=True)
class NotPackageable:
    """Why there is no package of this skill, and what its author can do. ``code`` is package_too_large or skill_md_not_utf8."""

    code: str
    message: str


def package(name: str, files: Sequence[SkillFile], skill_md: bytes) -> Packaged | NotPackageable:
    """The package of the skill that the catalog calls ``name``. ``skill_md`` is the content of its SKILL.md, which is among
    ``files`` under whatever spelling.
    """
    try:
        skill_md.decode()
    except UnicodeDecodeError as error:
        line = skill_md.count(b"\n", 0, error.start) + 1
        message = f"SKILL.md is not UTF-8 (line {line:,}), so no upload takes it. Save it as UTF-8."
        return NotPackageable("skill_md_not_utf8", message)
    final = upload_name(name)
    written = for_upload(skill_md, name, final)
    kept, renamed = chosen(files)
    size_bytes = len(written.content) + sum(file.size_bytes for file in kept if not is_skill_md(file.path))
    if size_bytes > MAX_BYTES:
        message = f"The skill's files are {size_bytes / 1e6:,.1f} MB together, and an upload takes {MAX_BYTES / 1e6:,.0f} MB. "
        return NotPackageable("package_too_large", message + "Move large files out of it.")
    others = [
        Member(f"{final}/{file.path}", file.executable, file.content) for file in kept if not is_skill_md(file.path)
    ]
    own = Member(
        f"{final}/{SKILL_MD}", any(is_skill_md(file.path) and file.executable for file in kept), written.content
    )
    return Packaged(final, (own, *others), (*written.rewrites, *renamed), size_bytes)
