"""Owns the verification of an ID token: the one place that decides whether what it says may be believed. Pure.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation. joserfc checks the signature and authlib the claims; what
the two leave open is closed here: which signatures count is a constant and never the provider's to say, ``aud`` must be us,
``nonce`` must be ours, ``sub`` must be something that can be an id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    InvalidKeyIdError,
    JoseError,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

ALGORITHMS: Final = ("RS256", "ES256", "PS256")
LEEWAY_S: Final = 60
"""How far a provider's clock and ours may be apart."""

Claims = Mapping[str, object]
"""What a verified token says."""

# Unknown members of the header have to be ignored: https://www.rfc-editor.org/rfc/rfc7515#section-4. ``crit`` is still heeded.
_SIGNATURES: Final = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
_SUBJECT: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_MAX_CHARS: Final = 128_000


class Fault(StrEnum):
    """What is wrong with a token, as a stable code."""

    MALFORMED = "id_token_malformed"
    ALGORITHM = "id_token_algorithm"
    KEY = "id_token_key"
    """Signed with a key that the provider does not publish."""
    SIGNATURE = "id_token_signature"
    ISSUER = "id_token_issuer"
    AUDIENCE = "id_token_audience"
    EXPIRED = "id_token_expired"
    TIME = "id_token_time"
    """From the future, or its times are no times."""
    NONCE = "id_token_nonce"
    """Not made for this sign-in."""
    AT_HASH = "id_token_at_hash"
    """Not made together with the access token it came with."""
    SUBJECT = "id_token_subject"
    CLAIM = "id_token_claim"

    @property
    def may_pass_with_newer_keys(self) -> bool:
        return self in (Fault.KEY, Fault.SIGNATURE)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to fit."""

    issuer_of: Callable[[Claims], str]
    """The only issuer that a token with these claims may have. Total: nothing but their signature was checked."""
    client_id: str
    nonce: str = field(repr=False)
    access_token: str = field(repr=False)


_FAULTS: Final = {
    "iss": Fault.ISSUER,
    "aud": Fault.AUDIENCE,
    "azp": Fault.AUDIENCE,
    "exp": Fault.TIME,
    "iat": Fault.TIME,
    "nbf": Fault.TIME,
    "nonce": Fault.NONCE,
    "at_hash": Fault.AT_HASH,
    "sub": Fault.SUBJECT,
}


def verify(id_token: str, keys: KeySet, expected: Expected, now: datetime) -> Claims | Fault:
    """What the token says, if all of it may be believed. Never raises."""
    if len(id_token) > _MAX_CHARS or not id_token.isascii():
        return Fault.MALFORMED
    try:
        token = jwt.decode(id_token, keys, registry=_SIGNATURES)
    except UnsupportedAlgorithmError:
        return Fault.ALGORITHM
    except InvalidKeyIdError:
        return Fault.KEY
    except BadSignatureError:
        return Fault.SIGNATURE
    except (JoseError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return Fault.MALFORMED
    return _checked(token.header, token.claims, expected, now)


def _checked(header: dict[str, object], claims: dict[str, object], expected: Expected, now: datetime) -> Claims | Fault:
    # authlib compares the nonce only where one is expected.
    if not expected.nonce:
        return Fault.NONCE
    # Read by authlib as what they should be, whatever they are.
    for name in ("nonce", "at_hash", "azp"):
        if not isinstance(claims.get(name, ""), str):
            return _FAULTS[name]
    checks = CodeIDToken(
        claims,
        header,
        options={
            "iss": {"essential": True, "value": expected.issuer_of(claims)},
            "aud": {"essential": True, "value": expected.client_id},
            "nonce": {"essential": True},
        },
        params={"nonce": expected.nonce, "client_id": expected.client_id, "access_token": expected.access_token},
    )
    try:
        checks.validate(now=int(now.timestamp()), leeway=LEEWAY_S)
    except ExpiredTokenError:
        return Fault.EXPIRED
    except ClaimError as error:
        return _FAULTS.get(error.claim, Fault.CLAIM)
    except (JoseError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return Fault.CLAIM
    subject = claims["sub"]
    return claims if isinstance(subject, str) and _SUBJECT.fullmatch(subject) else Fault.SUBJECT
