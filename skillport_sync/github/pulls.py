"""Owns what is asked of GitHub about pull requests: open, find, list, get, change, close. Never merges: people do.

Every method raises as ``writing.GitHubWriter`` says. Whatever is done twice is done once: ``open`` finds what is open already.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import orjson

from skillport_sync.errors import Conflict
from skillport_sync.github.fields import object_of, objects_of
from skillport_sync.github.locations import repository_path
from skillport_sync.github.refusal import quoted, words_of
from skillport_sync.github.transport import Transport
from skillport_sync.github.written import PullFact, read_pull

_PAGE = 100
_MOST_PAGES = 10
_TITLE_LIMIT = 256
_BODY_LIMIT = 65_536
"""GitHub's own limits for what people read of a pull request."""


class PullRequests:
    """Pull requests of repositories, ``owner/name``, between branches of the same one."""

    def __init__(self, api: Transport) -> None:
        self._api = api

    async def open(self, repository: str, *, head: str, base: str, title: str, body: str) -> PullFact:
        """The pull request that merges branch ``head`` into ``base``: a new one, or the one that is open already.

        Raises Conflict (``nothing_to_merge``) where ``base`` has all of ``head``, and (``github_conflict``) for a branch that
        GitHub does not see, as it may for a moment after it was made.
        """
        answer = await self._api.tell(
            "POST",
            repository_path(repository, "pulls"),
            orjson.dumps({"title": title[:_TITLE_LIMIT], "body": body[:_BODY_LIMIT], "head": head, "base": base}),
            expected={201, 422},
        )
        if answer.status == 201:
            return read_pull(object_of(answer.body, "a pull request"))
        # 422 for all of these, told apart by their words only: https://docs.github.com/rest/pulls/pulls#create-a-pull-request
        words = words_of(answer.body)
        if "already exists" in words:
            found = await self.find(repository, head=head)
            if found is not None:
                return found
        if "No commits between" in words:
            raise Conflict(
                f"{base} has everything that {head} has: there is nothing to merge.", code="nothing_to_merge"
            )
        raise Conflict(
            f"GitHub cannot open a pull request from {head} into {base}{quoted(words)}.", code="github_conflict"
        )

    async def get(self, repository: str, number: int) -> PullFact:
        """Raises Missing where there is none of this number."""
        answer = await self._api.ask(repository_path(repository, "pulls", str(number)))
        return read_pull(object_of(answer.body, "a pull request"))

    async def find(self, repository: str, *, head: str) -> PullFact | None:
        """The open pull request of this branch, if there is one. A moment after it was opened it may not be there yet."""
        owner = repository.partition("/")[0]
        found = await self._page(repository, {"state": "open", "head": f"{owner}:{head}", "per_page": 1})
        return found[0] if found else None

    async def listed(self, repository: str, *, state: str = "open") -> tuple[PullFact, ...]:
        """All of them, newest first; not more than a thousand. ``state``: ``open``, ``closed`` (merged ones too) or ``all``."""
        found: list[PullFact] = []
        for page in range(1, _MOST_PAGES + 1):
            part = await self._page(repository, {"state": state, "per_page": _PAGE, "page": page})
            found += part
            if len(part) < _PAGE:
                break
        return tuple(found)

    async def update(
        self, repository: str, number: int, *, title: str | None = None, body: str | None = None
    ) -> PullFact:
        """New words for it. None: as they are."""
        changes = {"title": title and title[:_TITLE_LIMIT], "body": body if body is None else body[:_BODY_LIMIT]}
        return await self._change(repository, number, {key: text for key, text in changes.items() if text is not None})

    async def close(self, repository: str, number: int) -> PullFact:
        """Closed without merging, or as it is where that has happened already."""
        return await self._change(repository, number, {"state": "closed"})

    async def _change(self, repository: str, number: int, changes: Mapping[str, str]) -> PullFact:
        path = repository_path(repository, "pulls", str(number))
        answer = await self._api.tell("PATCH", path, orjson.dumps(changes), expected={200})
        return read_pull(object_of(answer.body, "a pull request"))

    async def _page(self, repository: str, query: Mapping[str, str | int]) -> list[PullFact]:
        answer = await self._api.ask(f"{repository_path(repository, 'pulls')}?{urlencode(query)}")
        return [read_pull(each) for each in objects_of(answer.body, "pull requests")]
