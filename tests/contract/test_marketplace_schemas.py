"""Owns the check against the published schemas of marketplace.json and plugin.json, where copies lie beside the checkout.

Documents are generated from the schemas themselves: what these accept, our readers read whole and without a complaint. The
published schemas are of April 2026 and lag behind Claude Code, in both directions; ``STRICTER`` and ``NEWER`` say where.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillport_sync.catalog.entry_source import EXTERNAL_KINDS, ExternalSource, RelativeSource
from skillport_sync.catalog.frontmatter import read_frontmatter
from skillport_sync.catalog.manifest import Marketplace, read_marketplace, read_plugin_manifest
from skillport_sync.catalog.model import Remark, Severity

FOLDER = Path(os.environ.get("SKILLPORT_SHARED", Path(__file__).parents[3] / "shared")) / "schemas"
MARKETPLACE, PLUGIN = "schemastore-claude-code-marketplace.json", "schemastore-claude-code-plugin-manifest.json"
SOURCE, FRONTMATTER = "derived-plugin-source.schema.json", "derived-skill-frontmatter.schema.json"

Schema = Mapping[str, Any]


def _schema(name: str) -> Schema:
    path = FOLDER / name
    return json.loads(path.read_bytes()) if path.is_file() else {}


SCHEMAS = {name: _schema(name) for name in (MARKETPLACE, PLUGIN, SOURCE, FRONTMATTER)}

pytestmark = pytest.mark.skipif(
    not all(SCHEMAS.values()),
    reason=f"the published schemas are not at {FOLDER}; set SKILLPORT_SHARED to where they are",
)

NAMES = st.from_regex(r"[A-Za-z0-9][-A-Za-z0-9._]{0,40}", fullmatch=True)
DIRECTORIES = st.lists(st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._ -]{0,8}", fullmatch=True), max_size=3).map("/".join)
RELATIVE = DIRECTORIES.map(lambda directory: f"./{directory}")
REPOSITORIES = st.from_regex(r"[A-Za-z0-9-]{1,8}/[A-Za-z0-9_-]{1,8}", fullmatch=True)
STRICTER: Mapping[str, st.SearchStrategy[Any]] = {
    "name": NAMES,
    "plugins[].name": NAMES,
    "plugins[].source": RELATIVE,
    "plugins[].skills": RELATIVE,
    "plugins[].skills[]": RELATIVE,
    "plugins[].source.ref": st.sampled_from(["main", "v1.0.0", "release/2026"]),
    "plugins[].source.repo": REPOSITORIES,
    "plugins[].source.path": DIRECTORIES.filter(bool),
    "plugins[].source.package": st.text(min_size=1, max_size=8),
    "plugins[].source.url": st.one_of(
        REPOSITORIES.flatmap(
            lambda its: st.sampled_from([f"https://github.com/{its}.git", f"git@github.com:{its}.git", its])
        ),
        st.text(min_size=1),
    ),
    "metadata.pluginRoot": RELATIVE,
    "skills": RELATIVE,
    "skills[]": RELATIVE,
}
"""Where the schemas take any text, and Claude Code 2.1.329, or whoever follows the path, does not."""

NEWER = {"archive": {"url": "https://files.example/x.zip"}, "command": {"command": "make x"}}
"""Kinds of sources that the published schema does not know yet."""

HARMLESS = frozenset(
    {"marketplace_name_invalid", "marketplace_name_reserved", "plugin_name_reserved", "plugin_name_not_kebab"}
)
"""What is said of names that the schemas allow and one client or another refuses."""


def documents(schema: Schema, where: str = "") -> st.SearchStrategy[Any]:
    """Documents that this schema describes. What it cannot say in general is left to ``accepted`` to sort out."""
    if where in STRICTER and schema.get("type", "string") == "string" and "anyOf" not in schema:
        return STRICTER[where]
    for combined in ("anyOf", "oneOf"):
        if combined in schema:
            return st.one_of([documents(option, where) for option in schema[combined] if option != {"not": {}}])
    if "allOf" in schema:
        patterns = [part["pattern"] for part in schema["allOf"] if "pattern" in part]
        suffix = ".json" if any("json" in pattern for pattern in patterns) else ".md"
        return RELATIVE.map(lambda path: f"{path}x{suffix}")
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _BY_TYPE.get(schema.get("type", ""), _anything)(schema, where)


_ANY_PATH = r"^\.\/.*"
"""What the schemas say of every path. Claude Code takes none with ".." or a backslash."""


def _text(schema: Schema, _where: str) -> st.SearchStrategy[str]:
    if schema.get("format") == "uri":
        return st.sampled_from(["https://acme.example", "https://acme.example/a?b=c#d", "http://[::1]:8080/x"])
    if schema.get("pattern") == _ANY_PATH:
        return RELATIVE
    if "pattern" in schema:
        return st.from_regex(
            schema["pattern"], fullmatch=True, alphabet=st.characters(min_codepoint=32, max_codepoint=126)
        )
    return st.text(min_size=schema.get("minLength", 0), max_size=max(12, schema.get("minLength", 0)))


def _number(schema: Schema, _where: str) -> st.SearchStrategy[int]:
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    return st.integers(least, schema.get("maximum", least + 100))


def _list(schema: Schema, where: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(documents(schema.get("items", {}), f"{where}[]"), max_size=3)


def _object(schema: Schema, where: str) -> st.SearchStrategy[dict[str, Any]]:
    properties: Schema = schema.get("properties", {})
    below = {name: documents(its, f"{where}.{name}".lstrip(".")) for name, its in properties.items()}
    required = {name: below[name] for name in schema.get("required", ())}
    optional = {name: its for name, its in below.items() if name not in required}
    known = st.fixed_dictionaries(required, optional=optional)
    if not schema.get("additionalProperties"):
        return known
    names = documents(schema.get("propertyNames", {"type": "string"}))
    more = st.dictionaries(names, documents(schema["additionalProperties"], f"{where}.*"), max_size=2)
    return st.tuples(known, more).map(lambda both: {**both[1], **both[0]})


def _anything(_schema: Schema, _where: str) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=5))


_BY_TYPE: Mapping[str, Callable[[Schema, str], st.SearchStrategy[Any]]] = {
    "string": _text,
    "number": _number,
    "integer": _number,
    "boolean": lambda _schema, _where: st.booleans(),
    "array": _list,
    "object": _object,
}


def accepted(name: str) -> st.SearchStrategy[Any]:
    """Documents that the schema of this name accepts."""
    schema = SCHEMAS[name]
    if not schema:
        return st.nothing()
    return documents(schema).filter(jsonschema.validators.validator_for(schema)(schema).is_valid)


UNHURRIED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
GENERATED = settings(max_examples=150, deadline=None, suppress_health_check=UNHURRIED)


def complaints(remarks: tuple[Remark, ...]) -> list[tuple[str, str]]:
    return [(remark.code, remark.message) for remark in remarks if remark.code not in HARMLESS]


@given(accepted(MARKETPLACE))
@GENERATED
def test_what_the_published_schema_of_marketplace_json_accepts_is_read_without_a_complaint(
    document: dict[str, Any],
) -> None:
    read = read_marketplace(json.dumps(document).encode())
    assert isinstance(read, Marketplace)
    assert complaints(read.remarks) == []
    assert [entry.name for entry, _ in read.entries] == [entry["name"] for entry in document["plugins"]]
    assert read.title == document["name"].strip()
    for (entry, _), written in zip(read.entries, document["plugins"], strict=True):
        assert isinstance(entry.source, RelativeSource if isinstance(written["source"], str) else ExternalSource)
        assert entry.strict is written.get("strict", True)
        assert entry.tags == tuple(written.get("tags", ()))
        assert entry.declared.version == (written.get("version", "").strip() or None)


@given(accepted(PLUGIN))
@GENERATED
def test_what_the_published_schema_of_plugin_json_accepts_is_read_without_a_complaint(document: dict[str, Any]) -> None:
    manifest, remarks = read_plugin_manifest(json.dumps(document).encode())
    assert manifest is not None
    assert complaints(remarks) == []
    assert manifest.name == document["name"].strip()
    assert manifest.declared.keywords == tuple(document.get("keywords", ()))


TYPED = ("version", "description", "author", "homepage", "repository", "license", "keywords", "skills")
"""The fields of plugin.json that this service reads, or knows Claude Code to refuse by type."""


@pytest.mark.parametrize("field", TYPED)
def test_what_the_published_schema_of_plugin_json_refuses_by_type_is_complained_of(field: str) -> None:
    check = jsonschema.validators.validator_for(SCHEMAS[PLUGIN])(SCHEMAS[PLUGIN]).is_valid
    wrong: object
    for wrong in (5, True, {"a": 1}, [{}], "text"):
        document: dict[str, object] = {"name": "p", field: wrong}
        if check(document) or (field, wrong) in (("homepage", "text"), ("author", {"a": 1})):
            continue  # not a matter of type: a format, a name that is missing
        _, remarks = read_plugin_manifest(json.dumps(document).encode())
        assert {remark.code for remark in remarks} & {"field_wrong_type", "skills_path_invalid"}, document


def test_the_kinds_of_sources_are_those_of_the_derived_schema() -> None:
    """The published schema lacks two of them: it is known to be older."""
    described = {
        option["properties"]["source"]["const"]
        for option in SCHEMAS[SOURCE].get("oneOf", ())
        if option["type"] == "object"
    }
    published = SCHEMAS[MARKETPLACE]["properties"]["plugins"]["items"]["properties"]["source"]["anyOf"]
    older = {option["properties"]["source"]["const"] for option in published if option["type"] == "object"}
    assert described == EXTERNAL_KINDS
    assert described - older == set(NEWER)


@pytest.mark.parametrize("kind", NEWER)
def test_sources_that_are_newer_than_the_published_schema_are_read(kind: str) -> None:
    source = {"source": kind, **NEWER[kind]}
    assert jsonschema.validators.validator_for(SCHEMAS[SOURCE])(SCHEMAS[SOURCE]).is_valid(source)
    entry = {"name": "p", "source": source, "headers": {"X": "y"}, "displayName": "P"}
    read = read_marketplace(
        json.dumps({"name": "m", "owner": {"name": "o"}, "plugins": [entry], "renames": {"a": "p"}}).encode()
    )
    assert isinstance(read, Marketplace)
    assert complaints(read.remarks) == []
    assert [entry.source.kind for entry, _ in read.entries if isinstance(entry.source, ExternalSource)] == [kind]


FENCE = "---"


@given(accepted(FRONTMATTER))
@GENERATED
def test_frontmatter_that_every_surface_accepts_is_read_as_it_stands(document: dict[str, Any]) -> None:
    """JSON values are YAML values. A fence inside a value ends the block: Claude Code has it so."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
    if any(FENCE in line for line in lines):
        return
    frontmatter = read_frontmatter("\n".join([FENCE, *lines, FENCE, "Body", ""]).encode())
    assert frontmatter.values == json.loads(json.dumps(document))
    assert [remark for remark in frontmatter.problems if remark.severity is not Severity.INFO] == []
