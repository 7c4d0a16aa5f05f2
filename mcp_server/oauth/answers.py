"""Owns the forms in which the authorization server answers: JSON, an error, a page, a redirect, and the headers of each.

Never shapes an address out of a request. ``Location`` is sent as it was registered, byte for byte: aiohttp's own redirects pass
through yarl, which drops ``:443``, resolves ``..`` and changes escapes, and would send a code where nobody agreed to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import orjson
from aiohttp import hdrs, web

from mcp_server.oauth.oauth_error import OAuthError
from mcp_server.oauth.pages import PAGE_HEADERS, ProblemPage, problem

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    hdrs.CACHE_CONTROL: "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
CORS_HEADERS: Final[Mapping[str, str]] = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After",
}
_PREFLIGHT_HEADERS: Final[Mapping[str, str]] = {
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: (
        "Authorization, Content-Type, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID"
    ),
    hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
}


class Reply(web.Response):
    """An answer, and which error it carries, for the log."""

    oauth_error: str | None = None


def json(body: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON document. Members that are None are left out: some clients refuse null."""
    said = {name: value for name, value in body.items() if value is not None}
    return Reply(
        body=orjson.dumps(said),
        status=status,
        content_type="application/json",
        headers={**SECURITY_HEADERS, **(headers or {})},
    )


def error(refused: OAuthError, headers: Mapping[str, str] | None = None) -> Reply:
    """https://www.rfc-editor.org/rfc/rfc6749#section-5.2."""
    response = json({"error": refused.error, "error_description": refused.description}, refused.status, headers)
    response.oauth_error = refused.error
    return response


def later(wait_s: float, description: str, status: int = 503) -> Reply:
    """The same, for what would go well after a while."""
    return error(OAuthError("temporarily_unavailable", description, status), retry_after(wait_s))


def retry_after(wait_s: float) -> dict[str, str]:
    return {hdrs.RETRY_AFTER: str(max(1, math.ceil(wait_s)))}


def page(html: bytes, status: int = 200) -> Reply:
    return Reply(body=html, status=status, headers=PAGE_HEADERS)


def problem_page(shown: ProblemPage, code: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A page that says what went wrong, and what to do. ``code`` is for the log."""
    response = page(problem(shown), shown.status)
    response.headers.update(headers or {})
    response.oauth_error = code
    return response


def redirect(location: str, status: int = 303) -> Reply:
    """Send the browser on. 303 makes a GET of whatever it did before."""
    return Reply(status=status, headers={**SECURITY_HEADERS, hdrs.LOCATION: location})


def to_client(redirect_uri: str, issuer: str, state: str | None, answer: Mapping[str, str]) -> Reply:
    """Back to the client with the answer to its request. ``iss`` says whose answer it is, so that a client of several servers
    cannot be made to mix them up: https://www.rfc-editor.org/rfc/rfc9207.
    """
    said = {**answer, **({} if state is None else {"state": state}), "iss": issuer}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in said.items())
    mark = "" if redirect_uri.endswith(("?", "&")) else "&" if "?" in redirect_uri else "?"
    response = redirect(redirect_uri + mark + query)
    if "error" in answer:
        response.oauth_error = answer["error"]
    return response


def preflight(methods: str) -> Reply:
    """What a browser asks before it lets a page call: https://fetch.spec.whatwg.org/#cors-preflight-fetch."""
    headers = {**SECURITY_HEADERS, **_PREFLIGHT_HEADERS, hdrs.ACCESS_CONTROL_ALLOW_METHODS: methods}
    return Reply(status=204, headers=headers)
