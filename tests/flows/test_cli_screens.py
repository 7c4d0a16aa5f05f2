"""What people see: whole words at eighty columns, plain text in a pipe, and nothing that commands their terminal."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import re
import struct
import sys
import termios
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.cli import access_report, people_report, reports, status_report
from skillport_sync.cli.progress import counted
from skillport_sync.cli.screen import Part, drawn, plain
from skillport_sync.cli.wording import ahead, count, duration, printable, size, whole
from skillport_sync.reports import (
    DatabaseSize,
    Decision,
    DeliveryRow,
    ExplainReport,
    LastPull,
    MarketplaceAccess,
    MarketplaceStatus,
    PersonRow,
    PinStatus,
    ProblemRow,
    Progress,
    PublicationRow,
    PullReport,
    RateStatus,
    RepositoryFacts,
    RevokedSessions,
    SkillAccess,
    SourceStatus,
    StatusReport,
    TokenRow,
    Verified,
)
from skillport_sync.standin import File, StandInGitHub

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
OLD, NEW = "3f2a9c1b0d" + "1" * 30, "91be0c4aa2" + "0" * 30

STATUS = StatusReport(
    at=NOW,
    version="0.1.0",
    running=True,
    started_at=NOW - timedelta(hours=6),
    marketplaces=(
        MarketplaceStatus(
            name="acme/skills",
            repository="acme/skills",
            commit=NEW,
            published_at=NOW - timedelta(minutes=3),
            publication=41,
            age_s=12,
            skills=34,
            files=512,
            problem_count=21,
            problems=(
                ProblemRow(
                    "plugins/data/skills/analyzer/SKILL.md",
                    "frontmatter_malformed",
                    "error",
                    "the frontmatter is not YAML: mapping values are not allowed here",
                    3,
                ),
            ),
            last_pull=LastPull("unchanged", NOW - timedelta(seconds=12), 0.214),
            next_reconcile_at=NOW + timedelta(minutes=4),
            facts=RepositoryFacts("main", private=True, archived=False),
        ),
        MarketplaceStatus(
            name="partners",
            repository="acme-partners/skills",
            branch="stable",
            commit=OLD,
            published_at=NOW - timedelta(days=3),
            publication=7,
            age_s=4210,
            stale=True,
            skills=1,
            files=80,
            last_pull=LastPull("failed", NOW - timedelta(minutes=70), 1.9, "GitHub gave no whole answer"),
            pulls_owed=2,
            next_reconcile_at=NOW + timedelta(seconds=40),
        ),
    ),
    deliveries=(
        DeliveryRow("7f1e2d3c-0000", "push", NOW - timedelta(minutes=3), "done", repository="acme/skills"),
        DeliveryRow(
            "8a1e2d3c-0000", "repository", NOW - timedelta(hours=5), "noted", "renamed", "acme/old", "not mirrored here"
        ),
    ),
    rate=RateStatus(5000, 4987, NOW + timedelta(minutes=41)),
    databases=(DatabaseSize("mirror.db", 12_400_000), DatabaseSize("state.db", 88_000)),
)

STATUS_AT_80 = """\
acme/skills  in step
  repository  acme/skills, private, default branch main
  serving     91be0c4aa2, published 3 min ago as number 41
  content     34 skills, 512 files
  confirmed   12 s ago
  last pull   unchanged 12 s ago, took 0.21 s
  next        reconcile in 4 min
  21 problems
    error  plugins/data/skills/analyzer/SKILL.md:3
      the frontmatter is not YAML: mapping values are not allowed here
      (frontmatter_malformed)
    and 20 more

partners  stale
  repository  acme-partners/skills, branch stable
  serving     3f2a9c1b0d, published 3 d ago as number 7
  content     1 skill, 80 files
  confirmed   70 min ago
  last pull   failed 70 min ago, took 1.90 s
              GitHub gave no whole answer
  next        2 pulls owed, reconcile in 40 s

last deliveries
received   event               state  guid      note
───────────────────────────────────────────────────────────────────────────
3 min ago  push                done   7f1e2d3c  acme/skills
5 h ago    repository renamed  noted  8a1e2d3c  acme/old, not mirrored here

service
  skillport-sync  0.1.0, running for 6 h
  rate limit      4,987 of 5,000 left, full again in 41 min
  databases       mirror.db 12.4 MB, state.db 88 kB
"""


WOULD_GO = tuple(f"docs/skill-{number:02}" for number in range(20))

TROUBLED = StatusReport(
    at=NOW,
    version="0.1.0",
    running=True,
    started_at=NOW - timedelta(hours=6),
    marketplaces=(
        MarketplaceStatus(
            name="acme/skills",
            repository="acme/skills",
            commit=OLD,
            published_at=NOW - timedelta(hours=2),
            publication=42,
            age_s=7300,
            stale=True,
            skills=34,
            files=512,
            problem_count=1,
            problems=(
                ProblemRow("skills/pdf/SKILL.md", "frontmatter_malformed", "error", "it is not YAML", 3, "acme/tools"),
            ),
            last_pull=LastPull("held", NOW - timedelta(seconds=12), 0.214, "rolled back: resume", NEW),
            pin=PinStatus(OLD, "letters write nonsense since Friday", NOW - timedelta(hours=2), NEW, 3),
            sources=(
                SourceStatus("acme/charts", "HEAD", OLD),
                SourceStatus("acme/fixed", NEW, NEW),
                SourceStatus("acme/gone", "v1.2", OLD, "GitHub does not know acme/gone"),
                SourceStatus("acme/never", "HEAD", None, "GitHub does not know acme/never"),
                *(SourceStatus(f"acme/tools-{number}", "main", NEW) for number in range(9)),
            ),
            quarantined=1,
            unbumped_count=5,
            unbumped=("docs/letters", "docs/pdf", "data/analyzer", "data/plots", "data/tables"),
        ),
        MarketplaceStatus(
            name="partners",
            repository="partner/claude",
            commit=OLD,
            age_s=12,
            skills=55,
            files=80,
            last_pull=LastPull(
                "held", NOW - timedelta(minutes=2), 1.9, "it would remove 40 of 55 skills", NEW, 40, WOULD_GO
            ),
        ),
    ),
)

TROUBLED_AT_80 = """\
acme/skills  rolled back, the branch is not followed
  repository    acme/skills
  serving       3f2a9c1b0d, published 2 h ago as number 42
  content       34 skills, 512 files
  rolled back   to 3f2a9c1b0d, 2 h ago: letters write nonsense since Friday
                not served: 3 newer publications, the branch is at 91be0c4aa2
  to resume     skillport-sync resume --marketplace acme/skills
  last pull     held 12 s ago, took 0.21 s
  plugins from  acme/gone@v1.2 kept at 3f2a9c1b0d: GitHub does not know
                acme/gone
                acme/never, not read yet: GitHub does not know acme/never
                acme/charts at 3f2a9c1b0d
                acme/fixed at 91be0c4aa2, fixed
                acme/tools-0@main at 91be0c4aa2
                acme/tools-1@main at 91be0c4aa2
                acme/tools-2@main at 91be0c4aa2
                and 6 more, all read
  quarantine    1 skill kept out; the problems below say why
  versions      5 skills changed under the same version: docs/letters, docs/pdf,
                data/analyzer and 2 more
  1 problem
    error  acme/tools skills/pdf/SKILL.md:3
      it is not YAML (frontmatter_malformed)

partners  held, the previous publication is served
  repository  partner/claude
  serving     3f2a9c1b0d
  content     55 skills, 80 files
  confirmed   12 s ago
  last pull   held 2 min ago, took 1.90 s
              commit 91be0c4aa2 would remove 40 skills at once
              docs/skill-00, docs/skill-01, docs/skill-02, docs/skill-03,
              docs/skill-04, docs/skill-05, docs/skill-06, docs/skill-07,
              docs/skill-08, docs/skill-09 and 30 more
              to publish it all the same:
                skillport-sync reconcile --confirm 91be0c4aa200

service
  skillport-sync  0.1.0, running for 6 h
"""


def pull(**facts: object) -> PullReport:
    usual = {"marketplace": "acme/skills", "outcome": "unchanged", "before": OLD, "after": OLD, "cause": "operator"}
    return PullReport(**{**usual, "requests": 1, "duration_s": 0.12, **facts})  # type: ignore[arg-type]


RECONCILED = [
    pull(
        outcome="published",
        after=NEW,
        added=2,
        changed=1,
        files_changed=14,
        requests=5,
        primary_cost=4,
        rate_remaining=4987,
        rate_limit=5000,
        duration_s=1.234,
        bytes_fetched=48_210,
        problems=3,
    ),
    pull(marketplace="partners", outcome="refused", after=NEW, reason='.skillport/access.json:12: "raed" is not known'),
    pull(marketplace="checked", verified=Verified(512, 498, 4_100_000, 0)),
    pull(marketplace="damaged", verified=Verified(512, 498, 4_100_000, 1)),
    pull(
        marketplace="new",
        outcome="failed",
        before=None,
        after=None,
        reason="GitHub does not know acme/new",
        duration_s=30,
    ),
    pull(
        marketplace="first",
        outcome="published",
        before=None,
        after=NEW,
        added=1840,
        files_changed=17_500,
        duration_s=73,
    ),
]

RECONCILED_AT_80 = """\
marketplace  outcome    commit                   skills       requests    time
──────────────────────────────────────────────────────────────────────────────
acme/skills  published  3f2a9c1b0d → 91be0c4aa2  +2 ~1 -0            5  1.23 s
partners     refused    3f2a9c1b0d → 91be0c4aa2  -                   1  0.12 s
checked      unchanged  3f2a9c1b0d               -                   1  0.12 s
damaged      unchanged  3f2a9c1b0d               -                   1  0.12 s
new          failed     -                        -                   1    30 s
first        published  91be0c4aa2               +1840 ~0 -0         1    73 s

acme/skills
  14 files changed, 48 kB fetched
  3 problems in the catalog: `skillport-sync status` lists them

partners
  refused: .skillport/access.json:12: "raed" is not known

checked
  verified 512 files, 498 blobs, 4.1 MB: every id is right

damaged
  verified 512 files, 498 blobs, 4.1 MB: 1 blob corrupt, dropped and fetched
  again

new
  failed: GitHub does not know acme/new

first
  17,500 files changed

GitHub rate limit: 4 spent, 4,987 of 5,000 left this hour
"""

PUBLICATIONS = [
    PublicationRow(41, "acme/skills", "acme/skills", NEW, NOW, "push", 512, 34, 1, 2, 0, current=True),
    PublicationRow(40, "acme/skills", "acme/skills", OLD, NOW, "reconcile", 512, 33, 33, 0, 0),
]

HELD = [
    pull(outcome="held", after=NEW, removed=40, would_remove=WOULD_GO, reason="it would remove 40 of 55 skills at once")
]

HELD_AT_80 = """\
marketplace  outcome  commit                   skills  requests    time
───────────────────────────────────────────────────────────────────────
acme/skills  held     3f2a9c1b0d → 91be0c4aa2  -              1  0.12 s

commit 91be0c4aa2 would remove 40 skills at once
docs/skill-00, docs/skill-01, docs/skill-02, docs/skill-03, docs/skill-04,
docs/skill-05, docs/skill-06, docs/skill-07, docs/skill-08, docs/skill-09 and 30
more
to publish it all the same:
  skillport-sync reconcile --confirm 91be0c4aa200
"""

ROLLED_BACK = pull(outcome="published", before=NEW, cause="rollback", added=1, removed=2, requests=0)

ROLLED_BACK_AT_80 = """\
marketplace  outcome    commit                   skills    requests    time
───────────────────────────────────────────────────────────────────────────
acme/skills  published  91be0c4aa2 → 3f2a9c1b0d  +1 ~0 -2         0  0.12 s

acme/skills stays at this commit, whatever is pushed, until
  skillport-sync resume
"""

PINNED = [
    PublicationRow(43, "acme/skills", "acme/skills", OLD, NOW, "rollback", 512, 33, 0, 2, 1, current=True, pinned=True),
    *(replace(row, current=False) for row in PUBLICATIONS),
]

_ALL_READ = Decision(True, 'defaults.read is "*": everybody signed in', 24)
_EDITORS_WRITE = Decision(False, 'defaults.write is "editors", who github:583231 is not among', 25)
_ADA = PersonRow(
    "github:583231", "Ada", "ada@acme.example", ("eu", "staff"), (("department", "sales"),), "Ada's laptop"
)

EXPLAINED = ExplainReport(
    _ADA,
    (
        MarketplaceAccess(
            "acme/skills",
            NEW,
            "1.1",
            groups=("sales, by domain acme.example",),
            skills=(
                *(SkillAccess(label, f"plugins/{label}", "published", _ALL_READ, _EDITORS_WRITE) for label in WOULD_GO),
                SkillAccess(
                    "people/salaries",
                    "plugins/people/skills/salaries",
                    "published",
                    Decision(False, "skills.salaries.read does not list github:583231", 9),
                    _EDITORS_WRITE,
                ),
                SkillAccess(
                    "lab/draft",
                    "plugins/lab/skills/draft",
                    "unpublished",
                    _ALL_READ,
                    Decision(True, "plugins.lab.write lists github:583231", 12),
                ),
                SkillAccess(
                    "docs/leak",
                    "plugins/docs/skills/leak",
                    "quarantined",
                    Decision(False, "it is in quarantine: nobody reads it, whatever access.json says"),
                    _EDITORS_WRITE,
                ),
            ),
        ),
        MarketplaceAccess("partners"),
    ),
)

EXPLAINED_AT_80 = """\
github:583231  Ada
  e-mail  ada@acme.example
  groups  eu, staff
  claims  department=sales
  from    API token "Ada's laptop", where nothing else was said

acme/skills  reads 21 of 23 skills, writes 1
  serving   91be0c4aa2, access.json version 1.1
  editor    no
  in group  sales, by domain acme.example
  reads 21 skills: defaults.read is "*": everybody signed in (access.json:24)
    docs/skill-00, docs/skill-01, docs/skill-02, docs/skill-03, docs/skill-04,
    docs/skill-05, docs/skill-06, docs/skill-07, docs/skill-08, docs/skill-09,
    docs/skill-10, docs/skill-11 and 9 more
  does not read 1 skill: skills.salaries.read does not list github:583231
  (access.json:9)
    people/salaries
  does not read 1 skill: it is in quarantine: nobody reads it, whatever
  access.json says
    docs/leak (quarantined)
  writes 1 skill: plugins.lab.write lists github:583231 (access.json:12)
    lab/draft (unpublished)
  does not write 22 skills: defaults.write is "editors", who github:583231 is
  not among (access.json:25)
    docs/skill-00, docs/skill-01, docs/skill-02, docs/skill-03, docs/skill-04,
    docs/skill-05, docs/skill-06, docs/skill-07, docs/skill-08, docs/skill-09,
    docs/skill-10, docs/skill-11 and 10 more

partners  nothing published yet
"""

_ABSENT = (
    Decision(True, "there is no access.json: everybody signed in reads"),
    Decision(False, "there is no access.json: nobody writes"),
)
EXPLAINED_SKILL = ExplainReport(
    PersonRow("token:ci"),
    (
        MarketplaceAccess(
            "acme/skills",
            NEW,
            "1.0",
            skills=(
                SkillAccess("docs/letters", "plugins/docs/skills/letters", "published", _ALL_READ, _EDITORS_WRITE),
                SkillAccess("docs/letters", "plugins/docs/old/letters", "published", _ALL_READ, _EDITORS_WRITE),
                SkillAccess("lab/letters", "plugins/lab/skills/letters", "unpublished", _ALL_READ, _EDITORS_WRITE),
            ),
        ),
        MarketplaceAccess("partners", OLD, skills=(SkillAccess("mail/letters", "", "published", *_ABSENT),)),
    ),
    "letters",
)

EXPLAINED_SKILL_AT_80 = """\
token:ci
  e-mail  none
  groups  none

plugins/docs/skills/letters@acme/skills  reads it
  read     yes: defaults.read is "*": everybody signed in (access.json:24)
  write    no: defaults.write is "editors", who github:583231 is not among
           (access.json:25)
  serving  91be0c4aa2, plugins/docs/skills/letters

plugins/docs/old/letters@acme/skills  reads it
  read     yes: defaults.read is "*": everybody signed in (access.json:24)
  write    no: defaults.write is "editors", who github:583231 is not among
           (access.json:25)
  serving  91be0c4aa2, plugins/docs/old/letters

lab/letters@acme/skills  reads it
  read         yes: defaults.read is "*": everybody signed in (access.json:24)
  write        no: defaults.write is "editors", who github:583231 is not among
               (access.json:25)
  unpublished  its plugin has no entry in marketplace.json: found by its name,
               never listed
  serving      91be0c4aa2, plugins/lab/skills/letters

mail/letters@partners  reads it
  read     yes: there is no access.json: everybody signed in reads
  write    no: there is no access.json: nobody writes
  serving  3f2a9c1b0d, the root of its repository

letters means several skills to this person, who has to say which:
plugins/docs/skills/letters@acme/skills, plugins/docs/old/letters@acme/skills,
mail/letters@partners
"""

TOKENS = [
    TokenRow("1", "token:ci", "ci", NOW - timedelta(days=3), last_used_at=NOW - timedelta(seconds=4)),
    TokenRow("2", "github:583231", "Ada's laptop", NOW - timedelta(days=3), expires_at=NOW + timedelta(days=30)),
    TokenRow("3", "google:109823984723", "old", NOW - timedelta(days=300), revoked_at=NOW - timedelta(days=2)),
    TokenRow("4", "token:gone", "gone", NOW - timedelta(days=300), expires_at=NOW - timedelta(hours=5)),
]


def test_the_status_screen() -> None:
    assert drawn(status_report.status(STATUS), 80) == STATUS_AT_80


def test_the_status_screen_of_what_is_rolled_back_and_of_what_is_held() -> None:
    assert drawn(status_report.status(TROUBLED), 80) == TROUBLED_AT_80


def test_a_commit_that_is_held_is_told_with_what_would_go_and_the_command_that_lets_it() -> None:
    assert drawn(reports.reconciled(HELD), 80) == HELD_AT_80


def test_the_rollback_screen_says_how_it_ends() -> None:
    assert drawn(reports.rolled_back(ROLLED_BACK), 80) == ROLLED_BACK_AT_80
    failed = plain(reports.rolled_back(replace(ROLLED_BACK, outcome="failed", reason="the disk is full")))
    assert "serves this commit as soon as it can" in failed


def test_the_history_marks_a_rollback_and_that_it_stays() -> None:
    first, *_, legend = plain(reports.publications(PINNED)).splitlines()[1:]
    assert first.startswith("! 43")
    assert " rollback " in first
    assert legend == "! is served now and stays: `skillport-sync resume` follows the branch again"


def test_the_explain_screen_of_everything() -> None:
    assert drawn(access_report.explained(EXPLAINED), 80) == EXPLAINED_AT_80


def test_the_explain_screen_of_a_name_that_several_skills_have() -> None:
    assert drawn(access_report.explained(EXPLAINED_SKILL), 80) == EXPLAINED_SKILL_AT_80


@pytest.mark.parametrize(
    ("screen", "command"),
    [
        (status_report.status(TROUBLED), "skillport-sync resume --marketplace acme/skills"),
        (status_report.status(TROUBLED), f"skillport-sync reconcile --confirm {NEW[:12]}"),
        (reports.reconciled(HELD), f"skillport-sync reconcile --confirm {NEW[:12]}"),
        (reports.rolled_back(ROLLED_BACK), "skillport-sync resume"),
    ],
)
def test_a_command_to_copy_is_whole_on_a_line_of_its_own(screen: list[Part], command: str) -> None:
    assert any(line.strip().removeprefix("to resume").strip() == command for line in drawn(screen, 80).splitlines())


def test_the_reconcile_screen() -> None:
    assert drawn(reports.reconciled(RECONCILED), 80) == RECONCILED_AT_80


def test_one_marketplace_is_not_named_twice() -> None:
    assert plain(reports.reconciled(RECONCILED[:1])).count("acme/skills") == 1


def test_the_token_screen() -> None:
    assert (
        drawn(reports.tokens(TOKENS, NOW), 80)
        == """\
id  label         principal            created    last used  state
────────────────────────────────────────────────────────────────────────────
1   ci            token:ci             3 d ago    4 s ago    valid
2   Ada's laptop  github:583231        3 d ago    never      expires in 30 d
3   old           google:109823984723  300 d ago  never      revoked 2 d ago
4   gone          token:gone           300 d ago  never      expired 5 h ago
"""
    )


def test_the_token_screen_says_what_people_made_theirs_for() -> None:
    made = [
        TokenRow("5", "google:1", "", NOW, purpose="scripts", expires_at=NOW + timedelta(minutes=15)),
        TokenRow("6", "google:1", "", NOW, purpose="claude-code", read_only=True, expires_at=NOW + timedelta(days=90)),
    ]
    assert (
        drawn(reports.tokens([TOKENS[0], *made], NOW), 90)
        == """\
id  label  made for                principal  created  last used  state
───────────────────────────────────────────────────────────────────────────────────
1   ci     -                       token:ci   3 d ago  4 s ago    valid
5   -      scripts                 google:1   0 s ago  never      expires in 15 min
6   -      claude-code, read only  google:1   0 s ago  never      expires in 90 d
"""
    )


def test_the_screen_of_ended_sessions_names_the_tokens_that_ended_with_them() -> None:
    made = TokenRow("6", "google:1", "", NOW, purpose="claude-code", read_only=True)
    kept = TokenRow("1", "google:1", "laptop", NOW)
    ended = RevokedSessions("google:1", access_tokens=0, api_tokens=(kept,), minted_tokens=(made,))
    assert (
        drawn(people_report.revoked(ended), 80)
        == """\
google:1: 0 sessions and 1 token of their own ended; nothing of that opens
anything now
  token 6 for claude-code

1 API token of the same person still open the service; to end that:
  skillport-sync token revoke 1
"""
    )


def test_the_publications_screen_names_the_marketplace_where_there_are_several() -> None:
    one = plain(reports.publications(PUBLICATIONS))
    assert "marketplace" not in one
    assert re.search(r"^\* 41  \S+ \S+  91be0c4aa2  push       \+1 ~2 -0       34    512$", one, re.MULTILINE)
    other = PublicationRow(1, "partners", "acme/partners", OLD, NOW, "start", 1, 1, 1, 0, 0)
    assert "partners" in plain(reports.publications([*PUBLICATIONS, other]))


SCREENS = {
    "status": status_report.status(STATUS),
    "reconcile": reports.reconciled(RECONCILED),
    "publications": reports.publications(PUBLICATIONS),
    "tokens": reports.tokens(TOKENS, NOW),
    "troubled status": status_report.status(TROUBLED),
    "held": reports.reconciled(HELD),
    "rollback": reports.rolled_back(ROLLED_BACK),
    "pinned": reports.publications(PINNED),
    "explain": access_report.explained(EXPLAINED),
    "explain a skill": access_report.explained(EXPLAINED_SKILL),
}


@pytest.mark.parametrize("name", SCREENS)
@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_screen_is_wider_than_its_terminal_and_no_fact_is_cut(name: str, width: int) -> None:
    screen = drawn(SCREENS[name], width)
    assert max(map(len, screen.splitlines())) <= width
    assert "…" not in screen
    words = [word for word in re.split(r"\W+", plain(SCREENS[name])) if len(word) > 3]
    assert [word for word in words if word not in screen] == []


def test_a_long_name_is_folded_and_stays_readable() -> None:
    name = "a-really-long-owner-name/and-a-repository-with-an-even-longer-one"
    screen = drawn(reports.reconciled([pull(marketplace=name)]), 80)
    column = "".join(line[:12].strip() for line in screen.split("\n\n")[0].splitlines()[2:])
    assert max(map(len, screen.splitlines())) <= 80
    assert name.startswith(column[:10])
    assert "3f2a9c1b0d" in screen


@pytest.mark.parametrize("draw", [plain, lambda parts: drawn(parts, 80)])
def test_text_from_outside_cannot_command_the_terminal(draw: object) -> None:
    evil = "\x1b]0;owned\x07\x1b[31m\r\u202e[bold]red[/bold]"
    marketplace = MarketplaceStatus(
        evil,
        evil,
        evil,
        problem_count=1,
        problems=(ProblemRow(evil, evil, "error", evil, None, evil),),
        pin=PinStatus(evil, evil, NOW, evil),
        sources=(SourceStatus(evil, evil, evil, evil),),
        unbumped_count=1,
        unbumped=(evil,),
    )
    decision = Decision(True, evil)
    access = MarketplaceAccess(
        evil, evil, evil, True, (evil,), (SkillAccess(evil, evil, "published", decision, decision),)
    )
    person = PersonRow(evil, evil, evil, (evil,), ((evil, evil),), evil)
    report = StatusReport(NOW, "1", True, (marketplace,), (DeliveryRow(evil, evil, NOW, evil, evil, evil, evil),))
    parts: list[Part] = [
        *status_report.status(report),
        *reports.reconciled([pull(marketplace=evil, reason=evil, outcome="refused", would_remove=(evil,))]),
        *access_report.explained(ExplainReport(person, (access,))),
        *access_report.explained(ExplainReport(person, (access, access), evil)),
        *reports.tokens([TokenRow("1", evil, evil, NOW)], NOW),
    ]
    screen = draw(parts)  # type: ignore[operator]
    assert not set("\x1b\x07\r\u202e") & set(screen)
    assert r"\x1b[31m" in screen
    assert "[bold]red[/bold]" in screen


@given(st.text())
def test_printable_text_is_left_as_it_is(text: str) -> None:
    if text.isprintable():
        assert printable(text) == text
    assert "\x1b" not in printable(text)


# --- words -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (12, "12 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_800, "2 d"),
    ],
)
def test_ages_are_told_in_the_one_unit_that_fits(seconds: float, told: str) -> None:
    assert whole(seconds) == told


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (duration(0.214), "0.21 s"),
        (duration(9.999), "10 s"),
        (duration(73), "73 s"),
        (size(999), "999 B"),
        (size(88_000), "88 kB"),
        (size(999_990), "1.0 MB"),
        (size(12_400_000), "12.4 MB"),
        (size(250_000_000), "250 MB"),
        (count(1234), "1,234"),
        (count(1, "skill"), "1 skill"),
        (count(2, "skill"), "2 skills"),
        (count(2, "delivery"), "2 deliveries"),
        (ahead(NOW + timedelta(days=29.99), NOW), "in 30 d"),
        (ahead(NOW + timedelta(seconds=61), NOW), "in 61 s"),
        (ahead(NOW, NOW), "now"),
    ],
)
def test_measures_are_told_short(told: str, expected: str) -> None:
    assert told == expected


def test_progress_counts_what_is_counted() -> None:
    assert counted(Progress("acme", "blobs", 0, 1234, "files")) == "1,234 files"
    assert counted(Progress("acme", "blobs", 120, 1234, "files")) == "120 of 1,234 files"
    assert counted(Progress("acme", "tarball", 4_200_000, None, "bytes")) == "4.2 MB"
    assert counted(Progress("acme", "head", 0, 1, "request")) == ""


# --- a real terminal ---------------------------------------------------------------------------------------------------------


async def on_a_terminal(folder: Path, *words: str, columns: int = 80) -> tuple[int, str]:
    """Run a command on a pseudo-terminal: its exit code, and everything that was written to it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "skillport_sync", *words),
        cwd=folder,
        env={**os.environ, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)

    def read() -> str:
        written = b""
        while True:
            try:
                some = os.read(ours, 65_536)
            except OSError:  # Linux's way to say that the other side is closed
                some = b""
            if not some:
                return written.decode()
            written += some

    text = await asyncio.to_thread(read)
    os.close(ours)
    return await process.wait(), text


async def test_a_long_first_sync_shows_how_far_it_is_and_then_only_the_table(
    tmp_path: Path, standin: StandInGitHub
) -> None:
    plugins = [{"name": "docs", "source": "./plugins/docs"}]
    manifest = json.dumps({"name": "acme", "owner": {"name": "Acme"}, "plugins": plugins})
    files = {
        f"plugins/docs/skills/s{n}/SKILL.md": File(f"---\nname: s{n}\ndescription: x\n---\n".encode())
        for n in range(300)
    }
    repository = standin.create_repository("acme/skills")
    repository.commit({".claude-plugin/marketplace.json": File(manifest.encode()), **files}, message="many")
    standin.accept_token("token-of-the-terminal")
    (tmp_path / "token").touch(0o600)
    (tmp_path / "token").write_text("token-of-the-terminal")
    (tmp_path / "config.toml").write_text(
        "data_dir = 'data'\n[[marketplaces]]\nrepository = 'acme/skills'\n"
        f"[github]\ntoken_file = 'token'\napi_url = '{standin.api_url}'\n"
    )
    gate = standin.faults.gate("GET /repos/*/tarball/*")
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        running = group.create_task(on_a_terminal(tmp_path, "reconcile"))
        await gate.reached()
        gate.open()
        code, text = await running
    assert code == 0, text
    assert "acme/skills" in text
    assert "301 files" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    # What stays: after the last "erase line", the table alone.
    rest = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.rpartition("\x1b[2K")[2]).splitlines()
    assert next(line for line in rest if line.strip()).startswith("marketplace  outcome    commit")
    assert max(map(len, rest)) <= 80


async def test_an_error_on_a_terminal_is_in_colour_and_in_words(tmp_path: Path) -> None:
    code, text = await on_a_terminal(tmp_path, "status", "--config", "nothing.toml")
    assert code == 2
    assert "\x1b[31m" in text
    plain_text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert plain_text.splitlines()[0] == "error: the configuration is wrong"
    assert plain_text.splitlines()[1] == "  nothing.toml: there is no such file; correct the path given with --config"
