"""Owns how the account of a person's access reads: who they are, what they read and write, and which rule says so. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from skillport_sync.cli.screen import Cell, Facts, Gap, Heading, Note, Part, Tone
from skillport_sync.cli.wording import commit, count, local, names
from skillport_sync.reports import Decision, ExplainReport, MarketplaceAccess, PersonRow, SkillAccess

NAMES_SHOWN = 12
_GOOD: Tone = "good"
_BAD: Tone = "warn"


def explained(report: ExplainReport) -> list[Part]:
    parts = _person(report.person)
    for access in report.marketplaces:
        parts += [Gap(), *(_marketplace(access) if report.skill is None else _skills(access))]
    return [*parts, *_ambiguity(report)]


def _person(person: PersonRow) -> list[Part]:
    rows = [
        ("e-mail", Cell(person.email or "none")),
        ("groups", Cell(", ".join(person.groups) or "none")),
    ]
    if person.claims:
        rows.append(("claims", Cell(", ".join(f"{name}={value}" for name, value in person.claims))))
    if person.token is not None:
        rows.append(("from", Cell(f'API token "{person.token}", where nothing else was said', "dim")))
    if person.provider is not None and person.signed_in_at is not None:
        said = f"signed in with {person.provider} on {local(person.signed_in_at)}, where nothing else was said"
        rows.append(("from", Cell(said, "dim")))
    if person.kept_out_at is not None:
        rows.append(("kept out", Cell(f"since {local(person.kept_out_at)}: no token of theirs opens anything", "bad")))
    return [Heading(person.principal_id, Cell(person.name)), Facts(rows)]


# --- all of a marketplace ----------------------------------------------------------------------------------------------------


def _marketplace(access: MarketplaceAccess) -> list[Part]:
    if access.commit is None:
        return [Heading(access.name, Cell("nothing published yet", "bad"))]
    reads, writes = (
        sum(skill.read.allowed for skill in access.skills),
        sum(skill.write.allowed for skill in access.skills),
    )
    state = f"reads {count(reads)} of {count(len(access.skills), 'skill')}, writes {count(writes)}"
    return [
        Heading(access.name, Cell(state, "good" if reads else "warn")),
        Facts(_policy(access)),
        *_rules(access, lambda skill: skill.read, "reads", "does not read"),
        *_rules(access, lambda skill: skill.write, "writes", "does not write"),
    ]


def _policy(access: MarketplaceAccess) -> list[tuple[str, Cell]]:
    version = f"access.json version {access.policy}" if access.policy is not None else "no access.json"
    rows = [
        ("serving", Cell(f"{commit(access.commit)}, {version}")),
        ("editor", Cell("yes" if access.editor else "no")),
    ]
    return [*rows, *(("in group" if at == 0 else "", Cell(group)) for at, group in enumerate(access.groups))]


def _rules(
    access: MarketplaceAccess, decision_of: Callable[[SkillAccess], Decision], yes: str, no: str
) -> Iterator[Part]:
    """One line for each rule that decides alike, and which skills those are: what is allowed first, then by how many."""
    called = _addresses(access)
    by_rule: dict[Decision, list[str]] = {}
    for skill in access.skills:
        mark = "" if skill.state == "published" else f" ({skill.state})"
        by_rule.setdefault(decision_of(skill), []).append(f"{called[skill]}{mark}")
    for decision, labels in sorted(by_rule.items(), key=lambda each: (not each[0].allowed, -len(each[1]))):
        verb, tone = (yes, _GOOD) if decision.allowed else (no, _BAD)
        yield Note(Cell(f"{verb} {count(len(labels), 'skill')}: {_reason(decision)}", tone), 1)
        yield Note(Cell(names(labels[:NAMES_SHOWN], len(labels)), "dim"), 2)


# --- one skill ---------------------------------------------------------------------------------------------------------------

_STATES = {
    "unpublished": "its plugin has no entry in marketplace.json: found by its name, never listed",
    "quarantined": "kept out of the publication; `skillport-sync status` says why",
}


def _skills(access: MarketplaceAccess) -> list[Part]:
    called = _addresses(access)
    parts: list[Part] = []
    for skill in access.skills:
        state = Cell("reads it", "good") if skill.read.allowed else Cell("does not read it", "bad")
        rows = [
            ("read", Cell(f"{'yes' if skill.read.allowed else 'no'}: {_reason(skill.read)}")),
            ("write", Cell(f"{'yes' if skill.write.allowed else 'no'}: {_reason(skill.write)}")),
        ]
        if skill.state != "published":
            rows.append((skill.state, Cell(_STATES[skill.state], "warn")))
        rows.append(
            ("serving", Cell(f"{commit(access.commit)}, {skill.directory or 'the root of its repository'}", "dim"))
        )
        parts += [*([Gap()] if parts else []), Heading(f"{called[skill]}@{access.name}", state), Facts(rows)]
    return parts


def _ambiguity(report: ExplainReport) -> list[Part]:
    """Where a name means several skills to this person, they have to say which."""
    if report.skill is None:
        return []
    readable = [
        (skill.state, f"{called}@{access.name}")
        for access in report.marketplaces
        for skill, called in _addresses(access).items()
        if skill.read.allowed
    ]
    # What is published goes before what is not.
    meant = [address for state, address in readable if state == "published"] or [address for _, address in readable]
    if len(meant) < 2:
        return []
    sentence = f"{report.skill} means several skills to this person, who has to say which: {', '.join(meant)}"
    return [Gap(), Note(Cell(sentence, "warn"))]


def _addresses(access: MarketplaceAccess) -> dict[SkillAccess, str]:
    """What to call each skill: its label, or its directory where a plugin has two skills of that name."""
    used = Counter(skill.label for skill in access.skills)
    return {skill: skill.label if used[skill.label] == 1 else skill.directory or "." for skill in access.skills}


def _reason(decision: Decision) -> str:
    return decision.because + (f" (access.json:{decision.line})" if decision.line is not None else "")
