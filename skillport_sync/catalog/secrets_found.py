"""Owns the search for secrets in one file: keys and tokens whose form leaves no doubt, and nothing that only looks random.

Each kind begins with letters of its own, is of known length and alphabet, and is left alone where it is a placeholder or an
example that documentation is known to use. Total on any bytes and linear: what follows the first letters is looked at within
a bound. Never repeats what it found: a remark says which kind, and in which line.

Problem code: secret_found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from skillport_sync.catalog.model import Remark, Severity
from skillport_sync.tokens import TokenKind

MAX_REMARKS = 50
"""Of one file. Who has more secrets in a file than this has one problem, not more of them."""

_MORE = b"(?![A-Za-z0-9_-])"


@dataclass(frozen=True, slots=True)
class _Kind:
    """``begins`` is how its text begins, one of them; ``then`` is what follows: its first group, or all of it, is the secret."""

    name: str
    begins: tuple[bytes, ...]
    then: re.Pattern[bytes]


def _kind(name: str, begins: str, then: bytes) -> _Kind:
    return _Kind(name, tuple(begins.encode().split()), re.compile(then))


# Every quantifier has a bound: a file that repeats a beginning a million times costs a million bounded looks.
_KINDS = (
    _kind("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", rb"[A-Za-z0-9]{36}" + _MORE),
    _kind("a GitHub token", "github_pat_", rb"[A-Za-z0-9]{22}_[A-Za-z0-9]{59}" + _MORE),
    _kind("a GitLab token", "glpat- gldt- glrt-", rb"[A-Za-z0-9_-]{20,64}" + _MORE),
    _kind("an AWS access key id", "AKIA ASIA", rb"[A-Z2-7]{16}(?![A-Za-z0-9])"),
    _kind(
        "an AWS secret access key",
        "aws_secret_access_key AWS_SECRET_ACCESS_KEY SecretAccessKey secretAccessKey",
        rb"""["']?[ \t]{0,8}[:=][ \t]{0,8}["']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])""",
    ),
    _kind("an Anthropic API key", "sk-ant-", rb"[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{80,160}" + _MORE),
    _kind("an OpenAI API key", "sk-proj- sk-svcacct- sk-admin-", rb"[A-Za-z0-9_-]{40,240}" + _MORE),
    _kind("an OpenAI API key", "sk-", rb"[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}" + _MORE),
    _kind("a Google API key", "AIza", rb"[A-Za-z0-9_-]{35}" + _MORE),
    _kind("a Google OAuth client secret", "GOCSPX-", rb"[A-Za-z0-9_-]{28}" + _MORE),
    _kind("an Azure storage key", "AccountKey=", rb"([A-Za-z0-9+/]{86})=="),
    _kind("a Slack token", "xoxb- xoxp- xoxa- xoxr- xoxs-", rb"(?:[0-9]{8,14}-){1,3}([A-Za-z0-9]{24,64})" + _MORE),
    _kind("a Slack app token", "xapp-", rb"[0-9]-[A-Z0-9]{8,14}-[0-9]{8,14}-([a-z0-9]{60,70})" + _MORE),
    _kind(
        "a Slack webhook address",
        "https://hooks.slack.com/services/",
        rb"T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/([A-Za-z0-9]{24})(?![A-Za-z0-9])",
    ),
    _kind("a Stripe key", "sk_live_ rk_live_", rb"[A-Za-z0-9]{24,120}" + _MORE),
    _kind("a SendGrid key", "SG.", rb"[A-Za-z0-9_-]{22}\.([A-Za-z0-9_-]{43})" + _MORE),
    _kind("an npm token", "npm_", rb"[A-Za-z0-9]{36}" + _MORE),
    _kind("a PyPI token", "pypi-AgEIcHlwaS5vcmc", rb"[A-Za-z0-9_-]{50,240}" + _MORE),
    _kind("a Hugging Face token", "hf_", rb"[A-Za-z]{34}" + _MORE),
    _kind("a DigitalOcean token", "dop_v1_ doo_v1_ dor_v1_", rb"[a-f0-9]{64}" + _MORE),
    _kind("a Shopify token", "shpat_ shpca_ shppa_ shpss_", rb"[a-fA-F0-9]{32}" + _MORE),
    _kind("a Databricks token", "dapi", rb"[a-f0-9]{32}(?:-[0-9])?(?![A-Za-z0-9])"),
    _kind("a Vault token", "hvs. hvb.", rb"[A-Za-z0-9_-]{90,240}" + _MORE),
    _kind("a Linear key", "lin_api_", rb"[A-Za-z0-9]{40}" + _MORE),
    _kind("an Atlassian token", "ATATT3xFfGF0", rb"[A-Za-z0-9_=-]{60,240}"),
    _kind("a Telegram bot token", ":AA", rb"[A-Za-z0-9_-]{33}" + _MORE),
    _kind("an age key", "AGE-SECRET-KEY-1", rb"[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}(?![A-Z0-9])"),
    _kind("a token of this service", f"{TokenKind.API} {TokenKind.MINTED}", rb"[A-Za-z0-9_-]{43}" + _MORE),
    _kind("a private key", "-----BEGIN", rb"(?: [A-Z0-9]{2,12}){0,3} PRIVATE KEY(?: BLOCK)?-----"),
)

_BOT_NUMBER = re.compile(rb"(?:\A|[^0-9A-Za-z])[0-9]{8,10}\Z")

_KEY_SOUGHT_IN_BYTES = 1024
_NOT_OF_THE_KEY = re.compile(rb"""\\[nrt]|[\s"',]""")
_KEY_TEXT = re.compile(rb"[A-Za-z0-9+/]{64}")

# What begins like a secret and goes on as long as one, for texts that may have been cut off in its middle.
_BEGINNINGS = "|".join(re.escape(beginning.decode()) for kind in _KINDS for beginning in kind.begins)
_BEGINS_LIKE_ONE = re.compile(f"(?<![A-Za-z0-9])({_BEGINNINGS})[A-Za-z0-9_-]{{30,}}")

# Documentation's own examples, and the words that people put where a secret would stand.
_KNOWN_EXAMPLES = (
    b"16C7e42F292c6912E7710c838347Ae178B4a",  # GitHub's documentation
    b"SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",  # Google's documentation
    b"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq",  # the storage emulator's, the same for everybody
    b"VJTUt9Us8cKj",  # the key pair of jwt.io
)
_PLACEHOLDER = re.compile(
    rb"example|sample|dummy|fake|placeholder|redacted|your|xxxx|change|notreal|insert|replace|secret|token|test|foobar",
    re.IGNORECASE,
)
_REPEATED = re.compile(rb"(.)\1{4}", re.DOTALL)
_LEAST_DIFFERENT = 7
_LONGEST_STAIRS = 5


def find_secrets(content: bytes) -> tuple[Remark, ...]:
    """What looks like a secret in these bytes, in the order of the lines. Never raises, never tells the secret."""
    remarks: dict[Remark, None] = {}
    line, at = 1, 0
    for start, _, name in _found(content):
        line += content.count(b"\n", at, start)
        at = start
        message = f"holds what looks like {name}: revoke it, then take it out of this file and of the history"
        remarks[Remark("secret_found", Severity.ERROR, message, line)] = None
        if len(remarks) == MAX_REMARKS:
            break
    return tuple(remarks)


def without_secrets(text: str) -> str:
    """``text`` with dots in place of the secrets in it, to be shown to people. Takes out rather too much."""
    content = text.encode("utf-8", "surrogatepass")
    kept: list[bytes] = []
    at = 0
    for start, end, _ in _found(content):
        kept.append(content[at:start])
        at = max(at, end)
    if kept:
        text = "…".join([part.decode("utf-8", "surrogatepass") for part in (*kept, content[at:])])
    return _BEGINS_LIKE_ONE.sub(r"\1…", text)


def _found(content: bytes) -> list[tuple[int, int, str]]:
    """Start, end and kind of each, sorted."""
    return sorted(
        (start, end, kind.name)
        for kind in _KINDS
        for beginning in kind.begins
        if beginning in content  # nearly always not, and then this is all that is done
        for start, end in _spans(content, kind, beginning)
    )


def _spans(content: bytes, kind: _Kind, beginning: bytes) -> Iterator[tuple[int, int]]:
    at = content.find(beginning)
    while at >= 0:
        after = at + len(beginning)
        end = _end(content, kind, beginning, at)
        if end is not None:
            yield at, end
            after = end
        at = content.find(beginning, after)


def _end(content: bytes, kind: _Kind, beginning: bytes, at: int) -> int | None:
    """Where the secret that begins at ``at`` ends; None where it is none."""
    found = kind.then.match(content, at + len(beginning))
    if found is None:
        return None
    if beginning == b"-----BEGIN":
        return _end_of_key(content, found.end())
    if beginning == b":AA":
        if not _BOT_NUMBER.search(content[max(0, at - 11) : at]):
            return None
    elif content[at - 1 : at].isalnum() and beginning[:1].isalnum():
        return None  # the middle of a word, not its beginning
    secret = found[found.re.groups]
    return None if _is_placeholder(secret) else found.end()


def _end_of_key(content: bytes, at: int) -> int | None:
    """Where the private key ends whose heading ends at ``at``; None where dots stand for it, or nothing."""
    end = content.find(b"-----", at, at + _KEY_SOUGHT_IN_BYTES)
    end = end if end >= 0 else min(at + _KEY_SOUGHT_IN_BYTES, len(content))
    key = _KEY_TEXT.search(_NOT_OF_THE_KEY.sub(b"", content[at:end]))
    return end if key is not None and not _is_placeholder(key[0]) else None


def _is_placeholder(secret: bytes) -> bool:
    """What nobody's secret looks like: an example that is known, a word, too few different letters, a stairway of them."""
    if len(set(secret)) < _LEAST_DIFFERENT or _PLACEHOLDER.search(secret) or _REPEATED.search(secret):
        return True
    if any(example in secret for example in _KNOWN_EXAMPLES):
        return True
    up = down = 0
    for before, after in pairwise(secret):
        up = up + 1 if after == before + 1 else 0
        down = down + 1 if after == before - 1 else 0
        if max(up, down) >= _LONGEST_STAIRS:
            return True
    return False
