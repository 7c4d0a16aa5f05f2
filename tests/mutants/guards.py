"""Owns the list of all named guards of sign-in and of what it opens, each of which a test holds in its place."""

from __future__ import annotations

from typing import Final

from tests.mutants.front_door import FRONT_DOOR
from tests.mutants.minted import MINTED
from tests.mutants.mutant import Mutant
from tests.mutants.providers import PROVIDERS
from tests.mutants.strangers import STRANGERS
from tests.mutants.tokens import TOKENS

GUARDS: Final[tuple[Mutant, ...]] = (*FRONT_DOOR, *TOKENS, *MINTED, *STRANGERS, *PROVIDERS)
