"""Owns the machine: which core the server has, which the load, and what a process has cost so far."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import mcp_types

_PROC = Path("/proc")
NOISE = "Other work on the machine moves every time, and less so CPU per request; ratios are of interleaved rounds, medians."


@dataclass(frozen=True, slots=True)
class Cores:
    """Where things run. The same where the machine has only one core, or does not let us choose."""

    server: frozenset[int]
    load: frozenset[int]

    @property
    def apart(self) -> bool:
        return self.server.isdisjoint(self.load)


def share_out() -> Cores:
    """One core for whatever is measured, another for whatever puts load on it."""
    if not hasattr(os, "sched_getaffinity"):
        return Cores(frozenset(), frozenset())
    usable = sorted(os.sched_getaffinity(0))
    return Cores(frozenset(usable[:1]), frozenset(usable[1:2] or usable[:1]))


def pin(cores: frozenset[int], pid: int = 0) -> None:
    """Keep a process, and the threads that it starts from now on, on these cores; the process that asks where ``pid`` is 0."""
    if cores:
        os.sched_setaffinity(pid, cores)


def conditions(cores: Cores) -> dict[str, object]:
    """What the figures depend on, in words."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    apart = "server and load on a core each" if cores.apart else "server and load share a core: ratios suffer"
    machine = (
        f"{os.cpu_count()} cores, {apart}, load {load:.1f} at the start; {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}, SQLite {sqlite3.sqlite_version}, "
        f"MCP {mcp_types.LATEST_PROTOCOL_VERSION}"
    )
    return {"machine": machine, "noise": NOISE, "load": load}


def cpu_s(pid: int) -> float:
    """The CPU time that every thread of a process has used. To the nanosecond where the kernel counts so, else to its tick."""
    try:
        tasks = list((_PROC / str(pid) / "task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except (OSError, ValueError, IndexError):
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid: int) -> int:
    """What a process holds in memory."""
    return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop that the service takes: uvloop where it is installed. Whatever it is compared with takes it too.

    Load does not: of 512 connections on one uvloop, the last ones are heard so late that they seem to be answered late.
    """
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
