"""Owns which network addresses are the public internet, and so may be connected to for somebody who proved nothing. Pure.

Python's ``is_global`` is not enough: it takes translated, tunnelled and multicast ranges for public, and changes with versions.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

_DENIED: Final[tuple[IPv4Network | IPv6Network, ...]] = tuple(
    map(
        ip_network,
        (
            # https://www.iana.org/assignments/iana-ipv4-special-registry
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",  # where clouds tell machines their secrets
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            # https://www.iana.org/assignments/iana-ipv6-special-registry, what of it lies within _UNICAST
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)
_UNICAST: Final = IPv6Network("2000::/3")
"""All that was ever given out of IPv6. IPv4 in disguise (mapped, compatible, translated), local and multicast lie elsewhere."""


def is_public(text: str) -> bool:
    """Whether this address, as a resolver writes it, is somewhere on the public internet. Never raises."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not any(address in network for network in _DENIED)
