"""docs/EXAMPLES.md, followed from its top to its end: every block is run, and what stands below it has to be what it answers.

Only what a reader has and a test has not is put in its place: the address, the token, the webhook's secret.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.fuzz.house import WEBHOOK_SECRET, House, open_house

PAGE = (Path(__file__).parents[2] / "docs/EXAMPLES.md").read_text()
ADDRESS, TOKEN = "https://skills.example.com", "sps_…"
SOON_S = 60.0
ANYTHING = "…"


@dataclass(frozen=True, slots=True)
class Block:
    heading: str
    language: str
    text: str


def blocks() -> list[Block]:
    found, heading = [], ""
    for match in re.finditer(r"^#+ ([^\n]+)$|^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        if match[1]:
            heading = match[1]
        else:
            found.append(Block(heading, match[2], match[3]))
    return found


def fits(answer: object, told: object) -> bool:
    """Whether the answer has all that is told of it. Of a list, what stands there comes in this order, others between."""
    match told:
        case dict():
            return isinstance(answer, dict) and all(key in answer and fits(answer[key], told[key]) for key in told)
        case []:
            return answer == []
        case list():
            rest = iter(answer if isinstance(answer, list) else [])
            return all(any(fits(each, one) for each in rest) for one in told)
        case str() if ANYTHING in told:
            parts = map(re.escape, told.split(ANYTHING))
            return re.fullmatch(".*".join(parts), str(answer), re.DOTALL) is not None
        case _:
            return answer == told and type(answer) is type(told)


def read(text: str, language: str) -> object:
    """As JSON, or line by line; what should be JSON and is not is a text."""
    try:
        return json.loads(text) if language == "json" else text.splitlines()
    except json.JSONDecodeError:
        return text


class Reader:
    """Somebody with the page, a shell and an empty folder."""

    def __init__(self, folder: Path, house: House, exports: str) -> None:
        self._house = house
        self._exports = self.filled_in(exports)
        self._folder = folder
        (folder / "secrets").mkdir(parents=True)
        (folder / "secrets/webhook-secret").write_text(WEBHOOK_SECRET)
        self._environ = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder),
        }
        (folder / "home").mkdir()

    def filled_in(self, text: str) -> str:
        return text.replace(ADDRESS, self._house.url).replace(TOKEN, self._house.editor)

    async def types(self, block: Block) -> tuple[int | None, str, str]:
        """How it ended, and what it said."""
        words = ["python3", "-"] if block.language == "python" else ["sh", "-eu"]
        shell = f"{self._exports}\nexec {' '.join(words)}"
        process = await asyncio.create_subprocess_exec(
            "sh", "-eu", "-c", shell, cwd=self._folder, env=self._environ, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        async with asyncio.timeout(SOON_S):
            out, err = await process.communicate(self.filled_in(block.text).encode())
        return process.returncode, out.decode(), err.decode()


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "openssl"))), reason="the page needs curl and openssl")
async def test_every_example_does_and_answers_what_stands_there(tmp_path: Path) -> None:
    exports, *rest = blocks()
    assert exports.text.count("export ") == 2
    async with open_house(tmp_path / "house") as house:
        reader = Reader(tmp_path / "reader", house, exports.text)
        out = ""
        wrong: list[tuple[object, ...]] = []
        for block in rest:
            told = reader.filled_in(block.text)
            if block.language in ("sh", "python"):
                code, out, err = await reader.types(block)
                if code != 0:
                    wrong.append((block, code, out, err))
            elif not fits(*(read(text, block.language) for text in (out, told))):
                wrong.append((block, out))
    assert wrong == []


def test_every_block_runs_or_is_the_answer_of_one_that_does() -> None:
    languages = [block.language for block in blocks()]
    assert set(languages) == {"sh", "python", "json", "text"}
    for before, language in pairwise(languages):
        assert language in ("sh", "python") or before in ("sh", "python")
    assert languages.count("sh") > 30


def test_an_answer_that_lacks_something_or_says_another_thing_does_not_fit() -> None:
    told = {"a": [{"b": "x…z"}], "c": True, "d": []}
    good = {"a": [{"b": "no"}, {"b": "xyz", "more": 1}], "c": True, "d": [], "more": 2}
    assert fits(good, told)
    for bad in ({**good, "a": []}, {**good, "c": 1}, {**good, "d": [1]}, {"a": good["a"], "d": []}):
        assert not fits(bad, told)
