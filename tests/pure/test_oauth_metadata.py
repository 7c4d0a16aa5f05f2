"""The two documents by which clients find their way, against what real clients refuse."""

from __future__ import annotations

import pytest
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata

from mcp_server.oauth.metadata import Addresses, authorization_server, is_our_resource, protected_resource

HERE = Addresses("https://skills.acme.example")


def test_the_issuer_is_the_public_url_character_for_character():
    said = authorization_server(HERE, registration=True)
    assert said["issuer"] == "https://skills.acme.example"
    assert protected_resource(HERE)["authorization_servers"] == ["https://skills.acme.example"]
    for name, value in said.items():
        if name.endswith("_endpoint"):
            assert str(value).startswith("https://skills.acme.example/oauth/")


def test_claude_finds_all_it_needs_to_use_its_document():
    said = authorization_server(HERE, registration=True)
    assert said["client_id_metadata_document_supported"] is True
    assert said["token_endpoint_auth_methods_supported"] == ["none"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["authorization_response_iss_parameter_supported"] is True
    assert said["scopes_supported"] == ["skills", "offline_access"]
    assert None not in said.values()


def test_the_resource_is_the_address_that_people_type_and_asks_for_one_scope():
    said = protected_resource(HERE)
    assert said["resource"] == "https://skills.acme.example/mcp"
    assert said["scopes_supported"] == ["skills"]


def test_without_registration_no_address_is_named_for_it():
    assert "registration_endpoint" not in authorization_server(HERE, registration=False)


def test_the_sdk_reads_both():
    OAuthMetadata.model_validate(authorization_server(HERE, registration=True))
    ProtectedResourceMetadata.model_validate(protected_resource(HERE))


@pytest.mark.parametrize("end", ["", "/", "?", "?x=1", "/?x=1"])
def test_a_slash_or_a_query_behind_the_resource_does_not_count(end):
    assert is_our_resource(HERE, HERE.resource + end)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "https://skills.acme.example",
        "https://skills.acme.example/",
        "https://skills.acme.example/mcp2",
        "https://skills.acme.example/mcp/other",
        "https://SKILLS.acme.example/mcp",
        "http://skills.acme.example/mcp",
        "https://evil.example/mcp",
        "https://skills.acme.example/mcp#fragment",
        "https://evil.example/?https://skills.acme.example/mcp",
    ],
)
def test_every_other_resource_is_not_ours(asked):
    assert not is_our_resource(HERE, asked)
