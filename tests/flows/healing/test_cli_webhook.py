"""``webhook create`` and ``webhook check``, as they are typed, against a GitHub that delivers here."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner, Result

from skillport_sync.cli import main

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

READING = {"contents": "read", "metadata": "read", "repository_hooks": "read"}


@pytest.fixture
async def started(house):
    """A service that runs, of which GitHub does not know yet."""
    await house.start()
    return house


async def types(house, *words: str) -> Result:
    """Run a command in this process, in a thread: it has an event loop of its own."""
    async with asyncio.timeout(30):
        return await asyncio.to_thread(
            CliRunner().invoke, main, ["--config", str(house.config), "webhook", *words], prog_name="skillport-sync"
        )


def said(result: Result) -> str:
    return f"exit code {result.exit_code}\n{result.stdout}\n{result.stderr}\n{result.exception!r}"


async def test_it_is_made_as_it_has_to_be_pinged_and_the_ping_arrives(started):
    result = await types(started, "create", "--json")
    assert result.exit_code == 0, said(result)
    (told,) = json.loads(result.stdout)["webhooks"]
    assert (told["done"], told["well"], told["last_delivery"]) == ("created", True, "ping arrived")
    (hook,) = started.repository.hooks.values()
    assert (hook.url, hook.secret, hook.content_type) == (f"{started.url}/webhooks/github", "hush", "json")
    assert set(hook.events) == {"push", "repository", "public", "meta", "pull_request"}
    assert "hush" not in result.output
    pushed = await started.push("told of")
    await started.parts.marketplaces["acme/skills"].loop.settled()
    assert started.commit == pushed


async def test_one_that_is_wrong_is_mended_keeps_its_own_events_and_its_number(started):
    hook = started.hook("push", "issues", secret=None, content_type="form")
    hook.active, hook.insecure_ssl = False, "1"
    checked = await types(started, "check")
    assert checked.exit_code == 1, said(checked)
    for code in ("hook_inactive", "hook_events_missing", "hook_content_type_form", "hook_without_secret"):
        assert code in checked.stdout
    assert hook.secret is None, "looking changes nothing"
    result = await types(started, "create")
    assert result.exit_code == 0, said(result)
    assert [*started.repository.hooks] == [hook.id]
    assert (hook.active, hook.content_type, hook.insecure_ssl, hook.secret) == (True, "json", "0", "hush")
    assert set(hook.events) == {"push", "issues", "repository", "public", "meta", "pull_request"}
    again = await types(started, "check")
    assert again.exit_code == 0, said(again)
    assert "ping arrived" in again.stdout


async def test_looking_changes_nothing_and_says_where_there_is_none(started):
    result = await types(started, "check")
    assert result.exit_code == 1, said(result)
    assert "hook_missing" in result.stdout
    assert "webhook create" in result.stdout
    assert started.github.journal.count("POST *") + started.github.journal.count("PATCH *") == 0


async def test_a_ping_that_does_not_arrive_fails_and_says_why(started):
    await started.shut()
    result = await types(started, "create")
    assert result.exit_code == 1, said(result)
    assert "ping did not arrive: this service, or the proxy before it, was not reached" in result.stdout


async def test_a_wrong_secret_shows_in_the_last_delivery_and_create_mends_it(started):
    started.hook(secret="of somebody else")
    await started.push("unbelieved")
    checked = await types(started, "check")
    assert checked.exit_code == 1, said(checked)
    assert "another secret" in checked.stdout
    started.clock.advance(1)
    assert (await types(started, "create")).exit_code == 0
    assert (await types(started, "check")).exit_code == 0


@pytest.mark.parametrize(("command", "level"), [("create", "write"), ("check", "read")])
async def test_a_token_that_may_not_is_told_which_permission_it_takes(started, command, level):
    permissions = READING if command == "create" else {"contents": "read", "metadata": "read"}
    started.github.accept_token("token-of-the-mirror", permissions=permissions)
    result = await types(started, command)
    assert result.exit_code == 1, said(result)
    assert f"Webhooks: {level}" in result.stderr
    assert not started.repository.hooks


async def test_a_token_of_its_own_leaves_the_reading_one_as_it_is(started, configure):
    started.github.accept_token("token-of-the-mirror", permissions={"contents": "read", "metadata": "read"})
    started.github.accept_token("for webhooks".replace(" ", "-"), permissions={"repository_hooks": "write"})
    (started.folder / "hooks").touch(0o600)
    (started.folder / "hooks").write_text("for-webhooks")
    configure(github='token_file = "token"\nwebhook_token_file = "hooks"')
    result = await types(started, "create")
    assert result.exit_code == 0, said(result)


@pytest.mark.parametrize(
    ("line", "named"), [("webhook_secret_files", "webhook_secret_files"), ("public_url", "public_url")]
)
async def test_what_the_configuration_lacks_is_named(house, line, named):
    text = "\n".join(each for each in house.config.read_text().split("\n") if not each.startswith(line))
    house.config.write_text(text)
    result = await types(house, "create")
    assert result.exit_code == 2, said(result)
    assert named in result.stderr


async def test_a_marketplace_that_is_not_there_is_named(house):
    result = await types(house, "check", "--marketplace", "nobody")
    assert result.exit_code == 2, said(result)
    assert "acme/skills" in result.stderr
