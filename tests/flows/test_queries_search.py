"""Searching: what is found and in which order, by whom, in what state of the store, and what an index costs."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from skillport_sync.access.model import Principal
from skillport_sync.errors import Conflict
from skillport_sync.queries.search import Search

POLICY = ".skillport/access.json"
MARKETPLACE = ".claude-plugin/marketplace.json"


def skills(publisher, *given_skills, **entries):
    """A marketplace of skills, each ``(plugin/name, description)`` or with its body; ``entries`` add to a plugin's entry."""
    files = {}
    for label, description, *body in given_skills:
        plugin, _, name = label.partition("/")
        path = f"plugins/{plugin}/skills/{name}/SKILL.md"
        files[path] = publisher.skill_md(name, description, *body)
    plugins = dict.fromkeys(path.split("/")[1] for path in files)
    listed = [{"name": name, "source": f"./plugins/{name}", **entries.get(name, {})} for name in plugins]
    return files | {MARKETPLACE: publisher.marketplace(plugins=listed)}


async def publish(publisher, files, **how):
    publisher.clock.advance(1)
    return await publisher.publish(files, executable=frozenset(), **how)


async def found(publisher, query, who=None, **question):
    answer = await publisher.queries.list_skills(who or publisher.bob, query=query, **question)
    return [line.name for line in answer.skills]


@contextmanager
def builds():
    """The indexes made meanwhile."""
    with capture_logs() as logs:
        made: list[dict] = []
        yield made
        made += [entry for entry in logs if entry["event"] == "search_indexed"]


LIBRARY = (
    ("forms/filler", "Completes documents.", "Mentions invoices only here.\n"),
    ("docs/summary", "Sums up an invoice in a line."),
    ("billing/export", "Writes tables."),
    ("docs/invoice-check", "Compares amounts."),
    ("zoo/invoice", "The very thing."),
    ("docs/invoicing-rules", "How it is done."),
    ("docs/unrelated", "Something else."),
)
ENTRIES = {
    "billing": {"keywords": ["invoice"], "category": "Finance"},
    "docs": {"category": "writing", "tags": ["office"]},
}


@pytest.fixture
async def library(publisher):
    await publish(publisher, skills(publisher, *LIBRARY, **ENTRIES))
    return publisher


async def test_a_name_counts_more_than_keywords_and_those_more_than_a_description_and_that_more_than_a_body(library):
    assert await found(library, "invoice") == [
        "invoice",
        "invoice-check",
        "invoicing-rules",
        "export",
        "summary",
        "filler",
    ]


@pytest.mark.parametrize(
    "query", ["invoice check", "invoice-check", "InvoiceCheck", "INVOICE_CHECK", "docs/invoice-check"]
)
async def test_exactly_this_name_comes_first_however_it_is_spelled(library, query):
    assert (await found(library, query))[0] == "invoice-check"


async def test_a_skill_is_found_by_its_plugin_its_category_its_tags_and_by_beginnings(library):
    assert await found(library, "billing") == await found(library, "bill") == ["export"]
    assert await found(library, "finance") == ["export"]
    assert set(await found(library, "office")) == {"summary", "invoice-check", "invoicing-rules", "unrelated"}


async def test_every_word_must_be_there_and_where_none_has_all_those_with_the_most_come_first(library):
    assert await found(library, "invoice amounts") == ["invoice-check"]
    assert (await found(library, "invoice amounts pancakes"))[0] == "invoice-check"
    assert await found(library, "pancakes") == []
    assert await found(library, "pancakes unrelated") == ["unrelated"]


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("invocie chekc", "invoice-check"), ("sumary", "summary"), ("bilings", "export"), ("filer", "filler")],
)
async def test_a_slip_of_the_pen_in_a_name_is_understood(library, slip, meant):
    assert (await found(library, slip))[0] == meant


async def test_filters_narrow_what_is_found_and_keep_its_order(library):
    assert await found(library, "invoice", category="WRITING ") == ["invoice-check", "invoicing-rules", "summary"]
    assert await found(library, "invoice", plugin="zoo") == ["invoice"]
    assert await found(library, "invoice", plugin="zoo", category="writing") == []
    answer = await library.queries.list_skills(library.bob, query="invoice", category="finance", limit=1)
    assert (answer.total, [line.name for line in answer.skills]) == (1, ["export"])
    assert await found(library, None, category="finance") == ["export"]


async def test_scripts_without_spaces_are_searched_by_any_piece_and_pictures_by_themselves(publisher):
    texts = [
        ("docs/report", "四半期の報告書を日本語で作成します。"),
        ("docs/thai", "สร้างรายงานประจำไตรมาส"),
        ("docs/rocket", "Ships it 🚀 to the moon."),
        ("docs/表格填写", "Fills tables.", "把数据写进表格里。\n"),
        ("docs/cafe", "Crème brûlée à la carte."),
    ]
    await publish(publisher, skills(publisher, *texts))
    for query, name in {
        "報告書": "report",
        "四半期 作成": "report",
        "รายงาน": "thai",
        "🚀": "rocket",
        "表格填写": "表格填写",
        "填写": "表格填写",
        "数据": "表格填写",
        "creme BRULEE": "cafe",
        "brûlée": "cafe",
    }.items():
        assert await found(publisher, query) == [name], query
    assert await found(publisher, "書報") == []


HOSTILE = [
    '"', "NEAR(", "invoice AND (", "name:invoice*", "-invoice", "\0", "x" * 5_000, "invoice " * 500, "a b c " * 200, "☃🎿",
    "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE)
async def test_whatever_is_asked_is_answered_and_the_same_again(library, query):
    first, again = [await library.queries.list_skills(library.bob, query=query) for _ in range(2)]
    assert first.skills == again.skills
    assert first.total == len(first.skills) <= len(LIBRARY)


async def test_operators_are_words_and_a_question_of_nothing_is_none(library):
    assert await found(library, 'invoice AND "check') == ["invoice-check"]
    everything = [line.name for line in (await library.queries.list_skills(library.bob)).skills]
    assert await found(library, " \t\n") == everything
    assert await found(library, "?! …") == []


ASKED = [
    "report", "quarterly report", "odd", "odd case report", "secret", "secert", "vault", "valut", "skill 007", "sk", "pla", "007",
    "report pancakes", "how odd is the report of the vault", "plugin-3", "combina", "rare", "salery",
]  # fmt: skip


async def test_not_one_byte_of_an_answer_depends_on_what_may_not_be_read(publisher, clock):
    """Hidden skills that would move every rarity, complete every beginning and attract every misspelling."""
    public = publisher.many(40)
    public["plugins/plugin-1/skills/report/SKILL.md"] = publisher.skill_md(
        "report", "Rare: a quarterly report.", "rare report\n"
    )
    public["plugins/plugin-2/skills/salary/SKILL.md"] = publisher.skill_md("salary", "Explains a payslip.")
    names = [
        "sallery",
        "secret",
        "vault",
        "report",
        "combination",
        "rare-report",
        *(f"report-{at}" for at in range(30)),
    ]
    rules = {POLICY: publisher.access(**{name: ["token:alice"] for name in names if name != "report"})}
    hidden = {
        f"plugins/plugin-{at % 10}/skills/{name}/SKILL.md": publisher.skill_md(
            name, "Odd quarterly report: rare, secret.", "vault report odd case secret rare combination plaza\n" * 30
        )
        for at, name in enumerate(names)
        if name != "report"
    }

    async def told(files):
        fresh = type(publisher)(publisher.store, clock)
        await publish(fresh, files, name=f"m{len(files)}")
        answers = []
        for question in ({"query": query, "limit": limit} for query in ASKED for limit in (2, 100)):
            answer = await fresh.queries.list_skills(publisher.bob, **question)
            following = None
            if answer.next_cursor:
                following = await fresh.queries.list_skills(publisher.bob, **question, cursor=answer.next_cursor)
            answers.append((answer.skills, answer.total, following and (following.skills, following.total)))
        (index,) = fresh.queries._search._kept.values()
        return repr(answers).replace(f"m{len(files)}", "M"), index.index.rows.size_bytes

    assert await told({**public, **rules}) == await told({**public, **rules, **hidden})


async def test_what_no_entry_publishes_is_neither_found_nor_counted(publisher):
    files = skills(publisher, ("docs/pdf", "Fills forms."))
    files["plugins/draft/.claude-plugin/plugin.json"] = publisher.plugin_json("draft", "0.1.0")
    files["plugins/draft/skills/pdf-next/SKILL.md"] = publisher.skill_md("pdf-next", "Fills forms better.")
    await publish(publisher, files)
    assert (await publisher.queries.fetch(publisher.bob, "pdf-next")).skill.name == "pdf-next"
    assert await found(publisher, "forms") == await found(publisher, "pdf-next") == ["pdf"]
    assert (await publisher.queries.list_skills(publisher.bob)).total == 1


async def test_one_search_goes_over_all_marketplaces(publisher):
    await publish(publisher, skills(publisher, ("docs/pdf", "Fills forms."), ("docs/forms", "Is one.")), name="zeta")
    await publish(publisher, skills(publisher, ("docs/pdf", "Fills forms."), ("web/html", "Has forms.")), name="alpha")
    answer = await publisher.queries.list_skills(publisher.bob, query="forms")
    assert [(line.marketplace, line.name) for line in answer.skills] == [
        ("zeta", "forms"), ("alpha", "pdf"), ("alpha", "html"), ("zeta", "pdf"),
    ]  # fmt: skip
    assert answer.total == 4


async def test_a_body_is_searched_below_its_frontmatter_and_as_far_as_is_reasonable(publisher):
    files = skills(
        publisher,
        ("docs/near", "First.", "x " * 5_000 + " tiger\n"),
        ("docs/far", "Second.", "x " * 11_000 + " tiger\n"),
        ("docs/head", "Third."),
    )
    path = "plugins/docs/skills/head/SKILL.md"
    files[path] = files[path].replace("---\n", "---\nlicense: tiger\n", 1)
    await publish(publisher, files)
    assert await found(publisher, "tiger") == ["near"]


async def test_a_body_that_a_link_takes_from_another_skill_is_not_searched(publisher):
    files = skills(publisher, ("people/salaries", ""), ("docs/pdf", "Fills forms."))
    files["plugins/people/skills/salaries/SKILL.md"] = "A table.\n\nWhat everybody earns: tiger.\n"
    link = "plugins/docs/skills/link/SKILL.md"
    files |= {link: "../../../people/skills/salaries/SKILL.md", POLICY: publisher.access(salaries=["token:alice"])}
    await publish(publisher, files, symlinks=frozenset({link}))
    assert await found(publisher, "link") == ["link"]
    assert await found(publisher, "tiger") == []
    assert await found(publisher, "tiger", publisher.alice) == ["salaries"]


async def test_content_that_is_away_is_not_searched_and_nobody_waits_for_it(library, clock):
    store = library.store
    path = "plugins/forms/skills/filler/SKILL.md"
    file = next(iter(library._heads.values())).snapshot.files[path]
    content = await store.content(file.oid)
    await store.discard_blobs([file.oid])
    answer = await library.queries.list_skills(library.bob, query="invoice")
    assert "filler" not in {line.name for line in answer.skills}
    assert answer.basis is None, "it will be another answer when the content is back"
    assert await found(library, "filler") == ["filler"]
    await store.put_blobs([(file.oid, content)])
    clock.advance(30)
    assert "filler" not in await found(library, "invoice")
    clock.advance(31)
    answer = await library.queries.list_skills(library.bob, query="invoice")
    assert answer.skills[-1].name == "filler"
    assert answer.basis is library.queries.standing(library.bob).view.basis


async def test_a_database_that_is_being_replaced_is_searched_by_what_is_in_memory(library, tmp_path, clock):
    (tmp_path / "mirror.db").rename(tmp_path / "aside.db")
    with capture_logs() as logs:
        assert (await found(library, "invoice"))[:2] == ["invoice", "invoice-check"]
    assert [entry["log_level"] for entry in logs if entry["event"] == "search_bodies_unread"] == ["warning"]
    (tmp_path / "aside.db").rename(tmp_path / "mirror.db")
    clock.advance(61)
    assert (await found(library, "invoice"))[-1] == "filler"


async def test_no_index_is_made_for_a_list_and_one_for_all_who_ask_at_once(library):
    carol = Principal("token:carol", "Carol")
    with builds() as made:
        await library.queries.list_skills(library.bob, category="writing", plugin="docs", surface="CC")
        await library.queries.list_skills(library.bob, query="  ")
    assert made == []
    with builds() as made:
        await asyncio.gather(
            *(found(library, f"invoice {at}", who) for at in range(10) for who in (library.bob, carol))
        )
        await found(library, "invoice", carol)
    assert len(made) == 1
    assert (made[0]["skills"], made[0]["lacking"]) == (len(LIBRARY), 0)


async def test_who_goes_away_while_the_index_is_made_takes_nothing_from_the_others(library):
    with builds() as made:
        first = asyncio.create_task(found(library, "invoice"))
        second = asyncio.create_task(found(library, "invoice"))
        async with asyncio.timeout(20):
            for _ in range(1_000):  # steps of the loop, until its thread has begun
                await asyncio.sleep(0)
                if library.queries._search._being_made:
                    break
            first.cancel()
            assert len(await second) == 6
    assert first.cancelled()
    assert len(made) == 1


async def test_what_is_published_is_found_at_once_and_indexes_of_before_are_dropped(library):
    await found(library, "invoice")
    await publish(library, skills(library, ("docs/pdf", "Pays an invoice.")))
    with builds() as made:
        assert await found(library, "invoice") == ["pdf"]
    assert len(made) == 1
    assert len(library.queries._search._kept) == 1


async def test_people_who_may_not_read_the_same_have_an_index_each_and_only_so_many_are_kept(publisher, clock):
    people = [Principal(f"token:p{at}", "P") for at in range(5)]
    rules = publisher.access(
        **{f"skill_{at:03}": [one.id for one in people if one is not people[at]] for at in range(5)}
    )
    await publish(publisher, publisher.many(20) | {POLICY: rules})
    await found(publisher, "odd", people[0])
    small = publisher.queries._search.size_bytes
    views = [(await publisher.queries._standing(one)).view for one in people]

    async def kept(**limits):
        search = Search(publisher.store, clock, **limits)
        for at in (1, 2, 3, 4, 0, 3, 0, 1):
            await search.index(views[at])
        return [view.basis for view in views if view.basis in search._kept], search

    assert len((await kept())[0]) == 5
    assert (await kept(max_indexes=2))[0] == [views[0].basis, views[1].basis]
    bases, search = await kept(max_bytes=int(small * 2.5))
    assert bases == [views[0].basis, views[1].basis]
    assert search.size_bytes <= small * 2.5
    assert (await kept(max_bytes=1))[0] == [views[1].basis], "the one that was asked last stays however large it is"


async def test_pages_of_a_search_are_the_search_and_stay_in_their_publication(publisher, clock):
    await publish(publisher, publisher.many(60))
    whole = await found(publisher, "odd case", limit=500)
    first = await publisher.queries.list_skills(publisher.bob, query="odd case", limit=7)
    names, cursor = [line.name for line in first.skills], first.next_cursor
    await publish(publisher, publisher.many(9))
    with builds() as made:
        while cursor:
            page = await publisher.queries.list_skills(publisher.bob, query="odd case", limit=7, cursor=cursor)
            names += [line.name for line in page.skills]
            cursor = page.next_cursor
            assert page.snapshots[0].commit == first.snapshots[0].commit
            assert page.total == 30
    assert names == whole
    assert len(made) == 1, "the index of a replaced publication serves the pages after the next, too"
    clock.advance(601)
    with pytest.raises(Conflict):
        await publisher.queries.list_skills(publisher.bob, query="odd case", limit=7, cursor=first.next_cursor)


async def test_a_right_taken_away_is_gone_from_a_search_of_what_was_published_before(publisher):
    await publish(publisher, publisher.many(30))
    first = await publisher.queries.list_skills(publisher.bob, query="odd", limit=2)
    await publish(publisher, publisher.many(30, skill_025=["token:alice"]))
    rest = await publisher.queries.list_skills(publisher.bob, query="odd", limit=100, cursor=first.next_cursor)
    assert rest.total == 14
    assert "skill-025" not in {line.name for line in rest.skills}
    forged = await publisher.queries.list_skills(publisher.bob, query="025", limit=1)
    assert (forged.total, forged.next_cursor) == (0, None)


async def test_a_search_over_the_wire_is_the_search(library, wire_of):
    wire = await wire_of(library)
    for _ in range(2):
        answer = (await wire.call({"query": "invoice", "limit": 2}))["structuredContent"]
        assert [skill["name"] for skill in answer["skills"]] == ["invoice", "invoice-check"]
        assert answer["total"] == 6
    assert json.loads(json.dumps(answer))["next_cursor"]
