"""Owns the progress of a long pull: a bar on a terminal's stderr, gone when the pull is done; nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skillport_sync.cli.wording import count, printable, size
from skillport_sync.reports import Progress, Stage

_WORDS: dict[Stage, str] = {
    "head": "asking for the head",
    "listing": "reading the listing",
    "blobs": "fetching",
    "tarball": "fetching the archive",
    "verify": "verifying",
    "parse": "reading the catalog",
    "publish": "publishing",
}


@contextmanager
def progress_bar(*, wanted: bool) -> Iterator[Callable[[Progress], None]]:
    """Yields what is to be told each step."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda _progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        SpinnerColumn("line"),
        TextColumn("{task.fields[marketplace]}", markup=False),
        TextColumn("{task.description}", style="dim", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[counted]}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bars:
        task = bars.add_task("starting", total=None, marketplace="", counted="")

        def tell(progress: Progress) -> None:
            bars.update(
                task,
                description=_WORDS[progress.stage],
                completed=progress.done,
                total=progress.total
                if progress.done
                else None,  # a bar that only moves says "at it" better than an empty one
                marketplace=printable(progress.marketplace),
                counted=counted(progress),
            )

        yield tell


def counted(progress: Progress) -> str:
    """``1,234 files`` to do, then ``120 of 1,234 files``; nothing where one thing is waited for."""
    if progress.total == 1:
        return ""
    number: Callable[[int], str] = size if progress.unit == "bytes" else count
    unit = "" if progress.unit == "bytes" else f" {progress.unit}"
    if progress.total is None or progress.done == 0:
        return f"{number(progress.total or progress.done)}{unit}"
    return f"{number(progress.done)} of {number(progress.total)}{unit}"
