"""What an install link gives, to whom, and how often: asked over HTTP, as install.sh and older scripts ask."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import tarfile
from datetime import timedelta
from typing import Any

import pytest

from mcp_server.install.links import Target
from skillport_sync.errors import Invalid, Missing, Unavailable

PDF = "plugins/docs/skills/pdf/"
TOKEN = "sp_in_" + "x" * 43


def plan_of(body: bytes) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in body.decode("ascii").splitlines())


async def test_an_offer_is_one_command_and_what_it_will_write(shop: Any, small: Any) -> None:
    offer = await shop.offer("pdf")
    assert offer.command == f"curl -fsS {shop.url}/install.sh | sh -s -- {offer.token} --skill"
    assert (await shop.package("pdf")).command.endswith(" --package")
    assert offer.token.startswith("sp_in_")
    assert offer.token not in repr(offer)
    assert (offer.skill.plugin, offer.skill.name, offer.skill.version) == ("docs", "pdf", "1.2.0")
    assert (offer.expires_in_s, offer.target, offer.rewrites) == (900, Target.CLAUDE_CODE, ())
    files = {path: content for path, content in small.items() if path.startswith(PDF)}
    assert offer.files == len(files) + 1  # the manifest
    assert offer.size_bytes > sum(len(one.encode() if isinstance(one, str) else one) for one in files.values())


async def test_what_may_not_be_read_is_offered_as_what_does_not_exist(shop: Any) -> None:
    with pytest.raises(Missing) as hidden:
        await shop.offer("people/salaries")
    with pytest.raises(Missing) as absent:
        await shop.offer("people/salarie5")
    assert hidden.value.message.replace("salaries", "salarie5") == absent.value.message
    assert (await shop.offer("people/salaries", shop.publisher.alice)).files == 3


async def test_a_plan_tells_what_the_archive_is_and_uses_nothing_up(shop: Any) -> None:
    offer = await shop.offer()
    for _ in range(3):
        status, headers, body = await shop.get(f"/api/install/{offer.token}?format=plan")
        assert status == 200
    plan = plan_of(body)
    status, headers, archive = await shop.get(f"/api/install/{offer.token}?format=archive&attempt=1")
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Skillport-Sha256"] == plan["sha256"] == hashlib.sha256(archive).hexdigest()
    assert plan == {
        "format": "1",
        "name": "pdf",
        "plugin": "docs",
        "marketplace": "acme",
        "version": "1.2.0",
        "revision": offer.skill.revision,
        "commit": offer.snapshot.commit,
        "source": shop.url,
        "target": "claude-code",
        "files": str(offer.files),
        "size": str(len(archive)),
        "sha256": plan["sha256"],
    }
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert {name.split("/")[0] for name in tar.getnames()} == {"pdf"}
        assert len(tar.getnames()) == offer.files


async def test_json_is_what_the_predecessor_s_links_gave(shop: Any, small: Any) -> None:
    offer = await shop.offer()
    status, headers, body = await shop.get(f"/api/install/{offer.token}")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    given = json.loads(body)
    assert (given["skill_name"], given["skill_version"]) == ("pdf", "1.2.0")
    assert (given["skill"]["name"], given["skill"]["version"]) == ("pdf", "1.2.0")
    files = {}
    for file in given["files"]:
        content = file["content"]
        files[file["path"]] = base64.b64decode(content) if file.get("encoding") == "base64" else content.encode()
    assert json.loads(files.pop(".skillport.json"))["plugin"] == "docs"
    assert files == {
        path.removeprefix(PDF): content.encode() if isinstance(content, str) else content
        for path, content in small.items()
        if path.startswith(PDF)
    }
    assert [file["path"] for file in given["files"] if file.get("executable")] == ["scripts/fill.py"]
    assert (await shop.get(f"/api/install/{offer.token}"))[0] == 410


async def test_json_is_of_the_skill_whatever_the_link_was_made_for(shop: Any) -> None:
    offer = await shop.package()
    _, _, body = await shop.get(f"/api/install/{offer.token}")
    assert "SKILL.md" in [file["path"] for file in json.loads(body)["files"]]


async def test_a_link_gives_whichever_target_is_asked_for(shop: Any) -> None:
    """The predecessor's skill asks for one link and says only in its command what it is for."""
    offer = await shop.offer()
    _, headers, body = await shop.get(f"/api/install/{offer.token}?format=archive&target=package")
    assert headers["Content-Disposition"] == 'attachment; filename="pdf.skill"'
    assert body.startswith(b"PK")


async def test_of_32_redemptions_at_once_one_wins(shop: Any) -> None:
    offer = await shop.offer()
    answers = await asyncio.gather(
        *(shop.get(f"/api/install/{offer.token}?format=archive&attempt={at}") for at in range(32))
    )
    assert sorted(status for status, _, _ in answers) == [200] + [410] * 31
    assert sorted(install.outcome for _, install in shop.installs) == ["link_used"] * 31 + ["ok"]


async def test_the_same_attempt_may_come_again_for_a_minute(shop: Any) -> None:
    offer = await shop.offer()
    path = f"/api/install/{offer.token}?format=archive"
    assert (await shop.get(f"{path}&attempt=mine"))[0] == 200
    shop.publisher.clock.advance(59)
    assert (await shop.get(f"{path}&attempt=other"))[0] == 410
    assert (await shop.get(path))[0] == 410
    assert (await shop.get(f"/api/install/{offer.token}"))[0] == 410
    assert (await shop.get(f"{path}&attempt=mine"))[0] == 200
    shop.publisher.clock.advance(2)
    assert (await shop.get(f"{path}&attempt=mine"))[0] == 410


async def test_an_answer_that_nobody_read_to_its_end_may_be_asked_for_again(
    shop: Any, small: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """By anybody who has the link: who they are was not said. The archive is larger than what a connection holds by itself."""
    small[f"{PDF}large.bin"] = os.urandom(24 * 1024 * 1024)
    await shop.publisher.publish(small)
    offer = await shop.offer()
    path = f"/api/install/{offer.token}?format=archive"
    ended = asyncio.Event()

    async def watched(request: Any, handler: Any) -> Any:
        try:
            return await handler(request)
        finally:
            if request.headers["User-Agent"] == "breaks off":
                ended.set()

    shop.meddler = watched
    reader, writer = await asyncio.open_connection("127.0.0.1", int(shop.url.rpartition(":")[2]))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: breaks off\r\n\r\n".encode())
    assert (await reader.read(100)).startswith(b"HTTP/1.1 200")
    assert (await shop.get(path))[0] == 410
    writer.transport.abort()
    async with asyncio.timeout(20):
        await ended.wait()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []  # people hang up
    status, headers, body = await shop.get(path)
    assert (status, len(body)) == (200, int(headers["Content-Length"]))
    assert (await shop.get(path))[0] == 410


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/install/sk_install_old", 400, "link_malformed"),
        ("/api/install/sp_in_short", 400, "link_malformed"),
        ("/api/install/sps_" + "x" * 43, 400, "link_malformed"),
        (f"/api/install/{TOKEN}", 404, "link_unknown"),
        (f"/api/install/{TOKEN}?format=zip", 400, "format_unknown"),
        (f"/api/install/{TOKEN}?target=fridge", 400, "unknown_target"),
        (f"/api/install/{TOKEN}?attempt={'x' * 200}", 400, "attempt_too_long"),
    ],
)
async def test_what_is_no_link_is_refused_in_words(shop: Any, path: str, status: int, code: str) -> None:
    got, _, body = await shop.get(path)
    assert (got, json.loads(body)["code"]) == (status, code)
    assert json.loads(body).keys() == {"error", "message", "code"}
    assert TOKEN.encode() not in body
    assert shop.installs == []  # anybody can make that up


@pytest.mark.parametrize("method", ["HEAD", "POST", "DELETE"])
async def test_only_get_redeems(shop: Any, method: str) -> None:
    offer = await shop.offer()
    status, headers, _ = await shop.get(f"/api/install/{offer.token}", method)
    assert (status, headers["Allow"]) == (405, "GET")
    assert (await shop.get(f"/api/install/{offer.token}"))[0] == 200


async def test_a_link_ends_after_fifteen_minutes(shop: Any) -> None:
    offer = await shop.offer()
    shop.publisher.clock.advance(899)
    assert (await shop.get(f"/api/install/{offer.token}?format=plan"))[0] == 200
    shop.publisher.clock.advance(2)
    status, _, body = await shop.get(f"/api/install/{offer.token}?format=plan")
    assert (status, json.loads(body)["code"]) == (404, "link_unknown")


async def test_a_push_does_not_change_what_a_link_gives(shop: Any, small: Any) -> None:
    offer = await shop.offer()
    small[f"{PDF}SKILL.md"] += "New.\n"
    await shop.publisher.publish(small)
    _, _, body = await shop.get(f"/api/install/{offer.token}")
    given = {file["path"]: file["content"] for file in json.loads(body)["files"]}
    assert given["SKILL.md"] == shop.publisher.small[f"{PDF}SKILL.md"]
    assert (await shop.offer()).skill.revision != offer.skill.revision


async def test_a_right_that_was_taken_away_closes_the_link(shop: Any, small: Any) -> None:
    offer = await shop.offer()
    await shop.publisher.publish({**small, ".skillport/access.json": shop.publisher.access(pdf=["token:alice"])})
    for form in ("plan", "archive", "json"):
        status, _, body = await shop.get(f"/api/install/{offer.token}?format={form}")
        assert (status, json.loads(body)["code"]) == (404, "link_unknown")
    caller, install = shop.installs[0]
    assert (caller, install.skill, install.outcome) == ("token:bob", "docs/pdf", "link_unknown")


async def test_a_skill_that_was_removed_is_still_given_as_long_as_its_publication_is_kept(
    shop: Any, small: Any
) -> None:
    offer = await shop.offer()
    await shop.publisher.publish({path: one for path, one in small.items() if not path.startswith(PDF)})
    assert (await shop.get(f"/api/install/{offer.token}"))[0] == 200


async def test_somebody_who_was_kept_out_has_no_links_any_more(shop: Any) -> None:
    await shop.state.people.signed_in(shop.publisher.bob, "token")
    offer = await shop.offer()
    await shop.state.people.disable(shop.publisher.bob.id)
    assert (await shop.get(f"/api/install/{offer.token}"))[0] == 404


async def test_a_publication_that_is_gone_asks_for_a_new_link(shop: Any, small: Any) -> None:
    offer = await shop.offer()
    for turn in range(3):
        await shop.publisher.publish({**small, f"{PDF}SKILL.md": small[f"{PDF}SKILL.md"] + f"{turn}\n"})
    shop.publisher.clock.advance(600)
    await shop.publisher.store.collect_garbage(
        "acme", keep_publications=1, keep_younger_than=timedelta(seconds=1), pinned=None
    )
    status, _, body = await shop.get(f"/api/install/{offer.token}")
    assert (status, json.loads(body)["code"]) == (410, "link_outdated")


async def test_every_redemption_is_told_and_no_look_at_a_plan(shop: Any) -> None:
    offer = await shop.offer()
    await shop.get(f"/api/install/{offer.token}?format=plan")
    assert shop.installs == []
    await shop.get(f"/api/install/{offer.token}?format=archive&target=package&attempt=a")
    ((who, install),) = shop.installs
    assert (who, install.skill, install.outcome) == ("token:bob", "docs/pdf", "ok")
    assert (install.target, install.marketplace, install.commit) == ("package", "acme", offer.snapshot.commit)
    await shop.get(f"/api/install/{offer.token}?format=plan")
    shop.publisher.clock.advance(61)
    await shop.get(f"/api/install/{offer.token}?format=plan")
    assert [install.outcome for _, install in shop.installs] == ["ok", "link_used"]


async def test_an_earlier_version_can_be_installed(shop: Any, small: Any) -> None:
    small["plugins/docs/.claude-plugin/plugin.json"] = shop.publisher.plugin_json("docs", "2.0.0")
    small[f"{PDF}SKILL.md"] += "New.\n"
    await shop.publisher.publish(small)
    offer = await shop.offer(version="1.2.0")
    assert offer.skill.version == "1.2.0"
    _, _, body = await shop.get(f"/api/install/{offer.token}?format=plan")
    assert plan_of(body)["version"] == "1.2.0"
    with pytest.raises(Missing):
        await shop.offer(version="9.9.9")


async def test_a_skill_whose_name_is_shared_in_its_plugin_is_the_one_that_was_offered(shop: Any, small: Any) -> None:
    for folder in ("first", "second"):
        small[f"plugins/docs/skills/{folder}/SKILL.md"] = shop.publisher.skill_md("twin", f"Is the {folder}.")
    await shop.publisher.publish(small)
    offer = await shop.offer("plugins/docs/skills/second")
    _, _, body = await shop.get(f"/api/install/{offer.token}")
    assert "Is the second." in json.loads(body)["files"][1]["content"]


async def test_a_skill_that_calls_itself_by_another_s_folder_is_not_given_in_its_place(shop: Any, small: Any) -> None:
    name = f'"{PDF.rstrip("/")}"'
    small["plugins/docs/skills/evil/SKILL.md"] = shop.publisher.skill_md(name, "Is not what it says.")
    await shop.publisher.publish(small)
    offer = await shop.offer("docs/pdf")
    status, _, body = await shop.get(f"/api/install/{offer.token}")
    assert (status, json.loads(body)["code"]) == (404, "link_unknown")


async def test_an_archive_that_makes_room_at_the_last_moment_uses_no_link_up(shop: Any) -> None:
    offer = await shop.offer()
    path = f"/api/install/{offer.token}?format=archive"

    def crowded(caller: Any, install: Any) -> None:
        shop.links.shelf._kept.clear()

    shop.links._on_install = crowded
    status, headers, body = await shop.get(path)
    assert (status, json.loads(body)["code"], headers["Retry-After"]) == (503, "archive_gone", "1")
    shop.links._on_install = shop.installs
    assert (await shop.get(path))[0] == 200


async def test_what_would_make_a_skill_a_plugin_is_left_out_and_said(shop: Any, small: Any) -> None:
    small |= {
        f"{PDF}.claude-plugin/plugin.json": "{}",
        f"{PDF}.MCP.json": "{}",
        f"{PDF}sub/.claude/settings.json": "{}",
        f"{PDF}.skillport.json": "{}",
    }
    await shop.publisher.publish(small)
    offer = await shop.offer()
    assert [rewrite.code for rewrite in offer.rewrites] == ["files_dropped"]
    _, _, body = await shop.get(f"/api/install/{offer.token}?format=plan")
    assert plan_of(body)["note"].startswith("left out, because a client would run or trust them: ")
    _, _, body = await shop.get(f"/api/install/{offer.token}")
    paths = {file["path"] for file in json.loads(body)["files"]}
    assert not {path for path in paths if path.startswith((".c", ".M", "sub"))}
    assert json.loads(next(file["content"] for file in json.loads(body)["files"] if file["path"] == ".skillport.json"))


async def test_what_the_mirror_does_not_hold_is_left_out_and_said(shop: Any, small: Any) -> None:
    small[f"{PDF}huge.bin"] = b"huge"
    await shop.publisher.publish(small, not_held=frozenset({f"{PDF}huge.bin"}))
    offer = await shop.offer()
    assert [(rewrite.code, rewrite.what) for rewrite in offer.rewrites] == [
        ("files_not_held", "not there, because the mirror does not hold them: huge.bin")
    ]
    assert (await shop.get(f"/api/install/{offer.token}"))[0] == 200
    await shop.publisher.publish(small, not_held=frozenset({f"{PDF}SKILL.md"}))


async def test_a_skill_that_no_upload_takes_is_refused_before_a_link_is_made(shop: Any, small: Any) -> None:
    small[f"{PDF}large.bin"] = bytes(31_000_000)
    await shop.publisher.publish(small)
    with pytest.raises(Invalid) as refused:
        await shop.package()
    assert refused.value.code == "package_too_large"
    offer = await shop.offer()  # as a folder it is fine
    status, _, body = await shop.get(f"/api/install/{offer.token}?format=plan&target=package")
    assert (status, json.loads(body)["code"]) == (400, "package_too_large")
    small[f"{PDF}larger.bin"] = bytes(4_000_000)
    await shop.publisher.publish(small)
    offer = await shop.offer()
    status, _, body = await shop.get(f"/api/install/{offer.token}")
    assert (status, json.loads(body)["code"]) == (400, "too_large_for_json")
    assert (await shop.get(f"/api/install/{offer.token}?format=plan"))[0] == 200  # not used up


async def test_the_own_skill_is_offered_where_the_marketplace_has_none(shop: Any, small: Any) -> None:
    offer = await shop.offer("skillport/skillport")
    assert (offer.skill.plugin, offer.skill.marketplace) == ("skillport", "skillport-sync")
    assert offer.snapshot.marketplace == "acme"
    _, _, body = await shop.get(f"/api/install/{offer.token}")
    assert json.loads(body)["skill"]["marketplace"] == "skillport-sync"
    assert (await shop.package("skillport")).files > 1
    with pytest.raises(Missing):
        await shop.offer("skillport", version="0.0.1")
    with pytest.raises(Missing):
        await shop.offer("skillport", commit=offer.snapshot.commit)
    small["plugins/docs/skills/skillport/SKILL.md"] = shop.publisher.skill_md("skillport", "Is theirs.")
    await shop.publisher.publish(small)
    assert (await shop.offer("skillport")).skill.marketplace == "acme"


async def test_nothing_is_offered_while_nothing_is_published(service: Any) -> None:
    for skill in ("docs/pdf", "skillport"):
        with pytest.raises(Unavailable):
            await service.offer(skill)


async def test_the_script_may_be_read_by_anybody(shop: Any) -> None:
    status, headers, body = await shop.get("/install.sh")
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert headers["Cache-Control"] == "public, max-age=300"
    assert f"\nBASE_URL={shop.url}\n".encode() in body
    assert (await shop.get("/install.sh", "HEAD"))[0] == 200
    assert (await shop.get("/install.sh", "POST"))[0] == 405
