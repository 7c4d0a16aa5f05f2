"""A planted secret never comes out of the log, on no level, in no form, from no library."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.config import LogSettings
from skillport_sync.log import QUIET, SILENT, configure_logging, redact

GITHUB = "ghs_123_eyJhbGciOi.JIUzI1Ni-IsInR5" + "x" * 200
SECRETS = [
    "ghp_" + "a1B2" * 9,
    GITHUB,
    "github_pat_11" + "A" * 70,
    "sps_" + "q-_Z" * 10,
    *(f"sp_{kind}_" + "q-_Z" * 10 for kind in ("at", "rt", "ac", "tx", "br", "fm", "st", "api", "in", "ed")),
    "sk_api_" + "0f" * 16,
]


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave logging as it was found."""
    root = logging.getLogger()
    level_before, structlog_before = root.level, structlog.get_config()
    levels = {name: (logging.getLogger(name).level, logging.getLogger(name).disabled) for name in (*QUIET, *SILENT)}
    yield
    root.setLevel(level_before)
    root.handlers[:] = [handler for handler in root.handlers if type(handler).__module__ != "skillport_sync.log"]
    for name, (level, disabled) in levels.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).disabled = disabled
    structlog.configure(**structlog_before)


def logging_to(style: str, level: str = "debug") -> io.StringIO:
    out = io.StringIO()
    configure_logging(LogSettings(level, style), out)  # type: ignore[arg-type]
    return out


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("secret", SECRETS)
def test_a_planted_secret_never_comes_out(style: str, secret: str) -> None:
    out = logging_to(style)
    log = structlog.get_logger("skillport_sync.test")
    log.info(secret)
    log.info(
        "request_sent",
        authorization=f"token {secret}",
        url=f"https://x:{secret}@h/?token={secret}&a=1",
        deep=[{"a": secret}],
    )
    log.info(
        "request_sent",
        headers={"X-Hub-Signature-256": "hush", "Cookie": "hush"},
        client_secret="hush",
        body={secret: 1},
    )
    logging.getLogger("library").warning(
        "GET /api/install/x?token=%s %s", secret, {"Authorization": f"Bearer {secret}"}
    )
    for name in (*QUIET, *SILENT):
        logging.getLogger(name).debug("parameters %s", "hush")
        logging.getLogger(name).info("url %s", "hush")
    try:
        local = secret
        raise ValueError(f"no good: {local}")
    except ValueError:
        log.exception("request_failed")
        logging.getLogger("library").exception("request failed")
    written = out.getvalue()
    assert "request_failed" in written
    assert "ValueError" in written
    assert secret[8:] not in written
    assert "hush" not in written


@pytest.mark.parametrize(
    "text",
    [
        "https://codeload.github.com/o/r/legacy.tar.gz/x?token=hushhush",
        "/callback?code=hushhush&state=hushhush",
        "/authorize?x=1&nonce=hushhush&code_verifier=hushhush",
        "Authorization: Bearer hushhush",
        "https://user:hushhush@github.com/o/r",
        "-----BEGIN RSA PRIVATE KEY-----\nhushhush\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhushhush",
        "eyJhbGciOiJI.eyJodXNoaHVzaCI6MX0.hushhush",
    ],
)
def test_what_looks_secret_is_blanked_wherever_it_stands(text: str) -> None:
    assert "hush" not in redact(f"before {text} after")


@given(st.sampled_from(SECRETS), st.text(max_size=20), st.text(max_size=20))
def test_a_token_is_found_in_any_surroundings(secret: str, before: str, after: str) -> None:
    assert secret not in redact(f"{before}{secret} {after}")


def test_what_is_not_secret_is_left_alone() -> None:
    out = logging_to("json")
    facts = {
        "marketplace": "acme/skills",
        "commit": "91be0c4aa2" * 4,
        "token_id": "7",
        "tokens": 5,
        "secret_file": "/etc/skillport-sync/token",
        "code": "tree_mismatch",
        "url": "http://127.0.0.1:8080/mcp?surface=CC",
        "duration_ms": 12,
    }
    structlog.get_logger("x").info("snapshot_published", **facts)
    line = json.loads(out.getvalue())
    assert list(line)[:3] == ["at", "level", "event"]
    assert (line["level"], line["event"]) == ("info", "snapshot_published")
    assert {key: line[key] for key in facts} == facts
    assert line["at"].endswith("Z")


def test_each_event_is_one_line_of_json() -> None:
    out = logging_to("json")
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        structlog.get_logger("x").exception("thing_failed", path="a\nb", when=object())
    logging.getLogger("library").error("several\nlines")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["thing_failed", "several\nlines"]
    assert "ValueError: first" in lines[0]["exception"]
    assert lines[1]["logger"] == "library"


def test_the_level_holds_for_everybody() -> None:
    out = logging_to("json", "error")
    structlog.get_logger("x").warning("too_quiet")
    logging.getLogger("library").warning("too quiet")
    logging.getLogger("aiosqlite").warning("too quiet")
    structlog.get_logger("x").error("loud_enough")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["loud_enough"]


def test_configuring_again_replaces_and_does_not_double() -> None:
    first, second = logging_to("json"), logging_to("json")
    structlog.get_logger("x").info("said_once")
    assert first.getvalue() == ""
    assert second.getvalue().count("said_once") == 1


def test_a_record_that_cannot_be_formatted_is_named_and_not_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "__stderr__", sys.stderr)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own would raise
    out = logging_to("json")
    logging.getLogger("library").error("%d of them", "hush")
    assert out.getvalue() == ""
    assert capsys.readouterr().err == "a log line of library is lost: TypeError\n"


def test_what_is_no_http_and_who_hangs_up_leaves_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    from aiohttp.http_exceptions import BadStatusLine

    configure_logging(LogSettings(level="info", format="json"))
    for error in (BadStatusLine("x"), ConnectionResetError("gone"), ValueError("ours")):
        try:
            raise error
        except Exception:
            logging.getLogger("aiohttp.server").exception("Error handling request")
    lines = capsys.readouterr().err
    assert "BadStatusLine" not in lines
    assert "gone" not in lines
    assert "ours" in lines


@pytest.mark.parametrize("odd", ["half \ud800 a pair", 2**70], ids=["surrogate", "large number"])
def test_a_value_that_the_fast_writer_refuses_does_not_lose_the_line(odd: object) -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(level="info", format="json"), stream)
    structlog.get_logger().info("odd_met", odd=odd)
    assert json.loads(stream.getvalue())["odd"] == odd
