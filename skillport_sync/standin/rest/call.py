"""Owns one REST call: who asks for what in which repository, how its arguments are read, and how it is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import orjson
from aiohttp import web

from skillport_sync.standin.access import ANONYMOUS, App, Grant
from skillport_sync.standin.objects import NO_COMMIT, Kind, ObjectStore

if TYPE_CHECKING:
    from skillport_sync.standin.hub import StandInGitHub
    from skillport_sync.standin.repository import Repository

DOCUMENTATION = "https://docs.github.com/rest"


class ApiError(Exception):
    """An answer that refuses. ``errors`` follow GitHub's ``validation-error``."""

    def __init__(self, status: int, message: str, errors: Sequence[Mapping[str, object]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers: dict[str, str] = {}

    def response(self) -> web.Response:
        body: dict[str, object] = {"message": self.message}
        if self.errors:
            body["errors"] = list(self.errors)
        body |= {"documentation_url": DOCUMENTATION, "status": str(self.status)}
        return answer(body, status=self.status, headers=self.headers)


class QueryLimited(ApiError):
    """The primary limit, as the GraphQL API tells it: 200, with an error in the body (github.md §4)."""

    def response(self) -> web.Response:
        return answer({"errors": [{"type": "RATE_LIMITED", "message": self.message}]})


def not_found() -> ApiError:
    return ApiError(404, "Not Found")


def invalid(message: str) -> ApiError:
    return ApiError(422, message)


def answer(
    body: object, *, status: int = 200, headers: Mapping[str, str] | None = None, etag: str | None = None
) -> web.Response:
    """A JSON answer. ``etag`` names what decides the body; without it the body itself does."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    response = web.Response(body=raw, status=status, headers=headers, content_type="application/json", charset="utf-8")
    if etag is not None:
        response.headers["ETag"] = etag
    return response


class Fields:
    """A request's JSON object, read with types; what does not fit is GitHub's 422."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def is_null(self, name: str) -> bool:
        return name in self._values and self._values[name] is None

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str):
            raise invalid(f'Invalid request.\n\n"{name}" wasn\'t supplied or is not a string.')
        return value

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self._values.get(name) is not None else None

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise invalid(f"Invalid request.\n\nFor '{name}', {value!r} is not a boolean.")
        return value

    def texts(self, name: str) -> list[str] | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid(f"Invalid request.\n\nFor '{name}', {value!r} is not an array of strings.")
        return value

    def numbers(self, name: str) -> list[int]:
        value = self._values.get(name, [])
        if not isinstance(value, list):
            raise invalid(f"Invalid request.\n\nFor '{name}', {value!r} is not an array.")
        return [item for item in value if isinstance(item, int)]

    def part(self, name: str) -> Fields | None:
        value = self._values.get(name)
        return Fields(value) if isinstance(value, dict) else None

    def parts(self, name: str) -> list[Fields]:
        value = self._values.get(name)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise invalid(f'Invalid request.\n\n"{name}" wasn\'t supplied or is not an array of objects.')
        return [Fields(item) for item in value]

    def pairs(self) -> Mapping[str, object]:
        return self._values


@dataclass(slots=True)
class Call:
    """One request after the gate: the caller is known, the repository is one they may see."""

    hub: StandInGitHub
    request: web.Request
    grant: Grant = ANONYMOUS
    app: App | None = None
    fields: Fields = field(default_factory=lambda: Fields({}))
    found: Repository | None = None

    @property
    def api(self) -> str:
        return self.hub.api_url

    @property
    def identity(self) -> str:
        """Whose rate limit this call spends."""
        return f"app {self.app.id}" if self.app else self.grant.identity

    @property
    def repository(self) -> Repository:
        """Raises: ApiError (404) where the route names none."""
        if self.found is None:
            raise not_found()
        return self.found

    @property
    def objects(self) -> ObjectStore:
        return self.repository.objects

    def variable(self, name: str) -> str:
        """A part of the path, decoded."""
        return self.request.match_info[name]

    def number(self, name: str) -> int:
        text = self.variable(name)
        if not text.isdecimal():
            raise not_found()
        return int(text)

    def query(self, name: str) -> str | None:
        return self.request.query.get(name)

    def per_page(self, default: int = 30) -> int:
        text = self.query("per_page") or str(default)
        return max(1, min(100, int(text))) if text.isdecimal() else default

    def wants(self, *media: str) -> bool:
        """True when ``Accept`` names ``application/vnd.github[.v3].<media>``."""
        accept = self.request.headers.get("Accept", "").replace(".v3", "")
        return any(f"application/vnd.github.{name}" in accept for name in media)

    # ── references to objects ────────────────────────────────────────────────────────────────────────────────────

    def must_have_commits(self) -> None:
        if not self.repository.refs:
            raise ApiError(409, "Git Repository is empty.")

    def head_of(self, ref: str) -> str | None:
        """What a full reference name is at, or was at when the API lags on command."""
        at = self.repository.refs.get(ref)
        if at is None or not ref.startswith("refs/heads/"):
            return at
        lagging = self.hub.faults.take_lag((self.repository.id, ref))
        if lagging is not None:
            return lagging if lagging != NO_COMMIT else None
        last = next((change for change in reversed(self.repository.changes) if change.ref == ref), None)
        return self.hub.faults.take_stale_head(last.before if last and not last.created else None) or at

    def resolve(self, name: str) -> str | None:
        """The object a commit-ish names: an id, ``HEAD``, ``heads/x``, ``tags/x``, a tag's or a branch's bare name."""
        refs = self.repository.refs
        if self.objects.kind_of(name) is not None:
            return None if self.hub.faults.take_hidden(name) else name
        if name == "HEAD":
            return self.head_of(f"refs/heads/{self.repository.default_branch}")
        for ref in (name, f"refs/{name}", f"refs/tags/{name}", f"refs/heads/{name}"):
            if ref in refs:
                return self.head_of(ref)
        return None

    def resolve_commit(self, name: str) -> str | None:
        """As ``resolve``, tags followed to their commit."""
        oid = self.resolve(name)
        if oid is None:
            return None
        peeled = self.objects.peel(oid)
        return peeled if self.objects.kind_of(peeled) == "commit" else None

    def has(self, oid: str, kind: Kind) -> bool:
        return self.objects.kind_of(oid) == kind


Handler = Callable[[Call], Awaitable[web.StreamResponse]]
Caller = Literal["anyone", "token", "app"]


@dataclass(frozen=True, slots=True)
class Route:
    """``needs`` is the repository permission and level; ``caller`` is who may ask at all; ``free`` costs no rate limit."""

    method: str
    path: str
    handler: Handler
    needs: tuple[str, str] = ("metadata", "read")
    caller: Caller = "anyone"
    free: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET" and self.needs[0] in ("contents", "pull_requests")
