"""What a service that people sign in to keeps, forgets and writes down."""

from __future__ import annotations

from typing import Any

from structlog.testing import capture_logs

from mcp_server.authentication import Caller
from mcp_server.reads import Read
from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.reports import TokenRequest
from skillport_sync.store.audit import AuditAction
from skillport_sync.store.sign_in import Purged
from skillport_sync.trails import AGAIN_S, ReadTrail

DAY_S = 24 * 3600.0


async def test_the_audit_says_who_came_in_and_what_they_read_and_never_a_token(house: Any) -> None:
    ada = await house.signed_in("ada")
    await house.told(ada, operation="fetch", skill="pdf")
    await house.told(ada, operation="list")
    refused = await house.ask(ada.access_token, operation="fetch", skill="no-such")
    assert refused.json()["result"]["isError"] is True
    events = await house.audited()
    assert [(str(event.action), event.outcome) for event in events] == [
        ("client_registered", "ok"),
        ("consent", "ok"),
        ("sign_in", "ok"),
        ("token_issued", "ok"),
        ("read", "ok"),
        ("read", "unknown_skill"),
    ]
    read = events[4]
    (published,) = house.service.parts.current.get().values()
    assert (read.principal_id, read.client_id, read.surface) == ("demo:ada", ada.client_id, "mcp")
    assert (read.marketplace, read.publication, read.commit) == (
        "acme/skills",
        published.publication.id,
        published.snapshot.commit,
    )
    assert (read.skill, read.detail) == ("docs/pdf", "SKILL.md")
    assert events[5].skill == "no-such"
    said = str([event.as_json() for event in events])
    for secret in ("sp_at_", "sp_rt_", "sp_ac_", "sp_st_", ada.access_token, ada.refresh_token):
        assert secret not in said


async def test_a_read_with_an_api_token_names_the_token(house: Any) -> None:
    made = await house.service.operator.create_token(TokenRequest("token:ci", "CI"))
    await house.ask(made.token, operation="fetch", skill="pdf")
    (read,) = [event for event in await house.audited() if event.action is AuditAction.READ]
    assert (read.principal_id, read.client_id) == ("token:ci", f"token:{made.row.id}")


async def test_the_same_read_is_noted_once_a_minute_and_any_other_at_once(house: Any) -> None:
    trail = ReadTrail(house.state.audit, house.clock)
    ada, grace = (Caller(Principal(PrincipalId(f"demo:{name}")), "a client") for name in ("ada", "grace"))
    read = Read("docs/pdf", ("SKILL.md",))

    async def noted() -> int:
        return len([event for event in await house.audited() if event.action is AuditAction.READ])

    for _ in range(5):
        trail(ada, read)
    trail(ada, Read("docs/pdf", ("SKILL.md",)))
    assert await noted() == 1
    for caller, other in (
        (grace, read),
        (Caller(ada.principal, "another client"), read),
        (ada, Read("docs/pdf", ("other.txt",))),
        (ada, Read("docs/pdf", ("SKILL.md",), "unknown_path")),
    ):
        trail(caller, other)
    assert await noted() == 5
    house.clock.advance(AGAIN_S - 0.5)
    trail(ada, read)
    assert await noted() == 5
    house.clock.advance(0.5)
    trail(ada, read)
    assert await noted() == 6


async def test_what_was_read_long_ago_takes_no_memory(house: Any) -> None:
    trail = ReadTrail(house.state.audit, house.clock)
    ada = Caller(Principal(PrincipalId("demo:ada")), "a client")
    for number in range(100):
        trail(ada, Read(f"docs/{number}", ()))
    house.clock.advance(AGAIN_S / 2)
    trail(ada, Read("docs/pdf", ()))
    assert len(trail._noted) == 101
    house.clock.advance(AGAIN_S / 2)
    trail(ada, Read("docs/text", ()))
    assert [read.skill for _, _, read in trail._noted] == ["docs/pdf", "docs/text"]


async def test_whoever_reads_very_many_things_is_noted_each_time(house: Any) -> None:
    trail = ReadTrail(house.state.audit, house.clock)
    ada = Caller(Principal(PrincipalId("demo:ada")), "a client")
    for number in range(10_001):
        trail(ada, Read(f"docs/{number}", ()))
        if number % 1000 == 0:
            await house.state.audit.flush()
    trail(ada, Read("docs/0", ()))
    await house.state.audit.flush()
    events = [event async for group in house.state.audit.export() for event in group]
    assert len([event for event in events if event.skill == "docs/0"]) == 2


async def test_a_restart_keeps_everybody_signed_in(opening: Any, configure: Any) -> None:
    async with opening(configure()) as house:
        ada = await house.signed_in("ada")
        port = house.service.public.port
    async with opening(configure("[server]", f"port = {port}")) as house:
        assert await house.opens(ada.access_token)
        ada.provider.context.token_expiry_time = 1.0  # long ago
        access_token, seen = ada.access_token, len(ada.browser.history)
        assert (await house.told(ada, operation="whoami"))["id"] == "demo:ada"
        assert ada.access_token != access_token
        assert len(ada.browser.history) == seen


async def test_a_database_that_cannot_be_written_leaves_the_tidying_to_the_next_time(house: Any) -> None:
    house.clock.advance(200 * DAY_S)
    await house.service.parts.mirror.close()
    with capture_logs() as logged:
        await house.service.parts.tidy()
    (put_off,) = (line for line in logged if line["event"] == "housekeeping_put_off")
    assert (put_off["log_level"], put_off["code"]) == ("warning", "store_closed")


async def test_what_is_over_is_forgotten_when_it_is_tidied_up(house: Any) -> None:
    await house.signed_in("ada")
    assert await house.state.oauth.sessions()
    audited = len(await house.audited())
    await house.service.parts.tidy()
    assert await house.state.oauth.sessions()
    house.clock.advance(200 * DAY_S)
    await house.service.parts.tidy()
    assert await house.state.oauth.sessions() == []
    assert await house.state.oauth.purge() == Purged()
    assert len(await house.audited()) == audited
    house.clock.advance(200 * DAY_S)
    await house.service.parts.tidy()
    assert await house.audited() == []
