"""``audit``: who signed in, who read, and what operators did, alone and through a running service; never a token."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.access.model import PrincipalId
from skillport_sync.cli import main
from skillport_sync.cli.audit import moment
from skillport_sync.store.audit import AuditAction, AuditEvent

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

SOON_S = 60.0
NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


class Desk:
    """Where an operator sits."""

    def __init__(self, config: Path) -> None:
        self._config = config

    async def types(self, *words: str) -> Result:
        """Run a command in this process, in a thread: it has an event loop of its own."""
        async with asyncio.timeout(SOON_S):
            return await asyncio.to_thread(
                CliRunner().invoke, main, ["--config", str(self._config), *words], prog_name="skillport-sync"
            )

    async def reads(self, *words: str) -> list[dict[str, Any]]:
        """What the audit says, as lines of JSON."""
        result = await self.types("audit", "--json", *words)
        assert result.exit_code == 0, f"{result.stdout}\n{result.stderr}\n{result.exception!r}"
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "service" / "config.toml")


# --- what people did ---------------------------------------------------------------------------------------------------------


async def test_a_sign_in_and_what_was_read_are_told_in_their_order_and_without_a_token(house: Any, desk: Desk) -> None:
    ada = await house.signed_in()
    assert (await house.ask(ada.access_token, operation="fetch", skill="pdf")).status_code == 200
    result = await desk.types("audit", "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    actions = [line["action"] for line in told]
    assert [action for action in actions if action in ("consent", "sign_in", "read")] == ["consent", "sign_in", "read"]
    read = told[actions.index("read")]
    assert (read["principal_id"], read["skill"], read["marketplace"]) == ("demo:ada", "docs/pdf", "acme/skills")
    assert read["client_id"] == ada.client_id
    assert datetime.fromisoformat(read["at"]).tzinfo is not None
    for secret in (ada.access_token, ada.refresh_token, "sp_at_", "sp_rt_", "sp_ac_"):
        assert secret not in result.stdout


async def test_only_what_was_asked_for_is_told(house: Any, desk: Desk) -> None:
    await house.signed_in("ada")
    await house.signed_in("grace")
    (only,) = await desk.reads("--user", "demo:grace", "--action", "sign_in")
    assert only["principal_id"] == "demo:grace"
    assert await desk.reads("--since", "1h", "--action", "sign_in") == await desk.reads("--action", "sign_in")
    assert await desk.reads("--until", "1h") == []
    everything = await desk.reads()
    assert await desk.reads("--limit", "2") == everything[-2:]


async def test_the_table_says_who_did_what_and_that_there_is_more(house: Any, desk: Desk) -> None:
    await house.signed_in()
    screen = (await desk.types("audit")).stdout
    assert screen.splitlines()[0].split() == ["when", "who", "what", "outcome", "of"]
    assert "demo:ada" in screen
    assert "--limit" not in screen
    assert "the latest 1; --limit and --since show others" in (await desk.types("audit", "--limit", "1")).stdout


async def test_many_events_pass_through_the_socket_whole_and_in_order(house: Any, desk: Desk) -> None:
    who = PrincipalId("demo:many")
    for at in range(1234):
        house.state.audit.append_soon(AuditEvent(NOW, AuditAction.READ, "ok", who, detail=str(at)))
    assert [line["detail"] for line in await desk.reads("--user", who)] == [str(at) for at in range(1234)]


# --- what operators did ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beside_a_service", [True, False])
async def test_operator_commands_are_audited(house_of: Any, configure: Any, desk: Desk, beside_a_service: bool) -> None:
    settings = configure()
    if beside_a_service:
        await house_of(settings)
    await desk.types("reconcile")
    commit = json.loads((await desk.types("publications", "--json")).stdout)["publications"][0]["commit"]
    await desk.types("rollback", commit[:10], "--reason", "for a while")
    await desk.types("resume")
    token = (await desk.types("token", "create", "ci")).stdout.strip()
    await desk.types("token", "revoke", "1")
    told = await desk.reads("--action", "operator")
    assert [line["detail"] for line in told] == [
        "rollback: for a while",
        "resume",
        "token create: token 1 (ci) for token:ci",
        "token revoke: token 1 (ci) of token:ci",
    ]
    assert {(line["outcome"], line["surface"]) for line in told} == {("ok", "cli")}
    assert [line["commit"] for line in told[:2]] == [commit, commit]
    assert token not in json.dumps(told)


async def test_what_was_in_vain_is_not_audited_as_done(configure: Any, desk: Desk) -> None:
    configure()
    assert (await desk.types("token", "revoke", "7")).exit_code == 2
    assert (await desk.types("rollback", "abcdef1")).exit_code == 2
    assert await desk.reads() == []
    assert "nothing of that kind" in (await desk.types("audit")).stdout


# --- the words of the question -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [("--since", "yesterday"), ("--until", "2d ago"), ("--user", "ada"), ("--limit", "0"), ("--action", "dance")],
)
async def test_a_question_that_means_nothing_is_a_usage_error(
    configure: Any, desk: Desk, words: tuple[str, str]
) -> None:
    configure()
    result = await desk.types("audit", *words)
    assert result.exit_code == 2, result.stdout
    assert result.stdout == ""


async def test_an_unknown_action_is_told_with_the_known_ones(house: Any, desk: Desk) -> None:
    result = await desk.types("audit", "--action", "dance")
    assert result.exit_code == 2
    assert "there is no action 'dance' in the audit; there are client_registered, consent" in result.stderr


@given(st.integers(0, 9999), st.sampled_from(["s", "m", "h", "d", "w"]))
def test_so_long_ago_is_before_now_by_as_much(number: int, unit: str) -> None:
    seconds = number * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[unit]
    assert moment(f"{number}{unit}", NOW) == NOW - timedelta(seconds=seconds)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 2), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001
def test_a_time_of_iso_8601_is_that_time(at: datetime) -> None:
    assert moment(at.isoformat(), NOW) == at


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading_of_a_moment(text: str) -> None:
    found = moment(text, NOW)
    assert found is None or found.tzinfo is not None
