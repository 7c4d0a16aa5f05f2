"""Owns how the outcome of a change reads over REST, and which status it has. Pure.

Field names are the seed connector's, so that skills written for it go on working; whatever is more stands beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Final

import orjson

from mcp_server.edit.links import EditOffer
from mcp_server.rendering import Json
from mcp_server.rest.wording import sources_json
from skillport_sync.catalog.change.wishes import (
    Bump,
    ChangeRefused,
    Delete,
    Done,
    Planned,
    Publish,
    Rename,
    Save,
    Unpublish,
    Wish,
)
from skillport_sync.lint.code import Finding
from skillport_sync.ports import MarketplaceName
from skillport_sync.queries.answers import ContentsAnswer, SnapshotFact
from skillport_sync.store.proposals import Proposal
from skillport_sync.sync.saves import Clash, FileDone, NotAllowed, Proposed, Rehearsed, Saved, Unchanged

MAX_WARNINGS: Final = 200
_REFUSALS: Final[Mapping[str, HTTPStatus]] = {
    "unknown_skill": HTTPStatus.NOT_FOUND,
    "name_taken": HTTPStatus.CONFLICT,
    "file_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "skill_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "skill_md_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "skill_too_many_files": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""What a change that is refused is over HTTP; every other code is 400: correct it and send it again. Errors have theirs in
``refusals``."""
_WORDS: Final = {Done.CREATED: "created", Done.CHANGED: "updated", Done.DELETED: "deleted"}

Made = Saved | Proposed | Rehearsed


def made(wish: Wish, outcome: Made, findings: Sequence[Finding], sources: Sequence[SnapshotFact]) -> bytes:
    """A change that was made, proposed, or rehearsed."""
    prepared = outcome.prepared
    planned, skill = prepared.planned, prepared.skill
    told = [_finding(each) for each in findings[:MAX_WARNINGS]]
    return orjson.dumps(
        {
            "success": True,
            **_seed(wish, planned, prepared.files),
            "skill": planned.skill,
            "skill_group": planned.plugin,
            "version": None if skill is None else skill.version,
            "revision": None if skill is None else skill.revision,
            "files": [_file(file) for file in prepared.files],
            "summary": summary(prepared.files),
            **_outcome(outcome),
            "warnings": told,
            **({"more_warnings": len(findings) - len(told)} if len(findings) > len(told) else {}),
            **sources_json(sources),
        }
    )


def unchanged(wish: Wish, outcome: Unchanged, there: ContentsAnswer | None, sources: Sequence[SnapshotFact]) -> bytes:
    """Everything is like that already. ``there`` is the skill; None where it is only on a branch."""
    skill = None if there is None else there.skill
    plugin = "" if skill is None else skill.plugin
    return orjson.dumps(
        {
            "success": True,
            "unchanged": True,
            **_seed(wish, Planned((), plugin, wish.skill, ""), ()),
            "skill": wish.skill if skill is None else skill.name,
            "skill_group": plugin or None,
            "version": None if skill is None else skill.version,
            "revision": None if skill is None else skill.revision,
            "files": [],
            "summary": summary(()),
            "commit": outcome.commit,
            "warnings": [],
            **sources_json(sources),
        }
    )


def not_made(skill: str, outcome: NotAllowed | ChangeRefused | Clash) -> tuple[HTTPStatus, str, bytes]:
    """Status, code and body of a change that was not made. ``skill`` is what it is called by whoever asked."""
    match outcome:
        case NotAllowed(because):
            message = f"You may not do that with {skill}: {because}. Ask an editor."
            return _refusal(HTTPStatus.FORBIDDEN, "not_allowed", message, {})
        case ChangeRefused(code, message, path, line):
            where = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
            place: Json = {"path": path, "line": line}
            return _refusal(_REFUSALS.get(code, HTTPStatus.BAD_REQUEST), code, f"{where}{message}.", place)
        case Clash():
            return _refusal(HTTPStatus.CONFLICT, "revision_changed", _clash(outcome), _sides(outcome))


def changes(proposals: Iterable[Proposal], person: str, sources: Sequence[SnapshotFact], *, several: bool) -> bytes:
    """The pull requests that are open, as somebody may see them."""
    listed = [_proposal(proposal, person, several) for proposal in proposals]
    payload = {"count": len(listed), "changes": listed, **sources_json(sources)}
    return orjson.dumps(payload, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)


def edit_offered(offer: EditOffer) -> bytes:
    """How to get the files of a skill to change them: what to run, until when."""
    return orjson.dumps(
        {
            "edit_token": offer.token,
            "skill": offer.skill.name,
            "plugin": offer.skill.plugin,
            "version": offer.skill.version,
            "expires_in": offer.expires_in_s,
            "command": offer.command,
            "marketplace": offer.skill.marketplace,
            "revision": offer.skill.revision,
            "files": offer.files,
            "size_bytes": offer.size_bytes,
            "rewrites": [{"code": rewrite.code, "what": rewrite.what} for rewrite in offer.rewrites],
            **sources_json((offer.snapshot,)),
        }
    )


def summary(files: Iterable[FileDone]) -> str:
    """``2 file(s) created, 1 file(s) updated``: as the seed says it."""
    counts = Counter(file.done for file in files)
    return ", ".join(f"{counts[done]} file(s) {word}" for done, word in _WORDS.items() if counts[done]) or "No changes"


def _seed(wish: Wish, planned: Planned, files: Sequence[FileDone]) -> Json:
    """What the seed says of this kind of change."""
    match wish:
        case Save():
            return {"isNewSkill": planned.is_new_skill, "isNewGroup": planned.is_new_plugin}
        case Delete():
            gone = [file.path for file in files if file.done is Done.DELETED]
            return {"plugin": planned.plugin, "pluginDeleted": planned.plugin_deleted, "deletedFiles": gone}
        case Bump():
            return {"oldVersion": planned.old_version, "newVersion": planned.new_version}
        case Publish():
            return {"action": "created" if planned.entry_created else "updated"}
        case Unpublish():
            return {"action": "removed"}
        case Rename():
            return {"renamedFrom": planned.renamed_from}


def _outcome(outcome: Made) -> Json:
    match outcome:
        case Saved(commit=commit, publication=publication, not_served=why):
            return {"commit": commit, "publication": publication, **({"not_served": why} if why is not None else {})}
        case Proposed(commit=commit, proposal=proposal, is_new=is_new, why=why):
            pull_request = {
                "number": proposal.number,
                "url": proposal.url,
                "branch": proposal.branch,
                "is_new": is_new,
                "why": why,
            }
            return {"commit": commit, "publication": None, "pull_request": pull_request}
        case Rehearsed(prepared=prepared, diff=diff):
            decision = {"allowed": True, "because": prepared.because}
            return {"dry_run": True, "commit": None, "publication": None, "decision": decision, "diff": diff}


def _file(file: FileDone) -> Json:
    match file.done:
        case Done.CREATED:
            return {"path": file.path, "created": True}
        case Done.CHANGED:
            return {"path": file.path, "created": False, "changed": True}
        case Done.DELETED:
            return {"path": file.path, "deleted": True}


def _finding(each: Finding) -> Json:
    return {
        "code": each.code,
        "path": each.path,
        "line": each.line,
        "message": each.message,
        "severity": each.severity.value,
        "surface": sorted(surface.value for surface in each.breaks),
    }


def _clash(clash: Clash) -> str:
    if clash.current is None:
        return f"{clash.skill} is gone: somebody deleted or renamed it since. Nothing was changed."
    if clash.both:
        files = ", ".join(theirs.path for theirs in clash.both[:5]) + (", …" if len(clash.both) > 5 else "")
        what = f"somebody changed what you changed ({files})"
    else:
        what = "somebody changed it since"
    return (
        f"{clash.skill} is not what this was made from any more: {what}. Nothing was changed. Get its files again, put the "
        "change into them, and show the person both."
    )


def _sides(clash: Clash) -> Json:
    return {
        "skill": clash.skill,
        "base": clash.base,
        "current": clash.current,
        "commit": clash.commit,
        "yours": clash.yours,
        "theirs": clash.theirs,
        "both": [{"path": theirs.path, "content": theirs.content} for theirs in clash.both],
    }


def _proposal(proposal: Proposal, person: str, several: bool) -> Json:
    return {
        "number": proposal.number,
        "url": proposal.url,
        "branch": proposal.branch,
        "title": proposal.title,
        "state": proposal.state,
        "skill": proposal.skill,
        "skill_group": proposal.plugin,
        **_marketplace(proposal.marketplace, several),
        "person": proposal.person,
        "mine": proposal.person == person,
        "commit": proposal.commit,
        "created_at": proposal.created_at,
        "updated_at": proposal.updated_at,
    }


def _marketplace(name: MarketplaceName, several: bool) -> Json:
    return {"marketplace": name} if several else {}


def _refusal(status: HTTPStatus, code: str, message: str, more: Json) -> tuple[HTTPStatus, str, bytes]:
    return status, code, orjson.dumps({"error": status.phrase, "message": message, "code": code, **more})
