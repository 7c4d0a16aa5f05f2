"""Tokens: what they look like, how one follows another, and that nothing they are compared with makes them fail."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.oauth import tokens
from mcp_server.oauth.tokens import Kind, ServerKey
from skillport_sync.clock import SystemEntropy

KEY, OTHER_KEY = ServerKey(b"k" * 32), ServerKey(b"o" * 32)
ANY_TEXT = st.text(alphabet=st.characters(), max_size=300) | st.text(
    alphabet=st.characters(categories=["Cs", "Ll", "Nd"]), max_size=50
)


class Dice:
    """Always the same: bytes whose base64 has a sign of every sort."""

    def token_bytes(self, size):
        return b"\xfb\xff" * (size // 2) + b"\xfb" * (size % 2)


THROWN = "-_" + urlsafe_b64encode(b"\xfb\xff" * 16).decode()[2:43]


def test_every_kind_begins_as_whoever_looks_for_leaked_secrets_knows_it():
    assert {kind.name: tokens.mint(kind, Dice()) for kind in Kind} == {
        "ACCESS": "sp_at_" + THROWN,
        "REFRESH": "sp_rt_" + THROWN,
        "CODE": "sp_ac_" + THROWN,
        "TRANSACTION": "sp_tx_" + THROWN,
        "BROWSER": "sp_br_" + THROWN,
        "FORM": "sp_fm_" + THROWN,
        "STATE": "sp_st_" + THROWN,
    }
    assert tokens.nameless(Dice()) == THROWN


def test_what_is_stored_is_the_sha_256_of_the_whole_secret():
    secret = tokens.mint(Kind.ACCESS, Dice())
    assert tokens.digest(secret) == hashlib.sha256(secret.encode()).digest()


@pytest.mark.parametrize("kind", Kind)
def test_a_secret_has_its_prefix_and_256_bits_and_is_of_no_other_kind(kind):
    one, other = tokens.mint(kind, SystemEntropy()), tokens.mint(kind, SystemEntropy())
    assert one != other
    assert one.startswith(kind)
    assert len(one) == len(kind) + 43
    assert [each for each in Kind if tokens.is_kind(each, one)] == [kind]


def test_the_successor_is_the_documented_hmac_and_needs_the_key():
    old = tokens.mint(Kind.REFRESH, SystemEntropy())
    derived = hmac.new(KEY, b"refresh-next" + old.encode(), hashlib.sha256).digest()
    assert tokens.successor(KEY, old) == "sp_rt_" + urlsafe_b64encode(derived).decode().rstrip("=")
    assert tokens.successor(KEY, old) != tokens.successor(OTHER_KEY, old)


def test_a_chain_of_successors_never_comes_back():
    chain = [tokens.mint(Kind.REFRESH, SystemEntropy())]
    for _ in range(100):
        chain.append(tokens.successor(KEY, chain[-1]))
    assert len(set(chain)) == 101
    assert all(tokens.is_kind(Kind.REFRESH, token) for token in chain)


def test_the_challenge_is_that_of_the_standards_own_example():
    # https://www.rfc-editor.org/rfc/rfc7636#appendix-B
    assert (
        tokens.challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_can_be_compared_hashed_and_followed(one, other):
    assert tokens.same(one, other) == (one == other)
    assert tokens.opens(other, tokens.digest(one)) == (one == other)
    assert not tokens.opens(None, tokens.digest(one))
    assert len(tokens.digest(one)) == 32
    assert tokens.is_kind(Kind.REFRESH, tokens.successor(KEY, one))
    assert len(tokens.challenge_of(one)) == 43
    assert not any(tokens.is_kind(kind, one) for kind in Kind) or one.startswith("sp_")


def test_what_is_too_long_is_no_secret_of_ours():
    assert tokens.is_kind(Kind.ACCESS, "sp_at_" + "x" * 194)
    assert not tokens.is_kind(Kind.ACCESS, "sp_at_" + "x" * 195)
    assert not tokens.is_kind(Kind.ACCESS, "sp_at_ü")


def test_what_a_provider_keeps_says_nothing_of_us():
    assert len(tokens.nameless(SystemEntropy())) == 43
    assert not tokens.nameless(SystemEntropy()).startswith("sp_")
