"""What the tool gives besides answers: the command that installs a skill, and a token. Each once, never out of memory."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

BASE_URL = "https://skills.acme.example"


@pytest.fixture
def given(wire):
    async def call(arguments, **how):
        result = await wire.call(arguments, **how)
        assert result["isError"] is False, result
        return result["structuredContent"], result["content"][0]["text"]

    return call


async def test_install_gives_one_command_and_says_what_it_will_write(given):
    payload, text = await given({"operation": "install", "skill": "docs/pdf"})
    assert payload["command"].startswith(f"curl -fsS {BASE_URL}/install.sh | sh -s -- sp_in_")
    assert payload["command"].endswith(" --skill")
    assert (payload["skill"]["plugin"], payload["skill"]["name"]) == ("docs", "pdf")
    assert payload["writes"] == "~/.claude/skills/pdf"
    assert payload["expires_in"] == 900
    assert payload["snapshot"]["marketplace"] == "acme"
    assert payload["command"] in text
    assert "15 minutes" in text
    assert "~/.claude/skills/pdf" in text


async def test_a_package_is_a_file_for_the_user(given):
    payload, text = await given({"operation": "install", "skill": "pdf", "target": "package"})
    assert payload["command"].endswith(" --package")
    assert "SKILL_FILE" in text


async def test_every_link_and_every_token_is_another(given):
    for arguments, field in (({"operation": "install", "skill": "pdf"}, "command"), ({"operation": "auth"}, "token")):
        given_once = {(await given(arguments))[0][field] for _ in range(3)}
        assert len(given_once) == 3


async def test_what_somebody_may_not_read_they_may_not_install_either(wire):
    hidden = await wire.call({"operation": "install", "skill": "salaries"}, who="bob")
    unknown = await wire.call({"operation": "install", "skill": "nonesuch"}, who="bob")
    assert hidden["isError"]
    said = [result["content"][0]["text"] for result in (hidden, unknown)]
    assert said[0].replace("salaries", "nonesuch") == said[1]
    assert (await wire.call({"operation": "install", "skill": "salaries"}, who="alice"))["isError"] is False


async def test_auth_gives_a_token_for_rest_as_the_seed_connector_does(given):
    payload, text = await given({"operation": "auth"})
    assert payload["token"].startswith("sp_api_")
    assert (payload["base_url"], payload["expires_in"], payload["read_only"]) == (BASE_URL, 900, False)
    assert "client_info" in payload
    assert "Authorization: Bearer" in payload["instructions"]
    assert json.loads(text) == payload


async def test_a_token_made_for_rest_opens_nothing_here(wire, given):
    payload, _ = await given({"operation": "auth"})
    seen = await wire.send({}, who=None, Authorization=f"Bearer {payload['token']}")
    assert (seen.status, seen.json["code"]) == (401, "token_invalid")


async def test_auth_for_claude_code_gives_the_settings_too(given):
    payload, _ = await given({"operation": "auth", "purpose": "claude-code"})
    assert payload["read_only"] is True
    assert payload["expires_in"] == 90 * 86_400
    (settings,) = payload["settings"]
    assert f"{BASE_URL}/marketplace.json" in json.dumps(settings)
    assert payload["token"] not in json.dumps(settings), "settings are a file that everybody on the machine may read"
    assert payload["token"] in payload["commands"][0]


async def test_who_calls_is_told_back_where_the_program_says_so(wire):
    modern = (await wire.call({"operation": "auth"}))["structuredContent"]["client_info"]
    assert modern == {"name": "a test", "version": "1"}
    legacy = (await wire.call({"operation": "auth"}, modern=False))["structuredContent"]["client_info"]
    assert legacy is None


async def test_an_earlier_version_can_be_installed(published, wire):
    await published.publish(
        {**published.small, "plugins/docs/.claude-plugin/plugin.json": published.plugin_json("docs", "9.0.0")}
    )
    result = await wire.call({"operation": "install", "skill": "pdf", "version": "1.2.0"})
    assert result["isError"] is False
    assert result["structuredContent"]["skill"]["version"] == "1.2.0"


async def test_a_service_that_only_reads_says_so_to_whoever_asks_who_they_are(published, giving_of, wire_of):
    writing = await wire_of(published)
    assert "cannot_write" not in (await writing.call({"operation": "whoami"}))["structuredContent"]
    reading = await wire_of(published, giving=replace(await giving_of(published), cannot_write="No credential."))
    for _ in range(2):
        said = await reading.call({"operation": "whoami"})
        assert said["structuredContent"]["cannot_write"] == "No credential."
