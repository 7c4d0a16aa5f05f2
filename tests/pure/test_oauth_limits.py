"""Buckets: so many at once, then so many a second, and one key's use is not another's."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from mcp_server.oauth.limits import Buckets, Rate, Turns
from mcp_server.peers import THIS_MACHINE


class Seconds:
    now_s = 0.0

    def now(self):
        raise AssertionError

    def monotonic_s(self):
        return self.now_s


def request_of(remote):
    return SimpleNamespace(remote=remote, headers=CIMultiDict())


def test_a_bucket_empties_and_fills_up_again():
    clock = Seconds()
    buckets = Buckets(Rate(burst=2, per_s=0.5), clock)
    assert [buckets.take("a"), buckets.take("a")] == [0, 0]
    assert buckets.take("a") == 2
    assert buckets.take("b") == 0
    clock.now_s = 2
    assert buckets.take("a") == 0
    assert buckets.take("a") == 2
    clock.now_s = 1000
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 2]


@given(st.lists(st.tuples(st.floats(0, 10), st.sampled_from("abc")), max_size=60))
def test_no_key_ever_gets_more_than_its_burst_and_its_rate(asked):
    clock = Seconds()
    buckets, taken = Buckets(Rate(burst=3, per_s=0.5), clock), {}
    for after_s, key in asked:
        clock.now_s += after_s
        taken[key] = taken.get(key, 0) + (buckets.take(key) == 0)
        assert taken[key] <= 3 + clock.now_s * 0.5 + 1e-6


def test_whoever_asks_too_often_takes_nothing_from_the_others():
    turns = Turns(Rate(burst=2, per_s=0.1), Rate(burst=5, per_s=0.1), Seconds(), THIS_MACHINE)
    loud = [turns.wait_s(request_of("198.51.100.7")) for _ in range(50)]
    assert loud.count(0) == 2
    assert [turns.wait_s(request_of(f"198.51.100.{at}")) for at in range(3)] == [0, 0, 0]
    assert turns.wait_s(request_of("198.51.100.99")) > 0


def test_the_keys_that_asked_longest_ago_are_forgotten():
    buckets = Buckets(Rate(burst=1, per_s=0.1), Seconds())
    for at in range(10_001):
        assert buckets.take(str(at)) == 0
    assert buckets.take("10000") > 0
    assert buckets.take("0") == 0
