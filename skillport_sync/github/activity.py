"""Owns the question what was pushed to a branch: GitHub's own log, which knows every push whether a webhook told of it or not.

Needs no more than reading contents. https://docs.github.com/rest/repos/repos#list-repository-activities. Decides nothing.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from skillport_sync.github.hook_facts import Activity, next_cursor, read_activity
from skillport_sync.github.locations import repository_path
from skillport_sync.github.transport import Transport

_PAGE = 100
_MOST_PAGES = 5


class PushLog:
    """The push log of repositories, ``owner/name``."""

    def __init__(self, api: Transport) -> None:
        self._api = api

    async def since(self, repository: str, ref: str, moment: datetime) -> tuple[Activity, ...]:
        """What happened to ``ref`` (``refs/heads/…``) since then, newest first; not more than five hundred.

        Raises as ``GitHub`` does; Missing too where this GitHub has no such log, as older Enterprise Servers.
        """
        found: list[Activity] = []
        after: str | None = None
        for _ in range(_MOST_PAGES):
            query = urlencode({"ref": ref, "per_page": _PAGE, **({"after": after} if after is not None else {})})
            answer = await self._api.ask(f"{repository_path(repository, 'activity')}?{query}")
            page = read_activity(answer.body)
            found += [each for each in page if each.at >= moment]
            after = next_cursor(answer.headers, "after")
            if after is None or any(each.at < moment for each in page):
                break
        return tuple(found)
