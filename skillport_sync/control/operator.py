"""Owns what an operator may ask of a mirror, and how it is asked of one that runs in another process.

``handlers`` and ``RemoteOperator`` are each other's inverse: an operator behind a control socket answers as the operator itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Protocol

from skillport_sync.control.client import ControlClient
from skillport_sync.control.server import ControlServer, Handler
from skillport_sync.errors import Broken
from skillport_sync.reports import (
    JsonObject,
    NewToken,
    Progress,
    PublicationRow,
    PullReport,
    ReconcileOptions,
    StatusReport,
    TokenRequest,
    TokenRow,
)


class Operator(Protocol):
    """Everything that a command line can ask."""

    async def status(self) -> StatusReport: ...

    async def publications(self, marketplace: str | None, limit: int) -> list[PublicationRow]:
        """The latest, newest first, of one marketplace or of all."""
        ...

    def reconcile(self, options: ReconcileOptions) -> AsyncIterator[Progress | PullReport]:
        """Pull now: progress as it comes, and one report for each marketplace. To stop listening does not stop the pull."""
        ...

    async def create_token(self, request: TokenRequest) -> NewToken: ...

    async def list_tokens(self) -> list[TokenRow]: ...

    async def revoke_token(self, token_id: str) -> bool:
        """False where it was worthless already.

        Raises:
            Missing: there is no such token.
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

    async def reconcile(self, options: ReconcileOptions) -> AsyncIterator[Progress | PullReport]:
        async with aclosing(self._client.stream("reconcile", options.to_json())) as parts:
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


def handlers(operator: Operator) -> Mapping[str, Handler]:
    """What a control socket answers for ``operator``: one command for each of its questions, and ``ping``."""

    async def ping(_: JsonObject) -> JsonObject:
        return {}

    async def status(_: JsonObject) -> JsonObject:
        return (await operator.status()).to_json()

    async def publications(arguments: JsonObject) -> JsonObject:
        marketplace, limit = arguments.get("marketplace"), arguments.get("limit")
        rows = await operator.publications(
            marketplace if isinstance(marketplace, str) else None, limit if isinstance(limit, int) else 20
        )
        return {"rows": [row.to_json() for row in rows]}

    async def reconcile(arguments: JsonObject) -> AsyncGenerator[JsonObject, None]:
        events = operator.reconcile(ReconcileOptions.from_json(arguments))
        try:
            async for event in events:
                yield {"report" if isinstance(event, PullReport) else "progress": event.to_json()}
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def token_create(arguments: JsonObject) -> JsonObject:
        return (await operator.create_token(TokenRequest.from_json(arguments))).to_json()

    async def token_list(_: JsonObject) -> JsonObject:
        return {"rows": [row.to_json() for row in await operator.list_tokens()]}

    async def token_revoke(arguments: JsonObject) -> JsonObject:
        return {"revoked": await operator.revoke_token(str(arguments.get("id")))}

    return {
        "ping": ping,
        "status": status,
        "publications": publications,
        "reconcile": reconcile,
        "token_create": token_create,
        "token_list": token_list,
        "token_revoke": token_revoke,
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


def _rows(answer: JsonObject) -> list[object]:
    rows = answer.get("rows")
    if not isinstance(rows, list):
        raise Broken("the service's answer has no rows: are the command and the service of the same version?")
    return rows
