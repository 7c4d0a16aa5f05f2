"""The machine's clock is put forward or set back while people are signed in: nothing that was to end lives on for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from mcp_server.api_tokens import ApiTokens, Purpose
from skillport_sync.clock import SystemClock, SystemEntropy
from skillport_sync.errors import Unauthenticated
from skillport_sync.reports import TokenRequest

HOUR_S = 3600.0
REMEMBERED_S = 11.0


class LooseClock(SystemClock):
    """Time goes on as a test says, and the wall clock can be set apart from it."""

    def __init__(self) -> None:
        self._passed, self._wrong = timedelta(), timedelta()

    def now(self) -> datetime:
        return super().now() + self._passed + self._wrong

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self._passed.total_seconds()

    def advance(self, seconds: float) -> None:
        self._passed += timedelta(seconds=seconds)

    def set(self, seconds: float) -> None:
        self._wrong += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> LooseClock:
    return LooseClock()


async def renewed(house: Any, who: Any) -> str:
    """The access token that their client is given for its refresh token."""
    form = {"grant_type": "refresh_token", "client_id": who.client_id, "refresh_token": who.refresh_token}
    answer = await house.http.post(f"{house.url}/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def test_a_token_ends_when_it_would_have_ended_though_the_clock_was_set_back(house: Any) -> None:
    ada = await house.signed_in("ada")
    house.clock.advance(HOUR_S / 2)
    house.clock.set(-2 * HOUR_S)
    with capture_logs() as said:
        assert await house.opens(ada.access_token)
    assert [(line["event"], line["by_s"]) for line in said if line["event"] == "clock_set_back"] == [
        ("clock_set_back", 7200)
    ]
    house.clock.advance(HOUR_S / 2 - 60)
    assert await house.opens(ada.access_token)
    house.clock.advance(60 + REMEMBERED_S)
    assert not await house.opens(ada.access_token)
    # Their client renews it as ever, and the new one lives as long as any.
    access_token = await renewed(house, ada)
    house.clock.advance(HOUR_S - 60)
    assert await house.opens(access_token)


async def test_a_token_that_nobody_used_meanwhile_is_over_too(house: Any) -> None:
    ada = await house.signed_in("ada")
    house.clock.set(-2 * HOUR_S)
    house.clock.advance(HOUR_S + REMEMBERED_S)
    assert not await house.opens(ada.access_token)


async def test_a_clock_that_is_put_forward_ends_tokens_early_and_clients_renew_them(house: Any) -> None:
    ada = await house.signed_in("ada")
    house.clock.set(2 * HOUR_S)
    house.clock.advance(REMEMBERED_S)
    assert not await house.opens(ada.access_token)
    access_token = await renewed(house, ada)
    assert await house.opens(access_token)
    # And back again: nobody gains two hours.
    house.clock.set(-2 * HOUR_S)
    house.clock.advance(HOUR_S + REMEMBERED_S)
    assert not await house.opens(access_token)


async def test_many_small_steps_are_one_large_one(house: Any) -> None:
    ada = await house.signed_in("ada")
    for _ in range(6):
        house.clock.set(-20)
        house.clock.advance(REMEMBERED_S)
        assert await house.opens(ada.access_token)
    house.clock.advance(HOUR_S - 6 * REMEMBERED_S + 31)
    assert not await house.opens(ada.access_token)


async def test_a_token_that_somebody_made_for_scripts_ends_in_time_and_an_operators_keeps_its_date(house: Any) -> None:
    ada = await house.signed_in("ada")
    rest = house.service.parts.authentication.rest
    made = await ApiTokens(house.state.minted_tokens, house.state.audit, house.clock, SystemEntropy()).mint(
        await rest.caller(f"Bearer {ada.access_token}"), Purpose.SCRIPTS
    )
    operators = await house.service.operator.create_token(TokenRequest("token:ci", "CI", expires_in_days=1))
    house.clock.set(-2 * HOUR_S)
    house.clock.advance(HOUR_S / 4 + REMEMBERED_S)
    with pytest.raises(Unauthenticated):
        await rest.caller(f"Bearer {made.token}")
    house.clock.advance(25 * HOUR_S)
    assert await house.opens(operators.token)
    house.clock.advance(2 * HOUR_S)
    assert not await house.opens(operators.token)
