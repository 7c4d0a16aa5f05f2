"""What an operator is told, and may ask: reports, progress, requests.

Plain values, complete in themselves: a report can be shown, stored or sent to another process without looking anything up.
"""

from skillport_sync.reports.access import (
    Decision,
    ExplainReport,
    ExplainRequest,
    MarketplaceAccess,
    PersonRow,
    SkillAccess,
    SkillState,
)
from skillport_sync.reports.audit import AuditRequest, AuditRow
from skillport_sync.reports.doctor import Check, DoctorReport, GitHubAccess, Verdict
from skillport_sync.reports.lint import FindingRow, LintedSkill, LintReport
from skillport_sync.reports.pulling import (
    Outcome,
    Progress,
    PullReport,
    ReconcileOptions,
    RollbackRequest,
    Stage,
    Verified,
)
from skillport_sync.reports.report import JsonObject, Report
from skillport_sync.reports.sessions import RevokedSessions, RevokeRequest, SessionRow
from skillport_sync.reports.status import (
    DatabaseSize,
    DeliveryRow,
    LastPull,
    MarketplaceStatus,
    PinStatus,
    ProblemRow,
    PublicationRow,
    RateStatus,
    RepositoryFacts,
    SourceStatus,
    StatusReport,
)
from skillport_sync.reports.tokens import NewToken, TokenRequest, TokenRow
from skillport_sync.reports.usage import UsageRequest, UsageRow

__all__ = [
    "AuditRequest",
    "AuditRow",
    "Check",
    "DatabaseSize",
    "Decision",
    "DeliveryRow",
    "DoctorReport",
    "ExplainReport",
    "ExplainRequest",
    "FindingRow",
    "GitHubAccess",
    "JsonObject",
    "LastPull",
    "LintReport",
    "LintedSkill",
    "MarketplaceAccess",
    "MarketplaceStatus",
    "NewToken",
    "Outcome",
    "PersonRow",
    "PinStatus",
    "ProblemRow",
    "Progress",
    "PublicationRow",
    "PullReport",
    "RateStatus",
    "ReconcileOptions",
    "Report",
    "RepositoryFacts",
    "RevokeRequest",
    "RevokedSessions",
    "RollbackRequest",
    "SessionRow",
    "SkillAccess",
    "SkillState",
    "SourceStatus",
    "Stage",
    "StatusReport",
    "TokenRequest",
    "TokenRow",
    "UsageRequest",
    "UsageRow",
    "Verdict",
    "Verified",
]
