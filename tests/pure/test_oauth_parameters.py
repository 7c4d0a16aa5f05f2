"""Queries and forms: each parameter once, in UTF-8, without control characters; and no bytes that make reading them fail."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.oauth.parameters import MAX_FIELDS, Garbled, Parameters, of_form, of_query

FORM_BYTES = st.binary(max_size=200) | st.lists(
    st.sampled_from([b"a", b"=", b"&", b"%", b"%zz", b"%ff", b"%00", b"+", b";", b"\xff", b"state", b"resource"]),
    max_size=40,
).map(b"".join)
VALUES = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


@given(FORM_BYTES)
def test_no_form_is_too_odd_to_be_judged(body):
    found = of_form(body)
    assert isinstance(found, Parameters | Garbled)
    if isinstance(found, Parameters):
        for values in found.values.values():
            "".join(values).encode()  # nothing in it that could not be stored


@given(st.text(max_size=200))
def test_no_query_is_too_odd_to_be_judged(raw):
    assert isinstance(of_query(raw), Parameters | Garbled)


@given(st.dictionaries(VALUES, VALUES, max_size=10))
def test_what_was_sent_is_what_is_read(sent):
    for found in (of_form(urlencode(sent).encode()), of_query(urlencode(sent))):
        assert isinstance(found, Parameters)
        assert found.single() == sent


@pytest.mark.parametrize(
    "body",
    [
        b"state=a&state=b",
        b"state=a&state=a",
        b"state=&state=a",
        b"client_id=a&scope=x&client_id=a",
        b"st%61te=a&state=b",
        b"state=%00",
        b"state=a%0d%0aLocation:%20x",
        b"%1f=a",
        b"state=%ff",
        b"state=\xff",
        b"&".join(b"p%d=1" % at for at in range(MAX_FIELDS + 1)),
    ],
)
def test_what_is_repeated_or_not_text_or_too_much_is_garbled(body):
    assert isinstance(of_form(body), Garbled)


def test_a_raw_byte_in_an_address_is_garbled():
    assert isinstance(of_query("state=\udcff"), Garbled)
    assert isinstance(of_query("state=ü"), Garbled)


def test_resource_alone_may_come_more_than_once():
    found = of_query("resource=a&resource=b&resource=")
    assert isinstance(found, Parameters)
    assert found.every("resource") == ("a", "b")


def test_a_parameter_without_a_value_was_not_sent():
    found = of_query("state=&code&scope=+skills")
    assert isinstance(found, Parameters)
    assert (found.one("state"), found.one("code"), found.one("nothing")) == (None, None, None)
    assert found.single() == {"scope": " skills"}
