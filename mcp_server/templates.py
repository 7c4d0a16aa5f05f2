"""Owns responses that are made once and filled in often: JSON cut where the request's id and each snapshot's age go. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from mcp_server.reads import Read
from mcp_server.rendering import Rendered, snapshot_json
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries.answers import Freshness

TAIL: Final = b"}}"
"""Closes the result and the response; a surface may put more into the result before."""

_HEAD: Final = b'{"jsonrpc":"2.0","id":'
_CONTENT: Final = b',"result":{"content":'
_STRUCTURED: Final = b',"isError":false,"structuredContent":'


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where the freshness of one snapshot goes; ``quoted`` inside a JSON string."""

    snapshot: int
    quoted: bool


@dataclass(frozen=True, slots=True)
class Remembered:
    """The two parts of a result that are large, as JSON."""

    content: bytes
    structured: bytes
    read: Read | None


@dataclass(frozen=True, slots=True)
class Template:
    """A response to a call, without its id, its ages and its end: ``pieces`` with one slot between each two."""

    operation: str
    marketplaces: tuple[MarketplaceName, ...]
    pieces: tuple[bytes, ...]
    slots: tuple[_Slot, ...]
    read: Read | None
    """What content of a skill is in it."""

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.pieces))

    def fill(self, request_id: int | str, freshness: Sequence[Freshness], tail: bytes) -> bytes:
        """The whole response."""
        ages = [_age(one) for one in freshness]
        joined = [_HEAD, orjson.dumps(request_id), self.pieces[0]]
        for slot, piece in zip(self.slots, self.pieces[1:], strict=True):
            age = ages[slot.snapshot]
            joined.append(age.replace(b'"', b'\\"') if slot.quoted else age)
            joined.append(piece)
        joined.append(tail)
        return b"".join(joined)

    def remembered(self, freshness: Sequence[Freshness]) -> Remembered:
        """What is inside of it, for whoever has to say it in another form."""
        filled = self.fill(0, freshness, b"")
        content = filled.index(_CONTENT) + len(_CONTENT)
        # Inside a JSON string every quote is escaped, so this is found where it was put and nowhere before.
        end = filled.index(_STRUCTURED, content)
        return Remembered(filled[content:end], filled[end + len(_STRUCTURED) :], self.read)


def template(operation: str, rendered: Rendered) -> Template:
    """Cut an answer where it will differ the next time it is given."""
    plain = _plain(rendered)
    blocks = b"".join(b"," + orjson.dumps(block) for block in rendered.blocks)
    parts: list[bytes | _Slot] = [_CONTENT + b'[{"type":"text","text":"']
    parts += [_Slot(part, True) if isinstance(part, int) else _quoted(part) for part in plain]
    parts.append(b'"}' + blocks + b"]" + _STRUCTURED)
    parts += [_Slot(part, False) if isinstance(part, int) else part for part in plain]
    pieces: list[bytes] = [b""]
    slots: list[_Slot] = []
    for part in parts:
        if isinstance(part, _Slot):
            slots.append(part)
            pieces.append(b"")
        else:
            pieces[-1] += part
    marketplaces = tuple(fact.marketplace for fact in rendered.snapshots)
    return Template(operation, marketplaces, tuple(pieces), tuple(slots), rendered.read)


def _plain(rendered: Rendered) -> list[bytes | int]:
    """``structuredContent`` as JSON, with the number of a snapshot in place of its freshness."""
    facts = [orjson.dumps(snapshot_json(fact))[:-1] + b',"age_s":' for fact in rendered.snapshots]
    parts: list[bytes | int] = [orjson.dumps(rendered.payload)[:-1] + b',"snapshot":' + facts[0], 0]
    if len(facts) > 1:
        for at, fact in enumerate(facts):
            parts += [(b"}," if at else b'},"snapshots":[') + fact, at]
        parts.append(b"}]}")
    else:
        parts.append(b"}}")
    return parts


def _quoted(part: bytes) -> bytes:
    """JSON as the inside of a JSON string."""
    return orjson.dumps(part.decode())[1:-1]


def _age(freshness: Freshness) -> bytes:
    return (b'%d,"stale":true' if freshness.stale else b'%d,"stale":false') % freshness.age_s
