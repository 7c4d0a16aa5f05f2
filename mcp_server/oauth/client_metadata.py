"""Owns what a client may say of itself, registered (RFC 7591) or in a document at its URL (CIMD). Pure, total on any bytes.

Little is believed: a name to show, and where to send people back to. All clients are public, so whatever they ask for as a way to
prove themselves, the answer is ``none``: Claude's hosted clients ask for ``client_secret_post`` and take that answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, cast

import orjson

from mcp_server.oauth import redirects
from mcp_server.oauth.metadata import OFFLINE, SCOPE
from mcp_server.oauth.pages import outside_text
from mcp_server.oauth.redirects import Redirect, Unfit

MAX_REDIRECT_URIS: Final = 10
MAX_NAME_CHARS: Final = 80

BAD_REDIRECT: Final = "invalid_redirect_uri"
BAD_METADATA: Final = "invalid_client_metadata"

_SECRETS: Final = ("client_secret", "client_secret_expires_at")


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """What was understood. ``asked_scope`` is what of the asked scopes there is here."""

    name: str
    redirect_uris: tuple[str, ...]
    asked_scope: str = SCOPE

    @property
    def stored_uris(self) -> tuple[str, ...]:
        """Without the ports of loopback, which do not count: instances of one program then are one client."""
        return tuple(sorted({redirects.portless(uri) for uri in self.redirect_uris}))

    @property
    def key(self) -> bytes:
        """The same for all who say the same of themselves."""
        return hashlib.sha256(orjson.dumps([self.name, self.stored_uris])).digest()


@dataclass(frozen=True, slots=True)
class Unacceptable:
    """``error`` as RFC 7591 names it, ``why`` a sentence in plain ASCII; ``host`` would have to be allowed, for the log."""

    error: str
    why: str
    host: str | None = None


def of_registration(body: bytes, hosts: Collection[str]) -> ClientMetadata | Unacceptable:
    """https://www.rfc-editor.org/rfc/rfc7591#section-2. One address that will not do spoils all of it."""
    said = _object(body)
    if isinstance(said, Unacceptable):
        return said
    uris = _addresses(said)
    if isinstance(uris, Unacceptable):
        return uris
    for uri in uris:
        checked = redirects.check(uri, hosts)
        if isinstance(checked, Unfit):
            return Unacceptable(BAD_REDIRECT, f"A redirect URI {checked.why}.", checked.host)
    return _understood(said, uris)


def of_document(body: bytes, url: str, hosts: Collection[str]) -> ClientMetadata | Unacceptable:
    """https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document. It is written for every server there is, so
    addresses that will not do here are left out, unless none remains.
    """
    said = _object(body)
    if isinstance(said, Unacceptable):
        return said
    if said.get("client_id") != url:
        return Unacceptable(BAD_METADATA, "The client_id in it is not its own address.")
    if any(name in said for name in _SECRETS) or said.get("token_endpoint_auth_method", "none") != "none":
        return Unacceptable(
            BAD_METADATA, "It describes a client with a secret: token_endpoint_auth_method must be none."
        )
    uris = _addresses(said)
    if isinstance(uris, Unacceptable):
        return uris
    fit = tuple(uri for uri in uris if isinstance(redirects.check(uri, hosts), Redirect))
    if not fit:
        return Unacceptable(BAD_REDIRECT, "None of its redirect URIs leads to a host that is allowed here.")
    return _understood(said, fit)


def _object(body: bytes) -> dict[str, object] | Unacceptable:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Unacceptable(BAD_METADATA, "This is not JSON.")
    if not isinstance(said, dict):
        return Unacceptable(BAD_METADATA, "This is not a JSON object.")
    return {name: value for name, value in said.items() if value is not None}


def _addresses(said: dict[str, object]) -> tuple[str, ...] | Unacceptable:
    uris = _texts(said.get("redirect_uris"))
    if not uris or len(uris) > MAX_REDIRECT_URIS:
        return Unacceptable(BAD_REDIRECT, f"redirect_uris must be a list of 1 to {MAX_REDIRECT_URIS} addresses.")
    return uris


def _understood(said: dict[str, object], uris: tuple[str, ...]) -> ClientMetadata | Unacceptable:
    name, scope = said.get("client_name", ""), said.get("scope", SCOPE)
    if not isinstance(name, str) or not isinstance(scope, str):
        return Unacceptable(BAD_METADATA, "client_name and scope must be strings.")
    if not isinstance(said.get("token_endpoint_auth_method", "none"), str):
        return Unacceptable(BAD_METADATA, "token_endpoint_auth_method must be a string.")
    for member, needed in (("grant_types", "authorization_code"), ("response_types", "code")):
        listed = _texts(said.get(member, [needed]))
        if listed is None or needed not in listed:
            return Unacceptable(BAD_METADATA, f"{member} must be a list with {needed}.")
    known = [each for each in dict.fromkeys(scope.split()) if each in (SCOPE, OFFLINE)]
    return ClientMetadata(outside_text.words(name, MAX_NAME_CHARS), uris, " ".join(known) or SCOPE)


def _texts(value: object) -> tuple[str, ...] | None:
    """A list of strings; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return None
    return tuple(cast("list[str]", value))
