"""Owns the valid files that parsers are tried with: those of the example marketplace, and others with something of everything."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any, Final

from skillport_sync import template

MARKETPLACE_PATH: Final = ".claude-plugin/marketplace.json"
POLICY_PATH: Final = ".skillport/access.json"

FILES: Final[dict[str, bytes]] = {
    path: file.content for path, file in template.files(owner="acme", editors=["test:editor"]).items()
}

SKILL_MDS: Final[tuple[bytes, ...]] = (
    *(content for path, content in FILES.items() if path.endswith("SKILL.md")),

    b"---\nname: pdf\ndescription: >-\n  Fills forms:\n  all.\nallowed-tools: [Read, Bash(git *)]\n---\n\n# PDF\n",
    b"---\nname: 'it''s'\ndescription: \"a: b # c\"\nmetadata:\n  version: 1.10\n  tags: &t [a, b]\n  more: *t\n---\nBody\n",
    b"---\r\nname: crlf\r\ndescription: |\r\n  two\r\n  lines\r\n---\r\nBody\r\n",

    b"\xef\xbb\xbf---\nname: bom\ndescription: use when: the user says [x]\nwhen: 2024-01-01\non: yes\n---\ntext\n---\nmore\n",

    b"---\nname: nested\ndescription: x\nhooks: {a: {b: [1, {c: null}]}}\n? complex\n: value\n<<: {x: 1}\n---\n```\ncode\n```\n",
    b"# No frontmatter\n\nOnly a body.\n",
    b"---\nname: open\n",
)  # fmt: skip

POLICIES: Final[tuple[Any, ...]] = (
    json.loads(FILES[POLICY_PATH]),
    {
        "version": "1.0",
        "editors": [{"id": "google:1", "label": "Ada"}],
        "skills": {"pdf": {"read": [{"id": "google:2"}], "write": "editors"}, "review": {"write": [{"id": "google:3"}]}},
        "defaults": {"read": "*", "write": "editors"},
    },
    {
        "version": "1.1",
        "editors": [{"id": "google:1"}, {"group": "staff"}],
        "groups": {"staff": [{"id": "google:1"}, {"domain": "acme.example"}], "sales": [{"claim": "dept", "value": "sales"}]},
        "plugins": {"fin*": {"read": [{"group": "staff"}], "write": "editors"}, "docs": {"read": "*"}},
        "skills": {"quarter-*": {"read": [{"group": "sales"}]}, "pdf": {"read": "editors", "write": [{"group": "staff"}]}},
        "defaults": {"read": "*", "write": "editors"},
    },
)  # fmt: skip

MARKETPLACES: Final[tuple[Any, ...]] = (
    json.loads(FILES[MARKETPLACE_PATH]),
    {
        "name": "acme",
        "owner": {"name": "Acme", "email": "it@acme.example"},
        "metadata": {"description": "Ours", "version": "1.0.0", "pluginRoot": "./plugins"},
        "renames": {"old-writing": "writing", "gone": None},
        "plugins": [
            {"name": "writing", "source": "./plugins/writing", "version": "1.2.0", "tags": ["surface:CC"], "keywords": ["a"]},
            {"name": "data", "source": "./plugins/data", "strict": False, "skills": ["./skills/csv-profile"]},
            {"name": "away", "source": {"source": "github", "repo": "acme/other", "ref": "v1", "path": "x"}},
            {"name": "far", "source": {"source": "git-subdir", "url": "https://git.example/x.git", "path": "t", "sha": "a" * 40}},
            {"name": "npm", "source": {"source": "npm", "package": "@acme/x", "version": "^1"}, "category": "x"},
        ],
    },
)  # fmt: skip

MANIFESTS: Final[tuple[Any, ...]] = (
    *(json.loads(content) for path, content in FILES.items() if path.endswith("plugin.json")),
    {
        "name": "writing",
        "version": "1.2.0-rc.1+b5",
        "description": "Words",
        "author": {"name": "Ada", "email": "a@x", "url": "https://x"},
        "homepage": "https://x",
        "keywords": ["a", "b"],
        "skills": ["./skills/plain-language", "./more/"],
        "commands": "./commands",
        "agents": ["./agents/a.md"],
        "hooks": {"PreToolUse": []},
        "mcpServers": {"x": {"command": "x"}},
        "metadata": {"a": 1},
    },
)

JSON_WORDS: Final = (
    "version", "editors", "skills", "defaults", "groups", "plugins", "read", "write", "id", "label", "group", "domain",
    "claim", "value", "*",
    "editors", "1.0", "1.1", "name", "owner", "source", "github", "git-subdir", "url", "npm", "repo", "path", "ref", "sha",
    "strict", "tags",
    "surface:CC", "surface:XX", "keywords", "author", "renames", "metadata", "pluginRoot", "./", ".", "./plugins/../x",
    "hooks", "mcpServers",
)  # fmt: skip


def tars() -> tuple[bytes, ...]:
    """Archives in all three formats, with names that are long, odd or both."""
    return tuple(_tar(form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))


def _tar(form: int) -> bytes:
    out = io.BytesIO()
    headers = {"comment": "c" * 40} if form == tarfile.PAX_FORMAT else {}
    with tarfile.open(fileobj=out, mode="w", format=form, pax_headers=headers) as tar:
        long = [] if form == tarfile.USTAR_FORMAT else ["long/" * 40 + "x"]
        for name in ("a.md", "dir/", "dir/run.sh", "link", "é.md", "n" * 90, *long):
            info = tarfile.TarInfo(f"acme-skills-1234567/{name}")
            content = name.encode() * 40
            if name == "link":
                info.type, info.linkname, content = tarfile.SYMTYPE, "a.md", b""
            elif name.endswith("/"):
                info.type, content = tarfile.DIRTYPE, b""
            info.mode, info.size = 0o755 if "run" in name else 0o644, len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()
