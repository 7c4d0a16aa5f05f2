"""docs/openapi.yaml, held to the routes that are composed and to what the running service answers.

Every answer below is asked for over HTTP, and has to fit the schema of its status as it stands there, with no field that the
document does not know.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import io
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from ruamel.yaml import YAML
from yarl import URL

from skillport_sync import serve
from skillport_sync.demo.browser import Browser
from skillport_sync.listener import Listener, site
from tests.fuzz.house import WEBHOOK_SECRET, House, open_house

ROOT = Path(__file__).parents[2]
LOCAL = "http://localhost:51620/callback"
NOTES = "release-notes"
NOWHERE = {"/api", "/api/{path}"}
"""What only says that there is nothing."""
FORM = "application/x-www-form-urlencoded"


class Document:
    """The description, and whether an answer is what it says."""

    def __init__(self, text: str) -> None:
        self.raw = YAML(typ="safe", pure=True).load(text)
        self._closed = copy.deepcopy(self.raw)
        _close(self._closed["components"]["schemas"], set(_parts(self._closed)))
        _close(self._closed["paths"], set())
        _close(self._closed["components"]["responses"], set())

    def operations(self) -> dict[str, set[str]]:
        """The methods of every path."""
        return {path: {key.upper() for key in item if key != "parameters"} for path, item in self.raw["paths"].items()}

    def response(self, path: str, method: str, status: int) -> Any:
        said = self._closed["paths"][path][method.lower()]["responses"]
        assert str(status) in said, f"{method} {path} may not answer {status}: {sorted(said)}"
        found = said[str(status)]
        return self._closed["components"]["responses"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found

    def check(self, path: str, method: str, seen: Seen) -> None:
        """Raise where this answer is not what the document says."""
        response = self.response(path, method, seen.status)
        for name, header in response.get("headers", {}).items():
            if name in seen.headers or header.get("required"):
                self._fits(header["schema"], seen.headers[name], f"{path}: {name}")
        content = response.get("content", {})
        if not seen.body:
            assert not content, f"{method} {path} {seen.status} has no body"
            return
        assert seen.kind in content, f"{method} {path} {seen.status} is {seen.kind}"
        if seen.kind == "application/json":
            self._fits(content[seen.kind]["schema"], seen.json, f"{method} {path} {seen.status}")
        elif seen.kind.startswith("text/"):
            self._fits(content[seen.kind]["schema"], seen.body.decode(), f"{method} {path} {seen.status}")

    def _fits(self, schema: Any, value: object, what: str) -> None:
        whole = {**schema, "components": self._closed["components"]}
        errors = [f"{error.json_path}: {error.message}" for error in OAS31Validator(whole).iter_errors(value)]
        assert errors == [], (what, value)


def _parts(node: Any) -> Iterator[str]:
    """The names of the schemas that others are put together of: those cannot know what the others have."""
    if isinstance(node, dict):
        yield from (part["$ref"].rpartition("/")[2] for part in node.get("allOf", ()) if "$ref" in part)
        for value in node.values():
            yield from _parts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _parts(value)


def _close(node: Any, left_open: set[str]) -> None:
    """Clients have to bear fields that they do not know; the document has to know them all."""
    if isinstance(node, list):
        for value in node:
            _close(value, left_open)
    elif isinstance(node, dict):
        if "allOf" in node or ("properties" in node and "additionalProperties" not in node):
            node["unevaluatedProperties"] = False
        for name, value in node.items():
            if name == "allOf":
                for part in value:  # closed by what they are parts of
                    _close(list(part.get("properties", {}).values()), left_open)
            else:
                _close(value, left_open)
                if name in left_open:
                    value.pop("unevaluatedProperties", None)


@dataclass(frozen=True)
class Seen:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Asking:
    """Asks the service, and holds each answer to the document."""

    def __init__(self, house: House, http: aiohttp.ClientSession, document: Document) -> None:
        self.house = house
        self.document = document
        self.seen: set[tuple[str, str, int]] = set()
        self._http = http

    async def send(
        self, method: str, path: str, who: str | None = None, body: object = None, **headers: str
    ) -> tuple[Seen, str]:
        """The answer, and the status as a word for a table."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            sent["Authorization"] = f"Bearer {getattr(self.house, who, who)}"
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        data = None if raw is None else io.BytesIO(raw)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self._http.request(
            method, URL(self.house.url + path, encoded=True), data=data, headers=sent, allow_redirects=False
        ) as answer:
            return Seen(answer.status, answer.headers, await answer.read()), path

    async def ask(self, expected: int, operation: str, who: str | None = None, body: object = None, **how: Any) -> Any:
        """``operation`` as ``GET /api/skills/{name}``; ``how`` fills its braces, ``query`` and headers (``If_Match``)."""
        method, path = operation.split(" ")
        names = re.findall(r"{(\w+)}", path)
        target = re.sub(r"{(\w+)}", lambda found: how[found[1]], path)
        target += "?" + urlencode(how["query"]) if "query" in how else ""
        headers = {name: value for name, value in how.items() if name not in (*names, "query")}
        seen, _ = await self.send(method, target, who, body, **headers)
        assert seen.status == expected, (operation, seen.body)
        self.document.check(path, method, seen)
        self.seen.add((method, path, seen.status))
        return seen.json if seen.kind == "application/json" and seen.body else seen

    async def form(self, expected: int, operation: str, fields: Mapping[str, str] | bytes, **how: Any) -> Any:
        body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
        return await self.ask(expected, operation, None, body, **{"Content_Type": FORM, **how})

    async def signed_in(self, wish: Mapping[str, str]) -> str:
        """The code of a person who goes the whole way; every answer of ours on it is held to the document."""
        browser = Browser({"provider": "demo", "person": "ada"}, LOCAL)
        await browser.open(f"{self.house.url}/oauth/authorize?{urlencode(wish)}")
        met = []
        for answer in browser.history:
            if str(answer.url).startswith(self.house.url):
                path = answer.url.path.replace("/demo", "/{provider}")
                seen = Seen(answer.status_code, answer.headers, answer.content)
                self.document.check(path, answer.request.method, seen)
                met.append((path, seen.status))
        assert met == [("/oauth/authorize", 200), ("/oauth/consent", 303), ("/oauth/callback/{provider}", 303)]
        return (await browser.came_back()).code


@pytest.fixture(scope="module")
def document() -> Document:
    return Document((ROOT / "docs/openapi.yaml").read_text())


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> list[web.RouteDef]:
    """The routes of every listener of the service, noted as it begins to serve them."""
    noted: list[web.RouteDef] = []

    def noting(listener: Listener, routes: Sequence[web.RouteDef], **how: Any) -> AbstractAsyncContextManager[None]:
        noted.extend(routes)
        return site(listener, routes, **how)

    monkeypatch.setattr(serve, "site", noting)
    return noted


@pytest.fixture
async def asking(tmp_path: Path, document: Document, composed: list[web.RouteDef]) -> AsyncIterator[Asking]:
    jar = aiohttp.DummyCookieJar()
    async with open_house(tmp_path / "house") as house, aiohttp.ClientSession(cookie_jar=jar) as http:
        yield Asking(house, http, document)


def test_the_document_is_valid(document: Document) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document.raw).iter_errors()] == []


def test_every_part_of_the_document_is_used(document: Document) -> None:
    text = json.dumps(document.raw)
    for kind, parts in document.raw["components"].items():
        if kind != "securitySchemes":
            assert [name for name in parts if f'"#/components/{kind}/{name}"' not in text] == []


async def test_the_document_has_every_route_with_its_methods_and_no_other(
    asking: Asking, composed: list[web.RouteDef]
) -> None:
    """A method that there is nowhere is refused with those that there are."""
    methods: dict[str, set[str]] = {}
    for path in {re.sub(r":[^}]*}", "}", route.path) for route in composed} - NOWHERE:
        seen, _ = await asking.send("PATCH", re.sub(r"{\w+}", "x", path), "editor")
        assert seen.status == 405, path
        methods[path] = set(seen.headers["Allow"].replace(" ", "").split(",")) - {"HEAD", "OPTIONS"}
    assert methods == asking.document.operations()


async def test_what_is_read_is_as_described(asking: Asking) -> None:
    ask = asking.ask
    for who in ("editor", "reader"):
        await ask(200, "GET /api/whoami", who)
        listed = await ask(200, "GET /api/skills", who, query={"q": "notes", "surface": "CC", "refresh": "true"})
        assert listed["count"] >= 1
        await ask(200, "GET /api/skills/{name}", who, name=NOTES)
        await ask(200, "GET /api/skills/{plugin}/{name}", who, plugin="brand", name="brand-kit")
        await ask(200, "GET /api/skills/{name}/versions", who, name=NOTES)
        await ask(200, "GET /api/skills/{plugin}/{name}/versions", who, plugin="writing", name=NOTES)
        await ask(200, "GET /api/claude-code", who)
    said = [{"name": NOTES, "version": "0.0.1"}, {"name": "writing"}, {"name": "nothing"}, {"name": "review"}]
    assert (await ask(200, "POST /api/check-updates", "reader", {"installed": said}))["hasUpdates"] is True
    await ask(200, "GET /api/debug/plugins", "editor")
    await ask(200, "GET /healthz")
    await ask(200, "GET /readyz")
    await ask(200, "GET /metrics")

    await ask(401, "GET /api/whoami")
    await ask(401, "GET /api/skills", "sps_nobody-has-this")
    await ask(400, "GET /api/skills", "reader", query={"published": "perhaps"})
    await ask(400, "GET /api/skills", None, query={"access_token": "x"})
    await ask(403, "GET /api/debug/plugins", "reader")
    await ask(403, "GET /api/skills", "reader", Origin="https://elsewhere.example")
    await ask(404, "GET /api/skills/{name}", "reader", name="quarter-close")
    await ask(404, "GET /api/skills/{name}/versions", "reader", name="nothing")
    await ask(421, "GET /api/skills", "reader", Host="elsewhere.example")
    await ask(400, "POST /api/check-updates", "reader", b"{")
    await ask(413, "POST /api/check-updates", "reader", b"[" + b" " * 4 * 1024 * 1024 + b"]")


async def test_what_is_installed_is_as_described(asking: Asking) -> None:
    ask, install, edit = asking.ask, "GET /api/install/{token}", "GET /api/edit/{token}"
    for path in ("/install.sh", "/edit.sh"):
        await ask(200, f"GET {path}")
        await ask(403, f"GET {path}", Origin="https://elsewhere.example")
    for target, format_, kind in (
        ("claude-code", "json", "application/json"),
        ("claude-code", "archive", "application/gzip"),
        ("package", "archive", "application/zip"),
    ):
        offer = await ask(200, "GET /api/skills/{name}/install", "reader", name="brand-kit", query={"target": target})
        token = offer["install_token"]
        await ask(200, install, token=token, query={"format": "plan"})
        seen = await ask(200, install, token=token, query={"format": format_})
        assert kind == "application/json" or seen.kind == kind
        await ask(410, install, token=token)
    await ask(200, "GET /api/skills/{plugin}/{name}/install", "reader", plugin="brand", name="brand-kit")
    await ask(400, "GET /api/skills/{name}/install", "reader", name="brand-kit", query={"target": "moon"})
    await ask(400, install, token="x")
    await ask(404, install, token=f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}")
    for format_ in ("plan", "info", "json"):
        offer = await ask(200, "GET /api/skills/{plugin}/{name}/edit", "editor", plugin="brand", name="brand-kit")
        await ask(200, edit, token=offer["edit_token"], query={"format": format_})
    await ask(200, edit, token=(await ask(200, "GET /api/skills/{name}/edit", "editor", name=NOTES))["edit_token"])
    await ask(410, edit, token=offer["edit_token"])
    await ask(400, edit, token="x")
    await ask(403, "GET /api/skills/{name}/edit", "reader", name=NOTES)

    catalog = await ask(200, "GET /marketplace.json", "reader")
    seen, _ = await asking.send("GET", "/marketplace.json", "reader")
    await ask(304, "GET /marketplace.json", "reader", If_None_Match=seen.headers["ETag"])
    await ask(404, "GET /marketplace.json", "reader", query={"marketplace": "other"})
    await ask(401, "GET /marketplace.json")
    address = URL(next(plugin["source"]["url"] for plugin in catalog["plugins"] if plugin["name"] == "writing"))
    archive, how = "GET /archives/{plugin}/{file}", {"plugin": "writing", "file": address.name}
    seen = await ask(200, archive, "reader", **how)
    assert hashlib.sha256(seen.body).hexdigest() == seen.headers["X-Skillport-Sha256"] == address.name[:-4]
    await ask(304, archive, "reader", If_None_Match=seen.headers["ETag"], **how)
    await ask(206, archive, "reader", Range="bytes=0-9", **how)
    await ask(416, archive, "reader", Range="bytes=999999999-", **how)
    await ask(404, archive, "reader", plugin="writing", file="0" * 64 + ".zip")


async def test_what_is_changed_is_as_described(asking: Asking) -> None:
    ask = asking.ask
    skill, of_plugin = "/api/skills/{name}", "/api/skills/{plugin}/{name}"
    written = [{"path": "SKILL.md", "content": f"---\nname: {NOTES}\ndescription: News.\n---\n\nWrite it.\n"}]
    was = (await ask(200, f"GET {skill}", "editor", name=NOTES))["skill"]["revision"]
    rehearsed = await ask(200, f"POST {skill}", "editor", {"files": written}, name=NOTES, query={"dry_run": "true"})
    assert rehearsed["diff"].startswith("diff --git a/plugins/writing")
    program = {"path": "scripts/go.sh", "content": "echo go\n", "executable": True}
    binary = {"path": "logo.png", "content": base64.b64encode(bytes(range(256))).decode(), "encoding": "base64"}
    files = [*written, program, binary]
    await ask(
        200, f"POST {skill}", "editor", {"files": files, "commitMessage": "News"}, name=NOTES, If_Match=f'"{was}"'
    )
    assert (await ask(200, f"POST {skill}", "editor", {"files": written}, name=NOTES))["unchanged"] is True
    other = [{"path": "SKILL.md", "content": written[0]["content"] + "More.\n"}]
    clash = await ask(409, f"POST {skill}", "editor", {"files": other, "base_revision": was}, name=NOTES)
    assert clash["both"] != []
    new = [{"path": "SKILL.md", "content": "---\nname: fresh\ndescription: Is new.\n---\n\nDo it.\n"}]
    body = {"files": new, "plugin_metadata": {"description": "Is new."}}
    assert (await ask(200, f"POST {of_plugin}", "editor", body, plugin="newest", name="fresh"))["isNewGroup"] is True
    entry = {"description": "Is new.", "tags": ["surface:CC"]}
    await ask(200, f"POST {skill}/publish", "editor", entry, name="fresh")
    for word, body in (
        ("bump", {"type": "minor"}),
        ("publish", entry),
        ("rename", {"to": "fresher"}),
        ("unpublish", None),
    ):
        for dry in ("true", "false"):
            path = f"POST {skill}/{word}" if dry == "true" else f"POST {of_plugin}/{word}"
            await ask(200, path, "editor", body, plugin="newest", name="fresh", query={"dry_run": dry})
            if word == "rename" and dry == "false":
                await ask(200, f"POST {of_plugin}/rename", "editor", {"to": "fresh"}, plugin="newest", name="fresher")
    await ask(409, f"POST {skill}/rename", "editor", {"to": NOTES}, name="fresh")
    await ask(400, f"POST {skill}/rename", "editor", {}, name="fresh")
    await ask(400, f"POST {skill}/bump", "editor", {"type": "giant"}, name="fresh")
    await ask(400, f"POST {skill}", "editor", {"files": []}, name=NOTES)
    bad = await ask(400, f"POST {skill}", "editor", {"files": [{"path": "../x", "content": "y"}]}, name=NOTES)
    assert "path" in bad
    await ask(413, f"POST {skill}/bump", "editor", b"[" + b" " * 70_000 + b"]", name="fresh")
    await ask(403, f"POST {skill}", "reader", {"files": written}, name=NOTES)
    await ask(404, f"POST {skill}/bump", "reader", {"type": "minor"}, name="quarter-close")
    await ask(401, f"POST {skill}", None, {"files": written}, name=NOTES)
    await ask(400, f"DELETE {skill}", "editor", name="fresh")
    await ask(200, f"DELETE {skill}", "editor", name="fresh", query={"dry_run": "true"})
    await ask(200, f"DELETE {of_plugin}", "editor", plugin="newest", name="fresh", query={"confirm": "true"})
    assert (await ask(200, "GET /api/changes", "editor"))["count"] == 0


async def test_a_protected_branch_makes_a_change_that_is_listed_as_described(asking: Asking) -> None:
    asking.house.repository.protected_branches.add(asking.house.repository.default_branch)
    files = [{"path": "SKILL.md", "content": f"---\nname: {NOTES}\ndescription: News.\n---\n\nWrite it.\n"}]
    done = await asking.ask(200, "POST /api/skills/{name}", "editor", {"files": files}, name=NOTES)
    assert done["pull_request"]["is_new"] is True
    assert (await asking.ask(200, "GET /api/changes", "editor"))["changes"][0]["mine"] is True


async def test_mcp_is_as_described(asking: Asking) -> None:
    ask, mcp = asking.ask, "POST /mcp"
    legacy = {"MCP_Protocol_Version": "2025-11-25"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    listed = {**call, "params": {"name": "skillport", "arguments": {"operation": "list"}}}
    assert "result" in await ask(200, mcp, "reader", listed, **legacy)
    seen = await ask(200, mcp, "reader", listed, Accept="text/event-stream", **legacy)
    assert seen.kind == "text/event-stream"
    assert "error" in await ask(200, mcp, "reader", {**call, "method": "nothing"}, **legacy)
    await ask(202, mcp, "reader", {"jsonrpc": "2.0", "method": "notifications/initialized"}, **legacy)
    envelope = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "a test", "version": "1"},
    }
    for method, status in (("tools/list", 200), ("nothing", 404)):
        message = {**call, "method": method, "params": {"_meta": envelope}}
        await ask(status, mcp, "reader", message, MCP_Protocol_Version="2026-07-28", Mcp_Method=method)
    await ask(400, mcp, "reader", b"{", **legacy)
    await ask(400, mcp, "reader", [], **legacy)
    await ask(400, mcp, None, listed, query={"access_token": "x"})
    await ask(401, mcp, None, listed)
    await ask(415, mcp, "reader", b"{}", Content_Type="text/plain")
    await ask(413, mcp, "reader", b"[" + b" " * 4 * 1024 * 1024 + b"]")
    await ask(403, mcp, "reader", listed, Origin="https://elsewhere.example")


async def test_sign_in_is_as_described(asking: Asking) -> None:
    ask, form = asking.ask, asking.form
    for name in ("oauth-protected-resource", "oauth-authorization-server"):
        for suffix in ("", "/mcp"):
            await ask(200, f"GET /.well-known/{name}{suffix}")
    client = await ask(201, "POST /oauth/register", None, {"client_name": "A test", "redirect_uris": [LOCAL]})
    await ask(400, "POST /oauth/register", None, {"redirect_uris": ["javascript:x"]})
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    wish = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": LOCAL,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "resource": f"{asking.house.url}/mcp",
    }

    await ask(400, "GET /oauth/authorize", query={**wish, "client_id": "nobody"})
    refused = await ask(303, "GET /oauth/authorize", query={**wish, "code_challenge": "short"})
    assert "error=" in refused.headers["Location"]
    foreign = {"transaction": "x", "csrf": "x", "provider": "demo"}
    await form(403, "POST /oauth/consent", foreign, Origin="https://elsewhere.example")
    await form(400, "POST /oauth/consent", foreign, Origin=asking.house.url)
    await ask(400, "GET /oauth/callback/{provider}", provider="demo", query={"state": "x", "code": "x"})
    code = await asking.signed_in(wish)

    exchange = {"grant_type": "authorization_code", "client_id": client["client_id"], "redirect_uri": LOCAL}
    await form(400, "POST /oauth/token", {**exchange, "code": "sp_ac_x", "code_verifier": verifier})
    await form(401, "POST /oauth/token", {**exchange, "client_id": "nobody", "code": code})
    pair = await form(200, "POST /oauth/token", {**exchange, "code": code, "code_verifier": verifier})
    await ask(200, "GET /api/whoami", pair["access_token"])
    renew = {"grant_type": "refresh_token", "client_id": client["client_id"], "refresh_token": pair["refresh_token"]}
    await form(200, "POST /oauth/token", renew)
    await form(200, "POST /oauth/revoke", {"token": pair["access_token"], "client_id": client["client_id"]})
    await form(400, "POST /oauth/revoke", {"token": pair["access_token"]})


async def test_deliveries_are_as_described(asking: Asking) -> None:
    ask, hook = asking.ask, "POST /webhooks/github"

    def signed(body: bytes, **more: str) -> dict[str, str]:
        digest = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        guid = str(uuid4())
        return {
            "X_GitHub_Event": "ping",
            "X_GitHub_Delivery": guid,
            "X_Hub_Signature_256": f"sha256={digest}",
            **more,
        }

    await ask(202, hook, None, b"{}", **signed(b"{}"))
    await ask(202, hook, None, b"payload=%7B%7D", **signed(b"payload=%7B%7D", Content_Type=FORM))
    await ask(400, hook, None, b"[]", **signed(b"[]"))
    await ask(400, hook, None, b"{}", **signed(b"{}", X_GitHub_Event="NO"))
    await ask(401, hook, None, b"{}", **signed(b"other"))
    await ask(415, hook, None, b"{}", **signed(b"{}", Content_Type="text/plain"))


def test_a_field_that_is_not_described_or_has_another_type_is_found(document: Document) -> None:
    snapshot = {"marketplace": "a", "repository": "a/b", "commit": "0" * 40, "published_at": "2026-01-01T00:00:00Z"}
    good = {"count": 0, "changes": [], "snapshot": {**snapshot, "age_s": 1, "stale": False}}

    def seen(answer: object) -> Seen:
        return Seen(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    document.check("/api/changes", "GET", seen(good))
    for bad in ({**good, "more": 1}, {**good, "count": "0"}, {**good, "snapshot": {**good["snapshot"], "more": 1}}):
        with pytest.raises(AssertionError):
            document.check("/api/changes", "GET", seen(bad))
    with pytest.raises(AssertionError):
        document.check("/api/changes", "GET", Seen(418, {}, b""))
