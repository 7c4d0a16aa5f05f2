"""Owns the question whether GitHub lets a marketplace be read now. Two requests; publishes nothing."""

from __future__ import annotations

from dataclasses import replace

from skillport_sync.errors import SkillportError
from skillport_sync.operations.mirrored import Mirrored
from skillport_sync.reports import GitHubAccess


async def look(mirrored: Mirrored) -> GitHubAccess:
    """What GitHub answers when it is asked for the repository and the head of its branch. Never raises what GitHub may answer."""
    source, github = mirrored.loop.source, mirrored.github
    access = GitHubAccess(mirrored.name, source.repository, source.ref)
    try:
        facts = await github.repository(source.repository)
        access = replace(access, private=facts.private, archived=facts.archived)
        head = await github.head(source.repository, source.ref, None)
        access = replace(access, commit=head.commit)
    except SkillportError as error:
        access = replace(access, error=error.message)
    rate = github.rate
    if rate is None:
        return access
    return replace(access, rate_limit=rate.limit, rate_remaining=rate.remaining, rate_reset_at=rate.reset_at)
