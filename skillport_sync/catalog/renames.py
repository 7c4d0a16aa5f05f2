"""Owns what became of plugins that had other names: ``renames`` of marketplace.json, its chains followed to their ends.

Problem codes: rename_invalid, rename_cycle.
"""

from __future__ import annotations

from collections.abc import Mapping

from skillport_sync.catalog.json_fields import JsonFields
from skillport_sync.catalog.model import PluginName
from skillport_sync.catalog.names import is_plugin_name

Renames = Mapping[PluginName, PluginName | None]


def read_renames(fields: JsonFields) -> Renames:
    """By former name what the plugin is called now; None where it was removed on purpose. What leads nowhere is left out."""
    written = fields.value.get("renames")
    if written is None:
        return {}
    if not isinstance(written, dict):
        fields.wrong("renames", "an object")
        return {}
    steps: dict[PluginName, PluginName | None] = {}
    for old, new in written.items():
        if not is_plugin_name(old) or not (new is None or (isinstance(new, str) and is_plugin_name(new))):
            message = f"the rename of {old[:80]!r} must name two plugins, or null for one that is gone; it is ignored"
            fields.warn("rename_invalid", ("renames", old), message)
            continue
        steps[PluginName(old)] = None if new is None else PluginName(new)
    return _followed(fields, steps)


def _followed(fields: JsonFields, steps: Renames) -> Renames:
    ends: dict[PluginName, PluginName | None] = {}
    endless: set[PluginName] = set()
    for old in steps:
        chain: dict[PluginName, None] = {}
        at: PluginName | None = old
        while at is not None and at in steps and at not in ends and at not in endless and at not in chain:
            chain[at] = None
            at = steps[at]
        if at is not None and at in chain:
            message = f"{old} is renamed in a circle; nobody can tell what it is called now, so it is ignored"
            fields.warn("rename_cycle", ("renames", at), message)
        if at is not None and (at in chain or at in endless):
            endless.update(chain)
        else:
            ends.update(dict.fromkeys(chain, ends.get(at, at) if at is not None else None))
    return {old: ends[old] for old in steps if old in ends}
