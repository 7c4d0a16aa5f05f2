"""The documents point at what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_every_test_that_is_named_is_there(page: Path) -> None:
    text = page.read_text()
    links = [page.parent / link for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", text)]
    named = [ROOT / path for path in re.findall(r"`((?:tests|docs|benchmarks)/[\w./-]+)`", text)]
    built = {ROOT / "benchmarks" / "results"}  # made by `make bench`
    assert [path for path in [*links, *named] if not path.exists() and path not in built] == []
