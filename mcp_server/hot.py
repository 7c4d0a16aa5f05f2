"""Owns the short way to an answer that was given before, and the memory of such answers.

An answer is found by what it depends on: its basis (the publications, and the right to read) and the arguments. What is not
found, or not an ordinary call, goes the kernel's way, which leaves its answers here. Both ways must say the same; tests hold
them to it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson
import structlog
from mcp_types import SERVER_INFO_META_KEY
from multidict import CIMultiDictProxy

from mcp_server.announced import SERVER_INFO
from mcp_server.arguments import operation_of
from mcp_server.authentication import Caller
from mcp_server.envelope import Recogniser
from mcp_server.reads import OnRead, unread
from mcp_server.rendering import Rendered
from mcp_server.templates import TAIL, Remembered, Template, template
from mcp_server.tool import SURFACE, OnQuery
from skillport_sync.access.model import Principal
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import Basis, Freshness

MAX_BYTES: Final = 8 * 1024 * 1024
"""Some 200 lists of 100 skills, or 1,000 SKILL.md. One that is made anew takes a millisecond; memory is for good."""
_OVERHEAD_BYTES: Final = 512
"""What an entry costs besides its bytes, about."""

_TAIL_MODERN: Final = b',"resultType":"complete","_meta":%b' % orjson.dumps({SERVER_INFO_META_KEY: SERVER_INFO}) + TAIL


@dataclass(slots=True)
class HotCounts:
    """How well the memory serves: questions of the tool that it answered, and those that it could not."""

    hits: int = 0
    misses: int = 0
    size_bytes: int = 0


class HotAnswers:
    """Answers in memory, the least recently given forgotten first once they exceed ``max_bytes``; with 0 none is kept."""

    def __init__(
        self,
        queries: Queries,
        on_query: OnQuery,
        on_read: OnRead = unread,
        *,
        max_bytes: int = MAX_BYTES,
        counts: HotCounts | None = None,
    ) -> None:
        """``counts`` is kept up to date, for whoever looks at it."""
        self._queries = queries
        self._recogniser = Recogniser()
        self._on_query = on_query
        self._on_read = on_read
        self._max_bytes = max_bytes
        self._templates: OrderedDict[tuple[Basis, bytes], Template] = OrderedDict()
        self._counts = counts or HotCounts()
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(surface=SURFACE)

    @property
    def size_bytes(self) -> int:
        return self._counts.size_bytes

    def answer(self, message: object, headers: CIMultiDictProxy[str], caller: Caller) -> bytes | None:
        """The response to this caller's message, or None if it has to go the kernel's way."""
        call = self._recogniser.recognise(message, headers)
        kept = self._find(caller.principal, call.arguments) if call is not None else None
        if call is None or kept is None:
            return None
        self._log.debug("query_answered", operation=kept.operation, outcome="ok")
        self._on_query(kept.operation, SURFACE, "ok")
        if kept.read is not None:
            self._on_read(caller, kept.read)
        return kept.fill(call.request_id, self._freshness(kept), _TAIL_MODERN if call.modern else TAIL)

    def recall(self, principal: Principal, arguments: Mapping[str, object]) -> Remembered | None:
        """The result of such a call where it is remembered, with the ages of now."""
        kept = self._find(principal, arguments)
        if kept is None:  # `answer` has passed it on, uncounted: what is not found there is looked for here
            self._counts.misses += 1
            return None
        return kept.remembered(self._freshness(kept))

    def keep(self, arguments: Mapping[str, object], rendered: Rendered) -> None:
        """Remember the answer to these arguments, as long as what it depends on lasts."""
        question = _question(arguments)
        if rendered.basis is None or question is None or not self._max_bytes:
            return
        key = (rendered.basis, question)
        made = template(operation_of(arguments), rendered)
        self._forget(key)
        self._templates[key] = made
        self._counts.size_bytes += _cost(key, made)
        while self._counts.size_bytes > self._max_bytes:
            self._forget(next(iter(self._templates)))

    def _find(self, principal: Principal, arguments: Mapping[str, object]) -> Template | None:
        standing = self._queries.standing(principal)
        question = _question(arguments)
        if standing is None or question is None:
            return None
        for key in ((standing.view.basis, question), (standing.personal, question)):
            kept = self._templates.get(key)
            if kept is not None:
                self._templates.move_to_end(key)
                self._counts.hits += 1
                return kept
        return None

    def _freshness(self, kept: Template) -> list[Freshness]:
        return [self._queries.freshness(marketplace) for marketplace in kept.marketplaces]

    def _forget(self, key: tuple[Basis, bytes]) -> None:
        forgotten = self._templates.pop(key, None)
        if forgotten is not None:
            self._counts.size_bytes -= _cost(key, forgotten)


def _question(arguments: Mapping[str, object]) -> bytes | None:
    """The arguments in one spelling; None for what is nested deeper than anything that makes sense."""
    try:
        return orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return None


def _cost(key: tuple[Basis, bytes], kept: Template) -> int:
    return kept.size_bytes + len(key[1]) + _OVERHEAD_BYTES
