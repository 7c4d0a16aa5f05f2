"""Owns what is looked at from outside before anybody signs in: the address, its TLS, the refusal at /mcp, and the two documents
that a client finds its way by.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from mcp_server.oauth.metadata import SCOPE, Addresses, authorization_server, protected_resource
from skillport_sync.config import Settings, is_loopback
from skillport_sync.operations.doctor.verdicts import Area
from skillport_sync.operations.doctor.web import WITHIN_S, Answer, NoAnswer, Web, why_not
from skillport_sync.reports import Check

ADDRESS, DISCOVERY = Area("address"), Area("discovery")
CALL: Final[Mapping[str, object]] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "skillport", "arguments": {"operation": "whoami"}},
}
MCP_HEADERS: Final[Mapping[str, str]] = {
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2025-11-25",
}
_SOON: Final = timedelta(days=14)
_PROXY: Final = "check that a proxy before the service passes this path and its headers on as they are"


# --- address -----------------------------------------------------------------------------------------------------------------


async def address(settings: Settings) -> Check:
    """Who can reach the address at all."""
    parts = urlsplit(settings.base_url)
    host = parts.hostname or ""
    if settings.public_url is None or is_loopback(host):
        seen = f"{settings.base_url}: only clients on this machine can use it"
        return ADDRESS.warning("public_url", seen, "set public_url to the https:// address that people will type")
    if parts.scheme != "https":
        return ADDRESS.failed("public_url", f"{settings.base_url} is not https", "no client signs in over plain http")
    try:
        async with asyncio.timeout(WITHIN_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        return ADDRESS.failed("public_url", f"{host} is not known here", "enter it in the DNS, or correct public_url")
    places = sorted({str(each[4][0]).partition("%")[0] for each in found})
    if not any(ipaddress.ip_address(place).is_global and ":" not in place for place in places):
        seen = f"{host} has no public IPv4 address ({', '.join(places)})"
        to_do = "Claude Code inside your network can use it; claude.ai, Desktop and mobile come from outside, over IPv4"
        return ADDRESS.warning("public_url", seen, to_do)
    return ADDRESS.ok("public_url", f"{settings.base_url}, at {', '.join(places)}")


async def tls(base_url: str, now: datetime) -> Check | None:
    """Whether its certificate is believed, and how long it will be; None where there is no TLS."""
    parts = urlsplit(base_url)
    if parts.scheme != "https" or parts.hostname is None:
        return None
    try:
        async with asyncio.timeout(WITHIN_S):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=ssl.create_default_context(), server_hostname=parts.hostname
            )
    except ssl.SSLCertVerificationError as error:
        seen = f"its certificate is not believed: {error.verify_message}"
        return ADDRESS.failed("TLS", seen, "serve a certificate of a public authority with its whole chain")
    except ssl.SSLError:
        return ADDRESS.failed("TLS", "it does not speak TLS there", "have a proxy end TLS at this address")
    except (OSError, TimeoutError) as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else why_not(error)
        return ADDRESS.failed("TLS", why, "have a proxy end TLS at this address, and pass requests on to the service")
    session: ssl.SSLObject = writer.get_extra_info("ssl_object")
    ends = _ends(session.getpeercert())
    seen = f"{session.version()}, certificate until {ends:%Y-%m-%d}" if ends is not None else f"{session.version()}"
    writer.close()
    if ends is not None and ends - now < _SOON:
        return ADDRESS.warning("TLS", seen, "renew the certificate")
    return ADDRESS.ok("TLS", seen)


def _ends(certificate: Mapping[str, object] | None) -> datetime | None:
    ends = (certificate or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None


# --- discovery ---------------------------------------------------------------------------------------------------------------


async def challenge(web: Web, addresses: Addresses, *, signs_in: bool) -> Check:
    """What somebody without a token is told at /mcp: a client begins there."""
    what = "refusal at /mcp"
    answer = await web.ask("POST", addresses.resource, json=CALL, headers=MCP_HEADERS)
    if isinstance(answer, NoAnswer):
        return DISCOVERY.failed(what, answer.error, "start the service, and have this address lead to it")
    if answer.status != 401:
        to_do = f"a client begins to sign in at a 401 only; {_PROXY}"
        return DISCOVERY.failed(what, f"status {answer.status} where 401 is expected", to_do)
    said = answer.headers.get("WWW-Authenticate", "")
    if not signs_in:
        return DISCOVERY.ok(what, "401: API tokens only, nobody signs in")
    if f'resource_metadata="{addresses.resource_metadata}"' not in said:
        seen = (
            "the 401 does not say where the metadata is" if "resource_metadata" not in said else "it points elsewhere"
        )
        return DISCOVERY.failed(what, seen, f"it must name {addresses.resource_metadata}: check public_url; {_PROXY}")
    if f'scope="{SCOPE}"' not in said:
        return DISCOVERY.failed(what, "the 401 does not say which scope to ask for", _PROXY)
    return DISCOVERY.ok(what, "401, with the address of the metadata and the scope")


async def documents(web: Web, addresses: Addresses, *, registration: bool) -> AsyncIterator[Check]:
    """Both documents at each of the paths where clients look."""
    about_resource = protected_resource(addresses)
    about_server = authorization_server(addresses, registration=registration)
    for name, expected in (("oauth-protected-resource", about_resource), ("oauth-authorization-server", about_server)):
        for end in ("/mcp", ""):
            path = f"/.well-known/{name}{end}"
            yield _compared(path, await web.ask("GET", addresses.public_url + path), expected)


def _compared(path: str, answer: Answer | NoAnswer, expected: Mapping[str, object]) -> Check:
    if isinstance(answer, NoAnswer):
        return DISCOVERY.failed(path, answer.error, "start the service, and have this address lead to it")
    if answer.status != 200:
        return DISCOVERY.failed(path, f"status {answer.status}", f"clients give up here; {_PROXY}")
    found = answer.json()
    if found is None:
        return DISCOVERY.failed(path, "it is not JSON", f"something else answers; {_PROXY}")
    wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    if wrong:
        seen = f"{', '.join(wrong)} {'differs' if len(wrong) == 1 else 'differ'} from what public_url and [auth] say"
        return DISCOVERY.failed(
            path, seen, "clients compare it letter by letter: restart the service, and check public_url"
        )
    return DISCOVERY.ok(path, "as clients expect it")


async def is_offered(web: Web, addresses: Addresses) -> bool:
    """Whether what runs there signs people in, whatever the configuration says of it."""
    answer = await web.ask("GET", f"{addresses.public_url}/.well-known/oauth-authorization-server")
    return isinstance(answer, Answer) and answer.status == 200
