"""Owns the words of linting: the surfaces whose rules differ, what a problem code means, and a Finding. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from skillport_sync.catalog.model import OWN_SOURCE, Severity, SourceKey


class Surface(StrEnum):
    """Where a skill has to work, told apart as finely as the rules are. What an author means a skill for is another question,
    and the catalog's."""

    CLAUDE_CODE = "claude_code"
    CLAUDE_AI_UPLOAD = "claude_ai_upload"
    """claude.ai: a skill that is uploaded, and a marketplace that an organisation syncs."""
    SKILLS_API = "skills_api"
    SEP_2640 = "sep_2640"
    """The skills extension of MCP."""
    THIS_SERVICE = "this_service"


SURFACE_NAMES: dict[Surface, str] = {
    Surface.CLAUDE_CODE: "Claude Code",
    Surface.CLAUDE_AI_UPLOAD: "claude.ai",
    Surface.SKILLS_API: "Skills API",
    Surface.SEP_2640: "SEP-2640",
    Surface.THIS_SERVICE: "this service",
}
"""For people."""


# What the table of codes is written with.
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
CLAUDE_CODE = frozenset({Surface.CLAUDE_CODE})
CLAUDE_AI = frozenset({Surface.CLAUDE_AI_UPLOAD})
UPLOAD = frozenset({Surface.CLAUDE_AI_UPLOAD, Surface.SKILLS_API})
SEP = frozenset({Surface.SEP_2640})
SPECIFIED = UPLOAD | SEP
"""Whoever keeps to the specification of Agent Skills."""
SERVICE = frozenset({Surface.THIS_SERVICE})
SERVED = SERVICE | SEP
"""Whatever is read through this service."""
PLUGINS = CLAUDE_CODE | CLAUDE_AI | SERVED
"""Wherever plugins are installed from a marketplace."""
EVERYWHERE = frozenset(Surface)
NOWHERE: frozenset[Surface] = frozenset()


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of problem. Its name is a promise: scripts compare it."""

    name: str
    severity: Severity
    """The worst with which it is reported."""
    breaks: frozenset[Surface]
    """Where something goes wrong because of it; empty: nowhere in particular, it is wrong by itself."""
    what: str
    why: str
    mend: str
    spares_skills: bool = False
    """Something goes wrong there, and yet no skill is refused."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem of one file, told with everything that its author wants to know. ``line`` counts from 1."""

    code: str
    severity: Severity
    path: str
    line: int | None
    message: str
    breaks: frozenset[Surface]
    skill: str | None = None
    """``plugin/name`` where it concerns exactly one skill."""
    source: SourceKey = OWN_SOURCE
    """Which repository ``path`` is a path of."""

    @property
    def place(self) -> tuple[str, str, int, str, str, str]:
        """What findings are sorted by."""
        return (self.source, self.path, self.line or 0, self.code, self.message, self.skill or "")
