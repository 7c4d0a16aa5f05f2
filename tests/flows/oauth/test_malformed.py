"""Whatever is sent, by hand or by chance, is answered: never with a 500, and never with a redirect to where nobody agreed to."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote, quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mcp_server.oauth.limits import Limits, Rate

MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
LOCAL = "http://localhost:51620/callback"
ENDLESS = Rate(burst=10**9, per_s=10**9)

PAGES = ("/oauth/authorize", "/oauth/callback/google")
FORMS = ("/oauth/token", "/oauth/revoke", "/oauth/consent")
NAMES = (
    "client_id", "redirect_uri", "response_type", "response_mode", "state", "scope", "resource", "prompt", "code",
    "code_challenge", "code_challenge_method", "code_verifier", "grant_type", "refresh_token", "token", "transaction",
    "csrf", "provider", "deny", "error", "iss", "request", "request_uri",
)  # fmt: skip

URL_PARTS = st.sampled_from(
    ["http", "https", "javascript", ":", "//", "localhost", "127.0.0.1", "[::1", "]", "claude.ai", ":99999", ":x", "@", "#",
     "?", "/..", "%2e", "%00", "\\", " ", "ü", "\u202e", "/callback", "/api/mcp/auth_callback", "64:ff9b::", "\ud7ff"]
)  # fmt: skip
URLS = st.lists(URL_PARTS, max_size=8).map("".join)
VALUES = st.one_of(
    URLS,
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace").decode()),
    st.sampled_from(
        [
            "code",
            "S256",
            "plain",
            "none",
            "authorization_code",
            "refresh_token",
            "google",
            "yes",
            "sp_rt_x",
            "sp_at_x",
            "sp_ac_x",
            "sp_tx_x",
            "sp_st_x",
            "x" * 43,
            "https://claude.ai/oauth/claude-code-client-metadata",
            "https://claude.ai/x/y",
        ]
    ),
)
FIELDS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=10)
RAW = st.one_of(
    st.binary(max_size=200),
    FIELDS.map(lambda fields: urlencode(fields).encode()),
    st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=12)), max_size=6).map(
        lambda pairs: "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs).encode()
    ),
)


@pytest.fixture
async def house(house_of):
    limits = Limits(ENDLESS, ENDLESS, ENDLESS, ENDLESS, ENDLESS)
    return await house_of(limits=limits)


def is_well_answered(answer):
    assert answer.status in (200, 201, 303, 400, 401, 403, 404, 405, 413, 503), answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if "Location" in answer.headers:
        assert answer.location.startswith(LOCAL)
    return True


@given(fields=FIELDS)
@example(fields={"redirect_uri": "http://[::1"})
@example(fields={"redirect_uri": "http://localhost:99999/callback"})
@example(fields={"redirect_uri": "http://localhost:x/callback"})
@example(fields={"state": "\ud7ff\u2028"})
@MANY
async def test_no_query_makes_it_fail(house, app, fields):
    for path in PAGES:
        assert is_well_answered(await house.anybody.get(f"{path}?{urlencode(fields)}"))
    changed = {name: value for name, value in fields.items() if name not in ("client_id", "redirect_uri")}
    assert is_well_answered(await house.anybody.get(app.asks(**changed)))


@given(raw=RAW)
@example(raw=b"redirect_uri=%ff")
@example(raw=b"\xff\xfe")
@example(raw=b"a&" * 5000)
@MANY
async def test_no_form_makes_it_fail(house, app, raw):
    for path in FORMS:
        assert is_well_answered(await house.anybody.post(path, raw))
        with_client = raw + b"&client_id=" + app.client_id.encode()
        assert is_well_answered(await house.anybody.post(path, with_client))


@given(redirect_uri=URLS)
@example(redirect_uri="http://[::1")
@example(redirect_uri="http://localhost:99999/callback")
@MANY
async def test_no_address_makes_registration_fail(house, redirect_uri):
    body = json.dumps({"redirect_uris": [redirect_uri]}).encode()
    answer = await house.anybody.send("POST", "/oauth/register", body)
    assert is_well_answered(answer)


@given(
    body=st.binary(max_size=100)
    | st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["redirect_uris", "client_name", "scope", "grant_types"]), inner, max_size=3
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
@MANY
async def test_no_body_makes_registration_fail(house, body):
    assert is_well_answered(await house.anybody.send("POST", "/oauth/register", body))


@given(url=URLS)
@MANY
async def test_no_client_id_makes_it_fail(house, app, url):
    assert is_well_answered(await house.anybody.get(app.asks(client_id="https://" + url)))


@given(
    value=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]), max_size=40),
    name=st.sampled_from(
        [
            "Authorization",
            "Cookie",
            "Origin",
            "Sec-Fetch-Site",
            "Content-Type",
            "Content-Encoding",
            "X-Forwarded-For",
            "Accept",
        ]
    ),
)
@example(value="Basic ###", name="Authorization")
@example(value="skillport-sign-in-0000=\xff", name="Cookie")
@MANY
async def test_no_header_makes_it_fail(house, app, name, value):
    header = {name.replace("-", "_"): value.strip()}
    assert is_well_answered(await house.anybody.get(app.asks(), **header))
    for path in FORMS:
        assert is_well_answered(await house.anybody.post(path, {"client_id": app.client_id}, **header))


@pytest.mark.parametrize(
    ("authorization", "status", "error"),
    [
        ("Basic", 400, "invalid_request"),
        ("Basic ", 400, "invalid_request"),
        ("Basic ###", 400, "invalid_request"),
        ("Basic /w==", 400, "invalid_request"),
        ("Basic YWJj", 400, "invalid_request"),
        ("Bearer sp_at_x", 400, "invalid_request"),
        ("Basic \xff", 400, "invalid_request"),
        ("", 400, "invalid_request"),
        ("Basic YTpi", 401, "invalid_client"),
        ("basic YTr/", 401, "invalid_client"),
    ],
)
async def test_a_client_that_tries_a_header_is_told_so(house, app, authorization, status, error):
    answer = await house.anybody.post(
        "/oauth/token", {"client_id": app.client_id, "grant_type": "refresh_token"}, Authorization=authorization
    )
    assert (answer.status, answer.json["error"]) == (status, error)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", "", "x"])
async def test_a_token_request_that_is_no_form_is_refused(house, app, kind):
    body = json.dumps({"grant_type": "authorization_code", "client_id": app.client_id, "code": "sp_ac_x"}).encode()
    for path in ("/oauth/token", "/oauth/revoke"):
        answer = await house.anybody.send("POST", path, body, Content_Type=kind)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")


async def test_a_form_under_another_name_is_refused_and_burns_nothing(house, app):
    code = await app.sign_in()
    form = {"grant_type": "authorization_code", "client_id": app.client_id, "code": code, "code_verifier": "x" * 43}
    for kind in ("text/plain", "application/json", "application/x-www-form-urlencoded2"):
        answer = await house.anybody.post("/oauth/token", form, Content_Type=kind)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert (await app.redeem(code)).status == 200


async def test_a_form_that_repeats_a_parameter_is_refused_and_burns_nothing(house, app):
    code = await app.sign_in()
    form = urlencode(
        {"grant_type": "authorization_code", "client_id": app.client_id, "code": code, "code_verifier": app.verifier}
    )
    for more in ("code", "client_id", "code_verifier", "grant_type"):
        answer = await house.anybody.post("/oauth/token", f"{form}&{more}=x".encode())
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert (await app.redeem(code)).status == 200


async def test_tokens_are_not_to_be_had_by_get(house, app):
    code = await app.sign_in()
    query = urlencode(
        {"grant_type": "authorization_code", "client_id": app.client_id, "code": code, "code_verifier": app.verifier}
    )
    assert (await house.anybody.get(f"/oauth/token?{query}")).status == 405
    assert (await house.anybody.post(f"/oauth/token?{query}", b"")).status == 400
    assert (await app.redeem(code)).status == 200


@pytest.mark.parametrize("path", [*FORMS, "/oauth/register"])
async def test_bodies_that_are_packed_or_too_large_or_end_early_are_refused(house, path):
    for body, headers in (
        (b"x" * 200_000, {}),
        (b"\x1f\x8b\x08\x00", {"Content_Encoding": "gzip"}),
        (b"x", {"Content_Encoding": "nonsense"}),
    ):
        answer = await house.anybody.post(path, body, **headers)
        assert answer.status == 400
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n"
    writer.write(head.encode() + b"a=b")
    writer.write_eof()
    async with asyncio.timeout(10):
        assert b" 500 " not in (await reader.read()).partition(b"\r\n")[0]
    writer.close()


@pytest.mark.parametrize(
    "target",
    [
        b"/oauth/authorize?state=\xff",
        b"/oauth/authorize?%",
        b"/oauth/authorize?%zz=%",
        b"/oauth/authorize?#?",
        b"/oauth/authorize?client_id=https://[",
        b"/oauth/callback/%00?state=x",
        b"/oauth/callback/%ff",
        b"/oauth/callback/..%2fgoogle?state=x",
        b"http://evil.example/oauth/authorize?client_id=x",
        b"/oauth/authorize?" + b"a" * 7000,
        b"/oauth/authorize?" + b"a" * 20_000,
    ],
)
async def test_no_request_line_makes_it_fail(house, target):
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(10):
        status = (await reader.read()).partition(b"\r\n")[0]
    writer.close()
    assert status.split(b" ")[1] in (b"400", b"404")


async def test_a_body_that_never_ends_is_given_up(house, monkeypatch):
    monkeypatch.setattr("mcp_server.oauth.bodies.BODY_TIMEOUT_S", 0.05)
    host, port = house.url.removeprefix("http://").split(":")
    for path in FORMS:
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        writer.write(head.encode() + b"Content-Length: 9\r\n\r\na=")
        async with asyncio.timeout(10):
            assert (await reader.readline()).split(b" ")[1] == b"400"
        writer.close()


@pytest.mark.parametrize(
    "target", ["/oauth/authorize?client_id=" + quote("ü" * 300), "/oauth/authorize?client_id=%F0%9F%92%A9"]
)
async def test_a_client_id_of_any_letters_is_looked_for(house, target):
    assert (await house.anybody.get(target)).status == 400
