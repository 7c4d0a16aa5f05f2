"""Owns THE table of problem codes: every one that the house reports, how bad it is, which surfaces it breaks, how to mend it.

Held complete by a test, in both directions; ``docs/LINT.md`` says the same and is held to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from skillport_sync.lint.code import Code
from skillport_sync.lint.codes_of_files import FILE_CODES
from skillport_sync.lint.codes_of_frontmatter import FRONTMATTER_CODES
from skillport_sync.lint.codes_of_marketplaces import MARKETPLACE_CODES
from skillport_sync.lint.codes_of_plugins import PLUGIN_CODES
from skillport_sync.lint.codes_of_skills import SKILL_CODES

CODES: Mapping[str, Code] = MappingProxyType(
    {code.name: code for code in (*MARKETPLACE_CODES, *PLUGIN_CODES, *FRONTMATTER_CODES, *SKILL_CODES, *FILE_CODES)}
)
