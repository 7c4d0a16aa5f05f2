"""Owns the marketplaces that are measured: any number of plugins, skills, files and bytes, the same bytes every time."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import dataclass
from functools import cache

_WORDS = (  # noqa: SIM905  a list of them would fill two screens
    "account answer approve archive budget calendar campaign change chart check client column compare contract "
    "customer data deadline deck define deliver describe design detail draft e-mail edit estimate event example "
    "export figure finance follow forecast form format goal guide handbook header image import index invoice issue "
    "item journal label launch layout ledger letter list manager market measure meeting memo merge message metric "
    "month name note notice number offer office order outline owner page paper paragraph partner pattern person "
    "phrase plan policy price print process product project proposal quarter question quote read record region "
    "release reply report request result review rule sales sample schedule section select send sentence sheet shorten "
    "sign slide source standard status step style subject sum summary supplier support table target task team "
    "template term test text ticket timeline title total trend update value vendor version view visit voice week "
    "workflow write year"
).split()


@dataclass(frozen=True, slots=True)
class Size:
    """``files`` counts all files, manifests too; ``size_bytes`` is about what they hold together."""

    plugins: int
    skills: int
    files: int
    size_bytes: int


EDITOR = "demo:ada"
"""Who may write."""
SMALL = Size(plugins=50, skills=50, files=500, size_bytes=1_700_000)
LARGE = Size(plugins=300, skills=840, files=17_500, size_bytes=60_000_000)


def marketplace(size: Size) -> dict[str, bytes]:
    """A marketplace of that size, by path."""
    plugins = [_plugin_name(at) for at in range(size.plugins)]
    files = {
        ".claude-plugin/marketplace.json": _manifest(plugins),
        ".skillport/access.json": _json(
            {"version": "1.0", "editors": [{"id": EDITOR}], "defaults": {"read": "*", "write": "editors"}}
        ),
    }
    skills = [skill_directory(size, at) for at in range(size.skills)]
    for at, name in enumerate(plugins):
        version = f"{1 + at % 3}.{at % 10}.{at % 7}"
        files[f"plugins/{name}/.claude-plugin/plugin.json"] = _json({"name": name, "version": version})
    rest = size.files - len(files)
    if rest < len(skills):
        raise ValueError(f"{size}: too few files for a SKILL.md each")
    prose, average = _Prose(), max(200, size.size_bytes // rest)
    for directory in skills:
        files[f"{directory}/SKILL.md"] = _skill_md(directory.rpartition("/")[2], prose, average)
    for at, directory in zip(range(rest - len(skills)), itertools.cycle(skills)):
        folder, suffix = (("references", "md"), ("scripts", "py"), ("templates", "txt"))[at % 3]
        # Most files are small and some are not, as in real marketplaces.
        length = average * 4 if at % 8 == 0 else average * 4 // 7
        files[f"{directory}/{folder}/part-{at // len(skills):03}.{suffix}"] = prose.of(length).encode()
    return files


def skill_directory(size: Size, at: int) -> str:
    """Where the skill with this number lies: skills are dealt out to the plugins in turn."""
    name = f"{_WORDS[at % len(_WORDS)]}-{_WORDS[(at * 7 + at // len(_WORDS)) % len(_WORDS)]}-{at}"
    return f"plugins/{_plugin_name(at % size.plugins)}/skills/{name}"


def skill_label(size: Size, at: int) -> str:
    """What to ``fetch``: plugin and name."""
    return skill_directory(size, at).removeprefix("plugins/").replace("/skills/", "/")


def edits(size: Size, count: int, push: int) -> dict[str, bytes]:
    """``count`` files of as many skills, rewritten; other bytes in every push. SKILL.md among them."""
    changed: dict[str, bytes] = {}
    for at in range(count):
        number = (push * 31 + at) % size.skills
        directory = skill_directory(size, number)
        name = directory.rpartition("/")[2]
        prose = _Prose(1_000_000_000 + (push * 10_000 + at) * 10_007)
        if at < size.skills:
            changed[f"{directory}/SKILL.md"] = _skill_md(name, prose, 2_000)
        else:
            changed[f"{directory}/references/push-{at // size.skills}.md"] = prose.of(2_000).encode()
    return changed


class _Prose:
    """A long text handed out piece by piece: sentences that compress about as well as those that people write."""

    def __init__(self, at: int = 0) -> None:
        self._at = at

    def of(self, length: int) -> str:
        """The next ``length`` characters or some more. Their first line says where they begin: no two files are the same."""
        text, start = _text(), self._at
        self._at += length + 1
        lines = [f"<!-- {start} -->"]
        for at in range(start, start + length, 100):
            begin = at % (len(text) - 100)
            lines.append(text[begin : begin + 100])
        return "\n".join(lines) + "\n"


@cache
def _text() -> str:
    chance = random.Random(2026)
    sentences = (" ".join(chance.choices(_WORDS, k=chance.randint(5, 18))) for _ in range(6_000))
    return " ".join(f"{sentence.capitalize()} {chance.randrange(10_000)}." for sentence in sentences)


def _skill_md(name: str, prose: _Prose, length: int) -> bytes:
    about = prose.of(100).split("\n")[1].strip()
    head = f"---\nname: {name}\ndescription: >-\n  Use when you have to {about.replace(':', ',')}\n---\n\n# {name}\n\n"
    return (head + prose.of(max(200, length - len(head)))).encode()


def _plugin_name(at: int) -> str:
    return f"{_WORDS[(at * 3) % len(_WORDS)]}-team-{at}"


def _manifest(plugins: list[str]) -> bytes:
    entries = [{"name": name, "source": f"./plugins/{name}"} for name in plugins]
    return _json({"name": "acme", "owner": {"name": "Acme"}, "plugins": entries})


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"
