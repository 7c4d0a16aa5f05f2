"""``explain``: what somebody sees and may do, and the line of access.json that says so, alone and through a running service."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skillport_sync.cli import main
from skillport_sync.config import load
from skillport_sync.serve import serving
from skillport_sync.standin import File, StandInGitHub

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

SOON_S = 30.0
TOKEN = "token-of-the-tests"

POLICY = """\
{
  "version": "1.1",
  "editors": [{"id": "github:1", "label": "Ada"}],
  "groups": {
    "sales": [{"domain": "acme.example"}, {"claim": "department", "value": "sales"}]
  },
  "skills": {
    "salaries": {"read": [{"id": "github:1"}]},
    "offers": {"read": [{"group": "sales"}]}
  },
  "defaults": {"read": "*", "write": "editors"}
}
"""
SALARIES, OFFERS, READ, WRITE = 8, 9, 11, 11


def _skill(name: str, body: str = "") -> File:
    return File(f"---\nname: {name}\ndescription: About {name}\n---\n{body}\n".encode())


def _marketplace(title: str, *plugins: str) -> File:
    entries = [{"name": name, "source": f"./plugins/{name}"} for name in plugins]
    return File(json.dumps({"name": title, "owner": {"name": "Acme"}, "plugins": entries}).encode())


OURS = {
    ".claude-plugin/marketplace.json": _marketplace("partners", "docs", "people"),
    ".skillport/access.json": File(POLICY.encode()),
    "plugins/docs/skills/letters/SKILL.md": _skill("letters"),
    "plugins/docs/skills/offers/SKILL.md": _skill("offers"),
    "plugins/docs/skills/leak/SKILL.md": _skill("leak", "token: ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"),
    "plugins/people/skills/salaries/SKILL.md": _skill("salaries"),
    "plugins/lab/skills/draft/SKILL.md": _skill("draft"),
}
THEIRS = {
    ".claude-plugin/marketplace.json": _marketplace("mails", "mail"),
    "plugins/mail/skills/letters/SKILL.md": _skill("letters"),
    "plugins/mail/skills/maps/SKILL.md": _skill("maps"),
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an operator sits: two marketplaces, ``acme/skills`` with a policy and ``partners`` without.

    The first calls itself by the other's name, which must not matter.
    """

    config: Path

    async def types(self, *words: str) -> Result:
        """Run a command in this process, in a thread: it has an event loop of its own."""
        return await asyncio.to_thread(
            CliRunner().invoke, main, ["--config", str(self.config), *words], prog_name="skillport-sync"
        )

    async def explains(self, *words: str) -> str:
        result = await self.types("explain", *words)
        assert result.exit_code == 0, f"{result.stdout}\n{result.stderr}\n{result.exception!r}"
        return result.stdout

    async def tells(self, *words: str) -> dict[str, Any]:
        """The same as JSON."""
        report: dict[str, Any] = json.loads(await self.explains(*words, "--json"))
        return report

    async def decisions(self, *words: str) -> dict[str, tuple[bool, bool]]:
        """May read, may write: of each skill of the marketplaces that have a policy."""
        report = await self.tells(*words)
        return {
            skill["label"]: (skill["read"]["allowed"], skill["write"]["allowed"])
            for access in report["marketplaces"]
            for skill in access["skills"]
            if access["policy"] is not None
        }


@pytest.fixture
async def desk(tmp_path: Path, standin: StandInGitHub) -> Desk:
    """Both marketplaces on the stand-in; nothing is mirrored yet."""
    standin.create_repository("acme/skills").commit(OURS)
    standin.create_repository("partner/claude").commit(THEIRS)
    (tmp_path / "token").touch(0o600)
    (tmp_path / "token").write_text(TOKEN)
    desk = Desk(tmp_path / "config.toml")
    desk.config.write_text(
        f"""\
data_dir = "data"
[server]
port = 0
[[marketplaces]]
repository = "acme/skills"
[[marketplaces]]
name = "partners"
repository = "partner/claude"
[sync]
quarantine = ["secrets"]
[github]
api_url = "{standin.api_url}"
token_file = "token"
"""
    )
    return desk


@pytest.fixture
async def running(desk: Desk) -> AsyncIterator[Desk]:
    """The same with a service running on it, that has made its first publications."""
    async with asyncio.timeout(SOON_S), serving(load(desk.config, {})) as service:
        for mirrored in service.parts.marketplaces.values():
            await mirrored.loop.settled()
        yield desk


@pytest.fixture(params=["alone", "beside a service"])
async def either(request: pytest.FixtureRequest, desk: Desk) -> AsyncIterator[Desk]:
    """Both, with everything published: the command answers alike whether a service runs or not."""
    if request.param == "alone":
        await desk.types("reconcile")
        yield desk
        return
    async with asyncio.timeout(SOON_S), serving(load(desk.config, {})) as service:
        for mirrored in service.parts.marketplaces.values():
            await mirrored.loop.settled()
        yield desk


# --- what a person may do ----------------------------------------------------------------------------------------------------


async def test_everybody_else_reads_what_no_rule_names_and_writes_nothing(either: Desk) -> None:
    assert await either.decisions("--user", "github:2") == {
        "docs/leak": (False, False),
        "docs/letters": (True, False),
        "docs/offers": (False, False),
        "lab/draft": (True, False),
        "people/salaries": (False, False),
    }
    screen = await either.explains("--user", "github:2", "--marketplace", "acme/skills")
    assert "acme/skills: reads 2 of 5 skills, writes 0\n" in screen
    assert f"(access.json:{SALARIES})\n    people/salaries\n" in screen
    assert f"(access.json:{OFFERS})\n    docs/offers\n" in screen
    assert "docs/leak (quarantined)" in screen
    assert "lab/draft (unpublished)" in screen
    assert "partners" not in screen


async def test_a_group_is_told_with_how_somebody_came_into_it(either: Desk) -> None:
    for words in (("--email", "bob@acme.example"), ("--claim", "department=sales")):
        report = await either.tells("--user", "github:2", *words)
        ours = report["marketplaces"][0]
        assert len(ours["groups"]) == 1
        assert ours["groups"][0].startswith("sales")
        offers = next(skill for skill in ours["skills"] if skill["label"] == "docs/offers")
        assert offers["read"]["allowed"]
        assert offers["read"]["line"] == OFFERS
    strangers = await either.decisions("--user", "github:2", "--email", "bob@acme.example.evil")
    assert strangers["docs/offers"] == (False, False)


async def test_an_editor_is_said_to_be_one(running: Desk) -> None:
    report = await running.tells("--user", "github:1")
    assert [(access["name"], access["policy"], access["editor"]) for access in report["marketplaces"]] == [
        ("acme/skills", "1.1", True),
        ("partners", None, False),
    ]
    assert re.search(r"^  editor +yes$", await running.explains("--user", "github:1"), re.MULTILINE)


async def test_without_access_json_everybody_reads_and_nobody_writes(running: Desk) -> None:
    screen = await running.explains("--user", "github:1", "--marketplace", "partners")
    assert "partners: reads 2 of 2 skills, writes 0\n" in screen
    assert "no access.json" in screen


async def test_what_is_not_published_yet_is_said_to_be_so(desk: Desk) -> None:
    screen = await desk.explains("--user", "github:1")
    assert "acme/skills: nothing published yet\n" in screen


# --- one skill ---------------------------------------------------------------------------------------------------------------


async def test_one_skill_is_told_with_both_rules_and_their_lines(either: Desk) -> None:
    screen = await either.explains("--user", "github:1", "--skill", "salaries")
    assert "people/salaries@acme/skills: reads it\n" in screen
    assert f"(access.json:{SALARIES})\n" in screen
    assert f"(access.json:{WRITE})\n" in screen
    assert "plugins/people/skills/salaries" in screen
    assert "letters" not in screen


async def test_a_name_that_several_skills_have_lists_them_all_and_what_to_send_for_each(either: Desk) -> None:
    screen = await either.explains("--user", "github:1", "--skill", "letters")
    assert "docs/letters@acme/skills: reads it\n" in screen
    assert "mail/letters@partners: reads it\n" in screen
    assert screen.endswith(
        "letters means several skills to this person, who has to say which: "
        "docs/letters@acme/skills, mail/letters@partners\n"
    )


@pytest.mark.parametrize(
    "label", ["letters@partners", "letters@mails", "mail/letters", "mail/letters@partners", " maps/ "]
)
async def test_a_skill_may_be_named_as_a_person_would_name_it(running: Desk, label: str) -> None:
    (access,) = (await running.tells("--user", "github:1", "--skill", label))["marketplaces"]
    assert (access["name"], len(access["skills"])) == ("partners", 1)


@pytest.mark.parametrize(
    ("name", "state"), [("draft", "unpublished"), ("leak", "quarantined"), ("letters", "published")]
)
async def test_a_skill_that_is_not_listed_is_found_and_said_to_be_so(running: Desk, name: str, state: str) -> None:
    words = ("--user", "github:1", "--skill", name, "--marketplace", "acme/skills")
    ((skill,),) = [access["skills"] for access in (await running.tells(*words))["marketplaces"]]
    assert skill["state"] == state
    assert skill["read"]["allowed"] is (state != "quarantined")
    assert (state in await running.explains(*words)) is (state != "published")


@pytest.mark.parametrize(
    "words", [("--skill", "lettres"), ("--skill", "lettres@partners"), ("--skill", "maps@acme/skills")]
)
async def test_a_skill_that_is_not_there_is_a_usage_error_that_guesses(either: Desk, words: tuple[str, ...]) -> None:
    result = await either.types("explain", "--user", "github:1", *words)
    assert result.exit_code == 2, result.stdout
    assert result.stderr.startswith(f"error: there is no skill '{words[1]}'")
    assert ("; did you mean letters" in result.stderr) is words[1].startswith("lettres")


# --- who the person is -------------------------------------------------------------------------------------------------------


async def test_what_the_persons_api_token_says_is_taken_where_nothing_else_is_said(either: Desk) -> None:
    await either.types(
        *("token", "create", "old", "--principal", "github:2", "--email", "bob@elsewhere.example"),
    )
    await either.types(
        *("token", "create", "Bob's laptop", "--principal", "github:2", "--name", "Bob"),
        *("--email", "bob@acme.example", "--group", "staff"),
    )
    screen = await either.explains("--user", "github:2", "--skill", "offers")
    assert screen.startswith(
        "github:2: Bob\n"
        "  e-mail  bob@acme.example\n"
        "  groups  staff\n"
        '  from    API token "Bob\'s laptop", where nothing else was said\n'
    )
    assert "docs/offers@acme/skills: reads it\n" in screen
    other = await either.tells("--user", "github:2", "--email", "bob@x.example", "--group", "a", "--group", "b")
    person = other["person"]
    assert (person["email"], person["groups"], person["name"]) == ("bob@x.example", ["a", "b"], "Bob")
    assert (await either.decisions("--user", "github:2", "--email", ""))["docs/offers"] == (False, False)


async def test_a_token_that_was_revoked_says_nothing_of_its_person_any_more(running: Desk) -> None:
    await running.types("token", "create", "laptop", "--principal", "github:2", "--email", "bob@acme.example")
    (row,) = json.loads((await running.types("token", "list", "--json")).stdout)["tokens"]
    await running.types("token", "revoke", row["id"])
    person = (await running.tells("--user", "github:2"))["person"]
    assert (person["email"], person["token"]) == (None, None)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--user", "ada"),
        ("--user", "github:1", "--claim", "sales"),
        ("--user", "github:1", "--claim", "=sales"),
    ],
)
async def test_a_question_about_nobody_is_a_usage_error(desk: Desk, words: tuple[str, ...]) -> None:
    result = await desk.types("explain", *words)
    assert result.exit_code == 2, result.stdout
    assert result.stdout == ""
    assert not (desk.config.parent / "data").exists()


async def test_an_unknown_marketplace_is_told_with_the_known_ones(running: Desk) -> None:
    result = await running.types("explain", "--user", "github:1", "--marketplace", "acme")
    assert result.exit_code == 2, result.stdout
    assert "there is no marketplace named acme; the configuration has acme/skills, partners" in result.stderr
