"""Owns edit.sh as it is handed out: the file of this package, with the address of this service in it, and what it shares with
install.sh. Never runs it.

Downloading, verifying and unpacking are the same work for both, and there is one text of it. ``# from install.sh: NAMES`` stands
where these functions of install.sh go, with the addresses and the file name of an edit.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from mcp_server.edit.working_folder import EDIT_INFO
from mcp_server.install.manifest import MANIFEST

_PLACE: Final = "BASE_URL='https://skillport.invalid'\n"
_FROM: Final = re.compile(r"^# from install\.sh: ([a-z0-9_ ]+)\n", re.MULTILINE)
_OTHERWISE: Final = {"/api/install/": "/api/edit/", MANIFEST: EDIT_INFO, "install.sh": "edit.sh"}


def edit_sh(base_url: str) -> str:
    """The script of the service at ``base_url``."""
    installer = (files("mcp_server.install") / "install.sh").read_text("utf-8")
    script = (files(__package__) / "edit.sh").read_text("utf-8")
    script = _FROM.sub(lambda found: "\n".join(_functions(installer, found[1].split())), script)
    assert script.count(_PLACE) == 1, "there is one place for the address"
    return script.replace(_PLACE, f"BASE_URL={shlex.quote(base_url)}\n")


def _functions(installer: str, names: list[str]) -> Iterator[str]:
    """Each with the comment above it, as edit.sh needs it."""
    for name in names:
        found = re.search(rf"(?:^#.*\n)*^{name}\(\) [{{(]\n(?:^(?![}})]).*\n)+^[}})]\n", installer, re.MULTILINE)
        assert found is not None, f"install.sh has a function {name}"
        text = found[0]
        for theirs, ours in _OTHERWISE.items():
            text = text.replace(theirs, ours)
        yield text
