"""Owns an identity provider in this process, for the demo and the tests: a page to choose who to be, real protocols behind it.

A second opinion about OpenID Connect and GitHub's OAuth: it imports nothing of ``mcp_server`` and makes its tokens with another
library. One of them speaks four dialects at once, each at an address of its own::

    identity = StandInIdentity()
    identity.register("skillport", "a secret", redirect_uris=["http://127.0.0.1:8080/oauth/callback/demo"])
    await identity.start()
    identity.issuer                                   # any OpenID provider, by discovery
    identity.google_issuer                            # with hd
    identity.microsoft_url                            # {url}/{tenant}/v2.0, with tid and oid
    identity.github_url, identity.github_api_url      # OAuth without OpenID
    identity.faults.spoil_next(SPOILED["wrong_audience"])
    identity.faults.http.fail_next("GET /keys", status=503)
    await identity.close()
"""

from skillport_sync.standin.identity.people import ACME_TENANT, ADA, DEMO_PEOPLE, EDSGER, GRACE, Person
from skillport_sync.standin.identity.provider import StandInIdentity
from skillport_sync.standin.identity.signing import SigningKey
from skillport_sync.standin.identity.spoiling import LEFT_OUT, SPOILED, IdentityFaults, Spoiled

__all__ = [
    "ACME_TENANT",
    "ADA",
    "DEMO_PEOPLE",
    "EDSGER",
    "GRACE",
    "LEFT_OUT",
    "SPOILED",
    "IdentityFaults",
    "Person",
    "SigningKey",
    "Spoiled",
    "StandInIdentity",
]
