"""What a screen says beside its facts: long remarks hang under their own beginning, and what is well is not called broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from skillport_sync.cli.healing_report import looked_after
from skillport_sync.cli.screen import Cell, Facts, Note, drawn, plain
from skillport_sync.reports.status import HealingStatus, StateRow

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
UNSEEN = StateRow("hooks_not_visible", "the webhook cannot be looked at", "give the token more", "info", NOW)
MISSING = StateRow("hook_missing", "no webhook leads here", "make one", "warning", NOW - timedelta(hours=3))


def test_a_long_remark_goes_on_below_its_text_and_not_below_its_mark() -> None:
    remark = Note(Cell("one two three four five"), 1, "warning  ")
    assert drawn([remark], 24) == "  warning  one two three\n           four five\n"
    assert plain([remark]) == "  warning  one two three four five\n"


def test_what_works_all_the_same_is_to_know_and_comes_after_what_is_to_mend() -> None:
    told = Facts(looked_after(HealingStatus(NOW, states=(UNSEEN, MISSING)), NOW))
    assert plain([told]).splitlines() == [
        "  to mend  no webhook leads here (hook_missing), since 3 h ago",
        "           → make one",
        "  to know  the webhook cannot be looked at (hooks_not_visible)",
        "           → give the token more",
    ]
