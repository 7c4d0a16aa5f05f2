"""Prints the JSON that saves a folder as a skill: python3 payload.py FOLDER [--plugin NAME] [--message TEXT] [--describe TEXT].

Text goes in as it is, anything else as base64, executable files are marked. A folder that edit.sh made has a .edit_info in it:
only what was changed since is sent, files that it names and that are gone are deleted, and the revision it was made from goes
along. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import sys
from pathlib import Path

LEFT_OUT = {".DS_Store", ".edit_info", ".git", ".skillport.json", "__pycache__", "node_modules"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints the JSON that saves FOLDER as a skill.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--plugin", metavar="NAME", help="the plugin it belongs to; default: the one it is in")
    parser.add_argument("--message", metavar="TEXT", help="one line for the history")
    parser.add_argument("--describe", metavar="TEXT", help="what a new plugin is for, in one sentence")
    given = parser.parse_args()
    if not (given.folder / "SKILL.md").is_file():
        sys.exit(f"{given.folder} has no SKILL.md: name the folder of a skill")
    info = given.folder / ".edit_info"
    made_from = json.loads(info.read_text(encoding="utf-8")) if info.is_file() else {}
    body = {
        "files": changes(given.folder, made_from.get("files", {}), made_from.get("executable", [])),
        "base_revision": made_from.get("revision"),
        "skill_group": given.plugin,
        "commitMessage": given.message,
        "plugin_metadata": {"description": given.describe} if given.describe else None,
    }
    if not body["files"]:
        sys.exit(f"nothing was changed in {given.folder}")
    json.dump({key: value for key, value in body.items() if value}, sys.stdout, indent=1)


def changes(folder: Path, known: dict[str, str], programs: list[str]) -> list[dict[str, object]]:
    """What is in the folder and not known with that content, then what is gone from it."""
    entries, seen = [], set()
    for path in sorted(found(folder)):
        name = path.relative_to(folder).as_posix()
        seen.add(name)
        content, executable = path.read_bytes(), os.access(path, os.X_OK)
        is_known = known.get(name) == hashlib.sha256(content).hexdigest()
        if is_known and executable == (name in programs):
            continue
        if content:
            entries.append(saved(name, content, executable, was=name in programs))
        elif name in known:
            sys.stderr.write(f"{name} is empty and left as it is in the repository\n")
        else:
            sys.exit(f"{name} is empty, and an empty file cannot be saved: write a line into it, or delete it")
    return entries + [{"path": name, "content": ""} for name in known if name not in seen]


def found(folder: Path) -> list[Path]:
    files: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        here = [Path(place, name) for name in names if name not in LEFT_OUT and not name.endswith(".pyc")]
        for path in [*here, *(Path(place, name) for name in folders)]:
            if path.is_symlink():
                sys.exit(f"{path} is a symbolic link: put there what it leads to")
        files += here
    return files


def saved(name: str, content: bytes, executable: bool, was: bool) -> dict[str, object]:
    entry: dict[str, object] = {"path": name}
    try:
        entry["content"] = content.decode("utf-8")
    except UnicodeDecodeError:
        entry["content"], entry["encoding"] = base64.b64encode(content).decode("ascii"), "base64"
    if executable or was:
        entry["executable"] = executable
    return entry


if __name__ == "__main__":
    main()
