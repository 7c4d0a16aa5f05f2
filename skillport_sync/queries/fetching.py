"""Owns the contents of a fetch: which files, in which order, how much of them in one answer, and where the next goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from skillport_sync.errors import Invalid, Missing, Unavailable
from skillport_sync.files import HeldFile
from skillport_sync.git.objects import BlobId, Mode
from skillport_sync.git.paths import PathProblem, check_path
from skillport_sync.queries.answers import FileFact, NotHeld, Part
from skillport_sync.queries.naming import quoted
from skillport_sync.queries.nearest import nearest
from skillport_sync.queries.parts import ANSWER_CHARACTERS, Cut, cut

MAX_PATHS = 100
_LISTING_SHARE = ANSWER_CHARACTERS // 3
_LINE_CHARACTERS = 130
"""What a file's line in the listing costs besides its path; most of it is the sha256."""
_LARGE_BYTES = 1024 * 1024

SkillFiles = Sequence[tuple[str, HeldFile]]


class BlobReader(Protocol):
    """Where contents come from."""

    async def content(self, oid: BlobId) -> bytes:
        """These bytes, checked. Raises: Missing, Broken, Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer begins: so many files listed, so many contents sent, so many bytes of the next one sent."""

    listed: int = 0
    sent: int = 0
    offset: int = 0

    @property
    def numbers(self) -> tuple[int, int, int]:
        return (self.listed, self.sent, self.offset)


@dataclass(frozen=True, slots=True)
class Packed:
    listing: tuple[FileFact, ...] | None
    contents: tuple[Part | NotHeld, ...]
    next: Place | None


def own_paths(files: SkillFiles) -> tuple[str, ...]:
    """SKILL.md, as it is spelled. Nothing where it is a link to a file that may not be seen."""
    return tuple(path for path, _ in files if path.lower() == "skill.md")


def chosen(files: SkillFiles, paths: Sequence[str], label: str) -> SkillFiles:
    """The files that were asked for, once each, in the order of asking.

    Raises: Invalid for what is no path, Missing for what is not there; both say what would do.
    """
    if len(paths) > MAX_PATHS:
        raise Invalid(f"At most {MAX_PATHS} paths in one question; {len(paths)} were sent.", code="too_many_paths")
    by_path, example = dict(files), files[0][0] if files else "SKILL.md"
    found: dict[str, HeldFile] = {}
    for asked in paths:
        path = asked.removeprefix("./")
        if isinstance(check_path(path.encode("utf-8", "replace")), PathProblem):
            raise Invalid(
                f"{quoted(asked)} is not a path inside the skill. Send one relative to its SKILL.md, such as {example!r}.",
                code="path_invalid",
            )
        if path not in by_path:
            raise Missing(
                f"The skill {label} has no file {quoted(asked)}.{_instead(path, by_path)}", code="unknown_path"
            )
        found[path] = by_path[path]
    return list(found.items())


def _instead(path: str, by_path: dict[str, HeldFile]) -> str:
    inside = [name for name in by_path if name.startswith(f"{path.rstrip('/')}/")]
    if inside:
        return f" It is a directory: ask for files in it, such as {', '.join(map(repr, inside[:3]))}."
    close = nearest(path, by_path)
    if close:
        return f" Did you mean {' or '.join(map(repr, close))}?"
    return " Fetch the skill without paths to see its files."


async def pack(blobs: BlobReader, listed: SkillFiles, wanted: SkillFiles, start: Place) -> Packed:
    """One answer's worth of the listing of ``listed`` and the contents of ``wanted``, from ``start`` on.

    ``listed`` is empty where nobody asked for a listing. Raises: what ``blobs`` raises; Invalid for a place that cannot be.
    """
    if start.listed > len(listed) or start.sent > len(wanted) or (start.offset and start.sent == len(wanted)):
        raise Invalid("The position in this cursor lies behind the end. Start again without it.", code="cursor_invalid")
    lines, room = _lines(listed[start.listed :], ANSWER_CHARACTERS)
    contents: list[Part | NotHeld] = []
    sent, offset = start.sent, start.offset
    while sent < len(wanted):
        path, file = wanted[sent]
        if file.sha256 is None:
            contents.append(NotHeld(path, file.size_bytes, _why_not_held(file)))
            sent += 1
            continue
        fits_surely = file.size_bytes * 2 < room
        if contents and not fits_surely and file.size_bytes // 4 > room:
            break
        piece = await _cut(await read_whole(blobs, path, file), offset, room)
        if not piece.is_last and contents:
            break
        contents.append(Part(path, file.size_bytes, offset, piece.content, piece.is_text))
        room -= piece.characters
        if not piece.is_last:
            offset += len(piece.content)
            break
        sent, offset = sent + 1, 0
    after = Place(start.listed + len(lines), sent, offset)
    done = after.listed == len(listed) and sent == len(wanted)
    return Packed(tuple(lines) if listed else None, tuple(contents), None if done else after)


def _lines(files: SkillFiles, room: int) -> tuple[list[FileFact], int]:
    """As many lines as a third of the answer holds, and the room they leave."""
    lines: list[FileFact] = []
    spent = 0
    for path, file in files:
        cost = len(path) + _LINE_CHARACTERS
        if lines and spent + cost > _LISTING_SHARE:
            break
        spent += cost
        lines.append(FileFact(path, file.size_bytes, file.sha256, file.mode.is_executable))
    return lines, room - spent


async def read_whole(blobs: BlobReader, path: str, file: HeldFile) -> bytes:
    """All of a file whose content is held. Raises: as ``blobs``, but Unavailable for Missing: what is lost is fetched again."""
    try:
        return await blobs.content(file.oid)
    except Missing as error:
        raise Unavailable(
            f"The content of {path!r} is being fetched again. Try again in a minute.", code="content_not_held"
        ) from error


async def _cut(content: bytes, offset: int, room: int) -> Cut:
    """Large contents are looked through on another thread: whether a file is text is said of all of it."""
    if len(content) > _LARGE_BYTES:
        return await asyncio.to_thread(cut, content, offset, room)
    return cut(content, offset, room)


def _why_not_held(file: HeldFile) -> str:
    if file.mode is Mode.SUBMODULE:
        return "a submodule: its files are in another repository"
    return "larger than this mirror keeps: read it in the repository"
