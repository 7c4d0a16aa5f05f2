"""From a body to a wish: what was meant arrives unchanged, and whatever else is sent ends in a sentence."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.rest.changes_asked import body_of, bump_of, publish_of, rename_of, save_of, terms_of
from skillport_sync.catalog.change.wishes import FileWish, Part
from skillport_sync.errors import Invalid

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KNOWN = [
    "files",
    "skill_group",
    "plugin_metadata",
    "base_revision",
    "dry_run",
    "confirm",
    "commitMessage",
    "marketplace",
]
KNOWN += ["type", "to", "description", "tags", "keywords", "category", "allow_secrets", "path", "content", "encoding"]
REVISION = "0123456789abcdef" * 2 + "01234567"


def refusal_of(understand: Callable[[], object]) -> Invalid | None:
    """Why it was not understood; None where it was."""
    try:
        understand()
    except Invalid as refused:
        return refused
    return None


def code(refused: pytest.ExceptionInfo[Invalid]) -> str:
    return refused.value.code


@given(
    st.lists(
        st.tuples(TEXT.filter(str.strip), st.binary(min_size=1), st.none() | st.booleans()), min_size=1, max_size=5
    )
)
def test_bytes_arrive_as_they_were_sent(files: list[tuple[str, bytes, bool | None]]) -> None:
    sent = [
        {"path": path, "content": base64.encodebytes(content).decode(), "encoding": "base64", "executable": executable}
        for path, content, executable in files
    ]
    wish = save_of("pdf", None, body_of(json.dumps({"files": sent}).encode()))
    assert wish.files == tuple(FileWish(path, content, executable) for path, content, executable in files)


@given(TEXT)
def test_text_arrives_as_utf_8(text: str) -> None:
    wish = save_of("pdf", None, body_of(json.dumps({"files": [{"path": "a", "content": text}]}).encode()))
    assert wish.files == (FileWish("a", text.encode(), None),)


@pytest.mark.parametrize("encoding", [None, "base64"])
def test_no_content_is_no_file(encoding: str | None) -> None:
    wish = save_of("pdf", None, {"files": [{"path": "a", "content": "", "encoding": encoding}]})
    assert wish.files == (FileWish("a", None, None),)


@given(st.dictionaries(st.sampled_from(KNOWN), JSON))
def test_whatever_is_sent_is_understood_or_refused(body: dict[str, object]) -> None:
    for understand in (
        lambda: save_of("pdf", None, body),
        lambda: bump_of("pdf", body),
        lambda: publish_of("pdf", body),
        lambda: rename_of("pdf", body),
        lambda: terms_of(body, {}, None),
    ):
        refused = refusal_of(understand)
        assert refused is None or (refused.message.endswith(".") and refused.code != Invalid.default_code)


@given(st.binary(max_size=40))
def test_a_body_is_an_object_or_refused(raw: bytes) -> None:
    refused = refusal_of(lambda: body_of(raw))
    assert refused is None or refused.code == "not_json"


def test_terms_are_read_from_the_body_the_address_and_the_header() -> None:
    body = {"base_revision": REVISION, "dry_run": True, "commitMessage": " Why\n", "marketplace": "acme"}
    terms = terms_of(body, {"confirm": "true"}, f'"{REVISION}"')
    assert (terms.base, terms.dry_run, terms.confirmed) == (REVISION, True, True)
    assert (terms.message, terms.marketplace) == ("Why", "acme")
    nothing = terms_of({}, {"dry_run": "", "confirm": "no"}, "*")
    assert nothing == terms_of({}, {}, None)
    assert (nothing.base, nothing.dry_run, nothing.confirmed, nothing.message) == (None, False, False, None)


@pytest.mark.parametrize(
    ("body", "query", "header", "expected"),
    [
        ({"base_revision": REVISION}, {}, "0" * 40, "base_revision_twice"),
        ({"base_revision": REVISION[:12]}, {}, None, "base_revision_malformed"),
        ({}, {}, '"nonsense"', "base_revision_malformed"),
        ({"dry_run": "true"}, {}, None, "argument_type"),
        ({}, {"dry_run": "perhaps"}, None, "argument_type"),
        ({"commitMessage": "x" * 501}, {}, None, "argument_too_long"),
        ({"commitMessage": 7}, {}, None, "argument_type"),
    ],
)
def test_terms_that_contradict_or_mean_nothing_are_refused(body, query, header, expected) -> None:
    with pytest.raises(Invalid) as refused:
        terms_of(body, query, header)
    assert code(refused) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "files_missing"),
        ({"files": []}, "files_missing"),
        ({"files": {"path": "a"}}, "files_missing"),
        ({"files": ["a"]}, "file_malformed"),
        ({"files": [{"path": "a"}]}, "file_malformed"),
        ({"files": [{"path": " ", "content": "x"}]}, "file_malformed"),
        ({"files": [{"path": "a", "content": None}]}, "file_malformed"),
        ({"files": [{"path": "a", "content": "x", "executable": "yes"}]}, "argument_type"),
        ({"files": [{"path": "a", "content": "x", "encoding": "hex"}]}, "encoding_unknown"),
        ({"files": [{"path": "a", "content": "é", "encoding": "base64"}]}, "base64_invalid"),
        ({"files": [{"path": "a", "content": "abc", "encoding": "base64"}]}, "base64_invalid"),
        ({"files": [{"path": "a", "content": "YW!Jj", "encoding": "base64"}]}, "base64_invalid"),
        ({"files": [{"path": "a", "content": "x"}], "plugin_metadata": "x"}, "argument_type"),
        ({"files": [{"path": "a", "content": "x"}], "skill_group": "other"}, "group_differs"),
    ],
)
def test_files_that_mean_nothing_are_refused(body, expected) -> None:
    with pytest.raises(Invalid) as refused:
        save_of("pdf", "docs", body)
    assert code(refused) == expected


def test_the_other_changes_say_what_they_need() -> None:
    assert bump_of("pdf", {"type": "minor"}).part is Part.MINOR
    assert rename_of("pdf", {"to": " forms "}).to == "forms"
    published = publish_of("pdf", {"description": "x", "tags": ["surface:CC"]})
    assert (published.tags, published.keywords, published.category) == (("surface:CC",), None, None)
