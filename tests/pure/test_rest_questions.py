"""Whatever is sent to the REST API is a question or a sentence, never an accident."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.install.links import Target
from mcp_server.rest.questions import (
    MAX_TEXT,
    At,
    Browse,
    at_of,
    browse_of,
    installed_of,
    label_of,
    target_of,
)
from skillport_sync.errors import Invalid
from skillport_sync.queries.answers import Installed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
PLAIN = st.text(min_size=1, max_size=20).filter(lambda text: text.strip())
ENTRY = st.fixed_dictionaries(
    {"name": PLAIN}, optional=dict.fromkeys(("version", "revision", "plugin", "marketplace"), PLAIN)
)
PARAMETERS = st.dictionaries(
    st.sampled_from(["q", "surface", "plugin", "published", "version", "commit", "target", "refresh", "x"]),
    st.text(max_size=20) | st.just("x" * (MAX_TEXT + 1)) | st.sampled_from(["true", "False", "package"]),
)


def read_or_told(read, sent):
    """What was read; None where a sentence said what to send instead. Any other error is none of ours to expect."""
    try:
        return read(sent)
    except Invalid as error:
        told = error.message
    assert told.endswith(".")
    return None


@given(
    st.binary(max_size=200) | JSON.map(orjson.dumps) | JSON.map(lambda entries: orjson.dumps({"installed": entries}))
)
def test_a_body_is_read_or_refused_in_a_sentence(body):
    assert all(one.name.strip() for one in read_or_told(installed_of, body) or ())


@given(st.lists(ENTRY, max_size=5), JSON)
def test_what_is_installed_comes_through_whatever_stands_beside_it(entries, more):
    sent = [{"files": more, "format": 1, **entry} for entry in entries]
    assert installed_of(orjson.dumps({"installed": sent, "more": more})) == tuple(
        Installed(**entry) for entry in entries
    )


@given(PARAMETERS)
def test_parameters_are_read_or_refused_in_a_sentence(parameters):
    for read in (browse_of, at_of, target_of):
        read_or_told(read, parameters)


def test_an_empty_parameter_is_none():
    assert browse_of({"q": "", "surface": " ", "plugin": "", "published": ""}) == Browse()
    assert at_of({"version": "", "commit": ""}) == At()
    assert target_of({"target": ""}) is Target.PACKAGE


def test_a_target_is_named_as_the_tool_names_it():
    assert target_of({"target": "claude-code"}) is Target.CLAUDE_CODE
    assert target_of({"target": "package"}) is Target.PACKAGE
    with pytest.raises(Invalid, match="claude-code or package"):
        target_of({"target": "zip"})


def test_a_label_is_a_name_or_plugin_and_name():
    assert label_of({"name": "pdf"}) == "pdf"
    assert label_of({"name": "pdf", "plugin": "docs"}) == "docs/pdf"
    assert label_of({"name": "docs/pdf"}) == "docs/pdf"
    with pytest.raises(Invalid):
        label_of({"name": "x" * (MAX_TEXT + 1)})
