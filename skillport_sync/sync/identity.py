"""Owns the proof that a repository is still the same one: by GitHub's number, which no other repository ever gets.

A name can be given up, and taken by somebody who would then be served as us. What is read first is remembered; what the
configuration says outweighs it.
"""

from __future__ import annotations

import structlog

from skillport_sync.errors import Denied
from skillport_sync.github.client import GitHub
from skillport_sync.github.wire import RepositoryFact
from skillport_sync.ports import MarketplaceName
from skillport_sync.store.healing import Healing

log = structlog.get_logger(__name__)


class Identity:
    """Which repository one marketplace is mirrored from."""

    def __init__(
        self,
        marketplace: MarketplaceName,
        configured: str,
        *,
        github: GitHub,
        rows: Healing,
        number: int | None = None,
    ) -> None:
        """``configured`` is its name in the configuration, ``number`` the one given there."""
        self._marketplace = marketplace
        self._configured = configured
        self._github = github
        self._rows = rows
        self._number = number
        self._known: int | None = None

    @property
    def known(self) -> int | None:
        """GitHub's number of it, as far as known without asking."""
        return self._number if self._number is not None else self._known

    async def recall(self) -> int | None:
        """What was remembered, also by an earlier process."""
        if self.known is None:
            self._known = await self._rows.repository_id(self._marketplace, self._configured)
        return self.known

    async def prove(self, repository: str) -> RepositoryFact:
        """Ask GitHub which repository has this name now. One request.

        Raises:
            Denied: (``repository_replaced``) another one than before.
            Missing, Unavailable …: as ``GitHub``.
        """
        fact = await self._github.repository(repository)
        known = await self.recall()
        if known is not None and fact.id != known:
            raise Denied(
                f"{fact.full_name} is another repository (number {fact.id}) than the one that is mirrored (number {known})",
                code="repository_replaced",
            )
        if self._known != fact.id:
            await self._rows.keep_repository(self._marketplace, self._configured, fact.id)
            self._known = fact.id
            log.info("repository_recognised", marketplace=self._marketplace, repository_id=fact.id)
        return fact
