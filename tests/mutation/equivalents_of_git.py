"""Owns the mutants of ``skillport_sync/git`` that do what the original does, as ``equivalents`` says, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.mutation.mutant import Key

OF_GIT: Final[Mapping[str, tuple[Key, ...]]] = {
    "No path begins with a slash: what would be looked for there is never found.": (
        (
            "skillport_sync/git/edit.py",
            "_clash",
            'slash = raw.find(b"/")',
            'slash = raw.find(b"")',
        ),
        (
            "skillport_sync/git/edit.py",
            "_clash",
            "while slash >= 0:",
            "while slash > 0:",
        ),
        (
            "skillport_sync/git/edit.py",
            "_clash",
            "while slash >= 0:",
            "while slash >= 1:",
        ),
        (
            "skillport_sync/git/edit.py",
            "_above",
            "while at >= 0:",
            "while at > 0:",
        ),
        (
            "skillport_sync/git/edit.py",
            "_above",
            "while at >= 0:",
            "while at >= 1:",
        ),
        (
            "skillport_sync/git/paths.py",
            "collisions",
            'while (slash := path.rfind("/")) >= 0 and (parent := path[:slash]) not in names:',
            'while (slash := path.rfind("/")) > 0 and (parent := path[:slash]) not in names:',
        ),
        (
            "skillport_sync/git/paths.py",
            "collisions",
            'while (slash := path.rfind("/")) >= 0 and (parent := path[:slash]) not in names:',
            'while (slash := path.rfind("/")) >= 1 and (parent := path[:slash]) not in names:',
        ),
        (
            "skillport_sync/git/paths.py",
            "_first_in",
            'at = path.find("/")',
            'at = path.find("")',
        ),
        (
            "skillport_sync/git/paths.py",
            "_first_in",
            "while at >= 0:",
            "while at > 0:",
        ),
        (
            "skillport_sync/git/paths.py",
            "_first_in",
            "while at >= 0:",
            "while at >= 1:",
        ),
    ),
    "No two slashes stand side by side in a path that git keeps.": (
        (
            "skillport_sync/git/edit.py",
            "_clash",
            'slash = raw.find(b"/", slash + 1)',
            'slash = raw.find(b"/", slash + 2)',
        ),
        (
            "skillport_sync/git/paths.py",
            "_first_in",
            'at = path.find("/", at + 1)',
            'at = path.find("/", at + 2)',
        ),
    ),
    "It only saves time: what is left out here is asked, or looked for, below, and comes to the same.": (
        (
            "skillport_sync/git/edit.py",
            "_clash",
            "if not wanted:",
            "if False:",
        ),
        (
            "skillport_sync/git/names.py",
            "recover_names",
            "if not is_lossy(path):",
            "if False:",
        ),
        (
            "skillport_sync/git/names.py",
            "recover_names",
            "continue",
            "pass",
        ),
        (
            "skillport_sync/git/names.py",
            "_with_raw_name",
            "if _LOST not in readable:",
            "if False:",
        ),
        (
            "skillport_sync/git/paths.py",
            "_ORDINARY",
            '_ORDINARY = re.compile(rb"%b(?:/%b){0,%d}" % (_NAME, _NAME, MAX_DEPTH - 1))',
            '_ORDINARY = re.compile(rb"%b(?:/%b){0,%d}" % (_NAME, _NAME, MAX_DEPTH - 2))',
        ),
        (
            "skillport_sync/git/paths.py",
            "check_path",
            "if _ORDINARY.fullmatch(raw):",
            "if False:",
        ),
        (
            "skillport_sync/git/paths.py",
            "_is_git_directory",
            'if name.isascii() and ".git" not in name.lower() and "git~" not in name.lower():',
            "if False:",
        ),
        (
            "skillport_sync/git/paths.py",
            "_is_git_directory",
            'if name.isascii() and ".git" not in name.lower() and "git~" not in name.lower():',
            'if name.isascii() and "" not in name.lower() and "git~" not in name.lower():',
        ),
        (
            "skillport_sync/git/paths.py",
            "_is_git_directory",
            'if name.isascii() and ".git" not in name.lower() and "git~" not in name.lower():',
            'if name.isascii() and ".git" not in name.lower() and "" not in name.lower():',
        ),
        (
            "skillport_sync/git/paths.py",
            "collisions",
            "if len({_fold(name) for name in names}) == len(names):",
            "if False:",
        ),
        (
            "skillport_sync/git/paths.py",
            "_fold",
            "if text.isascii():",
            "if False:",
        ),
    ),
    "The root comes last: what is entered for it then is read by nobody.": (
        (
            "skillport_sync/git/edit.py",
            "_hashed",
            "if directory:",
            "if True:",
        ),
        (
            "skillport_sync/git/listing.py",
            "tree_ids",
            "if directory:",
            "if True:",
        ),
    ),
    "Nothing follows in the loop: going on and beginning anew are one.": (
        (
            "skillport_sync/git/edit.py",
            "_clash",
            "continue",
            "pass",
        ),
    ),
    "A directory whose own is not listed is refused by ``verified``, whatever is thought of it before.": (
        (
            "skillport_sync/git/listing.py",
            "_unchanged",
            "if path and proved.trees.get(path) == claimed[path] and (not parent or parent in claimed):",
            "if path and proved.trees.get(path) == claimed[path]:",
        ),
    ),
    "An ``IntEnum`` that is given no value takes the integer that it is.": (
        (
            "skillport_sync/git/objects.py",
            "Mode.__new__",
            "mode._value_ = value",
            "pass",
        ),
    ),
    "The flag changes no digest; it lets builds of Python that forbid SHA-1 for security make it.": (
        (
            "skillport_sync/git/objects.py",
            "blob_id",
            'digest = hashlib.sha1(b"blob %d\\0" % len(content), usedforsecurity=False)',
            'digest = hashlib.sha1(b"blob %d\\0" % len(content), usedforsecurity=True)',
        ),
        (
            "skillport_sync/git/objects.py",
            "tree_id_of",
            'digest = hashlib.sha1(b"tree %d\\0" % len(body), usedforsecurity=False)',
            'digest = hashlib.sha1(b"tree %d\\0" % len(body), usedforsecurity=True)',
        ),
    ),
}
"""By reason."""
