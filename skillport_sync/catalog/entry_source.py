"""Owns the forms in which a marketplace entry says where its plugin is: a path, or an object that names another place.

Of a URL only host and repository are kept: user names, passwords, tokens and query strings end here. Never fetches anything, and
never decides which repositories are within reach: see ``sources``.

Problem codes: entry_source_missing, source_invalid, source_path_invalid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from skillport_sync.catalog.json_fields import JsonFields
from skillport_sync.git.objects import CommitId, is_object_id

GIT_KINDS = frozenset({"github", "url", "git-subdir"})
EXTERNAL_KINDS = GIT_KINDS | {"npm", "archive", "command"}
GITHUB_COM = "github.com"

_BARE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_REPOSITORY = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9._-]{1,100}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}")
_OVER_HTTPS = re.compile(r"https://(?:[^/?#@]*@)?([^/?#@]+)/([^?#@]+)", re.IGNORECASE)
_OVER_SSH = re.compile(r"ssh://(?:[^/?#@]*@)?([^/?#@:]+)(?::[0-9]+)?/([^?#@]+)", re.IGNORECASE)
_AS_IN_SCP = re.compile(r"[^/?#@:]*@([^/?#@:]+):([^?#@]+)")
# https://git-scm.com/docs/git-check-ref-format: what a branch or tag may not hold, so that it may stand in a request's path.
_NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|(?:^|/)\.|\.lock(?:/|$)|^[-/@]$|^[-/]|[/.]$")
# Up to the last "@", wherever it is: a password may hold anything. Rather too much than too little, it is only shown.
_CREDENTIALS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@|[?#].*", re.DOTALL)
_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class RelativeSource:
    directory: str
    """Inside the marketplace repository, ``""`` for its root."""


@dataclass(frozen=True, slots=True)
class ExternalSource:
    kind: str
    """One of ``EXTERNAL_KINDS``."""
    location: str
    """Repository, URL without credentials, or package, for people. Empty where it says none."""
    host: str | None = None
    """Lower-case, with the port where one is written. None where the location is not that of a git repository on a host."""
    repository: str | None = None
    """``owner/name`` on that host."""
    directory: str = ""
    """Inside that repository, ``""`` for its root."""
    ref: str | None = None
    """A branch or tag; None is the default branch."""
    sha: CommitId | None = None


def read_source(
    fields: JsonFields, name: str, value: object, root: str | None
) -> RelativeSource | ExternalSource | None:
    """The source of the plugin ``name``; None, with a complaint among ``fields``, where nobody can tell what is meant.

    ``root`` is metadata.pluginRoot as a directory, below which bare names are looked up.
    """
    if value is None:
        message = f'{name}: there is no "source"; the plugin is left out'
        fields.error("entry_source_missing", (), message)
        return None
    if isinstance(value, str):
        return _relative(fields, name, value, root)
    if not isinstance(value, dict):
        message = f"{name}: a source is a path or an object; the plugin is left out"
        fields.error("source_invalid", ("source",), message)
        return None
    kind = value.get("source")
    if not isinstance(kind, str) or kind not in EXTERNAL_KINDS:
        message = f"{name}: a source of this kind is unknown; the plugin is left out"
        fields.error("source_invalid", ("source",), message)
        return None
    read = _external(kind, value)
    if isinstance(read, _Wrong):
        message = f'{name}: "{read.field}" of its source {read.expected}; the plugin is left out'
        fields.error("source_invalid", ("source", read.field), message)
        return None
    return read


def relative_directory(written: str) -> str | None:
    """``./a//b/`` as ``a/b``, ``.`` as ``""``; None where the path leaves the directory it starts from."""
    if written.startswith("/") or "\\" in written or "\0" in written:
        return None
    parts = [part for part in written.split("/") if part not in ("", ".")]
    return None if ".." in parts else "/".join(parts)


def remote_of(url: str) -> tuple[str, str] | None:
    """Host and ``owner/name`` that a git URL names, without credentials; None where it names no such thing."""
    for form in (_OVER_HTTPS, _OVER_SSH, _AS_IN_SCP):
        match = form.fullmatch(url)
        if match is not None:
            host, repository = match[1].lower().removesuffix(":443"), match[2].rstrip("/").removesuffix(".git")
            return (host, repository) if _REPOSITORY.fullmatch(repository) else None
    return None


@dataclass(frozen=True, slots=True)
class _Wrong:
    field: str
    expected: str


def _relative(fields: JsonFields, name: str, written: str, root: str | None) -> RelativeSource | None:
    directory: str | None = None
    if written == "." or written.startswith("./"):
        directory = relative_directory(written)
    elif root is not None and _BARE_NAME.fullmatch(written):
        directory = f"{root}/{written}" if root else written
    if directory is None:
        message = (
            f'{name}: the source {written[:_SHOWN_CHARS]!r} must begin with "./" and stay inside the repository'
            " (a bare name needs metadata.pluginRoot); the plugin is left out"
        )
        fields.error("source_path_invalid", ("source",), message)
        return None
    return RelativeSource(directory)


def _external(kind: str, value: Mapping[str, object]) -> ExternalSource | _Wrong:
    location = _location(kind, value)
    if isinstance(location, _Wrong) or kind not in GIT_KINDS:
        return location if isinstance(location, _Wrong) else ExternalSource(kind, location)
    ref, sha, directory = value.get("ref"), value.get("sha"), ""
    if ref is not None and not (isinstance(ref, str) and 0 < len(ref) <= _SHOWN_CHARS and not _NO_REF.search(ref)):
        return _Wrong("ref", "must be the name of a branch or tag")
    if sha is not None and not (isinstance(sha, str) and is_object_id(sha)):
        return _Wrong("sha", "must be a whole commit id: 40 digits 0-9 and letters a-f")
    if kind == "git-subdir":
        written = value.get("path")
        checked = relative_directory(written) if isinstance(written, str) and written else None
        if checked is None:
            return _Wrong("path", "must be a directory of that repository")
        directory = checked
    # A git-subdir may be written as a repository of github.com, too.
    is_short = kind == "github" or (kind == "git-subdir" and _REPOSITORY.fullmatch(location) is not None)
    remote = (GITHUB_COM, location) if is_short else remote_of(str(value["url"]))
    host, repository = remote if remote is not None else (None, None)
    return ExternalSource(kind, location, host, repository, directory, ref, None if sha is None else CommitId(sha))


def _location(kind: str, value: Mapping[str, object]) -> str | _Wrong:
    """What people recognise the source by. User names, tokens and query strings stay out: it ends up in messages and logs."""
    if kind == "command":
        return ""
    field = {"github": "repo", "npm": "package"}.get(kind, "url")
    written = value.get(field)
    if not isinstance(written, str) or not written:
        return _Wrong(field, "is missing or is not text")
    if kind == "github":
        repository = written.removesuffix(".git")
        return repository if _REPOSITORY.fullmatch(repository) else _Wrong(field, 'must be "owner/name"')
    may_hold_credentials = field == "url" or "://" in written
    return (_CREDENTIALS.sub(r"\1", written) if may_hold_credentials else written)[:_SHOWN_CHARS]
