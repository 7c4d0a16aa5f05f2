"""Owns signing in through the Python SDK's own OAuth code. ``python_sdk.py FILE``: what it keeps between two starts.

Says ``{"open": address}`` and reads ``{"came_back": address}``; at the end ``{"looked": {…}}``. ``COMPANY`` tells where to.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.oauth2 import OAuthContext
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
)

RETURN = "http://localhost:3118/callback"
COMPANY = json.loads(os.environ["COMPANY"])
AHEAD_S = float(COMPANY["ahead_s"])
"""By how much the company's clock is ahead of ours; this client lives there."""


class Memory:
    """The SDK's ``TokenStorage``, in one file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept = json.loads(file.read_text()) if file.exists() else {}

    def remind(self, context: OAuthContext) -> None:
        """After a start the SDK knows neither when a stored token expires nor where to refresh it, and would ask the person
        again: whoever stores the token has to tell it both.
        """
        if "tokens" in self._kept:
            context.token_expiry_time = self._kept["expires_at_s"] - AHEAD_S
            context.oauth_metadata = OAuthMetadata.model_validate(self._kept["server"])

    def learn(self, context: OAuthContext) -> None:
        """What to be reminded of."""
        assert context.oauth_metadata is not None
        self._keep(server=context.oauth_metadata.model_dump(mode="json", exclude_none=True))

    async def get_tokens(self) -> OAuthToken | None:
        tokens = self._kept.get("tokens")
        return None if tokens is None else OAuthToken.model_validate(tokens)

    async def set_tokens(self, tokens: OAuthToken) -> None:
        assert tokens.expires_in is not None
        self._keep(
            tokens=tokens.model_dump(mode="json", exclude_none=True),
            expires_at_s=time.time() + AHEAD_S + tokens.expires_in,
        )

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        client = self._kept.get("client")
        return None if client is None else OAuthClientInformationFull.model_validate(client)

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._keep(client=client_info.model_dump(mode="json", exclude_none=True))

    def _keep(self, **more: object) -> None:
        self._kept.update(more)
        self._file.write_text(json.dumps(self._kept))


class Handover:
    """Between the SDK and the person at a browser."""

    def __init__(self) -> None:
        self._came_back = ""

    async def open(self, address: str) -> None:
        _say({"open": address})
        self._came_back = json.loads(await asyncio.to_thread(sys.stdin.readline))["came_back"]

    async def came_back(self) -> AuthorizationCodeResult:
        said = {name: values[0] for name, values in parse_qs(urlsplit(self._came_back).query).items()}
        return AuthorizationCodeResult(code=said["code"], state=said.get("state"), iss=said.get("iss"))


async def main(file: Path) -> None:
    memory, person = Memory(file), Handover()
    metadata = OAuthClientMetadata.model_validate(
        {
            "client_name": "A Python client",
            "redirect_uris": [RETURN],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
    )
    auth = OAuthClientProvider(
        COMPANY["url"],
        metadata,
        memory,
        redirect_handler=person.open,
        callback_handler=person.came_back,
        client_metadata_url=COMPANY["document"],
    )
    memory.remind(auth.context)
    async with (
        httpx2.AsyncClient(auth=auth, trust_env=False, timeout=30) as http,
        streamable_http_client(COMPANY["url"], http_client=http) as streams,
        ClientSession(*streams[:2]) as session,
    ):
        await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        answer = await session.call_tool(COMPANY["tool"], {"operation": "whoami"})
        assert answer.structured_content is not None
        memory.learn(auth.context)
        _say({"looked": {"tools": tools, "person": answer.structured_content["id"]}})


def _say(line: object) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
