"""Owns the check against GitHub's own OpenAPI description, where a copy of it lies beside the checkout.

``openapi`` validates an answer or a request by hand; ``api`` is a client of the stand-in that validates whatever passes through.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from skillport_sync.standin import StandInGitHub

FOLDER = Path(os.environ.get("SKILLPORT_SHARED", Path(__file__).parents[3] / "shared")) / "github"
DOCUMENT = FOLDER / "github-openapi-subset.json"

ERRORS_ANYWHERE = {400, 401, 403, 404, 409, 422, 429, 500, 502, 503}
"""Statuses GitHub answers on nearly every route, though its description lists them on few: in the shape of basic-error."""

WITHOUT_BODY = {202, 204, 302, 304}
RAW_MEDIA = {"application/vnd.github.raw+json", "application/vnd.github.raw"}
"""The description lists only JSON for ``git/blobs`` and ``contents``; these carry the bytes themselves."""


class OpenApi:
    """GitHub's description, asked about concrete paths such as ``/repos/acme/skills/git/ref/heads/main``."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._registry: Registry[Any] = Registry().with_resource("urn:github", DRAFT4.create_resource(document))
        # The more is fixed in a path, the better the match: "hooks/{hook_id}" before "{anything}".
        by_fixed = sorted(document["paths"], key=lambda path: len(re.sub(r"\{[^}]+\}", "", path)), reverse=True)
        self._templates = [(path, self._compile(path)) for path in by_fixed]

    def validate_response(self, method: str, path: str, status: int, content_type: str | None, body: object) -> None:
        """Raises: AssertionError, LookupError for an operation that is not described."""
        template, operation = self._operation(method, path)
        if status in WITHOUT_BODY:
            assert not body, f"{method} {path}: {status} has a body: {body!r}"
            return
        media = (content_type or "").partition(";")[0]
        if status == 200 and media in RAW_MEDIA and ("/blobs/" in template or "/contents/" in template):
            return
        described = self._deref(operation["responses"].get(str(status), {}))
        if media in described.get("content", {}):
            pointer = self._pointer(operation["responses"], str(status), template, method)
            self._check(f"{pointer}/content/{_escape(media)}/schema", body, f"{method} {path} {status}")
            return
        assert status in ERRORS_ANYWHERE | {301, 307}, (
            f"{method} {template} is not described to answer {status} {media}"
        )
        assert media == "application/json", f"{method} {path}: {status} as {media}"
        self._check("/components/schemas/basic-error", body, f"{method} {path} {status}")

    def validate_request(self, method: str, path: str, query: Mapping[str, str], body: object) -> None:
        """Raises: AssertionError, LookupError for an operation that is not described."""
        template, operation = self._operation(method, path)
        parameters = {p["name"]: p for p in map(self._deref, operation.get("parameters", [])) if p["in"] == "query"}
        for name, text in query.items():
            assert name in parameters, f"{method} {template} takes no query parameter {name!r}"
            schema = parameters[name]["schema"]
            value: object = int(text) if schema.get("type") == "integer" else text
            OAS30Validator(schema).validate(value)
        described = operation.get("requestBody")
        if described is None:
            assert not body, f"{method} {template} takes no body"
        elif body is None:
            assert not described.get("required"), f"{method} {template} needs a body"
        else:
            pointer = f"/paths/{_escape(template)}/{method.lower()}/requestBody/content/application~1json/schema"
            self._check(pointer, body, f"{method} {path} request")

    def _operation(self, method: str, path: str) -> tuple[str, Mapping[str, Any]]:
        by_name = re.sub(r"^/repositories/\d+", "/repos/by/id", path)
        for template, pattern in self._templates:
            if pattern.fullmatch(by_name) and method.lower() in self._document["paths"][template]:
                return template, self._document["paths"][template][method.lower()]
        raise LookupError(f"{method} {path} is not in the description")

    def _compile(self, template: str) -> re.Pattern[str]:
        item = self._document["paths"][template]
        operations = [part for part in item.values() if isinstance(part, dict)]
        parameters = [self._deref(p) for operation in operations for p in operation.get("parameters", [])]
        wide = {p["name"]: ".+" for p in parameters if p.get("x-multi-segment")} | {"path": ".*", "basehead": ".+"}
        parts = re.split(r"\{([^}]+)\}", template)
        return re.compile("".join(re.escape(p) if n % 2 == 0 else wide.get(p, "[^/]+") for n, p in enumerate(parts)))

    def _pointer(self, responses: Mapping[str, Any], status: str, template: str, method: str) -> str:
        reference = responses[status].get("$ref")
        return str(reference)[1:] if reference else f"/paths/{_escape(template)}/{method.lower()}/responses/{status}"

    def _deref(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Any = value
        while "$ref" in found:
            target: Any = self._document
            for part in found["$ref"][2:].split("/"):
                target = target[part]
            found = target
        return found  # type: ignore[no-any-return]

    def _check(self, pointer: str, value: object, what: str) -> None:
        validator = OAS30Validator({"$ref": f"urn:github#{pointer}"}, registry=self._registry)
        problems = [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]
        assert not problems, f"{what} is not as GitHub describes it:\n" + "\n".join(problems[:5])


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


@cache
def _described() -> OpenApi | None:
    # A directory's contents are an array, in which the discriminator of the description's oneOf finds no property.
    return (
        OpenApi(json.loads(DOCUMENT.read_bytes(), object_hook=_without_discriminator)) if DOCUMENT.is_file() else None
    )


def _without_discriminator(value: dict[str, Any]) -> dict[str, Any]:
    return {key: below for key, below in value.items() if key != "discriminator"}


@pytest.fixture
def openapi() -> OpenApi:
    """Skips the test where there is no copy of GitHub's description."""
    described = _described()
    if described is None:
        pytest.skip(f"GitHub's OpenAPI description is not at {DOCUMENT}")
    return described


@pytest.fixture
def sample_payloads() -> Path:
    """The folder of GitHub's sample payloads, by event. Skips the test where it is absent."""
    folder = FOLDER / "payloads" / "api.github.com"
    if not folder.is_dir():
        pytest.skip(f"GitHub's sample payloads are not at {folder}")
    return folder


@dataclass(frozen=True, slots=True)
class Answer:
    """``json`` is None where the body is none; ``raw`` is always there."""

    status: int
    headers: Mapping[str, str]
    raw: bytes
    json: Any


class Api:
    """A plain client of the stand-in. Whatever GitHub describes is validated on its way, both ways."""

    def __init__(self, github: StandInGitHub, session: aiohttp.ClientSession) -> None:
        self.github = github
        self.session = session
        self.unvalidated: list[str] = []

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = "token-of-the-tests",
        strict: bool = True,
    ) -> Answer:
        """One request, redirects not followed. ``strict=False`` leaves a request that is wrong on purpose unchecked."""
        sent = {
            "Accept": "application/vnd.github+json",
            **({"Authorization": f"token {token}"} if token else {}),
            **(headers or {}),
        }
        url = path if path.startswith("http") else self.github.api_url + path
        described = _described()
        async with self.session.request(
            method, url, json=body, params=query, headers=sent, allow_redirects=False
        ) as got:
            raw = await got.read()
            parsed = (
                json.loads(raw) if raw and got.content_type.endswith("json") and "raw" not in got.content_type else None
            )
            if described is not None and path.startswith(("/repos", "/app", "/meta", "/rate_limit")):
                if strict:
                    described.validate_request(method, got.url.path, dict(query or {}), body)
                checked = raw.decode() if parsed is None and "vnd.github.sha" in got.content_type else parsed
                described.validate_response(method, got.url.path, got.status, got.headers.get("Content-Type"), checked)
            return Answer(got.status, got.headers, raw, parsed)


@pytest.fixture
async def api(standin: StandInGitHub) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(standin, session)
