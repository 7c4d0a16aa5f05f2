"""Owns reading a tar stream as ``git archive`` writes it. Pure: fed with bytes, gives back members, opens and writes nothing.

Why not ``tarfile``: for 17 600 files it takes 0.45 s of Python beside the 0.27 s of inflating them, on the path of the first
sync; this takes 0.07 s. A property test holds it to tarfile's reading. Formats: ustar and pax
(https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13), GNU's long names and large numbers
(https://www.gnu.org/software/tar/manual/html_node/Standard.html).
"""

from __future__ import annotations

import zlib
from typing import Final, NoReturn

from skillport_sync.errors import Broken, Unavailable
from skillport_sync.git.objects import Mode
from skillport_sync.github.wire import TarMember

_BLOCK: Final = 512
_END: Final = bytes(_BLOCK)

# Type flags, as the byte at offset 156 reads.
_SYMLINK: Final = ord("2")
_REGULAR: Final = frozenset(b"0\x007")
_WITHOUT_DATA: Final = frozenset(b"123456")  # links, devices, directories, pipes: whatever their size field says
_LONG_NAME: Final = ord("L")
_LONG_TARGET: Final = ord("K")
_OF_NEXT: Final = ord("x")
_OF_ALL: Final = ord("g")
_EXTENSIONS: Final = frozenset({_LONG_NAME, _LONG_TARGET, _OF_NEXT, _OF_ALL})

_MAX_EXTENSION_BYTES: Final = 1 << 20
_OVERHEAD_PER_HEADER: Final = 4096
_OVERHEAD: Final = 1 << 20


class TarReader:
    """Turns an uncompressed tar, given in pieces of any size, into its files and symlinks. One thread at a time feeds it.

    ``max_bytes`` bounds all contents together, ``max_members`` the headers of every kind. ``comment`` is the pax global
    header's, where git puts the commit's id; None until it was seen. Directories and devices are passed over.
    """

    def __init__(self, *, max_bytes: int, max_members: int) -> None:
        self.comment: bytes | None = None
        self._max_bytes = max_bytes
        self._max_members = max_members
        self._buffer = bytearray()
        self._needed = _BLOCK
        self._received = 0
        self._content = 0
        self._headers = 0
        self._ended = False
        self._extended: dict[bytes, bytes] = {}

    @property
    def bound(self) -> int:
        """How many bytes a stream with what was seen so far can have: contents, and a little for headers and the end."""
        return self._max_bytes + self._headers * _OVERHEAD_PER_HEADER + _OVERHEAD

    def feed(self, data: bytes) -> list[TarMember]:
        """The members that these bytes complete.

        Raises:
            Broken: this is no tar, or none that git makes (``archive_broken``), or a larger one than allowed
                (``archive_too_large``).
        """
        self._received += len(data)
        members: list[TarMember] = []
        if not self._ended:
            self._buffer += data
            if len(self._buffer) >= self._needed:
                del self._buffer[: self._take(members)]
        if self._received > self.bound:
            _refuse_size(self._max_bytes)
        return members

    def close(self) -> None:
        """Say that no more bytes come. Raises Unavailable (``archive_cut``) where the archive has not come to its end."""
        if not self._ended:
            raise Unavailable("The repository's archive ended too early: it was cut on its way.", code="archive_cut")

    def _take(self, members: list[TarMember]) -> int:
        """Read every whole member at the front of the buffer, and note what the next one needs. Returns the bytes read."""
        buffer, position, end = self._buffer, 0, len(self._buffer)
        while end - position >= _BLOCK:
            header = bytes(buffer[position : position + _BLOCK])
            if header == _END:
                self._ended = True
                return end
            kind = _checked_kind(header)
            size = self._size(header, kind)
            data = position + _BLOCK
            after = data + (size + _BLOCK - 1) // _BLOCK * _BLOCK
            if after > end:
                self._needed = after - position
                return position
            self._headers += 1
            if self._headers > self._max_members:
                raise Broken(
                    f"The repository's archive has more than {self._max_members} members.", code="archive_too_large"
                )
            if kind in _EXTENSIONS:
                self._extend(kind, bytes(buffer[data : data + size]))
            else:
                self._content += size
                member = self._member(header, kind, memoryview(buffer)[data : data + size])
                if member is not None:
                    members.append(member)
                self._extended = {}
            position = after
        self._needed = _BLOCK
        return position

    def _size(self, header: bytes, kind: int) -> int:
        """How many bytes follow this header, checked against what may still come."""
        if kind in _WITHOUT_DATA:
            return 0
        size = _number(header[124:136])
        if kind in _REGULAR:
            if (stated := self._extended.get(b"size")) is not None:
                size = _decimal(stated)
            if self._content + size > self._max_bytes:
                _refuse_size(self._max_bytes)
        elif kind not in _EXTENSIONS:
            _refuse(f"a member of the kind {chr(kind)!r}")
        elif size > _MAX_EXTENSION_BYTES:
            _refuse("an extended header of more than a mebibyte")
        return size

    def _member(self, header: bytes, kind: int, data: memoryview) -> TarMember | None:
        if kind not in _REGULAR and kind != _SYMLINK:
            return None
        path = self._extended.get(b"path")
        if path is None:
            path = _text(header[:100])
            # POSIX continues the name here. GNU's own format, whose magic ends in blanks, keeps times in the same place.
            if header[345] and header[257:263] == b"ustar\0":
                path = _text(header[345:500]) + b"/" + path
        inside = path.partition(b"/")[2]
        if not inside or (
            kind == 0 and path.endswith(b"/")
        ):  # before ustar a directory was a file whose name ends in "/"
            return None
        if kind == _SYMLINK:
            target = self._extended.get(b"linkpath")
            return TarMember(inside, Mode.SYMLINK, _text(header[157:257]) if target is None else target)
        executable = _number(header[100:108]) & 0o100
        return TarMember(inside, Mode.EXECUTABLE if executable else Mode.FILE, bytes(data))

    def _extend(self, kind: int, body: bytes) -> None:
        """Keep what an extended header says of the next member, or of the archive."""
        if kind == _LONG_NAME:
            self._extended[b"path"] = _text(body)
        elif kind == _LONG_TARGET:
            self._extended[b"linkpath"] = _text(body)
        elif kind == _OF_NEXT:
            self._extended.update(_records(body))
        else:
            self.comment = _records(body).get(b"comment", self.comment)


def _checked_kind(header: bytes) -> int:
    """The header's type flag, once its checksum is found right.

    The checksum is the sum of the header's bytes, its own field counted as blanks. The low half of Adler-32 is the same sum,
    added in C and modulo 65521: as good for telling a header from anything else, and a tenth of the time per member.
    """
    stated = header[148:156]
    computed = (zlib.adler32(header) & 0xFFFF) - 1 - sum(stated) + 8 * ord(" ")
    if (computed - _number(stated)) % 65521:
        _refuse("a header whose checksum is wrong")
    return header[156]


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number(field: bytes) -> int:
    """A header's number: octal digits between blanks and NULs, or GNU's base 256 for what does not fit."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:])
    digits = _text(field).strip(b" ") or b"0"
    if digits.translate(None, b"01234567"):
        _refuse("a header with a number that is none")
    return int(digits, 8)


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 18:
        _refuse("an extended header with a size that is none")
    return int(text)


def _records(body: bytes) -> dict[bytes, bytes]:
    """A pax header's records, ``<length> <key>=<value>\\n`` each, the length counting all of it."""
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(body):
        digits = body[position : position + 8].partition(b" ")[0]
        end = position + int(digits) if digits.isdigit() else position
        record = body[position + len(digits) + 1 : end]
        key, equals, value = record.partition(b"=")
        if end > len(body) or not equals or not value.endswith(b"\n"):
            _refuse("an extended header that cannot be read")
        records[key] = value[:-1]
        position = end
    return records


def _refuse(found: str) -> NoReturn:
    raise Broken(f"What came as the repository's archive is not a tar that git makes: {found}.", code="archive_broken")


def _refuse_size(max_bytes: int) -> NoReturn:
    raise Broken(f"The repository's archive is larger than it may be ({max_bytes} bytes).", code="archive_too_large")
