"""Spans around pulls, publications, questions and saves: where somebody traces, and nothing at all where nobody does."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from structlog.testing import capture_logs

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.catalog.change.wishes import Bump, Part
from skillport_sync.errors import Denied
from skillport_sync.observing.traces import tracing
from skillport_sync.ports import MarketplaceName
from skillport_sync.spans import Fact, noted, span, trace_with
from skillport_sync.sync.saves import Wanted

ACME = MarketplaceName("acme/skills")
Watch = Any
Wire = Any


class Tree:
    """Somebody who traces: every span with its facts, below the one that it was begun in."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str | None, dict[str, Fact]]] = []
        self._open: list[tuple[str, dict[str, Fact]]] = []

    @contextmanager
    def begin(self, name: str, facts: dict[str, Fact]) -> Iterator[None]:
        self.spans.append((name, self._open[-1][0] if self._open else None, facts))
        self._open.append((name, facts))
        try:
            yield
        finally:
            self._open.pop()

    def note(self, facts: dict[str, Fact]) -> None:
        if self._open:
            self._open[-1][1].update(facts)

    def facts_of(self, name: str) -> dict[str, Fact]:
        (found,) = [facts for each, _, facts in self.spans if each == name]
        return found


@pytest.fixture
def tree() -> Iterator[Tree]:
    tree = Tree()
    trace_with(tree.begin, tree.note)
    yield tree
    trace_with(None, None)


def test_where_nobody_traces_a_span_is_nothing() -> None:
    with span("skillport.pull", marketplace="acme") as nothing:
        noted(outcome="ok")
    assert nothing is None


async def test_a_pull_is_a_span_and_its_publication_one_inside(watch: Watch, tree: Tree) -> None:
    commit = await watch.publishes("1.0.0")
    assert [(name, parent) for name, parent, _ in tree.spans] == [
        ("skillport.pull", None),
        ("skillport.publish", "skillport.pull"),
    ]
    facts = tree.facts_of("skillport.pull")
    assert facts["skillport.marketplace"] == ACME
    assert (facts["skillport.outcome"], facts["skillport.cause"]) == ("published", "push")
    assert facts["skillport.commit"] == commit


async def test_a_save_that_nothing_can_come_of_is_no_span(watch: Watch, tree: Tree) -> None:
    ada = Principal(PrincipalId("google:ada"), "Ada")
    with pytest.raises(Denied):
        await watch.parts.savers[ACME].save(Wanted(ada, Bump("pdf", Part.MINOR), "docs/pdf"))
    assert tree.spans == []


async def test_a_question_is_a_span_only_where_it_goes_the_long_way(wire: Wire, tree: Tree) -> None:
    for _ in range(3):
        await wire.call({"query": "pdf"})
    assert [name for name, _, _ in tree.spans] == ["skillport.query"]
    assert tree.facts_of("skillport.query") == {
        "skillport.surface": "mcp",
        "skillport.operation": "list",
        "skillport.outcome": "ok",
    }


@pytest.mark.parametrize(
    "environment",
    [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}],
    ids=["nothing said", "empty", "switched off"],
)
def test_nothing_is_traced_where_the_environment_does_not_ask_for_it(environment: dict[str, str]) -> None:
    with tracing(environment) as traces:
        assert not traces


def test_an_endpoint_without_the_sdk_is_said_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)  # as where the extra is not installed
    with capture_logs() as said, tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) as traces:
        assert not traces
    assert [line["event"] for line in said] == ["tracing_off"]
    assert "skillport-sync[otel]" in said[0]["reason"]


# --- with the SDK ----------------------------------------------------------------------------------------------------


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[bytes]]]:
    """An OpenTelemetry collector: its endpoint, and the bodies that it was sent."""
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield endpoint, bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_reach_a_collector_with_codes_and_without_words(collector: tuple[str, list[bytes]]) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")
    messages = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    endpoint, bodies = collector
    with tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}) as traces:
        assert traces
        with span("skillport.pull", marketplace="acme"), span("skillport.publish", commit=None):
            noted(outcome="published")
        with pytest.raises(Denied), span("skillport.save"):
            raise Denied("ada may not write docs/salaries", code="denied")
    assert span("skillport.pull") is span("skillport.save")  # nobody traces any more: both are the same nothing
    sent = [
        (each, resource.resource)
        for body in bodies
        for resource in messages.ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for each in scope.spans
    ]
    by_name = {each.name: each for each, _ in sent}
    assert len(sent) == len(by_name) == 3
    assert by_name["skillport.publish"].parent_span_id == by_name["skillport.pull"].span_id
    facts = {fact.key: fact.value.string_value for fact in by_name["skillport.publish"].attributes}
    assert facts == {"skillport.outcome": "published"}
    assert by_name["skillport.save"].status.message == "denied"
    assert not by_name["skillport.save"].events
    assert b"salaries" not in b"".join(bodies)
    assert {fact.value.string_value for fact in sent[0][1].attributes if fact.key == "service.name"} == {
        "skillport-sync"
    }
