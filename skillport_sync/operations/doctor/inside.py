"""Owns what is looked at from inside: the service as it says of itself, its files, the machine, GitHub."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from skillport_sync import __version__
from skillport_sync.config import GitHubSettings, Settings, read_secret
from skillport_sync.errors import Invalid
from skillport_sync.operations.doctor.verdicts import Area
from skillport_sync.operations.doctor.web import NoAnswer, Web
from skillport_sync.reports import Check, GitHubAccess, StatusReport

SERVICE, MACHINE, GITHUB = Area("service"), Area("machine"), Area("GitHub")
ENOUGH_BYTES: Final = 1_000_000_000
LITTLE_BYTES: Final = 100_000_000
OFF_S: Final = 5.0
TOO_FAR_OFF_S: Final = 60.0
"""GitHub refuses an App whose clock is a minute ahead; so do identity providers."""
_LOW_SHARE: Final = 0.1


def running(status: StatusReport) -> Check:
    if not status.running:
        seen = "nothing runs on this data directory; its files were opened for this examination"
        return SERVICE.failed("running", seen, "start it with `skillport-sync serve`")
    if status.version != __version__:
        seen = f"version {status.version} runs, and this command is of {__version__}"
        return SERVICE.warning("running", seen, "restart the service")
    since = f"since {status.started_at:%Y-%m-%d %H:%M} UTC" if status.started_at else "it runs"
    return SERVICE.ok("running", f"version {status.version}, {since}")


def published(status: StatusReport) -> Iterator[Check]:
    for marketplace in status.marketplaces:
        what = f"publication of {marketplace.name}"
        if marketplace.commit is None:
            to_do = "look at what GitHub answers below, and at `skillport-sync status`"
            yield SERVICE.failed(what, "nothing is published yet", to_do)
        else:
            yield SERVICE.ok(
                what,
                f"commit {marketplace.commit[:10]}, {marketplace.skills} skill{'' if marketplace.skills == 1 else 's'}",
            )


def unreachable(error: str) -> Check:
    """The service, or its files, could not be asked."""
    return SERVICE.failed("running", error, "until this is mended, only what can be seen from outside is looked at")


# --- machine -----------------------------------------------------------------------------------------------------------------


def files(settings: Settings, status: StatusReport | None) -> Iterator[Check]:
    """The disk below the data directory, the databases in it, and what reads them."""
    yield _disk(settings)
    if status is not None:
        sizes = ", ".join(f"{each.name} {each.size_bytes / 1e6:.1f} MB" for each in status.databases)
        yield MACHINE.ok("databases", f"{sizes}: both answer")
    yield _sqlite()


def _disk(settings: Settings) -> Check:
    place = settings.data_dir
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    seen = f"{free / 1e9:.1f} GB free for {settings.data_dir}"
    if not os.access(place, os.W_OK):
        return MACHINE.failed("disk", f"{place} cannot be written", "run as the user who owns it, or change its mode")
    if free < LITTLE_BYTES:
        return MACHINE.failed("disk", seen, "free some space: nothing can be published or signed in to without")
    return MACHINE.warning("disk", seen, "free some space soon") if free < ENOUGH_BYTES else MACHINE.ok("disk", seen)


def _sqlite() -> Check:
    version = sqlite3.sqlite_version
    try:
        # No database of ours: whether this Python's SQLite can search at all.
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("CREATE VIRTUAL TABLE probe USING fts5(text)")
    except sqlite3.OperationalError:
        return MACHINE.failed(
            "SQLite", f"{version} without FTS5", "use a Python whose SQLite has FTS5: search needs it"
        )
    return MACHINE.ok("SQLite", f"{version} with FTS5")


async def clock(web: Web, github: GitHubSettings, now: datetime) -> Check:
    """This machine's clock against the one that GitHub's answers carry (https://www.rfc-editor.org/rfc/rfc9110#field.date)."""
    what = _of("clock", github)
    answer = await web.ask("HEAD", github.api_url)
    if isinstance(answer, NoAnswer):
        return MACHINE.warning(what, f"not compared: GitHub's API: {answer.error}", "mend the way to GitHub")
    try:
        off = now - parsedate_to_datetime(answer.headers.get("Date", ""))
    except (TypeError, ValueError):
        return MACHINE.warning(what, "not compared: GitHub's answer has no date", "compare it by hand")
    seconds = off / timedelta(seconds=1)
    if abs(seconds) <= OFF_S:
        return MACHINE.ok(what, "as GitHub's, to a few seconds")
    seen = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} GitHub's"
    to_do = "have the machine's clock set by NTP: signatures of others are believed for a short time only"
    far = abs(seconds) > TOO_FAR_OFF_S
    return MACHINE.failed(what, seen, to_do) if far else MACHINE.warning(what, seen, to_do)


def _of(what: str, github: GitHubSettings) -> str:
    """Which GitHub is meant, where there is more than the one without a name."""
    return what if github.name is None else f"{what} of {github.name}"


# --- GitHub ------------------------------------------------------------------------------------------------------------------


def github(access: GitHubAccess) -> Iterator[Check]:
    what = f"{access.repository} ({access.ref.removeprefix('heads/')})"
    if access.commit is None:
        to_do = "check the repository's name and its GitHub's configuration; the credential needs to read its contents"
        yield GITHUB.failed(what, access.error or "its head cannot be read", to_do)
    elif access.archived:
        yield GITHUB.warning(
            what, "it is archived: nothing is pushed any more", "follow another repository, or leave it"
        )
    else:
        kind = "private" if access.private else "public"
        yield GITHUB.ok(what, f"{kind}, its head {access.commit[:10]} can be read")
    if access.rate_limit is not None and access.rate_remaining is not None:
        seen = f"{access.rate_remaining} of {access.rate_limit} requests left this hour"
        if access.rate_remaining >= _LOW_SHARE * access.rate_limit:
            yield GITHUB.ok("rate limit", seen)
        else:
            yield GITHUB.warning(
                "rate limit", seen, "find out what else uses this credential, or give the service its own"
            )


def webhooks(github: GitHubSettings, every_s: float, status: StatusReport | None) -> Check:
    what = _of("webhooks", github)
    if not github.webhook_secret_files:
        seen = f"no secret is configured, so none is received: a push is found after up to {every_s:g} s"
        return GITHUB.warning(
            what, seen, f"set {github.table}.webhook_secret_files, and the same secret at the repository"
        )
    for path in github.webhook_secret_files:
        try:
            read_secret(path)
        except Invalid as error:
            return GITHUB.failed(what, error.message, "mend the file, then restart the service")
    if status is not None and not status.deliveries:
        to_do = f"look at the repository's settings, Webhooks, Recent Deliveries; the address is …{github.webhook_path}"
        return GITHUB.warning(what, "a secret is configured, and nothing was ever delivered", to_do)
    last = f", the last delivery {status.deliveries[0].received_at:%Y-%m-%d %H:%M} UTC" if status is not None else ""
    return GITHUB.ok(what, f"a secret is configured{last}")
