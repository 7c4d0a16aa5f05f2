"""Owns what an operator may ask of a mirror, and how it is asked of one that runs in another process.

``handlers`` and ``RemoteOperator`` are each other's inverse: an operator behind a control socket answers as the operator itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Protocol

from skillport_sync.control.client import ControlClient
from skillport_sync.control.server import ControlServer, Handler
from skillport_sync.errors import Broken
from skillport_sync.reports import (
    AuditRequest,
    AuditRow,
    ExplainReport,
    ExplainRequest,
    GitHubAccess,
    JsonObject,
    LintReport,
    NewToken,
    Progress,
    PublicationRow,
    PullReport,
    ReconcileOptions,
    RevokedSessions,
    RevokeRequest,
    RollbackRequest,
    SessionRow,
    StatusReport,
    TokenRequest,
    TokenRow,
    UsageRequest,
    UsageRow,
)

ROLLBACK_WITHIN_S = 600.0
"""A publication of an earlier parser is read again before it is served: seconds for a large one, and minutes on a slow disk."""

LINT_WITHIN_S = 300.0
"""Every file is read and looked through."""


class Operator(Protocol):
    """Everything that a command line can ask."""

    async def status(self) -> StatusReport: ...

    async def publications(self, marketplace: str | None, limit: int) -> list[PublicationRow]:
        """The latest, newest first, of one marketplace or of all."""
        ...

    def reconcile(self, options: ReconcileOptions) -> AsyncIterator[Progress | PullReport]:
        """Pull now: progress as it comes, and one report for each marketplace. To stop listening does not stop the pull."""
        ...

    async def rollback(self, request: RollbackRequest) -> PullReport:
        """Serve an earlier publication, and stay there until resumed.

        Raises:
            Missing: no publication that is kept has this commit. Invalid: several marketplaces have one.
        """
        ...

    def resume(self, marketplace: str | None) -> AsyncIterator[Progress | PullReport]:
        """Follow the branch again, of one marketplace or of all that were rolled back. Tells like ``reconcile``; nothing of
        those that follow it already."""
        ...

    async def explain(self, request: ExplainRequest) -> ExplainReport:
        """What a person sees and may do, and which rule says so.

        Raises:
            Missing: no skill is called what was asked for.
        """
        ...

    async def lint(self, marketplace: str | None) -> LintReport:
        """What is wrong with what is published of a marketplace; without a name, of the only one there is.

        Raises:
            Invalid: there are several, or none of this name. Missing: nothing of it is published.
        """
        ...

    async def github(self) -> list[GitHubAccess]:
        """Whether each marketplace's repository can be read now. Asks GitHub."""
        ...

    async def create_token(self, request: TokenRequest) -> NewToken: ...

    async def list_tokens(self) -> list[TokenRow]: ...

    async def revoke_token(self, token_id: str) -> bool:
        """False where it was worthless already.

        Raises:
            Missing: there is no such token.
        """
        ...

    async def sessions(self, user: str | None) -> list[SessionRow]:
        """Who is connected through which client, the last used first."""
        ...

    async def revoke_sessions(self, request: RevokeRequest) -> RevokedSessions:
        """End all of one person's, at once.

        Raises:
            Missing: nobody of this id ever signed in, and no API token speaks for them.
        """
        ...

    def audit(self, request: AuditRequest) -> AsyncIterator[Sequence[AuditRow]]:
        """What happened, in that order, some at a time.

        Raises:
            Invalid: there is no such action.
        """
        ...

    def usage(self, request: UsageRequest) -> AsyncIterator[Sequence[UsageRow]]:
        """How often which version of a skill was used, the most used first, some at a time.

        Raises:
            Denied: the configuration says that usage is not counted.
        """
        ...


class RemoteOperator:
    """The operator of a service that runs in another process."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    async def status(self) -> StatusReport:
        return StatusReport.from_json(await self._client.call("status", {}))

    async def publications(self, marketplace: str | None, limit: int) -> list[PublicationRow]:
        answer = await self._client.call("publications", {"marketplace": marketplace, "limit": limit})
        return [PublicationRow.from_json(row) for row in _rows(answer)]

    def reconcile(self, options: ReconcileOptions) -> AsyncIterator[Progress | PullReport]:
        return self._pulls("reconcile", options.to_json())

    async def rollback(self, request: RollbackRequest) -> PullReport:
        answer = await self._client.call("rollback", request.to_json(), within_s=ROLLBACK_WITHIN_S)
        return PullReport.from_json(answer)

    def resume(self, marketplace: str | None) -> AsyncIterator[Progress | PullReport]:
        return self._pulls("resume", {"marketplace": marketplace})

    async def explain(self, request: ExplainRequest) -> ExplainReport:
        return ExplainReport.from_json(await self._client.call("explain", request.to_json()))

    async def lint(self, marketplace: str | None) -> LintReport:
        answer = await self._client.call("lint", {"marketplace": marketplace}, within_s=LINT_WITHIN_S)
        return LintReport.from_json(answer)

    async def github(self) -> list[GitHubAccess]:
        return [GitHubAccess.from_json(row) for row in _rows(await self._client.call("github", {}))]

    async def _pulls(self, command: str, arguments: JsonObject) -> AsyncGenerator[Progress | PullReport, None]:
        async with aclosing(self._client.stream(command, arguments)) as parts:
            async for part in parts:
                if "report" in part:
                    yield PullReport.from_json(part["report"])
                else:
                    yield Progress.from_json(part.get("progress"))

    async def create_token(self, request: TokenRequest) -> NewToken:
        return NewToken.from_json(await self._client.call("token_create", request.to_json()))

    async def list_tokens(self) -> list[TokenRow]:
        return [TokenRow.from_json(row) for row in _rows(await self._client.call("token_list", {}))]

    async def revoke_token(self, token_id: str) -> bool:
        answer = await self._client.call("token_revoke", {"id": token_id})
        return answer.get("revoked") is True

    async def sessions(self, user: str | None) -> list[SessionRow]:
        return [SessionRow.from_json(row) for row in _rows(await self._client.call("sessions", {"user": user}))]

    async def revoke_sessions(self, request: RevokeRequest) -> RevokedSessions:
        return RevokedSessions.from_json(await self._client.call("sessions_revoke", request.to_json()))

    async def audit(self, request: AuditRequest) -> AsyncGenerator[Sequence[AuditRow], None]:
        async with aclosing(self._client.stream("audit", request.to_json())) as parts:
            async for part in parts:
                yield [AuditRow.from_json(row) for row in _rows(part)]

    async def usage(self, request: UsageRequest) -> AsyncGenerator[Sequence[UsageRow], None]:
        async with aclosing(self._client.stream("usage", request.to_json())) as parts:
            async for part in parts:
                yield [UsageRow.from_json(row) for row in _rows(part)]


def handlers(operator: Operator) -> Mapping[str, Handler]:
    """What a control socket answers for ``operator``: one command for each of its questions, and ``ping``."""

    async def ping(_: JsonObject) -> JsonObject:
        return {}

    async def status(_: JsonObject) -> JsonObject:
        return (await operator.status()).to_json()

    async def publications(arguments: JsonObject) -> JsonObject:
        limit = arguments.get("limit")
        rows = await operator.publications(_marketplace(arguments), limit if isinstance(limit, int) else 20)
        return {"rows": [row.to_json() for row in rows]}

    def reconcile(arguments: JsonObject) -> AsyncGenerator[JsonObject, None]:
        return _told(operator.reconcile(ReconcileOptions.from_json(arguments)))

    async def rollback(arguments: JsonObject) -> JsonObject:
        return (await operator.rollback(RollbackRequest.from_json(arguments))).to_json()

    def resume(arguments: JsonObject) -> AsyncGenerator[JsonObject, None]:
        return _told(operator.resume(_marketplace(arguments)))

    async def explain(arguments: JsonObject) -> JsonObject:
        report = await operator.explain(ExplainRequest.from_json(arguments))
        return await asyncio.to_thread(report.to_json)  # of ten thousand skills, it takes a while

    async def lint(arguments: JsonObject) -> JsonObject:
        report = await operator.lint(_marketplace(arguments))
        return await asyncio.to_thread(report.to_json)

    async def github(_: JsonObject) -> JsonObject:
        return {"rows": [row.to_json() for row in await operator.github()]}

    async def token_create(arguments: JsonObject) -> JsonObject:
        return (await operator.create_token(TokenRequest.from_json(arguments))).to_json()

    async def token_list(_: JsonObject) -> JsonObject:
        return {"rows": [row.to_json() for row in await operator.list_tokens()]}

    async def token_revoke(arguments: JsonObject) -> JsonObject:
        return {"revoked": await operator.revoke_token(str(arguments.get("id")))}

    async def sessions(arguments: JsonObject) -> JsonObject:
        user = arguments.get("user")
        return {"rows": [row.to_json() for row in await operator.sessions(user if isinstance(user, str) else None)]}

    async def sessions_revoke(arguments: JsonObject) -> JsonObject:
        return (await operator.revoke_sessions(RevokeRequest.from_json(arguments))).to_json()

    async def audit(arguments: JsonObject) -> AsyncGenerator[JsonObject, None]:
        async for rows in operator.audit(AuditRequest.from_json(arguments)):
            yield {"rows": [row.to_json() for row in rows]}

    async def usage(arguments: JsonObject) -> AsyncGenerator[JsonObject, None]:
        async for rows in operator.usage(UsageRequest.from_json(arguments)):
            yield {"rows": [row.to_json() for row in rows]}

    return {
        "ping": ping,
        "status": status,
        "publications": publications,
        "reconcile": reconcile,
        "rollback": rollback,
        "resume": resume,
        "explain": explain,
        "lint": lint,
        "github": github,
        "token_create": token_create,
        "token_list": token_list,
        "token_revoke": token_revoke,
        "sessions": sessions,
        "sessions_revoke": sessions_revoke,
        "audit": audit,
        "usage": usage,
    }


@asynccontextmanager
async def control_socket(data_dir: Path, operator: Operator) -> AsyncIterator[Path]:
    """Answer for ``operator`` in ``data_dir`` until left. The caller holds the directory's lock."""
    async with ControlServer(handlers(operator)).on(data_dir) as path:
        yield path


async def connect(data_dir: Path) -> RemoteOperator | None:
    """The operator of the service that holds ``data_dir``; None where none runs.

    Raises:
        Denied, Unavailable: one runs and cannot be asked.
    """
    client = ControlClient(data_dir)
    return RemoteOperator(client) if await client.is_answered() else None


async def _told(events: AsyncIterator[Progress | PullReport]) -> AsyncGenerator[JsonObject, None]:
    """A pull's progress and reports as parts of an answer. Whoever stops listening ends the telling, not the pull."""
    try:
        async for event in events:
            yield {"report" if isinstance(event, PullReport) else "progress": event.to_json()}
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _marketplace(arguments: JsonObject) -> str | None:
    marketplace = arguments.get("marketplace")
    return marketplace if isinstance(marketplace, str) else None


def _rows(answer: JsonObject) -> list[object]:
    rows = answer.get("rows")
    if not isinstance(rows, list):
        raise Broken("the service's answer has no rows: are the command and the service of the same version?")
    return rows
