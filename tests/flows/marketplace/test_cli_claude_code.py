"""`skillport-sync claude-code`, as it is typed."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skillport_sync.cli import main
from skillport_sync.standin import File, StandInGitHub

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

TOKEN = "token-of-the-cli"


@pytest.fixture
def config(tmp_path: Path, standin: StandInGitHub, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("SKILLPORT_")]:
        monkeypatch.delenv(name)
    standin.accept_token(TOKEN)
    for owner in ("acme", "other"):
        document = {"name": f"{owner}-skills", "owner": {"name": owner}, "plugins": []}
        files = {".claude-plugin/marketplace.json": File(json.dumps(document).encode())}
        standin.create_repository(f"{owner}/skills").commit(files, message="first")
    (tmp_path / "token").touch(0o600)
    (tmp_path / "token").write_text(TOKEN)
    path = tmp_path / "config.toml"
    path.write_text(
        f"""\
public_url = "https://skills.acme.example"
data_dir = "data"
[[marketplaces]]
repository = "acme/skills"
[github]
api_url = "{standin.api_url}"
token_file = "token"
"""
    )
    return path


def rewrite(config: Path, before: str, after: str) -> None:
    config.write_text(config.read_text().replace(before, after))


async def types(config: Path, *words: str) -> Result:
    async with asyncio.timeout(60):
        return await asyncio.to_thread(CliRunner().invoke, main, ["--config", str(config), *words])


async def test_it_prints_the_settings_and_the_commands(config: Path) -> None:
    assert (await types(config, "reconcile")).exit_code == 0
    result = await types(config, "claude-code")
    assert result.exit_code == 0, result.output
    settings, _ = json.JSONDecoder().raw_decode(result.stdout[result.stdout.index("{") :])
    source = settings["extraKnownMarketplaces"]["acme-skills"]["source"]
    assert source["url"] == "https://skills.acme.example/marketplace.json"
    assert "headersHelper" in source
    assert result.stdout.rstrip().endswith("claude plugin install PLUGIN@acme-skills")
    assert result.stderr == ""
    plain: Any = json.loads((await types(config, "claude-code", "--no-helper", "--json")).stdout)
    (only,) = plain["marketplaces"]
    assert only["name"] == "acme-skills"
    assert list(only["settings"]["extraKnownMarketplaces"]["acme-skills"]["source"]) == ["source", "url", "headers"]


async def test_each_of_several_marketplaces_is_named_in_its_address(config: Path) -> None:
    rewrite(config, "[github]", '[[marketplaces]]\nrepository = "other/skills"\n[github]')
    assert (await types(config, "reconcile")).exit_code == 0
    told: Any = json.loads((await types(config, "claude-code", "--json")).stdout)
    assert [one["name"] for one in told["marketplaces"]] == ["acme-skills", "other-skills"]
    sources = [one["settings"]["extraKnownMarketplaces"][one["name"]]["source"] for one in told["marketplaces"]]
    assert [source["url"].partition("?")[2] for source in sources] == [
        "marketplace=acme%2Fskills",
        "marketplace=other%2Fskills",
    ]
    only: Any = json.loads((await types(config, "claude-code", "--json", "--marketplace", "other/skills")).stdout)
    assert [one["name"] for one in only["marketplaces"]] == ["other-skills"]
    assert (await types(config, "claude-code", "--marketplace", "nobody")).exit_code == 2


async def test_before_anything_is_published_it_says_so(config: Path) -> None:
    result = await types(config, "claude-code")
    assert result.exit_code == 1
    assert "Nothing is published yet" in result.stderr
    assert result.stdout == ""


async def test_an_address_that_claude_code_takes_nothing_from_is_named(config: Path) -> None:
    rewrite(config, "https://skills.acme.example", "http://127.0.0.1:8080")
    assert (await types(config, "reconcile")).exit_code == 0
    result = await types(config, "claude-code")
    assert result.exit_code == 0
    assert "it takes plugins over https only" in result.stderr
