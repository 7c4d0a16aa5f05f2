"""Owns a terminal for a client that wants one: what to put before its command so that its pipes look like a terminal to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path


def in_terminal(command: Sequence[str | Path]) -> list[str | Path]:
    return [sys.executable, __file__, *command]


if __name__ == "__main__":
    import pty  # not everywhere

    sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
