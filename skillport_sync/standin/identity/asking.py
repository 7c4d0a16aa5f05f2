"""Owns what every dialect does alike: the authorization request, the page, the way back, and who a client is.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1, with PKCE (https://www.rfc-editor.org/rfc/rfc7636) required and only by S256.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import unquote_plus, urlencode

from aiohttp import web

from skillport_sync.standin.identity import page
from skillport_sync.standin.identity.people import Person
from skillport_sync.standin.identity.signing import challenge_of
from skillport_sync.standin.identity.tickets import Asked, Client, Dialect, Tickets

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def ask(
    tickets: Tickets, query: Mapping[str, str], *, dialect: Dialect, issuer: str, wants_openid: bool
) -> Asked | web.Response:
    """The request, if it is right. A wrong client or address is told to the person, everything else to the client."""
    client = tickets.clients.get(query.get("client_id", ""))
    redirect_uri = query.get("redirect_uri", "")
    if client is None or redirect_uri not in client.redirect_uris:
        return html(page.refused("Its client or its redirect address is not registered here."), status=400)
    asked = Asked(
        dialect,
        issuer,
        client.id,
        redirect_uri,
        query.get("state", ""),
        query.get("code_challenge", ""),
        query.get("scope", ""),
        query.get("nonce", ""),
    )
    # GitHub lets the type be left out, and whoever leaves it out of OpenID meant something else.
    if query.get("response_type", "" if wants_openid else "code") != "code":
        return back(asked, {"error": "unsupported_response_type"})
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.challenge):
        return back(asked, {"error": "invalid_request", "error_description": "PKCE with S256 is required"})
    if wants_openid and ("openid" not in asked.scope.split() or not asked.nonce):
        return back(asked, {"error": "invalid_scope" if asked.nonce else "invalid_request"})
    return asked


def back(asked: Asked, answer: Mapping[str, str]) -> web.Response:
    """To the client. The address is sent as it was registered, not as a library would tidy it."""
    query = urlencode({**answer, **({"state": asked.state} if asked.state else {})})
    mark = "&" if "?" in asked.redirect_uri else "?"
    return web.Response(status=302, headers={"Location": f"{asked.redirect_uri}{mark}{query}", **page.HEADERS})


def html(text: str, *, status: int = 200) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/html", headers=page.HEADERS)


def client_of(tickets: Tickets, request: web.Request, form: Mapping[str, str]) -> Client | None:
    """Who asks for a token: by the header, or by the form, never by both."""
    header = request.headers.get("Authorization", "")
    client_id, secret = form.get("client_id", ""), form.get("client_secret")
    if header:
        if secret is not None or not header.startswith("Basic "):
            return None
        try:
            pair = b64decode(header.removeprefix("Basic "), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        client_id, _, secret = (unquote_plus(half) for half in pair.partition(":"))
    client = tickets.clients.get(client_id)
    if client is None or (client.secret is None) != (secret is None):
        return None
    if client.secret is not None and not hmac.compare_digest(client.secret.encode(), (secret or "").encode()):
        return None
    return client


def redeem(tickets: Tickets, client: Client, form: Mapping[str, str]) -> tuple[Asked, Person] | None:
    """What a code was given for. It is spent, whatever is wrong with the rest."""
    found = tickets.redeem(form.get("code", ""))
    verifier = form.get("code_verifier", "")
    if found is None or found[0].client_id != client.id or found[0].redirect_uri != form.get("redirect_uri"):
        return None
    if not _VERIFIER.fullmatch(verifier) or challenge_of(verifier) != found[0].challenge:
        return None
    return found
