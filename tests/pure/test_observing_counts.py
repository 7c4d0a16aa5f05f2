"""What is counted: by labels that are bounded, and never by what comes from outside."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.access.model import PrincipalId
from skillport_sync.observing.counts import Counts
from skillport_sync.observing.tally import OTHER, Durations, Tally
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports import PullReport
from skillport_sync.store.audit import AuditAction, AuditEvent

ACME = MarketplaceName("acme")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"))))
def test_a_tally_says_how_often_each_was_there(seen: list[tuple[str, str]]) -> None:
    tally = Tally(2)
    for values in seen:
        tally.add(*values)
    assert dict(tally.read()) == Counter(seen)


@given(st.lists(st.text(max_size=3), max_size=60), st.integers(1, 8))
def test_a_tally_has_so_many_labels_and_others_and_loses_no_count(seen: list[str], most: int) -> None:
    tally = Tally(1, most)
    for value in seen:
        tally.add(value)
    counts = dict(tally.read())
    assert sum(counts.values()) == len(seen)
    assert len(counts.keys() - {(OTHER,)}) <= most


@given(st.lists(st.floats(0, 100, allow_nan=False)))
def test_each_bound_counts_what_took_at_most_so_long(took_s: list[float]) -> None:
    bounds_s = (0.1, 1.0, 10.0)
    durations = Durations(bounds_s)
    for each in took_s:
        durations.add(each, "pull")
    if not took_s:
        assert durations.read() == []
        return
    ((labels, upto, sum_s),) = durations.read()
    assert labels == ("pull",)
    assert upto == [
        *((repr(bound), sum(each <= bound for each in took_s)) for bound in bounds_s),
        ("+Inf", len(took_s)),
    ]
    assert sum_s == pytest.approx(sum(took_s))


def test_what_is_asked_of_github_is_known_by_its_kind_and_a_name_is_not_one() -> None:
    counts = Counts()
    counts.on_request("git/trees", "200")
    counts.on_request("ada-lovelace", "404")
    assert dict(counts.requests.read()) == {("git/trees", "200"): 1, (OTHER, "404"): 1}


def test_an_event_that_nobody_knows_is_not_a_label() -> None:
    counts = Counts()
    for event in ("push", "", "x" * 80, "made_up"):
        counts.on_delivery(event, "signature_mismatch")
    assert dict(counts.deliveries.read()) == {
        ("push", "signature_mismatch"): 1,
        ("none", "signature_mismatch"): 1,
        (OTHER, "signature_mismatch"): 2,
    }


def event(action: AuditAction, outcome: str = "ok", **more: str) -> AuditEvent:
    person = PrincipalId("google:ada@acme.example")
    return AuditEvent(
        datetime(2026, 11, 21, tzinfo=UTC),
        action,
        outcome,
        person,
        "https://claude.ai/client",
        marketplace=ACME,
        skill="docs/salaries",
        surface=more.get("surface"),
        detail=more.get("detail", ""),
    )


def test_the_audit_is_counted_without_people_skills_and_words() -> None:
    counts = Counts()
    for each in (
        event(AuditAction.TOKEN_ISSUED, surface="mcp"),
        event(AuditAction.TOKEN_REFUSED, "wrong_client"),
        event(AuditAction.SIGN_IN),
        event(AuditAction.SIGN_IN_REFUSED, "ada@acme.example is not one of us"),
        event(AuditAction.INSTALL, surface="install"),
        event(AuditAction.WRITE, "denied", detail="save: 3 files of docs/salaries"),
        event(AuditAction.WRITE, detail="rm -rf: docs/salaries"),
        event(AuditAction.READ),
        event(AuditAction.OPERATOR, detail="rollback: salaries"),
    ):
        counts.on_event(each)
    assert dict(counts.tokens_issued.read()) == {("mcp",): 1}
    assert dict(counts.tokens_refused.read()) == {("wrong_client",): 1}
    assert dict(counts.sign_ins.read()) == {("ok",): 1, (OTHER,): 1}
    assert dict(counts.installs.read()) == {("install", "ok"): 1}
    assert dict(counts.saves.read()) == {("save", "denied"): 1, (OTHER, "ok"): 1}


def pulled(outcome: str, cause: str) -> PullReport:
    return PullReport(ACME, outcome, None, None, cause, duration_s=2.0)  # type: ignore[arg-type]


def test_a_publication_is_counted_by_its_cause_and_every_pull_by_its_outcome() -> None:
    counts = Counts()
    counts.on_pull(pulled("published", "push"), {"head": 0.5, "blobs": 1.5})
    counts.on_pull(pulled("unchanged", "reconcile"), {"head": 0.02})
    counts.on_pull(pulled("published", "what somebody typed"), {})
    assert dict(counts.publications.read()) == {("acme", "push"): 1, ("acme", OTHER): 1}
    assert dict(counts.pulls.read()) == {("acme", "published"): 2, ("acme", "unchanged"): 1}
    assert {labels: sum_s for labels, _, sum_s in counts.stage_durations.read()} == {("head",): 0.52, ("blobs",): 1.5}
    ((_, upto, sum_s),) = counts.pull_durations.read()
    assert (upto[-1], sum_s) == (("+Inf", 3), 6.0)
