"""Owns which addresses the client may go to: an API address that may carry credentials, a redirect within it, an archive host.

Credentials go to one origin only, and over plain http only to this machine. An archive's address is itself a credential
(a signed link, good for five minutes): it is checked here and never shown. Pure.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import quote

from yarl import URL

from skillport_sync.errors import Invalid

ENTERPRISE_PATH: Final = "/api/v3"
"""Where an Enterprise Server has its REST API: https://docs.github.com/enterprise-server/rest/overview."""


def checked_api_url(text: str) -> str:
    """``text`` without a trailing slash. Raises Invalid for what credentials may not be sent to."""
    url = _parsed(text)
    if url is None or url.query_string or url.fragment or url.user is not None:
        raise Invalid("api_url is not an address such as https://api.github.com", code="api_url_invalid")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url)):
        raise Invalid("api_url has to be https: tokens are sent there", code="api_url_not_https")
    return text.rstrip("/")


def graphql_url(api_url: str) -> str:
    """Where the same GitHub answers GraphQL: beside its REST API, which an Enterprise Server has at ``/api/v3``.

    https://docs.github.com/enterprise-server/graphql/guides/forming-calls-with-graphql
    """
    return api_url.removesuffix("/v3") + "/graphql"


def web_host(api_url: str) -> str:
    """The host that repositories are named after, as in ``https://<host>/owner/name``, lower-case and without a port.

    ``api.github.com`` stands for ``github.com``, ``api.<name>.ghe.com`` for ``<name>.ghe.com``, an Enterprise Server for itself;
    an API at the root of this machine stands in for github.com.
    """
    url = URL(api_url)
    host = (url.host or "").lower()
    if _is_loopback(url) and not url.path.startswith(ENTERPRISE_PATH):
        return "github.com"
    return host.removeprefix("api.") if host == "api.github.com" or host.endswith(".ghe.com") else host


def repository_path(repository: str, *rest: str) -> str:
    """``/repos/{owner}/{name}/…``. Each of ``rest`` is quoted, its slashes kept. Raises Invalid for what cannot be one.

    Quoted here because URI templates would encode a ref's slashes, or leave its ``#`` and ``?`` as they are.
    """
    owner, _, name = repository.partition("/")
    parts = [owner, name, *rest]
    if any(segment in ("", ".", "..") for part in [owner, name, *rest] for segment in part.split("/")) or "/" in name:
        raise Invalid(f"{'/'.join(parts)!r} is not owner/name and a path inside it", code="repository_invalid")
    return "/repos/" + "/".join(quote(part, safe="/") for part in parts)


def organization_path(organization: str, *rest: str) -> str:
    """``/orgs/{organization}/…``, each part quoted. Raises Invalid for what cannot be one."""
    parts = [organization, *rest]
    if any(part in ("", ".", "..") for part in parts):
        raise Invalid(f"{'/'.join(parts)!r} is not an organisation's name", code="organization_invalid")
    return "/orgs/" + "/".join(quote(part, safe="") for part in parts)


def redirect_within(current: str, location: str) -> str | None:
    """Where a redirect from ``current`` leads, when that is the same scheme, host and port. None: not to be followed."""
    base = URL(current, encoded=True)
    target = _parsed(location, base)
    if target is None or target.user is not None:
        return None
    if (target.scheme, target.host, target.port) != (base.scheme, base.host, base.port):
        return None
    return str(target.with_fragment(None))


def archive_location(api_url: str, location: str) -> str | None:
    """``location`` when it is where this GitHub keeps archives. None: not to be fetched.

    github.com has them on codeload.github.com; an Enterprise Server on ``codeload.<its host>``, or on its own host when
    subdomain isolation is off; ``api.<name>.ghe.com`` on ``codeload.<name>.ghe.com``. A loopback API has them on loopback.
    """
    api, target = URL(api_url), _parsed(location)
    if target is None or target.user is not None or target.host is None or api.host is None:
        return None
    if _is_loopback(api):
        allowed = _is_loopback(target) and (target.scheme == "https" or target.scheme == api.scheme)
    else:
        domain = api.host.removeprefix("api.")
        hosts = {f"codeload.{domain}"} if domain == "github.com" else {f"codeload.{domain}", api.host}
        allowed = target.scheme == "https" and target.host in hosts and target.port == api.port
    return str(target.with_fragment(None)) if allowed else None


def request_kind(path: str) -> str:
    """What kind of thing a path asks for (``git/trees``, ``commits``, ``access_tokens``), without names and ids: for logs."""
    parts = path.strip("/").split("/")
    for collection, length in (("repos", 3), ("repositories", 2)):
        if collection in parts:
            rest = parts[parts.index(collection) + length :]
            return "/".join(rest[: 2 if rest[0] == "git" else 1]) if rest else "repository"
    return parts[-1]


def _parsed(text: str, base: URL | None = None) -> URL | None:
    if not (text.isascii() and text.isprintable()) or " " in text:
        return None
    try:
        url = URL(text, encoded=True)
        if base is not None:
            url = base.join(url)
        # yarl reads host and port lazily; what it cannot read has to show now.
        return url if url.scheme in ("http", "https") and url.host and url.port else None
    except (ValueError, TypeError):
        return None


def _is_loopback(url: URL) -> bool:
    try:
        return url.host == "localhost" or ipaddress.ip_address(url.host or "").is_loopback
    except ValueError:
        return False
