"""Owns what ties a sign-in to one browser: a cookie for each, and the proof that a form came from our own page.

A sign-in that was begun in one browser is never finished in another: otherwise somebody could begin it as himself and have it
finished by his victim. Each has a cookie of its own name, so that two tabs do not disturb each other. Never holds a session:
the cookie lives as long as the sign-in and opens nothing else.
"""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from mcp_server.oauth.tokens import opens
from skillport_sync.store.sign_in import Transaction

SameSite = Literal["Lax", "Strict"]

_NAME: Final = "skillport-sign-in-"
_SEC_FETCH_SITE: Final = "Sec-Fetch-Site"


class Browsers:
    """How this service, at its address, recognises browsers.

    Over https the name begins with ``__Host-``, which browsers take from nobody but this very host, over TLS
    (https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2 as amended by draft-ietf-httpbis-rfc6265bis). Plain http is loopback.
    """

    def __init__(self, public_url: str, lifetime_s: int) -> None:
        parts = urlsplit(public_url)
        self._is_secure = parts.scheme == "https"
        self._origin = f"{parts.scheme}://{parts.netloc}".lower()
        self._lifetime_s = lifetime_s

    def bind(self, response: web.StreamResponse, id_hash: bytes, secret: str, same_site: SameSite) -> None:
        """Give the browser that gets this response what it will be recognised by."""
        response.set_cookie(
            self._name(id_hash),
            secret,
            max_age=self._lifetime_s,
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite=same_site,
        )

    def release(self, response: web.StreamResponse, id_hash: bytes) -> None:
        """The sign-in is over."""
        response.del_cookie(self._name(id_hash), path="/", secure=self._is_secure, httponly=True, samesite="Lax")

    def is_bound(self, request: web.Request, transaction: Transaction) -> bool:
        """Whether this request comes from the browser that the sign-in is bound to now."""
        return opens(request.cookies.get(self._name(transaction.id_hash)), transaction.bind_hash)

    def is_from_our_page(self, request: web.Request) -> bool:
        """Whether a form was sent by a page of ours, as far as the browser says. ``null`` is the origin of nobody."""
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and origin.lower() != self._origin:
            return False
        return request.headers.get(_SEC_FETCH_SITE, "same-origin") == "same-origin"

    def _name(self, id_hash: bytes) -> str:
        return f"{'__Host-' if self._is_secure else ''}{_NAME}{id_hash.hex()[:16]}"
