"""What clients say of themselves: little is believed, nothing makes reading it fail."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.oauth.client_metadata import ClientMetadata, Unacceptable, of_document, of_registration

HOSTED = "https://claude.ai/api/mcp/auth_callback"
LOCAL = "http://localhost:57297/callback"
URL = "https://claude.ai/oauth/claude-code-client-metadata"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = (
    "client_id",
    "client_name",
    "redirect_uris",
    "grant_types",
    "response_types",
    "scope",
    "token_endpoint_auth_method",
    "client_secret",
)


def said(**members: object) -> bytes:
    return json.dumps({"client_name": "Claude", "redirect_uris": [HOSTED], **members}).encode()


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_are_too_odd_to_be_judged(body):
    for found in (of_registration(body, set()), of_document(body, URL, set())):
        assert isinstance(found, ClientMetadata | Unacceptable)


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=8))
def test_no_members_are_too_odd_to_be_judged(members):
    for found in (
        of_registration(said(**members), set()),
        of_document(said(client_id=URL, **members) if "client_id" not in members else said(**members), URL, set()),
    ):
        assert isinstance(found, ClientMetadata | Unacceptable)
        if isinstance(found, ClientMetadata):
            assert found.redirect_uris


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'"text"', b"{", b"\xff", b"[" * 1000 + b"]" * 1000, b'{"a":' * 2000 + b"1" + b"}" * 2000],
)
def test_what_is_no_json_object_is_refused(body):
    assert isinstance(of_registration(body, set()), Unacceptable)


def test_claudes_hosted_and_local_registrations_are_taken():
    hosted = of_registration(said(token_endpoint_auth_method="client_secret_post", scope="claudeai skills"), set())
    assert isinstance(hosted, ClientMetadata)
    assert hosted.asked_scope == "skills"
    local = of_registration(
        said(
            redirect_uris=[LOCAL],
            application_type="native",
            scope="skills:read offline_access",
            token_endpoint_auth_method="none",
            logo_uri=None,
        ),
        set(),
    )
    assert isinstance(local, ClientMetadata)
    assert local.asked_scope == "offline_access"
    assert local.redirect_uris == (LOCAL,)
    assert local.stored_uris == ("http://localhost/callback",)


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"redirect_uris": None}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": HOSTED}, "invalid_redirect_uri"),
        ({"redirect_uris": [HOSTED, 1]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"http://localhost/{at}" for at in range(11)]}, "invalid_redirect_uri"),
        ({"redirect_uris": [HOSTED, "javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://evil.example/callback"]}, "invalid_redirect_uri"),
        ({"client_name": ["Claude"]}, "invalid_client_metadata"),
        ({"scope": ["skills"]}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": "authorization_code"}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": {}}, "invalid_client_metadata"),
    ],
)
def test_a_registration_that_will_not_do_is_refused_with_the_code_of_the_standard(members, error):
    found = of_registration(said(**members), set())
    assert isinstance(found, Unacceptable)
    assert found.error == error
    assert found.why.isascii()


def test_the_same_words_are_the_same_client_whatever_the_port_and_order():
    one = of_registration(said(redirect_uris=[HOSTED, LOCAL]), set())
    other = of_registration(said(redirect_uris=["http://localhost:1/callback", HOSTED, LOCAL]), set())
    third = of_registration(said(redirect_uris=[HOSTED, LOCAL], client_name="Claudius"), set())
    fourth = of_registration(said(redirect_uris=[HOSTED, LOCAL + "2"]), set())
    assert all(isinstance(each, ClientMetadata) for each in (one, other, third, fourth))
    assert one.key == other.key
    assert len({one.key, third.key, fourth.key}) == 3


def test_a_name_is_kept_as_it_is_seen():
    found = of_registration(said(client_name="Cl\u200baude\u202e \ufeff\n" + "x" * 500), set())
    assert isinstance(found, ClientMetadata)
    assert found.name.startswith("Claude x")
    assert len(found.name) == 80


def test_a_document_says_its_own_address_and_has_no_secret():
    assert isinstance(of_document(said(client_id=URL), URL, set()), ClientMetadata)
    for members in (
        {},
        {"client_id": URL + "/"},
        {"client_id": [URL]},
        {"client_id": URL, "client_secret": "x"},
        {"client_id": URL, "client_secret_expires_at": 0},
        {"client_id": URL, "token_endpoint_auth_method": "client_secret_post"},
        {"client_id": URL, "token_endpoint_auth_method": "private_key_jwt"},
    ):
        assert isinstance(of_document(said(**members), URL, set()), Unacceptable)


def test_addresses_of_a_document_that_will_not_do_here_are_left_out():
    found = of_document(said(client_id=URL, redirect_uris=["https://vscode.dev/redirect", LOCAL]), URL, set())
    assert isinstance(found, ClientMetadata)
    assert found.redirect_uris == (LOCAL,)
    assert isinstance(
        of_document(said(client_id=URL, redirect_uris=["https://vscode.dev/redirect"]), URL, set()), Unacceptable
    )
