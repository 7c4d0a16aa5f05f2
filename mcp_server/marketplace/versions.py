"""Owns the version under which a plugin is offered to Claude Code: the author's, marked with the content. Pure.

What Claude Code 2.1.329 does, measured: `plugin update` compares texts. Where the version is as before, it says "already at the
latest version", whatever the archive holds; where it is any other, it installs it, also an older one. plugin.json's version goes
before the entry's, so both have to say the same. Where neither says one, the first 12 digits of the archive's SHA-256 stand in,
and every other archive is an update. ``1.2.0+abc`` fits a dependency on ``^1.2.0``; ``1.2.0-abc`` does not. In the folder's
name ``+`` and ``/`` become ``-``.
"""

from __future__ import annotations

from typing import Final

MARK_DIGITS: Final = 12


def marked(version: str | None, content: str) -> str | None:
    """``1.2.0+2f6c…``: what is other content is another version, and no other content is none.

    ``content`` is a hexadecimal digest. None stays None: Claude Code then goes by the archive, which is as good.
    """
    if version is None:
        return None
    # https://semver.org/#spec-item-10: what stands after "+" has no rank, and is in parts with dots between.
    return f"{version}{'.' if '+' in version else '+'}{content[:MARK_DIGITS]}"
