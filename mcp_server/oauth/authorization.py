"""Owns what an authorization request must say, beyond who sends it and where the answer goes. Pure.

What is wrong here is told to the client, at its checked address. PKCE with S256 is never optional
(https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1), so that no code can be redeemed by who did not ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mcp_server.oauth.metadata import Addresses, is_our_resource
from mcp_server.oauth.oauth_error import OAuthError
from mcp_server.oauth.parameters import Parameters

_S256: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""32 bytes in base64url: https://www.rfc-editor.org/rfc/rfc7636#section-4.2."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be shown to a person."""

    state: str | None
    code_challenge: str


def read(sent: Parameters, addresses: Addresses) -> Asked | OAuthError:
    """What the client asks for, or what is wrong with it.

    Any scope is taken: there is one to be had, and clients ask for what they know from elsewhere. ``prompt=consent`` asks for
    what happens anyway.
    """
    if sent.one("request") is not None:
        return OAuthError("request_not_supported", "Send the parameters themselves, not a request object.")
    if sent.one("request_uri") is not None:
        return OAuthError("request_uri_not_supported", "Send the parameters themselves, not a request_uri.")
    if sent.one("response_type") is None:
        return OAuthError("invalid_request", "Send response_type=code.")
    if sent.one("response_type") != "code":
        return OAuthError("unsupported_response_type", "The only response_type is code.")
    if sent.one("response_mode") not in (None, "query"):
        return OAuthError("invalid_request", "The only response_mode is query.")
    challenge = sent.one("code_challenge")
    if sent.one("code_challenge_method") != "S256" or challenge is None or not _S256.fullmatch(challenge):
        return OAuthError("invalid_request", "Send a code_challenge of 43 characters with code_challenge_method=S256.")
    if foreign_resource(sent.every("resource"), addresses) is not None:
        return OAuthError("invalid_target", f"The only resource is {addresses.resource}.")
    if "none" in (sent.one("prompt") or "").split():
        return OAuthError("login_required", "A person has to agree each time: prompt=none cannot be had.")
    return Asked(sent.one("state"), challenge)


def foreign_resource(asked: Sequence[str], addresses: Addresses) -> str | None:
    """The first of the resources asked for that is not ours. None asked for stands for ours."""
    return next((each for each in asked if not is_our_resource(addresses, each)), None)
