"""Where a client may be sent back to: byte for byte, loopback's port aside."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_server.oauth.redirects import Redirect, Unfit, check, covers, portless

HOSTED = "https://claude.ai/api/mcp/auth_callback"
LOCAL = "http://localhost/callback"

TEXT_OF_URLS = st.text(alphabet="htps:/@localhost127.0.1[]claude.ai?#%2eE\\&= \t\n\x00ü8", max_size=60)
URLS = st.one_of(
    st.text(max_size=60),
    TEXT_OF_URLS,
    TEXT_OF_URLS.map("http://localhost".__add__),
    TEXT_OF_URLS.map("https://claude.ai".__add__),
    TEXT_OF_URLS.map("http://[::1".__add__),
)


@pytest.mark.parametrize(
    "uri",
    [
        HOSTED,
        "https://claude.com/api/mcp/auth_callback",
        LOCAL,
        "http://localhost:51620/callback",
        "http://127.0.0.1:1/callback?from=code",
        "http://[::1]:65535/callback",
        "https://tools.acme.example/callback",
    ],
)
def test_claude_and_the_persons_own_machine_and_configured_hosts_may_be_registered(uri):
    assert isinstance(check(uri, {"Tools.acme.example"}), Redirect)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,hello",
        "com.evil.app://callback",
        "http://evil.example/callback",
        "https://evil.example/callback",
        "http://claude.ai/callback",
        "https://localhost/callback",
        "https://claude.ai.evil.example/callback",
        "https://claude.ai@evil.example/callback",
        "http://user:password@localhost/callback",
        "https://claude.ai/callback#fragment",
        "https://claude.ai/a/../callback",
        "https://claude.ai/a/%2e%2E/callback",
        "https://claude.ai\\@evil.example/callback",
        "https://claude.ai/call back",
        "https://claude.ai/callback\r\nLocation: https://evil.example",
        "//claude.ai/callback",
        "http://[::1",
        "http://[::1].evil.example/callback",
        "http://[::1]evil.example/callback",
        "http://localhost:99999/callback",
        "http://localhost:x/callback",
        "http://localhost.evil.example/callback",
        "http://0.0.0.0/callback",
        "http://127.1/callback",
        "http://2130706433/callback",
        "https://claude.ai/" + "x" * 2000,
        "https://cläude.ai/callback",
        "https://claude%2eai/callback",
    ],
)
def test_everything_else_may_not(uri):
    assert isinstance(check(uri, set()), Unfit)


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        (HOSTED, HOSTED + "/"),
        (HOSTED, HOSTED + "/more"),
        (HOSTED, HOSTED[:-1]),
        (HOSTED, HOSTED.upper()),
        (HOSTED, HOSTED.replace("mcp", "MCP")),
        (HOSTED, HOSTED.replace("claude.ai", "claude.ai:443")),
        (HOSTED, HOSTED.replace("/api/", "/api/./")),
        (HOSTED, HOSTED.replace("/api/", "//api/")),
        (HOSTED, HOSTED.replace("https", "http")),
        (HOSTED, HOSTED + "?x=1"),
        (HOSTED, HOSTED + "?"),
        (HOSTED, HOSTED.replace("claude.ai", "claude.com")),
        (HOSTED, HOSTED.replace("_", "%5F")),
        (LOCAL, "http://localhost:51620/other"),
        (LOCAL, "http://localhost:51620/callback/"),
        (LOCAL, "http://localhost:51620/callback?x=1"),
        (LOCAL, "https://localhost:51620/callback"),
        (LOCAL, "http://127.0.0.1:51620/callback"),
        (LOCAL, "http://[::1]:51620/callback"),
        (LOCAL, "http://u@localhost:51620/callback"),
        (LOCAL, "http://localhost:/callback"),
        (LOCAL, "http://localhost:123456/callback"),
        (LOCAL, "http://LOCALHOST:51620/callback"),
        ("http://localhost:1?to=a/b", "http://localhost:2?to=a/c"),
    ],
)
def test_an_address_that_differs_in_anything_but_the_port_of_loopback_is_not_covered(registered, asked):
    assert not covers(registered, asked)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("rest", ["", "/", "/callback", "/callback?from=code", "?from=code"])
def test_of_loopback_any_port_is_covered(host, rest):
    for one in ("", ":1", ":51620", ":65535"):
        for other in ("", ":7", ":64000"):
            assert covers(f"http://{host}{one}{rest}", f"http://{host}{other}{rest}")


@given(URLS)
@example("http://[")
@example("https://[::1]:0000000000000000000/")
def test_no_text_is_too_odd_to_be_judged(uri):
    found = check(uri, {"tools.acme.example"})
    assert isinstance(found, Redirect | Unfit)
    if isinstance(found, Redirect):
        parts = urlsplit(uri)
        assert parts.username is None
        assert parts.fragment == ""
        assert (parts.scheme, parts.hostname) in {
            *(("http", host) for host in ("localhost", "127.0.0.1", "::1")),
            *(("https", host) for host in ("claude.ai", "claude.com", "tools.acme.example")),
        }


@given(URLS, URLS)
def test_what_covers_is_the_same_but_for_a_port(registered, asked):
    if covers(registered, asked):
        assert registered == asked or portless(registered) == portless(asked)
        assert covers(portless(registered), asked)
        assert covers(asked, registered)


@given(URLS)
def test_an_address_without_its_port_covers_the_one_with_it(uri):
    assert covers(portless(uri), uri)
    assert portless(portless(uri)) == portless(uri)
