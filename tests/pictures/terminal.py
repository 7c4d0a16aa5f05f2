"""Owns how a terminal is photographed: a command runs on a pseudo-terminal, what it left on the screen becomes an SVG.

Nothing is drawn that was not written there. Knows the few control sequences that our commands use, and refuses any other. The SVG
loads nothing and names no font that has to be there: every run of characters says how wide it is.
"""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import pty
import re
import struct
import termios
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS: Final = 100
SOON_S: Final = 60.0

_COLOURS: Final = (
    "484f58 ff7b72 3fb950 d29922 58a6ff bc8cff 39c5cf b1bac4 6e7681 ffa198 56d364 e3b341 79c0ff d2a8ff 56d4dd ffffff"
)
"""ANSI's eight, and the same bright. They stand out from the ground, which is readable on a light page and on a dark one."""


def _colour(digits: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


_THEME: Final = TerminalTheme(_colour("0d1117"), _colour("e6edf3"), [_colour(digits) for digits in _COLOURS.split()])
# rich's own asks a web font of another host, which neither GitHub nor a reader behind a proxy loads.
_SVG: Final = """\
<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace }}
{styles}
</style>
<defs>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_WRITTEN: Final = re.compile(
    r"(?P<colour>\x1b\[[0-9;]*m)|(?P<up>\x1b\[1A)|(?P<erase>\x1b\[2K)|(?P<cursor>\x1b\[\?25[hl])"
    r"|(?P<line>\n)|(?P<start>\r)|(?P<text>[^\x00-\x1f\x7f]+)|(?P<other>.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended: what was typed, its exit code, and the rows that it left on the screen."""

    command: str
    code: int
    rows: Sequence[Text]


async def typed(command: str, folder: Path, environ: Mapping[str, str]) -> Ended:
    """Type this into a shell in ``folder``, on a terminal of ``COLUMNS`` columns and in full colour.

    Raises: TimeoutError; ValueError, where it writes what a photograph cannot show.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", command), cwd=folder, env={**terminal, **environ}, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        async with asyncio.timeout(SOON_S):
            reading = asyncio.create_task(asyncio.to_thread(_read, ours))
            code = await process.wait()
            written = await reading
    finally:
        if process.returncode is None:
            process.kill()
        os.close(ours)
    return Ended(command, code, seen(written))


def seen(written: str) -> Sequence[Text]:
    """The rows that a terminal of ``COLUMNS`` columns shows in the end: what was erased is gone, what is too long goes on below.

    Raises: ValueError, where something else than text, colours and the erasing of whole rows was written.
    """
    rows, at = [""], 0
    for part in _WRITTEN.finditer(written):
        match part.lastgroup:
            case "colour" | "text":
                rows[at] += part[0]
            case "line":
                at += 1
                rows[at:at] = [""] if at == len(rows) else []
            case "up":
                at -= 1
            case "erase":
                rows[at] = ""
            case "other":
                raise ValueError(f"{part[0]!r} was written, which the picture of a terminal cannot show")
    shown: list[Text] = []
    for row in rows:
        text = Text.from_ansi(row)
        text.rstrip()
        shown += text.divide(range(COLUMNS, text.cell_len, COLUMNS)) if text else [text]
    while shown and not shown[-1]:
        shown.pop()
    return shown


def svg(rows: Iterable[Text], name: str) -> str:
    """The picture. ``name`` tells its styles from those of another picture on the same page."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    for row in rows:
        console.print(row, no_wrap=True, crop=True, highlight=False)
    drawn = console.export_svg(title="", theme=_THEME, code_format=_SVG, unique_id=name)
    return re.sub(r"<text [^>]*>\n</text>", "", drawn)  # the ends of the rows


def _read(terminal: int) -> str:
    written = b""
    while True:
        try:
            some = os.read(terminal, 65_536)
        except OSError:  # Linux's way to say that the other side is closed
            some = b""
        if not some:
            return written.decode()
        written += some
