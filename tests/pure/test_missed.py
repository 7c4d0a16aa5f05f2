"""The judgement of what never arrived, whatever GitHub lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.errors import Denied, Missing, SkillportError, Unauthenticated, Unavailable
from skillport_sync.github.hook_facts import Activity, Attempt, HookFact
from skillport_sync.github.wire import RepositoryFact
from skillport_sync.store.repository_facts import RepositoryFacts
from skillport_sync.sync.conditions import MEANINGS, Condition, of_hooks, of_loss, of_repository, ours, said
from skillport_sync.sync.missed import gaps, pushes, to_redeliver, why

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://skills.example/webhooks/github"
GOOD = HookFact(1, URL, ("push", "repository", "pull_request"), True, True, True, True)

attempts = st.lists(
    st.builds(
        Attempt,
        id=st.integers(1, 10_000),
        guid=st.sampled_from("abcdef"),
        delivered_at=st.integers(-1000, 1000).map(lambda s: NOON + timedelta(seconds=s)),
        status=st.sampled_from(["OK", "timed out", "Invalid HTTP Response: 401", ""]),
        status_code=st.sampled_from([0, 200, 202, 401, 404, 502, 504, 599]),
        event=st.just("push"),
        repository_id=st.sampled_from([None, 7, 8]),
    )
)


@given(attempts, st.sets(st.sampled_from("abcdef")), st.one_of(st.none(), st.just(NOON)))
def test_a_gap_is_exactly_an_event_without_a_good_attempt_or_one_the_ledger_lacks(listed, received, began):
    mine = [each for each in listed if each.repository_id in (None, 7)]
    found = gaps(listed, received=received, began=began, repository_id=7)
    for guid in {each.guid for each in mine}:
        of_one = [each for each in mine if each.guid == guid]
        is_good = any(each.status == "OK" for each in of_one)
        is_unseen = is_good and began is not None and guid not in received
        is_unseen = is_unseen and all(each.delivered_at >= NOON for each in of_one)
        assert [gap.unseen for gap in found if gap.guid == guid] == ([is_unseen] if not is_good or is_unseen else [])
    assert [gap.at for gap in found] == sorted((gap.at for gap in found), reverse=True)
    assert {gap.guid for gap in found} <= {each.guid for each in mine}


@given(attempts)
def test_why_is_always_a_clause(listed):
    for gap in gaps(listed, received=(), began=NOON, repository_id=7):
        assert why(gap)
        assert not why(gap).endswith(".")


@given(attempts)
def test_what_was_refused_waits_for_something_that_arrived_later(listed):
    found = gaps(listed, received=(), began=None, repository_id=7)
    last_good = max((each.delivered_at for each in listed if each.is_ok), default=None)
    for gap in to_redeliver(found, listed):
        assert gap.status_code not in range(400, 500) or (last_good is not None and last_good > gap.at)
    assert {gap.guid for gap in found if gap.status_code not in range(400, 500)} <= {
        gap.guid for gap in to_redeliver(found, listed)
    }


def _push(number: int, kind: str = "push", ago_s: int = 600) -> Activity:
    return Activity(
        number, kind, "refs/heads/main", "0" * 40, f"{number:040x}", NOON - timedelta(seconds=ago_s), "mona"
    )


def test_only_what_nobody_told_of_or_rewrote_history_is_noticed():
    log = [_push(1), _push(2), _push(3, "force_push"), _push(4, ago_s=30)]
    told = {f"{number:040x}" for number in (1, 3)}
    found = pushes(log, told=told, now=NOON, hears=True)
    assert [(each.activity_id, each.missed) for each in found] == [(2, True), (3, False)]
    assert [each.activity_id for each in pushes(log, told=told, now=NOON, hears=False)] == [3]


# --- states ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "facts", "was_there", "code"),
    [
        (Unavailable("x"), {}, True, None),
        (Unauthenticated("x"), {}, True, "credentials_refused"),
        (Missing("x"), {}, True, "repository_gone"),
        (Missing("x"), {}, False, "repository_not_found"),
        (Missing("x"), {"installation_state": "deleted"}, True, "app_uninstalled"),
        (Missing("x"), {"installation_state": "removed"}, True, "app_without_repository"),
        (Missing("x", code="app_not_installed"), {}, True, "app_uninstalled"),
        (Denied("x", code="app_without_repository"), {}, True, "app_without_repository"),
        (Denied("“This installation has been suspended”"), {}, True, "app_suspended"),
        (Denied("x"), {"installation_state": "suspended"}, True, "app_suspended"),
        (Denied("x"), {}, True, "permission_lost"),
        (Denied("x", code="repository_replaced"), {}, True, "repository_replaced"),
    ],
)
def test_every_way_to_lose_a_repository_has_a_name(error: SkillportError, facts, was_there, code):
    found = of_loss(error, RepositoryFacts(**facts), was_there=was_there)
    assert (None if found is None else found.code) == code
    if found is not None:
        assert said(found)
        assert found.code in MEANINGS


def test_a_name_in_other_letters_is_no_other_name():
    fact = RepositoryFact(1, "Acme/Skills", "main", True, False)
    assert list(of_repository(fact, "acme/skills")) == []
    assert [each.code for each in of_repository(fact, "acme/old")] == ["repository_renamed"]
    assert [each.code for each in of_repository(fact, "other/skills")] == ["repository_transferred"]


def test_a_hook_is_ours_by_its_address_and_else_by_having_been_heard():
    shouting = HookFact(2, "HTTPS://SKILLS.example/webhooks/github/", GOOD.events, True, True, True, True)
    proxied = HookFact(3, "https://proxy.example/webhooks/github", GOOD.events, True, True, True, True)
    foreign = HookFact(4, "https://other.example/hook", GOOD.events, True, True, True, True)
    assert ours([foreign, shouting, proxied], URL, frozenset({3})) == (shouting,)
    assert ours([foreign, proxied], URL, frozenset({3, 4})) == (proxied,)
    assert ours([foreign, proxied], URL, frozenset()) == ()


def test_a_good_hook_is_nothing_to_speak_of():
    assert list(of_hooks([GOOD], URL, RepositoryFacts(hook_deleted=True))) == []
    assert list(of_hooks([], URL, RepositoryFacts())) == [Condition("hook_missing", URL)]
