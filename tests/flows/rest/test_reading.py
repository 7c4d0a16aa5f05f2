"""What the REST API answers: the seed connector's fields, ours beside them, and nothing of what somebody may not read."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

SEED_FIELDS = ["name", "plugin", "description", "version", "author", "category", "tags", "keywords"]
SEED_FIELDS += ["surface_tags", "published", "editable"]
TAGGED = json.dumps(
    {
        "name": "acme-skills",
        "owner": {"name": "Acme"},
        "plugins": [
            {
                "name": "docs",
                "source": "./plugins/docs",
                "category": "productivity",
                "tags": ["surface:CC", "paper"],
                "keywords": ["pdf"],
                "author": {"name": "Acme Docs"},
            },
            {"name": "finance", "source": "./plugins/finance", "tags": ["surface:CAI"]},
            {"name": "people", "source": "./plugins/people"},
        ],
    }
)


@pytest.fixture
async def tagged(publisher, api_of):
    """The small marketplace with tags, and a plugin that no entry names."""
    await publisher.publish(
        {
            **publisher.small,
            ".claude-plugin/marketplace.json": TAGGED,
            "plugins/draft/.claude-plugin/plugin.json": publisher.plugin_json("draft", "0.1.0"),
            "plugins/draft/skills/memo/SKILL.md": publisher.skill_md("memo", "Drafts a memo on paper."),
        }
    )
    return await api_of(publisher)


def names(answer):
    return [f"{skill['plugin']}/{skill['name']}" for skill in answer["skills"]]


async def test_the_list_has_every_field_of_the_seed_and_says_where_it_is_from(tagged):
    answer = await tagged.get("/api/skills", who="alice")
    assert answer["count"] == len(answer["skills"]) == 5
    assert answer["surface_filter"] is None
    assert answer["snapshot"].keys() >= {"repository", "commit", "published_at", "age_s", "stale"}
    pdf = next(skill for skill in answer["skills"] if skill["name"] == "pdf")
    assert pdf.keys() >= set(SEED_FIELDS)
    assert {key: pdf[key] for key in SEED_FIELDS} == {
        "name": "pdf",
        "plugin": "docs",
        "description": "Fills PDF forms from a table.",
        "version": "1.2.0",
        "author": {"name": "Acme Docs"},
        "category": "productivity",
        "tags": ["surface:CC", "paper"],
        "keywords": ["pdf"],
        "surface_tags": ["CC"],
        "published": True,
        "editable": True,
    }
    assert len(pdf["revision"]) == 40
    salaries = next(skill for skill in answer["skills"] if skill["name"] == "salaries")
    assert (salaries["version"], salaries["author"], salaries["tags"]) == (None, None, [])


async def test_everybody_is_listed_what_they_may_read_and_told_what_they_may_change(tagged):
    assert names(await tagged.get("/api/skills", who="alice")) == [
        "docs/pdf",
        "docs/report",
        "draft/memo",
        "finance/report",
        "people/salaries",
    ]
    bob = await tagged.get("/api/skills", who="bob")
    assert names(bob) == ["docs/pdf", "docs/report", "draft/memo", "finance/report"]
    assert {skill["editable"] for skill in bob["skills"]} == {False}


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("surface=CC", ["docs/pdf", "docs/report", "draft/memo"]),
        ("surface=cai", ["draft/memo", "finance/report"]),
        ("surface=CALL&plugin=docs", ["docs/pdf", "docs/report"]),
        ("published=true", ["docs/pdf", "docs/report", "finance/report"]),
        ("published=false", ["draft/memo"]),
        ("q=quarterly", ["finance/report"]),
        ("q=memo", ["draft/memo"]),
        ("q=memo&published=true", []),
        ("q=memo+on+paper&published=false", ["draft/memo"]),
        ("q=salaries", []),
        ("q=%20", ["docs/pdf", "docs/report", "draft/memo", "finance/report"]),
        ("surface=&q=&published=", ["docs/pdf", "docs/report", "draft/memo", "finance/report"]),
        ("unheard=of", ["docs/pdf", "docs/report", "draft/memo", "finance/report"]),
    ],
)
async def test_the_list_is_narrowed_as_asked(tagged, question, found):
    answer = await tagged.get(f"/api/skills?{question}")
    assert names(answer) == found
    assert answer["count"] == len(found)


async def test_the_surface_that_was_asked_for_is_repeated(tagged):
    assert (await tagged.get("/api/skills?surface=CC"))["surface_filter"] == "CC"


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("surface=PHONE", "unknown_surface"),
        ("published=maybe", "argument_type"),
        ("q=" + "x" * 1001, "argument_too_long"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(api, question, code):
    assert await api.refused(f"/api/skills?{question}") == (400, code)


async def test_a_refresh_changes_nothing_and_says_so(api):
    plain, refreshed = await api.get("/api/skills"), await api.get("/api/skills?refresh=true")
    assert refreshed["snapshot"].pop("refresh").startswith("ignored")
    assert refreshed == plain


async def test_one_skill_comes_with_its_skill_md_and_its_files(api, published):
    answer = await api.get("/api/skills/pdf")
    assert answer["skill"].keys() >= set(SEED_FIELDS) - {"author", "editable"}
    assert answer["skill_md"] == published.small["plugins/docs/skills/pdf/SKILL.md"]
    assert answer["files"] == sorted(
        path.removeprefix("plugins/docs/skills/pdf/")
        for path in published.small
        if path.startswith("plugins/docs/skills/pdf/")
    )
    assert answer["editable"] is False
    assert (await api.get("/api/skills/pdf", who="alice"))["editable"] is True
    details = {detail.pop("path"): detail for detail in answer["file_details"]}
    assert details["scripts/fill.py"]["executable"] is True
    assert details["scripts/fill.py"]["size_bytes"] == len("print('filled')\n")
    assert len(details["assets/logo.png"]["sha256"]) == 64


@pytest.mark.parametrize(
    "address",
    [
        "docs/report",
        "docs%2Freport",
        "docs%2freport",
        "report%40acme",
        "docs/report%40acme",
        "r%65port",
        "docs%2F%72eport",
    ],
)
async def test_a_skill_is_found_by_name_or_by_plugin_and_name(publisher, api_of, address):
    files = {path: content for path, content in publisher.small.items() if "finance" not in path}
    files[".claude-plugin/marketplace.json"] = publisher.marketplace("docs", "people")
    await publisher.publish(files)
    api = await api_of(publisher)
    for path in (address, f"{address}/versions"):
        assert (await api.get(f"/api/skills/{path}"))["skill"]["plugin"] == "docs"


async def test_a_name_that_two_skills_have_is_refused_with_both(api):
    seen = await api.ask("/api/skills/report")
    assert (seen.status, seen.json["code"]) == (400, "skill_ambiguous")
    assert "docs/report" in seen.json["message"]
    assert "finance/report" in seen.json["message"]


async def test_words_of_the_api_go_before_skills_of_that_name(publisher, api_of):
    files = {
        **publisher.small,
        "plugins/docs/skills/versions/SKILL.md": publisher.skill_md("versions", "Counts versions."),
    }
    await publisher.publish(files)
    api = await api_of(publisher)
    assert (await api.get("/api/skills/docs%2Fversions"))["skill"]["name"] == "versions"
    assert (await api.get("/api/skills/versions"))["skill"]["name"] == "versions"
    assert await api.refused("/api/skills/docs/versions") == (404, "unknown_skill")
    assert (await api.get("/api/skills/docs/versions/versions"))["history"]


async def test_what_may_not_be_read_is_answered_byte_for_byte_as_what_does_not_exist(api):
    async def said(name):
        answers = []
        for path in ("", "/versions", "?version=1.0.0", "?commit=0123456"):
            seen = await api.ask(f"/api/skills/{quote(name, safe='')}{path}")
            headers = {key: value for key, value in seen.headers.items() if key not in ("Date", "Content-Length")}
            answers.append((seen.status, headers, seen.body.replace(repr(name).encode(), b"NAME")))
        seen = await api.ask("/api/check-updates", method="POST", body={"installed": [{"name": name, "version": "1"}]})
        answers.append(seen.body.replace(json.dumps(name).encode(), b"NAME"))
        return answers

    unknown = await said("sallaries")
    assert {answer[0] for answer in unknown[:4]} == {404}
    for name in ("salaries", "people/salaries", "salaries@acme", "plugins/people/skills/salaries"):
        assert await said(name) == unknown
    assert (await api.get("/api/skills/salaries", who="alice"))["skill"]["name"] == "salaries"


async def test_nothing_in_the_list_tells_of_what_is_hidden(tagged):
    for path in ("/api/skills", "/api/skills?q=earns", "/api/skills?plugin=people"):
        assert b"alar" not in (await tagged.ask(path)).body
        assert b"earns" not in (await tagged.ask(path)).body.replace(b"q=earns", b"")


async def test_versions_have_revision_commit_and_date_newest_first(published, api):
    before = await api.get("/api/skills/pdf")
    changed = {
        **published.small,
        "plugins/docs/.claude-plugin/plugin.json": published.plugin_json("docs", "1.3.0"),
        "plugins/docs/skills/pdf/SKILL.md": published.skill_md("pdf", "Fills PDF forms, faster."),
    }
    published.clock.advance(60)
    await published.publish(changed)
    answer = await api.get("/api/skills/docs/pdf/versions")
    newest, oldest = answer["history"]
    assert (newest["version"], oldest["version"]) == ("1.3.0", "1.2.0")
    assert newest["revision"] == answer["skill"]["revision"] != oldest["revision"] == before["skill"]["revision"]
    assert newest["commit"] == answer["snapshot"]["commit"] != oldest["commit"] == before["snapshot"]["commit"]
    assert oldest["date"] < newest["date"]


async def test_an_earlier_version_is_read_as_it_was_and_is_nobodys_to_edit(published, api):
    first = await api.get("/api/skills/pdf", who="alice")
    changed = {
        **published.small,
        "plugins/docs/.claude-plugin/plugin.json": published.plugin_json("docs", "1.3.0"),
        "plugins/docs/skills/pdf/SKILL.md": published.skill_md("pdf", "Fills PDF forms, faster."),
    }
    await published.publish(changed)
    for question in ("version=1.2.0", f"commit={first['snapshot']['commit'][:12]}"):
        answer = await api.get(f"/api/skills/pdf?{question}", who="alice")
        assert (answer["skill"]["version"], answer["skill_md"]) == ("1.2.0", first["skill_md"])
        assert answer["snapshot"]["earlier"] is True
        assert (first["editable"], answer["editable"]) == (True, False)
    assert await api.refused("/api/skills/pdf?version=9.9.9") == (404, "version_not_served")


async def test_whoami_says_who_and_by_whose_word(api):
    alice = await api.get("/api/whoami", who="alice")
    assert {key: alice[key] for key in ("id", "email", "name", "provider")} == {
        "id": "token:alice",
        "email": "alice@acme.example",
        "name": "Alice",
        "provider": "token",
    }
    assert (alice["groups"], alice["editor"]) == (["staff"], {"acme": True})
    bob = await api.get("/api/whoami")
    assert (bob["email"], bob["editor"]) == (None, {"acme": False})


async def test_updates_are_said_as_the_seed_says_them_and_the_rest_as_the_tool_does(api):
    installed = [
        {"name": "pdf", "version": "1.0.0"},
        {"name": "docs", "version": "1.2.0"},  # the seed knows plugins by name
        {"name": "finance", "version": "1.9.9"},
        {"name": "gone", "version": "1.0.0"},
    ]
    seen = await api.ask("/api/check-updates", method="POST", body={"installed": installed})
    assert seen.status == 200
    assert seen.json["hasUpdates"] is True
    assert [
        (update["name"], update["installedVersion"], update["availableVersion"]) for update in seen.json["updates"]
    ] == [("pdf", "1.0.0", "1.2.0"), ("finance", "1.9.9", "2.0.0")]
    assert [(one["name"], one["status"]) for one in seen.json["installed"]] == [
        ("pdf", "update_available"),
        ("docs", "up_to_date"),
        ("finance", "update_available"),
        ("gone", "gone"),
    ]
    assert "commit" in seen.json["snapshot"]
    nothing = await api.ask("/api/check-updates", method="POST", body={"installed": installed[1:2]})
    assert (nothing.json["hasUpdates"], nothing.json["updates"]) == (False, [])
    assert (await api.ask("/api/check-updates", method="POST", body={"installed": []})).json["hasUpdates"] is False


async def test_what_an_install_left_behind_is_sent_as_it_is(api):
    """``.skillport.json`` names its plugin and marketplace, so that ``report`` is one skill and not two."""
    answer = await api.get("/api/skills/finance/report")
    left = {
        "format": 1,
        "name": "report",
        "plugin": "finance",
        "marketplace": "acme",
        "version": "2.0.0",
        "revision": answer["skill"]["revision"],
        "commit": answer["snapshot"]["commit"],
        "repository": "acme/skills",
        "source": "https://skills.acme.example",
        "files": {"SKILL.md": "0" * 64},
        "executable": [],
    }

    async def status(**changed):
        body = {"installed": [{**left, **changed}]}
        (one,) = (await api.ask("/api/check-updates", method="POST", body=body)).json["installed"]
        assert one["name"] == "report"
        return one["status"]

    assert await status() == "up_to_date"
    assert await status(revision="0" * 40) == "content_changed"
    assert await status(version="1.0.0", revision="0" * 40) == "update_available"
    assert await status(version=None, revision=None) == "unknown"
    assert await status(marketplace="called-otherwise-before") == "up_to_date"
    assert await status(plugin=None) == "up_to_date"  # its revision tells which
    assert await status(plugin=None, revision=None) == "ambiguous"
    assert await status(plugin="people") == "gone"


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"", (400, "not_json")),
        (b"{", (400, "not_json")),
        (b"\xff\xfe", (400, "not_json")),
        (b"[]", (400, "installed_missing")),
        (b'{"installed": {"pdf": "1"}}', (400, "installed_missing")),
        (b'{"installed": ["pdf"]}', (400, "name_missing")),
        (b'{"installed": [{"version": "1"}]}', (400, "name_missing")),
        (b'{"installed": [{"name": "pdf", "version": 1}]}', (400, "argument_type")),
        (json.dumps({"installed": [{"name": "x" * 2000}]}).encode(), (400, "argument_too_long")),
        (json.dumps({"installed": [{"name": "x"}] * 201}).encode(), (400, "too_many")),
        (b" " * (4 * 1024 * 1024 + 1), (413, "body_too_large")),
    ],
)
async def test_a_body_that_says_nothing_of_what_is_installed_is_refused(api, body, refusal):
    assert await api.refused("/api/check-updates", method="POST", body=body) == refusal


async def test_a_link_to_install_is_the_seeds_answer_and_says_what_will_be_written(api):
    answer = await api.get("/api/skills/pdf/install")
    assert answer["install_token"].startswith("sp_in_")
    assert (answer["skill"], answer["version"], answer["expires_in"]) == ("pdf", "1.2.0", 900)
    # As the seed's: a package, unless somebody says otherwise.
    assert answer["target"] == "package"
    assert answer["command"].endswith(f"{answer['install_token']} --package")
    assert (answer["plugin"], answer["marketplace"]) == ("docs", "acme")
    assert answer["revision"] == (await api.get("/api/skills/pdf"))["skill"]["revision"]
    assert answer["rewrites"] == []
    folder = await api.get("/api/skills/docs/pdf/install?target=claude-code&version=1.2.0")
    assert (folder["target"], folder["install_token"] == answer["install_token"]) == ("claude-code", False)
    assert await api.refused("/api/skills/pdf/install?target=zip") == (400, "unknown_target")


async def test_no_link_is_made_for_what_may_not_be_read_nor_by_looking(api):
    seen = {name: await api.ask(f"/api/skills/{name}/install") for name in ("salaries", "sallaries")}
    bodies = {one.body.replace(repr(name).encode(), b"NAME") for name, one in seen.items()}
    assert ({one.status for one in seen.values()}, len(bodies)) == ({404}, 1)
    head = await api.ask("/api/skills/pdf/install", method="HEAD")
    assert (head.status, head.headers["Allow"]) == (405, "GET")


async def test_claude_code_is_told_how_to_connect(publisher, api_of):
    await publisher.publish(publisher.small)
    api = await api_of(publisher)
    (only,) = (await api.get("/api/claude-code"))["marketplaces"]
    assert only["name"] == "acme-skills"
    (source,) = (known["source"] for known in only["settings"]["extraKnownMarketplaces"].values())
    assert source["url"] == f"{api.base_url}/marketplace.json"
    assert only["commands"]
    await publisher.publish(publisher.many(3), name="other", executable=frozenset())
    both = (await api.get("/api/claude-code"))["marketplaces"]
    urls = [known["source"]["url"] for one in both for known in one["settings"]["extraKnownMarketplaces"].values()]
    assert [url.partition("?")[2] for url in urls] == ["marketplace=acme", "marketplace=other"]


async def test_how_plugins_lie_is_told_to_editors_only(tagged):
    assert await tagged.refused("/api/debug/plugins") == (403, "denied")
    answer = await tagged.get("/api/debug/plugins", who="alice")
    assert answer["count"] == len(answer["plugins"]) == 4
    docs = answer["plugins"][0]
    assert (docs["name"], docs["directory"], docs["version"], docs["published"]) == (
        "docs",
        "plugins/docs",
        "1.2.0",
        True,
    )
    assert [skill["name"] for skill in docs["skills"]] == ["pdf", "report"]


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/skills/a/b/c/d", "/api/whoami/", "/api/%2e%2e/x"]
)
async def test_what_is_nowhere_is_said_in_json(api, path):
    assert await api.refused(path, who=None) == (404, "unknown_route")


@pytest.mark.parametrize("name", ["%ff", "%00", "..%2f..", "%F0%9F%8D%95", "a" * 2000, "'\"<b>", "%25", "@", "%2F"])
async def test_odd_names_are_unknown_and_nothing_worse(api, name):
    status, code = await api.refused(f"/api/skills/{name}")
    assert (status, code) in {(404, "unknown_skill"), (400, "argument_too_long")}


async def test_nothing_published_yet_is_unavailable(publisher, api_of):
    api = await api_of(publisher)
    for path in ("/api/skills", "/api/whoami", "/api/skills/pdf", "/api/skills/pdf/versions"):
        seen = await api.ask(path)
        assert (seen.status, seen.json["code"]) == (503, "nothing_published")
        assert int(seen.headers["Retry-After"]) >= 1


async def test_who_read_what_is_told_and_so_is_what_was_refused(api, reads, asked, published):
    await api.get("/api/skills/docs/pdf")
    await api.ask("/api/skills/salaries")
    (good, refused) = reads
    assert good[:2] == ("token:bob", "token:bob")
    assert (good[2].skill, good[2].paths, good[2].outcome) == ("docs/pdf", ("SKILL.md",), "ok")
    assert good[2].commit == published.current.get()["acme"].snapshot.commit
    assert (refused[2].skill, refused[2].paths, refused[2].outcome) == ("salaries", (), "unknown_skill")
    assert asked == [("fetch", "rest", "ok"), ("fetch", "rest", "unknown_skill")]


async def test_with_several_marketplaces_every_skill_says_whose_it_is(publisher, api_of):
    await publisher.publish(publisher.small)
    await publisher.publish(publisher.many(3), name="other", executable=frozenset())
    api = await api_of(publisher)
    answer = await api.get("/api/skills")
    assert {skill["marketplace"] for skill in answer["skills"]} == {"acme", "other"}
    assert [snapshot["marketplace"] for snapshot in answer["snapshots"]] == ["acme", "other"]
    assert (await api.get("/api/skills/plugin-0/skill-000@other"))["skill"]["marketplace"] == "other"
    assert await api.refused("/api/skills/plugin-0/skill-000@acme") == (404, "unknown_skill")


async def test_a_long_catalog_is_answered_whole(publisher, api_of):
    """From a thousand skills on another thread does the work."""
    await publisher.publish(publisher.many(1_100, skill_007=[publisher.alice.id]), executable=frozenset())
    api = await api_of(publisher)
    assert (await api.get("/api/skills", who="alice"))["count"] == 1_100
    bob = await api.get("/api/skills")
    assert bob["count"] == 1_099
    assert "skill-007" not in {skill["name"] for skill in bob["skills"]}
    assert (await api.get("/api/skills?q=case+odd&plugin=plugin-3"))["count"] == 110
