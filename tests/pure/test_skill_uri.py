"""Addresses of skills: one spelling each, and every spelling read as what it says."""

from __future__ import annotations

import string
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_server.skill_uri import MAX_CHARACTERS, SkillUri, readings

WORDS = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=12)
MARKETPLACES = st.lists(
    st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=8), min_size=1, max_size=2
).map("/".join)
PATHS = st.lists(WORDS, max_size=4).map("/".join)
URIS = st.builds(SkillUri, MARKETPLACES, WORDS, WORDS, PATHS)


@given(URIS)
@example(SkillUri("acme/skills", "a?b#c", "100%", "späße/☃ 100%.md"))
@example(SkillUri("acme", "%2F", "..", "a%2Fb"))
def test_an_address_is_read_as_what_was_written(uri: SkillUri) -> None:
    assert uri in readings(str(uri))
    assert len(readings(str(uri))) <= 2


@given(URIS, URIS)
def test_two_addresses_are_spelled_alike_only_where_a_marketplace_of_two_words_may_be_one_of_one(
    one: SkillUri, other: SkillUri
) -> None:
    if str(one) == str(other) and one != other:
        assert one.marketplace.count("/") != other.marketplace.count("/")
        assert set(readings(str(one))) == {one, other}


@given(URIS)
def test_an_address_is_plain_ascii_without_anything_that_means_something_in_a_url(uri: SkillUri) -> None:
    spelled = str(uri)
    assert spelled.isascii()
    assert spelled.isprintable()
    assert " " not in spelled
    split = urlsplit(spelled)
    assert (split.scheme, split.netloc, split.query, split.fragment) == (
        "skill",
        uri.marketplace.partition("/")[0],
        "",
        "",
    )


@given(URIS)
def test_whatever_is_encoded_that_need_not_be_is_read_the_same(uri: SkillUri) -> None:
    def encoded(word: str) -> str:
        return "".join(f"%{byte:02x}" for byte in word.encode())

    words = [uri.marketplace, *(encoded(word) for word in (uri.plugin, uri.skill, *uri.path.split("/")) if word)]
    assert uri in readings(f"SKILL://{'/'.join(words)}")


@given(st.text())
@example("skill://")
@example("skill://acme/docs")
@example("skill://a/%ff/c")
@example("skill://a/b/c?x")
def test_reading_never_fails(text: str) -> None:
    for uri in readings(text):
        assert isinstance(uri, SkillUri)


@pytest.mark.parametrize(
    "text",
    [
        "", "skill:", "skill://", "skill://acme", "skill://acme/docs", "skill://acme//pdf/SKILL.md", "skill:///docs/pdf/x",
        "skill://acme/docs/pdf/", "skill://acme/docs/pdf/a//b", "skill://acme/docs%2Fpdf/x", "skill://acme/docs/pdf/a%2Fb",
        "skill://acme/docs/pdf/x?y", "skill://acme/docs/pdf/x#y", "skill://acme/docs/pdf/%ff", "https://acme/docs/pdf/SKILL.md",
        "test://nonexistent", "skill://acme/docs/pdf/" + "x" * MAX_CHARACTERS,
    ],
)  # fmt: skip
def test_what_is_no_address_of_ours_is_none(text: str) -> None:
    assert readings(text) == ()


def test_a_directory_has_no_slash_at_its_end_and_the_skill_itself_is_one() -> None:
    assert str(SkillUri("acme", "docs", "pdf", "")) == "skill://acme/docs/pdf"
    assert readings("skill://acme/docs/pdf") == (SkillUri("acme", "docs", "pdf", ""),)
    assert readings("skill://acme/skills/docs/pdf") == (
        SkillUri("acme/skills", "docs", "pdf", ""),
        SkillUri("acme", "skills", "docs", "pdf"),
    )
