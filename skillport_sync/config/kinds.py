"""Owns the kinds of values that stand in config.toml: texts, addresses, paths, numbers, and what is said of one that is none."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from skillport_sync.config.secret import LOOKS_SECRET


def is_loopback(host: str | None) -> bool:
    """True for an address or a name that only this machine reaches."""
    if host is None:
        return False
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host(text: str) -> str:
    if "/" in text or text.strip() != text or (text.count(":") == 1):
        raise ValueError("must be a host name or an address alone, without scheme and port")
    return text.strip("[]")


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError('must be an address or a network, such as "10.0.0.7" or "10.0.0.0/24"') from error
    if text.endswith("/0"):
        raise ValueError("would let everybody say who they are; name the proxies' own addresses")
    return text


def _exact_url(text: str) -> str:
    try:
        url = urlsplit(text)
        port_is_number = url.port is None or url.port >= 0
    except ValueError:
        port_is_number = False
        url = urlsplit("")
    if url.scheme not in ("http", "https") or not url.hostname or not port_is_number:
        raise ValueError("must be a URL such as https://skills.example.com")
    if url.username is not None or url.password is not None:
        raise ValueError("must not carry a user or a password; secrets come from files")
    if url.query or url.fragment:
        raise ValueError("must be without query and fragment")
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise ValueError("must begin with https:// (plain http is for this machine only, as in http://127.0.0.1:8080)")
    return text


def _no_slash(text: str) -> str:
    return text.rstrip("/")


def _no_secret(text: str) -> str:
    if LOOKS_SECRET.search(text):
        raise ValueError("holds a secret itself; write the secret to a file (chmod 600) and name the file here")
    return text


def _path(text: str) -> str:
    if "\0" in text or "\n" in text:
        raise ValueError("must be the path of a file")
    if text.startswith("~") and not text.startswith("~/"):
        raise ValueError('must be absolute, or begin with "~/"')
    return text


Text = Annotated[str, StringConstraints(min_length=1)]
PublicText = Annotated[Text, AfterValidator(_no_secret)]
"""Where people are known to paste the secret instead of what is asked for."""
FilePath = Annotated[PublicText, AfterValidator(_path)]
Host = Annotated[Text, AfterValidator(_host)]
Network = Annotated[Text, AfterValidator(_network)]
Port = Annotated[int, Field(ge=0, le=65535)]
ExactUrl = Annotated[Text, AfterValidator(_exact_url)]
"""Character for character as it was written."""
Url = Annotated[ExactUrl, AfterValidator(_no_slash)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)
