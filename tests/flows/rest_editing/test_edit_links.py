"""One-time edit links over HTTP: who gets one, what it gives, how often, and to whom it gives nothing any more."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile

import pytest

from skillport_sync.tokens import TokenKind

LINK = "/api/skills/pdf/edit"


async def offer(world, who="carol"):
    return await world.get(LINK, who=who)


def opened(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


async def test_whoever_may_change_a_skill_gets_a_command(world):
    answer = await offer(world)
    assert answer["edit_token"].startswith(TokenKind.EDIT)
    assert (answer["skill"], answer["plugin"], answer["version"], answer["expires_in"]) == ("pdf", "docs", "1.2.0", 900)
    assert answer["command"] == f"curl -fsS {world.url}/edit.sh | sh -s -- {answer['edit_token']}"
    assert answer["revision"] == (await world.get("/api/skills/pdf"))["skill"]["revision"]
    assert answer["snapshot"]["commit"] == world.head()
    assert world.asked == [("edit", "ok")]


async def test_whoever_may_only_read_gets_none(world):
    assert await world.refused(LINK, method="GET", who="bob") == (403, "not_allowed")
    assert await world.refused("/api/skills/salaries/edit", method="GET", who="bob") == (404, "unknown_skill")


async def test_the_archive_holds_the_files_and_what_they_were_made_from(world, make):
    token = (await offer(world))["edit_token"]
    plan = dict(
        line.split(" ", 1)
        for line in (await world.ask(f"/api/edit/{token}?format=plan", who=None)).body.decode().splitlines()
    )
    info = (await world.ask(f"/api/edit/{token}?format=info", who=None)).json
    seen = await world.ask(f"/api/edit/{token}?format=archive&attempt=1", who=None)
    assert (seen.status, seen.headers["X-Skillport-Sha256"]) == (200, hashlib.sha256(seen.body).hexdigest())
    assert (plan["sha256"], plan["size"]) == (hashlib.sha256(seen.body).hexdigest(), str(len(seen.body)))
    assert (plan["name"], plan["target"], plan["files"]) == ("pdf", "edit", "4")
    files = opened(seen.body)
    assert set(files) == {"pdf/SKILL.md", "pdf/assets/logo.png", "pdf/scripts/fill.py", "pdf/.edit_info"}
    assert files["pdf/assets/logo.png"] == make.png
    assert json.loads(files["pdf/.edit_info"]) == info
    assert info["files"]["assets/logo.png"] == hashlib.sha256(make.png).hexdigest()
    assert (info["name"], info["plugin"], info["version"]) == ("pdf", "docs", "1.2.0")
    assert (info["revision"], info["commit"]) == (plan["revision"], world.head())


async def test_a_link_gives_once_and_to_the_same_attempt_again(world):
    token = (await offer(world))["edit_token"]
    for _ in range(2):
        assert (await world.ask(f"/api/edit/{token}?format=archive&attempt=mine", who=None)).status == 200
    for form in ("archive&attempt=other", "archive", "json"):
        seen = await world.ask(f"/api/edit/{token}?format={form}", who=None)
        assert (seen.status, seen.json["code"]) == (410, "link_used")
    told = [(who, skill, outcome) for who, skill, outcome in world.reads]
    assert told[0] == ("token:carol", "docs/pdf", "ok")


async def test_without_a_format_the_answer_is_the_seeds(world, make):
    token = (await offer(world))["edit_token"]
    seen = (await world.ask(f"/api/edit/{token}", who=None)).json
    assert (seen["skill_name"], seen["skill_version"], seen["skill_plugin"]) == ("pdf", "1.2.0", "docs")
    assert seen["skill"]["plugin"] == "docs"
    assert seen["revision"] == seen["skill"]["revision"]
    files = {file["path"]: file for file in seen["files"]}
    assert files["scripts/fill.py"]["content"] == "print('filled')\n"
    assert base64.b64decode(files["assets/logo.png"]["content"]) == make.png
    assert json.loads(files[".edit_info"]["content"])["revision"] == seen["revision"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/edit/nonsense", 400, "link_malformed"),
        (f"/api/edit/{TokenKind.EDIT}{'A' * 43}", 404, "link_unknown"),
        (f"/api/edit/{TokenKind.INSTALL}{'A' * 43}", 400, "link_malformed"),
        (f"/api/edit/{TokenKind.EDIT}{'A' * 43}?format=zip", 400, "format_unknown"),
        (f"/api/edit/{TokenKind.EDIT}{'A' * 43}?attempt={'x' * 200}", 400, "attempt_too_long"),
    ],
)
async def test_what_is_no_link_is_refused(world, path, status, code):
    assert await world.refused(path, method="GET", who=None) == (status, code)


async def test_a_link_gives_what_it_was_made_for_though_somebody_saved_since(world):
    answer = await offer(world)
    await world.done("/api/skills/pdf", {"files": [{"path": "new.md", "content": "new"}]})
    seen = await world.ask(f"/api/edit/{answer['edit_token']}?format=archive", who=None)
    files = opened(seen.body)
    assert "pdf/new.md" not in files
    assert json.loads(files["pdf/.edit_info"])["revision"] == answer["revision"]


async def test_a_link_gives_nothing_to_whom_the_right_was_taken_since(world):
    token = (await offer(world))["edit_token"]
    policy = json.loads(world.content(".skillport/access.json"))
    del policy["skills"]["docs"]
    world.repository.commit({".skillport/access.json": json.dumps(policy).encode()})
    world.loop.wake("push")
    await world.loop.settled()
    for form in ("plan", "info", "archive", "json"):
        seen = await world.ask(f"/api/edit/{token}?format={form}", who=None)
        assert (seen.status, seen.json["code"]) == (404, "link_unknown")
    assert world.reads[-1] == ("token:carol", "docs/pdf", "link_unknown")


async def test_the_script_is_the_same_for_everybody_and_knows_where_it_came_from(world):
    seen = await world.ask("/edit.sh", who=None)
    assert (seen.status, seen.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    script = seen.body.decode()
    assert f"BASE_URL={world.url}\n" in script
    assert "# from install.sh" not in script
    assert "/api/install/" not in script
    assert ".skillport.json" not in script
    assert not [line for line in script.splitlines() if len(line) > 140]


async def test_what_a_client_would_trust_is_left_out_and_said(world_of):
    world = await world_of(more={"plugins/docs/skills/pdf/.mcp.json": "{}", "plugins/docs/skills/pdf/.edit_info": "{}"})
    answer = await offer(world)
    assert [one["code"] for one in answer["rewrites"]] == ["files_dropped"]
    seen = await world.ask(f"/api/edit/{answer['edit_token']}?format=archive", who=None)
    files = opened(seen.body)
    assert "pdf/.mcp.json" not in files
    assert json.loads(files["pdf/.edit_info"])["name"] == "pdf"
