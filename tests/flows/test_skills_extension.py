"""Skills over MCP as a host sees them: a manifest of every file, the bytes that fit it, and nothing it would refuse."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from mcp_server.reads import Read

PDF = "skill://acme/docs/pdf"
METHODS = [
    "skills/list",
    "skills/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/directory/read",
]


class Host:
    """Asks as one person, in one era."""

    def __init__(self, wire: Any, who: str = "bob", *, modern: bool = True) -> None:
        self._wire = wire
        self._how: dict[str, Any] = {"who": who, "modern": modern}

    async def ask(self, method: str, **params: object) -> Any:
        """The whole JSON-RPC response."""
        headers = {}
        if method == "resources/read" and self._how["modern"]:
            uri = str(params["uri"])
            plain = uri.isascii() and uri.isprintable()
            headers["Mcp_Name"] = uri if plain else f"=?base64?{base64.b64encode(uri.encode()).decode()}?="
        seen = await self._wire.request(method, params, **self._how, **headers)
        assert seen.status == (400 if "error" in seen.json and self._how["modern"] else 200)
        return seen.json

    async def result(self, method: str, **params: object) -> Any:
        answer = await self.ask(method, **params)
        assert "result" in answer, answer
        return answer["result"]

    async def error(self, method: str, **params: object) -> Any:
        answer = await self.ask(method, **params)
        assert "error" in answer, answer
        return answer["error"]

    async def skills(self) -> dict[str, Any]:
        """Every entry that is listed, by address."""
        return {entry["uri"]: entry for entry in await self.every("skills/list", "skills")}

    async def every(self, method: str, part: str, **params: object) -> list[Any]:
        items: list[Any] = []
        cursors: set[str] = set()
        result = await self.result(method, **params)
        while True:
            items += result[part]
            if "nextCursor" not in result:
                return items
            assert result["nextCursor"] not in cursors
            cursors.add(result["nextCursor"])
            result = await self.result(method, **params, cursor=result["nextCursor"])

    async def read(self, uri: str) -> bytes:
        result = await self.result("resources/read", uri=uri)
        (content,) = result["contents"]
        assert content["uri"] == uri
        return content["text"].encode() if "text" in content else base64.b64decode(content["blob"], validate=True)


@pytest.fixture
def host(wire):
    return Host(wire)


@pytest.fixture
def alice(wire):
    return Host(wire, "alice")


def files_of(files, directory):
    """What was committed below a directory, as bytes, by path."""
    return {
        path.removeprefix(f"{directory}/"): content.encode() if isinstance(content, str) else content
        for path, content in files.items()
        if path.startswith(f"{directory}/")
    }


# --- what is announced -------------------------------------------------------------------------------------------------------


async def test_the_extension_is_announced_with_the_resources_it_stands_on(host):
    capabilities = (await host.result("server/discover"))["capabilities"]
    assert capabilities["extensions"] == {"io.modelcontextprotocol/skills": {"directoryRead": True}}
    assert capabilities["resources"] == {"subscribe": False, "listChanged": False}


async def test_the_handshake_names_resources_and_its_era_knows_no_extensions(wire):
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a test", "version": "1"}}
    result = await Host(wire, modern=False).result("initialize", **hello)
    assert result["capabilities"]["resources"] == {"subscribe": False, "listChanged": False}


@pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])
@pytest.mark.parametrize("method", METHODS)
async def test_every_method_answers_in_both_eras_for_one_person_and_a_while(wire, method, modern):
    uri = {"resources/directory/read": PDF}.get(method, f"{PDF}/SKILL.md")
    result = await Host(wire, modern=modern).result(method, **({} if method.endswith("list") else {"uri": uri}))
    if modern:
        assert result["resultType"] == "complete"
        assert result["cacheScope"] == "private"
        assert result["ttlMs"] == (3_600_000 if method == "resources/templates/list" else 60_000)
        assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "skillport-sync"
    elif method.startswith("resources/") and method != "resources/directory/read":
        assert "ttlMs" not in result  # that era's own methods do not know it


@pytest.mark.parametrize("method", ["skills/list", "skills/get"])
async def test_without_a_token_nothing_is_listed(wire, method):
    assert (await wire.request(method, {"uri": f"{PDF}/SKILL.md"}, who=None)).status == 401


# --- manifests and bytes -----------------------------------------------------------------------------------------------------


async def test_an_entry_names_every_file_with_the_digest_and_size_of_its_bytes(host, published):
    entry = (await host.skills())[f"{PDF}/SKILL.md"]
    assert entry["frontmatter"] == {"name": "pdf", "description": "Fills PDF forms from a table."}
    committed = files_of(published.small, "plugins/docs/skills/pdf")
    assert [resource["size"] for resource in entry["resources"]] == [len(committed[path]) for path in sorted(committed)]
    for resource, path in zip(entry["resources"], sorted(committed), strict=True):
        content = await host.read(resource["uri"])
        assert content == committed[path]
        assert resource["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert f"{PDF}/sp%C3%A4%C3%9Fe/%E2%98%83%20100%25.md" in {resource["uri"] for resource in entry["resources"]}


async def test_text_goes_as_text_and_everything_else_as_bytes(host):
    async def seen(path):
        (content,) = (await host.result("resources/read", uri=f"{PDF}/{path}"))["contents"]
        return content["mimeType"], content.get("text")

    assert await seen("crlf.txt") == ("text/plain", "one\r\ntwo\r\n")
    assert await seen("bom.txt") == ("text/plain", "\ufeffwith a mark")
    assert await seen("nul.txt") == ("text/plain", "a\0b")
    assert await seen("empty.txt") == ("text/plain", "")
    assert await seen("assets/logo.png") == ("image/png", None)
    assert (await seen("SKILL.md"))[0] == "text/markdown"


@pytest.mark.parametrize("large", [b"\xff" * 2_000_000, "späße\n".encode() * 200_000], ids=["bytes", "text"])
async def test_a_large_file_comes_whole(publisher, wire_of, large):
    await publisher.publish({**publisher.small, "plugins/docs/skills/pdf/large": large})
    host = Host(await wire_of(publisher))
    assert await host.read(f"{PDF}/large") == large


async def test_what_is_listed_is_what_is_got(host):
    for uri, entry in (await host.skills()).items():
        assert (await host.result("skills/get", uri=uri))["skill"] == entry


async def test_the_list_of_resources_is_the_skill_mds_of_the_listed_skills(host):
    resources = await host.every("resources/list", "resources")
    assert [resource["uri"] for resource in resources] == list(await host.skills())
    assert resources[0] == {
        "uri": f"{PDF}/SKILL.md",
        "name": "pdf",
        "title": "docs/pdf",
        "description": "Fills PDF forms from a table.",
        "mimeType": "text/markdown",
        "size": len(await host.read(f"{PDF}/SKILL.md")),
    }


async def test_one_template_says_how_addresses_are_made(host):
    (template,) = (await host.result("resources/templates/list"))["resourceTemplates"]
    assert template["uriTemplate"] == "skill://{+marketplace}/{plugin}/{skill}/{+path}"
    assert (await host.error("resources/templates/list", cursor="x"))["code"] == -32602


async def test_frontmatter_is_announced_as_yaml_1_2_says_it(publisher, wire_of):
    written = (
        "---\nname: odd\ndescription: >-\n  Folds\n  lines.\nflag: yes\nport: 010\ntime: 12:30\nbig: 1e3\nday: 2026-11-21\n"
        "tools: [Read, Bash(git:*)]\nmetadata:\n  version: '1.10'\n  deep:\n    - a: ~\n      b: 0x1F\nempty:\n---\nBody\n"
    )
    await publisher.publish({**publisher.small, "plugins/docs/skills/odd/SKILL.md": written})
    host = Host(await wire_of(publisher))
    assert (await host.skills())["skill://acme/docs/odd/SKILL.md"]["frontmatter"] == {
        "name": "odd", "description": "Folds lines.", "flag": "yes", "port": 10, "time": "12:30", "big": 1000.0,
        "day": "2026-11-21", "tools": ["Read", "Bash(git:*)"],
        "metadata": {"version": "1.10", "deep": [{"a": None, "b": 31}]}, "empty": None,
    }  # fmt: skip


async def test_a_linked_skill_is_plain_files_below_its_own_address(publisher, wire_of):
    files = {
        **publisher.small,
        "shared/words.md": "shared\n",
        "plugins/docs/skills/linked": "../../../shared-skill",
        "shared-skill/SKILL.md": publisher.skill_md("linked", "Is reached by a link."),
        "shared-skill/words.md": "../shared/words.md",
    }
    links = frozenset({"plugins/docs/skills/linked", "shared-skill/words.md"})
    await publisher.publish(files, symlinks=links)
    host = Host(await wire_of(publisher))
    entry = (await host.skills())["skill://acme/docs/linked/SKILL.md"]
    assert [resource["uri"].rpartition("/")[2] for resource in entry["resources"]] == ["SKILL.md", "words.md"]
    assert await host.read("skill://acme/docs/linked/words.md") == b"shared\n"


# --- who may see what --------------------------------------------------------------------------------------------------------


async def test_what_a_person_may_not_read_is_answered_as_what_does_not_exist(host, alice):
    hidden, absent = "skill://acme/people/salaries", "skill://acme/people/nothing1"
    assert f"{hidden}/SKILL.md" in await alice.skills()
    assert f"{hidden}/SKILL.md" not in await host.skills()
    assert all(resource["name"] != "salaries" for resource in await host.every("resources/list", "resources"))
    for method, path in (
        ("skills/get", "/SKILL.md"),
        ("resources/read", "/table.csv"),
        ("resources/directory/read", ""),
    ):
        refused, missing = [await host.error(method, uri=f"{skill}{path}") for skill in (hidden, absent)]
        assert refused["code"] == missing["code"] == -32602
        assert refused["message"].replace("salaries", "nothing1") == missing["message"]
        assert refused["data"] == {"code": "unknown_resource", "uri": f"{hidden}{path}"}


async def test_a_right_taken_away_is_gone_with_the_next_publication(publisher, wire_of):
    await publisher.publish(publisher.small)
    host = Host(await wire_of(publisher))
    before = await host.skills()
    policy = publisher.access(salaries=[publisher.alice.id], pdf=[publisher.alice.id])
    await publisher.publish({**publisher.small, ".skillport/access.json": policy})
    assert before.keys() - (await host.skills()).keys() == {f"{PDF}/SKILL.md"}
    assert (await host.error("resources/read", uri=f"{PDF}/SKILL.md"))["code"] == -32602


async def test_the_files_of_a_skill_within_are_left_out_where_that_one_is_hidden(publisher, wire_of):
    own = [{"name": "docs", "source": "./plugins/docs", "skills": ["./outer", "./outer/inner"]}]
    files = {
        ".claude-plugin/marketplace.json": json.dumps(
            {"name": "acme-skills", "owner": {"name": "Acme"}, "plugins": own}
        ),
        ".skillport/access.json": publisher.access(inner=[publisher.alice.id]),
        "plugins/docs/outer/SKILL.md": publisher.skill_md("outer", "Has one inside."),
        "plugins/docs/outer/inner/SKILL.md": publisher.skill_md("inner", "Is inside."),
    }
    await publisher.publish(files)
    wire = await wire_of(publisher)
    seen = {who: await Host(wire, who).skills() for who in ("alice", "bob")}
    outer, inner = "skill://acme/docs/outer/SKILL.md", "skill://acme/docs/inner/SKILL.md"
    assert set(seen["bob"]) == {outer}
    assert [resource["uri"] for resource in seen["bob"][outer]["resources"]] == [outer]
    assert set(seen["alice"]) == {outer, inner}
    names = [resource["uri"] for resource in seen["alice"][outer]["resources"]]
    assert names == [outer, "skill://acme/docs/outer/inner/SKILL.md"]


async def test_what_is_not_listed_is_got_by_its_address(publisher, wire_of):
    await publisher.publish(
        {**publisher.small, "plugins/drafts/skills/idea/SKILL.md": publisher.skill_md("idea", "Not yet.")}
    )
    host = Host(await wire_of(publisher))
    uri = "skill://acme/drafts/idea/SKILL.md"
    assert uri not in await host.skills()
    assert (await host.result("skills/get", uri=uri))["skill"]["frontmatter"]["name"] == "idea"


async def test_whoever_reads_is_heard_of_and_whoever_lists_is_not(host, published, reads):
    await host.skills()
    await host.result("skills/get", uri=f"{PDF}/SKILL.md")
    await host.result("resources/directory/read", uri=PDF)
    assert reads == []
    await host.read(f"{PDF}/scripts/fill.py")
    await host.error("resources/read", uri="skill://acme/people/salaries/table.csv")
    await host.error("resources/read", uri=f"{PDF}/none")
    await host.error("resources/read", uri="test://else")
    publication = published.current.get()["acme"].publication
    assert [read for _, _, read in reads] == [
        Read("docs/pdf", ("scripts/fill.py",), "ok", "acme", publication.id, publication.commit),
        Read("people/salaries", ("table.csv",), "unknown_resource"),
        Read("docs/pdf", ("none",), "unknown_resource"),
    ]
    assert {(who, client) for who, client, _ in reads} == {("token:bob", "token:bob")}


# --- directories -------------------------------------------------------------------------------------------------------------


async def test_a_directory_has_its_direct_children_and_leads_to_every_file(host):
    root = await host.result("resources/directory/read", uri=PDF)
    assert [(child["name"], child.get("mimeType")) for child in root["resources"]] == [
        ("pdf", "text/markdown"),  # SKILL.md bears the name of its skill
        ("assets", "inode/directory"),
        ("bom.txt", None),
        ("crlf.txt", None),
        ("empty.txt", None),
        ("nul.txt", None),
        ("scripts", "inode/directory"),
        ("späße", "inode/directory"),
    ]
    found: set[str] = set()
    waiting = [PDF]
    while waiting:
        for child in await host.every("resources/directory/read", "resources", uri=waiting.pop()):
            if child.get("mimeType") == "inode/directory":
                waiting.append(child["uri"])
            else:
                found.add(child["uri"])
    entry = (await host.skills())[f"{PDF}/SKILL.md"]
    assert found == {resource["uri"] for resource in entry["resources"]}


NO_DIRECTORIES = [f"{PDF}/SKILL.md", f"{PDF}/none", f"{PDF}/", f"{PDF}/scripts/", "skill://acme/docs", "test://x", ""]


@pytest.mark.parametrize("uri", NO_DIRECTORIES)
async def test_what_is_no_directory_is_invalid(host, uri):
    assert (await host.error("resources/directory/read", uri=uri))["code"] == -32602


async def test_what_was_mistaken_for_the_other_is_told_what_it_is(host):
    assert (
        "is a file, not a directory" in (await host.error("resources/directory/read", uri=f"{PDF}/SKILL.md"))["message"]
    )
    assert "is a directory" in (await host.error("resources/read", uri=f"{PDF}/scripts"))["message"]
    assert "is a directory" in (await host.error("resources/read", uri=PDF))["message"]


async def test_a_wide_directory_pages(publisher, wire_of):
    wide = {f"plugins/docs/skills/pdf/wide/{at:04}.txt": f"{at}\n" for at in range(1_200)}
    await publisher.publish({**publisher.small, **wide})
    host = Host(await wire_of(publisher))
    children = await host.every("resources/directory/read", "resources", uri=f"{PDF}/wide")
    assert [child["name"] for child in children] == [f"{at:04}.txt" for at in range(1_200)]


# --- what is wrong -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "uri"),
    [
        ("skills/get", PDF), ("skills/get", f"{PDF}/scripts/fill.py"), ("skills/get", "test://x"), ("skills/get", ""),
        ("skills/get", "skill://other/docs/pdf/SKILL.md"), ("skills/get", f"{PDF}/skill.md"),
        ("resources/read", PDF), ("resources/read", f"{PDF}/scripts"), ("resources/read", "skill://acme/docs"),
        ("resources/read", "skill://acme-skills/docs/pdf/SKILL.md"), ("resources/read", f"{PDF}/scripts%2Ffill.py"),
        ("resources/read", f"{PDF}/../pdf/SKILL.md"), ("resources/read", "skill://acme/docs/skills%2Fpdf/SKILL.md"),
    ],
)  # fmt: skip
async def test_an_address_of_nothing_is_invalid_and_named(host, method, uri):
    error = await host.error(method, uri=uri)
    assert error["code"] == -32602
    assert error["data"]["uri"] == uri


async def test_an_address_of_no_use_is_not_sent_back(host):
    answer = await host.ask("skills/get", uri="skill://acme/docs/" + "x" * 1_000_000)
    assert answer["error"]["data"] == {"code": "unknown_resource"}
    assert len(json.dumps(answer)) < 1_000


async def test_parameters_of_the_wrong_shape_are_invalid(host):
    for method, params in (("skills/get", {}), ("skills/get", {"uri": 1}), ("skills/list", {"cursor": 1})):
        assert (await host.error(method, **params))["code"] == -32602


@pytest.mark.parametrize("cursor", ["", "x", "%", "WzFd", "WyJhIl0", "W10", "é", "A" * 10_000])
async def test_a_cursor_that_is_none_is_invalid(host, cursor):
    for method, params in (("skills/list", {}), ("resources/list", {}), ("resources/directory/read", {"uri": PDF})):
        if (method, cursor) != ("resources/directory/read", "WyJhIl0"):  # which is one, of a directory
            error = await host.error(method, **params, cursor=cursor)
            assert (error["code"], error["data"]["code"]) == (-32602, "cursor_invalid")


async def test_before_anything_is_published_it_is_said_that_it_will_be(publisher, wire_of):
    host = Host(await wire_of(publisher), modern=False)
    for method in ("skills/list", "resources/list"):
        assert (await host.error(method))["code"] == -32603
    error = await host.error("resources/read", uri=f"{PDF}/SKILL.md")
    assert (error["code"], error["data"]["code"]) == (-32603, "nothing_published")
