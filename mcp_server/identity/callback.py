"""Owns the reading of what a provider sends a person back with. Pure.

Everything here can be written by anybody: it is compared, never repeated, and none of it is believed but the code, which only the
provider itself can turn into something.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mcp_server.identity.failures import misconfigured, nonsense, unreachable
from mcp_server.identity.provider import Refused

_CODE: Final = re.compile(r"[ -~]{1,8192}")
"""https://www.rfc-editor.org/rfc/rfc6749#appendix-A.11: visible characters and spaces."""
_NOT_NOW: Final = frozenset({"temporarily_unavailable", "server_error"})
_DECLINED: Final = frozenset(
    {"access_denied", "login_required", "interaction_required", "consent_required", "account_selection_required"}
)


@dataclass(frozen=True, slots=True)
class Code:
    """What the provider exchanges for who it was."""

    code: str = field(repr=False)


def read(
    parameters: Mapping[str, str], *, state: str, title: str, issuer: str | None = None, issuer_required: bool = False
) -> Code | Refused:
    """The code that came back to the sign-in with this ``state``. ``issuer``: what ``iss`` has to be where there is one.

    Raises: Unavailable, where the provider says that it failed, or that this service did.
    """
    if not state or not _same(parameters.get("state", ""), state):
        return Refused("state_mismatch", "This answer belongs to another sign-in. Start again from your client.")
    # Another provider's answer under this provider's address: https://www.rfc-editor.org/rfc/rfc9207#section-2.4
    named = parameters.get("iss")
    if issuer is not None and named is not None and not _same(named, issuer):
        return Refused("issuer_mismatch", "This answer comes from another provider. Start again from your client.")
    error = parameters.get("error")
    if error in _DECLINED:
        return Refused(
            "declined", f"You were not signed in at {title}. Start again from your client if you want to be."
        )
    if error in _NOT_NOW:
        raise unreachable(title, "it says that it cannot sign anybody in now")
    if error is not None:
        raise misconfigured(title, error)
    if issuer_required and named is None:
        return Refused(
            "issuer_missing", f"This answer does not say that it is {title}'s. Start again from your client."
        )
    code = parameters.get("code", "")
    if not _CODE.fullmatch(code):
        raise nonsense(title, "a sign-in", "it has no code")
    return Code(code)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
