"""Killed at any point of a pull, the next start serves one whole publication, and in the end the mirror converges.

The process that is killed is forked off one that has imported everything, so that hundreds of kills take seconds. It says
"serving <number>" when its start has found a publication, and then pulls until SIGKILL hits it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("SKILLPORT_KILLS", "200"))


@pytest.mark.timeout(400)
def test_two_hundred_kills_lose_nothing_and_mix_nothing(tmp_path: Path) -> None:
    script = Path(__file__).with_name("crash_drill.py")
    drill = subprocess.run(
        [sys.executable, script, str(tmp_path), str(KILLS)], check=False, capture_output=True, text=True, timeout=380
    )
    assert drill.returncode == 0, drill.stdout + drill.stderr
    report = dict(field.split("=") for field in drill.stdout.splitlines()[-1].split())
    assert int(report["kills"]) == KILLS
    assert int(report["publications"]) > 10, "hardly anything was published between the kills"
