"""Owns what a new marketplace repository begins with: the example marketplace, the skill ``skillport`` and a workflow that lints.

Says which files there are; writing them is somebody else's business.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from skillport_sync.catalog.names import remarks_on_marketplace
from skillport_sync.errors import Invalid
from skillport_sync.template import TemplateFile, files, json_bytes, title_of
from skillport_sync.template.own_skill import own_skill
from skillport_sync.template.shipped import shipped

MARKETPLACE_PATH: Final = ".claude-plugin/marketplace.json"
UNKNOWN_SERVICE: Final = "https://<your service>"


@dataclass(frozen=True, slots=True)
class NewMarketplace:
    """``name`` is what people type after the ``@`` of a plugin. ``files`` are sorted by path."""

    name: str
    files: dict[str, TemplateFile]


def new_marketplace(owner: str, editors: Sequence[str] = (), service: str | None = None) -> NewMarketplace:
    """A marketplace of this organisation. ``editors`` are principal ids; ``service`` is the address people reach it at.

    Raises:
        Invalid: Claude Code would refuse a marketplace of the name that ``owner`` makes.
    """
    name = title_of(owner)
    for remark in remarks_on_marketplace(name):
        raise Invalid(f"{remark.message}: choose another --owner", code=remark.code)
    own = own_skill()
    found = files(owner, list(dict.fromkeys(editors)))
    found |= {f"plugins/{own.plugin}/{path}": file for path, file in own.plugin_files.items()}
    found |= {path: TemplateFile(content, False) for path, content in shipped("repository").items()}
    found[MARKETPLACE_PATH] = _with_entry(found[MARKETPLACE_PATH], own.plugin, dict(own.entry))
    readme = found["README.md"].content.replace(b"$owner", owner.encode())
    found["README.md"] = TemplateFile(readme.replace(b"$service", (service or UNKNOWN_SERVICE).encode()), False)
    return NewMarketplace(name, dict(sorted(found.items())))


def _with_entry(marketplace: TemplateFile, plugin: str, entry: dict[str, object]) -> TemplateFile:
    document = json.loads(marketplace.content)
    document["plugins"].insert(0, {"name": plugin, "source": f"./plugins/{plugin}", **entry})
    return TemplateFile(json_bytes(document), False)
