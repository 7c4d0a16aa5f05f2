"""Owns what follows from a delivery: a pull, a note, or nothing.

PURE. A delivery is a hint: the most it can do is to have somebody look at GitHub, which costs one request when nothing has
changed. So where it is unclear whether it matters, a pull is the answer. Never believes a payload about content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import assert_never

from skillport_sync.ports import MarketplaceName
from webhooks.delivery import Delivery
from webhooks.happening import (
    HookChanged,
    InstallationChanged,
    Pinged,
    PullRequestChanged,
    Pushed,
    RefNoticed,
    Repository,
    RepositoryChanged,
    Unhandled,
)
from webhooks.verdict import Ignore, Judgement, News, Note, Pull, Watched

__all__ = ["Ignore", "Judgement", "News", "Note", "Pull", "Watched", "judge"]

NEEDED_EVENTS = ("push", "repository")
"""Without the first nothing is fast; without the second a rename is found by the next reconcile only."""


def judge(delivery: Delivery, watched: Sequence[Watched]) -> Judgement:
    """What this delivery means for the marketplaces that are watched."""
    own = _judge_own(delivery, [one for one in watched if one.role == "own"])
    used = _judge_source(delivery, [one for one in watched if one.role == "source"])
    return _together(own, used) or _unknown(delivery.repository, watched)


# --- for who is mirrored from it ---------------------------------------------------------------------------------------------


def _judge_own(delivery: Delivery, watched: Sequence[Watched]) -> Judgement | None:
    """None: it is of a repository that nobody of these is mirrored from."""
    concerned = _concerned(delivery.repository, watched)
    match delivery.happening:
        case Pinged() as ping:
            return Note(_marketplaces(concerned), "ping", _warnings_of(ping), News(hook_deleted=False))
        case Pushed() as push:
            return _judge_push(push, delivery.repository, concerned)
        case RepositoryChanged() as change:
            return _judge_repository(change, delivery, _concerned(delivery.repository, watched, change.previous_name))
        case HookChanged():
            return Note(_marketplaces(concerned), "webhook_deleted", ("webhook_deleted",), News(hook_deleted=True))
        case InstallationChanged() as change:
            return _judge_installation(change, delivery.action, watched)
        case RefNoticed():
            return Ignore("told_by_push")
        case PullRequestChanged():
            return _judge_pull_request(delivery, concerned)
        case Unhandled():
            return Ignore("unknown_event")
        case never:
            assert_never(never)


def _judge_pull_request(delivery: Delivery, concerned: Sequence[Watched]) -> Judgement | None:
    """One that ended may have been opened here for somebody, who wants to know."""
    if not concerned:
        return None
    if delivery.action != "closed":
        return Ignore("pull_request_not_closed")
    return Pull(_marketplaces(concerned), "pull_request_closed")


def _judge_push(push: Pushed, repository: Repository, concerned: Sequence[Watched]) -> Judgement | None:
    if not concerned:
        return None
    kind, branch = _kind_and_name(push)
    if kind != "heads":
        return Ignore(_NOT_FOLLOWED.get(kind, "other_ref_pushed"))
    followed = {one.marketplace: one.branch or repository.default_branch for one in concerned}
    if not branch or None in followed.values():
        # Somebody has to look, but without the hint: it may be about a branch that nobody follows.
        return Pull(_marketplaces(concerned), "push")
    followers = tuple(marketplace for marketplace, name in followed.items() if name == branch)
    return Pull(followers, "push", hint=push) if followers else Ignore(_NOT_FOLLOWED[kind])


def _judge_repository(change: RepositoryChanged, delivery: Delivery, concerned: Sequence[Watched]) -> Judgement | None:
    if not concerned:
        return None
    action = delivery.action or "publicized"  # the event ``public`` has no action
    marketplaces, because = _marketplaces(concerned), f"repository_{action}"
    match action:
        case "renamed" | "transferred":
            return Pull(marketplaces, because, news=News(renamed_to=delivery.repository.full_name))
        case "created" | "deleted":
            # The pull finds out whether it is gone: nobody forgets a repository because a payload said so.
            return Pull(marketplaces, because, news=News(deleted=action == "deleted"))
        case "edited" if change.previous_branch is not None:
            followers = tuple(one.marketplace for one in concerned if one.branch is None)
            because, news = "default_branch_changed", News(default_branch=delivery.repository.default_branch)
            return Pull(followers, because, news=news) if followers else Note(marketplaces, because, news=news)
        case "archived" | "unarchived":
            return Note(marketplaces, because, news=News(archived=action == "archived"))
        case "privatized" | "publicized":
            return Note(marketplaces, because, news=News(visibility="private" if action == "privatized" else "public"))
        case _:
            return Ignore(because)


def _judge_installation(change: InstallationChanged, action: str | None, watched: Sequence[Watched]) -> Judgement:
    of_account = [one for one in watched if change.whole_account and _is_owned(one.repository, change.whole_account)]
    gained = [found for facts in change.gained for found in _concerned(facts, watched)]
    lost = [found for facts in change.lost for found in _concerned(facts, watched)]
    (lost if change.ended else gained).extend(of_account)
    because = f"installation_{action or 'changed'}"
    if gained:
        return Pull(_marketplaces(gained), because, news=News(installation_state="active"))
    if lost:
        states: dict[str | None, str] = {"deleted": "deleted", "suspend": "suspended"}
        state = states.get(action, "removed")
        return Note(_marketplaces(lost), because, ("access_lost",), News(installation_state=state))
    return Ignore("installation_of_others")


# --- for who takes plugins from it -------------------------------------------------------------------------------------------


def _judge_source(delivery: Delivery, watched: Sequence[Watched]) -> Judgement | None:
    """What it means to who takes plugins from the repository; None: nothing that its own marketplaces are not told."""
    concerned = _concerned(delivery.repository, watched)
    match delivery.happening:
        case Pushed() as push if concerned:
            users = [one for one in concerned if _follows(one, push, delivery.repository)]
            if users:
                return Pull((), "source_push", users=_marketplaces(users))
            return Ignore(_NOT_FOLLOWED.get(_kind_and_name(push)[0], "other_ref_pushed"))
        case RepositoryChanged() as change:
            return _judge_source_change(
                change, delivery.action, _concerned(delivery.repository, watched, change.previous_name)
            )
        case InstallationChanged() as change:
            judged = _judge_installation(change, delivery.action, watched)
            if isinstance(judged, Ignore):
                return None
            return replace(judged, marketplaces=(), users=judged.marketplaces, news=None)
        case PullRequestChanged() if concerned:
            return Ignore("pull_request_of_source")
        case _:
            return None


def _judge_source_change(
    change: RepositoryChanged, action: str | None, concerned: Sequence[Watched]
) -> Judgement | None:
    if not concerned:
        return None
    action = action or "publicized"  # the event ``public`` has no action
    users, because = _marketplaces(concerned), f"source_{action}"
    match action:
        case "renamed" | "transferred" | "created" | "deleted" | "privatized":
            # Found out by looking: whether it is still there, and still ours to see.
            return Pull((), because, users=users)
        case "edited" if change.previous_branch is not None:
            followers = [one for one in concerned if one.branch is None]
            because = "source_default_branch_changed"
            return Pull((), because, users=_marketplaces(followers)) if followers else Ignore(because)
        case "publicized":
            # What only some may read here, everybody may read there from now on.
            return Note((), because, ("source_publicized",), users=users)
        case "archived" | "unarchived":
            return Note((), because, users=users)
        case _:
            return Ignore(because)


def _follows(one: Watched, push: Pushed, repository: Repository) -> bool:
    """Whether a source's user may be about to see another commit. Where the delivery does not tell, it may."""
    kind, name = _kind_and_name(push)
    if kind not in _NOT_FOLLOWED:
        return False
    if one.branch is not None:
        return name in ("", one.branch)
    return kind == "heads" and (not name or name == (repository.default_branch or name))


# --- for both ----------------------------------------------------------------------------------------------------------------


def _together(own: Judgement | None, used: Judgement | None) -> Judgement | None:
    """One judgement. Who is mirrored from the repository and takes plugins from it as well looks once, with the hint."""
    match own, used:
        case Pull() | Note(), Pull() | Note():
            warnings = tuple(dict.fromkeys((*own.warnings, *used.warnings)))
            if isinstance(own, Note) and isinstance(used, Pull):
                return replace(used, news=own.news, noted=own.marketplaces, warnings=warnings)
            # Who only needs to know of it beside others who look is not named: the warnings say it.
            users = used.users if isinstance(used, Pull) or isinstance(own, Note) else ()
            return replace(own, users=_others(users, own.marketplaces), warnings=warnings)
        case None | Ignore(), Pull() | Note():
            return used
        case _:
            return own or used


_NOT_FOLLOWED = {"heads": "other_branch_pushed", "tags": "tag_pushed"}
"""Why a push to one of these means nothing to anybody."""


def _kind_and_name(push: Pushed) -> tuple[str, str]:
    """``heads`` or ``tags`` and what follows; a push that does not say may be of any branch."""
    kind, _, name = (push.ref or "refs/heads/").removeprefix("refs/").partition("/")
    return kind, name


def _others(some: Iterable[MarketplaceName], these: Iterable[MarketplaceName]) -> tuple[MarketplaceName, ...]:
    left_out = set(these)
    return tuple(one for one in some if one not in left_out)


def _unknown(repository: Repository, watched: Iterable[Watched]) -> Note:
    """Not ours: worth a look, because somebody pointed a webhook here and gave it our secret."""
    was_replaced = _concerned(replace(repository, id=None), watched)
    return Note((), "unknown_repository", ("repository_was_replaced",) if was_replaced else ())


def _concerned(repository: Repository, watched: Iterable[Watched], previous_name: str | None = None) -> list[Watched]:
    """Whoever mirrors it. Its id decides where both sides know it: names are given away and taken up by others."""
    names = {name.casefold() for name in (repository.full_name, previous_name) if name}
    return [
        one
        for one in watched
        if (
            one.repository_id == repository.id
            if one.repository_id is not None and repository.id is not None
            else one.repository.casefold() in names
        )
    ]


def _is_owned(repository: str, account: str) -> bool:
    return repository.partition("/")[0].casefold() == account.casefold()


def _marketplaces(watched: Iterable[Watched]) -> tuple[MarketplaceName, ...]:
    return tuple(dict.fromkeys(one.marketplace for one in watched))


def _warnings_of(ping: Pinged) -> tuple[str, ...]:
    """What is wrong with the webhook that pings."""
    is_missing = {f"{event}_not_subscribed": not {event, "*"} & set(ping.events) for event in NEEDED_EVENTS}
    is_wrong = {
        "content_type_form": ping.content_type == "form",  # it works, at up to three times the bytes of JSON
        "webhook_inactive": not ping.is_active,
        "tls_not_verified": not ping.checks_tls,
    }
    return tuple(code for code, holds in (is_missing | is_wrong).items() if holds)
