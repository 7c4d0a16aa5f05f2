"""Owns what goes wrong at the stand-in on command: ID tokens that must not be believed, and everything HTTP may do.

``SPOILED`` has one wrong token for each thing that a client has to check, under the name of what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

from skillport_sync.standin.faults import Faults
from skillport_sync.standin.identity.signing import SigningKey

LEFT_OUT: Final = object()
"""In ``Spoiled.claims``: the claim is not there at all."""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """How an ID token differs from a right one."""

    claims: Mapping[str, object] = field(default_factory=dict)
    """Other values. For ``exp``, ``iat`` and ``nbf``: seconds from now."""
    header: Mapping[str, object] = field(default_factory=dict)
    made: Literal["as it should be", "unsigned", "with the public key", "by a stranger", "and changed"] = (
        "as it should be"
    )
    instead: str | None = None
    """This text, in place of a token."""

    def token(self, key: SigningKey, claims: Mapping[str, object], now: datetime) -> str:
        if self.instead is not None:
            return self.instead
        moved = {
            name: now.timestamp() + at
            for name, at in self.claims.items()
            if name in ("exp", "iat", "nbf") and isinstance(at, int)
        }
        said = {name: value for name, value in {**claims, **self.claims, **moved}.items() if value is not LEFT_OUT}
        match self.made:
            case "unsigned":
                return key.unsigned(said)
            case "with the public key":
                return key.signed_as_text(said)
            case "by a stranger":
                return SigningKey().sign(said, {"kid": key.kid, **self.header})
            case "and changed":
                head, _, signature = key.sign(said, self.header).split(".")
                return f"{head}.{key.unsigned({**said, 'sub': 'somebody-else'}).split('.')[1]}.{signature}"
            case "as it should be":
                return key.sign(said, self.header)


SPOILED: Final[Mapping[str, Spoiled]] = MappingProxyType(
    {
        "wrong_audience": Spoiled({"aud": "another-client"}),
        "wrong_audience_for_us": Spoiled({"aud": "another-client", "azp": "skillport"}),
        "no_audience": Spoiled({"aud": LEFT_OUT}),
        "empty_audience": Spoiled({"aud": []}),
        "several_audiences_without_party": Spoiled({"aud": ["skillport", "another-client"], "azp": LEFT_OUT}),
        "wrong_party": Spoiled({"azp": "another-client"}),
        "wrong_issuer": Spoiled({"iss": "https://accounts.elsewhere.example"}),
        "issuer_with_slash": Spoiled({"iss": "https://accounts.google.com/"}),
        "no_issuer": Spoiled({"iss": LEFT_OUT}),
        "wrong_nonce": Spoiled({"nonce": "of another sign-in"}),
        "no_nonce": Spoiled({"nonce": LEFT_OUT}),
        "expired": Spoiled({"iat": -7200, "exp": -3600}),
        "no_expiry": Spoiled({"exp": LEFT_OUT}),
        "expiry_is_text": Spoiled({"exp": "tomorrow"}),
        "no_issue_time": Spoiled({"iat": LEFT_OUT}),
        "from_the_future": Spoiled({"iat": 3600, "exp": 7200}),
        "not_valid_yet": Spoiled({"nbf": 3600}),
        "empty_subject": Spoiled({"sub": ""}),
        "no_subject": Spoiled({"sub": LEFT_OUT}),
        "long_subject": Spoiled({"sub": "s" * 256}),
        "subject_with_control_characters": Spoiled({"sub": "ada\x00\n"}),
        "subject_is_a_number": Spoiled({"sub": 7}),
        "wrong_access_token_hash": Spoiled({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
        "access_token_hash_is_a_list": Spoiled({"at_hash": [1]}),
        "unsigned": Spoiled(made="unsigned"),
        "signed_with_the_public_key": Spoiled(made="with the public key"),
        "signed_by_a_stranger": Spoiled(made="by a stranger"),
        "changed_after_signing": Spoiled(made="and changed"),
        "unknown_key": Spoiled(header={"kid": "nobody-has-it"}),
        "unknown_critical_header": Spoiled(header={"crit": ["strange"], "strange": 1}),
        "garbage": Spoiled(instead="not.a.token"),
        "empty": Spoiled(instead=""),
        "two_parts": Spoiled(instead="e30.e30"),
        "not_ascii": Spoiled(instead="é.é.é"),
    }
)


@dataclass(slots=True)
class IdentityFaults:
    """``http`` fails, delays and holds requests, as the stand-in GitHub's faults do."""

    http: Faults = field(default_factory=Faults)
    wrong_callback_issuer: str | None = None
    """What every callback names instead of the issuer; empty to name none."""
    _spoils: list[Spoiled] = field(default_factory=list)

    def spoil_next(self, spoiled: Spoiled, times: int = 1) -> None:
        """The next ID tokens are like this."""
        self._spoils += [spoiled] * times

    def take_spoil(self) -> Spoiled:
        return self._spoils.pop(0) if self._spoils else Spoiled()
