"""Owns who is asking, as far as an address can say it. Never decides what follows from that.

Whatever a client writes into ``X-Forwarded-For`` is its own claim. Believed is only what a proxy that the operator named has
added, on the right: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For. Nothing else that a proxy may
say of a request is ever made use of: addresses are built from ``public_url`` alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from aiohttp import web

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

THIS_MACHINE: Final[tuple[Network, ...]] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def sender(request: web.Request, trusted_proxies: Sequence[Network]) -> str:
    """Who is asking, as far as counting goes: an address, or the network that one household has of IPv6.

    Behind trusted proxies, the last address that one of them saw and that is not one of theirs. ``unknown`` where there is none.
    """
    address = _address(request.remote)
    if address is None:
        return "unknown"
    # A proxy may add a line of its own instead of going on with the client's: together they are one list.
    hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    while hops and any(address in network for network in trusted_proxies):
        before = _address(hops.pop().strip())
        if before is None:
            break
        address = before
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address.packed, 64), strict=False))
    return str(address)


def _address(text: str | None) -> Address | None:
    """An address as it stands in a header, with a port where some proxies add one; IPv4 inside IPv6 is IPv4."""
    text = text or ""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
