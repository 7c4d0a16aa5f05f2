"""A package is what claude.ai takes, whatever the skill was: its rules are written down here a second time."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mcp_server.install.package import MAX_BYTES, NotPackageable, Packaged, Rewrite, SkillFile, package
from mcp_server.install.package_name import upload_name
from skillport_sync.catalog.frontmatter import read_frontmatter
from skillport_sync.git.objects import BlobId

BLOB = BlobId("b" * 40)
FINE = (
    b"---\nname: pdf\ndescription: Fills in forms. Use it for PDF.\nlicense: MIT\n---\n\n# PDF\n\nDo it --- well.\r\n"
)

# What the upload matches, and what Claude Code does.
UPLOAD = re.compile(r"^---\n(.*?)\n---", re.DOTALL)
CLAUDE_CODE = re.compile(r"^---\s*\n([\s\S]*?)---\s*\n?")
ALLOWED = {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}


def packed(name: str, skill_md: bytes, *others: SkillFile) -> Packaged:
    made = package(name, [SkillFile("SKILL.md", BLOB, len(skill_md), False), *others], skill_md)
    assert isinstance(made, Packaged)
    return made


def skill_md_of(made: Packaged) -> bytes:
    (found,) = [member.content for member in made.members if member.path == f"{made.name}/SKILL.md"]
    assert isinstance(found, bytes)
    return found


def yaml_1_1(text: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about numbers that it finds odd
        return reader.load(text)


def frontmatter_of(made: Packaged) -> dict[str, Any]:
    matched = UPLOAD.match(skill_md_of(made).decode())
    assert matched is not None
    values = yaml_1_1(matched[1])
    assert isinstance(values, dict)
    return values


def codes(made: Packaged) -> list[str]:
    return [rewrite.code for rewrite in made.rewrites]


def assert_an_upload_takes(made: Packaged) -> None:
    """The published rules: agentskills.io/specification, the Skills API's documentation, claude.ai's messages."""
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", made.name)
    assert len(made.name) <= 64
    assert "claude" not in made.name
    assert "anthropic" not in made.name
    paths = [member.path for member in made.members]
    assert len(set(map(str.lower, paths))) == len(paths)
    assert {path.split("/")[0] for path in paths} == {made.name}
    assert [path for path in paths if path.lower().endswith("/skill.md")] == [f"{made.name}/SKILL.md"]
    assert not {".claude-plugin", "__pycache__", "node_modules", ".mcp.json", ".DS_Store"} & set(
        "/".join(paths).split("/")
    )
    assert made.size_bytes <= MAX_BYTES
    text = skill_md_of(made).decode()
    values = frontmatter_of(made)
    assert set(values) <= ALLOWED
    assert values["name"] == made.name
    assert isinstance(values["description"], str)
    assert 1 <= len(values["description"].strip()) <= len(values["description"]) <= 1024
    assert not set("<>") & set(values["description"])
    assert all(isinstance(values.get(key, ""), str) for key in ALLOWED - {"metadata"})
    assert len(values.get("compatibility", "")) <= 500
    assert all(isinstance(each, str) for pair in values.get("metadata", {}).items() for each in pair)
    ends = CLAUDE_CODE.match(text)
    upload = UPLOAD.match(text)
    assert ends is not None
    assert upload is not None
    assert ends[1].strip() == upload[1].strip()
    its_own = read_frontmatter(text.encode())
    assert not its_own.problems
    assert {key: _trimmed(value) for key, value in its_own.values.items()} == {
        key: _trimmed(value) for key, value in values.items()
    }


def _trimmed(value: object) -> object:
    """The upload's pattern takes the last line break away, which may belong to a text."""
    return value.rstrip() if isinstance(value, str) else value


def body_of(skill_md: bytes) -> bytes:
    """From the first line after the frontmatter on."""
    skill_md = skill_md.removeprefix(b"\xef\xbb\xbf")
    opened = re.match(rb"---[^\S\n]*\n", skill_md)
    closed = skill_md.find(b"---", opened.end()) if opened else -1
    return skill_md if closed < 0 else re.sub(rb"\A[ \t]*(\r?\n|\Z)", b"", skill_md[closed + 3 :], count=1)


WORDS = st.sampled_from(
    ["yes", "no", "on", "~", "null", "010", "1_000", "12:30", "1.0", "1.10", "1e3", ".nan", "2024-01-01", "=", "<<", "Use when",
     "a: b", "a #b", "#a", "[x", "[x, y]", "{x: y}", "'q'", '""', "it's", '"a\\nb"', "&x y", "*x", "!t x", "!!str 1", "| x", ">",
     "%a", "@a", "- a", "? a", "é", "日本", "😀", "\u00a0", "\u2028", "\x85", "\t", "\ufeff", "a --- b", "----", "<b>", "claude",
     "x" * 1100, ""]
)  # fmt: skip
VALUES = st.one_of(
    WORDS,
    st.lists(WORDS, max_size=3).map(" ".join),
    st.text(max_size=20),
    st.sampled_from(["|", ">-", "|2"]).flatmap(lambda head: WORDS.map(lambda word: f"{head}\n  {word}\n  b")),
    st.lists(WORDS, max_size=3).map(lambda words: "".join(f"\n  - {word}" for word in words)),
    st.lists(WORDS, max_size=2).map(lambda words: "".join(f"\n  {word}: {word}" for word in words)),
)
LINES = st.builds(
    lambda key, value: f"{key}: {value}",
    st.sampled_from([*ALLOWED, "version", "author", "when_to_use", "yes", "1", "<<", "metadata-2"]),
    VALUES,
)
FENCES = st.sampled_from(["---\n", "--- \n", "---\r\n", "---", "----\n", "\n", "--- x\n"])


def skill_md(mark: str, opening: str, usual: str, lines: list[str], closing: str, body: str, crlf: bool) -> bytes:
    text = mark + opening + usual + "\n".join(lines) + "\n" + closing + body
    return text.replace("\n", "\r\n" if crlf else "\n").encode("utf-8", "replace")


SKILL_MDS = st.one_of(
    st.text().map(str.encode),
    st.builds(
        skill_md,
        st.sampled_from(["", "", "", "\ufeff", "\n"]),
        st.sampled_from(["---\n", "---\n", "---\n", "--- \n", "---\n\n"]),
        st.sampled_from(
            ["", "name: pdf\ndescription: Use it.\n", "name: pdf\ndescription: Use it.\n", "# a comment\n"]
        ),
        st.lists(LINES, max_size=3),
        st.one_of(st.just("---\n"), FENCES),
        st.sampled_from(["", "\n# PDF\n\nBody\n", "Body --- end", "---\n", "\r\nx"]),
        st.sampled_from([False, False, False, True]),
    ),
)
NAMES = st.one_of(st.just("pdf"), st.text(max_size=80), st.text("acdeluhnoprti-_ C", max_size=80))
PARTS = [
    "SKILL.md",
    "skill.md",
    "nested-skill.md",
    "a.py",
    "a.pyc",
    "evals",
    "__pycache__",
    ".claude-plugin",
    ".mcp.json",
    "x",
]
PATHS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("/".join)
FILES = st.lists(
    st.builds(SkillFile, PATHS, st.just(BLOB), st.integers(0, 1000), st.booleans()),
    max_size=6,
    unique_by=lambda file: file.path.lower(),
)


@given(NAMES, SKILL_MDS, FILES)
@example("pdf", b"---\nname: pdf\ndescription: a\nallowed-tools: [a, b]\n---x", [])
@example("pdf", b"---\n---\n", [])
@example("pdf", b"---\nname: pdf\ndescription: a\nmetadata:\nversion: 1\n---\n", [])
@example("pdf", b"---\nname: pdf\ndescription: a\nlicense: a\xef\xbb\xbfb\n---\n", [])
@example("claude", b"", [SkillFile("skill.MD", BLOB, 3, True)])
def test_whatever_the_skill_is_an_upload_takes_its_package(name: str, skill_md: bytes, files: list[SkillFile]) -> None:
    made = package(name, files, skill_md)
    assert isinstance(made, Packaged)
    assert_an_upload_takes(made)
    assert body_of(skill_md_of(made)) == body_of(skill_md)
    unchanged = skill_md_of(made) == skill_md
    assert unchanged or made.rewrites
    again = package(made.name, as_files(made), skill_md_of(made))
    assert again == Packaged(made.name, made.members, (), made.size_bytes)


def as_files(made: Packaged) -> list[SkillFile]:
    sizes = {f"{made.name}/SKILL.md": len(skill_md_of(made))}
    rest = made.size_bytes - sum(sizes.values())
    files = []
    for member in made.members:
        size_bytes = sizes.get(member.path, rest)
        rest = 0 if member.path not in sizes else rest
        files.append(SkillFile(member.path.partition("/")[2], member.content, size_bytes, member.executable))
    return files


def test_a_skill_that_is_fine_is_packed_byte_for_byte() -> None:
    others = [SkillFile("scripts/fill.py", BLOB, 10, True), SkillFile("references/a.md", BLOB, 20, False)]
    made = packed("pdf", FINE, *others)
    assert made.rewrites == ()
    assert skill_md_of(made) == FINE
    assert [(member.path, member.executable) for member in made.members] == [
        ("pdf/SKILL.md", False),
        ("pdf/scripts/fill.py", True),
        ("pdf/references/a.md", False),
    ]
    assert made.size_bytes == len(FINE) + 30
    assert made.filename == "pdf.skill"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("pdf", "pdf"),
        ("PDF Tools", "pdf-tools"),
        ("contact-center/android", "contact-center-android"),
        ("-21risk--automation_", "21risk-automation"),
        ("claude-api", "ai-api"),
        ("Claude", "ai"),
        ("anthropic-brand", "ai-brand"),
        ("my-cláude-skill", "my-ai-skill"),
        ("Straßen & Übung", "strassen-ubung"),
        ("x" * 63 + "-y", "x" * 63),
        ("x" * 70, "x" * 64),
        ("日本語", "skill-77710aed"),
        ("", "skill-e3b0c442"),
    ],
)
def test_a_name_stays_as_near_to_what_it_was_as_the_rules_let_it(name: str, called: str) -> None:
    assert upload_name(name) == called


@given(st.text(), st.text())
def test_a_name_of_the_rules_stays_and_names_that_nothing_is_left_of_stay_apart(one: str, other: str) -> None:
    assert upload_name(upload_name(one)) == upload_name(one)
    if upload_name(one).startswith("skill-") and upload_name(other).startswith("skill-") and one != other:
        assert upload_name(one) != upload_name(other) or one.casefold() == other.casefold()


def test_unknown_keys_stand_under_metadata_as_the_author_wrote_them() -> None:
    made = packed(
        "pdf",
        b"---\nname: pdf\nversion: 1.10  # the tenth\nauthor: Ada\ndescription: Use it.\n"
        b"metadata:\n  author: Bob\n  revision: 007\n"
        b"paths: [a, 'b c']\nuser-invocable: yes\nwhen_to_use:\n---\nBody",
    )
    assert frontmatter_of(made) == {
        "name": "pdf",
        "description": "Use it.",
        "metadata": {
            "author": "Bob",
            "revision": "007",
            "version": "1.10",
            "author-2": "Ada",
            "paths": '["a", "b c"]',
            "user-invocable": "yes",
            "when_to_use": "",
        },
    }
    assert made.rewrites == (
        Rewrite("metadata_as_text", "metadata holds text only; written as text: revision"),
        Rewrite(
            "keys_moved", "an upload refuses these keys; they stand under metadata: version, author, paths and 2 more"
        ),
    )


@pytest.mark.parametrize(
    "line", ["version: 1.10", "version:   1.10  # or so", "version: 1.10\r", "version : 1.10", "version: +1.1"]
)
def test_a_number_keeps_the_digits_that_its_author_wrote(line: str) -> None:
    made = packed("pdf", f"---\nname: pdf\ndescription: Use it.\n{line}\nother: 1.1\n---\n".encode())
    assert frontmatter_of(made)["metadata"] == {"version": "+1.1" if "+" in line else "1.10", "other": "1.1"}


def test_tools_in_a_list_stand_in_a_line() -> None:
    made = packed("pdf", b"---\nname: pdf\ndescription: Use it.\nallowed-tools:\n  - Read\n  - Bash(git:*)\n---\n")
    assert frontmatter_of(made)["allowed-tools"] == "Read Bash(git:*)"
    assert codes(made) == ["field_as_text"]


@pytest.mark.parametrize("value", ["no", "On", "y", "12:30", "2024-01-01", "1_000", "0b11"])
def test_what_yaml_1_1_may_read_otherwise_is_put_in_quotes(value: str) -> None:
    made = packed("pdf", f"---\nname: pdf\ndescription: Use it.\nlicense: {value}\nauthor: {value}\n---\n".encode())
    assert frontmatter_of(made)["license"] == value
    assert frontmatter_of(made)["metadata"] == {"author": value}
    assert codes(made) == ["keys_moved"]


def test_a_skill_md_that_only_yaml_1_1_reads_otherwise_is_written_anew() -> None:
    made = packed("pdf", b"---\nname: pdf\ndescription: Use it.\nlicense: no\n---\n")
    assert frontmatter_of(made)["license"] == "no"
    assert codes(made) == ["frontmatter_written_anew"]


@pytest.mark.parametrize(
    ("skill_md", "description", "code"),
    [
        (b"# PDF\n\nFills in forms.\n", "Fills in forms.", "frontmatter_added"),
        (b"", "The skill pdf.", "frontmatter_added"),
        (b"---\nname: pdf\n---\n# Only this\n", "Only this", "description_added"),
        (b"---\nname: pdf\ndescription: [a]\n---\nText.\n", "Text.", "description_added"),
        (b"---\nname: pdf\ndescription: 1.50\n---\n", "1.50", "field_as_text"),
        (b"---\nname: pdf\ndescription: Use <this> -> that\n---\n", "Use ‹this› -› that", "description_markup"),
        (b"---\nname: pdf\ndescription: risky: but read\n---\n", "risky: but read", "frontmatter_written_anew"),
        (b"\xef\xbb\xbf---\nname: pdf\ndescription: a\n---\n", "a", "frontmatter_written_anew"),
        (b"---\r\nname: pdf\r\ndescription: a\r\n---\r\nBody\r\n", "a", "frontmatter_written_anew"),
        (b"--- \nname: pdf\ndescription: a\n---\n", "a", "frontmatter_written_anew"),
        (b"---\nname: pdf\ndescription: a\n--- \n", "a", "frontmatter_written_anew"),
        (b"---\nname: pdf\ndescription: a --- b\n---\n", "a", "frontmatter_written_anew"),
        (b"---\nname: pdf\ndescription: a\ndescription: b\n---\n", "b", "frontmatter_written_anew"),
        (b"---\ndescription: a\n---\n", "a", "name_added"),
        (b"---\nname: pdf\ndescription: a\nlicense:\n---\n", "a", "field_dropped"),
        (b"---\nname: pdf\n# why\ndescription: <a>\n---\n", "‹a›", "comments_dropped"),
    ],
)  # fmt: skip
def test_what_is_changed_is_told(skill_md: bytes, description: str, code: str) -> None:
    made = packed("pdf", skill_md)
    assert frontmatter_of(made)["description"] == description
    assert code in codes(made)
    assert body_of(skill_md_of(made)) == body_of(skill_md)


@pytest.mark.parametrize(
    ("skill_md", "why"),
    [
        (b"---\nname: pdf\r\ndescription: a\r\n---\n", "its lines end in CRLF"),
        (b"---\nname: pdf\ndescription: a\ndescription: a\n---\n", "is set twice"),
        (b"---\nname: pdf\ndescription: a: b\n---\n", "mapping values are not allowed"),
        (b"---\nname: pdf\ndescription: *a\n---\n", "uses a YAML alias"),
        ("---\nname: pdf\ndescription: a\u2028b\n---\n".encode(), "YAML 1.1 reads it otherwise"),
        ("---\nname: pdf\ndescription: a \ufeff\n---\n".encode(), "YAML 1.1 reads it otherwise"),
    ],
)
def test_why_frontmatter_is_written_anew_is_told(skill_md: bytes, why: str) -> None:
    (told,) = [
        rewrite.what for rewrite in packed("pdf", skill_md).rewrites if rewrite.code == "frontmatter_written_anew"
    ]
    assert why in told


def test_a_description_that_is_too_long_ends_with_a_word() -> None:
    words = " ".join(["word"] * 400)
    made = packed("pdf", f"---\nname: pdf\ndescription: {words}\ncompatibility: {'x' * 600}\n---\n".encode())
    values = frontmatter_of(made)
    assert values["description"].endswith("word word…")
    assert 1000 < len(values["description"]) <= 1024
    assert values["compatibility"] == "x" * 499 + "…"
    assert made.rewrites == (
        Rewrite("description_cut", "description was cut from 1,999 characters to 1,024"),
        Rewrite("field_cut", "compatibility was cut from 600 characters to 500"),
    )


def test_files_that_an_upload_refuses_are_left_out_and_told() -> None:
    dropped = ["evals/evals.json", "a/__pycache__/x.py", "b.pyc", "node_modules/m/i.js", ".DS_Store", ".mcp.json",
               "a/.claude-plugin/plugin.json", "c/.MCP.json", "d/.claude-\u200bplugin/x"]  # fmt: skip
    kept = ["a/evals/kept.json", "mcp.json", "pyc", "x.pyc.md"]
    made = packed("pdf", FINE, *[SkillFile(path, BLOB, 1, False) for path in [*dropped, *kept]])
    assert [member.path for member in made.members] == ["pdf/SKILL.md", *[f"pdf/{path}" for path in kept]]
    assert made.size_bytes == len(FINE) + len(kept)
    assert [rewrite.code for rewrite in made.rewrites] == ["files_dropped"]
    assert made.rewrites[0].what.endswith("evals/evals.json, a/__pycache__/x.py, b.pyc and 6 more")


def test_only_one_file_is_called_skill_md() -> None:
    others = [
        SkillFile(path, BLOB, 1, False)
        for path in ("sub/SKILL.md", "sub/nested-skill.md", "a/b/Skill.md", "a/b/SKILL.md")
    ]
    made = packed("pdf", FINE, *others)
    assert [member.path for member in made.members] == [
        "pdf/SKILL.md",
        "pdf/sub/2-NESTED-SKILL.md",
        "pdf/sub/nested-skill.md",
        "pdf/a/b/NESTED-SKILL.md",
        "pdf/a/b/2-NESTED-SKILL.md",
    ]
    assert codes(made) == ["nested_skill_renamed"]


def test_skill_md_has_its_usual_spelling_and_keeps_its_mode() -> None:
    made = package("pdf", [SkillFile("skill.md", BLOB, 1, True)], FINE)
    assert isinstance(made, Packaged)
    assert [(member.path, member.executable) for member in made.members] == [("pdf/SKILL.md", True)]
    assert made.rewrites == (Rewrite("skill_md_renamed", "skill.md is called SKILL.md"),)


def test_what_is_too_large_for_an_upload_is_not_packed() -> None:
    largest = SkillFile("a", BLOB, MAX_BYTES - len(FINE), False)
    assert isinstance(package("pdf", [largest], FINE), Packaged)
    more = [largest, SkillFile("b", BLOB, 1, False)]
    refused = package("pdf", more, FINE)
    assert isinstance(refused, NotPackageable)
    assert refused.code == "package_too_large"
    assert "30.0 MB together" in refused.message


def test_a_skill_md_that_is_not_utf_8_is_not_packed() -> None:
    refused = package("pdf", [], b"---\nname: pdf\n---\n\xe9\n")
    assert refused == NotPackageable(
        "skill_md_not_utf8", "SKILL.md is not UTF-8 (line 4), so no upload takes it. Save it as UTF-8."
    )
