"""Who is asking: an address, and behind trusted proxies the one that they saw."""

from __future__ import annotations

from ipaddress import ip_network
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from mcp_server.peers import THIS_MACHINE, sender

PROXY = "10.0.0.7"
PROXIES = (ip_network("10.0.0.0/24"), ip_network("fd00::/64"))


def request_of(remote, *forwarded):
    headers = CIMultiDict([("X-Forwarded-For", line) for line in forwarded])
    return SimpleNamespace(remote=remote, headers=headers)


@pytest.mark.parametrize(
    ("request_", "counted_as"),
    [
        pytest.param(request_of("198.51.100.7"), "198.51.100.7", id="without a proxy"),
        pytest.param(request_of("198.51.100.7", "203.0.113.1"), "198.51.100.7", id="a claim of the client's own"),
        pytest.param(request_of("10.0.1.7", "203.0.113.1"), "10.0.1.7", id="a neighbour of the proxies"),
        pytest.param(request_of("127.0.0.1", "203.0.113.1"), "127.0.0.1", id="this machine, where it is not named"),
        pytest.param(request_of(PROXY), PROXY, id="a proxy for itself"),
        pytest.param(request_of(PROXY, "203.0.113.1"), "203.0.113.1", id="a proxy"),
        pytest.param(request_of(PROXY, "192.0.2.1, 203.0.113.1"), "203.0.113.1", id="a claim before the proxy's word"),
        pytest.param(request_of(PROXY, "192.0.2.1", "203.0.113.1"), "203.0.113.1", id="a claim on a line of its own"),
        pytest.param(request_of(PROXY, "192.0.2.1,203.0.113.1, 10.0.0.8"), "203.0.113.1", id="two proxies"),
        pytest.param(request_of(PROXY, "10.0.0.8"), "10.0.0.8", id="nobody but proxies"),
        pytest.param(request_of(PROXY, "203.0.113.1, nonsense"), PROXY, id="a proxy that says nonsense"),
        pytest.param(request_of(PROXY, ""), PROXY, id="a proxy that says nothing"),
        pytest.param(request_of(PROXY, "203.0.113.1:50123"), "203.0.113.1", id="with a port"),
        pytest.param(request_of(PROXY, "[2001:db8::1]:50123"), "2001:db8::/64", id="IPv6 with a port"),
        pytest.param(request_of("::ffff:10.0.0.7", "203.0.113.1"), "203.0.113.1", id="a proxy as IPv4 inside IPv6"),
        pytest.param(request_of("fd00::7", "203.0.113.1"), "203.0.113.1", id="a proxy by IPv6"),
        pytest.param(request_of("2001:db8:1:2:3::4"), "2001:db8:1:2::/64", id="a household"),
        pytest.param(request_of(None, "203.0.113.1"), "unknown", id="no address at all"),
    ],
)
def test_senders_are_counted_by_address_and_only_trusted_proxies_are_believed(request_, counted_as):
    assert sender(request_, PROXIES) == counted_as


def test_a_proxy_on_this_machine_is_believed_unless_somebody_says_otherwise():
    assert sender(request_of("127.0.0.1", "203.0.113.1"), THIS_MACHINE) == "203.0.113.1"
    assert sender(request_of("::1", "203.0.113.1"), THIS_MACHINE) == "203.0.113.1"
    assert sender(request_of("127.0.0.1", "203.0.113.1"), ()) == "127.0.0.1"


@given(st.lists(st.text(max_size=40), max_size=4))
def test_whatever_a_client_writes_it_counts_as_itself(lines):
    assert sender(request_of("198.51.100.7", *lines), PROXIES) == "198.51.100.7"
    # Behind a proxy, too: the client's lines come before what the proxy adds.
    assert sender(request_of(PROXY, *lines, "198.51.100.7"), PROXIES) == "198.51.100.7"
