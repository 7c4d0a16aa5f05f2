"""Grants, codes and tokens against a plain model: whatever is done in whatever order, the same opens and the same is over."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.store.sign_in import (
    Client,
    CodeFacts,
    Ended,
    Issued,
    NewTokens,
    Replayed,
    Reused,
    Stage,
    Transaction,
    WrongClient,
)
from skillport_sync.store.state import StateStore

PEOPLE = ["google:1", "google:2"]
CLIENTS = ["claude", "inspector"]
CODE = timedelta(seconds=60)
ACCESS = timedelta(hours=1)
IDLE = timedelta(days=30)
GRANT = timedelta(days=90)
WINDOW = timedelta(seconds=60)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
RETURN = "http://localhost/callback"


USES = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 2, 3]),
        st.sampled_from([timedelta(0), timedelta(0), timedelta(0), WINDOW, WINDOW + MICROSECOND, ACCESS, IDLE - DAY]),
        st.sampled_from([1, 1, 8]),
        st.sampled_from([False] * 7 + [True]),
    ),
    min_size=1,
    max_size=6,
)
"""How a line of refresh tokens is used: which from its end, how much later, by how many at once, by another client."""


def sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


@dataclass
class Refresh:
    secret: str
    expires: datetime
    rotated: datetime | None = None


@dataclass
class Granted:
    """What the model knows of a grant."""

    id: int
    person: str
    client: str
    code: str
    code_expires: datetime
    expires: datetime
    used: datetime
    code_burnt: bool = False
    ended: datetime | None = None
    line: list[Refresh] = field(default_factory=list)
    access: dict[str, datetime] = field(default_factory=dict)


class SignIn(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        self.at = datetime(2026, 11, 20, tzinfo=UTC)
        self.grants: dict[int, Granted] = {}
        self.disabled: set[str] = set()
        self.cut_short: set[bytes] = set()
        self.told: list[bytes] = []
        self.all_accesses: list[str] = []
        self.made = 0

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return 0.0

    def open(self) -> None:
        self.state = self.runner.run(StateStore.open(Path(self.directory.name) / "state.db", clock=self))
        self.state.oauth.tell(self.told.extend)

    @initialize()
    def everybody_signs_in(self) -> None:
        self.open()
        for person in PEOPLE:
            self.runner.run(self.state.people.signed_in(Principal(PrincipalId(person)), "google"))
            self._redeem(self._agree(person, CLIENTS[0]).code, 1)

    def fresh(self, kind: str) -> str:
        self.made += 1
        return f"{kind}-{self.made}"

    def is_alive(self, grant: Granted) -> bool:
        return grant.ended is None and self.at < grant.expires and grant.person not in self.disabled

    def end(self, grant: Granted) -> None:
        if grant.ended is None and self.at < grant.expires:
            grant.ended = self.at
            self.cut_short |= {sha256(access) for access, expires in grant.access.items() if self.at < expires}
            grant.access.clear()

    # --- what people and clients do -----------------------------------------------------------------------------------

    # One rule, not many: Hypothesis leaves whole rules out, and where nobody goes on with a token nothing is tried.
    @rule(data=st.data(), what=st.sampled_from(["sign in", "go on", "go on", "go on", "code again", "end", "time"]))
    def happen(self, data: st.DataObject, what: str) -> None:
        match what:
            case "sign in":
                self._sign_in(data)
            case "go on":
                self._go_on(data)
            case "code again":
                if self.grants:
                    codes = [grant.code for grant in self.grants.values()]
                    self._redeem(data.draw(st.sampled_from(codes)), data.draw(st.sampled_from([1, 16])))
            case "end":
                self._end_something(data)
            case _:
                self.at += data.draw(st.sampled_from([CODE, WINDOW, ACCESS, DAY, IDLE - DAY, IDLE]))
                self._tidy(data)

    def _sign_in(self, data: st.DataObject) -> None:
        """Somebody signs in; their client fetches the tokens later, or never, or in several processes at once."""
        grant = self._agree(data.draw(st.sampled_from(PEOPLE)), data.draw(st.sampled_from(CLIENTS)))
        waits = data.draw(st.sampled_from([timedelta(0), timedelta(0), timedelta(seconds=59), CODE, None]))
        if grant is not None and waits is not None:
            self.at += waits
            self._redeem(grant.code, data.draw(st.sampled_from([1, 1, 1, 16])))

    def _agree(self, person: str, client: str) -> Granted | None:
        name, code = self.fresh("transaction"), self.fresh("code")

        async def asked() -> int | None:
            oauth = self.state.oauth
            await oauth.register(
                sha256(client), Client(client, "dcr", client, (RETURN,), self.at, self.at, approved=False)
            )
            hashes = (sha256("csrf"), sha256("cookie"))
            end = self.at + DAY
            await oauth.begin(
                Transaction(
                    sha256(name), Stage.CONSENT, client, RETURN, None, "skills", "r", "c", *hashes, self.at, end
                )
            )
            await oauth.advance(sha256(name), expect=Stage.CONSENT, to=Stage.UPSTREAM, provider="google")
            return await oauth.grant_and_code(
                sha256(name),
                PrincipalId(person),
                code_hash=sha256(code),
                code_expires_at=self.at + CODE,
                grant_expires_at=self.at + GRANT,
            )

        grant = self.runner.run(asked())
        assert (grant is None) == (person in self.disabled)
        if grant is None:
            return None
        assert grant not in self.grants
        self.grants[grant] = Granted(grant, person, client, code, self.at + CODE, self.at + GRANT, self.at)
        return self.grants[grant]

    def _redeem(self, code: str, at_once: int) -> None:
        async def brought() -> list[CodeFacts | Replayed | None]:
            return await asyncio.gather(*(self.state.oauth.consume_code(sha256(code)) for _ in range(at_once)))

        outcomes = self.runner.run(brought())
        assert outcomes == [self._redeemed(code) for _ in outcomes]
        for facts in outcomes:
            if isinstance(facts, CodeFacts):
                grant, refresh, access = self.grants[facts.grant_id], self.fresh("refresh"), self.fresh("access")
                issued = self.runner.run(self.state.oauth.issue(grant.id, self._pair(access, refresh)))
                assert (issued is not None) == self.is_alive(grant)
                if issued is not None:
                    grant.line.append(Refresh(refresh, min(self.at + IDLE, grant.expires)))
                    self._handed_out(grant, access, issued)
                    again = self._pair(self.fresh("access"), self.fresh("refresh"))
                    assert self.runner.run(self.state.oauth.issue(grant.id, again)) is None

    def _redeemed(self, code: str) -> CodeFacts | Replayed | None:
        grant = next((grant for grant in self.grants.values() if grant.code == code), None)
        if grant is None:
            return None
        if grant.code_burnt:
            self.end(grant)
            return Replayed(grant.id, grant.person, grant.client)
        grant.code_burnt = True
        if not self.is_alive(grant):
            return None
        if self.at >= grant.code_expires:
            self.end(grant)
            return None
        return CodeFacts(grant.id, grant.person, grant.client, RETURN, "c", "skills", "r")

    def _any_grant(self, data: st.DataObject) -> Granted | None:
        """One with refresh tokens, mostly one that lives."""
        held = [grant for grant in self.grants.values() if grant.line]
        living = [grant for grant in held if self.is_alive(grant)]
        chosen = living if living and data.draw(st.integers(0, 7)) else held
        return data.draw(st.sampled_from(chosen)) if chosen else None

    def _go_on(self, data: st.DataObject) -> None:
        """A client uses the last refresh token of a line, or one before, at once or later, or somebody else tries it."""
        grant = self._any_grant(data)
        for back, waits, at_once, stolen in data.draw(USES) if grant is not None else []:
            self.at += waits
            refresh = grant.line[-min(back, len(grant.line))].secret
            client = next(client for client in CLIENTS if client != grant.client) if stolen else grant.client
            self._rotate(grant, refresh, client, at_once)

    def _rotate(self, grant: Granted, refresh: str, client: str, at_once: int) -> None:
        accesses = [self.fresh("access") for _ in range(at_once)]

        async def asked() -> list[object]:
            pairs = [self._pair(access, refresh + "+") for access in accesses]
            return await asyncio.gather(
                *(
                    self.state.oauth.rotate(sha256(refresh), client_id=client, tokens=pair, window_s=60)
                    for pair in pairs
                )
            )

        outcomes = self.runner.run(asked())
        for access, outcome in zip(accesses, outcomes, strict=True):
            expected = self._rotated(grant, refresh, client)
            event(expected.__name__)
            assert type(outcome) is expected
            if isinstance(outcome, Issued):
                self._handed_out(grant, access, outcome)

    def _rotated(self, grant: Granted, refresh: str, client: str) -> type:
        if grant.client != client:
            return WrongClient
        place = next(n for n, token in enumerate(grant.line) if token.secret == refresh)
        token = grant.line[place]
        if not self.is_alive(grant) or self.at >= token.expires:
            return Ended
        if token.rotated is None:
            token.rotated = self.at
            following = Refresh(refresh + "+", min(self.at + IDLE, grant.expires))
            grant.line.append(following)
            return Issued
        if grant.line[place + 1].rotated is not None and self.at - token.rotated > WINDOW:
            self.end(grant)
            return Reused
        return Issued

    def _pair(self, access: str, refresh: str) -> NewTokens:
        return NewTokens(sha256(access), self.at + ACCESS, sha256(refresh), self.at + IDLE)

    def _handed_out(self, grant: Granted, access: str, issued: Issued) -> None:
        expires = min(self.at + ACCESS, grant.expires)
        assert (issued.grant_id, issued.principal.id, issued.client_id) == (grant.id, grant.person, grant.client)
        assert issued.access_expires_at == expires
        grant.access[access] = expires
        grant.used = self.at
        self.all_accesses.append(access)

    # --- what ends it -------------------------------------------------------------------------------------------------

    def _end_something(self, data: st.DataObject) -> None:
        match data.draw(st.sampled_from(["refresh", "foreign refresh", "access", "grant", "person", "disabled"])):
            case "refresh":
                self._sign_out(data, is_own=True)
            case "foreign refresh":
                self._sign_out(data, is_own=False)
            case "access":
                self._revoke_access(data)
            case "grant" if self.grants:
                grant = self.grants[data.draw(st.sampled_from(sorted(self.grants)))]
                was_over = grant.ended is not None or self.at >= grant.expires
                assert self.runner.run(self.state.oauth.revoke_grant(grant.id, "operator")) is not was_over
                self.end(grant)
            case "person":
                self._revoke_person(data.draw(st.sampled_from(PEOPLE)))
            case "disabled":
                person = data.draw(st.sampled_from(PEOPLE))
                assert self.runner.run(self.state.people.disable(PrincipalId(person))) is (person not in self.disabled)
                self._end_all_of(person)
                self.disabled.add(person)

    def _tidy(self, data: st.DataObject) -> None:
        match data.draw(st.sampled_from(["nothing", "enable", "purge", "reopen"])):
            case "enable":
                self._enable()
            case "purge":
                self._purge()
            case "reopen":
                self.runner.run(self.state.close())
                self.open()

    def _sign_out(self, data: st.DataObject, *, is_own: bool) -> None:
        grant = self._any_grant(data)
        if grant is not None:
            refresh = data.draw(st.sampled_from(grant.line[-3:])).secret
            client = grant.client if is_own else "another"
            assert self.runner.run(self.state.oauth.revoke_token(sha256(refresh), client)) is is_own
            if is_own:
                self.end(grant)

    def _revoke_access(self, data: st.DataObject) -> None:
        held = [(grant, access) for grant in self.grants.values() for access in grant.access]
        if held:
            grant, access = data.draw(st.sampled_from(held))
            assert self.runner.run(self.state.oauth.revoke_token(sha256(access), grant.client)) is True
            if self.at < grant.access.pop(access):
                self.cut_short.add(sha256(access))

    def _revoke_person(self, person: str) -> None:
        valid = {
            sha256(access)
            for grant in self.grants.values()
            if grant.person == person
            for access, expires in grant.access.items()
            if self.at < expires
        }
        assert valid <= set(self.runner.run(self.state.oauth.revoke_person(PrincipalId(person), "left")))
        self._end_all_of(person)

    def _enable(self) -> None:
        for person in PEOPLE:
            assert self.runner.run(self.state.people.enable(PrincipalId(person))) is (person in self.disabled)
        self.disabled.clear()

    def _end_all_of(self, person: str) -> None:
        for grant in self.grants.values():
            if grant.person == person:
                self.end(grant)
                grant.access.clear()

    def _purge(self) -> None:
        self.runner.run(self.state.oauth.purge())
        for grant in list(self.grants.values()):
            gone = grant.ended is not None and self.at - grant.ended >= DAY
            grant.line = [token for token in grant.line if self.at < token.expires and not gone]
            grant.access = {access: expires for access, expires in grant.access.items() if self.at < expires}
            if not grant.line and self.at - grant.used >= DAY:
                del self.grants[grant.id]

    # --- what is always so --------------------------------------------------------------------------------------------

    @invariant()
    def exactly_what_should_be_open_is_open(self) -> None:
        async def found() -> dict[str, tuple[str, int] | None]:
            facts = {access: await self.state.oauth.find_access(sha256(access)) for access in self.all_accesses}
            return {access: one and (one.principal.id, one.grant_id) for access, one in facts.items()}

        expected: dict[str, tuple[str, int] | None] = dict.fromkeys(self.all_accesses)
        for grant in self.grants.values():
            for access, expires in grant.access.items():
                if self.at < expires and self.is_alive(grant):
                    expected[access] = (grant.person, grant.id)
        if hasattr(self, "state"):
            assert self.runner.run(found()) == expected

    @invariant()
    def a_grant_has_one_line_and_is_a_session_while_it_can_go_on(self) -> None:
        if not hasattr(self, "state"):
            return
        rows = self.runner.run(
            self.state._readers.fetch(
                "SELECT count(*) FROM refresh_tokens WHERE rotated_at_us IS NULL GROUP BY grant_id"
            )
        )
        assert all(count == 1 for (count,) in rows)
        sessions = {row.grant_id for row in self.runner.run(self.state.oauth.sessions())}
        assert sessions == {
            grant.id
            for grant in self.grants.values()
            if self.is_alive(grant) and grant.line and self.at < grant.line[-1].expires
        }

    @invariant()
    def whoever_remembers_tokens_was_told_of_each_that_was_cut_short(self) -> None:
        assert self.cut_short <= set(self.told)

    def teardown(self) -> None:
        if hasattr(self, "state"):
            self.runner.run(self.state.close())
        self.runner.close()
        self.directory.cleanup()


TestSignIn = SignIn.TestCase
TestSignIn.settings = settings(
    max_examples=int(os.environ.get("SKILLPORT_TEST_EXAMPLES", "40")),
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
