"""Owns the rooms that are measured: which files are changed, and which tests have to notice. Never which mutants those are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Room:
    """``files`` and ``tests`` are patterns below the root of the repository."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]

    def files_below(self, root: Path) -> Sequence[str]:
        """Every file, but those that hold nothing beside their docstring."""
        found = sorted({path for pattern in self.files for path in root.glob(pattern)})
        return [str(path.relative_to(root)) for path in found if path.name != "__init__.py"]

    def tests_below(self, root: Path) -> Sequence[str]:
        return [str(path.relative_to(root)) for path in sorted({p for each in self.tests for p in root.glob(each)})]


ROOMS: Final[Mapping[str, Room]] = {
    room.name: room
    for room in (
        Room(
            "access",
            ("skillport_sync/access/*.py",),
            ("tests/pure/test_access_*.py",),
        ),
        Room(
            "git",
            ("skillport_sync/git/*.py",),
            ("tests/pure/test_git_*.py", "tests/pure/test_recovered_names.py"),
        ),
        Room(
            "webhooks",
            ("webhooks/*.py",),
            ("tests/pure/test_webhook_*.py", "tests/flows/test_webhook_*.py", "tests/flows/test_turnstile.py"),
        ),
        Room(
            "tokens",
            ("mcp_server/oauth/tokens.py", "skillport_sync/tokens.py", "skillport_sync/store/tokens.py"),
            (
                "tests/pure/test_oauth_tokens.py",
                "tests/pure/test_tokens.py",
                "tests/store/test_state_tokens.py",
                "tests/store/test_state_minted_tokens.py",
                "tests/store/test_state_links.py",
            ),
        ),
    )
}
