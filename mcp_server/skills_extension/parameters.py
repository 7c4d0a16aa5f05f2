"""Owns the parameters of the extension's own methods, which the SDK does not know: parsed here, and plain values from here on."""

from __future__ import annotations

from mcp_types import PaginatedRequestParams, RequestParams


class GetSkillParams(RequestParams):
    """``skills/get``. The parameters of ``skills/list`` are those of every list."""

    uri: str


class ReadDirectoryParams(PaginatedRequestParams):
    """``resources/directory/read``."""

    uri: str
