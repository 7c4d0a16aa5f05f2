"""Owns the example marketplace: a small one with skills of every shape, whole files in our own words, shipped with the package.

Six plugins: skills below ``skills/`` with scripts and references, a binary asset, a SKILL.md at the plugin's root, a directory
listed in the marketplace entry, and one skill that only editors can read. Never writes anything; whoever asks gets the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from skillport_sync.template.shipped import TemplateFile, shipped

__all__ = ["TemplateFile", "files", "json_bytes", "title_of"]

_EXECUTABLE = frozenset({"plugins/data/skills/csv-profile/scripts/profile.py"})
"""Said here, because file modes do not survive every way a package can be installed."""

_RESTRICTED = "quarter-close"


def files(owner: str = "acme", editors: Sequence[str] = ("demo:ada",)) -> dict[str, TemplateFile]:
    """Every file of the example marketplace by its path, sorted.

    ``owner`` names the organisation in README and manifests; ``editors`` are principal ids (``provider:uid``) that may write, and
    that alone may read the one restricted skill.
    """
    found = shipped("files")
    found["README.md"] = found["README.md"].replace(b"$owner", owner.encode())
    marketplace = json.loads(found[".claude-plugin/marketplace.json"])
    marketplace["name"] = title_of(owner)
    marketplace["owner"]["name"] = owner
    found[".claude-plugin/marketplace.json"] = json_bytes(marketplace)
    found[".skillport/access.json"] = json_bytes(_access(editors))
    return {path: TemplateFile(content, path in _EXECUTABLE) for path, content in sorted(found.items())}


def title_of(owner: str) -> str:
    """What the marketplace of this organisation is called: ``acme-skills``."""
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in owner.lower())
    slug = "-".join(part for part in kept.split("-") if part) or "our"
    return slug if slug.endswith("-skills") else f"{slug}-skills"


def _access(editors: Sequence[str]) -> dict[str, object]:
    people = [{"id": identity, "label": identity.partition(":")[2]} for identity in editors]
    return {
        "version": "1.0",
        "editors": people,
        "skills": {_RESTRICTED: {"read": "editors", "write": "editors"}},
        "defaults": {"read": "*", "write": "editors"},
    }


def json_bytes(value: object) -> bytes:
    """A JSON document as people write it."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
