"""Owns the rows of ``people``: who signed in, as their provider described them the last time, and whom an operator keeps out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.ports import Clock
from skillport_sync.store import grants
from skillport_sync.store.database import micros, moment
from skillport_sync.store.principals import columns_of, principal_of
from skillport_sync.store.readers import Readers, Row
from skillport_sync.store.sign_in import Forget, Person
from skillport_sync.store.text import is_storable, refused
from skillport_sync.store.writer import Writer


class People:
    """Everybody who ever signed in. ``forget`` is told of the access tokens of whoever is disabled."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock, forget: Forget) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._forget = forget

    async def signed_in(self, principal: Principal, provider: str) -> Person:
        """Enter them, or bring them up to date. Whoever is kept out stays so: look at ``disabled_at``.

        Raises: Invalid when their name or address cannot be stored.
        """
        with refused(f"what {provider!a} says of {principal.id!a}"):
            return await self._writer.run(_signed_in, principal, provider, micros(self._clock.now()))

    async def find(self, person: PrincipalId) -> Person | None:
        if not is_storable(person):
            return None
        return next(iter(_people(await self._readers.fetch(_ONE, (person,)))), None)

    async def all(self) -> list[Person]:
        """Everybody, sorted by id."""
        return await self._readers.in_thread(_all)

    async def disable(self, person: PrincipalId) -> bool:
        """Keep them out from now on, and end all they have open. False: they are kept out already, or were never here."""
        if not is_storable(person):
            return False
        was_welcome, ended = await self._writer.run(_disable, person, micros(self._clock.now()))
        self._forget(ended)
        return was_welcome

    async def enable(self, person: PrincipalId) -> bool:
        """Let them sign in again. False: they may already, or were never here."""
        return is_storable(person) and await self._writer.run(_enable, person)


_ONE = (
    "SELECT id, name, email, groups_json, claims_json, provider, created_at_us, last_login_at_us, disabled_at_us "
    "FROM people WHERE id = ?"
)


def _all(connection: sqlite3.Connection) -> list[Person]:
    rows = connection.execute(
        "SELECT id, name, email, groups_json, claims_json, provider, created_at_us, last_login_at_us, disabled_at_us "
        "FROM people ORDER BY id"
    )
    return _people(rows.fetchall())


def _signed_in(connection: sqlite3.Connection, principal: Principal, provider: str, now_us: int) -> Person:
    # What the provider says now replaces all that it said before; since when they are here, and whether they are welcome, stays.
    identity, *described = columns_of(principal)
    rows = connection.execute(
        "INSERT INTO people(id, provider, name, email, groups_json, claims_json, created_at_us, last_login_at_us) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT(id) DO UPDATE SET provider = excluded.provider, "
        "name = excluded.name, email = excluded.email, groups_json = excluded.groups_json, "
        "claims_json = excluded.claims_json, last_login_at_us = excluded.last_login_at_us "
        "RETURNING id, name, email, groups_json, claims_json, provider, created_at_us, last_login_at_us, disabled_at_us",
        (identity, provider, *described, now_us),
    ).fetchall()
    [person] = _people(rows)
    return person


def _disable(connection: sqlite3.Connection, person: PrincipalId, now_us: int) -> tuple[bool, list[bytes]]:
    disabled = connection.execute(
        "UPDATE people SET disabled_at_us = ? WHERE id = ? AND disabled_at_us IS NULL", (now_us, person)
    )
    return disabled.rowcount == 1, grants.end_all_of(connection, person, "disabled", now_us)


def _enable(connection: sqlite3.Connection, person: PrincipalId) -> bool:
    enabled = connection.execute(
        "UPDATE people SET disabled_at_us = NULL WHERE id = ? AND disabled_at_us IS NOT NULL", (person,)
    )
    return enabled.rowcount == 1


def _people(rows: Sequence[Row]) -> list[Person]:
    return [
        Person(
            principal_of(identity, name, email, groups, claims),
            provider,
            moment(created_at_us),
            moment(last_login_at_us),
            None if disabled_at_us is None else moment(disabled_at_us),
        )
        for identity, name, email, groups, claims, provider, created_at_us, last_login_at_us, disabled_at_us in rows
    ]
