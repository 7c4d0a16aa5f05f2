"""The wheel and the sdist hold everything that the service needs at run time, and the wheel installs and runs by itself."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from skillport_sync import __version__

ROOT = Path(__file__).parents[2]
PACKAGES = ("skillport_sync", "webhooks", "mcp_server")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the sdist of this tree, as `make dist` builds them."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return wheel, sdist


def package_files() -> set[str]:
    """Everything in the three packages but what Python makes itself."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_wheel_and_sdist_hold_every_file_of_the_packages(built: tuple[Path, Path]) -> None:
    wheel, sdist = built
    wanted = package_files()
    for kind in (
        "install/install.sh",
        "edit/edit.sh",
        "migrations/mirror/0001_publications.sql",
        "lint.yml",
        "py.typed",
    ):
        assert any(path.endswith(kind) for path in wanted), kind

    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    assert {path for path in in_wheel if ".dist-info/" not in path} == wanted
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    assert wanted <= in_sdist
    assert {"pyproject.toml", "README.md", "LICENSE"} <= in_sdist
    assert not [path for path in in_sdist if path.endswith((".db", ".pem")) or "secrets/" in path]


def test_the_wheel_runs_in_an_environment_of_its_own(built: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, _ = built
    venv.create(tmp_path / "fresh", with_pip=False)
    python = tmp_path / "fresh" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, cwd=tmp_path)
    # What it depends on is taken from here, so that no network is needed; what stands before it is the wheel's.
    (site,) = (tmp_path / "fresh" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")

    program = tmp_path / "fresh" / "bin" / "skillport-sync"
    assert run(program, "--version", cwd=tmp_path) == f"skillport-sync {__version__}\n"
    where = run(
        python, "-c", "import skillport_sync, mcp_server, webhooks; print(skillport_sync.__file__)", cwd=tmp_path
    )
    assert Path(where.strip()).is_relative_to(site), "this tree would hide what the wheel lacks"
    run(program, "init-marketplace", tmp_path / "skills", "--owner", "acme", cwd=tmp_path)
    assert (tmp_path / "skills" / ".claude-plugin" / "marketplace.json").is_file()
