"""Owns a copy of the tree in which one guard at a time is taken out, and the question whether its tests notice.

Never touches the tree itself. The copy holds what git would commit, so neither virtual environment, database nor cache is in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.mutants.mutant import Mutant

Verdict = Literal["killed", "SURVIVED", "not applicable"]

TEST_LIMIT_S: Final = 40
"""One test hangs no longer; it failed then."""
LIMIT_S: Final = 120
"""All the tests of one mutant take no longer."""
BASELINE_LIMIT_S: Final = 400

_PACKAGES: Final = ("mcp_server", "skillport_sync", "webhooks")
_FAILED: Final = 1
"""Of pytest's exit codes the one that says that a test failed; the others say that none was run to its end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one mutant. ``note``: which test killed it, or why nothing can be said."""

    mutant: Mutant
    verdict: Verdict
    note: str
    took_s: float


@dataclass(frozen=True, slots=True)
class _Ran:
    """One run of pytest. ``exit_code`` is None where its time was up."""

    exit_code: int | None
    output: str

    @property
    def first_failure(self) -> str:
        lines = [line for line in self.output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return lines[0] if lines else " ".join(self.output.split())[-300:]


class Workshop:
    """One copy, for one mutant at a time."""

    def __init__(self, source: Path, copy: Path) -> None:
        """Raises: CalledProcessError where ``source`` is no git repository."""
        self._copy = copy
        # Its own, too: pytest clears away what other runs on this machine left, and stumbles where they do it at the same time.
        self._scratch = copy.with_name(f"{copy.name}-scratch")
        for path in _files_of(source):
            target = copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / path, target)
        # Compiled files are compared by content: a mutant of the same size in the same second must not be taken for the original.
        compileall = ("-m", "compileall", "-q", "--invalidation-mode", "checked-hash")
        self._python(*compileall, *(name for name in _PACKAGES if (copy / name).is_dir()), limit_s=LIMIT_S)

    def is_imported(self) -> bool:
        """Whether tests that run here import this copy's code, and not that of an installed tree."""
        ran = self._python("-c", "import mcp_server; print(mcp_server.__file__)", limit_s=LIMIT_S)
        return self._copy.resolve() in Path(ran.output.strip()).resolve().parents

    def baseline(self, mutants: Sequence[Mutant]) -> str | None:
        """The first of all those tests that fails with every guard in its place; None where none does."""
        ran = self._test(sorted({test for mutant in mutants for test in mutant.node_ids}), BASELINE_LIMIT_S)
        return None if ran.exit_code == 0 else ran.first_failure

    def judge(self, mutant: Mutant) -> Finding:
        """Take the guard out, run its tests, and put it back."""
        began_s = time.monotonic()
        path = self._copy / mutant.file
        original = path.read_bytes() if path.is_file() else b""
        mutated = mutant.applied(original.decode())
        if mutated is None:
            return Finding(mutant, "not applicable", f"its text is not exactly once in {mutant.file}", 0.0)
        path.write_bytes(mutated.encode())
        try:
            ran = self._test(mutant.node_ids, LIMIT_S)
        finally:
            path.write_bytes(original)
        verdict, note = _told(ran)
        return Finding(mutant, verdict, note, time.monotonic() - began_s)

    def _test(self, node_ids: Sequence[str], limit_s: int) -> _Ran:
        pytest = ("-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider")
        limits = (f"--timeout={TEST_LIMIT_S}", f"--basetemp={self._scratch}")
        return self._python(*pytest, *limits, *node_ids, limit_s=limit_s)

    def _python(self, *arguments: str, limit_s: int) -> _Ran:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}
        try:
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=self._copy,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return _Ran(None, f"took longer than {limit_s} s")
        return _Ran(done.returncode, done.stdout)


def _told(ran: _Ran) -> tuple[Verdict, str]:
    if ran.exit_code == 0:
        return "SURVIVED", "no test noticed"
    if ran.exit_code == _FAILED and ran.first_failure.startswith("FAILED "):
        return "killed", ran.first_failure.removeprefix("FAILED ")
    return "not applicable", ran.first_failure


def _files_of(source: Path) -> list[Path]:
    """What git keeps, or would keep once it is added; below ``source``."""
    git = ("git", "-C", str(source), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(git, capture_output=True, check=True).stdout.split(b"\0")
    return [path for name in listed if name and (source / (path := Path(os.fsdecode(name)))).is_file()]
