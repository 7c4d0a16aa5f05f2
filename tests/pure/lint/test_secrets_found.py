"""Secrets are found by their form, placeholders are left alone, and what is found is never repeated."""

from __future__ import annotations

import base64
import string
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.catalog.model import Severity
from skillport_sync.catalog.secrets_found import MAX_REMARKS, find_secrets, without_secrets

WORD = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
BASE64 = WORD + "+/"

# What a secret of each kind looks like: {n} letters of an alphabet, what stands before and after.
KINDS = {
    "a GitHub token": [("ghp_{}", 36, WORD), ("ghs_{}", 36, WORD), ("github_pat_{}", 22, WORD)],
    "a GitLab token": [("glpat-{}", 20, WORD)],
    "an AWS access key id": [("AKIA{}", 16, string.ascii_uppercase + "234567")],
    "an AWS secret access key": [
        ("aws_secret_access_key = {}", 40, BASE64),
        ('"SecretAccessKey": "{}"', 40, BASE64),
        ("export AWS_SECRET_ACCESS_KEY={}", 40, BASE64),
    ],
    "an Anthropic API key": [("sk-ant-api03-{}-AA", 92, WORD)],
    "an OpenAI API key": [("sk-proj-{}", 120, WORD)],
    "a Google API key": [("AIza{}", 35, WORD)],
    "a Google OAuth client secret": [("GOCSPX-{}", 28, WORD)],
    "an Azure storage key": [("AccountKey={}==", 86, BASE64)],
    "a Slack token": [("xoxb-263594206564-2343594206574-{}", 24, WORD)],
    "a Slack app token": [("xapp-1-A0FZSK8Q7-2343594206574-{}", 64, HEX)],
    "a Slack webhook address": [("https://hooks.slack.com/services/T02FZSK8Q/B03GATL9R/{}", 24, WORD)],
    "a Stripe key": [("sk_live_{}", 24, WORD), ("rk_live_{}", 99, WORD)],
    "a SendGrid key": [("SG.aB3dEfGh1jKlMn0pQrStUv.{}", 43, WORD)],
    "an npm token": [("npm_{}", 36, WORD)],
    "a PyPI token": [("pypi-AgEIcHlwaS5vcmc{}", 120, WORD)],
    "a Hugging Face token": [("hf_{}", 34, string.ascii_letters)],
    "a DigitalOcean token": [("dop_v1_{}", 64, HEX)],
    "a Shopify token": [("shpat_{}", 32, HEX)],
    "a Databricks token": [("dapi{}", 32, HEX)],
    "a Vault token": [("hvs.{}", 95, WORD)],
    "a Linear key": [("lin_api_{}", 40, WORD)],
    "an Atlassian token": [("ATATT3xFfGF0{}", 170, WORD)],
    "a Telegram bot token": [("1837264950:AA{}", 33, WORD)],
    "an age key": [("AGE-SECRET-KEY-1{}", 58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")],
    "a token of this service": [("sps_{}", 43, WORD), ("sp_api_{}", 43, WORD)],
}
FORMS = [(kind, *form) for kind, forms in KINDS.items() for form in forms]


def written(maker: Any, form: str, length: int, letters: str) -> tuple[str, str]:
    secret = maker.secret(length, letters)
    text = form.format(secret)
    return (f"{text}_{maker.secret(59)}" if text.startswith("github_pat_") else text), secret


@pytest.mark.parametrize(("kind", "form", "length", "letters"), FORMS, ids=[form[1][:24] for form in FORMS])
@pytest.mark.parametrize("around", ["{}", "token: {}\n", '{{"token": "{}"}}', "curl -H 'Authorization: {}' x", "<{}>"])
def test_each_kind_is_found_and_named_and_never_told(
    maker: Any, kind: str, form: str, length: int, letters: str, around: str
) -> None:
    text, secret = written(maker, form, length, letters)
    remarks = find_secrets(f"first\n\n{around.format(text)}\nlast".encode())
    assert [(remark.code, remark.severity, remark.line) for remark in remarks] == [("secret_found", Severity.ERROR, 3)]
    assert kind in remarks[0].message
    assert secret not in remarks[0].message
    assert secret not in without_secrets(f"he said {text} twice: {text}")


@pytest.mark.parametrize("heading", ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n", "\n    "])
def test_a_private_key_is_found_however_its_lines_are_written(maker: Any, heading: str, newline: str) -> None:
    rows = [maker.secret(64, BASE64, seed=str(row)) for row in range(8)]
    text = newline.join([f"-----BEGIN {heading}-----", *rows, f"-----END {heading}-----"])
    remarks = find_secrets(f"key: '{text}'".encode())
    assert [remark.line for remark in remarks] == [1]
    assert "a private key" in remarks[0].message
    assert not any(row in without_secrets(text) for row in rows)


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "ghp_" + "0123456789" * 3 + "abcdef",
        "ghp_YOUR" + "aB3dE7" * 5 + "xy",
        "gho_16C7e42F292c6912E7710c838347Ae178B4a",
        "AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
        "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "sk-ant-api03-...",
        "export ANTHROPIC_API_KEY=sk-ant-your-key-here",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA...\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\n" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo" * 3,
        "-----BEGIN CERTIFICATE-----\n" + "MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ" * 3,
        "dapi" + "0" * 32,
        "3f2a9c1b0d11111111111111111111111111111111",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "the risk-averse task-list sk-learn npm_config_registry hf_hub_download SG.mail",
    ],
)
def test_examples_placeholders_and_things_that_only_look_random_are_left_alone(text: str) -> None:
    assert find_secrets(text.encode()) == ()


def test_the_middle_of_a_longer_word_is_no_secret(maker: Any) -> None:
    token = "ghp_" + maker.secret(36)
    assert find_secrets(f"x{token}".encode()) == ()
    assert find_secrets(f"{token}x".encode()) == ()
    assert len(find_secrets(f"_{token}".encode())) == 1
    assert find_secrets(f"12:AA{maker.secret(33)}".encode()) == ()


def test_several_in_one_line_are_told_by_kind_and_many_are_bounded(maker: Any) -> None:
    github, npm = "ghp_" + maker.secret(36), "npm_" + maker.secret(36)
    assert len(find_secrets(f"{github} {github} {npm}".encode())) == 2
    assert len(find_secrets("\n".join([github] * 1000).encode())) == MAX_REMARKS


def test_a_text_that_was_cut_off_does_not_tell_the_beginning_of_a_secret(maker: Any) -> None:
    token = "github_pat_" + maker.secret(22) + "_" + maker.secret(59)
    assert without_secrets(f"the name {token[:80]!r} is long") == "the name 'github_pat_…' is long"
    assert without_secrets("the name 'task-management' is short") == "the name 'task-management' is short"


@given(st.binary() | st.text().map(str.encode))
def test_it_is_total_and_lines_exist(content: bytes) -> None:
    for remark in find_secrets(content):
        assert remark.line is not None
        assert 1 <= remark.line <= content.count(b"\n") + 1


@given(st.text())
def test_texts_without_secrets_are_shown_as_they_are(text: str) -> None:
    shown = without_secrets(text)
    assert shown == text or "…" in shown


@given(st.binary(min_size=16, max_size=40), st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_around_a_token_it_does_not_stay_in_the_text(random: bytes, before: str, after: str) -> None:
    token = "ghp_" + base64.b32encode(random * 3).decode()[:36]
    text = f"{before} {token} {after}"
    assert not find_secrets(text.encode("utf-8", "surrogatepass")) or token not in without_secrets(text)


ADVERSARIES = {
    "beginnings": b"ghp_",
    "headings": b"-----BEGIN PRIVATE KEY-----",
    "long words": b"sk-ant-api03-",
    "dots": b"SG.",
    "bot numbers": b"1234567890:AA",
    "dashes": b"-",
    "line ends": b"\n",
    "own": b"sps_",
    "key fields": b"aws_secret_access_key=",
}


@pytest.mark.parametrize("piece", ADVERSARIES.values(), ids=ADVERSARIES)
def test_no_content_makes_it_slower_than_in_step_with_its_size(piece: bytes) -> None:
    def seconds(size: int) -> float:
        content = (piece * (size // len(piece) + 1))[:size]
        best = 1e9
        for _ in range(3):
            started = time.thread_time()
            find_secrets(content)
            best = min(best, time.thread_time() - started)
        return best

    # Eight times as much may take three times longer than that where memory is scarce; something quadratic takes 64 times.
    assert seconds(1_000_000) <= 24 * seconds(125_000) + 0.02
