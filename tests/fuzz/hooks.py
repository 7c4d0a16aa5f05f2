"""Owns what schemathesis is told of this service that no description can say. It loads this file by its name."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import schemathesis

MOST_OF_A_LINE = 8_000
"""A longer one is refused in plain text by the HTTP server, before there is anything of ours to look at."""


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    return len(case.formatted_path) + len(urlencode(case.query or {}, doseq=True)) < MOST_OF_A_LINE
