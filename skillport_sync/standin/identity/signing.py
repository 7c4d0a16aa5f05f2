"""Owns the keys of the stand-in: what it signs with, and how it publishes them. https://www.rfc-editor.org/rfc/rfc7517"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Algorithm = Literal["RS256", "PS256", "ES256"]


class SigningKey:
    """A key pair under a name of its own. Making an RSA one takes about 100 ms."""

    def __init__(self, algorithm: Algorithm = "RS256") -> None:
        self.kid = secrets.token_urlsafe(8)
        self.algorithm = algorithm
        self._private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
        if algorithm == "ES256":
            self._private = ec.generate_private_key(ec.SECP256R1())
        else:
            self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwk(self) -> dict[str, object]:
        """What is published of it."""
        public = self._private.public_key()
        members: dict[str, object]
        if isinstance(public, rsa.RSAPublicKey):
            members = dict(RSAAlgorithm.to_jwk(public, as_dict=True))
        else:
            members = dict(ECAlgorithm.to_jwk(public, as_dict=True))
        members.pop("key_ops", None)
        return {**members, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, claims: Mapping[str, object], header: Mapping[str, object]) -> str:
        """A token as it should be. ``header`` beside ``alg`` and ``kid``; with ``kid`` None the key is not named."""
        named = {"typ": "JWT", "kid": self.kid, **header}
        return jwt.PyJWS().encode(
            json.dumps(claims).encode(),
            self._private,
            algorithm=self.algorithm,
            headers={name: value for name, value in named.items() if name != "kid" or value is not None},
        )

    def unsigned(self, claims: Mapping[str, object]) -> str:
        """``alg: none``: whoever believes it believes anybody."""
        return f"{_joined({'alg': 'none', 'typ': 'JWT'}, claims)}."

    def signed_as_text(self, claims: Mapping[str, object]) -> str:
        """``alg: HS256`` with the *public* key for its secret: whoever lets the token choose its algorithm believes it."""
        public = self._private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = _joined({"alg": "HS256", "typ": "JWT", "kid": self.kid}, claims)
        return f"{signed}.{_text(hmac.digest(public, signed.encode(), 'sha256'))}"


def half_hash(access_token: str) -> str:
    """``at_hash``: https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken, for algorithms that end in 256."""
    return _text(hashlib.sha256(access_token.encode()).digest()[:16])


def challenge_of(verifier: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc7636#section-4.2"""
    return _text(hashlib.sha256(verifier.encode()).digest())


def _joined(header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    return f"{_text(json.dumps(header).encode())}.{_text(json.dumps(claims).encode())}"


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
