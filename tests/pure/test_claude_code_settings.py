"""What a person writes down to connect Claude Code."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.marketplace.settings_snippet import PLACEHOLDER, Connection, connect

TOKEN = "sp_api_" + "a" * 43


def source(connection: Connection, title: str) -> dict[str, object]:
    written = json.loads(connection.settings_text)
    assert written == connection.settings
    source = written["extraKnownMarketplaces"][title]["source"]
    assert isinstance(source, dict)
    return source


def test_without_a_helper_the_token_stands_in_the_settings() -> None:
    connection = connect(base_url="https://skills.example/", title="acme", token=TOKEN, helper=False)
    assert source(connection, "acme") == {
        "source": "url",
        "url": "https://skills.example/marketplace.json",
        "headers": {"Authorization": f"Bearer {TOKEN}"},
    }
    assert connection.settings["extraKnownMarketplaces"]["acme"]["autoUpdate"] is True  # type: ignore[index]
    assert connection.commands == ("claude plugin marketplace update acme", "claude plugin install PLUGIN@acme")


def test_with_a_helper_the_token_is_not_in_the_settings() -> None:
    connection = connect(base_url="https://skills.example", title="acme", token=TOKEN)
    assert TOKEN not in connection.settings_text
    assert "headers" not in source(connection, "acme")


def test_without_a_token_its_place_is_marked() -> None:
    assert PLACEHOLDER in connect(base_url="https://skills.example", title="acme").commands[0]
    assert PLACEHOLDER in connect(base_url="https://skills.example", title="acme", helper=False).settings_text


def test_one_of_several_marketplaces_is_named() -> None:
    connection = connect(base_url="https://skills.example", title="acme", marketplace="acme/skills & more")
    assert (
        source(connection, "acme")["url"]
        == "https://skills.example/marketplace.json?marketplace=acme%2Fskills%20%26%20more"
    )


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_what_the_commands_keep_the_helper_prints(tmp_path: Path, shell: str) -> None:
    connection = connect(base_url="https://skills.example:8443", title="acme", token=TOKEN)
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run([shell, "-c", connection.commands[0]], env=environ, check=True, timeout=20)
    (kept,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    helper = source(connection, "acme")["headersHelper"]
    assert isinstance(helper, str)
    said = subprocess.run([shell, "-c", helper], env=environ, check=True, timeout=20, capture_output=True).stdout
    assert json.loads(said) == {"Authorization": f"Bearer {TOKEN}"}


@given(st.text(min_size=1), st.text(min_size=1, max_size=60))
def test_no_name_is_more_than_one_word_of_a_shell(title: str, host: str) -> None:
    if "\0" in title:
        return
    connection = connect(base_url=f"https://{host}", title=title)
    assert shlex.split(connection.commands[-1]) == ["claude", "plugin", "install", f"PLUGIN@{title}"]
    helper = source(connection, title)["headersHelper"]
    assert isinstance(helper, str)
    assert set(helper[helper.index("~") : -2]) <= set(map(chr, range(33, 127))) - set("\"'`$;&|<>()*?!\\")
