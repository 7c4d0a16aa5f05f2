"""Owns install.sh as it is handed out: the file of this package, with the address of this service in it. Never runs it."""

from __future__ import annotations

import shlex
from importlib.resources import files
from typing import Final

_PLACE: Final = "BASE_URL='https://skillport.invalid'\n"


def install_sh(base_url: str) -> str:
    """The installer of the service at ``base_url``."""
    script = (files(__package__) / "install.sh").read_text("utf-8")
    assert script.count(_PLACE) == 1, "there is one place for the address"
    return script.replace(_PLACE, f"BASE_URL={shlex.quote(base_url)}\n")
