"""A link is good once, for whom it was made, until it expires; a download that broke off may be tried again for a minute."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.errors import Invalid
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.links import MOST_OF_ONE, RETRY_S, Link, LinkKind, Used
from skillport_sync.store.minted_tokens import NewToken
from skillport_sync.store.state import StateStore

ADA = Principal(
    PrincipalId("google:1"), "Ada", "ada@acme.example", frozenset({"x"}), frozenset({("hd", "acme.example")})
)


def sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


TOKEN, FIRST, SECOND = sha256("a link"), sha256("an attempt"), sha256("another")


@pytest.fixture
def link(clock) -> Link:
    return Link(
        LinkKind.INSTALL,
        ADA,
        "https://claude.ai/client",
        MarketplaceName("acme/skills"),
        "docs",
        "plugins/docs/skills/pdf",
        "pdf",
        CommitId("0123456789abcdef" * 2 + "01234567"),
        "claude-code",
        clock.now(),
        clock.now() + timedelta(minutes=15),
    )


async def test_it_comes_back_as_it_was_made(state: StateStore, link: Link) -> None:
    await state.links.make(TOKEN, link)
    assert await state.links.look(TOKEN, LinkKind.INSTALL) == link
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL) == link
    assert await state.links.look(sha256("unknown"), LinkKind.INSTALL) is None


async def test_of_thirty_two_who_redeem_it_at_once_exactly_one_wins(state: StateStore, link: Link) -> None:
    await state.links.make(TOKEN, link)
    attempts = [sha256(f"attempt {number}") if number % 2 else None for number in range(32)]
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*(state.links.redeem(TOKEN, LinkKind.INSTALL, attempt) for attempt in attempts))
    assert [answer for answer in answers if isinstance(answer, Link)] == [link]
    assert len([answer for answer in answers if isinstance(answer, Used)]) == 31


async def test_the_same_attempt_gets_it_again_for_a_minute_and_nobody_else(
    state: StateStore, link: Link, clock
) -> None:
    await state.links.make(TOKEN, link)
    used = Used(clock.now())
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, FIRST) == link
    clock.advance(seconds=RETRY_S - 1)
    assert await state.links.look(TOKEN, LinkKind.INSTALL) == link
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, SECOND) == used
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, None) == used
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, FIRST) == link
    clock.advance(seconds=1)
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, FIRST) == used
    assert await state.links.look(TOKEN, LinkKind.INSTALL) == used


async def test_whoever_gives_no_attempt_is_not_recognised_again(state: StateStore, link: Link, clock) -> None:
    await state.links.make(TOKEN, link)
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, None) == link
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, None) == Used(clock.now())
    assert await state.links.look(TOKEN, LinkKind.INSTALL) == Used(clock.now())


async def test_after_a_download_broke_off_one_more_gets_it_within_the_same_minute(
    state: StateStore, link: Link, clock
) -> None:
    await state.links.make(TOKEN, link)
    await state.links.redeem(TOKEN, LinkKind.INSTALL, FIRST)
    used = Used(clock.now())
    clock.advance(seconds=30)
    await state.links.reopen(TOKEN, SECOND)  # who never had it cannot have lost it
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, SECOND) == used
    await state.links.reopen(TOKEN, FIRST)
    assert await state.links.look(TOKEN, LinkKind.INSTALL) == link
    answers = await asyncio.gather(*(state.links.redeem(TOKEN, LinkKind.INSTALL, one) for one in (SECOND, None, FIRST)))
    assert answers == [link, used, used]
    await state.links.reopen(TOKEN, FIRST)  # too late: another attempt has it
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, None) == used
    await state.links.reopen(TOKEN, SECOND)
    clock.advance(seconds=30)
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, SECOND) == used
    await state.links.reopen(TOKEN, SECOND)
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, None) == used


async def test_what_nobody_redeemed_cannot_be_reopened(state: StateStore, link: Link, clock) -> None:
    await state.links.make(TOKEN, link)
    await state.links.reopen(TOKEN, None)
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, None) == link
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, None) == Used(clock.now())


async def test_it_is_unknown_the_moment_it_expires(state: StateStore, link: Link, clock) -> None:
    await state.links.make(TOKEN, link)
    clock.advance(minutes=14, seconds=59)
    assert await state.links.look(TOKEN, LinkKind.INSTALL) == link
    clock.advance(seconds=1)
    assert await state.links.look(TOKEN, LinkKind.INSTALL) is None
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL) is None


async def test_one_redeemed_in_time_keeps_its_minute(state: StateStore, link: Link, clock) -> None:
    await state.links.make(TOKEN, link)
    clock.advance(minutes=14, seconds=59)
    await state.links.redeem(TOKEN, LinkKind.INSTALL, FIRST)
    clock.advance(seconds=59)
    assert await state.links.purge() == 0
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, FIRST) == link
    clock.advance(seconds=1)
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL, FIRST) is None
    assert await state.links.purge() == 1


async def test_a_link_to_install_does_not_edit(state: StateStore, link: Link) -> None:
    await state.links.make(TOKEN, link)
    assert await state.links.look(TOKEN, LinkKind.EDIT) is None
    assert await state.links.redeem(TOKEN, LinkKind.EDIT) is None
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL) == link


# --- whose it is --------------------------------------------------------------------------------------------------------------


async def test_it_is_of_the_person_as_they_are_now(state: StateStore, link: Link) -> None:
    await state.people.signed_in(ADA, "google")
    await state.links.make(TOKEN, link)
    now = Principal(ADA.id, "Ada L.", None, frozenset({"y"}), frozenset({("hd", "other.example")}))
    await state.people.signed_in(now, "google")
    assert await state.links.look(TOKEN, LinkKind.INSTALL) == replace(link, principal=now)
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL) == replace(link, principal=now)


@pytest.mark.parametrize("how", ["disabled", "revoked", "marked by hand"])
async def test_nothing_comes_of_it_when_its_person_is_thrown_out(state: StateStore, link: Link, how: str) -> None:
    await state.people.signed_in(ADA, "google")
    await state.links.make(TOKEN, link)
    match how:
        case "disabled":
            assert await state.people.disable(ADA.id)
        case "revoked":
            await state.oauth.revoke_person(ADA.id, "left")
        case _:
            await state._writer.run(lambda db: db.execute("UPDATE people SET disabled_at_us = 1").rowcount)
    assert await state.links.look(TOKEN, LinkKind.INSTALL) is None
    assert await state.links.redeem(TOKEN, LinkKind.INSTALL) is None


async def test_it_ends_with_the_api_token_it_was_asked_for_with(state: StateStore, link: Link, clock) -> None:
    own, other = [await state.tokens.create(sha256(name), ADA, name) for name in ("own", "other")]
    new = NewToken(sha256("minted"), ADA, "scripts", False, f"token:{own.id}", clock.now() + timedelta(hours=1))
    minted = await state.minted_tokens.make(new, most=1, makes_room=True)
    names = {"own": own.id, "other": other.id, "minted": minted.id}
    for name, number in names.items():
        await state.links.make(sha256(f"link by {name}"), replace(link, client_id=f"token:{number}"))
    assert await state.tokens.revoke(own.id)
    known = {name: await state.links.look(sha256(f"link by {name}"), LinkKind.INSTALL) for name in names}
    assert {name for name, found in known.items() if found is not None} == {"other"}


async def test_nobody_fills_the_disk_with_links(state: StateStore, link: Link, clock) -> None:
    grace = replace(link, principal=Principal(PrincipalId("google:2")))
    await state.links.make(sha256("of Grace"), grace)
    for number in range(MOST_OF_ONE + 2):
        clock.advance(seconds=0.001)
        await state.links.make(sha256(str(number)), replace(link, created_at=clock.now()))
    known = [
        number for number in range(MOST_OF_ONE + 2) if await state.links.look(sha256(str(number)), LinkKind.INSTALL)
    ]
    assert known == list(range(2, MOST_OF_ONE + 2))
    assert await state.links.look(sha256("of Grace"), LinkKind.INSTALL) is not None


# --- how it is kept -----------------------------------------------------------------------------------------------------------


async def test_what_is_over_is_forgotten_in_small_steps(state: StateStore, link: Link, clock) -> None:
    for number in range(7):
        person = Principal(PrincipalId(f"google:{number}"))
        for each in range(150):
            await state.links.make(sha256(f"{number} {each}"), replace(link, principal=person))
    kept = replace(link, expires_at=link.expires_at + timedelta(hours=1), principal=Principal(PrincipalId("google:9")))
    await state.links.make(TOKEN, kept)
    clock.advance(minutes=15)
    before = state._writer.commits
    assert await state.links.purge() == 1050
    assert state._writer.commits == before + 3
    assert await state.links.look(TOKEN, LinkKind.INSTALL) == kept
    assert await state.links.purge() == 0


async def test_they_survive_a_restart_used_or_not(tmp_path: Path, state: StateStore, link: Link, clock) -> None:
    await state.links.make(TOKEN, link)
    await state.links.make(SECOND, link)
    await state.links.redeem(TOKEN, LinkKind.INSTALL)
    await state.close()
    reopened = await StateStore.open(tmp_path / "state.db", clock=clock)
    try:
        assert await reopened.links.redeem(TOKEN, LinkKind.INSTALL) == Used(clock.now())
        assert await reopened.links.redeem(SECOND, LinkKind.INSTALL) == link
    finally:
        await reopened.close()


async def test_text_that_cannot_be_stored_is_refused_without_repeating_it(state: StateStore, link: Link) -> None:
    with pytest.raises(Invalid) as refused:
        await state.links.make(TOKEN, replace(link, directory="docs/\ud800"))
    assert "docs" not in refused.value.message
    assert await state.links.look(TOKEN, LinkKind.INSTALL) is None
