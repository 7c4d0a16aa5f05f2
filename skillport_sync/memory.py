"""Owns how the process keeps house in its memory: what lives long is not looked at again and again, what is free goes back.

Measured at 10,000 skills: a full pass of the garbage collector over one publication takes 90 ms of the event loop, and the heap
keeps a fifth more than it needs after a first sync has parsed half a gigabyte.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
from collections.abc import Callable

from skillport_sync.publication import Published

MANY_SKILLS = 100
_M_ARENA_MAX = -8
_HEAPS = 2


def share_heaps() -> None:
    """Before the first thread. glibc gives each thread a heap of its own, up to eight a core, and what one frees no other takes
    (``mallopt``, https://man7.org/linux/man-pages/man3/mallopt.3.html): 5 MB at 10,000 skills. Answers take as long, measured in
    turns. What whoever starts the service says in ``MALLOC_ARENA_MAX`` holds.
    """
    mallopt = _of_libc("mallopt")
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_M_ARENA_MAX, _HEAPS)


def settle(published: Published) -> None:
    """Tell the collector that what is published now will stay: it is made of values without cycles, and is freed by counting.

    After a publication that brought many skills, unused heap is given back to the system, in a thread.
    """
    gc.collect(1)
    gc.freeze()
    if published.publication.changes.added >= MANY_SKILLS:
        asyncio.get_running_loop().run_in_executor(None, _give_back)


def _give_back() -> None:
    """glibc keeps freed memory for itself unless it is asked (``malloc_trim``, malloc.h)."""
    trim = _of_libc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_libc(name: str) -> Callable[..., object] | None:
    """A function of glibc's. None with another C library, which is left alone."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
