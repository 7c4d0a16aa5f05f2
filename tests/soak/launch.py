"""``skillport-sync`` whose housekeeping is in a hurry: done every ten seconds, not every ten minutes; what is kept for an hour
is kept for half a minute, and the memory of answers is small. Otherwise a soak of some minutes would see none of it come to rest.
"""

from __future__ import annotations

from datetime import timedelta

from mcp_server import hot

hot.MAX_BYTES = (
    4 * 1024 * 1024
)  # 64 MiB are filled in five minutes here, which would look like a leak; read by its importers

from skillport_sync import serve  # noqa: E402
from skillport_sync.cli import main  # noqa: E402
from skillport_sync.store import mirror  # noqa: E402

if __name__ == "__main__":
    serve.TIDY_EVERY_S = 10.0
    mirror.STAGING_GRACE = timedelta(seconds=30)
    main()
