"""What real SKILL.md files say, and fail to say: every one of them stays a skill, and what is odd is told with its line."""

from __future__ import annotations

import pytest

MARKETPLACE = ".claude-plugin/marketplace.json"
SKILL_MD = "p/skills/made-up/SKILL.md"


@pytest.fixture
def told(write, discovered):
    """(name, description) of a skill with this SKILL.md, in a directory ``made-up``; and (code, line) of what was odd."""

    def read(content):
        found = discovered(
            {
                MARKETPLACE: write.marketplace(write.entry("p", "./p"), write.entry("q", "./q")),
                SKILL_MD: content,
                "q/skills/sound/SKILL.md": write.skill("sound"),
            }
        )
        assert found.skills[-1] == ("q", "q/skills/sound", "sound", None, "Does it.")
        assert {path for path, _, _ in found.problems} <= {SKILL_MD}
        [(_, _, name, _, description)] = found.skills[:-1]
        return (name, description), [(code, line) for _, code, line in found.problems]

    return read


# --- no frontmatter, or none that can be read --------------------------------------------------------------------------------


def test_no_frontmatter_at_all(told):
    """The directory gives the name and the first paragraph the description."""
    written = b"# Valuation\n\n![badge](x.svg)\n\nBuild a model\nfrom   filings.\n\nThen check it.\n"
    assert told(written) == (("made-up", "Build a model from filings."), [("frontmatter_missing", 1)])


@pytest.mark.parametrize(
    ("written", "description"),
    [
        (b"", ""),
        (b"\n\n\n", ""),
        (b"# Only a heading", "Only a heading"),
        (b"```\ncode\n```\n", ""),
        (b"- a list\n- of things", "- a list - of things"),
        (b"<!-- a comment -->\nText.", "Text."),
        ("Größe wählen 🙂\n".encode(), "Größe wählen 🙂"),
    ],
)
def test_no_frontmatter_and_hardly_a_body(told, written, description):
    assert told(written) == (("made-up", description), [("frontmatter_missing", 1)])


@pytest.mark.parametrize("before", [b"\n", b" ", b"<!-- licence -->\n", b"\n\n\n"])
def test_frontmatter_not_first(told, before):
    """As in Claude Code: the block is part of the body. Its lines are not taken for the first paragraph's."""
    (name, _), problems = told(before + b"---\nname: other\ndescription: Other.\n---\nBody.\n")
    assert name == "made-up"
    assert problems == [("frontmatter_missing", 1)]


@pytest.mark.parametrize(
    "written", [b"---\nname: other\ndescription: Other.\n", b"---\n", b"---\nname: other\n--\nBody.\n"]
)
def test_frontmatter_unterminated(told, written):
    (name, _), problems = told(written)
    assert name == "made-up"
    assert problems == [("frontmatter_unterminated", 1)]


def test_frontmatter_ends_at_the_first_three_dashes_even_inside_a_value(told):
    """What Claude Code matches; the rest of the value belongs to the body."""
    assert told(b"---\nname: early\ndescription: before --- after\n---\nBody.\n") == (("early", "before"), [])


# --- YAML that strict readers refuse -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "description"),
    [
        ("description: Use when: somebody asks", "Use when: somebody asks"),
        ("description: `code` first", "`code` first"),
        ("description: @mention and more", "@mention and more"),
        ("description: *emphasis* of things", "*emphasis* of things"),
        ("description: [WIP] not a list", "[WIP] not a list"),
        ('description: "quoted" and then not', '"quoted" and then not'),
        ("description: 100% sure: yes", "100% sure: yes"),
    ],
)
def test_yaml_that_pyyaml_refuses_is_read_with_the_quoting_retry(told, line, description):
    written = f"---\nname: lenient\n{line}\n---\nBody.\n".encode()
    assert told(written) == (("lenient", description), [("frontmatter_repaired", 3)])


def test_yaml_with_tabs_is_read_with_the_tabs_replaced(told):
    (name, description), problems = told(
        b"---\nname: tabbed\ndescription: Does it.\nmetadata:\n\tauthor: Ada\n---\nBody.\n"
    )
    assert (name, description) == ("tabbed", "Does it.")
    assert [code for code, _ in problems] == ["frontmatter_repaired"]


@pytest.mark.parametrize(
    ("block", "line"),
    [
        (b"name: x\n  description: y\n a: b", 3),
        (b"name: x\ndescription:\n  - one\n two", 5),
        (b"{\n", 4),
        (b"name: x\n{{ template }}", 4),
    ],
)
def test_yaml_that_nothing_helps_counts_as_empty_and_the_body_loads(told, block, line):
    written = b"---\n" + block + b"\n---\nThe body.\n"
    assert told(written) == (("made-up", "The body."), [("frontmatter_invalid", line)])


def test_duplicate_keys(told):
    """The last one counts; the line is that of the second."""
    written = b"---\nname: first\ndescription: Does it.\nname: second\n---\nBody.\n"
    assert told(written) == (("second", "Does it."), [("frontmatter_duplicate_key", 4)])


def test_frontmatter_of_another_shape(told):
    assert told(b"---\n- a\n- b\n---\nThe body.\n") == (("made-up", "The body."), [("frontmatter_not_a_mapping", 2)])
    assert told(b"---\njust a text\n---\nThe body.\n") == (("made-up", "The body."), [("frontmatter_not_a_mapping", 2)])
    assert told(b"---\n---\nThe body.\n")[0] == ("made-up", "The body.")


def test_yaml_aliases_are_not_expanded(told):
    """A few hundred bytes of them are gigabytes. On one line they are text after the retry, elsewhere they are refused."""
    bomb = ["k0: &k0 [x]", *(f"k{n}: &k{n} [{','.join([f'*k{n - 1}'] * 9)}]" for n in range(1, 30))]
    found, problems = told("\n".join(["---", *bomb, "---", "The body."]).encode())
    assert found == ("made-up", "The body.")
    assert ("frontmatter_repaired", 3) in problems
    lines = ["---", "a: &a", "  - x", "b:", "  - *a", "---", "The body."]
    assert told("\n".join(lines).encode()) == (("made-up", "The body."), [("frontmatter_alias", 5)])


# --- values that are not what they should be ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected", "codes"),
    [
        (["name: nameless"], ("nameless", "Body."), ["skill_description_missing"]),
        (["name: empty", "description:"], ("empty", "Body."), ["skill_description_missing"]),
        (["name: empty", 'description: ""'], ("empty", "Body."), ["skill_description_missing"]),
        (["name: listed", "description: [a, b]"], ("listed", "Body."), ["skill_description_invalid"]),
        (["name: mapped", "description: {a: b}"], ("mapped", "Body."), ["skill_description_invalid"]),
    ],
)
def test_no_description_or_one_that_is_not_usable(told, write, lines, expected, codes):
    found, problems = told(write.skill(None, None, *lines))
    assert found == expected
    assert [code for code, _ in problems if code in codes] == codes


@pytest.mark.parametrize(
    ("line", "expected", "code"),
    [
        ("name: 2024", ("2024", "Does it."), "skill_name_invalid"),
        ("name: 1.10", ("1.1", "Does it."), "skill_name_invalid"),
        ("name: true", ("true", "Does it."), "skill_name_invalid"),
        ("name: [a]", ("made-up", "Does it."), "skill_name_invalid"),
        ("name: {a: b}", ("made-up", "Does it."), "skill_name_invalid"),
    ],
)
def test_non_string_values_in_the_name(told, write, line, expected, code):
    found, problems = told(write.skill(None, "Does it.", line))
    assert found == expected
    assert [told_code for told_code, _ in problems] == [code]


@pytest.mark.parametrize(
    "line", ['name: "bell\\a"', 'name: "two\\nlines"', 'name: "\\u202Eright to left"', "name: " + "n" * 257]
)
def test_a_name_that_is_no_line_of_text_gives_way_to_the_directorys(told, write, line):
    assert told(write.skill(None, "Does it.", line)) == (("made-up", "Does it."), [("skill_name_invalid", 1)])


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("description: 7", "7"),
        ("description: 1.5", "1.5"),
        ("description: false", "false"),
        ("description: yes", "yes"),
    ],
)
def test_non_string_values_in_the_description(told, write, line, meant):
    (_, description), problems = told(write.skill("typed", None, line))
    assert description == meant
    assert [code for code, _ in problems] == ([] if meant == "yes" else ["skill_description_invalid"])


def test_values_are_those_of_yaml_1_2(write, discovered):
    """No word of English is a boolean, no time of day a number, no date an object: frontmatter is served as JSON."""
    lines = ["on: yes", "country: NO", "at: 12:30", "since: 2024-01-01", "octal: 010", "v: 1.20"]
    files = {MARKETPLACE: write.marketplace(write.entry("p", "./p")), SKILL_MD: write.skill("n", "d", *lines)}
    [skill] = discovered(files).catalog.skills
    assert skill.frontmatter == {
        "name": "n", "description": "d", "on": "yes", "country": "NO", "at": "12:30", "since": "2024-01-01", "octal": 10,
        "v": 1.2,
    }  # fmt: skip


# --- what other surfaces refuse, and Claude Code does not ----------------------------------------------------------------------


@pytest.mark.parametrize("length", [1024, 1025, 1068, 1929, 20_000])
def test_description_longer_than_1024(told, write, length):
    """Kept whole: one line where it has to be short is the asker's business."""
    description = ("word " * length)[:length].strip()
    assert told(write.skill("long", description)) == (("long", description), [])


def test_angle_brackets_in_description(told, write):
    description = "Turns <details> into prose, for a < b > c."
    assert told(write.skill("tags", description)) == (("tags", description), [])


@pytest.mark.parametrize("name", ["claude-api", "anthropic-brand", "claude"])
def test_claude_or_anthropic_in_name(told, write, name):
    assert told(write.skill(name)) == ((name, "Does it."), [])


def test_extra_frontmatter_keys(write, discovered):
    """Kept as they are, whoever wrote them; a version there is not the skill's version."""
    lines = ["version: 9.9.9", "author: Ada", "origin: elsewhere", "created: 2025-01-01", "license: MIT", "ünüsüal: ja"]
    files = {MARKETPLACE: write.marketplace(write.entry("p", "./p")), SKILL_MD: write.skill("extra", "d", *lines)}
    found = discovered(files)
    [skill] = found.catalog.skills
    assert list(skill.frontmatter) == [
        "name",
        "description",
        "version",
        "author",
        "origin",
        "created",
        "license",
        "ünüsüal",
    ]
    assert skill.version is None
    assert found.problems == []


def test_allowed_tools_as_a_list_and_not_a_string(write, discovered):
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        "p/skills/a/SKILL.md": write.skill("a", "d", "allowed-tools: [Read, Bash(git:*)]"),
        "p/skills/b/SKILL.md": write.skill("b", "d", "allowed-tools:", "  - Read", "  - Grep"),
        "p/skills/c/SKILL.md": write.skill("c", "d", "allowed-tools: Read, Grep"),
    }
    found = discovered(files)
    tools = [skill.frontmatter["allowed-tools"] for skill in found.catalog.skills]
    assert tools == [["Read", "Bash(git:*)"], ["Read", "Grep"], "Read, Grep"]
    assert found.problems == []


def test_metadata_that_is_not_a_map(write, discovered):
    files = {
        MARKETPLACE: write.marketplace(write.entry("p", "./p")),
        "p/skills/a/SKILL.md": write.skill("a", "d", "metadata: plain"),
        "p/skills/b/SKILL.md": write.skill("b", "d", "metadata: [1, 2]"),
        "p/skills/c/SKILL.md": write.skill("c", "d", 'metadata: {"deep": {"er": [1]}}'),
    }
    found = discovered(files)
    metadata = [skill.frontmatter["metadata"] for skill in found.catalog.skills]
    assert metadata == ["plain", [1, 2], {"deep": {"er": [1]}}]
    assert found.problems == []


# --- bytes -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_crlf_and_bom(told, write, mark, ending):
    written = mark + write.skill("windows", "Größe: nein".replace(":", ",")).replace(b"\n", ending)
    assert told(written) == (("windows", "Größe, nein"), [])


def test_non_utf_8_skill_md(told):
    """Latin-1 in the frontmatter is shown with what cannot be read marked, and told; in the body it harms nobody."""
    (name, description), problems = told(b"---\nname: latin\ndescription: Gr\xf6\xdfe\n---\nBody.\n")
    assert (name, description) == ("latin", "Gr\ufffd\ufffde")
    assert problems == [("frontmatter_not_utf8", 3)]
    assert told(b"---\nname: latin\ndescription: Size.\n---\nGr\xf6\xdfe.\n") == (("latin", "Size."), [])


def test_utf_16_and_binary_skill_md(told):
    for written in ("---\nname: wide\n---\n".encode("utf-16"), b"\x00\x01\x02" * 50, b"PK\x03\x04"):
        (name, _), problems = told(written)
        assert name == "made-up"
        assert problems == [("frontmatter_missing", 1)]


@pytest.mark.parametrize("spelling", ["skill.md", "SKILL.MD", "Skill.md"])
def test_case_variants_of_skill_md(write, discovered, spelling):
    """Served, because people look for it here; told, because Claude Code does not load it."""
    path = f"p/skills/odd/{spelling}"
    found = discovered({MARKETPLACE: write.marketplace(write.entry("p", "./p")), path: write.skill("odd")})
    assert found.skills == [("p", "p/skills/odd", "odd", None, "Does it.")]
    assert found.catalog.skills[0].skill_md == path
    assert found.problems == [(path, "skill_md_case", None)]


def test_two_case_variants_in_one_directory_collide_and_the_skill_is_none(write, discovered):
    """On half of all computers one would replace the other: which one is not for us to decide."""
    found = discovered(
        {
            MARKETPLACE: write.marketplace(write.entry("p", "./p")),
            "p/skills/odd/SKILL.md": write.skill("one"),
            "p/skills/odd/skill.md": write.skill("two"),
            "p/skills/fine/SKILL.md": write.skill("fine"),
        }
    )
    assert found.paths == ["p:p/skills/fine"]
    assert found.problems == [
        ("p/skills/odd/SKILL.md", "path_collision", None),
        ("p/skills/odd/skill.md", "path_collision", None),
    ]


@pytest.mark.parametrize("size", [190_000, 294_000, 999_999])
def test_skill_md_larger_than_100_kb(told, write, size):
    written = write.skill("large", "Does it.", body="x" * size)[:size]
    assert told(written) == (("large", "Does it."), [])


def test_a_skill_md_that_claude_code_is_too_small_for(told, write):
    assert told(write.skill("huge", body="x" * 1_000_000)) == (("huge", "Does it."), [("skill_md_too_large", None)])


def test_frontmatter_larger_than_is_read(told, write):
    """A block of 70 kB is no frontmatter that anybody meant: it counts as empty, and so the directory gives the name."""
    (name, _), problems = told(write.skill("fat", "x" * 70_000))
    assert name == "made-up"
    assert problems == [("frontmatter_too_large", 1)]


def test_a_body_of_carriage_returns_alone_is_read_in_linear_time(told):
    assert told(b"---\rname: mac\r---\rBody.\r" * 1000)[0][0] == "made-up"
