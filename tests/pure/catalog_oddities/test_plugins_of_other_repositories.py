"""Plugins whose files lie in another repository: which are followed, which are only named, and which cannot be reached."""

from __future__ import annotations

import pytest

from skillport_sync.catalog.sources import wanted_sources

MARKETPLACE = ".claude-plugin/marketplace.json"
SHA = "0123456789abcdef0123456789abcdef01234567"
TOOLS = {"source": "github", "repo": "acme/tools"}


@pytest.fixture
def tools(write):
    """The files of a repository that is one plugin."""
    return {
        ".claude-plugin/plugin.json": write.plugin_json("tools", version="4.0.0"),
        "skills/saw/SKILL.md": write.skill("saw"),
        "skills/saw/blade.md": b"sharp",
    }


def wishes(content, *, host="github.com", repository="acme/skills"):
    """key → (repository, ref, sha, directories) of what would have to be mirrored."""
    return {
        wish.key: (wish.repository, wish.ref, wish.sha, wish.directories)
        for wish in wanted_sources(content, host=host, repository=repository)
    }


# --- followed ---------------------------------------------------------------------------------------------------------------


def test_a_github_source(write, discovered, tools):
    files = {
        MARKETPLACE: write.marketplace(write.entry("tools", TOOLS), write.entry("own", "./own")),
        "own/skills/x/SKILL.md": write.skill("x"),
    }
    found = discovered(files, {"acme/tools@HEAD": tools})
    assert found.skills == [
        ("own", "own/skills/x", "x", None, "Does it."),
        ("tools", "skills/saw", "saw", "4.0.0", "Does it."),
    ]
    assert found.problems == []
    assert [(plugin.name, plugin.source, plugin.directory) for plugin in found.catalog.plugins] == [
        ("own", "", "own"), ("tools", "acme/tools@HEAD", "")
    ]  # fmt: skip
    assert wishes(files[MARKETPLACE]) == {"acme/tools@HEAD": ("acme/tools", None, None, ("",))}


@pytest.mark.parametrize(
    ("source", "key", "wish"),
    [
        (TOOLS | {"ref": "v2"}, "acme/tools@v2", ("acme/tools", "v2", None, ("",))),
        (TOOLS | {"sha": SHA}, f"acme/tools@{SHA}", ("acme/tools", None, SHA, ("",))),
        ({"source": "github", "repo": "Acme/Tools"}, "acme/tools@HEAD", ("Acme/Tools", None, None, ("",))),
        ({"source": "url", "url": "https://github.com/acme/tools"}, "acme/tools@HEAD", ("acme/tools", None, None, ("",))),
        ({"source": "url", "url": "https://github.com/acme/tools.git"}, "acme/tools@HEAD", ("acme/tools", None, None, ("",))),
        ({"source": "url", "url": "git@github.com:acme/tools.git"}, "acme/tools@HEAD", ("acme/tools", None, None, ("",))),
        ({"source": "url", "url": "ssh://git@github.com/acme/tools.git"}, "acme/tools@HEAD", ("acme/tools", None, None, ("",))),
        ({"source": "url", "url": "https://GitHub.com/acme/tools/", "ref": "main"}, "acme/tools@main",
         ("acme/tools", "main", None, ("",))),
        ({"source": "git-subdir", "url": "https://github.com/acme/tools", "path": "kits/saw"}, "acme/tools@HEAD",
         ("acme/tools", None, None, ("kits/saw",))),
        ({"source": "git-subdir", "url": "acme/tools", "path": "kits/saw"}, "acme/tools@HEAD",
         ("acme/tools", None, None, ("kits/saw",))),
    ],
)  # fmt: skip
def test_every_form_of_a_source_that_is_followed(write, discovered, tools, source, key, wish):
    content = write.marketplace(write.entry("tools", source))
    assert wishes(content) == {key: wish}
    below = f"{wish[3][0]}/".lstrip("/")
    found = discovered({MARKETPLACE: content}, {key: {below + path: its for path, its in tools.items()}})
    assert found.skills == [("tools", f"{below}skills/saw", "saw", "4.0.0", "Does it.")]
    assert found.problems == []


def test_sha_wins_over_ref(write):
    content = write.marketplace(write.entry("tools", TOOLS | {"ref": "main", "sha": SHA}))
    [(key, (repository, _, sha, _))] = wishes(content).items()
    assert (key, repository, sha) == (f"acme/tools@{SHA}", "acme/tools", SHA)


def test_one_repository_in_two_states_and_two_directories_of_one_state(write):
    """One mirror a state, with all that anybody wants of it."""
    subdir = {"source": "git-subdir", "url": "https://github.com/acme/tools"}
    content = write.marketplace(
        write.entry("a", subdir | {"path": "kits/b"}),
        write.entry("b", subdir | {"path": "./kits/a/"}),
        write.entry("c", TOOLS | {"ref": "v1"}),
        write.entry("d", TOOLS | {"ref": "v1"}),
    )
    assert wishes(content) == {
        "acme/tools@HEAD": ("acme/tools", None, None, ("kits/a", "kits/b")),
        "acme/tools@v1": ("acme/tools", "v1", None, ("",)),
    }


def test_a_source_on_the_configured_host_of_an_enterprise(write):
    url = {"source": "url", "url": "https://git.acme.example/acme/tools.git"}
    content = write.marketplace(write.entry("a", url), write.entry("b", TOOLS))
    assert list(wishes(content, host="git.acme.example")) == ["acme/tools@HEAD"]
    assert [wish[0] for wish in wishes(content, host="github.com").values()] == ["acme/tools"]


@pytest.mark.parametrize(
    "source", [{"source": "github", "repo": "acme/skills"}, {"source": "github", "repo": "ACME/Skills"}]
)
def test_a_source_that_names_the_marketplaces_own_repository_is_no_second_mirror(write, discovered, source):
    files = {
        MARKETPLACE: write.marketplace(write.entry("self", source, skills="./own/skills")),
        "own/skills/x/SKILL.md": write.skill("x"),
    }
    assert wishes(files[MARKETPLACE]) == {}
    found = discovered(files)
    assert found.skills == [("self", "own/skills/x", "x", None, "Does it.")]
    assert found.catalog.plugins[0].source == ""


def test_a_source_cycle_between_marketplaces(write, discovered):
    """Each takes a plugin from the other: what is another's is only its files, never its marketplace.json."""
    other = {
        MARKETPLACE: write.marketplace(
            write.entry("back", {"source": "github", "repo": "acme/skills"}),
            write.entry("third", {"source": "github", "repo": "acme/third"}),
            write.entry("hidden", "./elsewhere"),
        ),
        "skills/y/SKILL.md": write.skill("y"),
        "elsewhere/skills/z/SKILL.md": write.skill("z"),
    }
    content = write.marketplace(write.entry("theirs", TOOLS))
    assert list(wishes(content)) == ["acme/tools@HEAD"]
    found = discovered({MARKETPLACE: content}, {"acme/tools@HEAD": other})
    assert found.paths == ["theirs:skills/y"]
    assert [plugin.name for plugin in found.catalog.plugins] == ["theirs"]


def test_a_broken_marketplace_json_of_another_repository_is_nobodys(write, discovered, tools):
    content = write.marketplace(write.entry("tools", TOOLS))
    found = discovered({MARKETPLACE: content}, {"acme/tools@HEAD": {**tools, MARKETPLACE: b"{"}})
    assert found.paths == ["tools:skills/saw"]


def test_problems_in_the_files_of_another_repository_say_whose_they_are(write, discovered):
    content = write.marketplace(write.entry("tools", TOOLS))
    theirs = {
        ".claude-plugin/plugin.json": write.plugin_json("tools", author="Ada"),
        "skills/a/SKILL.md": b"No frontmatter.\n",
        "skills/b/SKILL.md": write.link("../../gone.md"),
    }
    found = discovered({MARKETPLACE: content}, {"acme/tools@HEAD": theirs})
    assert found.skills == [("tools", "skills/a", "a", None, "No frontmatter.")]
    assert found.problems == [
        ("acme/tools@HEAD:.claude-plugin/plugin.json", "field_wrong_type", 3),
        ("acme/tools@HEAD:skills/a/SKILL.md", "frontmatter_missing", 1),
        ("acme/tools@HEAD:skills/b/SKILL.md", "symlink_broken", None),
    ]


def test_a_plugin_at_the_root_of_another_repository_keeps_the_scan_beside_its_list(write, discovered):
    """A list replaces the scan at the marketplace's root only; at another repository's root it comes on top."""
    content = write.marketplace(write.entry("tools", TOOLS, skills=["./more"]))
    theirs = {"skills/a/SKILL.md": write.skill("a"), "more/b/SKILL.md": write.skill("b")}
    found = discovered({MARKETPLACE: content}, {"acme/tools@HEAD": theirs})
    assert found.paths == ["tools:more/b", "tools:skills/a"]


def test_the_same_paths_in_two_repositories_are_two_skills(write, discovered, published):
    content = write.marketplace(write.entry("own", "./"), write.entry("tools", TOOLS))
    files = {MARKETPLACE: content, "skills/x/SKILL.md": write.skill("x"), "skills/x/a.md": b"own"}
    theirs = {"acme/tools@HEAD": {"skills/x/SKILL.md": write.skill("x", "Theirs."), "skills/x/b.md": b"theirs"}}
    found = discovered(files, theirs)
    assert found.skills == [
        ("own", "skills/x", "x", None, "Does it."),
        ("tools", "skills/x", "x", None, "Theirs."),
    ]
    snapshot = published(files, theirs)
    own, other = snapshot.catalog.skills
    assert [path for path, _ in snapshot.files_of(own)] == ["SKILL.md", "a.md"]
    assert [path for path, _ in snapshot.files_of(other)] == ["SKILL.md", "b.md"]
    assert [skill.label for skill in snapshot.skills_named("x")] == ["own/x", "tools/x"]


@pytest.mark.parametrize("target", ["../../../skills-of-the-marketplace/x", "../../../../etc/passwd", "/x"])
def test_links_of_another_repository_stay_in_it(write, discovered, tools, target):
    content = write.marketplace(write.entry("tools", TOOLS))
    theirs = {**tools, "skills/saw/extra": write.link(target)}
    found = discovered(
        {MARKETPLACE: content, "skills-of-the-marketplace/x/SKILL.md": write.skill("x")}, {"acme/tools@HEAD": theirs}
    )
    assert found.problems == [
        ("acme/tools@HEAD:skills/saw/extra", "symlink_outside", None),
        ("skills-of-the-marketplace/x/SKILL.md", "skill_unreachable", None),
    ]
    assert found.skill("tools", "skills/saw").incomplete


@pytest.mark.parametrize("target", ["../../../shared", "../../../shared/notes.md"])
def test_links_out_of_what_is_wanted_of_another_repository_lead_nowhere(write, published, target):
    """Of a ``git-subdir`` only the directory is there, for Claude Code too: the skill is not whole, and it is said."""
    source = {"source": "git-subdir", "url": "https://github.com/acme/tools", "path": "kits"}
    theirs = {
        "kits/skills/saw/SKILL.md": write.skill("saw"),
        "kits/skills/saw/extra": write.link(target),
        "shared/notes.md": b"notes",
    }
    snapshot = published(
        {MARKETPLACE: write.marketplace(write.entry("tools", source))},
        {"acme/tools@HEAD": theirs},
        directories=("kits",),
    )
    [skill] = snapshot.catalog.skills
    assert skill.incomplete
    assert [path for path, _ in snapshot.files_of(skill)] == ["SKILL.md"]
    assert [(problem.source, problem.path, problem.code) for problem in snapshot.problems] == [
        ("acme/tools@HEAD", "kits/skills/saw/extra", "symlink_broken")
    ]


def test_access_json_of_another_repository_is_no_policy_and_is_not_served(write, published, tools):
    theirs = {**tools, ".skillport/access.json": b"{", "SKILL.md": write.skill("root")}
    content = write.marketplace(write.entry("tools", TOOLS, skills=["./"]))
    snapshot = published({MARKETPLACE: content}, {"acme/tools@HEAD": theirs})
    for skill in snapshot.catalog.skills:
        assert not [path for path, _ in snapshot.files_of(skill) if "access.json" in path]


# --- not reached ------------------------------------------------------------------------------------------------------------


def test_an_external_repository_that_vanished(write, discovered):
    """Left out, told at its line of marketplace.json; when it was mirrored before, the mirror hands its last commit in."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("own", "./own"), write.entry("tools", TOOLS)),
            "own/skills/x/SKILL.md": write.skill("x"),
        }
    )
    assert found.paths == ["own:own/skills/x"]
    assert found.problems == [(MARKETPLACE, "source_unavailable", 6)]
    assert found.problem("source_unavailable").severity == "error"


def test_a_directory_that_another_repository_does_not_have(write, discovered, tools):
    source = {"source": "git-subdir", "url": "https://github.com/acme/tools", "path": "kits/gone"}
    found = discovered({MARKETPLACE: write.marketplace(write.entry("tools", source))}, {"acme/tools@HEAD": tools})
    assert found.skills == []
    assert found.problems == [("acme/tools@HEAD:kits/gone", "source_missing", None)]


@pytest.mark.parametrize(
    "source",
    [
        {"source": "npm", "package": "@acme/tools"},
        {"source": "npm", "package": "tools", "version": "1.0.0", "registry": "https://npm.acme.example"},
        {"source": "archive", "url": "https://files.acme.example/tools.zip", "sha256": "0" * 64},
        {"source": "command", "command": "make tools", "timeout": 10},
        {"source": "url", "url": "https://gitlab.com/acme/tools.git"},
        {"source": "url", "url": "git@git.elsewhere.example:acme/tools.git"},
        {"source": "git-subdir", "url": "https://bitbucket.org/acme/tools", "path": "x"},
        {"source": "url", "url": "https://github.com.evil.example/acme/tools"},
        {"source": "url", "url": "https://evil.example/github.com/acme/tools"},
        {"source": "url", "url": "https://github.com@evil.example/acme/tools"},
        {"source": "url", "url": "http://169.254.169.254/acme/tools"},
        {"source": "url", "url": "file:///srv/git/acme/tools"},
        {"source": "url", "url": "https://github.com/acme/tools/extra"},
        {"source": "url", "url": "https://github.com/acme/../other"},
        {"source": "url", "url": "ext::sh -c whoami"},
    ],
)
def test_npm_archive_command_and_foreign_hosts_are_named_and_never_fetched(write, discovered, source):
    content = write.marketplace(write.entry("own", "./own"), write.entry("tools", source))
    assert wishes(content) == {}
    found = discovered({MARKETPLACE: content, "own/skills/x/SKILL.md": write.skill("x")})
    assert found.paths == ["own:own/skills/x"]
    assert found.problems == [(MARKETPLACE, "source_not_fetched", 6)]
    assert found.problem("source_not_fetched").severity == "info"


@pytest.mark.parametrize(
    "source",
    [
        {"source": "github"}, {"source": "github", "repo": 5}, {"source": "github", "repo": "acme"},
        {"source": "github", "repo": "acme/tools/extra"}, {"source": "github", "repo": "../tools"}, TOOLS | {"sha": "abc"},
        TOOLS | {"sha": SHA.upper()}, TOOLS | {"ref": "a..b"}, TOOLS | {"ref": "-x"}, TOOLS | {"ref": 1}, TOOLS | {"ref": ""},
        {"source": "url"}, {"source": "url", "url": ["x"]},
        {"source": "git-subdir", "url": "https://github.com/acme/tools"},
        {"source": "git-subdir", "url": "https://github.com/acme/tools", "path": "../up"},
        {"source": "git-subdir", "url": "https://github.com/acme/tools", "path": ""},
        {"source": "svn", "url": "https://github.com/acme/tools"}, {"url": "https://github.com/acme/tools"},
    ],
)  # fmt: skip
def test_a_source_that_says_nothing_hides_only_its_own_entry(write, discovered, source):
    content = write.marketplace(write.entry("own", "./own"), write.entry("tools", source))
    assert wishes(content) == {}
    found = discovered({MARKETPLACE: content, "own/skills/x/SKILL.md": write.skill("x")})
    assert found.paths == ["own:own/skills/x"]
    assert found.problems == [(MARKETPLACE, "source_invalid", 6)]


def test_credentials_in_a_source_are_never_repeated(write, discovered):
    for url in (
        "https://ada:hunter2@git.elsewhere.example/acme/tools?token=hunter2",
        "https://hunter2@github.com/acme/tools/extra",
        "hunter2@host.example:acme/tools#hunter2",
    ):
        found = discovered({MARKETPLACE: write.marketplace(write.entry("tools", {"source": "url", "url": url}))})
        assert found.problems
        assert "hunter2" not in repr(found.catalog)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"plugins": 5}', b"\xff\xfe", b"[" * 100_000])
def test_an_unreadable_marketplace_json_wants_nothing(content):
    assert wanted_sources(content, host="github.com", repository="acme/skills") == ()
