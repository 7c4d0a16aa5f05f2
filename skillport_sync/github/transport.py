"""Owns one exchange with GitHub's REST API: headers, limits of time and size, redirects, statuses, accounting.

``Transport`` is gidgethub's API object over aiohttp. What gidgethub would read differently never reaches it: whatever was
not expected leaves as one of our errors. Reads go through ``ask`` and writes through ``tell``, which keep bytes as bytes;
gidgethub's own verbs (``post``, ``patch``) work too. Nothing is retried, but for one new token after a 401.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from io import BytesIO
from typing import Protocol

import aiohttp
import orjson
import structlog
from gidgethub import sansio
from gidgethub.abc import GitHubAPI
from yarl import URL

from skillport_sync import __version__
from skillport_sync.errors import Broken, RateLimited, Unavailable
from skillport_sync.github.budget import Gate, Limits, Spent
from skillport_sync.github.host import Host
from skillport_sync.github.locations import checked_api_url, redirect_within, request_kind
from skillport_sync.github.refusal import refusal
from skillport_sync.github.wire import RateFact, read_rate
from skillport_sync.ports import Clock

log = structlog.get_logger(__name__)

API_VERSION = "2022-11-28"
"""https://docs.github.com/rest/about-the-rest-api/api-versions: the newest that every supported Enterprise Server knows."""

API_URL = "https://api.github.com"
USER_AGENT = f"skillport-sync/{__version__}"

JSON = "application/vnd.github+json"

NOT_REACHED = "github_not_reached"
"""The code where there was no connection: whatever was asked, GitHub has not heard of it. Any other failure leaves that open."""

_ERROR_BODY_BYTES = 64 * 1024
_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
_REDIRECTS = frozenset({301, 307, 308})
_FREE = frozenset({304, 401, 429})
"""What GitHub answers without taking it from the primary limit."""
_WRITTEN = frozenset({200, 201, 202, 204})


class Credentials(Protocol):
    """Who the client is. Nothing of it appears in a log, an error or a repr."""

    async def authorization(self) -> str:
        """The value of the Authorization header, empty for none. May ask GitHub for a token, and raises what that raises."""
        ...

    def invalidate(self, refused: str) -> bool:
        """GitHub did not accept ``refused``. True when the next ``authorization`` may be another one."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, expected or not. ``url``: where it came from; ``moved``: after a redirect, so not where it was asked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    moved: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    method: str
    url: str
    headers: Mapping[str, str]
    fulfilled: frozenset[int]
    """The statuses whose body is wanted. Any other's is read for GitHub's message only."""
    max_bytes: int
    body: bytes = b""

    @property
    def path(self) -> str:
        return URL(self.url, encoded=True).path

    def __str__(self) -> str:
        """For messages: never the query, which on some addresses is a credential."""
        return f"{self.method} {self.path}"


class Transport(GitHubAPI):
    """Asks one GitHub with one set of credentials. At most ``max_concurrency`` requests at a time."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        credentials: Credentials,
        *,
        api_url: str,
        user_agent: str,
        clock: Clock,
        max_concurrency: int,
        limits: Limits,
        host: Host | None = None,
        background: bool = False,
    ) -> None:
        """``host`` is shared with whoever else asks this GitHub. ``background``: nobody waits for what is asked here."""
        super().__init__(user_agent, base_url=checked_api_url(api_url))
        self.spent = Spent()
        self.rate: RateFact | None = None
        self._session = session
        self._credentials = credentials
        self._clock = clock
        self._limits = limits
        self._gate = Gate(clock)
        self._host = host or Host(clock, at_once=max_concurrency)
        self._background = background
        self._slots = asyncio.Semaphore(max_concurrency)
        self._timeout = aiohttp.ClientTimeout(
            total=limits.total_timeout_s, connect=limits.connect_timeout_s, sock_read=limits.read_timeout_s
        )

    async def ask(
        self,
        path: str,
        *,
        accept: str = JSON,
        known: str | None = None,
        expected: HTTPStatus = HTTPStatus.OK,
        max_bytes: int | None = None,
    ) -> Answer:
        """GET ``path`` (quoted already). With ``known``, the entity tag the caller holds, a 304 is an answer too.

        Raises:
            SkillportError: as ``refusal`` says; Unavailable where no answer came; Broken where one is larger than
                ``max_bytes`` (default: ``Limits.max_json_bytes``).
        """
        headers = sansio.create_headers(self.requester, accept=accept)
        if known is not None:
            headers["if-none-match"] = f'"{known}"'
        return await self._exchange(
            _Question(
                "GET",
                sansio.format_url(path, None, base_url=self.base_url),
                headers,
                frozenset({expected.value} if known is None else {expected.value, HTTPStatus.NOT_MODIFIED.value}),
                self._limits.max_json_bytes if max_bytes is None else max_bytes,
            )
        )

    async def tell(self, method: str, path: str, json: bytes, *, expected: Collection[int]) -> Answer:
        """Send ``json`` to ``path`` (quoted already, or a whole address of this GitHub's) and take one of these statuses.

        Raises as ``ask`` does. Unauthenticated, Denied, Missing, Conflict, RateLimited and the code ``github_not_reached`` say
        that nothing was done; after any other error it may have been.
        """
        headers = sansio.create_headers(self.requester, accept=JSON)
        headers["content-type"] = "application/json; charset=utf-8"
        url = sansio.format_url(path, None, base_url=self.base_url)
        limit = self._limits.max_json_bytes
        return await self._exchange(_Question(method, url, headers, frozenset(expected), limit, json))

    def tell_of(self, kind: str, outcome: str) -> None:
        """Have a request counted that went past this transport."""
        self._host.on_request(kind, outcome)

    def close_for(self, wait_s: float) -> None:
        """Ask nothing for so long: for a limit that only the reader of an answer can see."""
        self._gate.close_for(wait_s)

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """What gidgethub's own verbs go through: they are given only what they can read."""
        # aiohttp writes the length itself; gidgethub's would be a second one.
        own = {name: value for name, value in headers.items() if name != "content-length"}
        question = _Question(method, url, own, _WRITTEN, self._limits.max_json_bytes, body)
        answer = await self._exchange(question)
        readable = {name: answer.headers[name] for name in ("content-type", "link") if name in answer.headers}
        if answer.body and "json" in readable.get("content-type", ""):
            try:
                orjson.loads(answer.body)
            except orjson.JSONDecodeError:
                raise Broken(f"GitHub's answer to {question} is not JSON.", code="github_answer_broken") from None
        return answer.status, readable, answer.body

    async def sleep(self, seconds: float) -> None:
        """gidgethub's seam for waiting between retries. There are none here."""
        await asyncio.sleep(seconds)

    async def _exchange(self, question: _Question) -> Answer:
        """The expected answer, over as many redirects and tokens as it takes."""
        authorization = await self._credentials.authorization()
        answer = await self._follow(_authorized(question, authorization))
        if answer.status == HTTPStatus.UNAUTHORIZED and self._credentials.invalidate(authorization):
            answer = await self._follow(_authorized(question, await self._credentials.authorization()))
        if answer.status not in question.fulfilled:
            refused = refusal(answer.status, answer.headers, answer.body, asked=str(question), now=self._clock.now())
            if isinstance(refused, RateLimited) and refused.retry_after_s is not None:
                self._wait_out(refused.retry_after_s, read_rate(answer.headers))
            raise refused
        page = answer.headers.get("content-type", "").lower().startswith("text/html")
        if page and answer.status == HTTPStatus.OK:
            raise Unavailable(
                f"A web page came instead of GitHub's answer to {question}. "
                "Check api_url in the configuration, and what stands between here and GitHub.",
                code="github_unavailable",
            )
        return answer

    async def _follow(self, question: _Question) -> Answer:
        """Go where a renamed repository's redirect leads, as long as that is the same GitHub.

        https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects. A write is
        repeated after 307 and 308 only: a 301 lets a client turn it into a GET.
        """
        answer = await self._send(question)
        for _ in range(self._limits.max_redirects):
            if answer.status not in _REDIRECTS:
                break
            if answer.status == HTTPStatus.MOVED_PERMANENTLY and question.method != "GET":
                break
            target = redirect_within(answer.url, answer.headers.get("location", ""))
            if target is None:
                break
            answer = replace(await self._send(replace(question, url=target)), moved=True)
        return answer

    def _wait_out(self, wait_s: float, rate: RateFact | None) -> None:
        """A primary limit is this credential's own; a secondary one is for everybody who asks from here."""
        if rate is not None and rate.remaining <= 0:
            self._gate.close_for(wait_s)
        else:
            self._host.close_for(wait_s)

    async def _send(self, question: _Question) -> Answer:
        """One request on the wire, one line in the log, one entry in the accounts."""
        async with self._slots, self._host.turn(question.method, background=self._background):
            self._gate.check()
            self.spent += Spent(requests=1)
            began_s = self._clock.monotonic_s()
            status, cost, outcome = None, 0, "no_answer"
            try:
                async with self._session.request(
                    question.method,
                    URL(question.url, encoded=True),
                    headers={**question.headers, "x-github-api-version": API_VERSION},
                    data=BytesIO(question.body) if question.body else None,  # bytes alone would go out in one piece
                    allow_redirects=False,
                    raise_for_status=False,
                    timeout=self._timeout,
                ) as response:
                    status, outcome = response.status, "cut"
                    cost = int(status not in _FREE)
                    self.spent += Spent(primary=cost)
                    rate = read_rate(response.headers)
                    if rate is not None:
                        self.rate = rate
                        self._host.told(rate)
                    body = await _body(response, question)
                    outcome = str(status)
                    return Answer(status, response.headers, body, question.url)
            except (aiohttp.ClientError, OSError) as error:
                # Not chained: some of aiohttp's errors carry the request, its Authorization included, in their repr.
                raise Unavailable(
                    f"GitHub gave no whole answer to {question}: {why(error)}.",
                    code=NOT_REACHED if isinstance(error, _NEVER_SENT) else "github_unreachable",
                ) from None
            finally:
                kind = request_kind(question.path)
                self._host.on_request(kind, outcome)
                log.debug(
                    "github_asked",
                    method=question.method,
                    kind=kind,
                    status=status,
                    duration_ms=round((self._clock.monotonic_s() - began_s) * 1000, 1),
                    cost=cost,
                )


def _authorized(question: _Question, authorization: str) -> _Question:
    own = {"authorization": authorization} if authorization else {}
    return replace(question, headers={**question.headers, **own})


async def _body(response: aiohttp.ClientResponse, question: _Question) -> bytes:
    """The body, never held beyond its limit: what a header announces is not believed. An error's page is cut instead."""
    wanted = response.status in question.fulfilled
    limit = question.max_bytes if wanted else _ERROR_BODY_BYTES
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            if wanted:
                raise Broken(
                    f"GitHub's answer to {question} is larger than {limit} bytes.", code="github_answer_too_large"
                )
            break
    return b"".join(pieces)


def why(error: Exception) -> str:
    """Why a connection failed, in words that hold no address and no header."""
    match error:
        case TimeoutError():
            return "it took too long"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "its certificate is not trusted here"
        case aiohttp.ClientConnectorDNSError():
            return "its name could not be resolved"
        case aiohttp.ClientConnectorError():
            return "no connection could be made"
        case _:
            return f"the connection was cut ({type(error).__name__})"
