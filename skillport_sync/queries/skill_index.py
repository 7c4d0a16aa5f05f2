"""Owns what of a skill can be found by words, what the words of a question mean, and the order in which they find skills.

An index holds exactly what one view lists. A shared one would rank by how rare a word is among skills that the asker may not
read, and correct a slip of the pen to their names: it would tell of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from math import log2
from operator import and_
from typing import Final

from skillport_sync.catalog.model import Skill
from skillport_sync.errors import Broken
from skillport_sync.files import HeldFile
from skillport_sync.git.objects import BlobId
from skillport_sync.queries.nearest import Spellings
from skillport_sync.queries.views import View
from skillport_sync.queries.words import MAX_QUERY_CHARACTERS, asked, joined, name_words, searchable, searchable_name
from skillport_sync.snapshot import Snapshot
from skillport_sync.store.search_index import Place, Places, SearchIndex, SearchRow

MAX_BODY_CHARACTERS = 20_000
BODY_CHARACTERS_IN_ALL = 40_000_000
"""Shared out evenly where there are many skills: 10,000 are found by the first 4,000 characters of their bodies."""

_WORTH: Final[Mapping[Place, float]] = {
    Place.NAME: 3.5,
    Place.BEGINS_NAME: 3.0,
    Place.LABELS: 2.5,
    Place.DESCRIPTION: 2.0,
    Place.BODY: 0.25,
}
"""Two words in what a skill says of itself are worth more than one in its name and one somewhere in its body."""

_SURFACE_TAG = "surface:"
"""Says where a skill is meant to be used. A filter asks for that; as a word it would be found in nearly all."""
_FRONTMATTER = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t\r]*\n.*?---[ \t\r]*\n?", re.DOTALL)
"""Near enough: where Claude Code reads it otherwise, a few words of frontmatter can be found too."""


@dataclass(frozen=True, slots=True)
class SkillIndex:
    """What one view lists, ready to be searched. Positions are the view's."""

    rows: SearchIndex
    names: Spellings
    lacking: int
    """So many bodies could not be read and are not in it."""

    def ranked(self, query: str) -> list[int]:
        """The skills that ``query`` finds, best first.

        First those of exactly this name. Then those that have every word; where there is none, those that have at least half of
        the words, or as many as any has, the most first. What stands only in a body finds a skill and does not rank it. A word
        that nothing has stands for what it begins, or else for the names it is a misspelling of.
        """
        query = query[:MAX_QUERY_CHARACTERS]
        words = asked(query)
        if not words:
            return []
        places = [self._places(word) for word in words]
        exact = self.rows.spelled(joined(query))
        if len(places) == 1:
            return list(dict.fromkeys(chain(exact, *places[0])))
        best = [_best(one) for one in places]
        found: Iterable[int] = reduce(and_, (one.keys() for one in best))
        if found:
            return list(dict.fromkeys(chain(exact, self._ordered(found, best))))
        counted = Counter(chain.from_iterable(best))
        enough = min((len(words) + 1) // 2, max(counted.values(), default=0))
        order = self._ordered((position for position, count in counted.items() if count >= enough), best)
        return list(dict.fromkeys(chain(exact, sorted(order, key=counted.__getitem__, reverse=True))))

    def _ordered(self, found: Iterable[int], best: Iterable[Mapping[int, float]]) -> list[int]:
        """Each word counts by the best place it stands in, and by how rare it is."""
        rarity = [(log2(1 + self.rows.size / (1 + len(one))), one) for one in best]
        scores = {at: sum(rare * one[at] for rare, one in rarity if at in one) for at in sorted(found)}
        return sorted(scores, key=scores.__getitem__, reverse=True)

    def _places(self, word: str) -> Places:
        """Where a word is found, or what stands for it; nowhere where nobody can tell what it means."""
        places = self.rows.places((word,))
        return places if any(places) else self.rows.places(self.rows.completions(word) or self.names.meant(word))


def _best(places: Places) -> Mapping[int, float]:
    """What the best place is worth in which a skill has the word."""
    best: dict[int, float] = {}
    for place in reversed(Place):
        best.update(dict.fromkeys(places[place], _WORTH[place]))
    return best


def index_of(view: View, contents: Mapping[BlobId, bytes]) -> SkillIndex:
    """Everything that the view lists. ``contents`` are looked up and may lack any: a skill without its body is found by the rest.

    Goes through all of it: for a worker thread.
    """
    share = min(MAX_BODY_CHARACTERS, BODY_CHARACTERS_IN_ALL // max(1, view.size))
    lacking = 0

    def rows() -> Iterator[SearchRow]:
        nonlocal lacking
        for published, skill in view:
            body = _body(published.snapshot, skill, contents, share)
            lacking += body is None
            yield _row(skill, body or "")

    names = name_words(name for _, skill in view for name in (skill.name, skill.plugin.name))
    return SkillIndex(SearchIndex(rows()), Spellings(names), lacking)


def _row(skill: Skill, body: str) -> SearchRow:
    plugin = skill.plugin
    tags = (tag for tag in plugin.tags if not tag.startswith(_SURFACE_TAG))
    labels = " ".join((*plugin.keywords, *tags, plugin.category or ""))
    return SearchRow(
        name=searchable_name(skill.name),
        labels=f"{searchable_name(plugin.name)} {searchable(labels)}",
        description=searchable(skill.description),
        body=searchable(body),
        spellings=(joined(skill.name), joined(skill.label)),
    )


def _body(snapshot: Snapshot, skill: Skill, contents: Mapping[BlobId, bytes], characters: int) -> str | None:
    """The beginning of what stands below the frontmatter; empty where that is not published, None where it cannot be read now."""
    file = _skill_md(snapshot, skill)
    if file is None or file.sha256 is None:
        return ""
    try:
        content = contents[file.oid]
    except (KeyError, Broken):
        return None
    frontmatter = _FRONTMATTER.match(content)
    start = frontmatter.end() if frontmatter else 0
    return content[start : start + 4 * characters].decode("utf-8", "ignore")[:characters]


def _skill_md(snapshot: Snapshot, skill: Skill) -> HeldFile | None:
    """The file, if it lies in the skill's own directory. Where a link leads to it, it may be another skill's, and the asker one
    who may not read that one."""
    path = skill.skill_md
    if skill.linked is not None:
        path = skill.linked.files.get(path[len(skill.directory) + 1 :] if skill.directory else path, path)
        if path.rpartition("/")[0] != skill.real_directory:
            return None
    return snapshot.publishable[skill.plugin.source].held.get(path)
