"""Symbolic links that are not followed: they lead outside, nowhere, round in a circle, too far, or to what is nobody's."""

from __future__ import annotations

import pytest

MARKETPLACE = ".claude-plugin/marketplace.json"
POLICY = b'{"version": "1.0", "editors": [], "defaults": {"read": "*", "write": "editors"}}'
OUTSIDE = ["/etc/passwd", "../../../../etc/passwd", "../../../../../..", "/", "../../../../acme/p/skills/y"]
NOWHERE = ["gone.md", "../gone", "", "SKILL.md/", "SKILL.md/below", "./..../x", "a\0b", "gone\\windows"]


@pytest.mark.parametrize(
    ("target", "code"),
    [*((target, "symlink_outside") for target in OUTSIDE), *((t, "symlink_broken") for t in NOWHERE)],
)
def test_symlinks_that_lead_outside_or_nowhere(write, discovered, published, target, code):
    """Left out of the skill, which is served without it and is incomplete."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        "p/skills/x/SKILL.md": write.skill("x"),
        "p/skills/x/extra": write.link(target),
        "p/skills/y/SKILL.md": write.skill("y"),
    }
    found = discovered(files)
    assert found.paths == ["p:p/skills/x", "p:p/skills/y"]
    assert found.problems == [("p/skills/x/extra", code, None)]
    assert [skill.incomplete for skill in found.catalog.skills] == [True, False]
    assert list(published.served(files, "p", "p/skills/x")) == ["SKILL.md"]


def test_a_link_whose_target_is_not_utf_8(write, discovered):
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        "p/skills/x/SKILL.md": write.skill("x"),
        "p/skills/x/extra": write.link("-"),
    }
    leaf = files["p/skills/x/extra"]
    found = discovered({**files, "p/skills/x/extra": type(leaf)(b"gr\xf6\xdfe", leaf.mode)})
    assert found.problems == [("p/skills/x/extra", "symlink_broken", None)]


@pytest.mark.parametrize(
    ("links", "codes"),
    [
        ({"p/skills/x/loop": "."}, {"symlink_cycle"}),
        ({"p/skills/x/loop": ".."}, {"symlink_cycle"}),
        ({"p/skills/x/loop": "loop"}, {"symlink_cycle"}),
        ({"p/skills/x/a": "b", "p/skills/x/b": "a"}, {"symlink_cycle"}),
        ({"p/skills/x/a": "b", "p/skills/x/b": "c", "p/skills/x/c": "a"}, {"symlink_cycle"}),
        ({"p/skills/x/up": "../../..", "p/skills/x/SKILL2.md": "SKILL.md"}, {"symlink_cycle"}),
        ({"p/skills/x/d/back": "../../x"}, {"symlink_cycle"}),
        ({"p/skills/x/d": "../../e", "p/e/back": "../skills/x"}, {"symlink_cycle"}),
    ],
)
def test_symlink_cycles(write, discovered, published, links, codes):
    files = {MARKETPLACE: write.marketplace(write.entry("p", "./p")), "p/skills/x/SKILL.md": write.skill("x")}
    files |= {path: write.link(target) for path, target in links.items()}
    found = discovered(files)
    assert found.skill("p", "p/skills/x").incomplete
    assert {code for _, code, _ in found.problems} == codes
    assert {path for path, _, _ in found.problems} <= set(links)
    paths = published.served(files, "p", "p/skills/x")
    assert paths["SKILL.md"] == "p/skills/x/SKILL.md"
    assert not [path for path in paths if path.count("/loop") or path.count("/back")]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/etc/passwd", "symlink_outside"),
        ("../../../../x", "symlink_outside"),
        ("gone.md", "symlink_broken"),
        ("SKILL.md", "symlink_cycle"),
        ("../x", "symlink_broken"),
        (".", "symlink_broken"),
        ("../../../.skillport/access.json", "symlink_outside"),
    ],
)
def test_symlinks_that_are_skill_md_and_lead_to_no_file(write, discovered, target, code):
    """Then there is no skill; its neighbours stay."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p")),
            "p/skills/x/SKILL.md": write.link(target),
            "p/skills/y/SKILL.md": write.skill("y"),
            ".skillport/access.json": POLICY,
        }
    )
    assert found.paths == ["p:p/skills/y"]
    assert found.problems == [("p/skills/x/SKILL.md", code, None)]


@pytest.mark.parametrize("link", ["p", "p/skills", "p/skills/x"])
@pytest.mark.parametrize(
    ("target", "code"),
    [("/srv/skills", "symlink_outside"), ("../../../../..", "symlink_outside"), ("nowhere/at/all", "symlink_broken")],
)
def test_symlinks_on_the_way_to_a_skill_that_lead_to_no_directory(write, discovered, link, target, code):
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p"), write.entry("z", "./z")),
            link: write.link(target),
            "z/skills/sound/SKILL.md": write.skill("sound"),
        }
    )
    assert found.paths == ["z:z/skills/sound"]
    assert found.problems == [(link, code, None)]


@pytest.mark.parametrize("link", ["p", "p/skills", "p/skills/x"])
def test_symlinks_on_the_way_to_a_skill_that_lead_to_a_directory_without_one(write, discovered, link):
    """``.`` is where the link lies: a directory like any other, and no skill in it."""
    found = discovered({MARKETPLACE: write.marketplace(write.entry("p", "./p")), link: write.link(".")})
    assert found.skills == []
    assert [plugin.name for plugin in found.catalog.plugins] == ["p"]
    assert found.problems == []


def test_chains_of_links_are_followed_to_a_depth_and_no_further(write, discovered):
    """40 hops, as Linux; whoever has more has made a mistake."""
    for hops, incomplete in ((40, False), (41, True)):
        files = {
            MARKETPLACE: write.marketplace(write.entry("p", "./p")),
            "p/skills/x/SKILL.md": write.skill("x"),
            "p/skills/x/extra": write.link("../../chain/1"),
            f"p/chain/{hops}": b"the end",
        }
        files |= {f"p/chain/{n}": write.link(str(n + 1)) for n in range(1, hops)}
        [skill] = discovered(files).catalog.skills
        assert skill.incomplete is incomplete, hops


def test_link_trees_that_double_at_every_level_end(write, discovered, published):
    """Thirty directories of two links each would be a thousand million files."""
    files = {MARKETPLACE: write.marketplace(write.entry("p", "./p")), "p/skills/x/SKILL.md": write.skill("x")}
    files["p/skills/x/begin"] = write.link("../../d/0")
    for level in range(30):
        files[f"p/d/{level}/left"] = files[f"p/d/{level}/right"] = write.link(f"../{level + 1}")
    files["p/d/30/leaf.md"] = b"leaf"
    found = discovered(files)
    assert found.paths == ["p:p/skills/x"]
    assert found.skill("p", "p/skills/x").incomplete
    assert found.problems == [("p/skills/x/begin", "symlink_too_much", None)]
    assert len(published.served(files, "p", "p/skills/x")) <= 5_000


def test_a_skill_of_its_own_may_be_larger_than_what_links_may_add(write, discovered, published):
    """5,000 files is the bound of what links lead to; whoever commits more files has more files."""
    files = {MARKETPLACE: write.marketplace(write.entry("p", "./p")), "p/skills/x/SKILL.md": write.skill("x")}
    files |= {f"p/skills/x/{n}": b"%d" % n for n in range(5_100)}
    assert discovered(files).problems == []
    assert len(published.served(files, "p", "p/skills/x")) == 5_101
    linked = {**files, "p/skills/x/more": write.link("../../more.md"), "p/more.md": b"more"}
    assert discovered(linked).problems == [("p/skills/x/more", "symlink_too_much", None)]
    assert len(published.served(linked, "p", "p/skills/x")) == 5_101


def test_links_never_lead_to_the_access_policy(write, discovered, published):
    """Who may read what is not for readers: neither by its name, nor in its directory, nor in a copy of the whole tree."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        ".skillport/access.json": POLICY,
        ".skillport/notes.md": b"notes",
        "p/skills/x/SKILL.md": write.skill("x"),
        "p/skills/x/policy": write.link("../../../.skillport/access.json"),
        "p/skills/x/all": write.link("../../../.skillport"),
        "p/skills/x/tree": write.link("../../.."),
    }
    found = discovered(files)
    assert found.skill("p", "p/skills/x").incomplete
    assert found.problems == [
        ("p/skills/x/policy", "symlink_outside", None),
        ("p/skills/x/tree", "symlink_cycle", None),
    ]
    assert published.served(files, "p", "p/skills/x") == {
        "SKILL.md": "p/skills/x/SKILL.md",
        "all/notes.md": ".skillport/notes.md",
    }


@pytest.mark.parametrize("source", ["./", "./.skillport"])
def test_a_skill_around_the_access_policy_does_not_serve_it(write, published, source):
    """No link needed: the root of the repository may be a skill."""
    where = source.removeprefix("./")
    snapshot = published(
        {
            MARKETPLACE: write.marketplace(write.entry("p", source)),
            ".skillport/access.json": POLICY,
            f"{where}/SKILL.md".lstrip("/"): write.skill("root"),
        }
    )
    [skill] = snapshot.catalog.skills
    assert not [path for path, _ in snapshot.files_of(skill) if path.endswith("access.json")]


def test_a_link_to_what_may_not_be_published_is_broken(write, discovered):
    """A file whose name collides, or is no safe name, is not there: not through a link either."""
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        "p/skills/x/SKILL.md": write.skill("x"),
        "p/skills/x/one": write.link("../../lib/Readme.md"),
        "p/skills/x/two": write.link("../../lib/a\\b"),
        "p/lib/Readme.md": b"1",
        "p/lib/README.md": b"2",
        "p/lib/a\\b": b"3",
    }
    found = discovered(files)
    assert [row for row in found.problems if row[1].startswith("symlink")] == [
        ("p/skills/x/one", "symlink_broken", None),
        ("p/skills/x/two", "symlink_broken", None),
    ]
    assert found.skill("p", "p/skills/x").incomplete
