"""Owns a plugin's entry in marketplace.json: putting it there, changing what it says, taking it out."""

from __future__ import annotations

from skillport_sync.catalog.change import manifests
from skillport_sync.catalog.change.present import Present
from skillport_sync.catalog.change.saving import elsewhere
from skillport_sync.catalog.change.wishes import ChangeRefused, Planned, Publish
from skillport_sync.catalog.model import OWN_SOURCE, Skill, Surface
from skillport_sync.catalog.skill_files import is_in

_SURFACE = "surface:"
_SURFACES = frozenset(f"{_SURFACE}{surface.value}" for surface in Surface)
_MAX_CHARACTERS = 1_000
_MAX_WORDS = 50


def publish(present: Present, wish: Publish, target: Skill) -> Planned | ChangeRefused:
    """The edit after which the skill's plugin is listed, with what the wish says of it."""
    plugin = target.plugin
    if plugin.source != OWN_SOURCE:
        return elsewhere(plugin)
    wrong = _why_not(wish)
    if wrong is not None:
        return wrong
    marketplace = present.marketplace
    if isinstance(marketplace, ChangeRefused):
        return marketplace
    at = present.entry_of(plugin.name)
    version = plugin.version
    said: dict[str, object] = {
        "description": wish.description.strip(),
        **({"version": version} if version is not None else {}),
        **({"category": wish.category} if wish.category else {}),
        "tags": list(wish.tags),
        **({"keywords": list(wish.keywords)} if wish.keywords is not None else {}),
    }
    if at is not None:
        changes = [manifests.setting(("plugins", at, name), value) for name, value in said.items()]
    else:
        entry = {"name": str(plugin.name), "source": f"./{plugin.directory}", **said}
        count = _entries(present)
        changes = [manifests.setting(("plugins", count), entry)]
    edit = manifests.of_marketplace(present, changes)
    verb = "Publish" if at is None else "Change the entry of"
    return Planned(
        () if edit is None else (edit,), plugin.name, target.name, f"{verb} {plugin.name}", entry_created=at is None
    )


def unpublish(present: Present, target: Skill) -> Planned | ChangeRefused:
    """The edit after which the skill's plugin is not listed any more; who knows its name still finds it."""
    plugin = target.plugin
    at = present.entry_of(plugin.name)
    if at is None:
        return ChangeRefused("not_published", f"the plugin {plugin.name} has no entry in marketplace.json")
    if plugin.source != OWN_SOURCE:
        return elsewhere(plugin)
    parent, _, name = plugin.directory.rpartition("/")
    if parent != present.plugin_root or name != plugin.name or not is_in(target.directory, plugin.directory):
        message = (
            f"without its entry nobody would find {plugin.name}: only directories in {present.plugin_root}/ that are called as "
            "their plugin are. Delete the skill, or move the plugin first"
        )
        return ChangeRefused("would_disappear", message, plugin.directory)
    edit = manifests.of_marketplace(present, [manifests.removing(("plugins", at))])
    return Planned(() if edit is None else (edit,), plugin.name, target.name, f"Take {plugin.name} out of the list")


def _entries(present: Present) -> int:
    marketplace = present.marketplace
    assert not isinstance(marketplace, ChangeRefused)
    assert isinstance(marketplace.value, dict)
    return len(marketplace.value["plugins"])


def _why_not(wish: Publish) -> ChangeRefused | None:
    if not wish.description.strip():
        return ChangeRefused("description_missing", "send a description of the plugin")
    for tag in wish.tags:
        if tag.startswith(_SURFACE) and tag not in _SURFACES:
            return ChangeRefused("surface_unknown", f"{tag[:80]!r} is none of {', '.join(sorted(_SURFACES))}")
    if not set(wish.tags) & _SURFACES:
        message = f"tags need one that says where the skill is meant to be used: {', '.join(sorted(_SURFACES))}"
        return ChangeRefused("surface_missing", message)
    texts = [wish.description, wish.category or "", *wish.tags, *(wish.keywords or ())]
    if max(map(len, texts)) > _MAX_CHARACTERS or len(texts) > _MAX_WORDS:
        return ChangeRefused(
            "entry_too_long", f"one text may have {_MAX_CHARACTERS:,} characters, and there may be {_MAX_WORDS}"
        )
    return None
