"""Owns what is counted while the service runs, and the callbacks that count. Everything starts at zero with the process.

Labels are marketplaces as configured, codes and names out of this program. What comes from outside is held against what is known,
and counted as ``other`` where it is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from mcp_server.hot import HotCounts
from skillport_sync.observing.tally import OTHER, Durations, Tally
from skillport_sync.reports import PullReport, Stage
from skillport_sync.store.audit import AuditAction, AuditEvent

KINDS: Final = frozenset(
    {
        "access_tokens", "activity", "archive", "branches", "commits", "compare", "deliveries", "git/blobs", "git/commits",
        "git/ref", "git/refs", "git/tags", "git/trees", "graphql", "hooks", "installation", "installations", "members",
        "meta", "pulls", "rate_limit", "repository", "tarball", "user",
    }
)  # fmt: skip
"""Of ``request_kind``: what follows other addresses may be a person's name."""

EVENTS: Final = frozenset(
    {
        "", "branch_protection_rule", "check_run", "check_suite", "create", "delete", "github_app_authorization",
        "installation", "installation_repositories", "issues", "meta", "ping", "public", "pull_request", "push", "release",
        "repository", "repository_ruleset", "team", "workflow_run",
    }
)  # fmt: skip
"""Webhook events that get a count of their own; until a signature is checked the name is anybody's."""

WRITES: Final = frozenset({"save", "delete", "bump", "publish", "unpublish", "rename"})

STAGE_BOUNDS_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
LAG_BOUNDS_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}").fullmatch


class Counts:
    """One service's."""

    def __init__(self) -> None:
        self.queries = Tally(3)
        """Its ``add`` is an ``OnQuery``, on the way of every answer: operation, surface, outcome are this program's own words."""
        self.hot = HotCounts()
        self.http_refusals = Tally(2)
        """Its ``add`` is an ``OnRefused``: the route's pattern, the status."""
        self.requests = Tally(2)
        self.deliveries = Tally(2)
        self.publications = Tally(2)
        self.pulls = Tally(2)
        self.pull_durations = Durations(STAGE_BOUNDS_S)
        self.stage_durations = Durations(STAGE_BOUNDS_S)
        self.tokens_issued = Tally(1)
        self.tokens_refused = Tally(1)
        self.sign_ins = Tally(1)
        self.saves = Tally(2)
        self.installs = Tally(2)
        self.loop_lag = Durations(LAG_BOUNDS_S)

    def on_request(self, kind: str, outcome: str) -> None:
        """An ``OnRequest``: what was asked of GitHub."""
        self.requests.add(kind if kind in KINDS else OTHER, outcome)

    def on_delivery(self, event: str, outcome: str) -> None:
        """An ``OnDelivery``."""
        self.deliveries.add((event or "none") if event in EVENTS else OTHER, outcome)

    def on_pull(self, report: PullReport, stages: Mapping[Stage, float]) -> None:
        """An ``OnPull``."""
        self.pulls.add(report.marketplace, report.outcome)
        self.pull_durations.add(report.duration_s)
        for stage, duration_s in stages.items():
            self.stage_durations.add(duration_s, stage)
        if report.outcome == "published":
            self.publications.add(report.marketplace, _code(report.cause))

    def on_event(self, event: AuditEvent) -> None:
        """What the audit is told."""
        outcome = _code(event.outcome)
        match event.action:
            case AuditAction.TOKEN_ISSUED:
                self.tokens_issued.add(_code(event.surface or OTHER))
            case AuditAction.TOKEN_REFUSED:
                self.tokens_refused.add(outcome)
            case AuditAction.SIGN_IN | AuditAction.SIGN_IN_REFUSED:
                self.sign_ins.add(outcome)
            case AuditAction.INSTALL:
                self.installs.add(_code(event.surface or OTHER), outcome)
            case AuditAction.WRITE:
                operation = event.detail.partition(":")[0]  # as `WriteTrail` words it
                self.saves.add(operation if operation in WRITES else OTHER, outcome)
            case _:
                pass


def _code(text: str) -> str:
    return text if _CODE(text) else OTHER
