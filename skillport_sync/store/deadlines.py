"""Owns the moving of deadlines where the machine's clock was set back: whatever was to end in an hour still does.

What was counted from a moment is moved. An API token that an operator made ends on a date, and keeps it.
"""

from __future__ import annotations

import sqlite3
from typing import Final

# Each by a clock that was ahead; now it is right, or at least the one that everything else goes by.
_BRING_FORWARD: Final = (
    "UPDATE access_tokens SET expires_at_us = expires_at_us - ?",
    "UPDATE refresh_tokens SET expires_at_us = expires_at_us - ?",
    "UPDATE grants SET expires_at_us = expires_at_us - ?",
    "UPDATE codes SET expires_at_us = expires_at_us - ?",
    "UPDATE oauth_transactions SET expires_at_us = expires_at_us - ?",
    "UPDATE links SET expires_at_us = expires_at_us - ?",
    "UPDATE tokens SET expires_at_us = expires_at_us - ? WHERE purpose IS NOT NULL AND expires_at_us IS NOT NULL",
)


def bring_forward(connection: sqlite3.Connection, by_us: int) -> None:
    """Let everything that ends by itself end so much earlier."""
    for statement in _BRING_FORWARD:
        connection.execute(statement, (by_us,)).close()
