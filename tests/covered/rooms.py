"""Owns which files are the pure rooms, as the contract ``pure`` in .importlinter has it. Never a list of its own."""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_CONTRACT: Final = "importlinter:contract:pure"


def pure_modules(written: str) -> Sequence[str]:
    """The modules that the contract of this .importlinter names, each once. Raises: KeyError where it has no such contract."""
    contracts = configparser.ConfigParser(interpolation=None)
    contracts.read_string(written)
    return list(dict.fromkeys(contracts[_CONTRACT]["source_modules"].split()))


def pure_files(root: Path = ROOT) -> Sequence[Path]:
    """Every file of the pure rooms: of a package all that is below it.

    Raises: FileNotFoundError where the contract names a module that is not there.
    """
    found: set[Path] = set()
    for module in pure_modules((root / ".importlinter").read_text(encoding="utf-8")):
        place = root.joinpath(*module.split("."))
        files = list(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        if not files or not all(file.is_file() for file in files):
            raise FileNotFoundError(f"the contract of the pure rooms names {module}, of which there is no file")
        found.update(files)
    return sorted(found)
