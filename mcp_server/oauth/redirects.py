"""Owns which addresses a client may be sent back to: what may be registered, and what a registration covers. Pure.

An authorization code goes where this says, so nothing is tidied or guessed: an address is compared byte for byte. The one
exception is a client on the person's own machine, whose port is chosen anew each time: for loopback the port does not count
(https://www.rfc-editor.org/rfc/rfc8252#section-7.3, and Claude Code does so for ``localhost`` too).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

HOSTED = frozenset({"claude.ai", "claude.com"})
"""Where Claude's hosted clients are sent back to; operators may add their own."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
MAX_CHARS = 2000

_PLAIN = re.compile(r"[!-~]+")
_PORT = re.compile(r"(?::[0-9]{1,5})?")
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:/|\Z|\?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Redirect:
    """An address that was checked. ``host`` is lower-case, an IPv6 address in brackets."""

    uri: str
    host: str
    is_loopback: bool


@dataclass(frozen=True, slots=True)
class Unfit:
    """Nobody may be sent there. ``why`` is the end of a sentence that begins with the address.

    ``host`` is the one that would have to be allowed. It is for the log: a page must not repeat what anybody can put there.
    """

    why: str
    host: str | None = None


def check(uri: str, hosts: Collection[str]) -> Redirect | Unfit:
    """Whether this address may be registered; ``hosts`` are those allowed beside ``HOSTED`` and loopback. Never raises."""
    if not _PLAIN.fullmatch(uri) or len(uri) > MAX_CHARS or "\\" in uri:
        return Unfit(f"must be plain ASCII without spaces, at most {MAX_CHARS} characters")
    if "#" in uri:
        return Unfit("must not have a fragment")
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018  raises when there is no such port
    except ValueError:
        return Unfit("is no address")
    if "@" in parts.netloc:
        return Unfit("must not carry a user or password")
    host = _host(parts.netloc)
    if not _PORT.fullmatch(parts.netloc[len(host) :]):
        return Unfit("is no address")
    if _DOTS.search(parts.path):
        return Unfit("must not have dots as path segments")
    if parts.scheme == "http" and host in LOOPBACK:
        return Redirect(uri, host, is_loopback=True)
    if parts.scheme != "https" or not host:
        return Unfit("must begin with https://, or with http:// on the client's own machine")
    if host in LOOPBACK:
        return Unfit("must be plain http:// on the client's own machine")
    if host not in HOSTED and host not in {allowed.lower() for allowed in hosts}:
        return Unfit("leads to a host that is not among auth.redirect_hosts", host)
    return Redirect(uri, host, is_loopback=False)


def covers(registered: str, asked: str) -> bool:
    """Whether a client that registered this may be sent to that. Both passed ``check``, or the answer means nothing."""
    if registered == asked:
        return True
    one, other = _without_port(registered), _without_port(asked)
    return one is not None and one == other


def portless(uri: str) -> str:
    """A loopback address without its port, which does not count; every other address as it is."""
    parts = _without_port(uri)
    return uri if parts is None else f"http://{parts[0]}{parts[1]}"


def _without_port(uri: str) -> tuple[str, str] | None:
    """A loopback address in two parts that its port lies between; None for every other address."""
    if not uri.startswith("http://"):
        return None
    authority, slash, rest = uri.removeprefix("http://").partition("/")
    if not slash:
        authority, mark, query = authority.partition("?")
        rest = mark + query
    host = _host(authority)
    digits = authority[len(host) :]
    if host not in LOOPBACK or authority[: len(host)] != host or not _PORT.fullmatch(digits):
        return None
    return host, slash + rest


def _host(netloc: str) -> str:
    if netloc.startswith("["):
        return netloc.partition("]")[0].lower() + "]" if "]" in netloc else ""
    return netloc.partition(":")[0].lower()
