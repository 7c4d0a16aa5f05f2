"""Owns the question who somebody is to a policy: which audiences they belong to, and through which groups.

Worked out once a person and only as far as it is asked for.
"""

from __future__ import annotations

from skillport_sync.access.model import AccessPolicy, Audience, Group, GroupName, People, Principal
from skillport_sync.access.places import shown_name

_GROUPS_CLAIM = "groups"


class Standing:
    """One person before one policy."""

    def __init__(self, policy: AccessPolicy, principal: Principal) -> None:
        self._policy = policy
        self._principal = principal
        self._domain = domain_of(principal.email)
        self._claims = principal.claims | {(_GROUPS_CLAIM, group) for group in principal.groups}
        self._through: dict[GroupName, str | None] = {}

    def admitted(self, audience: Audience) -> str | None:
        """How this audience includes them, in words that go after ``skills.pdf.read``; None where it does not."""
        if isinstance(audience, People):
            how = self._among(audience)
            return None if how is None else f"lists {self._principal.id}{how}"
        if audience == "*":
            return 'is "*": everybody signed in'
        how = self._among(self._policy.editors)
        return None if how is None else f'is "editors", who {self._principal.id} is among{how}'

    def refused(self, audience: Audience) -> str:
        """Why it does not include them, in words that go after ``skills.pdf.read``."""
        if isinstance(audience, People):
            return f"does not list {self._principal.id}" + (", nor a group they are in" if audience.groups else "")
        return f'is "editors", who {self._principal.id} is not among'

    def is_editor(self) -> bool:
        return self._among(self._policy.editors) is not None

    def groups(self) -> tuple[str, ...]:
        """Every group they are in and why, sorted: ``sales, by domain acme.com``."""
        paths = [self._path(name) for name in sorted(self._policy.groups)]
        return tuple(path.removeprefix("group ") for path in paths if path is not None)

    def _among(self, people: People) -> str | None:
        if self._principal.id in people.ids:
            return ""
        path = self._first_path(people.groups)
        return None if path is None else f" through {path}"

    def _first_path(self, groups: frozenset[GroupName]) -> str | None:
        """The same answer whatever the file's order: the first by name."""
        return next((path for name in sorted(groups) if (path := self._path(name)) is not None), None)

    def _path(self, name: GroupName) -> str | None:
        """``group sales, by domain acme.com``. Groups nest only a few deep: reading the policy saw to that."""
        if name not in self._through:
            why = self._membership(self._policy.groups[name])
            self._through[name] = None if why is None else f"group {shown_name(name)}, by {why}"
        return self._through[name]

    def _membership(self, group: Group) -> str | None:
        if self._principal.id in group.members.ids:
            return f"id {self._principal.id}"
        if self._domain is not None and self._domain in group.domains:
            return f"domain {self._domain}"
        claimed = min(self._claims & group.claims, default=None)
        if claimed is not None:
            return f"claim {shown_name(claimed[0])} = {shown_name(claimed[1])}"
        return self._first_path(group.members.groups)


def domain_of(email: str | None) -> str | None:
    """What stands after the last ``@``, in lower case; None where that is not ASCII. The Kelvin sign (U+212A) becomes an
    ordinary ``k`` in lower case, and an address in another alphabet is not the one that it looks like."""
    local, _, domain = (email or "").rpartition("@")
    return domain.lower() if local and domain.isascii() else None
