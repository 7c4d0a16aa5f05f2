"""``skillport-sync`` whose housekeeping is in a hurry: done every ten seconds, not every ten minutes, and what is kept for an
hour is kept for half a minute. Otherwise a soak of some minutes would see none of it come to rest.
"""

from __future__ import annotations

from datetime import timedelta

from skillport_sync import serve
from skillport_sync.cli import main
from skillport_sync.store import mirror

if __name__ == "__main__":
    serve.TIDY_EVERY_S = 10.0
    mirror.STAGING_GRACE = timedelta(seconds=30)
    main()
