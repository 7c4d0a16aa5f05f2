"""Owns deliveries as a target: payloads that are nearly GitHub's, signed, forms, odd headers, and what is hardly HTTP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import quote_plus

from tests.fuzz.house import REPOSITORY, WEBHOOK_SECRET, House, open_house
from tests.fuzz.mutation import as_json, odd_text, of, printable, spoiled_bytes, spoiled_json, spoiled_text
from tests.fuzz.target import Attempt, Target, WrongError
from tests.fuzz.wire import LIMIT_S, Wire

PATH: Final = "/webhooks/github"
EXPECTED: Final = frozenset({202, 400, 401, 413, 415})
EVENTS: Final = (
    "push", "ping", "repository", "public", "meta", "pull_request", "installation", "installation_repositories", "create",
    "delete", "star",
)  # fmt: skip
_ABOUT: Final = {
    "id": 7,
    "full_name": REPOSITORY,
    "name": "skills",
    "default_branch": "main",
    "owner": {"login": "acme"},
}
_ELSE: Final = {"id": 8, "full_name": "acme/other", "name": "other", "default_branch": "trunk"}
PAYLOADS: Final[tuple[tuple[str, Any], ...]] = (
    ("push", {"ref": "refs/heads/main", "before": "a" * 40, "after": "b" * 40, "forced": False, "created": False,
              "head_commit": {"id": "b" * 40}, "commits": [{"id": "b" * 40, "added": ["a"], "modified": [], "removed": []}]}),
    ("push", {"ref": "refs/tags/v1", "before": "0" * 40, "after": "b" * 40, "created": True, "head_commit": {"id": "c" * 40}}),
    ("push", {"ref": "refs/heads/main", "before": "a" * 40, "after": "0" * 40, "deleted": True, "head_commit": None}),
    ("ping", {"zen": "x", "hook_id": 1, "hook": {"events": ["push"], "active": True, "config": {"insecure_ssl": "0"}}}),
    ("repository", {"action": "renamed", "changes": {"repository": {"name": {"from": "old"}}}}),
    ("repository", {"action": "transferred", "changes": {"owner": {"from": {"user": {"login": "ada"}}}}}),
    ("repository", {"action": "edited", "changes": {"default_branch": {"from": "master"}}}),
    ("repository", {"action": "archived"}),
    ("repository", {"action": "deleted"}),
    ("meta", {"action": "deleted", "hook_id": 1, "hook": {}}),
    ("pull_request", {"action": "closed", "number": 1, "pull_request": {"merged": True, "head": {"ref": "skillport/x/1"}}}),
    ("installation", {"action": "suspend", "installation": {"id": 1, "account": {"login": "acme"}, "repository_selection": "all"},
                      "repositories": [_ABOUT]}),
    ("installation_repositories", {"action": "removed", "installation": {"id": 1}, "repositories_added": [_ELSE],
                                   "repositories_removed": [_ABOUT]}),
    ("create", {"ref": "x", "ref_type": "branch", "master_branch": "main"}),
)  # fmt: skip
WORDS: Final = (
    REPOSITORY,
    "acme/other",
    "refs/heads/main",
    "refs/heads/",
    "refs/tags/v1",
    "main",
    "0" * 40,
    "b" * 40,
    "deleted",
    "renamed",
    "x" * 40,
)


def targets() -> list[Target]:
    return [Target("webhooks", 9_000, LIMIT_S, opened)]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Attempt]:
    async with open_house(folder) as house:
        wire = Wire(house.url)

        async def attempt(rng: Random) -> None:
            await deliver(rng, wire, house)

        yield attempt
        await wire.close()


async def deliver(rng: Random, wire: Wire, house: House) -> None:
    event, payload = of(rng, PAYLOADS)
    document = {**payload, "repository": _ABOUT if rng.random() < 0.8 else _ELSE}
    if rng.random() < 0.9:
        document = spoiled_json(rng, document, WORDS)
    body, kind = as_json(rng, document), "application/json"
    if rng.random() < 0.15:
        body, kind = b"payload=" + quote_plus(body).encode(), "application/x-www-form-urlencoded"
        body = spoiled_bytes(rng, body) if rng.random() < 0.4 else body
    elif rng.random() < 0.1:
        body = spoiled_bytes(rng, body)
    headers: dict[str, str] = {
        "X-GitHub-Event": event if rng.random() < 0.9 else str(of(rng, EVENTS)),
        "X-GitHub-Delivery": f"{rng.getrandbits(128):032x}",
        "X-GitHub-Hook-ID": "42",
        "X-Hub-Signature-256": "sha256=" + hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest(),
        "Content-Type": kind,
    }
    if rng.random() < 0.15:
        headers = _spoiled_headers(rng, headers)
    if rng.random() < 0.02:
        await wire.throw(_hardly_http(rng, wire, headers, body))
        return
    answer = await wire.ask("POST", PATH, [*headers.items()], body, expected=EXPECTED)
    if answer.status == 202 and answer.json.keys() != {"status", "reason", "delivery"}:
        raise WrongError(f"an answer of another form: {answer.body!r}")
    house.github.journal.reset()


def _spoiled_headers(rng: Random, headers: dict[str, str]) -> dict[str, str]:
    made = dict(headers)
    for _ in range(rng.randint(1, 3)):
        name = str(
            of(
                rng,
                [
                    *made,
                    "X-GitHub-Enterprise-Host",
                    "X-GitHub-Enterprise-Version",
                    "Content-Encoding",
                    "X-Forwarded-For",
                ],
            )
        )
        match rng.randrange(4):
            case 0:
                made.pop(name, None)
            case 1:
                made[name] = printable(odd_text(rng))
            case 2:
                made[name] = printable(spoiled_text(rng, made.get(name, "")))
            case _:
                made[name] = rng.choice(
                    (
                        "gzip",
                        "identity",
                        "ghe.example:8443",
                        "text/plain",
                        "application/json; charset=latin-1",
                        "9" * 30,
                    )
                )
    return made


def _hardly_http(rng: Random, wire: Wire, headers: dict[str, str], body: bytes) -> bytes:
    """A request whose framing is wrong."""
    lines = [
        f"POST {PATH} HTTP/1.1",
        f"Host: {wire.authority}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    lines.append(
        rng.choice(
            (
                f"Content-Length: {len(body) + rng.choice((1, 1000, 10**9, 10**30))}",
                f"Content-Length: {len(body)}\r\nContent-Length: {len(body) + 1}",
                f"Content-Length: -{len(body)}",
                "Transfer-Encoding: chunked",
                f"Transfer-Encoding: chunked\r\nContent-Length: {len(body)}",
                "Expect: 100-continue",
            )
        )
    )
    raw = "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body
    return spoiled_bytes(rng, raw) if rng.random() < 0.5 else raw
