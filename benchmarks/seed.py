"""Owns the way that the seed connector reads a marketplace: GitHub's contents API, one request per directory and file, in turn.

Written anew from its measured behaviour: a list that is not cached costs three requests and, of plugins with one skill each,
three more a plugin; a file costs one request. It keeps what it has read for minutes and does not hear of pushes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

import aiohttp
import orjson


class SequentialReader:
    """Reads one repository. ``requests`` counts what it asked for."""

    def __init__(self, session: aiohttp.ClientSession, api_url: str, repository: str, token: str) -> None:
        self._session = session
        self._contents = f"{api_url}/repos/{repository}/contents"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        self.requests = 0

    async def list_skills(self) -> list[str]:
        """The paths of every SKILL.md, each of them read."""
        await self.read(".skillport/access.json")
        await self.read(".claude-plugin/marketplace.json")
        skills: list[str] = []
        for plugin in await self._directory("plugins"):
            await self.read(f"{plugin}/.claude-plugin/plugin.json")
            skills += [f"{skill}/SKILL.md" for skill in await self._directory(f"{plugin}/skills")]
        await self.read_all(skills)
        return skills

    async def read_all(self, paths: Iterable[str]) -> None:
        for path in paths:
            await self.read(path)

    async def read(self, path: str) -> bytes:
        return base64.b64decode(orjson.loads(await self._get(path))["content"])

    async def _directory(self, path: str) -> list[str]:
        return [entry["path"] for entry in orjson.loads(await self._get(path)) if entry["type"] == "dir"]

    async def _get(self, path: str) -> bytes:
        self.requests += 1
        async with self._session.get(f"{self._contents}/{path}", headers=self._headers) as answer:
            answer.raise_for_status()
            return await answer.read()


def cold_list_requests(files: Mapping[str, bytes]) -> int:
    """What such a list costs: what ``list_skills`` asks, without asking it."""
    plugins = {path.split("/")[1] for path in files if path.startswith("plugins/")}
    skills = sum(path.endswith("/SKILL.md") for path in files)
    return 3 + 2 * len(plugins) + skills
