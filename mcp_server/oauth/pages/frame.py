"""Owns what every page has around its text: the document, its style, and the headers that it must be sent with. Pure."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from mcp_server.oauth.pages.markup import Html, element
from mcp_server.oauth.pages.style import STYLE

HOUSE: Final = "Skillport Sync"

_STYLE_TEXT: Final = f"\n{STYLE}\n"
_STYLE_DIGEST: Final = b64encode(hashlib.sha256(_STYLE_TEXT.encode()).digest()).decode("ascii")

PAGE_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Type": "text/html; charset=utf-8",
        # No form-action: Chromium holds the redirects behind a submit against it, and those lead to a provider and on to an
        # app. No Cross-Origin-Opener-Policy: an app that opened us in a window of its own waits for that window.
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; frame-ancestors 'none'; base-uri 'none'"
        ),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        # Under no-referrer a browser sends "Origin: null" with the form (https://fetch.spec.whatwg.org/#append-a-request-origin-header;
        # seen in Chromium 150), and a submit from elsewhere could not be told from ours. This one never tells a path or a query.
        "Referrer-Policy": "strict-origin",
        "Cache-Control": "no-store",
    }
)


class Mark(Enum):
    """The two ends of a connection, at the head of every page: how far they have come."""

    ASKED = '<circle cx="37" cy="7" r="5.5"/><path d="M17 7h11" stroke-linecap="round" stroke-dasharray="0 5"/>'
    CONNECTED = '<circle cx="37" cy="7" r="5.5" fill="currentColor"/><path d="M7 7h30"/>'
    APART = '<circle cx="37" cy="7" r="5.5"/>'

    @property
    def svg(self) -> Html:
        return Html(
            '<svg viewBox="0 0 44 14" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true">'
            f'<circle cx="7" cy="7" r="5.5" fill="currentColor"/>{self.value}</svg>'
        )


def document(title: str, mark: Mark, *main: str, footer: str = "") -> bytes:
    """A whole page, in UTF-8; a half of a character that slipped through becomes a question mark."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="robots", content="noindex"),
        element("title", f"{title} · {HOUSE}"),
        Html(f"<style>{_STYLE_TEXT}</style>"),
    )
    body = element(
        "body",
        element("header", element("p", mark.svg, element("span", HOUSE), class_="house")),
        element("main", *main),
        element("footer", footer) if footer else "",
    )
    page = f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"
    return page.encode("utf-8", "replace")
