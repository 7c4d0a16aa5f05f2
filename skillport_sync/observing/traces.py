"""Owns the spans' way out: OpenTelemetry, where its SDK is installed (``skillport-sync[otel]``) and an endpoint is configured.

The variables are OpenTelemetry's own, and its SDK reads the rest of them:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. Spans carry marketplaces, codes and commits;
of an error its code only.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

import structlog
from opentelemetry.trace import Status, StatusCode, Tracer, get_current_span

from skillport_sync import __version__
from skillport_sync.errors import SkillportError
from skillport_sync.spans import Fact, trace_with

log = structlog.get_logger(__name__)

SERVICE: Final = "skillport-sync"
_NOT_INSTALLED: Final = "OpenTelemetry's SDK is not installed: pip install 'skillport-sync[otel]'"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class _Provider(Protocol):
    """What is used of the SDK's ``TracerProvider``."""

    def get_tracer(self, name: str, version: str) -> Tracer: ...
    def add_span_processor(self, processor: object) -> None: ...
    def shutdown(self) -> None: ...


@contextmanager
def tracing(environment: Mapping[str, str]) -> Iterator[bool]:
    """Send spans where the environment says, until left; then what waits is sent. False where it does not say, or cannot."""
    endpoint = next((environment[name] for name in _ENDPOINTS if environment.get(name)), None)
    if endpoint is None or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield False
        return
    try:
        provider = _provider(environment)
    except ImportError as error:
        log.warning("tracing_off", reason=_NOT_INSTALLED, missing=error.name)
        yield False
        return
    _trace_with(provider.get_tracer(SERVICE, __version__))
    try:
        yield True
    finally:
        trace_with(None, None)
        provider.shutdown()


def _provider(environment: Mapping[str, str]) -> _Provider:
    """The SDK's, with one exporter. Found by name, because it is not always there."""
    trace = importlib.import_module("opentelemetry.sdk.trace")
    export = importlib.import_module("opentelemetry.sdk.trace.export")
    resources = importlib.import_module("opentelemetry.sdk.resources")
    otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    named = {} if environment.get("OTEL_SERVICE_NAME") else {"service.name": SERVICE}
    resource = resources.Resource.create({**named, "service.version": __version__})
    provider: _Provider = trace.TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    return provider


def _trace_with(tracer: Tracer) -> None:
    @contextmanager
    def begin(name: str, facts: dict[str, Fact]) -> Iterator[None]:
        # An exception's text and its traceback stay here: the log has them, without what looks like a secret.
        with tracer.start_as_current_span(
            name, attributes=facts, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except Exception as error:
                code = error.code if isinstance(error, SkillportError) else type(error).__name__
                span.set_status(Status(StatusCode.ERROR, code))
                raise

    def note(facts: dict[str, Fact]) -> None:
        get_current_span().set_attributes(facts)

    trace_with(begin, note)
