"""Owns the named states of a repository and its webhook: which there are, how each is recognised, and what to do about it. Pure.

A state is a stable code with the few words that complete its sentence. Whatever is the matter, polling goes on, and what was
published last is served: a state only says what somebody should do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import urlsplit

from skillport_sync.errors import Broken, Missing, SkillportError, Unauthenticated, Unavailable
from skillport_sync.github.hook_facts import HookFact
from skillport_sync.github.wire import RepositoryFact
from skillport_sync.store.repository_facts import RepositoryFacts

EVENTS: Final = ("push", "repository", "public", "meta", "pull_request")
"""What a webhook is set up with. ``meta`` is how GitHub says that the webhook itself was deleted."""
NEEDED: Final = ("push", "repository", "pull_request")
"""Without these something comes late; the others only say what is found out anyway."""
LOST: Final = "access_lost"
"""Stands beside each state that means that the repository cannot be read, and counts since when that has been so."""

Severity = Literal["failed", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Condition:
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """``{}`` in ``said`` stands for the detail. ``is_loss``: nothing of the repository can be read as long as it lasts."""

    said: str
    remedy: str
    severity: Severity = "warning"
    is_loss: bool = False


_SET_UP: Final = "run `skillport-sync webhook create`"

MEANINGS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "hook_missing": Meaning("no webhook of the repository leads to {}", _SET_UP, "failed"),
        "hook_deleted": Meaning("the webhook was deleted; GitHub said so", _SET_UP, "failed"),
        "hook_inactive": Meaning("the webhook is switched off", _SET_UP, "failed"),
        "hook_events_missing": Meaning("the webhook is not sent {}", _SET_UP, "failed"),
        "hook_content_type_form": Meaning(
            "the webhook sends forms: it works, at up to three times the bytes", _SET_UP
        ),
        "hook_without_secret": Meaning("the webhook has no secret, so that nothing it sends is believed", _SET_UP, "failed"),
        "hook_tls_unchecked": Meaning("the webhook does not check whom it talks to", _SET_UP),
        "hook_ambiguous": Meaning(
            "{} webhooks lead here, and each delivers everything", "delete all but one in the repository's settings"
        ),
        "hooks_not_visible": Meaning(
            "the webhook cannot be looked at: {}",
            "give the token Webhooks: read (write, to mend and to redeliver), or name one in webhook_token_file",
            "info",
        ),
        "redelivery_denied": Meaning(
            "GitHub may not be asked to deliver again: {}", "give the token Webhooks: write, or set sync.heal = \"report\""
        ),
        "deliveries_cut": Meaning(
            "there were more deliveries than are read at once; the oldest were not looked at",
            "nothing: what was pushed is found by reconcile",
            "info",
        ),
        "repository_archived": Meaning(
            "the repository is archived: nothing is pushed any more", "follow another repository, or leave it", "info"
        ),
        "repository_renamed": Meaning(
            "the repository is called {} now", "write that into [[marketplaces]] before somebody takes the old name", "info"
        ),
        "repository_transferred": Meaning(
            "the repository belongs to somebody else now: {}",
            "check that it is still yours, and write that name into [[marketplaces]]",
        ),
        "repository_replaced": Meaning(
            "another repository has taken its name: {}",
            "follow the right one; where this one is meant, write its number into repository_id of [[marketplaces]]",
            "failed",
            is_loss=True,
        ),
        "repository_gone": Meaning(
            "the repository was there and cannot be found any more: deleted, or no longer shown to this credential",
            "restore it on GitHub, or give the credential access to it again",
            "failed",
            is_loss=True,
        ),
        "repository_not_found": Meaning(
            "there is no such repository for this credential", "check its name, and what the credential may see", "failed"
        ),
        "permission_lost": Meaning(
            "GitHub refuses the repository: {}", "give the credential Contents: read again", "failed", is_loss=True
        ),
        "credentials_refused": Meaning(
            "GitHub does not accept the credential any more",
            "make a new token, or check the App's key, put it into its file, and restart",
            "failed",
            is_loss=True,
        ),
        "app_suspended": Meaning(
            "the GitHub App's installation is suspended", "unsuspend it in the organisation's settings", "failed", is_loss=True
        ),
        "app_uninstalled": Meaning(
            "the GitHub App is not installed on the repository any more", "install it there", "failed", is_loss=True
        ),
        "app_without_repository": Meaning(
            "the GitHub App's installation does not have the repository any more", "add it to the installation", "failed",
            is_loss=True,
        ),
        LOST: Meaning("the repository cannot be read", "see beside it", "failed"),
    }
)  # fmt: skip


def said(condition: Condition) -> str:
    """Its sentence, without a full stop."""
    meaning = MEANINGS.get(condition.code)
    return condition.code if meaning is None else meaning.said.format(condition.detail)


def of_loss(error: SkillportError, facts: RepositoryFacts, *, was_there: bool) -> Condition | None:
    """What it means that the repository cannot be read; None where it says nothing of the repository but that GitHub is down.

    ``facts`` are what webhooks said; ``was_there``: it was read before.
    """
    match error:
        case Unavailable() | Broken():
            return None
        case SkillportError(code="repository_replaced"):
            return Condition("repository_replaced", error.message)
        case Unauthenticated():
            return Condition("credentials_refused")
    if facts.installation_state == "suspended" or "suspended" in error.message.casefold():
        return Condition("app_suspended")
    if facts.installation_state == "deleted" or error.code == "app_not_installed":
        return Condition("app_uninstalled")
    if facts.installation_state == "removed" or error.code == "app_without_repository":
        return Condition("app_without_repository")
    if isinstance(error, Missing):
        return Condition("repository_gone" if was_there else "repository_not_found")
    return Condition("permission_lost", error.message)


def of_repository(fact: RepositoryFact, configured: str) -> Iterator[Condition]:
    """What is remarkable about a repository that can be read."""
    if fact.archived:
        yield Condition("repository_archived")
    if fact.full_name.casefold() != configured.casefold():
        is_moved = fact.full_name.partition("/")[0].casefold() != configured.partition("/")[0].casefold()
        yield Condition("repository_transferred" if is_moved else "repository_renamed", fact.full_name)


def ours(hooks: Sequence[HookFact], url: str, heard: frozenset[int]) -> tuple[HookFact, ...]:
    """Those that lead here: by their address, or, where a proxy gives us another one, because they were heard before."""
    exact = tuple(hook for hook in hooks if _address(hook.url) == _address(url))
    if exact:
        return exact
    path = urlsplit(url).path
    return tuple(hook for hook in hooks if hook.id in heard and urlsplit(hook.url).path.rstrip("/") == path)


def of_hooks(found: Sequence[HookFact], url: str, facts: RepositoryFacts) -> Iterator[Condition]:
    """What is wrong with the webhook; ``found`` are those that lead here."""
    if not found:
        yield Condition("hook_deleted") if facts.hook_deleted else Condition("hook_missing", url)
        return
    if len(found) > 1:
        yield Condition("hook_ambiguous", str(len(found)))
    hook = found[0]
    if not hook.is_active:
        yield Condition("hook_inactive")
    lacking = [] if "*" in hook.events else [event for event in NEEDED if event not in hook.events]
    if lacking:
        yield Condition("hook_events_missing", ", ".join(lacking))
    if not hook.is_json:
        yield Condition("hook_content_type_form")
    if not hook.has_secret:
        yield Condition("hook_without_secret")
    if not hook.checks_tls:
        yield Condition("hook_tls_unchecked")


def _address(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower(), parts.path.rstrip("/")
