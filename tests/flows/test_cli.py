"""The commands, as they are typed, on a real mirror: with a service running beside them and without."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from skillport_sync import __version__
from skillport_sync.cli import main
from skillport_sync.config import load
from skillport_sync.serve import serving
from skillport_sync.standin import File, Repository, StandInGitHub
from skillport_sync.store.data_directory import DataDirectory

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

SOON_S = 30.0
TOKEN = "token-of-the-cli"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an operator sits: a configuration, and the repository that it names."""

    folder: Path
    github: StandInGitHub
    repository: Repository
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    async def types(self, *words: str) -> Result:
        """Run a command in this process, in a thread: it has an event loop of its own."""
        return await asyncio.to_thread(
            CliRunner(env=self.environ).invoke, main, ["--config", str(self.config), *words], prog_name="skillport-sync"
        )

    async def starts(self, *words: str) -> asyncio.subprocess.Process:
        """Run a command in a process of its own."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "skillport_sync", *words),
            cwd=self.folder,
            env={**os.environ, **self.environ},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    def pushes(self, **files: str) -> str:
        """A commit with these skills, and whatever else is named by a path."""
        tree = {f"plugins/docs/skills/{name}/SKILL.md": _skill(name, text) for name, text in files.items()}
        return self.repository.commit({**MARKETPLACE, **tree}, message="a change")

    def breaks_policy(self) -> str:
        return self.repository.commit({**MARKETPLACE, ".skillport/access.json": File(b"{nonsense")}, message="oh no")


def _skill(name: str, text: str) -> File:
    return File(f"---\nname: {name}\ndescription: {text}\n---\n".encode())


MARKETPLACE = {
    ".claude-plugin/marketplace.json": File(
        json.dumps(
            {"name": "acme", "owner": {"name": "Acme"}, "plugins": [{"name": "docs", "source": "./plugins/docs"}]}
        ).encode()
    )
}


@pytest.fixture
async def desk(tmp_path: Path, standin: StandInGitHub, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A configuration for ``acme/skills`` on the stand-in, where two skills are committed. Nothing is mirrored yet."""
    for name in [name for name in os.environ if name.startswith("SKILLPORT_")]:
        monkeypatch.delenv(name)
    standin.accept_token(TOKEN)
    desk = Desk(tmp_path, standin, standin.create_repository("acme/skills"))
    desk.pushes(letters="Writes letters", memos="Writes memos")
    (tmp_path / "token").touch(0o600)
    (tmp_path / "token").write_text(TOKEN)
    desk.config.write_text(
        f"""\
data_dir = "data"
[server]
port = 0
[[marketplaces]]
repository = "acme/skills"
[github]
api_url = "{standin.api_url}"
token_file = "token"
"""
    )
    return desk


@pytest.fixture
async def running(desk: Desk) -> AsyncIterator[Desk]:
    """The same with a service running on it, that has made its first publication."""
    async with asyncio.timeout(SOON_S), serving(load(desk.config, {})) as service:
        for mirrored in service.parts.marketplaces.values():
            await mirrored.loop.settled()
        yield desk


@pytest.fixture(params=["alone", "beside a service"])
def either(request: pytest.FixtureRequest) -> Desk:
    """Both: the commands answer alike whether a service runs or not."""
    desk: Desk = request.getfixturevalue("desk" if request.param == "alone" else "running")
    return desk


def said(result: Result) -> str:
    """All of an answer, for the message of a failing assertion."""
    return f"exit code {result.exit_code}\n{result.stdout}\n{result.stderr}\n{result.exception!r}"


# --- reconcile ---------------------------------------------------------------------------------------------------------------


async def test_the_first_reconcile_publishes_and_the_second_finds_nothing_to_do(desk: Desk) -> None:
    first = await desk.types("reconcile")
    assert first.exit_code == 0, said(first)
    assert f"acme/skills  published  {desk.repository.head()[:10]}  +2 ~0 -0" in first.stdout
    assert "3 files changed" in first.stdout
    second = await desk.types("reconcile")
    assert second.exit_code == 0, said(second)
    assert f"acme/skills  unchanged  {desk.repository.head()[:10]}  -              1" in second.stdout
    assert "GitHub rate limit: 0 spent" in second.stdout


async def test_a_reconcile_answers_alike_alone_and_beside_a_service(either: Desk) -> None:
    await either.types("reconcile")
    before = either.repository.head()
    after = either.pushes(letters="Writes better letters", notes="Takes notes")
    result = await either.types("reconcile", "--json")
    assert result.exit_code == 0, said(result)
    (report,) = json.loads(result.stdout)["marketplaces"]
    assert (report["outcome"], report["before"], report["after"], report["cause"]) == (
        "published",
        before,
        after,
        "operator",
    )
    assert (report["added"], report["changed"], report["removed"]) == (1, 1, 0)
    assert report["requests"] >= report["primary_cost"] >= 3
    assert report["rate_limit"] == 5000
    assert result.stderr == ""


async def test_a_dry_run_says_what_would_happen_and_does_not_do_it(either: Desk) -> None:
    await either.types("reconcile")
    either.pushes(notes="Takes notes")
    result = await either.types("reconcile", "--dry-run")
    assert result.exit_code == 0, said(result)
    assert "would publish" in result.stdout
    history = json.loads((await either.types("publications", "--json")).stdout)["publications"]
    assert len(history) == 1


async def test_verify_and_full_say_what_they_have_seen(either: Desk) -> None:
    await either.types("reconcile")
    result = await either.types("reconcile", "--verify", "--full")
    assert result.exit_code == 0, said(result)
    assert "verified 3 files, 3 blobs" in result.stdout
    assert "every id is right" in result.stdout


async def test_a_refused_commit_is_exit_code_3_with_where_and_why(either: Desk) -> None:
    await either.types("reconcile")
    either.breaks_policy()
    result = await either.types("reconcile")
    assert result.exit_code == 3, said(result)
    assert "refused: .skillport/access.json:1: " in result.stdout
    assert result.stderr == ""  # told once, as the answer, and not again as a log line


async def test_github_being_down_is_exit_code_1_with_a_sentence(either: Desk) -> None:
    await either.types("reconcile")
    either.github.faults.down()
    result = await either.types("reconcile", "--json")
    assert result.exit_code == 1, said(result)
    (report,) = json.loads(result.stdout)["marketplaces"]
    assert report["outcome"] == "failed"
    assert report["reason"].startswith("GitHub")


async def test_an_unknown_marketplace_is_a_usage_error_that_names_the_known_ones(either: Desk) -> None:
    result = await either.types("reconcile", "--marketplace", "acme/skils")
    assert result.exit_code == 2, said(result)
    assert result.stderr == "error: there is no marketplace named acme/skils; the configuration has acme/skills\n"
    assert result.stdout == ""


# --- status and publications -------------------------------------------------------------------------------------------------


async def test_status_says_what_is_served_and_that_a_service_runs(running: Desk) -> None:
    result = await running.types("status")
    assert result.exit_code == 0, said(result)
    lines = result.stdout.splitlines()
    assert lines[0] == "acme/skills: in step"
    assert f"serving     {running.repository.head()[:10]}, published" in result.stdout
    assert "content     2 skills, 3 files" in result.stdout
    assert f"skillport-sync  {__version__}, running for" in result.stdout


async def test_status_says_that_a_commit_was_refused(running: Desk) -> None:
    running.breaks_policy()
    await running.types("reconcile")
    result = await running.types("status")
    assert result.exit_code == 0, said(result)
    assert result.stdout.startswith("acme/skills: refused, the previous publication is served\n")
    assert ".skillport/access.json:1: " in result.stdout


async def test_status_before_anything_was_published_says_so(desk: Desk) -> None:
    result = await desk.types("status")
    assert result.exit_code == 0, said(result)
    assert result.stdout.startswith("acme/skills: nothing published yet\n")
    assert "not running" in result.stdout


async def test_status_as_json_is_nothing_but_json(either: Desk) -> None:
    await either.types("reconcile")
    result = await either.types("status", "--json")
    assert result.exit_code == 0, said(result)
    report = json.loads(result.stdout)
    (marketplace,) = report["marketplaces"]
    assert marketplace["commit"] == either.repository.head()
    assert (marketplace["skills"], marketplace["stale"], marketplace["problems"]) == (2, False, [])
    assert {each["name"] for each in report["databases"]} == {"mirror.db", "state.db"}


async def test_publications_are_listed_newest_first_with_the_current_one_marked(either: Desk) -> None:
    await either.types("reconcile")
    heads = [either.repository.head(), either.pushes(notes="Takes notes")]
    await either.types("reconcile")
    rows = json.loads((await either.types("publications", "--json")).stdout)["publications"]
    assert [row["commit"] for row in rows] == heads[::-1]
    assert [row["current"] for row in rows] == [True, False]
    table = (await either.types("publications", "--limit", "1")).stdout.splitlines()
    assert len(table) == 4
    assert table[1].startswith("* 2")
    assert heads[1][:10] in table[1]


async def test_publications_of_nothing_say_how_to_begin(desk: Desk) -> None:
    result = await desk.types("publications")
    assert result.exit_code == 0, said(result)
    assert "nothing published yet" in result.stdout


def _marketplace_with_tools() -> File:
    plugins = [
        {"name": "docs", "source": "./plugins/docs", "version": "1.0.0"},
        {"name": "tools", "source": {"source": "github", "repo": "acme/tools", "ref": "stable"}},
    ]
    return File(json.dumps({"name": "acme", "owner": {"name": "Acme"}, "plugins": plugins}).encode())


async def test_status_lists_the_repositories_that_plugins_come_from_and_what_became_of_them(running: Desk) -> None:
    tools = running.github.create_repository("acme/tools", default_branch="stable")
    broken = File(b"---\nname: saw\ndescription: [\n---\n")
    tools.commit({"skills/hammer/SKILL.md": _skill("hammer", "Hits"), "skills/saw/SKILL.md": broken})
    running.repository.commit({".claude-plugin/marketplace.json": _marketplace_with_tools()})
    result = await running.types("reconcile")
    assert result.exit_code == 0, said(result)
    screen = (await running.types("status")).stdout
    assert f"  plugins from  acme/tools@stable at {tools.head()[:10]}\n" in screen
    assert "  warning  acme/tools skills/saw/SKILL.md:" in screen, screen
    tools.delete()
    await running.types("reconcile")
    screen = (await running.types("status")).stdout
    assert f"  plugins from  acme/tools@stable kept at {tools.head()[:10]}: " in screen
    (status,) = json.loads((await running.types("status", "--json")).stdout)["marketplaces"]
    (source,) = status["sources"]
    assert (source["repository"], source["follows"], source["commit"]) == ("acme/tools", "stable", tools.head())
    assert source["trouble"]
    assert {row["repository"] for row in status["problems"] if row["path"] == "skills/saw/SKILL.md"} == {"acme/tools"}


async def test_status_counts_what_is_in_quarantine_and_what_changed_under_the_same_version(desk: Desk) -> None:
    desk.environ["SKILLPORT_SYNC__QUARANTINE"] = "secrets"
    versioned = {".claude-plugin/marketplace.json": _marketplace_with_tools()}
    desk.github.create_repository("acme/tools", default_branch="stable").commit({"README.md": b"nothing"})
    desk.repository.commit(versioned)
    await desk.types("reconcile")
    secret = "token: ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
    desk.repository.commit(
        {
            "plugins/docs/skills/letters/SKILL.md": _skill("letters", "Writes better letters"),
            "plugins/docs/skills/memos/notes.md": File(secret.encode()),
        }
    )
    await desk.types("reconcile")
    screen = (await desk.types("status")).stdout
    assert re.search(r"^  quarantine +1 skill kept out; the problems below say why$", screen, re.MULTILINE), screen
    assert re.search(r"^  versions +1 skill changed under the same version: docs/letters$", screen, re.MULTILINE), (
        screen
    )
    assert "content       1 skill, " in screen
    assert secret[-20:] not in screen
    (status,) = json.loads((await desk.types("status", "--json")).stdout)["marketplaces"]
    assert (status["quarantined"], status["unbumped_count"], status["unbumped"]) == (1, 1, ["docs/letters"])


async def test_what_is_published_is_linted_alike_alone_and_beside_a_service(either: Desk) -> None:
    await either.types("reconcile")
    either.pushes(letters="Writes letters")
    either.repository.commit({"plugins/docs/skills/memos/SKILL.md": File(b"no frontmatter at all")})
    await either.types("reconcile")
    result = await either.types("lint", "published", "--json")
    assert result.exit_code in (0, 1), said(result)
    report = json.loads(result.stdout)
    assert (report["title"], report["commit"]) == ("acme/skills", either.repository.head())
    assert {skill["skill"] for skill in report["skills"]} == {"docs/letters", "docs/memos"}
    assert {row["path"] for row in report["findings"]} >= {"plugins/docs/skills/memos/SKILL.md"}


async def test_what_is_not_published_cannot_be_linted(desk: Desk) -> None:
    result = await desk.types("lint", "published")
    assert result.exit_code == 2, said(result)
    assert "nothing of acme/skills is published yet" in result.stderr


# --- rollback and resume -----------------------------------------------------------------------------------------------------


async def test_a_rollback_serves_an_earlier_commit_and_stays_there_until_it_is_resumed(either: Desk) -> None:
    await either.types("reconcile")
    good, bad = either.repository.head(), either.pushes(letters="Writes nonsense", notes="Takes notes")
    await either.types("reconcile")
    result = await either.types("rollback", good[:8], "--reason", "letters write nonsense")
    assert result.exit_code == 0, said(result)
    assert f"acme/skills  published  {bad[:10]} → {good[:10]}" in result.stdout
    assert result.stdout.endswith(
        "acme/skills stays at this commit, whatever is pushed, until\n  skillport-sync resume\n"
    )
    newer = either.pushes(letters="Writes letters again")
    held = await either.types("reconcile", "--json")
    assert held.exit_code == 3, said(held)
    (report,) = json.loads(held.stdout)["marketplaces"]
    assert (report["outcome"], report["before"]) == ("held", good)
    assert "resume" in report["reason"]
    resumed = await either.types("resume", "--json")
    assert resumed.exit_code == 0, said(resumed)
    (report,) = json.loads(resumed.stdout)["marketplaces"]
    assert (report["outcome"], report["before"], report["after"]) == ("published", good, newer)
    again = await either.types("resume")
    assert (again.exit_code, again.stdout) == (0, "nothing to resume: every marketplace follows its branch\n"), said(
        again
    )
    rows = json.loads((await either.types("publications", "--json")).stdout)["publications"]
    assert [(row["commit"], row["cause"]) for row in rows][1:] == [
        (good, "rollback"),
        (bad, "operator"),
        (good, rows[-1]["cause"]),
    ]


async def test_status_says_loudly_that_a_marketplace_was_rolled_back(either: Desk) -> None:
    await either.types("reconcile")
    good = either.repository.head()
    for text in ("Writes nonsense", "Writes more nonsense"):
        either.pushes(letters=text)
        await either.types("reconcile")
    await either.types("rollback", good, "--reason", " letters\nwrite nonsense ")
    newer = either.pushes(letters="Writes letters again")
    await either.types("reconcile")
    screen = (await either.types("status")).stdout
    assert screen.startswith("acme/skills: rolled back, the branch is not followed\n")
    assert re.search(rf"  rolled back  to {good[:10]}, \d+ s ago: letters\\x0awrite nonsense\n", screen), screen
    assert "not served: 2 newer publications" in screen
    assert "  to resume    skillport-sync resume\n" in screen
    (status,) = json.loads((await either.types("status", "--json")).stdout)["marketplaces"]
    assert (status["commit"], status["pin"]["commit"], status["pin"]["ahead"]) == (good, good, 2)
    if status["last_pull"] is not None:  # a service remembers what its last pull saw
        assert status["pin"]["head"] == newer
        assert f"the branch is at {newer[:10]}" in screen
    history = (await either.types("publications")).stdout
    assert history.splitlines()[1].startswith("! ")
    assert "follows the branch again" in history
    await either.types("resume")
    assert "rolled back" not in (await either.types("status")).stdout
    assert "! " not in (await either.types("publications")).stdout


async def test_whoever_rolls_back_to_what_is_served_stays_there(either: Desk) -> None:
    await either.types("reconcile")
    good = either.repository.head()
    result = await either.types("rollback", good)
    assert result.exit_code == 0, said(result)
    either.pushes(letters="Writes nonsense")
    assert (await either.types("reconcile")).exit_code == 3
    (status,) = json.loads((await either.types("status", "--json")).stdout)["marketplaces"]
    assert (status["commit"], status["pin"]["ahead"]) == (good, 0)
    assert "no reason given" in (await either.types("status")).stdout


async def test_a_rollback_needs_no_github(either: Desk) -> None:
    await either.types("reconcile")
    good = either.repository.head()
    either.pushes(letters="Writes nonsense")
    await either.types("reconcile")
    either.github.faults.down()
    result = await either.types("rollback", good[:7], "--json")
    assert result.exit_code == 0, said(result)
    assert json.loads(result.stdout)["requests"] == 0


@pytest.mark.parametrize(
    ("commit", "said_of_it"),
    [
        ("0123456789", "no publication that is kept has commit 0123456789; `skillport-sync publications` lists them"),
        ("012345", "at least its first 7 digits"),
        ("main", "at least its first 7 digits"),
    ],
)
async def test_a_commit_that_was_never_published_cannot_be_rolled_back_to(
    either: Desk, commit: str, said_of_it: str
) -> None:
    await either.types("reconcile")
    result = await either.types("rollback", commit)
    assert result.exit_code == 2, said(result)
    assert said_of_it in result.stderr
    (status,) = json.loads((await either.types("status", "--json")).stdout)["marketplaces"]
    assert status["pin"] is None


# --- the guard against mass removal ------------------------------------------------------------------------------------------


async def test_a_commit_that_removes_very_many_skills_is_held_until_it_is_confirmed(either: Desk) -> None:
    either.pushes(**{f"skill-{number:02}": "Does it" for number in range(15)})
    await either.types("reconcile")
    before = either.repository.head()
    gone = {f"plugins/docs/skills/skill-{number:02}/SKILL.md": None for number in range(12)}
    emptied = either.repository.commit(gone, message="oops")
    held = await either.types("reconcile")
    assert held.exit_code == 3, said(held)
    assert f"commit {emptied[:10]} would remove 12 skills at once\n" in held.stdout
    assert "docs/skill-00, docs/skill-01" in held.stdout
    command = f"skillport-sync reconcile --confirm {emptied[:12]}"
    assert any(line.strip() == command for line in held.stdout.splitlines()), held.stdout
    (report,) = json.loads((await either.types("reconcile", "--json")).stdout)["marketplaces"]
    assert (report["outcome"], report["before"], report["after"]) == ("held", before, emptied)
    assert (report["removed"], report["would_remove"]) == (12, [f"docs/skill-{number:02}" for number in range(12)])
    other = await either.types("reconcile", "--confirm", before)
    assert other.exit_code == 3, said(other)
    confirmed = await either.types(*command.split()[1:])
    assert confirmed.exit_code == 0, said(confirmed)
    assert f"{before[:10]} → {emptied[:10]}  +0 ~0 -12" in confirmed.stdout


async def test_a_held_commit_is_in_the_status_of_a_service(running: Desk) -> None:
    running.pushes(**{f"skill-{number:02}": "Does it" for number in range(15)})
    await running.types("reconcile")
    emptied = running.repository.commit({"plugins/docs/skills": None}, message="oops")
    await running.types("reconcile")
    screen = (await running.types("status")).stdout
    assert screen.startswith("acme/skills: held, the previous publication is served\n")
    assert f"skillport-sync reconcile --confirm {emptied[:12]}\n" in screen
    assert "and 7 more" in screen


async def test_a_marketplace_may_allow_itself_to_be_emptied(desk: Desk) -> None:
    desk.environ["SKILLPORT_MARKETPLACES__0__MASS_REMOVAL"] = "allow"
    desk.pushes(**{f"skill-{number:02}": "Does it" for number in range(15)})
    await desk.types("reconcile")
    desk.repository.commit({"plugins/docs/skills": None}, message="meant")
    result = await desk.types("reconcile")
    assert result.exit_code == 0, said(result)
    assert "+0 ~0 -17" in result.stdout


# --- tokens ------------------------------------------------------------------------------------------------------------------


async def test_a_token_is_alone_on_stdout_and_never_shown_again(either: Desk) -> None:
    made = await either.types("token", "create", "ci")
    assert made.exit_code == 0, said(made)
    (token,) = made.stdout.splitlines()
    assert token.startswith("sps_")
    assert token not in made.stderr
    assert "speaks for token:ci until it is revoked" in made.stderr
    listed = await either.types("token", "list")
    assert "token:ci" in listed.stdout
    assert token not in listed.stdout + listed.stderr


async def test_a_token_is_bound_to_the_person_it_was_made_for(either: Desk) -> None:
    words = (
        "--principal",
        "github:583231",
        "--name",
        "Ada",
        "--email",
        "ada@acme.example",
        "--group",
        "a",
        "--group",
        "b",
    )
    made = await either.types("token", "create", "Ada's laptop", *words, "--expires-in", "30", "--json")
    assert made.exit_code == 0, said(made)
    row = json.loads(made.stdout)["row"]
    assert (row["principal_id"], row["label"], row["name"], row["email"]) == (
        "github:583231",
        "Ada's laptop",
        "Ada",
        "ada@acme.example",
    )
    assert sorted(row["groups"]) == ["a", "b"]
    assert row["expires_at"] is not None
    assert "expires in 30 d" in (await either.types("token", "list")).stdout


async def test_a_revoked_token_is_said_to_be_revoked_once_and_unknown_ones_never(either: Desk) -> None:
    await either.types("token", "create", "ci")
    (row,) = json.loads((await either.types("token", "list", "--json")).stdout)["tokens"]
    first, second = await either.types("token", "revoke", row["id"]), await either.types("token", "revoke", row["id"])
    assert (first.exit_code, first.stdout) == (0, f"token {row['id']} is revoked\n"), said(first)
    assert (second.exit_code, second.stdout) == (0, f"token {row['id']} was revoked or expired already\n"), said(second)
    assert "revoked" in (await either.types("token", "list")).stdout
    unknown = await either.types("token", "revoke", "777")
    assert unknown.exit_code == 2, said(unknown)
    assert "there is no token 777" in unknown.stderr


@pytest.mark.parametrize("words", [("my laptop",), ("ci", "--principal", "ada"), ("ci", "--expires-in", "0")])
async def test_a_token_for_nobody_is_a_usage_error(desk: Desk, words: tuple[str, ...]) -> None:
    result = await desk.types("token", "create", *words)
    assert result.exit_code == 2, said(result)
    assert not (desk.folder / "data").exists()


# --- serve and the data directory --------------------------------------------------------------------------------------------


async def test_serve_answers_commands_until_it_is_told_to_stop(desk: Desk) -> None:
    async with asyncio.timeout(SOON_S):
        service = await desk.starts("serve")
        assert service.stderr is not None
        while b"service_started" not in (line := await service.stderr.readline()):
            assert line, "the service has ended"
        status = json.loads((await desk.types("status", "--json")).stdout)
        assert status["running"]
        service.send_signal(signal.SIGTERM)
        _, rest = await service.communicate()
    assert service.returncode == 0, rest.decode()
    assert b"service_stopped" in rest
    assert not (desk.folder / "data" / "control.sock").exists()


async def test_a_taken_port_is_one_sentence_and_exit_code_2(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        desk.environ["SKILLPORT_SERVER__PORT"] = port = str(taken.getsockname()[1])
        service = await desk.starts("serve")
        out, err = await service.communicate()
    assert service.returncode == 2, err.decode()
    assert out == b""
    (line,) = err.decode().splitlines()
    assert line.startswith(f"error: 127.0.0.1:{port} is taken")


async def test_a_data_directory_that_another_process_holds_is_exit_code_4(desk: Desk) -> None:
    with DataDirectory(desk.folder / "data"):
        results = [await desk.types(*words) for words in (("status",), ("reconcile",), ("token", "list"))]
        service = await desk.starts("serve")
        _, err = await service.communicate()
    for code, text in [*((result.exit_code, result.stderr) for result in results), (service.returncode, err.decode())]:
        assert code == 4, text
        assert text.startswith("error: ")
        assert str(os.getpid()) in text
        assert "Traceback" not in text


async def test_a_data_directory_that_cannot_be_written_is_one_sentence(desk: Desk) -> None:
    (desk.folder / "file").write_text("in the way")
    desk.environ["SKILLPORT_DATA_DIR"] = str(desk.folder / "file" / "data")
    result = await desk.types("status")
    assert result.exit_code == 2, said(result)
    assert result.stderr.startswith("error: ")
    assert str(desk.folder / "file") in result.stderr
    assert result.stderr.count("\n") == 1


# --- configuration -----------------------------------------------------------------------------------------------------------


async def test_a_wrong_configuration_is_told_whole_and_stops_every_command(desk: Desk) -> None:
    desk.config.write_text(desk.config.read_text() + "[srever]\n[sync]\njitter = 3\n")
    for words in (
        ("serve",),
        ("reconcile",),
        ("status",),
        ("publications",),
        ("rollback", "0123456"),
        ("resume",),
        ("explain", "--user", "github:1"),
        ("token", "list"),
        ("config", "check"),
        ("config", "show"),
    ):
        result = await desk.types(*words)
        assert result.exit_code == 2, said(result)
        assert result.stdout == ""
        assert result.stderr == (
            "error: the configuration is wrong in 2 places\n"
            f'  {desk.config}:9: unknown key "srever"; did you mean "server"?\n'
            f'  {desk.config}:11: unknown key "jitter" in [sync]; did you mean "jitter_s"?\n'
        )


async def test_a_secret_that_cannot_be_read_is_one_sentence_without_the_secret(desk: Desk) -> None:
    (desk.folder / "token").unlink()
    for words in (("reconcile",), ("config", "check")):
        result = await desk.types(*words)
        assert result.exit_code == 2, said(result)
        assert f"secret file {desk.folder}/token" in result.stderr
        assert "does not exist" in result.stderr


async def test_config_check_is_brief_where_all_is_well_and_notes_what_is_seldom_meant(desk: Desk) -> None:
    result = await desk.types("config", "check")
    assert result.exit_code == 0, said(result)
    assert result.stdout == (f"{desk.config} is in order: 1 marketplace, auth.mode token, data in {desk.folder}/data\n")
    assert "webhook_secret_files is empty" in result.stderr
    assert not (desk.folder / "data").exists()


async def test_a_secret_that_everybody_may_read_is_a_warning_in_every_command(desk: Desk) -> None:
    (desk.folder / "token").chmod(0o644)
    result = await desk.types("config", "check")
    assert result.exit_code == 0, said(result)
    assert (
        f"warning: secret file exposed: path={desk.folder}/token, advice=chmod 600 {desk.folder}/token\n"
        in result.stderr
    )


async def test_config_show_says_where_each_value_comes_from(desk: Desk) -> None:
    desk.environ["SKILLPORT_LOG__LEVEL"] = "debug"
    result = await desk.types("config", "show")
    assert result.exit_code == 0, said(result)
    rows = {words[0]: words[1:] for line in result.stdout.splitlines() if (words := line.split(maxsplit=2))}
    assert rows["server.port"] == ["0", f"{desk.config}:3"]
    assert rows["log.level"] == ['"debug"', "environment SKILLPORT_LOG__LEVEL"]
    assert rows["sync.concurrency"] == ["8", "default"]
    assert TOKEN not in result.stdout
    as_json = json.loads((await desk.types("config", "show", "--json")).stdout)["settings"]
    assert {"key": "server.port", "value": 0, "source": f"{desk.config}:3"} in as_json


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (["--config", "{}", "config", "check"], {}),
        (["config", "check", "--config", "{}"], {}),
        (["config", "check"], {"SKILLPORT_CONFIG": "{}"}),
        (["--config", "elsewhere.toml", "config", "check", "--config", "{}"], {"SKILLPORT_CONFIG": "nowhere.toml"}),
    ],
)
async def test_the_file_is_named_before_or_after_the_command_or_by_environment(
    desk: Desk, words: list[str], environ: dict[str, str]
) -> None:
    file = str(desk.config)
    runner = CliRunner(env={name: value.format(file) for name, value in environ.items()})
    result = await asyncio.to_thread(runner.invoke, main, [word.format(file) for word in words])
    assert result.exit_code == 0, said(result)
    assert result.stdout.startswith(f"{file} is in order")


# --- the command line itself -------------------------------------------------------------------------------------------------


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"skillport-sync {__version__}\n"


def test_help_documents_the_exit_codes() -> None:
    text = CliRunner().invoke(main, ["--help"]).stdout
    for code in ("0  in step", "1  failed", "2  wrong usage", "3  refused or held", "4  another process"):
        assert code in text


def test_every_command_has_help_that_fits_eighty_columns() -> None:
    def commands(group: object, words: list[str]) -> Iterator[list[str]]:
        yield words
        for name, command in getattr(group, "commands", {}).items():
            yield from commands(command, [*words, name])

    for words in commands(main, []):
        result = CliRunner().invoke(main, [*words, "--help"], terminal_width=80)
        assert result.exit_code == 0, said(result)
        assert max(map(len, result.stdout.splitlines())) <= 80
        without = (["config"], ["sessions"], ["token"], ["demo"], ["init-marketplace"], ["webhook"])
        assert ("--config" in result.stdout) is (words not in without)


async def test_help_loads_nothing_that_takes_long() -> None:
    heavy = ["aiohttp", "pydantic", "rich", "structlog", "mcp", "orjson", "asyncio"]
    code = f"import sys; import skillport_sync.cli; print([name for name in {heavy} if name in sys.modules])"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"


async def test_a_name_that_the_terminal_cannot_show_does_not_stop_the_answer(desk: Desk) -> None:
    desk.config.write_text(f"{desk.config.read_text()}[[marketplaces]]\nrepository = 'acme/more'\nbranch = '本'\n")
    desk.environ["PYTHONIOENCODING"] = "latin-1"
    process = await desk.starts("config", "show")
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert rb'"\u672c"' in out
