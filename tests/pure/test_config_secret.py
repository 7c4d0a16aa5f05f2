"""Secrets come from files, and never show themselves."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from skillport_sync.config import Secret, read_secret
from skillport_sync.errors import Invalid


def private(path: Path, content: bytes) -> Path:
    path.touch(0o600)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"hush", b"hush\n", b"hush\r\n", b"hush\n\n"])
def test_the_newline_at_the_end_is_not_part_of_a_secret(tmp_path: Path, content: bytes) -> None:
    assert read_secret(private(tmp_path / "token", content)).reveal() == "hush"


def test_a_key_of_several_lines_keeps_them(tmp_path: Path) -> None:
    assert read_secret(private(tmp_path / "key", b" a\nb \n")).reveal() == " a\nb "


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("hush")
    assert "hush" not in f"{secret} {secret!r} {[secret]}"
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: private(path, b""), "is empty"),
        (lambda path: private(path, b" \n"), "is empty"),
        (lambda path: private(path, b"hush\xff"), "is not UTF-8 text"),
        (lambda path: private(path, b"hush" * 20_000), "is larger than 64 KiB"),
    ],
)
def test_what_is_wrong_with_a_secret_file_is_said_without_its_content(tmp_path: Path, make, said: str) -> None:
    path = tmp_path / "token"
    make(path)
    with pytest.raises(Invalid) as raised:
        read_secret(path)
    assert raised.value.code == "secret_unreadable"
    assert str(path) in raised.value.message
    assert said in raised.value.message
    assert "hush" not in str(raised.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_this_user_may_not_read_is_said_to_be_one(tmp_path: Path) -> None:
    path = private(tmp_path / "token", b"hush")
    path.chmod(0)
    with pytest.raises(Invalid, match="permission denied"):
        read_secret(path)


def test_a_file_that_everybody_may_read_is_warned_about_and_used(tmp_path: Path) -> None:
    path = private(tmp_path / "token", b"hush")
    path.chmod(0o644)
    with capture_logs() as logs:
        assert read_secret(path).reveal() == "hush"
    (warning,) = logs
    assert (warning["event"], warning["log_level"], warning["path"]) == ("secret_file_exposed", "warning", str(path))
    assert "hush" not in str(logs)
