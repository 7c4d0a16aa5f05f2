"""Owns the example marketplace: a small one with skills of every shape, whole files in our own words, shipped with the package.

Six plugins: skills below ``skills/`` with scripts and references, a binary asset, a SKILL.md at the plugin's root, a directory
listed in the marketplace entry, and one skill that only editors can read. Never writes anything; whoever asks gets the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files as resources_of
from importlib.resources.abc import Traversable

_EXECUTABLE = frozenset({"plugins/data/skills/csv-profile/scripts/profile.py"})
"""Said here, because file modes do not survive every way a package can be installed."""

_RESTRICTED = "quarter-close"
_NOT_OURS = frozenset({"__pycache__", ".DS_Store"})


@dataclass(frozen=True, slots=True)
class TemplateFile:
    content: bytes
    executable: bool


def files(owner: str = "acme", editors: Sequence[str] = ("demo:ada",)) -> dict[str, TemplateFile]:
    """Every file of the example marketplace by its path, sorted.

    ``owner`` names the organisation in README and manifests; ``editors`` are principal ids (``provider:uid``) that may write, and
    that alone may read the one restricted skill.
    """
    found = dict(_below(resources_of(__name__) / "files", ""))
    found["README.md"] = found["README.md"].replace(b"$owner", owner.encode())
    marketplace = json.loads(found[".claude-plugin/marketplace.json"])
    marketplace["name"] = f"{_slug(owner)}-skills"
    marketplace["owner"]["name"] = owner
    found[".claude-plugin/marketplace.json"] = _json(marketplace)
    found[".skillport/access.json"] = _json(_access(editors))
    return {path: TemplateFile(content, path in _EXECUTABLE) for path, content in sorted(found.items())}


def _access(editors: Sequence[str]) -> dict[str, object]:
    people = [{"id": identity, "label": identity.partition(":")[2]} for identity in editors]
    return {
        "version": "1.0",
        "editors": people,
        "skills": {_RESTRICTED: {"read": people, "write": "editors"}},
        "defaults": {"read": "*", "write": "editors"},
    }


def _below(directory: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in directory.iterdir():
        if entry.name in _NOT_OURS:
            continue
        if entry.is_dir():
            yield from _below(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _slug(owner: str) -> str:
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in owner.lower())
    return "-".join(part for part in kept.split("-") if part) or "our"
