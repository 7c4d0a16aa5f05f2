"""What is listed over MCP: only what any host loads, in pages of bounded size, for each what they may read, at any moment."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest

from mcp_server.authentication import Caller
from mcp_server.skills_extension import SkillsExtension
from mcp_server.skills_extension.addresses import Addresses
from mcp_server.skills_extension.conformity import Conformity
from mcp_server.skills_extension.memory import Memory
from mcp_server.skills_extension.pages import Pages
from mcp_server.skills_extension.wording import skill_entry
from skillport_sync.errors import Invalid, Missing
from skillport_sync.lint.code import Surface
from skillport_sync.lint.linting import lint

WITHIN_S = 60.0


@pytest.fixture
def extension(publisher):
    return SkillsExtension(publisher.queries)


@pytest.fixture
def bob(publisher):
    return Caller(publisher.bob, "token:bob")


@pytest.fixture
def alice(publisher):
    return Caller(publisher.alice, "token:alice")


async def listed(extension, caller):
    """Every entry by name, over all pages."""
    entries, cursor = {}, None
    async with asyncio.timeout(WITHIN_S):
        while True:
            page = await extension.list_skills(caller, cursor)
            for entry in json.loads(page.large["skills"]):
                assert entry["uri"] not in entries
                entries[entry["uri"]] = entry
            cursor = page.fields.get("nextCursor")
            if cursor is None:
                return {entry["frontmatter"]["name"]: entry for entry in entries.values()}


def written(name="x", description="Does it.", more="", opening="---\n", closing="---\n", body="Body\n"):
    return f"{opening}name: {name}\ndescription: {description}\n{more}{closing}\n{body}"


ODD = {
    "no-frontmatter": "Just a body.\n",
    "no-name": "---\ndescription: x\n---\n",
    "no-description": "---\nname: no-description\n---\nBody\n",
    "capitals": written("Capitals"),
    "two-words": written("two words"),
    "hyphens": written("hy--phens"),
    "long-name": written("n" * 65),
    "number": written("1234567"),
    "long-description": written("long-description", "x" * 1025),
    "blank": written("blank", "' '"),
    "list": written("list", "[a, b]"),
    "repaired": written("repaired", "Use: this"),
    "doubled": written("doubled", more="name: doubled\n"),
    "infinite": written("infinite", more="x: .inf\n"),
    "rounded": written("rounded", more="x: 12345678901234567890\n"),
    "anchored": written("anchored", more="x: &a b\n"),
    "marked": written("marked", opening="\ufeff---\n"),
    "spaced": written("spaced", opening="--- \n"),
    "early": written("early", "one --- two"),
    "open": written("open", closing=""),
    "bytes": written("bytes").encode() + b"\xff\n",
}
FINE = {
    "fine": written("fine"),
    "crlf": written("crlf").replace("\n", "\r\n"),
    "elsewhere": written("named-otherwise"),
    "unknown-keys": written("unknown-keys", more="allowed-tools: [Read]\nversion: 1.0\n"),
    "claude-words": written("claude-words"),
    "block": written("block", ">-\n  Folds\n  it."),
}


def odd_marketplace(publisher):
    files = {".claude-plugin/marketplace.json": publisher.marketplace("docs", "more")}
    files |= {f"plugins/docs/skills/{name}/SKILL.md": content for name, content in {**ODD, **FINE}.items()}
    return files | {
        "plugins/more/skills/spelled/Skill.md": written("spelled"),
        "plugins/more/skills/pointing/SKILL.md": written("pointing"),
        "plugins/more/skills/pointing/data.bin": (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
        ),
        "plugins/more/skills/heavy/SKILL.md": written("heavy"),
        "plugins/more/skills/heavy/large.bin": b"\0" * (16 * 1024 * 1024),
        "plugins/more/skills/unheld/SKILL.md": written("unheld"),
        "plugins/more/skills/unheld/big.bin": b"big",
        "plugins/more/skills/crowded/SKILL.md": written("crowded"),
        **{f"plugins/more/skills/crowded/{at}.txt": f"{at}" for at in range(512)},
        "plugins/more/skills/brim/SKILL.md": written("brim"),
        **{f"plugins/more/skills/brim/{at}.txt": f"{at}" for at in range(511)},
    }


async def test_what_some_host_would_refuse_is_left_out_and_named_by_linting(publisher, extension, bob):
    files = odd_marketplace(publisher)
    published = await publisher.publish(files, not_held=frozenset({"plugins/more/skills/unheld/big.bin"}))
    seen = set(await listed(extension, bob))
    assert seen == {"fine", "crlf", "named-otherwise", "unknown-keys", "claude-words", "block", "brim"}
    raw = {path: content.encode() if isinstance(content, str) else content for path, content in files.items()}
    by_oid = {
        file.oid: raw[path]
        for each in published.snapshot.publishable.values()
        for path, file in each.held.items()
        if file.sha256 is not None
    }
    verdicts = lint(published.snapshot, by_oid).verdicts
    refused = {verdict.skill.name for verdict in verdicts if Surface.SEP_2640 in verdict.refused_by}
    assert {verdict.skill.name for verdict in verdicts} - seen <= refused
    # `named-otherwise` too: over MCP a skill lies in a directory of its name, whatever its own is called.
    assert refused & seen == set()


async def test_what_is_left_out_is_not_got_either_but_read(publisher, extension, bob):
    published = await publisher.publish(odd_marketplace(publisher))
    skills = {skill.directory.rpartition("/")[2]: skill for skill in published.snapshot.catalog.skills}
    for name in (*ODD, "spelled", "heavy", "crowded", "pointing"):
        skill = skills[name]
        uri = f"skill://acme/{skill.plugin.name}/{skill.name.replace(' ', '%20')}"
        spelling = skill.skill_md.rpartition("/")[2]
        with pytest.raises((Missing, Invalid)) as refused:
            await extension.get_skill(bob, f"{uri}/{spelling}")
        assert refused.value.code == ("skill_unfit" if spelling == "SKILL.md" else "not_a_skill"), name
        assert (await extension.read(bob, f"{uri}/{spelling}")).large["contents"]


async def test_a_file_larger_than_any_host_takes_is_not_sent(publisher, extension, bob):
    files = {**odd_marketplace(publisher), "plugins/more/skills/heavy/large.bin": b"\0" * (16 * 1024 * 1024 + 1)}
    await publisher.publish(files, not_held=frozenset({"plugins/more/skills/unheld/big.bin"}))
    with pytest.raises(Invalid, match="Install the skill"):
        await extension.read(bob, "skill://acme/more/heavy/large.bin")
    with pytest.raises(Missing, match="not kept"):
        await extension.read(bob, "skill://acme/more/unheld/big.bin")


# --- one address, several skills ---------------------------------------------------------------------------------------------


def twins(publisher):
    own = [{"name": "docs", "source": "./plugins/docs", "skills": ["./one", "./two"]}]
    return {
        ".claude-plugin/marketplace.json": json.dumps({"name": "a", "owner": {"name": "A"}, "plugins": own}),
        "plugins/docs/one/SKILL.md": written("twin", "The first."),
        "plugins/docs/one/own.txt": "one\n",
        "plugins/docs/two/SKILL.md": written("twin", "The second."),
        "plugins/docs/two/own.txt": "two\n",
    }


async def test_of_two_skills_of_one_address_the_first_is_meant_everywhere(publisher, extension, bob):
    await publisher.publish(twins(publisher))
    entry = (await listed(extension, bob))["twin"]
    assert entry["frontmatter"]["description"] == "The first."
    uri = "skill://acme/docs/twin"
    assert json.loads((await extension.get_skill(bob, f"{uri}/SKILL.md")).large["skill"]) == entry
    (read,) = json.loads((await extension.read(bob, f"{uri}/own.txt")).large["contents"])
    assert read["text"] == "one\n"
    children = json.loads((await extension.read_directory(bob, uri, None)).large["resources"])
    assert {child["uri"] for child in children} == {resource["uri"] for resource in entry["resources"]}


async def test_a_marketplace_of_two_words_has_addresses_of_its_own(publisher, extension, bob):
    await publisher.publish(publisher.small, name="acme")
    await publisher.publish(publisher.small, name="acme/skills")
    entries = {}
    page = await extension.list_skills(bob, None)
    for entry in json.loads(page.large["skills"]):
        entries[entry["uri"]] = entry
    assert {"skill://acme/docs/pdf/SKILL.md", "skill://acme/skills/docs/pdf/SKILL.md"} <= entries.keys()
    for uri, entry in entries.items():
        assert json.loads((await extension.get_skill(bob, uri)).large["skill"]) == entry
        for resource in entry["resources"]:
            (read,) = json.loads((await extension.read(bob, resource["uri"])).large["contents"])
            assert read["uri"] == resource["uri"]


# --- pages -------------------------------------------------------------------------------------------------------------------


def pages_of(publisher, **bounds):
    addresses = Addresses(publisher.queries)
    return Pages(publisher.queries, addresses, Conformity(publisher.queries), **bounds)


@pytest.mark.parametrize("page_bytes", [1, 500, 5_000, 10**6])
async def test_pages_hold_every_skill_once_and_no_more_than_a_page_may(publisher, page_bytes):
    await publisher.publish(publisher.many(120))
    pages = pages_of(publisher, page_bytes=page_bytes)
    names, cursor = [], None
    for _ in range(2):
        while True:
            page = await pages.page(publisher.bob, cursor, skill_entry)
            assert sum(map(len, page.items[:-1])) < page_bytes
            names += [json.loads(item)["frontmatter"]["name"] for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert sorted(names) == sorted([f"skill-{at:03}" for at in range(120)] * 2)


async def test_a_page_of_skills_that_do_not_conform_is_empty_and_goes_on(publisher):
    files = publisher.many(20)
    files |= {path: content.replace("Handles", "- : Handles") for path, content in files.items() if "plugin-0" in path}
    files |= {
        path: content.replace("description:", "x: .inf\ndescription:")
        for path, content in files.items()
        if path.endswith("SKILL.md") and "plugin-9" not in path
    }
    await publisher.publish(files)
    pages = pages_of(publisher, page_looks=4)
    cursor, found, empty = None, [], 0
    while True:
        page = await pages.page(publisher.bob, cursor, skill_entry)
        found += page.items
        empty += not page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(found) == 2
    assert empty >= 3


async def test_what_is_published_while_somebody_pages_moves_nothing(publisher):
    await publisher.publish(publisher.many(60))
    pages = pages_of(publisher, page_bytes=2_000)
    first = await pages.page(publisher.bob, None, skill_entry)
    gone = {path: content for path, content in publisher.many(60).items() if "skill-000" not in path}
    added = {"plugins/plugin-0/skills/aaa/SKILL.md": publisher.skill_md("aaa", "New, and before the page.")}
    await publisher.publish({**gone, **added})
    names = [json.loads(item)["frontmatter"]["name"] for item in first.items]
    cursor = first.next_cursor
    while cursor is not None:
        page = await pages.page(publisher.bob, cursor, skill_entry)
        names += [json.loads(item)["frontmatter"]["name"] for item in page.items]
        cursor = page.next_cursor
    assert len(names) == len(set(names))
    assert {f"skill-{at:03}" for at in range(60)} <= set(names)


async def test_a_large_list_is_made_while_others_are_answered(publisher, extension, bob):
    await publisher.publish(publisher.many(1_200))
    rounds = 0

    async def count() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    async with asyncio.timeout(WITHIN_S):
        counting = asyncio.create_task(count())
        page = await extension.list_skills(bob, None)
        counting.cancel()
    assert len(page.large["skills"]) < 260 * 1024
    assert rounds > page.large["skills"].count(b'"frontmatter"')


# --- what is remembered ------------------------------------------------------------------------------------------------------


async def test_an_entry_is_that_of_what_is_published_however_often_that_changes(publisher, extension, bob):
    for text in ("one", "two", "one", "three"):
        await publisher.publish({**publisher.small, "plugins/docs/skills/pdf/scripts/fill.py": text})
        for _ in range(2):
            entry = (await listed(extension, bob))["pdf"]
            digests = {resource["uri"].rpartition("/")[2]: resource["digest"] for resource in entry["resources"]}
            assert digests["fill.py"] == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


async def test_what_one_person_was_shown_is_shown_to_nobody_who_may_not_read_it(publisher, extension, alice, bob):
    await publisher.publish(publisher.small)
    for _ in range(2):
        assert "salaries" in await listed(extension, alice)
        assert "salaries" not in await listed(extension, bob)


async def test_a_push_in_the_middle_of_a_page_mixes_nothing_into_what_is_remembered(publisher):
    """Both may read the same at first; what is made after the push must not be kept as if it were from before."""
    await publisher.publish(publisher.many(30))
    memory = Memory()
    pages = pages_of(publisher, memory=memory)
    hidden = await publisher.prepare(publisher.many(30, skill_029=[publisher.alice.id]))
    makes = 0

    def wording(uri, contents):
        nonlocal makes
        makes += 1
        if makes == 10:
            publisher.serve(hidden)
        return skill_entry(uri, contents)

    await publisher.queries.whoami(publisher.alice)
    before = publisher.queries.standing(publisher.alice).view.basis
    await pages.page(publisher.alice, None, wording)
    skills = hidden.snapshot.catalog.skills
    places = [("acme", skill.plugin.name, skill.name) for skill in skills]
    assert sum(memory.recall(before, (place, wording)) is not None for place in places) == 9


async def test_memory_is_bounded_by_bytes(publisher):
    await publisher.publish(publisher.many(50))
    memory = Memory(max_bytes=8_000)
    pages = pages_of(publisher, memory=memory)
    whole = await pages.page(publisher.bob, None, skill_entry)
    assert len(whole.items) == 50
    assert 4_000 < memory.size_bytes <= 8_000
    assert (await pages.page(publisher.bob, None, skill_entry)).items == whole.items


async def test_a_skill_md_that_cannot_be_read_now_hides_only_itself(publisher, extension, bob):
    """Its content was collected, or is damaged, and is fetched again."""
    published = await publisher.publish(publisher.many(5))
    lost = published.snapshot.files["plugins/plugin-3/skills/skill-003/SKILL.md"].oid
    real = publisher.store.content

    async def content(oid):
        if oid == lost:
            raise Missing("not held")
        return await real(oid)

    publisher.store.content = content
    assert set(await listed(extension, bob)) == {f"skill-{at:03}" for at in (0, 1, 2, 4)}
    publisher.store.content = real
    assert "skill-003" in await listed(extension, bob)
