"""A token of ours is known by its beginning, to us and to whoever finds it, and one kind is never taken for another."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.oauth.tokens import Kind
from skillport_sync.clock import SystemEntropy
from skillport_sync.tokens import SECRET_CHARS, TokenKind, hash_of, is_well_formed, mint

BEGINNINGS = [*TokenKind, *Kind]


class Dice:
    """Always the same: bytes whose base64 has a sign of every sort."""

    def token_bytes(self, size: int) -> bytes:
        return (b"\xfb\xff" * size)[:size]


def test_every_kind_begins_as_whoever_looks_for_leaked_secrets_knows_it() -> None:
    secret = "-_" + urlsafe_b64encode(b"\xfb\xff" * 16).decode()[2:43]
    assert {kind.name: mint(Dice(), kind) for kind in TokenKind} == {
        "API": "sps_" + secret,
        "MINTED": "sp_api_" + secret,
        "INSTALL": "sp_in_" + secret,
        "EDIT": "sp_ed_" + secret,
    }
    assert SECRET_CHARS == len(secret) == 43


def test_half_a_surrogate_pair_has_a_digest_too() -> None:
    assert hash_of("sps_\ud800") == hashlib.sha256(b"sps_\xed\xa0\x80").digest()


@pytest.mark.parametrize("kind", TokenKind)
def test_what_is_minted_is_of_its_kind_and_of_no_other(kind: TokenKind) -> None:
    one, other = mint(SystemEntropy(), kind), mint(SystemEntropy(), kind)
    assert one != other
    assert len(one) == len(kind) + SECRET_CHARS
    assert [each for each in TokenKind if is_well_formed(each, one)] == [kind]
    assert hash_of(one) == hashlib.sha256(one.encode()).digest() != hash_of(other)


def test_no_kind_begins_with_another_nor_with_what_a_client_is_given() -> None:
    assert [pair for pair in permutations(BEGINNINGS, 2) if pair[0].startswith(pair[1])] == []


def test_without_a_kind_it_is_an_operators() -> None:
    assert is_well_formed(TokenKind.API, mint(SystemEntropy()))


@given(st.text(), st.sampled_from(TokenKind))
def test_any_text_has_a_digest_and_is_a_token_only_if_it_could_have_been_minted(text: str, kind: TokenKind) -> None:
    assert len(hash_of(text)) == 32
    assert not is_well_formed(kind, text)
    good = mint(SystemEntropy(), kind)
    assert not is_well_formed(kind, good + text) or text == ""
    assert not is_well_formed(kind, good[:-1])
    assert not is_well_formed(kind, good[:-1] + "ä")
    assert not is_well_formed(kind, good + "\n")
