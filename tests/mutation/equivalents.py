"""Owns the mutants that no test can kill, because they do what the original does, each with its reason.

An entry names the file, the function, the original line and the mutated one exactly as ``python -m tests.mutation`` prints them;
one that stands for no mutant, or for one that a test kills, is an error. Never a place for what is only hard to test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.mutation.equivalents_of_access import OF_ACCESS
from tests.mutation.equivalents_of_git import OF_GIT
from tests.mutation.mutant import Key

EQUIVALENT: Final[Mapping[str, tuple[Key, ...]]] = {
    "A word that no header's pattern takes, as it takes no empty one.": (
        (
            "webhooks/delivery.py",
            "read_envelope",
            'event, guid = headers.get("X-GitHub-Event", ""), headers.get("X-GitHub-Delivery", "")',
            'event, guid = headers.get("X-GitHub-Event", "XX"), headers.get("X-GitHub-Delivery", "")',
        ),
        (
            "webhooks/delivery.py",
            "read_envelope",
            'media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()',
            'media_type = headers.get("Content-Type", "XX").partition(";")[0].strip().lower()',
        ),
        (
            "webhooks/delivery.py",
            "read_envelope",
            'hook_id, host = headers.get("X-GitHub-Hook-ID", ""), headers.get("X-GitHub-Enterprise-Host", "")',
            'hook_id, host = headers.get("X-GitHub-Hook-ID", "XX"), headers.get("X-GitHub-Enterprise-Host", "")',
        ),
    ),
    "A repository's full name has one slash, from whichever end it is looked for.": (
        (
            "webhooks/delivery.py",
            "_repository_changed",
            'owner, _, name = (_repository(payload.get("repository")).full_name or "").partition("/")',
            'owner, _, name = (_repository(payload.get("repository")).full_name or "").rpartition("/")',
        ),
        (
            "webhooks/judgement.py",
            "_is_owned",
            'return repository.partition("/")[0].casefold() == account.casefold()',
            'return repository.rpartition("/")[0].casefold() == account.casefold()',
        ),
    ),
    "What has no slash has an owner and no name, and without a name the owner is not used.": (
        (
            "webhooks/delivery.py",
            "_repository_changed",
            'owner, _, name = (_repository(payload.get("repository")).full_name or "").partition("/")',
            'owner, _, name = (_repository(payload.get("repository")).full_name or "XX").partition("/")',
        ),
    ),
}
"""By reason."""


def reasons() -> dict[Key, str]:
    """Every entry of every room."""
    return {key: reason for room in (OF_ACCESS, OF_GIT, EQUIVALENT) for reason, keys in room.items() for key in keys}
