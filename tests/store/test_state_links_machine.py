"""One-time links against a plain model: whatever is done in whatever order, each is answered to exactly whom it should be."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.git.objects import CommitId
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.links import RETRY_S, Link, LinkKind, Used
from skillport_sync.store.state import StateStore

RETRY = timedelta(seconds=RETRY_S)
LIVES = timedelta(minutes=15)
MICROSECOND = timedelta(microseconds=1)
SIGNED_IN = Principal(PrincipalId("google:1"), "Ada", "ada@acme.example", frozenset({"a"}), frozenset({("hd", "acme")}))
ON_A_TOKEN = Principal(PrincipalId("token:ci"), "CI")
PEOPLE = [SIGNED_IN, ON_A_TOKEN]
NOBODY = "nobody"
USES = st.lists(
    st.tuples(
        st.sampled_from([timedelta(0)] * 3 + [RETRY / 2, RETRY - MICROSECOND, RETRY, LIVES - RETRY / 2, LIVES]),
        st.lists(st.sampled_from([None, "one", "another"]), min_size=1, max_size=4),
        st.sampled_from([True] * 7 + [False]),
        st.sampled_from([NOBODY, NOBODY, None, "one", "another"]),
        st.sampled_from([False, False, True]),
    ),
    min_size=1,
    max_size=6,
)
"""How a link is used: how much later, by which attempts at once, as what it is; and whose download broke off then; whether
it is tidied up afterwards."""
Answer = Link | Used | None


def sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def attempt_hash(attempt: str | None) -> bytes | None:
    return None if attempt is None else sha256(attempt)


@dataclass
class Held:
    """What the model knows of a link."""

    secret: str
    link: Link
    used: datetime | None = None
    attempt: str | None = None
    reopened: bool = False


class OneTimeLinks(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        self.at = datetime(2026, 11, 20, tzinfo=UTC)
        self.held: list[Held] = []
        self.ada = SIGNED_IN
        self.is_ada_welcome = True
        self.made = 0

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return 0.0

    @initialize()
    def begin(self) -> None:
        self.open()
        self.runner.run(self.state.people.signed_in(SIGNED_IN, "google"))
        self._make(SIGNED_IN, LinkKind.INSTALL)

    def open(self) -> None:
        self.state = self.runner.run(StateStore.open(Path(self.directory.name) / "state.db", clock=self))

    # --- the model ------------------------------------------------------------------------------------------------------------

    def is_in_its_minute(self, held: Held) -> bool:
        return held.used is not None and self.at < held.used + RETRY

    def is_known(self, held: Held, kind: LinkKind) -> bool:
        is_welcome = self.is_ada_welcome or held.link.principal.id != SIGNED_IN.id
        lasts = self.at < held.link.expires_at or self.is_in_its_minute(held)
        return is_welcome and lasts and held.link.kind is kind

    def answer(self, held: Held) -> Link:
        return replace(held.link, principal=self.ada) if held.link.principal.id == SIGNED_IN.id else held.link

    def looked_at(self, held: Held, kind: LinkKind) -> Answer:
        if not self.is_known(held, kind):
            return None
        if held.used is None or (self.is_in_its_minute(held) and (held.reopened or held.attempt is not None)):
            return self.answer(held)
        return Used(held.used)

    def redeemed(self, held: Held, kind: LinkKind, attempt: str | None) -> Answer:
        if not self.is_known(held, kind):
            return None
        again = held.reopened or (attempt is not None and attempt == held.attempt)
        if held.used is not None and not (again and self.is_in_its_minute(held)):
            return Used(held.used)
        held.used, held.attempt, held.reopened = held.used or self.at, attempt, False
        return self.answer(held)

    # --- what happens ---------------------------------------------------------------------------------------------------------

    # One rule, not many: Hypothesis leaves whole rules out, and where nobody redeems a link nothing is tried.
    @rule(data=st.data(), what=st.sampled_from(["use"] * 5 + ["time", "make", "people", "tidy"]))
    def happen(self, data: st.DataObject, what: str) -> None:
        match what:
            case "use" if self.held:
                self._use(data.draw(st.sampled_from(self.held[-3:])), data.draw(USES))
            case "time":
                self.at += data.draw(st.sampled_from([LIVES - RETRY / 2, LIVES - MICROSECOND, LIVES]))
            case "people":
                self._come_and_go(
                    data.draw(st.sampled_from(["kept out or let in", "revoked", "signed in again"])), data
                )
            case "tidy":
                self._tidy(data.draw(st.sampled_from(["purge", "restart"])))
            case _:
                self._make(data.draw(st.sampled_from(PEOPLE)), data.draw(st.sampled_from(LinkKind)))

    def _use(self, held: Held, uses: list[tuple[timedelta, list[str | None], bool, str | None, bool]]) -> None:
        """Redeemed, by several at once, who are served in the order in which they came; then one says that it broke off."""
        for later, attempts, is_right, broke_off, is_tidied in uses:
            self.at += later
            kind = held.link.kind if is_right else next(other for other in LinkKind if other is not held.link.kind)
            expected = [self.redeemed(held, kind, one) for one in attempts]
            assert self.runner.run(self._redeem(held, kind, attempts)) == expected
            self.looking_says_what_redeeming_would_and_changes_nothing()
            if broke_off != NOBODY:
                self.runner.run(self.state.links.reopen(sha256(held.secret), attempt_hash(broke_off)))
                if self.is_in_its_minute(held) and broke_off == held.attempt:
                    held.reopened = True
            if is_tidied:
                self._tidy("purge")

    async def _redeem(self, held: Held, kind: LinkKind, attempts: list[str | None]) -> list[Answer]:
        redeem = self.state.links.redeem
        return list(await asyncio.gather(*(redeem(sha256(held.secret), kind, attempt_hash(one)) for one in attempts)))

    def _make(self, person: Principal, kind: LinkKind) -> None:
        self.made += 1
        link = Link(
            kind,
            person,
            "a client",
            MarketplaceName("acme/skills"),
            "docs",
            f"docs/skills/pdf-{self.made}",
            "pdf",
            CommitId("ab" * 20),
            "package",
            self.at,
            self.at + LIVES,
        )
        held = Held(f"link-{self.made}", link)
        self.runner.run(self.state.links.make(sha256(held.secret), link))
        self.held.append(held)

    def _come_and_go(self, what: str, data: st.DataObject) -> None:
        if what == "signed in again":
            self.ada = Principal(SIGNED_IN.id, data.draw(st.sampled_from(["Ada", "Ada L."])), None, frozenset("b"))
            self.runner.run(self.state.people.signed_in(self.ada, "google"))
        elif what == "revoked":
            person = data.draw(st.sampled_from(PEOPLE))
            self.runner.run(self.state.oauth.revoke_person(person.id, "left"))
            self._lose(person)
        elif self.is_ada_welcome:
            self.is_ada_welcome = not self.runner.run(self.state.people.disable(SIGNED_IN.id))
            self._lose(SIGNED_IN)
        else:
            self.is_ada_welcome = self.runner.run(self.state.people.enable(SIGNED_IN.id))

    def _tidy(self, what: str) -> None:
        if what == "restart":
            self.runner.run(self.state.close())
            self.open()
            return
        over = [held for held in self.held if self.at >= held.link.expires_at and not self.is_in_its_minute(held)]
        assert self.runner.run(self.state.links.purge()) == len(over)
        self.held = [held for held in self.held if held not in over]

    def _lose(self, person: Principal) -> None:
        self.held = [held for held in self.held if held.link.principal.id != person.id]

    # --- what is always so ----------------------------------------------------------------------------------------------------

    @invariant()
    def looking_says_what_redeeming_would_and_changes_nothing(self) -> None:
        async def found() -> list[Answer]:
            return [await self.state.links.look(sha256(each.secret), kind) for each in self.held for kind in LinkKind]

        if hasattr(self, "state"):
            expected = [self.looked_at(each, kind) for each in self.held for kind in LinkKind]
            assert self.runner.run(found()) == expected

    def teardown(self) -> None:
        if hasattr(self, "state"):
            self.runner.run(self.state.close())
        self.runner.close()
        self.directory.cleanup()


TestOneTimeLinks = OneTimeLinks.TestCase
TestOneTimeLinks.settings = settings(
    max_examples=int(os.environ.get("SKILLPORT_TEST_EXAMPLES", "40")),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
