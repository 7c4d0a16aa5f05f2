"""Owns the names of the metrics: what each counts or measures, in which unit, by which labels. Values only.

They are promises: dashboards and alerts are built on them. https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. A counter's samples end in ``_total``, a histogram's in ``_bucket``, ``_count`` and ``_sum``."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


BUILD_INFO = Family("skillport_build_info", "gauge", "The version that runs.", ("version",))

PUBLICATIONS = Family(
    "skillport_publications", "counter", "Publications, by what woke the pull.", ("marketplace", "cause")
)
HEAD_AGE = Family(
    "skillport_head_age_seconds", "gauge", "Since GitHub last confirmed the served commit.", ("marketplace",)
)
STALE = Family("skillport_stale", "gauge", "1 where that is longer than two reconcile intervals ago.", ("marketplace",))
PUBLISHED = Family("skillport_published", "gauge", "1 where a publication is served.", ("marketplace",))
PUBLISHED_AT = Family("skillport_published_timestamp_seconds", "gauge", "When it was published.", ("marketplace",))
SKILLS = Family("skillport_skills", "gauge", "Skills that are served.", ("marketplace",))
PROBLEMS = Family("skillport_problems", "gauge", "Problems of what is served; `status` lists them.", ("marketplace",))

PULLS = Family("skillport_pulls", "counter", "Pulls, by what came of them.", ("marketplace", "outcome"))
IN_STEP = Family(
    "skillport_last_pull_in_step", "gauge", "1 where the last pull left nothing to mend.", ("marketplace",)
)
NOT_IN_STEP = Family(
    "skillport_last_pull_problem", "gauge", "1 by the code of what is to mend.", ("marketplace", "code")
)
PULL_DURATION = Family("skillport_pull_duration_seconds", "histogram", "How long pulls took.")
STAGE_DURATION = Family("skillport_pull_stage_duration_seconds", "histogram", "How long their stages took.", ("stage",))

REQUESTS = Family("skillport_github_requests", "counter", "Requests to GitHub.", ("kind", "outcome"))
RATE_REMAINING = Family(
    "skillport_github_rate_limit_remaining", "gauge", "Requests left until the reset.", ("marketplace",)
)
RATE_LIMIT = Family("skillport_github_rate_limit", "gauge", "Requests allowed until the reset.", ("marketplace",))
RATE_RESET = Family("skillport_github_rate_limit_reset_timestamp_seconds", "gauge", "When it resets.", ("marketplace",))

DELIVERIES = Family("skillport_deliveries", "counter", "Webhook deliveries, refused ones too.", ("event", "outcome"))

QUERIES = Family("skillport_queries", "counter", "Questions.", ("operation", "surface", "outcome"))
HTTP_REFUSALS = Family(
    "skillport_http_refusals", "counter", "Requests answered with 400 or above.", ("route", "status")
)
HOT_HITS = Family("skillport_hot_answers_hits", "counter", "Questions that were answered from memory.")
HOT_MISSES = Family("skillport_hot_answers_misses", "counter", "Questions of the tool that were not.")
HOT_BYTES = Family("skillport_hot_answers_bytes", "gauge", "What the remembered answers take.")

TOKENS_ISSUED = Family("skillport_tokens_issued", "counter", "Tokens that were issued.", ("surface",))
TOKENS_REFUSED = Family("skillport_tokens_refused", "counter", "Token requests that were refused.", ("reason",))
SIGN_INS = Family("skillport_sign_ins", "counter", "Sign-ins, refused ones too.", ("outcome",))
SAVES = Family("skillport_saves", "counter", "Changes, refused ones too.", ("operation", "outcome"))
INSTALLS = Family("skillport_installs", "counter", "Skills and plugins handed out to install.", ("surface", "outcome"))

LOOP_LAG = Family("skillport_event_loop_lag_seconds", "histogram", "How late the event loop ran what was due.")
DATABASE_BYTES = Family(
    "skillport_database_bytes", "gauge", "What a database takes on disk: file, wal; free is the empty part of file.",
    ("database", "part"),
)  # fmt: skip

FAMILIES: tuple[Family, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Family))

PROCESS = frozenset(
    {
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
    }
)
"""prometheus_client's own, on Linux."""


def sample_names(family: Family) -> frozenset[str]:
    """What its samples are called."""
    match family.kind:
        case "counter":
            return frozenset({f"{family.name}_total"})
        case "gauge":
            return frozenset({family.name})
        case "histogram":
            return frozenset(f"{family.name}_{part}" for part in ("bucket", "count", "sum"))
