"""Fetching: every byte, in parts that a client can take, all of one commit."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from skillport_sync.errors import Invalid, Missing, Unavailable
from skillport_sync.git.objects import blob_id
from skillport_sync.queries import Queries
from skillport_sync.queries.answers import NotHeld
from skillport_sync.queries.cursors import Cursor, key_of, question_digest
from skillport_sync.queries.parts import ANSWER_CHARACTERS


async def all_parts(queries, who, skill, **question):
    """The files of a skill as they come back over all pages, and the pages."""
    found, pages, cursor = {}, [], None
    while True:
        page = await queries.fetch(who, skill, cursor=cursor, **question)
        pages.append(page)
        for part in page.contents:
            if isinstance(part, NotHeld):
                continue
            assert part.offset == len(found.get(part.path, b""))
            found[part.path] = found.get(part.path, b"") + part.content
        cursor = page.next_cursor
        if cursor is None:
            return found, pages


async def test_a_skill_md_of_294_kb_comes_in_parts_that_are_each_valid_and_together_exact(publisher):
    body = "".join(random.Random(7).choices("aé☃🎿\n", k=140_000))
    text = publisher.skill_md("huge", "Is long.", body)
    assert len(text.encode()) > 294_000
    files = {
        ".claude-plugin/marketplace.json": publisher.marketplace("docs"),
        "plugins/docs/skills/huge/SKILL.md": text,
        "plugins/docs/skills/huge/a.txt": "after",
    }
    await publisher.publish(files, executable=frozenset())
    found, pages = await all_parts(publisher.queries, publisher.bob, "huge")
    assert found == {"SKILL.md": text.encode()}
    assert len(pages) == 2
    for page in pages:
        for part in page.contents:
            assert part.size_bytes == len(text.encode())
            assert len(part.content.decode()) <= ANSWER_CHARACTERS
    assert [fact.path for page in pages for fact in page.files] == ["SKILL.md", "a.txt"]


async def test_files_are_not_cut_where_they_fit_into_an_answer_of_their_own(publisher):
    rng = random.Random(3)
    contents = {f"f{at}.txt": "x" * rng.randrange(0, 70_000) for at in range(12)}
    contents["blob.bin"] = rng.randbytes(200_000)
    contents["empty"] = ""
    files = {
        ".claude-plugin/marketplace.json": publisher.marketplace("docs"),
        "plugins/docs/skills/s/SKILL.md": publisher.skill_md("s", "S."),
    } | {f"plugins/docs/skills/s/{path}": content for path, content in contents.items()}
    await publisher.publish(files, executable=frozenset())
    found, pages = await all_parts(publisher.queries, publisher.bob, "s", paths=tuple(contents))
    assert found == {path: c.encode() if isinstance(c, str) else c for path, c in contents.items()}
    parts = [part for page in pages for part in page.contents]
    assert {part.path for part in parts if part.offset} == {"blob.bin"}
    assert all(part.offset % 3 == 0 for part in parts)
    for page in pages:
        on_the_wire = sum(len(p.content.decode()) if p.is_text else len(p.content) * 4 / 3 for p in page.contents)
        assert on_the_wire <= ANSWER_CHARACTERS


async def test_a_listing_of_thousands_of_files_comes_in_pages(publisher):
    names = [f"data/{at:05}.txt" for at in range(1500)]
    files = {
        ".claude-plugin/marketplace.json": publisher.marketplace("docs"),
        "plugins/docs/skills/s/SKILL.md": publisher.skill_md("s", "S."),
    } | {f"plugins/docs/skills/s/{name}": "" for name in names}
    await publisher.publish(files, executable=frozenset())
    found, pages = await all_parts(publisher.queries, publisher.bob, "s")
    assert [fact.path for page in pages for fact in page.files or ()] == ["SKILL.md", *names]
    assert list(found) == ["SKILL.md"]
    assert len(pages) > 3


async def test_what_is_not_held_is_said_and_what_is_odd_is_marked(publisher):
    skill = "plugins/docs/skills/s"
    files = {
        ".claude-plugin/marketplace.json": publisher.marketplace("docs"),
        f"{skill}/SKILL.md": publisher.skill_md("s", "S."),
        f"{skill}/large.bin": b"pretend that this is large",
        f"{skill}/link": "SKILL.md",
        f"{skill}/run": "#!/bin/sh\n",
    }
    await publisher.publish(
        files,
        executable=frozenset({f"{skill}/run"}),
        symlinks=frozenset({f"{skill}/link"}),
        not_held=frozenset({f"{skill}/large.bin"}),
    )
    answer = await publisher.queries.fetch(publisher.bob, "s")
    facts = {fact.path: fact for fact in answer.files}
    assert facts["large.bin"].sha256 is None
    assert facts["run"].executable is True
    # A link is followed: what is served is the file that it leads to.
    assert facts["link"] == replace(facts["SKILL.md"], path="link")
    linked = await publisher.queries.fetch(publisher.bob, "s", paths=["link"])
    assert linked.contents[0].content == files[f"{skill}/SKILL.md"].encode()
    answer = await publisher.queries.fetch(publisher.bob, "s", paths=["large.bin", "run"])
    assert isinstance(answer.contents[0], NotHeld)
    assert "larger than this mirror keeps" in answer.contents[0].reason
    assert answer.contents[1].content == b"#!/bin/sh\n"


async def test_content_that_went_missing_is_unavailable_for_now(published):
    path = "plugins/docs/skills/pdf/bom.txt"
    oid = published.current.get()["acme"].snapshot.files[path].oid
    await published.store.discard_blobs([oid])
    with pytest.raises(Unavailable, match="being fetched again"):
        await published.queries.fetch(published.bob, "pdf", paths=["bom.txt"])


async def test_the_current_version_and_commit_may_be_named(published):
    commit = published.current.get()["acme"].publication.commit
    for question in ({"version": "1.2.0"}, {"commit": commit}, {"commit": commit[:7].upper()}):
        answer = await published.queries.fetch(published.bob, "pdf", **question)
        assert answer.skill.version == "1.2.0"
        assert answer.basis is not None
    with pytest.raises(Missing, match=r"docs/pdf has no version '1\.2'\. Send one of: 1\.2\.0 \(served\)\."):
        await published.queries.fetch(published.bob, "pdf", version="1.2")


async def test_what_is_served_is_found_by_its_commit_even_where_mirror_db_has_lost_it(published):
    commit = published.current.get()["acme"].publication.commit
    await published.store.start_anew("a test")
    skill_md = published.small["plugins/docs/skills/pdf/SKILL.md"].encode()
    await published.store.put_blobs([(blob_id(skill_md), skill_md)])
    answer = await published.queries.fetch(published.bob, "pdf", commit=commit[:8])
    assert answer.snapshots[0].commit == commit


async def test_a_fetch_goes_on_in_the_publication_it_began_in(publisher, clock):
    def files(letter):
        return {
            ".claude-plugin/marketplace.json": publisher.marketplace("docs"),
            "plugins/docs/skills/s/SKILL.md": publisher.skill_md("s", "S.", letter * 200_000),
        }

    await publisher.publish(files("a"), executable=frozenset())
    first = await publisher.queries.fetch(publisher.bob, "s")
    clock.advance(1)
    await publisher.publish(files("b"), executable=frozenset())
    second = await publisher.queries.fetch(publisher.bob, "s", cursor=first.next_cursor)
    assert set(second.contents[0].content) == {ord("a")}
    assert second.basis is None, "an answer of a replaced publication must not be remembered"
    assert second.snapshots == first.snapshots or second.snapshots[0].commit == first.snapshots[0].commit


async def test_an_answer_is_of_one_publication_even_if_another_comes_while_it_is_made(publisher, clock):
    def files(letter):
        return {
            ".claude-plugin/marketplace.json": publisher.marketplace("docs"),
            "plugins/docs/skills/s/SKILL.md": publisher.skill_md("s", "S.", letter * 200_000),
        }

    class Meanwhile:
        """The store, in which something is published whenever it is asked."""

        reading, load = publisher.store.reading, publisher.store.load
        find_publications = publisher.store.find_publications

        async def content(self, oid):
            await self._publish()
            return await publisher.store.content(oid)

        async def skill_history(self, *skill):
            await self._publish()
            return await publisher.store.skill_history(*skill)

        async def _publish(self):
            clock.advance(1)
            await publisher.publish(files("b"), executable=frozenset())

    first = await publisher.publish(files("a"), executable=frozenset())
    queries = Queries(publisher.current, Meanwhile(), publisher.restoring, clock)
    versions = await queries.versions(publisher.bob, "s")
    assert [entry.commit for entry in versions.history] == [first.publication.commit]
    first = await publisher.publish(files("a"), executable=frozenset())
    page = await queries.fetch(publisher.bob, "s")
    assert {page.snapshots[0].commit} == {first.publication.commit}
    assert page.contents[0].content.endswith(b"a")
    rest = await queries.fetch(publisher.bob, "s", cursor=page.next_cursor)
    assert rest.snapshots[0].commit == first.publication.commit
    assert set(rest.contents[0].content) == {ord("a")}


async def test_a_forged_position_is_refused_or_harmless(published):
    keys = (key_of(published.current.get()["acme"]),)
    question = question_digest("fetch", "pdf", ["späße/☃ 100%.md", "bom.txt"], None, None)
    for position in [(0, 0, 2**40), (0, 9, 0), (5, 0, 0), (0, 2, 1), (0, 1, 1), (0, 1, 14), (0, 1, 2**52)]:
        with pytest.raises(Invalid, match="Start again without it"):
            await published.queries.fetch(
                published.bob,
                "pdf",
                paths=["späße/☃ 100%.md", "bom.txt"],
                cursor=Cursor(keys, question, position).encode(),
            )
