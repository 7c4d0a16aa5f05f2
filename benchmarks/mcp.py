"""Owns what an answer at ``/mcp`` costs the server: CPU time a request, beside a bare handler that returns the same bytes.

All servers are up at once, each a process; slices of requests go to them in turn. ``list`` answers with 100 skills, ``fetch``
with one SKILL.md and its list of files.
"""

from __future__ import annotations

import base64
import importlib.util
import statistics
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import orjson

from benchmarks.content import Size
from benchmarks.cores import Cores
from benchmarks.figures import Figure
from benchmarks.load import Expect, WrongAnswer, once, raw, slice_of
from benchmarks.processes import Child, child
from benchmarks.questions import QUESTIONS, Call, legacy, legacy_tools, modern, modern_tools
from benchmarks.service import Running, folder, new_access_token, new_token, service
from benchmarks.visible import size_json

TITLE = "/mcp: server CPU per request, beside a bare aiohttp handler that returns the same bytes"
SERVES_HERE = False
SIZE = Size(plugins=100, skills=100, files=1_000, size_bytes=3_400_000)
HOT, KERNEL = 2.0, 6.5
VERIFYING = 1.15
"""What may be added by finding out whose token it is."""


@dataclass(slots=True)
class _Variant:
    """One server asked one thing; ``cpu_s`` a request, one number a round."""

    server: str
    port: int
    pid: int
    request: bytes
    count: int
    expect: Expect
    cpu_s: list[float] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)

    @property
    def median_us(self) -> float:
        return statistics.median(self.cpu_s) * 1e6


@dataclass(frozen=True, slots=True)
class _Case:
    """One question in the words of one era."""

    label: str
    call: Call
    odd: Call | None
    """The same in a form that only the kernel takes; None where it always does."""


CASES: Sequence[_Case] = (
    *(
        _Case(f"{question}, {era}", make(QUESTIONS[question](SIZE)), make(QUESTIONS[question](SIZE), odd=True))
        for question in ("list", "fetch")
        for era, make in (("2026-07-28", modern), ("2025-11-25", legacy))
    ),
    _Case("tools/list, 2026-07-28", modern_tools(), None),
    _Case("tools/list, 2025-11-25", legacy_tools(), None),
)


async def measure(cores: Cores, *, quick: bool) -> list[Figure]:
    """Both eras, all ways."""
    has_fastmcp = importlib.util.find_spec("fastmcp") is not None
    rounds, count = (2, 200) if quick else (7, 1_600)
    async with AsyncExitStack() as stack:
        github = await stack.enter_async_context(child("standin", {"size": size_json(SIZE)}, cores.load))
        url = github.told["url"]
        started = [
            await stack.enter_async_context(service(stack.enter_context(folder()), url, cores.server, auth=auth))
            for auth in ("none", "token", "oauth")
        ]
        tokens = [await new_token(started[1].config, cores.load), await new_access_token(started[2].url)]
        answers = {case.label: await once(started[0].port, raw(case.call, started[0].port)) for case in CASES}
        bare = await stack.enter_async_context(child("bare", {"answers": _encoded(answers)}, cores.server))
        frameworks = {
            name: await stack.enter_async_context(child(name, _results(answers), cores.server))
            for name in ("sdk", "fast")
            if name != "fast" or has_fastmcp
        }
        for name, its in frameworks.items():
            await _agree(name, its, answers)
        cases = {
            case.label: _variants(case, count, len(answers[case.label]), started, tokens, bare, frameworks)
            for case in CASES
        }
        everything = [variant for variants in cases.values() for variant in variants]
        for at in range(rounds):
            for variant in everything[at % 2 :: 2] + everything[1 - at % 2 :: 2]:
                cost = await slice_of(variant.port, variant.request, variant.count, variant.pid, variant.expect)
                variant.cpu_s.append(cost.cpu_s)
                variant.answered_s += cost.answered_s
    figures = [figure for label, variants in cases.items() for figure in _figures(label, variants, len(answers[label]))]
    why = 'fastmcp is not installed: pip install "fastmcp>=4.1"'
    return figures if has_fastmcp else [*figures, Figure("FastMCP", None, "µs", note=why)]


async def _agree(name: str, server: Child, answers: Mapping[str, bytes]) -> None:
    """Every answer of a framework says what ours says. It may well refuse with 200: that would be cheap.

    Raises: WrongAnswer.
    """
    for case in CASES:
        answer = await once(server.told["port"], raw(case.call, server.told["port"]))
        if _said(answer) != _said(answers[case.label]):
            raise WrongAnswer(f"{name}, {case.label}: {answer[:300]!r}")


def _said(answer: bytes) -> object:
    """What a question was about; names and versions of servers, and how long an answer keeps, are each server's own."""
    result = orjson.loads(answer).get("result", {})
    return (
        result.get("content"),
        result.get("structuredContent"),
        [tool["inputSchema"] for tool in result.get("tools", ())],
    )


def _variants(
    case: _Case,
    count: int,
    length: int,
    services: Sequence[Running],
    tokens: Sequence[str],
    bare: Child,
    frameworks: Mapping[str, Child],
) -> list[_Variant]:
    plain, *guarded = services
    expect = Expect(length=length)
    name = _path(case.label)
    found = [
        _Variant(
            "bare",
            bare.told["port"],
            bare.pid,
            raw(case.call, bare.told["port"], f"/{name}"),
            count,
            Expect(length=length),
        ),
        *(
            _Variant(name, its.told["port"], its.pid, raw(case.call, its.told["port"]), count // 4, Expect())
            for name, its in frameworks.items()
        ),
    ]
    kernel = case.call if case.odd is None else case.odd
    found.append(_Variant("kernel", plain.port, plain.pid, raw(kernel, plain.port), count // 3, expect))
    if case.odd is not None:
        found.append(_Variant("hot", plain.port, plain.pid, raw(case.call, plain.port), count, expect))
        for server, its, token in zip(("hot, token", "hot, signed in"), guarded, tokens, strict=True):
            asked = raw(case.call, its.port, Authorization=f"Bearer {token}")
            found.append(_Variant(server, its.port, its.pid, asked, count, expect))
    return found


def _figures(label: str, variants: Sequence[_Variant], length: int) -> list[Figure]:
    by_server = {variant.server: variant for variant in variants}
    bare_us = by_server["bare"].median_us
    told = {
        "hot": (f"{label}: hot path", HOT),
        "hot, token": (f"{label}: hot path, token", HOT),
        "hot, signed in": (f"{label}: hot path, signed in", HOT),
        "kernel": (f"{label}: kernel", KERNEL),
        "sdk": (f"{label}: SDK's app", None),
        "fast": (f"{label}: FastMCP", None),
    }
    figures = []
    for server, (what, promise) in told.items():
        variant = by_server.get(server)
        if variant is not None:
            rate = f"{1 / statistics.median(variant.cpu_s):,.0f} a CPU second"
            figures.append(
                Figure(what, variant.median_us, "µs", bare_us, f"bare, {length:,} bytes", promise, "ratio", rate)
            )
    return [*figures, *_verifying(label, by_server)]


def _verifying(label: str, by_server: Mapping[str, _Variant]) -> list[Figure]:
    """What it costs to know who asks: whole calls, beside the same call of a service that lets everybody in."""
    if "hot" not in by_server:
        return []
    told = {"hot, token": "an API token's", "hot, signed in": "a signed-in person's"}
    return [
        Figure(
            f"{label}: {whose} call",
            by_server[server].median_us,
            "µs",
            by_server["hot"].median_us,
            "the same without authentication",
            VERIFYING,
            "ratio",
        )
        for server, whose in told.items()
    ]


def _path(label: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in label)


def _encoded(answers: Mapping[str, bytes]) -> dict[str, str]:
    return {_path(label): base64.b64encode(body).decode() for label, body in answers.items()}


def _results(answers: Mapping[str, bytes]) -> dict[str, object]:
    """What the frameworks answer with: the results of the earlier era, to which they add what the later one wants."""
    results = {label: orjson.loads(body)["result"] for label, body in answers.items()}
    return {
        "tools": results["tools/list, 2025-11-25"],
        "results": {question: results[f"{question}, 2025-11-25"] for question in ("list", "fetch")},
    }
