"""An archive that the disk does not give back as it was: the link is not used up by it, and soon works."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_server.install.files_json import files_json
from mcp_server.install.links import InstallLinks
from skillport_sync.errors import Unavailable


def noise(content: bytes) -> bytes:
    return bytes(255 - byte for byte in content)


def first_half(content: bytes) -> bytes:
    """The rest is zeros: as large as it was."""
    return content[: len(content) // 2].ljust(len(content), b"\0")


@pytest.mark.parametrize("changed", [noise, first_half])
async def test_an_archive_that_the_disk_changed_is_made_anew_and_no_link_is_used_up(shop: Any, changed: Any) -> None:
    offer = await shop.offer()
    (path,) = (each.path for each in shop.links.shelf._kept.values())
    path.write_bytes(changed(path.read_bytes()))
    status, headers, body = await shop.get(f"/api/install/{offer.token}")
    assert (status, json.loads(body)["code"], headers["Retry-After"]) == (503, "archive_damaged", "1")
    status, _, body = await shop.get(f"/api/install/{offer.token}")
    assert (status, bool(json.loads(body)["files"])) == (200, True)


async def test_an_archive_that_cannot_be_opened_is_not_now(shop: Any, tmp_path: Path) -> None:
    offer = await shop.offer()
    ready = await shop.links.ready(offer.token)
    elsewhere = replace(ready, archive=replace(ready.archive, path=tmp_path))
    with pytest.raises(Unavailable) as told:
        files_json(elsewhere)
    assert told.value.code == "archives_unreadable"


async def test_an_archive_that_goes_at_the_last_moment_uses_up_no_link(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = await shop.offer()
    redeem = InstallLinks.redeem

    async def taken_away(links: InstallLinks, ready: Any, attempt: str | None) -> Any:
        ready.archive.path.unlink()
        return await redeem(links, ready, attempt)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(InstallLinks, "redeem", taken_away)
        status, _, _ = await shop.get(f"/api/install/{offer.token}?format=archive")
        assert status == 404
    status, _, body = await shop.get(f"/api/install/{offer.token}?format=archive")
    assert (status, bool(body)) == (200, True)
