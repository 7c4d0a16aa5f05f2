"""Owns the checks of a native install through Claude Code: from the settings that this service prints to the plugin on disk, its
update, and what becomes of it when the token ends.

Claude Code takes archives over https only and from no address of loopback, so this machine is given a private address behind the
fence, and an authority of its own: a front there passes everything on to the service.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
from aiohttp import hdrs

from mcp_server.marketplace.settings_snippet import connect
from skillport_sync import template
from skillport_sync.config import load
from skillport_sync.reports import ReconcileOptions, TokenRequest
from skillport_sync.serve import Service, serving
from skillport_sync.standin import File, Repository, StandInGitHub
from tests.clients.checks import Bench, Finished, Outcome, Result
from tests.clients.claude_code import CALM
from tests.clients.company import EDITOR, GITHUB_TOKEN, READER, REPOSITORY, STARTS_WITHIN_S
from tests.clients.private_https import ADDRESS, authority, front, have_address

PLUGIN, SKILL_MD = "data", "skills/csv-profile/SKILL.md"
"""A plugin of the example with an executable file."""
NEW = b"---\nname: csv-profile\ndescription: Says it differently.\n---\n\nNew words.\n"
NO_ADDRESS = "needs a private address on the loopback interface, and may not give this machine one"


@dataclass(frozen=True, slots=True)
class Scene:
    """The service behind its front, the repository that it mirrors, and a reader's token."""

    service: Service
    repository: Repository
    url: str
    authority: Path
    token: str
    token_id: int | str


async def check(name: str, bench: Bench) -> AsyncIterator[Result]:
    """Connected as `skillport-sync claude-code` says, both ways; installed; updated; and the token revoked."""
    try:
        have_address()
    except OSError as error:
        yield Result(name, "", "native install", "skipped", f"{NO_ADDRESS}: {error}")
        return
    async with _scene(bench.folder) as scene:
        catalog = await _catalog(scene)
        yield await _validated(name, bench, catalog)
        plain = Claude(bench, bench.folder / "headers", scene)
        await plain.connect(str(catalog["name"]), helper=False)
        yield await _installed(name, plain, catalog, "headers")
        claude = Claude(bench, bench.folder / "helper", scene)
        await claude.connect(str(catalog["name"]), helper=True)
        yield await _installed(name, claude, catalog, "headersHelper")
        yield _outcome(name, "what may not be read is not there", await _hidden(claude, catalog))
        yield await _updated(name, claude, scene, catalog)
        yield await _revoked(name, claude, scene)


class Claude:
    """Claude Code in a HOME of its own."""

    def __init__(self, bench: Bench, home: Path, scene: Scene) -> None:
        home.mkdir()
        self._bench = bench
        self._scene = scene
        self.home = home
        self.title = ""

    async def connect(self, title: str, *, helper: bool) -> None:
        """Do what the settings and commands say, and start a session. Without a login it ends at once, so it is told to do first
        what its settings say."""
        self.title = title
        connection = connect(base_url=self._scene.url, title=title, token=self._scene.token, helper=helper)
        (self.home / ".claude").mkdir()
        (self.home / ".claude" / "settings.json").write_text(connection.settings_text)
        for command in connection.commands[: len(connection.commands) - 2]:
            await self._run("/bin/sh", "-c", command)
        await self._run(self._bench.package.command("claude"), "-p", "hello")

    async def plugin(self, *words: str) -> Finished:
        return await self._run(self._bench.package.command("claude"), "plugin", *words)

    async def refreshed(self) -> Finished:
        return await self.plugin("marketplace", "update", self.title)

    def there(self, plugin: str) -> dict[str, tuple[bytes, bool]]:
        """The files of the version that is installed, and which are executable. Nothing where none is."""
        record = self.home / ".claude" / "plugins" / "installed_plugins.json"
        installed = json.loads(record.read_text())["plugins"] if record.exists() else {}
        folder = Path(installed.get(f"{plugin}@{self.title}", [{"installPath": "/nowhere"}])[0]["installPath"])
        return {
            path.relative_to(folder).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o111))
            for path in folder.rglob("*")
            if path.is_file()
        }

    async def _run(self, *command: str | Path) -> Finished:
        bench = replace(self._bench, folder=self.home)
        return await bench.run(
            command, **CALM, CLAUDE_CODE_SYNC_PLUGIN_INSTALL="1", NODE_EXTRA_CA_CERTS=str(self._scene.authority)
        )


async def _validated(name: str, bench: Bench, catalog: Mapping[str, object]) -> Result:
    folder = bench.folder / "served"
    (folder / ".claude-plugin").mkdir(parents=True)
    (folder / ".claude-plugin" / "marketplace.json").write_text(json.dumps(catalog))
    said = await bench.run([bench.package.command("claude"), "plugin", "validate", "--strict", str(folder)], **CALM)
    plugins = catalog["plugins"]
    assert isinstance(plugins, list)
    return _outcome(
        name, "plugin validate --strict of the catalog", said.why if said.code else None, f"{len(plugins)} plugins"
    )


async def _installed(name: str, claude: Claude, catalog: Mapping[str, object], form: str) -> Result:
    """Every plugin of the catalog, byte for byte and mode for mode, but for the version in plugin.json."""
    what = f"plugin install, connected with {form}"
    versions = {entry["name"]: entry["version"] for entry in _entries(catalog)}
    for plugin, version in versions.items():
        done = await claude.plugin("install", f"{plugin}@{claude.title}")
        if done.code != 0:
            return _outcome(name, what, f"{plugin}: {done.why}")
        wanted = _written(plugin, str(version))
        found = claude.there(plugin)
        differ = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
        if differ:
            return _outcome(name, what, f"{plugin}: differ: {', '.join(differ)}")
    return _outcome(name, what, None, f"{len(versions)} plugins, the same bytes and modes")


async def _hidden(claude: Claude, catalog: Mapping[str, object]) -> str | None:
    names = {entry["name"] for entry in _entries(catalog)}
    every = {path.split("/")[1] for path in template.files(editors=[EDITOR]) if path.startswith("plugins/")}
    hidden = sorted(every - names)
    if not hidden:
        return "the example hides nothing"
    done = await claude.plugin("install", f"{hidden[0]}@{claude.title}")
    return None if done.code != 0 and "not found" in done.out + done.err else done.why


async def _updated(name: str, claude: Claude, scene: Scene, catalog: Mapping[str, object]) -> Result:
    """A push that raises no version is an update for whoever has the plugin, and none for whoever has another."""
    what = "plugin update of a changed skill"
    scene.repository.commit({f"plugins/{PLUGIN}/{SKILL_MD}": File(NEW)})
    async for _ in scene.service.operator.reconcile(ReconcileOptions()):
        pass
    refreshed = await claude.refreshed()
    done = await claude.plugin("update", f"{PLUGIN}@{claude.title}")
    if refreshed.code or done.code or claude.there(PLUGIN).get(SKILL_MD) != (NEW, False):
        return _outcome(name, what, f"{refreshed.why}; {done.why}")
    other = next(entry["name"] for entry in _entries(catalog) if entry["name"] != PLUGIN)
    same = await claude.plugin("update", f"{other}@{claude.title}")
    return _outcome(
        name, what, None if "already at the latest version" in same.out else same.why, done.out.splitlines()[-1]
    )


async def _revoked(name: str, claude: Claude, scene: Scene) -> Result:
    """Without a token nothing new comes, and what is installed stays."""
    before = claude.there(PLUGIN)
    await scene.service.operator.revoke_token(str(scene.token_id))
    done = await claude.refreshed()
    listed = await claude.plugin("list", "--json")
    kept = any(row["id"] == f"{PLUGIN}@{claude.title}" and row["enabled"] for row in json.loads(listed.out))
    fine = done.code != 0 and kept and claude.there(PLUGIN) == before
    return _outcome(name, "a revoked token gets nothing, what is installed stays", None if fine else done.why)


def _written(plugin: str, version: str) -> dict[str, tuple[bytes, bool]]:
    """The plugin as it was committed, with the version that it is served under."""
    above = f"plugins/{plugin}/"
    files = {
        path.removeprefix(above): (file.content, file.executable)
        for path, file in template.files(editors=[EDITOR]).items()
        if path.startswith(above)
    }
    if not files:
        files = _own()
    manifest, executable = files[".claude-plugin/plugin.json"]
    before = json.loads(manifest)["version"].encode()
    files[".claude-plugin/plugin.json"] = (manifest.replace(before, version.encode(), 1), executable)
    return files


def _own() -> dict[str, tuple[bytes, bool]]:
    from skillport_sync.template.own_skill import own_skill

    return {path: (file.content, file.executable) for path, file in own_skill().plugin_files.items()}


def _entries(catalog: Mapping[str, object]) -> list[dict[str, str]]:
    entries = catalog["plugins"]
    assert isinstance(entries, list)
    return entries


def _outcome(name: str, what: str, wrong: str | None, seen: str = "") -> Result:
    outcome: Outcome = "passed" if wrong is None else "failed"
    return Result(name, "", what, outcome, wrong or seen)


async def _catalog(scene: Scene) -> Mapping[str, object]:
    context = ssl.create_default_context(cafile=str(scene.authority))
    headers = {hdrs.AUTHORIZATION: f"Bearer {scene.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{scene.url}/marketplace.json", ssl=context) as answer,
    ):
        answer.raise_for_status()
        catalog = await answer.json()
        assert isinstance(catalog, dict)
        return catalog


@asynccontextmanager
async def _scene(folder: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        github = StandInGitHub()
        api_url = await github.start()
        stack.push_async_callback(github.close)
        github.accept_token(GITHUB_TOKEN)
        repository = github.create_repository(REPOSITORY)
        files = template.files(editors=[EDITOR])
        repository.commit({path: File(file.content, executable=file.executable) for path, file in files.items()})
        listening = socket.create_server((ADDRESS, 0))
        url = f"https://{ADDRESS}:{listening.getsockname()[1]}"
        service = await stack.enter_async_context(serving(load(_config(folder / "service", api_url, url), {})))
        async with asyncio.timeout(STARTS_WITHIN_S):
            for mirrored in service.parts.marketplaces.values():
                await mirrored.loop.settled()
        context, public = authority(folder)
        await stack.enter_async_context(front(listening, context, service.url))
        made = await service.operator.create_token(TokenRequest(READER, "a native install"))
        yield Scene(service, repository, url, public, made.token, made.row.id)


def _config(folder: Path, api_url: str, url: str) -> Path:
    folder.mkdir()
    (folder / "github-token").touch(0o600)
    (folder / "github-token").write_text(GITHUB_TOKEN)
    path = folder / "config.toml"
    path.write_text(
        f"""\
public_url = "{url}"
data_dir = "data"
[server]
port = 0
[[marketplaces]]
repository = "{REPOSITORY}"
[github]
api_url = "{api_url}"
token_file = "github-token"
[auth]
mode = "token"
"""
    )
    return path
