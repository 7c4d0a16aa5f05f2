"""What a call of the tool answers, and that both ways to an answer, the kernel's and the remembered one, say the same."""

from __future__ import annotations

import asyncio
import base64
import json
from copy import deepcopy
from urllib.parse import unquote

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from mcp_server.hot import HotAnswers
from mcp_server.rendering import render
from mcp_server.tool import unheard
from skillport_sync.access.model import Principal
from skillport_sync.errors import Broken

NAMES = [
    "pdf",
    "docs/pdf",
    "report",
    "docs/report",
    "finance/report",
    "salaries",
    "no-such",
    "plugins/docs/skills/pdf",
    "",
]
FILES = [
    "SKILL.md",
    "scripts/fill.py",
    "assets/logo.png",
    "empty.txt",
    "bom.txt",
    "crlf.txt",
    "nul.txt",
    "../pdf/SKILL.md",
    "x",
]

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "operation": st.sampled_from(["list", "fetch", "version", "whoami", "", "install"]) | ANY_JSON,
        "query": st.sampled_from(["report", "PDF form", "quarterly", "", "☃"]) | ANY_JSON,
        "surface": st.sampled_from(["CC", "CALL", "cd", "", "XX"]) | ANY_JSON,
        "plugin": st.sampled_from(["docs", "people", ""]) | ANY_JSON,
        "category": st.sampled_from(["forms", ""]) | ANY_JSON,
        "limit": st.sampled_from([1, 2, 100, 500, "2", 0, 501]) | ANY_JSON,
        "cursor": st.sampled_from(["", "nonsense", "W10"]) | ANY_JSON,
        "skill": st.sampled_from(NAMES) | ANY_JSON,
        "paths": st.lists(st.sampled_from(FILES), max_size=4) | st.sampled_from(FILES) | ANY_JSON,
        "version": st.sampled_from(["1.2.0", "0.1.0", ""]) | ANY_JSON,
        "commit": st.sampled_from(["0000000", ""]) | ANY_JSON,
        "installed": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(NAMES)}, optional={"version": st.sampled_from(["1.2.0", "9"])}
            ),
            max_size=3,
        )
        | ANY_JSON,
        "unheard-of": ANY_JSON,
    },
)
"""Mostly arguments that make sense together with one operation or another, and everything else too."""

LIKELY = st.sampled_from(
    [
        {},
        {"operation": "list", "limit": 2},
        {"query": "report"},
        {"plugin": "docs", "surface": "CC"},
        {"operation": "fetch", "skill": "pdf"},
        {"operation": "fetch", "skill": "docs/pdf", "paths": FILES[:7]},
        {"operation": "fetch", "skill": "pdf", "version": "1.2.0"},
        {"operation": "fetch", "skill": "pdf", "version": "1.1.0"},
        {"operation": "version", "skill": "pdf"},
        {
            "operation": "version",
            "installed": [{"name": "pdf", "version": "1.0.0"}, {"name": "report"}, {"name": "salaries"}],
        },
        {"operation": "whoami"},
    ]
)


@given(
    arguments=LIKELY | ARGUMENTS,
    modern=st.booleans(),
    request_id=st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=12),
    who=st.sampled_from(["alice", "bob"]),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_an_answer_that_is_remembered_is_the_answer_of_the_kernel(
    wire, cold_wire, arguments, modern, request_id, who
):
    params = {"name": "skillport", "arguments": arguments}
    how = {"modern": modern, "request_id": request_id, "who": who}
    kernels = await cold_wire.request("tools/call", params, **how)
    first = await wire.request("tools/call", params, **how)
    again = await wire.request("tools/call", params, **how)
    assert (first.status, first.json) == (kernels.status, kernels.json)
    assert (again.status, again.json) == (kernels.status, kernels.json)
    assert kernels.status == 200
    result = kernels.json["result"]
    if not result["isError"]:
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


ODD = st.sampled_from(
    [None, 0, True, "", "x", [], {}, "2026-07-28", "2025-11-25", "tools/call", "skillport", [1], {"name": 1}]
)
SPOILED = st.lists(
    st.tuples(
        st.sampled_from(
            [
                ("jsonrpc",),
                ("id",),
                ("method",),
                ("params",),
                ("extra",),
                ("params", "name"),
                ("params", "arguments"),
                ("params", "_meta"),
                ("params", "task"),
                ("params", "inputResponses"),
                ("params", "requestState"),
                ("params", "_meta", "io.modelcontextprotocol/protocolVersion"),
                ("params", "_meta", "io.modelcontextprotocol/clientCapabilities"),
                ("params", "_meta", "io.modelcontextprotocol/clientInfo"),
                ("params", "_meta", "io.modelcontextprotocol/logLevel"),
                ("params", "_meta", "progressToken"),
                ("params", "_meta", "vendor.example/anything"),
            ]
        ),
        st.just(...) | ODD,
    ),
    max_size=3,
)
"""Places in a message, and what to put there; ``...`` takes away what was there."""

HEADERS = st.dictionaries(
    st.sampled_from(["MCP_Protocol_Version", "Mcp_Method", "Mcp_Name"]),
    st.sampled_from(
        [None, "2026-07-28", "2025-11-25", "2031-01-01", "tools/call", "skillport", " skillport ", "SKILLPORT", ""]
    ),
    max_size=2,
)


@given(spoiled=SPOILED, headers=HEADERS, modern=st.booleans())
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
async def test_a_message_is_taken_or_refused_the_same_whether_or_not_its_answer_is_remembered(
    wire, cold_wire, spoiled, headers, modern
):
    await wire.call({})
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"roots": {}},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "skillport", "arguments": {}}}
    routing = {"MCP_Protocol_Version": "2025-11-25"}
    if modern:
        message["params"]["_meta"] = meta
        routing = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/call", "Mcp_Name": "skillport"}
    for path, value in spoiled:
        place = message
        for key in path[:-1]:
            place = place.get(key) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(path[-1], None)
            if value is not ...:
                place[path[-1]] = deepcopy(value)
    kernels = await cold_wire.send(message, **{**routing, **headers})
    seen = await wire.send(message, **{**routing, **headers})
    assert (seen.status, seen.body and seen.json) == (kernels.status, kernels.body and kernels.json)


async def test_a_remembered_answer_tells_the_age_of_now(wire, cold_wire, published, clock):
    for arguments in ({}, {"operation": "fetch", "skill": "pdf"}, {"operation": "whoami"}):
        published.current.confirm("acme")
        before = await wire.call(arguments)
        assert before["structuredContent"]["snapshot"]["age_s"] == 0
        clock.advance(601.5)
        after = await wire.call(arguments)
        assert after["structuredContent"]["snapshot"]["age_s"] == 601
        assert after["structuredContent"]["snapshot"]["stale"] is True
        assert after == await cold_wire.call(arguments)
        assert json.loads(after["content"][0]["text"]) == after["structuredContent"]


async def test_several_marketplaces_are_told_apart_on_both_ways(wire, cold_wire, published):
    await published.publish(
        {
            ".claude-plugin/marketplace.json": published.marketplace("docs"),
            "plugins/docs/skills/pdf/SKILL.md": published.skill_md("pdf", "Another one."),
        },
        name="beta",
        executable=frozenset(),
    )
    for arguments in (
        {},
        {"query": "pdf"},
        {"operation": "whoami"},
        {"operation": "fetch", "skill": "pdf"},
        {"operation": "fetch", "skill": "docs/pdf@beta"},
        {"operation": "version", "skill": "docs/pdf@acme"},
        {"operation": "version", "installed": [{"name": "pdf"}, {"name": "finance/report", "version": "2.0.0"}]},
    ):
        kernels = await cold_wire.call(arguments)
        assert await wire.call(arguments) == await wire.call(arguments) == kernels
    content = (await wire.call({}))["structuredContent"]
    assert [one["marketplace"] for one in content["snapshots"]] == ["acme", "beta"]
    assert content["snapshot"] == content["snapshots"][0]
    assert [one["marketplace"] for one in content["skills"]] == ["acme", "acme", "acme", "beta"]
    one = (await wire.call({"operation": "fetch", "skill": "docs/pdf@beta"}))["structuredContent"]
    assert (one["snapshot"]["marketplace"], one["skill"]["marketplace"]) == ("beta", "beta")
    assert "snapshots" not in one
    error = await wire.call({"operation": "fetch", "skill": "pdf"})
    assert "docs/pdf@acme, docs/pdf@beta" in error["content"][0]["text"]


async def test_list_says_what_can_be_read_in_one_line_each(wire):
    result = await wire.call({})
    content = result["structuredContent"]
    assert content["skills"][0] == {
        "name": "pdf",
        "plugin": "docs",
        "version": "1.2.0",
        "description": "Fills PDF forms from a table.",
    }
    assert content["total"] == 3
    assert set(content["snapshot"]) == {"marketplace", "repository", "commit", "published_at", "age_s", "stale"}
    assert content["snapshot"]["published_at"] == "2026-11-21T10:00:00Z"
    assert len(result["content"]) == 1


async def test_fetch_gives_skill_md_and_the_list_of_files(wire):
    result = await wire.call({"operation": "fetch", "skill": "pdf"})
    content = result["structuredContent"]
    files = {file["path"]: file for file in content["files"]}
    assert files["scripts/fill.py"]["executable"] is True
    assert files["empty.txt"]["size_bytes"] == 0
    assert content["contents"] == [
        {"path": "SKILL.md", "encoding": "utf-8", "offset": 0, "size_bytes": files["SKILL.md"]["size_bytes"]}
    ]
    text, block = result["content"]
    assert "Do it well" not in text["text"]
    assert block["resource"]["uri"] == "skill://acme/docs/pdf/SKILL.md"
    assert block["resource"]["mimeType"] == "text/markdown"
    assert "Do it well" in block["resource"]["text"]


async def test_every_file_comes_back_byte_for_byte(wire, published):
    prefix = "plugins/docs/skills/pdf/"
    wanted = {
        path.removeprefix(prefix): content for path, content in published.small.items() if path.startswith(prefix)
    }
    for _ in range(2):
        result = await wire.call({"operation": "fetch", "skill": "docs/pdf", "paths": list(wanted)})
        blocks = [block["resource"] for block in result["content"][1:]]
        assert len(blocks) == len(wanted)
        for block, described in zip(blocks, result["structuredContent"]["contents"], strict=True):
            expected = wanted[described["path"]]
            expected = expected.encode() if isinstance(expected, str) else expected
            sent = block["text"].encode() if "text" in block else base64.b64decode(block["blob"], validate=True)
            assert sent == expected
            assert described["encoding"] == ("utf-8" if "text" in block else "base64")
            assert unquote(block["uri"]) == f"skill://acme/docs/pdf/{described['path']}"
            assert block["uri"].isascii()
            assert " " not in block["uri"]


async def test_version_tells_the_history_newest_first(wire, published, clock):
    first = published.current.get()["acme"].publication.commit
    clock.advance(3600)
    second = await published.publish({**published.small, "plugins/docs/skills/pdf/bom.txt": b"changed"})
    content = (await wire.call({"operation": "version", "skill": "pdf"}))["structuredContent"]
    assert [entry["commit"] for entry in content["history"]] == [second.publication.commit, first]
    assert [entry["date"] for entry in content["history"]] == ["2026-11-21T11:00:00Z", "2026-11-21T10:00:00Z"]
    assert content["history"][0]["revision"] == content["skill"]["revision"] != content["history"][1]["revision"]


async def test_version_tells_removals_and_content_that_changed_without_a_version(wire, cold_wire, published, clock):
    path = "plugins/docs/skills/pdf/SKILL.md"
    without = {name: content for name, content in published.small.items() if "/pdf/" not in name}
    for files in ({**published.small, path: published.skill_md("pdf", "Changed.")}, without, published.small):
        clock.advance(3600)
        await published.publish(files)
    for call in (wire.call, wire.call, cold_wire.call):
        content = (await call({"operation": "version", "skill": "pdf"}))["structuredContent"]
        back, gone, changed, first = content["history"]
        assert set(first) == {"commit", "date", "version", "revision"}
        assert set(gone) == {"commit", "date", "removed"}
        assert gone["removed"] is changed["changed_without_bump"] is back["changed_without_bump"] is True
        assert changed["version"] == first["version"] == back["version"] == "1.2.0"
        assert back["revision"] == first["revision"]
    earlier = await wire.call({"operation": "fetch", "skill": "pdf", "commit": changed["commit"][:10]})
    assert "Changed." in earlier["content"][1]["resource"]["text"]
    assert earlier["structuredContent"]["snapshot"]["commit"] == changed["commit"]
    assert earlier["structuredContent"]["snapshot"]["earlier"] is True
    assert "earlier" not in content["snapshot"]


async def test_a_history_that_is_remembered_is_told_only_to_whom_it_was_told(wire, cold_wire, published, clock):
    clock.advance(1)
    closed = {
        **published.small,
        ".skillport/access.json": published.access(salaries=["token:alice"], pdf=["token:alice"]),
    }
    closed["plugins/docs/skills/pdf/bom.txt"] = "closed for a while"
    await published.publish(closed)
    clock.advance(1)
    await published.publish({**published.small, ".skillport/access.json": published.access()})
    lengths = []
    for who in ("alice", "bob", "alice", "bob"):
        asked = {"operation": "version", "skill": "pdf"}
        answer = await wire.call(asked, who=who)
        assert answer == await cold_wire.call(asked, who=who)
        lengths.append([entry.get("removed", False) for entry in answer["structuredContent"]["history"]])
    assert lengths == [[False, False, False], [False, True, False]] * 2


async def test_version_tells_of_plugins_of_what_is_renamed_and_of_what_is_newer(wire, published, clock):
    clock.advance(1)
    manifest = published.marketplace("docs", "finance", renames={"papers": "docs"})
    await published.publish({**published.small, ".claude-plugin/marketplace.json": manifest})
    installed = [{"name": name, "version": "1.3.0"} for name in ("docs", "papers", "papers/pdf", "finance", "pdf")]
    content = (await wire.call({"operation": "version", "installed": installed}))["structuredContent"]
    statuses = [one["status"] for one in content["installed"]]
    assert statuses == ["ahead", "renamed", "renamed", "update_available", "ahead"]
    assert content["installed"][1]["current"] == {"plugin": "docs", "version": "1.2.0"}
    assert content["installed"][2]["current"]["name"] == "pdf"
    assert content["installed"][2]["current"]["plugin"] == "docs"


async def test_a_skill_of_which_not_all_can_be_served_says_so(wire, published, clock):
    clock.advance(1)
    link = "plugins/docs/skills/pdf/template.pdf"
    await published.publish({**published.small, link: "../nowhere/template.pdf"}, symlinks=frozenset({link}))
    content = (await wire.call({"operation": "fetch", "skill": "pdf"}))["structuredContent"]
    assert content["skill"]["incomplete"] is True
    assert (
        "incomplete"
        not in (await wire.call({"operation": "fetch", "skill": "docs/report"}))["structuredContent"]["skill"]
    )


async def test_version_compares_what_is_installed(wire, published):
    revision = (await wire.call({"operation": "version", "skill": "pdf"}))["structuredContent"]["skill"]["revision"]
    installed = [
        {"name": "pdf", "version": "1.2.0"},
        {"name": "docs/pdf", "revision": revision},
        {"name": "pdf", "version": "1.1.0"},
        {"name": "pdf", "version": "1.2.0", "revision": "0" * 40},
        {"name": "pdf", "revision": "0" * 40},
        {"name": "pdf"},
        {"name": "salaries", "version": "1.0.0"},
        {"name": "no-such", "version": "1.0.0"},
        {"name": "report", "version": "2.0.0"},
    ]
    content = (await wire.call({"operation": "version", "installed": installed}))["structuredContent"]
    assert [one["status"] for one in content["installed"]] == [
        "up_to_date",
        "up_to_date",
        "update_available",
        "content_changed",
        "content_changed",
        "unknown",
        "gone",
        "gone",
        "ambiguous",
    ]
    assert content["installed"][-1]["candidates"] == ["docs/report", "finance/report"]
    assert content["installed"][0]["current"]["version"] == "1.2.0"


async def test_whoami_says_who_and_where_an_editor(wire):
    alice = (await wire.call({"operation": "whoami"}, who="alice"))["structuredContent"]
    bob = (await wire.call({"operation": "whoami"}))["structuredContent"]
    snapshot = alice.pop("snapshot")
    assert alice == {
        "id": "token:alice",
        "name": "Alice",
        "email": "alice@acme.example",
        "groups": ["staff"],
        "editor": {"acme": True},
    }
    assert bob == {"id": "token:bob", "name": "Bob", "groups": [], "editor": {"acme": False}, "snapshot": snapshot}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"operation": "remove"},
            "There is no operation 'remove'. Send one of: list, fetch, version, install, auth, whoami.",
        ),
        ({"operation": "install"}, 'install needs skill: send {"operation": "install"'),
        ({"operation": "install", "skill": "pdf", "target": "x"}, 'target must be "claude-code" or "package", not'),
        ({"operation": "auth", "purpose": "x"}, 'purpose must be "scripts" or "claude-code", not'),
        ({"operation": ["list"]}, "There is no operation a list."),
        ({"operation": "fetch"}, '{"operation": "fetch", "skill": "plugin/name"}'),
        ({"operation": "version"}, "version needs skill or installed"),
        ({"skill": "pdf"}, '"operation": "fetch" or "operation": "version"'),
        ({"operation": "whoami", "skill": "pdf"}, "skill does not belong to whoami"),
        ({"qeury": "pdf"}, "Did you mean query?"),
        ({"operation": "whoami", "zzz": 1}, "whoami takes no argument"),
        ({"limit": 0}, "limit must be from 1 to 500"),
        ({"limit": 10**12}, "limit must be from 1 to 500"),
        ({"limit": True}, "whole number"),
        ({"limit": 1.5}, "whole number"),
        ({"query": ["pdf"]}, "query must be a string, not a list"),
        ({"query": "x" * 1001}, "1,000 characters"),
        ({"surface": "XX"}, "CC, CD, CAI, CDAI, CALL"),
        ({"cursor": "nonsense"}, "Start again without it"),
        ({"operation": "fetch", "skill": "pfd"}, "Did you mean pdf"),
        ({"operation": "fetch", "skill": "report"}, "Send one of: docs/report, finance/report."),
        ({"operation": "fetch", "skill": "pdf", "paths": ["../report/SKILL.md"]}, "not a path inside the skill"),
        ({"operation": "fetch", "skill": "pdf", "paths": ["/etc/passwd"]}, "not a path inside the skill"),
        ({"operation": "fetch", "skill": "pdf", "paths": [""]}, "not a path inside the skill"),
        ({"operation": "fetch", "skill": "pdf", "paths": ["scripts/fil.py"]}, "Did you mean 'scripts/fill.py'?"),
        ({"operation": "fetch", "skill": "pdf", "paths": ["scripts"]}, "It is a directory: ask for files in it"),
        ({"operation": "fetch", "skill": "pdf", "paths": {}}, 'such as ["scripts/fill.py"]'),
        ({"operation": "fetch", "skill": "pdf", "paths": ["x"] * 101}, "At most 100 paths"),
        (
            {"operation": "fetch", "skill": "pdf", "version": "9.9.9"},
            "has no version '9.9.9'. Send one of: 1.2.0 (served).",
        ),
        ({"operation": "fetch", "skill": "pdf", "commit": "abc"}, "first 7 to 40 hexadecimal digits"),
        ({"operation": "fetch", "skill": "pdf", "commit": "0" * 7}, "leave commit out to fetch what is served"),
        ({"category": ["x"]}, "category must be a string, not a list"),
        ({"operation": "fetch", "skill": "pdf", "category": "x"}, 'Send it with "operation": "list".'),
        ({"operation": "version", "installed": "pdf"}, "must be a list such as"),
        ({"operation": "version", "installed": [{"version": "1"}]}, "entry 0 has no name"),
        ({"operation": "version", "installed": [{"name": "pdf", "sha": "1"}]}, "not 'sha'"),
        ({"operation": "version", "installed": [{"name": "pdf"}] * 201}, "At most 200"),
        ({"operation": "version", "skill": "pdf", "installed": []}, "not both"),
    ],
)
async def test_a_mistake_is_answered_with_what_to_send_instead(wire, arguments, said):
    result = await wire.call(arguments)
    assert result["isError"] is True
    assert said in result["content"][0]["text"]
    assert "structuredContent" not in result


@pytest.mark.parametrize("depth", [100, 253, 254, 255, 300, 900])
async def test_deep_nesting_is_a_mistake_like_any_other(wire, depth):
    nested: object = 1
    for _ in range(depth):
        nested = [nested]
    for modern in (True, False):
        result = await wire.call({"query": nested}, modern=modern)
        assert "query must be a string, not a list" in result["content"][0]["text"]
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"experimental": {"x": {"y": nested}}},
    }
    for _ in range(2):
        seen = await wire.request("tools/call", {"name": "skillport", "_meta": meta})
        assert (seen.status, seen.json.get("error", {}).get("code")) in ((200, None), (400, -32602))


async def test_content_that_the_disk_changed_is_said_and_heard(published, wire, monkeypatch):
    class Damaged:
        async def content(self, oid):
            raise Broken("the stored content of this blob is damaged", code="content_damaged")

    published.queries._blobs = Damaged()
    with capture_logs() as logs:
        result = await wire.call({"operation": "fetch", "skill": "pdf"})
    assert result["isError"] is True
    assert "damaged" in result["content"][0]["text"]
    assert [entry["code"] for entry in logs if entry["log_level"] == "error"] == ["content_damaged"]


async def test_nothing_and_null_and_empty_are_the_same(wire):
    bare = await wire.call(None)
    assert (
        bare
        == await wire.call({})
        == await wire.call({"operation": "list", "query": "", "cursor": None, "limit": None})
    )
    one = await wire.call({"operation": "fetch", "skill": "pdf", "paths": "bom.txt"})
    assert one == await wire.call({"operation": "fetch", "skill": "pdf", "paths": ["./bom.txt", "bom.txt"]})


async def test_every_query_is_heard_once_whichever_way_it_took(wire, asked):
    for _ in range(2):
        await wire.call({"operation": "fetch", "skill": "pdf"})
    await wire.call({"operation": "fetch", "skill": "no-such"})
    await wire.call({"operation": "nonsense"})
    assert asked == [
        ("fetch", "mcp", "ok"),
        ("fetch", "mcp", "ok"),
        ("fetch", "mcp", "unknown_skill"),
        ("unknown", "mcp", "unknown_operation"),
    ]


async def test_remembered_answers_stay_within_their_bytes_and_the_last_one_given_stays_longest(published):
    memory = HotAnswers(published.queries, unheard, max_bytes=6_000)
    for limit in range(1, 60):
        memory.keep({"limit": limit}, render(await published.queries.list_skills(published.bob, limit=limit)))
        assert memory.recall(published.bob, {"limit": limit}) is not None
        assert 0 < memory.size_bytes <= 6_000
    assert memory.recall(published.bob, {"limit": 1}) is None
    memory.keep({"limit": 1}, render(await published.queries.list_skills(published.bob, limit=1)))
    once = memory.size_bytes
    memory.keep({"limit": 1}, render(await published.queries.list_skills(published.bob, limit=1)))
    assert memory.size_bytes == once


async def test_an_answer_is_remembered_for_all_who_read_the_same_but_never_who_somebody_is(published):
    memory, queries = HotAnswers(published.queries, unheard), published.queries
    carol = Principal("token:carol", "Carol")
    for who in (published.bob, carol):
        memory.keep({"operation": "whoami"}, render(await queries.whoami(who)))
    memory.keep({}, render(await queries.list_skills(published.bob)))
    assert orjson.loads(memory.recall(carol, {}).structured)["total"] == 3
    await queries.whoami(published.alice)
    assert memory.recall(published.alice, {}) is None
    assert memory.recall(published.alice, {"operation": "whoami"}) is None
    assert orjson.loads(memory.recall(published.bob, {"operation": "whoami"}).structured)["id"] == "token:bob"
    assert orjson.loads(memory.recall(carol, {"operation": "whoami"}).structured)["id"] == "token:carol"


async def test_a_remembered_answer_ends_with_its_publication(published):
    memory = HotAnswers(published.queries, unheard)
    memory.keep({}, render(await published.queries.list_skills(published.bob)))
    assert memory.recall(published.bob, {}) is not None
    published.clock.advance(1)
    await published.publish(published.small)
    assert memory.recall(published.bob, {}) is None
    await published.queries.list_skills(published.bob)
    assert memory.recall(published.bob, {}) is None


async def test_answers_during_publications_are_each_of_one_commit(wire, published, clock):
    """The description, the version and the commit that an answer names always belong together."""
    by_commit = {published.current.get()["acme"].publication.commit: "Fills PDF forms from a table."}
    stop = asyncio.Event()

    async def ask() -> int:
        answers = 0
        while not stop.is_set():
            content = (await wire.call({"plugin": "docs"}))["structuredContent"]
            assert content["skills"][0]["description"] == by_commit[content["snapshot"]["commit"]]
            fetched = await wire.call({"operation": "fetch", "skill": "pdf"})
            description = by_commit[fetched["structuredContent"]["snapshot"]["commit"]]
            assert description in fetched["content"][1]["resource"]["text"]
            answers += 1
        return answers

    async def publish() -> None:
        for number in range(25):
            clock.advance(1)
            described = f"Is publication number {number}."
            files = {**published.small, "plugins/docs/skills/pdf/SKILL.md": published.skill_md("pdf", described)}
            upcoming = await published.prepare(files)
            by_commit[upcoming.publication.commit] = described
            published.serve(upcoming)
        stop.set()

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        askers = [group.create_task(ask()) for _ in range(4)]
        group.create_task(publish())
    assert sum(task.result() for task in askers) > 10
