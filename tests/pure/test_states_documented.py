"""docs/OPERATING.md has every state of a repository and its webhook, in the words that `status` uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from skillport_sync.sync.conditions import MEANINGS

OPERATING = Path(__file__).resolve().parents[2] / "docs" / "OPERATING.md"


@pytest.mark.parametrize("code", MEANINGS)
def test_every_state_is_in_the_manual_with_its_remedy(code: str) -> None:
    meaning = MEANINGS[code]
    row = f"| `{code}` | {meaning.said.format('…')} | {meaning.remedy} |"
    assert row in OPERATING.read_text(encoding="utf-8").splitlines()
