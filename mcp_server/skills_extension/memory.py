"""Owns the memory of entries that were made: for whoever may read the same, for as long as what is published stays."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from skillport_sync.queries.answers import Basis

MAX_BYTES: Final = 32 * 1024 * 1024
_OVERHEAD_BYTES: Final = 400
"""What an entry costs besides its bytes, about."""


class Memory:
    """Entries by what they depend on and what they are of; the least recently asked for forgotten first.

    One that is None is remembered, too: there is nothing to show of it.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[tuple[Basis, Hashable], bytes | None] = OrderedDict()
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def recall(self, basis: Basis, of: Hashable) -> tuple[bytes | None] | None:
        """The entry, in a tuple because it may itself be None; None where it is not known."""
        key = (basis, of)
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return (self._entries[key],)

    def keep(self, basis: Basis, of: Hashable, entry: bytes | None) -> None:
        key = (basis, of)
        if key not in self._entries:
            self._entries[key] = entry
            self._size_bytes += _cost(entry)
        while self._size_bytes > self._max_bytes:
            _, forgotten = self._entries.popitem(last=False)
            self._size_bytes -= _cost(forgotten)


def _cost(entry: bytes | None) -> int:
    return _OVERHEAD_BYTES + len(entry or b"")
