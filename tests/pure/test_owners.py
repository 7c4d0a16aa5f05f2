"""Whose a file is: the skills whose directories it lies in, asked of the place where it really is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.catalog.model import OWN_SOURCE, Catalog, Linked, Plugin, PluginName, Skill, SourceKey
from skillport_sync.catalog.owners import Owners, innermost
from skillport_sync.git.objects import EMPTY_TREE
from skillport_sync.git.paths import RepoPath

OTHER = SourceKey("github.com/acme/others")


def skill(directory: str, *, source: SourceKey = OWN_SOURCE, real: str | None = None) -> Skill:
    """A skill at this directory; ``real`` is what a link makes of it."""
    plugin = Plugin(PluginName("docs"), source, "", None, "", None, None, (), (), frozenset())
    name = directory.rpartition("/")[2] or "root"
    linked = None if real is None else Linked(real, {})
    return Skill(plugin, directory, RepoPath(f"{directory}/SKILL.md"), name, "", {}, EMPTY_TREE, linked)


def owners(*skills: Skill, withheld: tuple[Skill, ...] = ()) -> Owners:
    return Owners.of(Catalog("acme", (), skills, (), withheld=withheld))


def test_a_file_is_of_every_skill_that_it_lies_in():
    root, outer, inner, beside = skill(""), skill("a"), skill("a/b"), skill("a/c")
    found = owners(root, outer, inner, beside).around(OWN_SOURCE, ["a/b/x/SKILL.md", "README.md"])
    assert found == {"": (root,), "a": (outer,), "a/b": (inner,)}


def test_a_directory_that_links_lead_to_is_of_all_skills_it_stands_for():
    there, linked, again = skill("real"), skill("one", real="real"), skill("two", real="real")
    assert owners(there, linked, again).around(OWN_SOURCE, ["real/SKILL.md"]) == {"real": (there, linked, again)}


def test_another_repositorys_directory_of_the_same_name_is_another():
    ours, theirs = skill("a"), skill("a", source=OTHER)
    both = owners(ours, theirs)
    assert both.around(OWN_SOURCE, ["a/x"]) == {"a": (ours,)}
    assert both.around(OTHER, ["a/x"]) == {"a": (theirs,)}
    assert both.around(SourceKey("github.com/acme/neither"), ["a/x"]) == {}


def test_what_is_withheld_owns_its_directory_and_is_nobody_to_ask():
    kept, secret = skill("a"), skill("a/secret")
    found = owners(kept, withheld=(secret,)).around(OWN_SOURCE, ["a/secret/key", "a/SKILL.md"])
    assert found == {"a": (kept,), "a/secret": ()}


def test_a_directory_stays_its_readable_skills_where_another_there_is_withheld():
    kept = skill("a")
    assert owners(kept, withheld=(skill("b", real="a"),)).around(OWN_SOURCE, ["a/x"]) == {"a": (kept,)}


places = st.lists(st.sampled_from("ab"), max_size=3).map("/".join)
files = st.tuples(places, st.sampled_from("xy")).map(lambda pair: "/".join(filter(None, pair)))


@given(st.lists(st.builds(skill, places, source=st.sampled_from([OWN_SOURCE, OTHER]), real=st.none() | places)), files)
def test_it_is_what_going_through_all_skills_finds(skills, file):
    found = owners(*skills).around(OWN_SOURCE, [file])
    parents = {file[:at] for at, character in enumerate(file) if character == "/"} | {""}
    there = [one for one in skills if one.plugin.source == OWN_SOURCE and one.real_directory in parents]
    assert [one for directory in sorted(found) for one in found[directory]] == sorted(
        there, key=lambda one: one.real_directory
    )
    assert innermost(file, found) == max(found, key=len, default=None)
