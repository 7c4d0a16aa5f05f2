"""Who is believed: GitHub's documented vector, every wrong header, every flipped bit, and two secrets during a rotation."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.errors import Invalid
from webhooks.signature import BadSignature, VerifiedBody, claimed_digest, usable_secrets, verify

# https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
SECRET = b"It's a Secret to Everybody"
BODY = b"Hello, World!"
HEADER = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

secrets = st.binary(min_size=1, max_size=80)
bodies = st.binary(max_size=300)


def sign(body: bytes, secret: bytes) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def test_the_documented_vector_is_believed() -> None:
    believed = verify(BODY, HEADER, [SECRET])
    assert isinstance(believed, VerifiedBody)
    assert believed.content == BODY


@pytest.mark.parametrize(
    ("header", "because"),
    [
        (None, BadSignature.MISSING),
        ("", BadSignature.MALFORMED),
        ("sha256=", BadSignature.MALFORMED),
        (HEADER[:-1], BadSignature.MALFORMED),
        (HEADER + "0", BadSignature.MALFORMED),
        (HEADER + "\n", BadSignature.MALFORMED),
        (" " + HEADER, BadSignature.MALFORMED),
        ("sha256=" + HEADER.removeprefix("sha256=").upper(), BadSignature.MALFORMED),
        (HEADER.replace("sha256=", "SHA256="), BadSignature.MALFORMED),
        (HEADER.removeprefix("sha256="), BadSignature.MALFORMED),
        ("sha1=" + hmac.new(SECRET, BODY, hashlib.sha1).hexdigest(), BadSignature.MALFORMED),
        ("sha1=" + HEADER.removeprefix("sha256="), BadSignature.MALFORMED),
        ("sha256=" + "é" * 64, BadSignature.MALFORMED),
        ("sha256=" + "\udcff" * 64, BadSignature.MALFORMED),
        ("sha256=" + "٣" * 64, BadSignature.MALFORMED),
        ("sha256=" + "ab " * 21 + "a", BadSignature.MALFORMED),
        (f"{HEADER}, {HEADER}", BadSignature.MALFORMED),
        ("sha256=" + "0" * 64, BadSignature.MISMATCH),
    ],
)
def test_any_other_header_is_refused_with_its_reason(header: str | None, because: BadSignature) -> None:
    assert verify(BODY, header, [SECRET]) is because


@given(body=bodies, secret=secrets)
def test_what_was_signed_is_believed(body: bytes, secret: bytes) -> None:
    believed = verify(body, sign(body, secret), [secret])
    assert isinstance(believed, VerifiedBody)
    assert believed.content == body
    assert believed.secret_index == 0


@given(body=st.binary(min_size=1, max_size=300), secret=secrets, data=st.data())
def test_any_flipped_bit_of_the_body_is_refused(body: bytes, secret: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    flipped = (int.from_bytes(body) ^ 1 << bit).to_bytes(len(body))
    assert verify(flipped, sign(body, secret), [secret]) is BadSignature.MISMATCH


@given(body=bodies, secret=secrets, bit=st.integers(0, 255))
def test_any_flipped_bit_of_the_signature_is_refused(body: bytes, secret: bytes, bit: int) -> None:
    digest = int(sign(body, secret).removeprefix("sha256="), 16) ^ 1 << bit
    assert verify(body, f"sha256={digest:064x}", [secret]) is BadSignature.MISMATCH


@given(body=bodies, header=st.none() | st.text() | st.from_regex(r"\Asha256=[0-9a-f]{64}\Z"), known=st.lists(secrets))
def test_no_bytes_and_no_header_make_it_raise(body: bytes, header: str | None, known: list[bytes]) -> None:
    answer = verify(body, header, known)
    assert isinstance(answer, BadSignature) or header in {sign(body, secret) for secret in known}
    assert isinstance(claimed_digest(header), bytes | BadSignature)


def test_during_a_rotation_both_secrets_are_believed_and_told_apart() -> None:
    known = [b"new", b"old"]
    believed = [verify(BODY, sign(BODY, secret), known) for secret in known]
    assert [one.secret_index for one in believed if isinstance(one, VerifiedBody)] == [0, 1]


def test_after_a_rotation_the_old_secret_is_refused() -> None:
    assert verify(BODY, sign(BODY, b"old"), [b"new"]) is BadSignature.MISMATCH


def test_nothing_is_believed_without_a_secret() -> None:
    assert verify(BODY, HEADER, []) is BadSignature.MISMATCH


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ([], "webhook_secret_missing"),
        ([b""], "webhook_secret_empty"),
        ([b"new", b""], "webhook_secret_empty"),
        ([b"same", b"same"], "webhook_secret_repeated"),
    ],
)
def test_secrets_that_keep_nobody_out_are_refused_at_start(known: list[bytes], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        usable_secrets(known)
    assert refused.value.code == code


def test_secrets_stay_in_their_order() -> None:
    assert usable_secrets([b"new", b"old"]) == (b"new", b"old")


def test_a_verified_body_cannot_be_made_by_hand_and_does_not_show_itself() -> None:
    with pytest.raises(TypeError):
        VerifiedBody(BODY, 0)
    believed = verify(BODY, HEADER, [SECRET])
    assert "Hello" not in repr(believed)
