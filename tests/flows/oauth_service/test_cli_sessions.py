"""``sessions``: who is connected through which client, and that an operator can end it; what ``explain`` takes from it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.cli import main
from skillport_sync.clock import SystemClock
from skillport_sync.store.state import StateStore

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

SOON_S = 60.0


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

    async def says(self, *words: str) -> str:
        result = await self.types(*words)
        assert result.exit_code == 0, f"{result.stdout}\n{result.stderr}\n{result.exception!r}"
        return result.stdout

    async def tells(self, *words: str) -> dict[str, Any]:
        """The same as JSON."""
        told: dict[str, Any] = json.loads(await self.says(*words, "--json"))
        return told


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "service" / "config.toml")


# --- list --------------------------------------------------------------------------------------------------------------------


async def test_whoever_signed_in_is_listed_with_their_client(house: Any, desk: Desk) -> None:
    ada = await house.signed_in("ada")
    await house.signed_in("grace")
    rows = (await desk.tells("sessions", "list"))["sessions"]
    assert [row["principal_id"] for row in rows] == ["demo:grace", "demo:ada"]
    (row,) = (await desk.tells("sessions", "list", "--user", "demo:ada"))["sessions"]
    assert (row["client_id"], row["client_name"], row["return_host"]) == (ada.client_id, "A client", "localhost")
    screen = await desk.says("sessions", "list")
    assert "A client (localhost)" in screen
    assert "in 90 d" in screen
    assert ada.access_token not in screen


async def test_where_nobody_is_connected_that_is_said(configure: Any, desk: Desk) -> None:
    configure()
    assert await desk.says("sessions", "list") == "nobody is connected by signing in\n"
    assert await desk.says("sessions", "list", "--user", "demo:ada") == "demo:ada is not connected\n"


# --- revoke ------------------------------------------------------------------------------------------------------------------


async def test_a_revoked_person_is_out_at_once_and_nobody_else(house: Any, desk: Desk) -> None:
    ada, other, grace = await house.signed_in("ada"), await house.signed_in("ada"), await house.signed_in("grace")
    assert all([await house.opens(who.access_token) for who in (ada, other, grace)])  # remembered from now on
    screen = await desk.says("sessions", "revoke", "--user", "demo:ada", "--reason", "left the company")
    assert screen.startswith("demo:ada: 2 sessions ended, 2 access tokens of them still open; ")
    assert [await house.opens(who.access_token) for who in (ada, other, grace)] == [False, False, True]
    form = {"grant_type": "refresh_token", "refresh_token": ada.refresh_token, "client_id": ada.client_id}
    refreshed = await house.http.post(f"{house.url}/oauth/token", data=form)
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")
    assert [row["principal_id"] for row in (await desk.tells("sessions", "list"))["sessions"]] == ["demo:grace"]
    assert await desk.says("sessions", "revoke", "--user", "demo:ada") == "demo:ada was not connected\n"


async def test_a_revocation_is_audited_by_the_person_and_as_the_operators(house: Any, desk: Desk) -> None:
    ada = await house.signed_in("ada")
    await desk.says("sessions", "revoke", "--user", "demo:ada", "--reason", "left")
    lines = [json.loads(line) for line in (await desk.says("audit", "--json")).splitlines()]
    by_operator = [line["detail"] for line in lines if line["action"] == "operator"]
    assert by_operator == ["sessions revoke: demo:ada, 1 ended (left)"]
    (ended,) = [line for line in lines if line["action"] == "session_revoked"]
    assert (ended["principal_id"], ended["client_id"], ended["detail"]) == ("demo:ada", ada.client_id, "left")


async def test_the_persons_api_tokens_are_named_and_stay(house: Any, desk: Desk) -> None:
    await house.signed_in("ada")
    token = (await desk.says("token", "create", "laptop", "--principal", "demo:ada")).strip()
    await desk.says("token", "create", "other")
    screen = await desk.says("sessions", "revoke", "--user", "demo:ada")
    assert screen.endswith(
        "\n1 API token of the same person still open the service; to end that:\n  skillport-sync token revoke 1\n"
    )
    assert await house.opens(token)


async def test_the_answer_as_json_holds_no_token(house: Any, desk: Desk) -> None:
    ada = await house.signed_in("ada")
    told = await desk.tells("sessions", "revoke", "--user", "demo:ada")
    assert (told["access_tokens"], [row["client_id"] for row in told["ended"]]) == (1, [ada.client_id])
    assert "sp_" not in json.dumps(told).replace(ada.client_id, "")


async def test_somebody_who_never_came_is_a_usage_error(house: Any, desk: Desk) -> None:
    result = await desk.types("sessions", "revoke", "--user", "demo:nobody")
    assert result.exit_code == 2
    assert "nobody called demo:nobody ever signed in" in result.stderr


async def test_without_a_service_the_same_is_told_from_the_files(configure: Any, desk: Desk) -> None:
    settings = configure()
    await desk.says("sessions", "list")
    state = await StateStore.open(settings.data_dir / "state.db", clock=SystemClock())
    await state.people.signed_in(Principal(PrincipalId("demo:ada"), "Ada"), "demo")
    await state.close()
    assert await desk.says("sessions", "revoke", "--user", "demo:ada") == "demo:ada was not connected\n"
    assert (await desk.tells("explain", "--user", "demo:ada"))["person"]["name"] == "Ada"


# --- explain -----------------------------------------------------------------------------------------------------------------


async def test_explain_takes_what_the_provider_said_where_nothing_else_is_said(house: Any, desk: Desk) -> None:
    await house.signed_in("ada")
    await desk.says("token", "create", "old", "--principal", "demo:ada", "--email", "other@x.example")
    person = (await desk.tells("explain", "--user", "demo:ada"))["person"]
    known = await house.state.people.find(PrincipalId("demo:ada"))
    assert (person["name"], person["email"]) == (known.principal.name, known.principal.email)
    assert person["groups"] == sorted(known.principal.groups)
    assert (person["provider"], person["token"]) == ("demo", None)
    screen = await desk.says("explain", "--user", "demo:ada")
    assert "signed in with demo on " in screen
    given = (await desk.tells("explain", "--user", "demo:ada", "--email", "a@b.example", "--group", "x"))["person"]
    assert (given["email"], given["groups"], given["name"]) == ("a@b.example", ["x"], known.principal.name)


async def test_explain_says_that_somebody_is_kept_out(house: Any, desk: Desk) -> None:
    await house.signed_in("ada")
    await house.state.people.disable(PrincipalId("demo:ada"))
    assert "no token of theirs opens anything" in await desk.says("explain", "--user", "demo:ada")
