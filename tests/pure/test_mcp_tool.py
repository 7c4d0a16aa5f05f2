"""What is announced of the tool, and what becomes of arguments before anybody asks anything."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.announced import DEFINITION, DESCRIPTION, INPUT_SCHEMA, INSTRUCTIONS, OUTPUT_SCHEMA
from mcp_server.arguments import TAKES, FetchQuestion, ListQuestion, VersionQuestion, WhoamiQuestion, question_of
from skillport_sync.errors import Invalid
from skillport_sync.queries.answers import InstalledStatus

GOLDEN = Path(__file__).parents[1] / "golden" / "mcp_tool.json"


def test_the_announcement_is_what_was_agreed():
    """Everybody's model reads this: a change is a decision. The file is its whole text, spread out."""
    announced = {"instructions": INSTRUCTIONS, "tool": DEFINITION}
    assert json.loads(GOLDEN.read_text()) == announced


def test_texts_stay_below_the_limits_of_the_clients():
    assert len(DESCRIPTION) < 2_000
    assert len(INSTRUCTIONS) < 2_000
    compact = json.dumps(INPUT_SCHEMA, separators=(",", ":"))
    assert len(compact) < 2_000
    # A rough guard; the benchmarks count real tokens against the limit of 400.
    assert (len(compact) + len(DESCRIPTION) + len(INSTRUCTIONS)) / 4 < 400


def test_the_input_schema_is_flat_and_both_schemas_are_valid():
    assert not {"anyOf", "oneOf", "allOf", "$ref", "$defs"} & set(json.dumps(INPUT_SCHEMA).replace('"', " ").split())
    jsonschema.Draft202012Validator.check_schema(INPUT_SCHEMA)
    jsonschema.Draft202012Validator.check_schema(OUTPUT_SCHEMA)


def test_schema_description_and_code_know_the_same_operations_and_arguments():
    properties = INPUT_SCHEMA["properties"]
    assert properties["operation"]["enum"] == list(TAKES)
    assert {name for names in TAKES.values() for name in names} == set(properties) - {"operation"}
    assert all(f"\n{operation}" in DESCRIPTION for operation in TAKES)
    statuses = OUTPUT_SCHEMA["properties"]["installed"]["items"]["properties"]["status"]["enum"]
    assert statuses == [status.value for status in InstalledStatus]


def test_the_tool_promises_to_change_nothing():
    assert DEFINITION["annotations"] == {
        "title": "Team skills",
        "readOnlyHint": True,
        "destructiveHint": False,
        "idempotentHint": True,
        "openWorldHint": False,
    }


def test_arguments_become_questions():
    assert question_of({}) == ListQuestion()
    assert question_of({"operation": "list", "query": "x", "limit": "7"}) == ListQuestion(query="x", limit=7)
    assert question_of({"operation": "fetch", "skill": "a/b", "paths": "x"}) == FetchQuestion("a/b", ("x",))
    assert question_of({"category": "forms", "plugin": ""}) == ListQuestion(category="forms")
    assert question_of({"operation": "fetch", "skill": "b", "version": "1.0", "commit": "abcdef0"}) == FetchQuestion(
        "b", version="1.0", commit="abcdef0"
    )
    assert question_of({"operation": "version", "skill": "b"}) == VersionQuestion("b")
    assert question_of({"operation": "whoami", "skill": None}) == WhoamiQuestion()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
)


@given(
    st.dictionaries(
        st.sampled_from(["operation", *INPUT_SCHEMA["properties"]]) | st.text(max_size=6),
        st.sampled_from([*TAKES]) | JSON,
        max_size=5,
    )
)
def test_any_arguments_are_a_question_or_a_sentence(arguments):
    said = ""
    try:
        question_of(arguments)
    except Invalid as error:
        said = error.message
    assert said == "" or said.endswith((".", "?"))
    assert len(said) < 400


@given(JSON)
def test_what_the_schema_takes_is_taken(value):
    """Arguments that fit the schema and belong together are never refused for their type."""
    for name in ("query", "plugin", "category"):
        if isinstance(value, str) and len(value) <= 1000:
            question_of({name: value})


@pytest.mark.parametrize("deep", [900])
def test_nesting_does_not_break_the_sentence(deep):
    value: object = 1
    for _ in range(deep):
        value = [value]
    for name in ("operation", "query", "paths"):
        with pytest.raises(Invalid):
            question_of({"operation": "fetch", "skill": "x", name: value} if name == "paths" else {name: value})
