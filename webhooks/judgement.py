"""Owns what follows from a delivery: a pull, a note, or nothing.

PURE. A delivery is a hint: the most it can do is to have somebody look at GitHub, which costs one request when nothing has
changed. So where it is unclear whether it matters, a pull is the answer. Never believes a payload about content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from skillport_sync.ports import MarketplaceName
from webhooks.delivery import Delivery
from webhooks.happening import (
    HookChanged,
    InstallationChanged,
    Pinged,
    Pushed,
    RefNoticed,
    Repository,
    RepositoryChanged,
    Unhandled,
)

NEEDED_EVENTS = ("push", "repository")
"""Without the first nothing is fast; without the second a rename is found by the next reconcile only."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A marketplace and the repository it is mirrored from. ``branch`` None: whatever the repository's default branch is."""

    marketplace: MarketplaceName
    repository: str
    repository_id: int | None
    branch: str | None


@dataclass(frozen=True, slots=True)
class News:
    """What is true of a repository from now on. None: the delivery does not say."""

    renamed_to: str | None = None
    default_branch: str | None = None
    archived: bool | None = None
    visibility: str | None = None
    deleted: bool | None = None
    hook_deleted: bool | None = None
    installation_state: str | None = None
    """``active``, ``suspended``, ``deleted``, or ``removed``: the App is there but may not see this repository."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Somebody should look at GitHub for these marketplaces, at least one. ``because`` is a stable code, here and below."""

    marketplaces: tuple[MarketplaceName, ...]
    because: str
    hint: Pushed | None = None
    """The push that says so: surely one of the branch they follow."""
    news: News | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Nothing to fetch, but an operator may want to know. ``warnings`` are stable codes of what somebody should mend."""

    marketplaces: tuple[MarketplaceName, ...]
    because: str
    warnings: tuple[str, ...] = ()
    news: News | None = None


@dataclass(frozen=True, slots=True)
class Ignore:
    """Nothing follows."""

    because: str


Judgement = Pull | Note | Ignore


def judge(delivery: Delivery, watched: Sequence[Watched]) -> Judgement:
    """What this delivery means for the marketplaces that are watched."""
    concerned = _concerned(delivery.repository, watched)
    match delivery.happening:
        case Pinged() as ping:
            return Note(_marketplaces(concerned), "ping", _warnings_of(ping), News(hook_deleted=False))
        case Pushed() as push:
            return _judge_push(push, delivery.repository, concerned) or _unknown(delivery.repository, watched)
        case RepositoryChanged() as change:
            concerned = _concerned(delivery.repository, watched, change.previous_name)
            return _judge_repository(change, delivery, concerned) or _unknown(delivery.repository, watched)
        case HookChanged():
            return Note(_marketplaces(concerned), "webhook_deleted", ("webhook_deleted",), News(hook_deleted=True))
        case InstallationChanged() as change:
            return _judge_installation(change, delivery.action, watched)
        case RefNoticed():
            return Ignore("told_by_push")
        case Unhandled():
            return Ignore("unknown_event")
        case never:
            assert_never(never)


def _judge_push(push: Pushed, repository: Repository, concerned: Sequence[Watched]) -> Judgement | None:
    if not concerned:
        return None
    kind, _, branch = (push.ref or "refs/heads/").removeprefix("refs/").partition("/")
    if kind != "heads":
        return Ignore("tag_pushed" if kind == "tags" else "other_ref_pushed")
    followed = {one.marketplace: one.branch or repository.default_branch for one in concerned}
    if not branch or None in followed.values():
        # Somebody has to look, but without the hint: it may be about a branch that nobody follows.
        return Pull(_marketplaces(concerned), "push")
    followers = tuple(marketplace for marketplace, name in followed.items() if name == branch)
    return Pull(followers, "push", hint=push) if followers else Ignore("other_branch_pushed")


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
        state = {"deleted": "deleted", "suspend": "suspended"}.get(action or "", "removed")
        return Note(_marketplaces(lost), because, ("access_lost",), News(installation_state=state))
    return Ignore("installation_of_others")


def _unknown(repository: Repository, watched: Iterable[Watched]) -> Note:
    """Not ours: worth a look, because somebody pointed a webhook here and gave it our secret."""
    name = (repository.full_name or "").casefold()
    was_replaced = any(one.repository.casefold() == name for one in watched)
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
