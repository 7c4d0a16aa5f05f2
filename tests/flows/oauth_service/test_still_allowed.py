"""Whoever left loses the tokens they made, though nothing ever renews those; whom a provider cannot vouch for stays."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from mcp_server.identity.provider import Identity, Refused, Upstream
from mcp_server.oauth.trail import Trail
from mcp_server.still_allowed import AGAIN_S, MOST_AT_ONCE, TOGETHER, StillAllowed
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.errors import Unavailable
from skillport_sync.outbound import open_session
from skillport_sync.signing_in import still_allowed
from skillport_sync.store.audit import AuditAction
from skillport_sync.store.minted_tokens import NewToken
from skillport_sync.store.state import StateStore

CI = Principal(PrincipalId("token:ci"), "CI")


@dataclass
class Company:
    """An identity provider that is asked about people only; who is not among ``gone`` is still there."""

    name: str = "acme"
    title: str = "Acme"
    preset: str = "oidc"
    gone: set[str] = field(default_factory=set)
    cannot_tell: bool = False
    failing: Exception | None = None
    asked: list[str] = field(default_factory=list)
    waits_for: asyncio.Barrier | None = None
    """How many have to ask before anybody is answered."""
    together: int = 0
    most_together: int = 0

    async def still_allowed(self, principal: Principal) -> bool | None:
        self.asked.append(principal.id)
        self.together += 1
        self.most_together = max(self.together, self.most_together)
        if self.waits_for is not None:
            await self.waits_for.wait()
        self.together -= 1
        if self.failing is not None:
            raise self.failing
        return None if self.cannot_tell else principal.id not in self.gone

    async def authorization_url(self, upstream: Upstream, redirect_uri: str) -> str:
        raise NotImplementedError

    async def identify(
        self, parameters: Mapping[str, str], upstream: Upstream, redirect_uri: str
    ) -> Identity | Refused:
        raise NotImplementedError


@pytest.fixture
async def state(tmp_path: Any, clock: Any) -> Any:
    store = await StateStore.open(tmp_path / "state.db", clock=clock)
    yield store
    await store.close()


@pytest.fixture
def company() -> Company:
    return Company()


@pytest.fixture
def asking(state: StateStore, company: Company, clock: Any) -> StillAllowed:
    return StillAllowed(
        state.minted_tokens, state.people, state.oauth, {"acme": company}, Trail(state.audit, clock), clock
    )


@pytest.fixture
def holds(state: StateStore, clock: Any) -> Any:
    """``await holds("ada")``: somebody who signed in and made a token."""

    async def made(name: str, *, principal: Principal | None = None, client_id: str = "a client") -> PrincipalId:
        person = principal or Principal(PrincipalId(f"acme:{name}"))
        if principal is None:
            await state.people.signed_in(person, "acme")
        until = clock.now() + timedelta(days=90)
        token = NewToken(name.encode().ljust(32, b"."), person, "claude-code", True, client_id, until)
        await state.minted_tokens.make(token, most=50, makes_room=False)
        return person.id

    return made


async def test_whoever_left_loses_every_token_and_nobody_else_does(
    asking: StillAllowed, company: Company, holds: Any, state: StateStore
) -> None:
    ada, grace = await holds("ada"), await holds("grace")
    company.gone.add(ada)
    with capture_logs() as logged:
        assert await asking.check() == [ada]
    assert await state.minted_tokens.holders() == [grace]
    assert ("minted_tokens_revoked", ada) in [(line["event"], line.get("person")) for line in logged]
    [event] = await state.audit.read()
    assert (event.action, event.outcome, event.principal_id) == (
        AuditAction.SESSION_REVOKED,
        "not_allowed_any_more",
        ada,
    )


@pytest.mark.parametrize("failing", [Unavailable("down"), TimeoutError(), None])
async def test_where_it_cannot_be_told_everybody_stays(
    asking: StillAllowed, company: Company, holds: Any, state: StateStore, failing: Exception | None
) -> None:
    ada = await holds("ada")
    company.gone.add(ada)
    company.failing, company.cannot_tell = failing, True
    assert await asking.check() == []
    assert await state.minted_tokens.holders() == [ada]


async def test_somebody_is_asked_about_once_in_six_hours(
    asking: StillAllowed, company: Company, holds: Any, clock: Any
) -> None:
    ada = await holds("ada")
    await asking.check()
    clock.advance(AGAIN_S - 1)
    grace = await holds("grace")
    assert await asking.check() == []
    assert company.asked == [ada, grace]
    clock.advance(1)
    company.gone.add(ada)
    assert await asking.check() == [ada]
    assert company.asked == [ada, grace, ada]


async def test_a_round_is_bounded_and_everybody_has_their_turn(
    asking: StillAllowed, company: Company, holds: Any
) -> None:
    everybody = [await holds(f"{number:04}") for number in range(MOST_AT_ONCE + 10)]
    company.waits_for = asyncio.Barrier(TOGETHER)
    async with asyncio.timeout(10):
        await asking.check()
    assert len(company.asked) == MOST_AT_ONCE
    assert company.most_together == TOGETHER
    company.waits_for = None
    await asking.check()
    assert sorted(company.asked) == sorted(everybody)


async def test_whom_nobody_vouches_for_any_more_loses_them_and_an_api_token_vouches_for_itself(
    asking: StillAllowed, company: Company, holds: Any, state: StateStore
) -> None:
    elsewhere = Principal(PrincipalId("old:ada"))
    await state.people.signed_in(elsewhere, "old")
    await holds("of another provider", principal=elsewhere)
    parent = await state.tokens.create(b"p" * 32, CI, "CI")
    await holds("by CI", principal=CI, client_id=f"token:{parent.id}")
    assert await asking.check() == [elsewhere.id]
    assert company.asked == []
    assert [row.principal for row in await state.minted_tokens.all() if row.revoked_at is None] == [CI]


async def test_what_the_database_refuses_is_tried_again_the_next_time(
    asking: StillAllowed, company: Company, holds: Any, state: StateStore
) -> None:
    ada = await holds("ada")
    company.gone.add(ada)
    await state._writer.run_alone(lambda connection: connection.execute("PRAGMA query_only = ON").fetchone())
    assert await asking.check() == []
    await state._writer.run_alone(lambda connection: connection.execute("PRAGMA query_only = OFF").fetchone())
    assert await asking.check() == [ada]


async def test_it_is_made_of_what_is_configured(house: Any) -> None:
    """The stand-in provider cannot tell who is still there, as most cannot; where nobody signs in nobody is vouched for."""
    ada = await house.signed_in("ada")
    caller = await house.service.parts.authentication.rest.caller(f"Bearer {ada.access_token}")
    token = NewToken(
        b"t" * 32, caller.principal, "claude-code", True, caller.client_id, house.clock.now() + timedelta(days=90)
    )
    await house.state.minted_tokens.make(token, most=50, makes_room=False)
    parts = house.service.parts
    async with open_session() as session:
        assert await still_allowed(parts.settings, house.state, session, house.clock, parts.hosts).check() == []
    assert await house.state.minted_tokens.holders() == ["demo:ada"]
