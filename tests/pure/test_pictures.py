"""The pictures of the documents are shown, load nothing and say what their page says; a terminal is shown as it is seen."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.text import Text

from tests.pictures.terminal import COLUMNS, seen, svg

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "docs" / "images").iterdir())
TERMINALS = [picture for picture in PICTURES if picture.suffix == ".svg"]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LARGEST_BYTES = 150_000


def shown_in(page: Path) -> dict[Path, str]:
    """The pictures that a page shows, and what it says to those who cannot see them."""
    text = page.read_text()
    found = {path: alt for alt, path in re.findall(r"!\[([^]]*)]\(([^)]+)\)", text)}
    for tag in re.findall(r"<(?:img|source) [^>]*>", text):
        given = dict(re.findall(r'([a-z]+)="([^"]*)"', tag))
        found[given.get("src") or given["srcset"]] = given.get("alt", "")
    return {(page.parent / path).resolve(): alt for path, alt in found.items()}


def told_in(picture: Path) -> list[str]:
    """What a terminal's picture says, row by row."""
    rows: dict[str, str] = {}
    for piece in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text"):
        y = piece.attrib["y"]
        rows[y] = rows.get(y, "") + "".join(piece.itertext()).replace("\xa0", " ")
    return list(rows.values())


def test_every_picture_is_shown_somewhere_and_every_one_that_is_shown_is_there() -> None:
    shown = {path for page in PAGES for path in shown_in(page)}
    assert shown == set(PICTURES)


@pytest.mark.parametrize("page", [page for page in PAGES if shown_in(page)], ids=lambda page: page.name)
def test_every_picture_is_described_to_those_who_cannot_see_it(page: Path) -> None:
    bare = [path.name for path, alt in shown_in(page).items() if len(alt) < 40 and not path.stem.endswith("-dark")]
    assert bare == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small(picture: Path) -> None:
    assert picture.stat().st_size < LARGEST_BYTES


@pytest.mark.parametrize("picture", TERMINALS, ids=lambda picture: picture.name)
def test_a_terminal_loads_nothing_and_tells_nothing_of_the_machine(picture: Path) -> None:
    text = picture.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "", 1)
    assert not re.search(r"@import|@font-face|<image|<script|href=|https?:", text)
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert not re.search(r"/(?:home|root|tmp|work|Users)/", text)


@pytest.mark.parametrize("picture", TERMINALS, ids=lambda picture: picture.name)
def test_what_is_typed_in_a_terminal_is_what_its_page_says_to_type(picture: Path) -> None:
    (page,) = [page for page in PAGES if picture in shown_in(page)]
    typed = [row[2:] for row in told_in(picture) if row.startswith("$ ")]
    assert typed
    said = re.sub(r"!\[[^]]*]", "", page.read_text())
    assert [command for command in typed if command not in said] == []


def test_what_was_erased_is_gone_and_what_stays_keeps_its_colour() -> None:
    progress = "\x1b[?25l\r\x1b[2Kstarting \x1b[2m━━\x1b[0m\r\n\x1b[?25h\r\x1b[1A\x1b[2K"
    rows = seen(f"{progress}\x1b[32mpublished\x1b[0m   \r\n\r\nnothing else\r\n\r\n")
    assert [row.plain for row in rows] == ["published", "", "nothing else"]
    (green,) = rows[0].spans
    assert str(green.style) == "color(2)"


def test_a_row_that_is_too_long_goes_on_below() -> None:
    assert [row.plain for row in seen("x" * COLUMNS + "yz\nnext")] == ["x" * COLUMNS, "yz", "next"]


@pytest.mark.parametrize("written", ["\x1b[3;4H", "\x1b]0;title\x07", "\x1b[2J", "\t", "\x1b[2A"])
def test_what_a_photograph_cannot_show_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="cannot show"):
        seen(f"before{written}after")


def test_a_picture_says_every_letter_that_was_on_the_screen(tmp_path: Path) -> None:
    picture = tmp_path / "picture.svg"
    picture.write_text(svg([Text("$ a <b> & c", "bold"), Text(), Text("✓ done", "green")], "picture"))
    assert told_in(picture) == ["$ a <b> & c", "✓ done"]
