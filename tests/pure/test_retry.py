"""What a failed pull means for the next one."""

from __future__ import annotations

import pytest

from skillport_sync.errors import (
    Broken,
    Conflict,
    Denied,
    Invalid,
    Missing,
    RateLimited,
    SkillportError,
    Unauthenticated,
    Unavailable,
)
from skillport_sync.sync.retry import ATTEMPTS_IF_BROKEN, Retry, after
from skillport_sync.sync.wakeups import LONGEST_BACKOFF_S


def retry(error: SkillportError, *, attempts: int = 1, awaits_push: bool = False) -> Retry:
    return after(error, attempts=attempts, awaits_push=awaits_push)


@pytest.mark.parametrize("attempts", [1, 100])
def test_an_outage_is_tried_again_for_as_long_as_it_lasts(attempts):
    assert retry(Unavailable("down"), attempts=attempts) == Retry()


@pytest.mark.parametrize("error", [Unavailable("busy", retry_after_s=30), RateLimited("too fast", retry_after_s=30)])
def test_what_github_asked_for_is_waited(error):
    assert retry(error) == Retry(not_before_s=30)


@pytest.mark.parametrize("error", [Unauthenticated("bad token"), Denied("not yours")])
def test_refused_credentials_wait_for_somebody_to_mend_them(error):
    assert retry(error) == Retry(not_before_s=LONGEST_BACKOFF_S, is_hopeless=True)


@pytest.mark.parametrize("error", [Missing("gone"), Conflict("nothing in it", code="empty_repository")])
def test_what_is_not_there_is_asked_for_again_soon_only_if_a_push_says_that_it_is(error):
    assert retry(error) == Retry(is_hopeless=True)
    assert retry(error, awaits_push=True) == Retry()


def test_another_publication_in_the_way_is_tried_again():
    assert retry(Conflict("moved", code="publication_fenced"), attempts=50) == Retry()


def test_what_does_not_add_up_is_tried_a_few_times_and_then_left_alone():
    verdicts = [retry(Broken("lies"), attempts=attempts).is_hopeless for attempts in range(1, 6)]
    assert verdicts == [False] * (ATTEMPTS_IF_BROKEN - 1) + [True] * (6 - ATTEMPTS_IF_BROKEN)


def test_whatever_else_fails_is_tried_again():
    assert retry(Invalid("strange")) == Retry()
