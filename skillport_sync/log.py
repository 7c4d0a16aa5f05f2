"""Owns the log: one line for each event, for machines (JSON) or people (console), and no secret in any of them.

Everything goes one way: structlog's events and those of the libraries alike pass the same redaction before they are written
to stderr. Parts log through ``structlog.get_logger``; only whoever starts a process calls ``configure_logging``.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from skillport_sync.config.settings import LogSettings

REDACTED = "***"

QUIET = (
    "aiosqlite",
    "apscheduler",
    "asyncio",
    "authlib",
    "gidgethub",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "joserfc",
    "mcp",
    "urllib3",
)
"""Libraries that say at DEBUG or INFO what must not be said (SQL parameters, tokens, URLs) or what nobody asked for."""
SILENT = ("aiohttp.access",)
"""Prints query strings, which may hold a one-time token. Each surface writes its own line."""

PULLS = "skillport_sync.sync.report"
"""The logger of the one canonical line of a pull."""

_SECRET_WORDS = frozenset(
    {
        "authorization",
        "cookie",
        "credential",
        "credentials",
        "password",
        "secret",
        "secrets",
        "signature",
        "token",
        "tokens",
        "verifier",
    }
)
_NAMED_AFTER = frozenset({"count", "expires", "file", "files", "id", "ids", "label", "name", "path", "prefix", "type"})
"""What a key may end in and still not hold the secret itself: ``token_id``, ``secret_file``."""

_SECRET_SHAPES = re.compile(
    r"""
      gh[pousr]_[A-Za-z0-9._-]{8,}                                   # GitHub's tokens; installation tokens hold dots
    | github_pat_\w{8,}
    | sps_[A-Za-z0-9_-]{8,} | sp_(?:ac|api|at|br|ed|fm|in|rt|st|tx)_[A-Za-z0-9_-]{8,}      # ours
    | sk_(?:api|install|edit)_[A-Za-z0-9_-]{4,}                      # the predecessor's, which its clients may still send
    | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*        # JSON web tokens
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*-----|$)
    | (?<=[?&;]) (?P<name>(?:access_|refresh_|id_)?token|client_secret|secret|code|code_verifier|state|nonce|sig|signature
        |password) = [^&\s"'<>\\]+
    | (?<=\b[Bb]earer[ ]) [A-Za-z0-9._~+/=-]{8,}
    | (?<=://) [^/\s:@"'\\]+ : [^/\s@"'\\]+ (?=@)                    # user:password@ in a URL
    """,
    re.VERBOSE | re.DOTALL,
)


def configure_logging(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send every log line of this process to ``stream`` (stderr, whatever it is at that moment, when None). Again replaces."""
    target = stream or sys.stderr
    renderer: Processor = structlog.processors.JSONRenderer(serializer=_as_json)
    if (settings.format or ("console" if target.isatty() else "json")) == "console":
        renderer = structlog.dev.ConsoleRenderer(
            colors=target.isatty(),
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,
            timestamp_key="at",
        )
    _install(logging.getLevelNamesMapping()[settings.level.upper()], renderer, stream)


def configure_warnings() -> None:
    """The log of a command that answers on stdout: what its user should know besides, a sentence each, on stderr."""
    _install(logging.WARNING, _as_sentence, None)
    # What came of a pull that a command asked for is that command's answer.
    logging.getLogger(PULLS).setLevel(logging.CRITICAL)


def _as_json(event: EventDict, **_structlogs: object) -> str:
    import orjson  # deferred: no command needs it to say what is wrong

    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair, a number beyond 64 bits: rare, and no reason to lose the line
        return json.dumps(event, default=str)


def _install(level: int, renderer: Processor, stream: TextIO | None) -> None:
    logging.getLogger(PULLS).setLevel(logging.NOTSET)
    # Nobody prints these, and looking them up costs a fifth of a line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    facts: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    )
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*facts, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Plain tracebacks: the rich ones print local variables, which are where secrets live.
                structlog.processors.format_exc_info,
                redact_keys,
                _ordered,
                _redacted(renderer),
            ],
        )
    )
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in SILENT:
        logging.getLogger(name).disabled = True
    logging.getLogger("aiohttp.server").addFilter(_is_our_fault)
    structlog.configure(
        processors=[*facts, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _is_our_fault(record: logging.LogRecord) -> bool:
    """False for bytes that are no HTTP, which aiohttp answers with 400 and a traceback each, and for whoever hangs up before the
    answer: anybody can do either a million times."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not (kind.__module__ == "aiohttp.http_exceptions" or issubclass(kind, ConnectionError))


def redact_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank every value whose key says that it is secret, however deep."""
    return {key: _blanked(key, value) for key, value in event.items()}


def redact(line: str) -> str:
    """Blank what looks like a secret wherever it stands: in messages, tracebacks and URLs of others."""
    return _SECRET_SHAPES.sub(lambda found: f"{found['name']}={REDACTED}" if found["name"] else REDACTED, line)


def _blanked(key: str, value: object) -> object:
    if _names_a_secret(key) and isinstance(value, str | bytes | Mapping | Sequence):
        return REDACTED
    if isinstance(value, Mapping):
        return {inner: _blanked(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple):
        return [_blanked("", each) for each in value]
    return value


@lru_cache(maxsize=1024)
def _names_a_secret(key: str) -> bool:
    words = re.split(r"[^a-z0-9]+", key.lower())
    return not _SECRET_WORDS.isdisjoint(words) and words[-1] not in _NAMED_AFTER


def _ordered(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first = {key: event[key] for key in ("at", "level", "event") if key in event}
    return {**first, **{key: value for key, value in event.items() if key not in first}}


def _as_sentence(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """``warning: secret file exposed: path=…``: an event as it reads among a command's own words."""
    level, name = event.pop("level", "warning"), str(event.pop("event", ""))
    event.pop("at", None)
    traceback = event.pop("exception", None)
    if "said" in event:  # a state of the repository or its webhook, which has words of its own
        return f"{level}: {event.get('marketplace')}: {event['said']} ({event.get('code')}); {event.get('to_do')}"
    facts = ", ".join(f"{key}={value}" for key, value in event.items())
    sentence = f"{level}: {name.replace('_', ' ')}{': ' if facts else ''}{facts}"
    return sentence if traceback is None else f"{sentence}\n{traceback}"


def _redacted(renderer: Processor) -> Processor:
    """The last step: the event as it is written, without what looks like a secret."""

    def render(logger: WrappedLogger, method: str, event: EventDict) -> str:
        return redact(str(renderer(logger, method, event)))

    return render


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to the stderr of the moment, and never prints a record that it could not format: that may hold anything."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream or sys.stderr)
        self._follow_stderr = stream is None

    def emit(self, record: logging.LogRecord) -> None:
        if self._follow_stderr:
            self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        error = sys.exc_info()[0]
        print(f"a log line of {record.name} is lost: {error.__name__ if error else 'unknown'}", file=sys.__stderr__)
