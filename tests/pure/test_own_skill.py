"""The skill that comes with the service: fit for every surface, true about the service, and its commands are commands."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from skillport_sync.catalog.frontmatter import read_frontmatter
from skillport_sync.git.objects import Mode, blob_id, tree_id_of, tree_row
from skillport_sync.template.own_skill import own_skill

DOCUMENTS = [path for path in own_skill().files if path.endswith(".md")]

# docs/INTERFACES.md, and the two routes that came with them. What the skill says must be among them.
OPERATIONS = {"list", "fetch", "version", "install", "auth", "whoami"}
ROUTES = {
    ("GET", "/api/whoami"),
    ("GET", "/api/skills"),
    ("GET", "/api/skills/NAME"),
    ("GET", "/api/skills/NAME/versions"),
    ("GET", "/api/skills/NAME/install"),
    ("GET", "/api/skills/NAME/edit"),
    ("POST", "/api/check-updates"),
    ("POST", "/api/skills/NAME"),
    ("POST", "/api/skills/NAME/bump"),
    ("POST", "/api/skills/NAME/publish"),
    ("POST", "/api/skills/NAME/unpublish"),
    ("POST", "/api/skills/NAME/rename"),
    ("DELETE", "/api/skills/NAME"),
    ("GET", "/api/changes"),
    ("GET", "/install.sh"),
    ("GET", "/edit.sh"),
    ("GET", "/api/claude-code"),
}


def text(path: str) -> str:
    return own_skill().files[path].content.decode()


def commands(path: str) -> list[str]:
    """The shell commands of a document, as somebody would copy them."""
    found = re.findall(r"^( *)```sh\n(.*?)^ *```$", text(path), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(body) for _, body in found]


def saves(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    script = folder.parent / "payload.py"
    script.write_bytes(own_skill().files["scripts/payload.py"].content)
    command = [sys.executable, "-B", script, folder, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notes"
    (made / "scripts").mkdir(parents=True)
    (made / "SKILL.md").write_text("---\nname: notes\ndescription: Nötig.\n---\n", encoding="utf-8")
    (made / "scripts" / "run.sh").write_text("#!/bin/sh\n")
    (made / "scripts" / "run.sh").chmod(0o755)
    return made


# --- what it is --------------------------------------------------------------------------------------------------------------


def test_it_is_named_alike_everywhere() -> None:
    own = own_skill()
    manifest = json.loads(own.plugin_files[".claude-plugin/plugin.json"].content)
    frontmatter = read_frontmatter(own.files["SKILL.md"].content)
    assert frontmatter.problems == ()
    assert frontmatter.values["name"] == own.name == "skillport"
    assert manifest["name"] == own.plugin == own.entry["name"] == "skillport"
    assert manifest["version"] == own.version
    assert manifest["description"] == own.entry["description"]
    assert frontmatter.values["description"] == own.description


def test_claude_ai_takes_it_as_it_stands() -> None:
    own = own_skill()
    assert set(read_frontmatter(own.files["SKILL.md"].content).values) <= {"name", "description", "license"}
    assert 200 < len(own.description) <= 1024
    assert not set("<>\n") & set(own.description)


def test_its_files_are_those_of_the_plugin() -> None:
    own = own_skill()
    below = {f"skills/skillport/{path}": file for path, file in own.files.items()}
    assert {path: file for path, file in own.plugin_files.items() if path.startswith("skills/")} == below
    assert list(own.files) == sorted(own.files)
    assert list(own.plugin_files) == sorted(own.plugin_files)


def test_its_revision_is_the_tree_that_git_would_make_of_it() -> None:
    def tree(prefix: str) -> str:
        rows, folders = [], set()
        for path, file in own_skill().files.items():
            if path.startswith(prefix):
                name, slash, _ = path.removeprefix(prefix).partition("/")
                if not slash:
                    rows.append(tree_row(Mode.FILE, name.encode(), blob_id(file.content)))
                elif name not in folders:
                    folders.add(name)
                    rows.append(tree_row(Mode.TREE, name.encode(), tree(f"{prefix}{name}/")))
        return tree_id_of(rows)

    assert own_skill().revision == tree("")


def test_nobody_can_change_it_for_everybody_else() -> None:
    with pytest.raises(TypeError):
        own_skill().files["SKILL.md"] = own_skill().files["SKILL.md"]  # type: ignore[index]
    assert own_skill() is own_skill()


# --- what it says ------------------------------------------------------------------------------------------------------------


def test_it_is_short_enough_to_be_read_every_time() -> None:
    assert len(text("SKILL.md").splitlines()) < 150
    assert all(len(text(path).splitlines()) < 200 for path in DOCUMENTS)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_its_links_lead_to_files(path: str) -> None:
    folder = path.rpartition("/")[0]
    for target in re.findall(r"\]\(([^)]+)\)", text(path)):
        assert (f"{folder}/{target}" if folder else target) in own_skill().files


def test_every_reference_is_reached_from_skill_md() -> None:
    linked = set(re.findall(r"\]\(([^)]+)\)", text("SKILL.md")))
    assert linked == {path for path in DOCUMENTS if path != "SKILL.md"}


def test_it_sends_people_only_to_chapters_that_are_there() -> None:
    chapters = re.findall(r"^## (.+)$", text("references/authoring.md"), re.MULTILINE)
    _, _, table = text("SKILL.md").partition("| they want | read in authoring.md |\n| --- | --- |\n")
    rows = [line.split("|")[2].strip() for line in table.split("\n\n")[0].splitlines()]
    assert len(rows) >= 5
    assert set(rows) <= set(chapters)


def test_it_names_every_operation_of_the_tool_and_no_other() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", text("SKILL.md").partition("## 1.")[0], re.MULTILINE))
    called = set(re.findall(r'"operation": "(\w+)"', "".join(map(text, DOCUMENTS))))
    assert named == OPERATIONS
    assert called <= OPERATIONS


@pytest.mark.parametrize("path", DOCUMENTS)
def test_it_calls_only_routes_that_there_are(path: str) -> None:
    called = {
        (re.search(r"-X (\w+)", call)[1] if "-X " in call else "GET", address)  # type: ignore[index]
        for command in commands(path)
        for call in command.replace("\\\n", " ").splitlines()
        for address in re.findall(r'curl .*?"\$BASE_URL(/[\w/.-]+)[^"]*"', call)
    }
    named = set(re.findall(r"`(GET|POST|DELETE) (/[\w/.-]+)[^`]*`", text(path)))
    assert called | named <= ROUTES


def test_its_table_names_every_route() -> None:
    named = set(re.findall(r"^\| `(GET|POST|DELETE) (/[\w/.-]+)[^`]*`", text("references/rest.md"), re.MULTILINE))
    assert named == ROUTES


@pytest.mark.parametrize("path", DOCUMENTS)
def test_its_commands_are_ones_that_a_shell_understands(path: str) -> None:
    for command in commands(path):
        checked = subprocess.run(["sh", "-n"], input=command, capture_output=True, text=True, check=False, timeout=60)
        assert (checked.returncode, checked.stderr) == (0, ""), command


@pytest.mark.parametrize("path", DOCUMENTS)
def test_its_json_is_json(path: str) -> None:
    for body in re.findall(r"-d '([^']+)'", text(path)):
        json.loads(body)
    for body in re.findall(r"^```json\n(.*?)^```$", text(path), re.MULTILINE | re.DOTALL):
        json.loads(body)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_token_is_only_ever_sent_in_a_header_or_the_environment(path: str) -> None:
    for command in commands(path):
        rest = command.replace('-H "Authorization: Bearer $TOKEN"', "").replace('SKILLPORT_TOKEN="$TOKEN"', "")
        assert "$TOKEN" not in rest


@pytest.mark.parametrize("path", DOCUMENTS)
def test_whatever_writes_stands_below_a_word_about_asking(path: str) -> None:
    writes = [command for command in commands(path) if re.search(r"-X (DELETE|POST)(?!.*check-updates)", command)]
    assert (path == "references/authoring.md") == bool(writes)
    assert "ask before each one" in text("references/authoring.md").partition("## ")[0]


# --- payload.py: what saves a folder -----------------------------------------------------------------------------------------


def test_a_folder_becomes_a_request_to_save_it(folder: Path) -> None:
    (folder / "logo.png").write_bytes(b"\x89PNG\xff")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"x")
    done = saves(folder, "--plugin", "writing", "--message", "Add notes", "--describe", "Notes.")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "files": [
            {"path": "SKILL.md", "content": "---\nname: notes\ndescription: Nötig.\n---\n"},
            {"path": "logo.png", "content": base64.b64encode(b"\x89PNG\xff").decode(), "encoding": "base64"},
            {"path": "scripts/run.sh", "content": "#!/bin/sh\n", "executable": True},
        ],
        "skill_group": "writing",
        "commitMessage": "Add notes",
        "plugin_metadata": {"description": "Notes."},
    }


def worked_on(folder: Path, **more: str) -> None:
    """Makes the folder one that edit.sh made: ``more`` are files that were there, with their SHA-256."""
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    info = {"name": "notes", "revision": "4b82", "files": files | more, "executable": ["scripts/run.sh"]}
    (folder / ".edit_info").write_text(json.dumps(info))


def test_what_was_deleted_in_a_working_folder_is_deleted_and_its_base_is_named(folder: Path) -> None:
    worked_on(folder, **{"old.md": "0" * 64, "empty.py": "0" * 64})
    (folder / "empty.py").touch()
    (folder / "SKILL.md").write_text("---\nname: notes\ndescription: Other.\n---\n")
    done = saves(folder)
    body = json.loads(done.stdout)
    assert body["base_revision"] == "4b82"
    assert [entry["path"] for entry in body["files"]] == ["SKILL.md", "old.md"]
    assert body["files"][-1] == {"path": "old.md", "content": ""}
    assert done.stderr == "empty.py is empty and left as it is in the repository\n"


def test_of_a_working_folder_only_what_was_changed_is_sent(folder: Path) -> None:
    worked_on(folder)
    unchanged = saves(folder)
    assert (unchanged.returncode, unchanged.stdout) == (1, "")
    assert "nothing was changed" in unchanged.stderr
    (folder / "scripts" / "run.sh").chmod(0o644)
    assert json.loads(saves(folder).stdout)["files"] == [
        {"path": "scripts/run.sh", "content": "#!/bin/sh\n", "executable": False}
    ]


@pytest.mark.parametrize("what", ["a new empty file", "a link to a file", "a link to a folder", "no SKILL.md"])
def test_what_cannot_be_saved_is_said_and_nothing_is_printed(folder: Path, what: str) -> None:
    match what:
        case "a new empty file":
            (folder / "new.md").touch()
        case "a link to a file":
            (folder / "link.md").symlink_to("SKILL.md")
        case "a link to a folder":
            (folder / "linked").symlink_to("scripts")
        case _:
            (folder / "SKILL.md").unlink()
    done = saves(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search("new.md is empty|symbolic link|no SKILL.md", done.stderr)
