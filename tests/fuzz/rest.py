"""Owns the REST API as two targets: what is read, and what is saved. Addresses, queries, headers and bodies are nearly right."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import quote, urlencode

from tests.fuzz import corpora
from tests.fuzz.house import House, open_house
from tests.fuzz.mutation import as_json, odd_text, of, printable, spoiled_bytes, spoiled_json, spoiled_text
from tests.fuzz.target import Attempt, Target, WrongError, shown
from tests.fuzz.wire import LIMIT_S, Answer, Wire

READING: Final = frozenset({200, 204, 206, 304, 400, 401, 403, 404, 405, 410, 412, 413, 415, 416})
SAVING: Final = frozenset({200, 400, 401, 403, 404, 405, 409, 413})
READ: Final = (
    "/api/whoami", "/api/skills", "/api/claude-code", "/api/debug/plugins", "/api/changes", "/marketplace.json",
    "/install.sh", "/edit.sh",
    "/api/skills/{skill}", "/api/skills/{skill}/versions", "/api/skills/{skill}/install", "/api/skills/{skill}/edit",
    "/api/{skill}",
    "/api/install/{token}", "/api/edit/{token}", "/archives/{plugin}/{sha}.zip", "/healthz", "/readyz", "/mcp",
)  # fmt: skip
SKILLS: Final = (
    "release-notes",
    "writing/release-notes",
    "writing%2Frelease-notes",
    "brand-kit",
    "review@acme/skills",
    "quarter-close",
    "x",
)
QUERY: Final = {
    "q": "notes", "surface": "CC", "plugin": "writing", "published": "true", "refresh": "1", "version": "1.0.0",
    "commit": "a" * 40,
    "target": "package", "format": "plan", "attempt": "x", "marketplace": "acme/skills", "access_token": "x",
}  # fmt: skip
HEADERS: Final = {
    "If-None-Match": '"' + "0" * 64 + '"', "Range": "bytes=0-9", "If-Range": '"x"', "Origin": "https://claude.ai",
    "Accept-Encoding": "gzip, br",
    "If-Modified-Since": "Sat, 21 Nov 2026 10:00:00 GMT", "Cookie": "a=b", "Content-Type": "text/plain",
    "Authorization": "Basic x",
}  # fmt: skip
MD: Final = "---\nname: {name}\ndescription: Says how.\n---\n\nDo it well.\n"
_SAVED: Final = (
    "release-notes",
    "writing/release-notes",
    "data/csv-profile",
    "plain-language",
    "review",
    "fresh",
    "fresher",
    "newest/fresh",
)
INSTALLED: Final = {
    "installed": [
        {
            "name": "release-notes",
            "version": "0.9.0",
            "revision": "a" * 40,
            "plugin": "writing",
            "marketplace": "acme/skills",
        },
        {"name": "writing/plain-language"},
        {"name": "brand", "version": "2.1.0"},
    ]
}
WORDS: Final = (
    "files", "path", "content", "encoding", "base64", "executable", "base_revision", "dry_run", "confirm", "commitMessage",
    "marketplace", "SKILL.md",
    "skill.md", "../SKILL.md", ".claude-plugin/plugin.json", ".skillport/access.json", ".git/config", "a//b", "CON", "type",
    "to", "description",
    "surface:CC", "acme/skills", "skill_group", "plugin_metadata", "allow_secrets", "ghp_" + "a" * 36,
)  # fmt: skip


def targets() -> list[Target]:
    return [Target("rest", 8_000, LIMIT_S, _opened(read)), Target("saves", 4_000, LIMIT_S, _opened(save))]


def _opened(
    one: Callable[[Random, Wire, House], Awaitable[None]],
) -> Callable[[Path], AbstractAsyncContextManager[Attempt]]:
    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[Attempt]:
        async with open_house(folder) as house:
            wire = Wire(house.url)

            async def attempt(rng: Random) -> None:
                await one(rng, wire, house)
                house.github.journal.reset()

            yield attempt
            await wire.close()

    return opened


async def read(rng: Random, wire: Wire, house: House) -> None:
    """Anything that changes nothing."""
    who = [("Authorization", f"Bearer {house.reader if rng.random() < 0.8 else house.editor}")]
    if rng.random() < 0.2:
        body = as_json(rng, spoiled_json(rng, INSTALLED, ("name", "version", "revision", "plugin", "release-notes")))
        _of_a_reader(
            await wire.ask("POST", "/api/check-updates", [*who, *_odd_headers(rng)], body, expected=READING),
            who,
            house,
            body,
        )
        return
    token = await _link(rng, wire, house) if rng.random() < 0.1 else f"sp_in_{'A' * 43}"
    parts = {"skill": _name(rng), "token": token, "plugin": "writing", "sha": "0" * 64}
    target = of(rng, READ).format(**parts)
    if rng.random() < 0.2:
        target = "/" + quote(spoiled_text(rng, target[1:]), safe="/%")
    query = {str(name): QUERY[name] for name in rng.sample(list(QUERY), rng.choice((0, 1, 1, 2)))}
    query = {name: odd_text(rng) if rng.random() < 0.5 else value for name, value in query.items()}
    target += "?" + urlencode(query, errors="replace") if query else ""
    method = rng.choices(("GET", "HEAD", "OPTIONS", "PUT", "POST", "TRACE"), (80, 8, 4, 2, 4, 2))[0]
    headers = [*who, *_odd_headers(rng)]
    seen = await wire.ask(method, target, headers, expected=READING)
    _of_a_reader(seen, who, house, target.encode())


def _of_a_reader(seen: Answer, who: list[tuple[str, str]], house: House, sent: bytes) -> None:
    is_reader = house.reader in who[0][1]
    if is_reader and b"quarter-close" in seen.body and b"quarter-close" not in sent:
        raise WrongError(f"a reader is told of what they may not read: {shown(seen.body)} to {shown(sent)}")


async def _link(rng: Random, wire: Wire, house: House) -> str:
    """The token of a link that is good."""
    word, key = rng.choice((("install", "install_token"), ("edit", "edit_token")))
    headers = [("Authorization", f"Bearer {house.editor}")]
    answer = await wire.ask("GET", f"/api/skills/release-notes/{word}", headers, expected={200})
    return str(answer.json[key])


def _name(rng: Random) -> str:
    name = str(of(rng, SKILLS))
    if rng.random() < 0.6:
        return name
    return quote(spoiled_text(rng, name), safe=rng.choice(("", "/", "/@")), errors="replace")


def _odd_headers(rng: Random) -> list[tuple[str, str]]:
    if rng.random() < 0.7:
        return []
    name = str(of(rng, list(HEADERS)))
    if name == "Authorization":
        return [(name, printable(odd_text(rng)))]
    return [(name, HEADERS[name] if rng.random() < 0.5 else printable(spoiled_text(rng, HEADERS[name])))]


async def save(rng: Random, wire: Wire, house: House) -> None:
    """A change, nine in ten of them rehearsed."""
    name = rng.choice(_SAVED)
    word, body = _change(rng, name)
    kind = rng.random()
    if kind < 0.45 and "files" in body:
        document = {**body, "files": [_odd_file(rng, file) for file in body["files"]]}
    else:
        document = spoiled_json(rng, body, WORDS) if kind < 0.85 else body
    method = "DELETE" if word == "" and rng.random() < 0.1 else "POST"
    target = f"/api/skills/{name if rng.random() < 0.85 else _name(rng)}{word}"
    is_rehearsal = rng.random() < 0.9
    query = {"dry_run": "true"} if is_rehearsal else {"confirm": "true"} if method == "DELETE" else {}
    target += "?" + urlencode(query) if query else ""
    headers = [
        ("Authorization", f"Bearer {house.editor if rng.random() < 0.9 else house.reader}"),
        ("Content-Type", "application/json"),
    ]
    if rng.random() < 0.1:
        headers.append(("If-Match", rng.choice(('"' + "0" * 40 + '"', "*", "W/x", printable(odd_text(rng))))))
    sent = as_json(rng, document)
    if rng.random() < 0.05:
        sent = spoiled_bytes(rng, sent)
    before = house.repository.head()
    answer = await wire.ask(method, target, headers, sent, expected=SAVING)
    if house.repository.head() != before and (answer.status != 200 or is_rehearsal):
        raise WrongError(f"{answer.status}, and yet there is a commit: {shown(answer.body)} to {shown(sent)}")


def _odd_file(rng: Random, file: dict[str, Any]) -> dict[str, Any]:
    """One of its fields is odd, and has the right type."""
    key = rng.choice(("path", "content", "content", "encoding"))
    if key == "encoding":
        return {**file, key: rng.choice(("base64", "utf-8", "", None))}
    return {**file, key: str(of(rng, WORDS)) if rng.random() < 0.2 else spoiled_text(rng, file[key])}


def _change(rng: Random, name: str) -> tuple[str, dict[str, Any]]:
    entry = {"description": "Words", "category": "writing", "tags": ["surface:CC", "a"], "keywords": ["b"]}
    match rng.randrange(10):
        case 0:
            return "/bump", {"type": rng.choice(("major", "minor", "patch")), "commitMessage": "Next"}
        case 1:
            return "/publish", entry
        case 2:
            return "/unpublish", {"base_revision": "a" * 40}
        case 3:
            return "/rename", {"to": "fresher" if name == "fresh" else "fresh"}
        case _:
            md = MD.format(name=name.rpartition("/")[2])
            if rng.random() < 0.3:
                md = spoiled_bytes(rng, of(rng, corpora.SKILL_MDS)).decode("utf-8", "replace")
            image = base64.b64encode(rng.randbytes(40)).decode()
            files = [
                {"path": "SKILL.md", "content": md},
                {"path": "scripts/go.sh", "content": "echo go\n", "executable": True},
                {"path": "assets/logo.png", "content": image, "encoding": "base64"},
                {"path": "references/old.md", "content": ""},
            ]
            body: dict[str, Any] = {"files": files[: rng.randint(1, 4)], "commitMessage": "Change it"}
            return "", body | (
                {"plugin_metadata": {"description": "Is new.", "keywords": ["x"]}} if "/" in name else {}
            )
