"""Owns a service that skills are installed from over real HTTP, and the machines that they are installed on: a shell, the
tools it finds, a home.

Every shell has other tools, so that each of them is tried: dash has curl and GNU's, bash has wget and shasum, busybox only its
own, mksh has openssl, bsdtar macOS's tar. One that is not there is skipped.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import get_unused_port_socket

from mcp_server.archives.shelf import Shelf
from mcp_server.authentication import API_TOKEN, Caller, ConnectorAuthentication
from mcp_server.front_door import FrontDoor
from mcp_server.install.installs import Install
from mcp_server.install.links import InstallLinks, InstallOffer, Target
from mcp_server.install.routes import install_routes
from mcp_server.install.script import install_sh
from mcp_server.rest.routes import rest_routes
from skillport_sync.access.model import Principal
from skillport_sync.clock import SystemEntropy
from skillport_sync.store.state import StateStore
from skillport_sync.template.own_skill import own_skill
from skillport_sync.tokens import hash_of

RUN_S = 60.0
ALICES_TOKEN = "sps_of-alice"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Meddler = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]

PDF = "plugins/docs/skills/pdf/"

NEEDED = frozenset(
    {
        "awk",
        "cat",
        "chmod",
        "cut",
        "date",
        "df",
        "find",
        "grep",
        "gzip",
        "head",
        "mkdir",
        "mktemp",
        "mv",
        "od",
        "rm",
        "rmdir",
        "sed",
    }
    | {"sleep", "tail", "tar", "tr", "uname", "wc"}
)
"""What install.sh may call besides what a world adds: whatever is not named here is not found."""


@dataclass(frozen=True)
class World:
    """A shell and the tools that it finds."""

    name: str
    argv: tuple[str, ...]
    tools: tuple[str, ...]
    """Besides ``NEEDED``, or ``name=another`` in the place of one. Empty: all of busybox's, and nothing else."""


WORLDS = {
    world.name: world
    for world in (
        World("dash", ("dash",), ("curl", "sha256sum")),
        World("bash", ("bash", "--posix"), ("wget", "shasum", "perl")),
        World("busybox", ("busybox", "sh"), ()),
        World("mksh", ("mksh",), ("curl", "openssl", "printf")),
        World("bsdtar", ("bash",), ("curl", "shasum", "perl", "tar=bsdtar")),
    )
}


def _tools_of(world: World, folder: Path) -> Path:
    """A folder with exactly these tools, for ``PATH``."""
    folder.mkdir(parents=True)
    if not world.tools:
        busybox = shutil.which("busybox")
        assert busybox is not None
        subprocess.run([busybox, "--install", "-s", str(folder)], check=True, timeout=RUN_S)
        return folder
    wanted = dict.fromkeys(NEEDED, "") | dict(tool.partition("=")[::2] for tool in world.tools)
    for tool, command in wanted.items():
        found = shutil.which(command or tool)
        if found is None:
            pytest.skip(f"{command or tool} is not installed, which the machine with {world.name} needs")
        (folder / tool).symlink_to(found)
    return folder


@pytest.fixture(scope="session")
def tools_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tools of a world, made once."""
    made: dict[str, Path] = {}

    def tools(name: str) -> Path:
        world = WORLDS[name]
        if shutil.which(world.argv[0]) is None:
            pytest.skip(f"{world.argv[0]} is not installed")
        if name not in made:
            made[name] = _tools_of(world, tmp_path_factory.mktemp(name) / "bin")
        return made[name]

    return tools


@dataclass(frozen=True)
class Ran:
    """What became of one run of install.sh."""

    status: int
    out: str
    said: str

    @property
    def last_line(self) -> str:
        return self.out.splitlines()[-1]


@dataclass
class Machine:
    """Somebody's machine. ``home`` is theirs; ``temporary`` is where scratch files go."""

    world: World
    tools: Path
    home: Path
    temporary: Path
    service: InstallService
    shims: Path | None = None
    user: int | None = None

    @property
    def skills(self) -> Path:
        return self.home / ".claude" / "skills"

    @staticmethod
    def names(folder: Path) -> list[str]:
        return sorted(path.name for path in folder.iterdir())

    @property
    def leftovers(self) -> list[str]:
        """What is there besides skills and the copies that were kept."""
        beside = self.home / ".claude"
        found = [path for path in beside.rglob("*") if "skills" not in path.relative_to(beside).parts[:1]]
        kept = [path for path in found if "kept" in path.parts]
        parents = {parent for path in kept for parent in path.parents}
        rest = [path for path in found if path not in kept and path not in parents]
        return sorted(str(path.relative_to(beside)) for path in rest) + [path.name for path in self.temporary.iterdir()]

    @property
    def kept(self) -> list[Path]:
        """The copies that were kept."""
        return sorted(self.home.glob(".claude/.skillport/*/kept/*"))

    async def install(self, offer: InstallOffer, *flags: str, **how: Any) -> Ran:
        """What the command of the offer does, with more flags."""
        words = offer.command.rpartition(" -- ")[2].split()
        return await self.run(*words, *flags, **how)

    async def run(
        self, *words: str, script: str | None = None, cwd: Path | None = None, **environment: str | None
    ) -> Ran:
        """``curl … | sh -s -- WORDS``, the script through a pipe as it would come; None takes a variable away."""
        process = await self.start(*words, cwd=cwd, **environment)
        text = script if script is not None else self.service.script
        async with asyncio.timeout(RUN_S):
            out, said = await process.communicate(text.encode())
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), said.decode())

    async def start(
        self, *words: str, cwd: Path | None = None, **environment: str | None
    ) -> asyncio.subprocess.Process:
        """The same, still running, in a process group of its own; the script is to be written to its stdin."""
        path = str(self.tools) if self.shims is None else f"{self.shims}:{self.tools}"
        given = {"PATH": path, "HOME": str(self.home), "TMPDIR": str(self.temporary), "LANG": "C.UTF-8", **environment}
        shell = shutil.which(self.world.argv[0])
        assert shell is not None
        return await asyncio.create_subprocess_exec(
            shell,
            *self.world.argv[1:],
            "-s",
            "--",
            *words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd or self.home,
            env={name: value for name, value in given.items() if value is not None},
            start_new_session=True,
            **({} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}),
        )

    def shim(self, tool: str, body: str) -> None:
        """Put ``body``, a shell script that may call ``$real``, in the place of a tool."""
        self.shims = self.home.parent / "shims"
        self.shims.mkdir(exist_ok=True)
        dash = shutil.which("dash") or shutil.which("sh")
        (self.shims / tool).write_text(f"#!{dash}\nreal={self.tools / tool}\n{body}\n")
        (self.shims / tool).chmod(0o755)


def snapshot_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a folder: mode and content."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode & 0o7777, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Installs(list[tuple[str | None, Install]]):
    """What ``on_install`` was told: on whose behalf, and what."""

    def __call__(self, caller: Caller | None, install: Install) -> None:
        self.append((None if caller is None else caller.principal.id, install))


@dataclass
class InstallService:
    """A service with install links, reached at ``url``. Of one that only pretends, the rest is None."""

    url: str
    script: str
    """Its install.sh."""
    publisher: Any = None
    links: Any = None
    state: Any = None
    installs: Any = None
    session: Any = None
    asked: list[str] = field(default_factory=list)
    """The paths of all requests, with their queries."""
    meddler: Meddler | None = None
    """Stands between the wire and the service."""

    async def offer(self, skill: str = "docs/pdf", who: Principal | None = None, **how: Any) -> InstallOffer:
        return await self.links.offer(Caller(who or self.publisher.bob, "a-client"), skill, **how)

    async def package(self, skill: str = "docs/pdf") -> InstallOffer:
        return await self.offer(skill, target=Target.PACKAGE)

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        async with self.session.request(method, self.url + path, headers=headers) as response:
            return response.status, response.headers, await response.read()

    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.asked.append(str(request.rel_url))
        return await (handler(request) if self.meddler is None else self.meddler(request, handler))


async def _listening(stack: AsyncExitStack, service: InstallService, sock: socket, *routes: web.RouteDef) -> None:
    @web.middleware
    async def between(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await service.handle(request, handler)

    app = web.Application(middlewares=[between])
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, sock).start()


def _address() -> tuple[socket, str]:
    sock = get_unused_port_socket("127.0.0.1")
    return sock, f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
async def service(publisher: Any, tmp_path: Path) -> AsyncIterator[InstallService]:
    """Nothing is published yet."""
    sock, url = _address()
    clock, installs = publisher.clock, Installs()

    async def find(digest: bytes) -> Caller | None:
        return Caller(publisher.alice, "token:1") if digest == hash_of(ALICES_TOKEN) else None

    async with AsyncExitStack() as stack:
        state = await StateStore.open(tmp_path / "state.db", clock=clock)
        stack.push_async_callback(state.close)
        links = InstallLinks(
            queries=publisher.queries,
            links=state.links,
            shelf=Shelf(tmp_path / "archives", publisher.store, clock),
            own_skill=own_skill(),
            base_url=url,
            clock=clock,
            entropy=SystemEntropy(),
            on_install=installs,
        )
        door = FrontDoor(
            ConnectorAuthentication({API_TOKEN: find}, clock),
            allowed_hosts=frozenset({"127.0.0.1:*"}),
            allowed_origins=frozenset(),
        )
        session = await stack.enter_async_context(ClientSession())
        service = InstallService(url, install_sh(url), publisher, links, state, installs, session)
        rest = rest_routes(door=door, queries=publisher.queries, links=links, base_url=url)
        await _listening(stack, service, sock, *install_routes(door, links), *rest)
        yield service


@pytest.fixture
async def impostor() -> AsyncIterator[Any]:
    """Something that answers as its ``meddler`` says, whatever is asked: a service gone bad, or something in between."""
    sock, url = _address()

    async def nothing(request: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    async with AsyncExitStack() as stack:
        service = InstallService(url, install_sh(url))
        await _listening(stack, service, sock, web.get("/{path:.*}", nothing))
        yield service


@pytest.fixture
async def shop(service: InstallService) -> InstallService:
    """The small marketplace is published."""
    await service.publisher.publish(service.publisher.small)
    return service


@pytest.fixture(params=["dash", "bash", "busybox"])
def machine(
    request: pytest.FixtureRequest, shop: InstallService, tools_of: Callable[[str], Path], tmp_path: Path
) -> Machine:
    """A machine with nothing installed, once for each shell."""
    return _machine(request.param, shop, tools_of, tmp_path)


@pytest.fixture(params=["mksh", "bsdtar"])
def other_machine(
    request: pytest.FixtureRequest, shop: InstallService, tools_of: Callable[[str], Path], tmp_path: Path
) -> Machine:
    """Machines with other tools: for what has to work everywhere."""
    return _machine(request.param, shop, tools_of, tmp_path)


@pytest.fixture(params=["dash", "bash", "busybox"])
def victim(
    request: pytest.FixtureRequest, impostor: InstallService, tools_of: Callable[[str], Path], tmp_path: Path
) -> Machine:
    """A machine that installs from an impostor, once for each shell."""
    return _machine(request.param, impostor, tools_of, tmp_path)


def _machine(name: str, shop: InstallService, tools_of: Callable[[str], Path], tmp_path: Path) -> Machine:
    tools = tools_of(name)
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    return Machine(WORLDS[name], tools, home, temporary, shop)


@pytest.fixture
def small(publisher: Any) -> dict[str, str | bytes]:
    """The files of the small marketplace, to be changed."""
    return dict(publisher.small)


FilesOf = Callable[..., dict[str, tuple[int, bytes]]]


@pytest.fixture
def files_of() -> FilesOf:
    """``files_of(folder)``: what is installed there, modes and bytes by path, without the manifest. ``files_of(published)``: what
    has to be, of these published files."""

    def files(there: Path | Mapping[str, str | bytes], prefix: str = PDF) -> dict[str, tuple[int, bytes]]:
        if isinstance(there, Path):
            found = snapshot_of(there)
            found.pop(".skillport.json", None)
            return found
        wanted = {path.removeprefix(prefix): one for path, one in sorted(there.items()) if path.startswith(prefix)}
        return {
            path: (0o755 if path == "scripts/fill.py" else 0o644, one.encode() if isinstance(one, str) else one)
            for path, one in wanted.items()
        }

    return files
