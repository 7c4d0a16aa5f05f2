"""Owns the page on which one says who to be. Plain, without a script; it is a stand-in's and says so."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from skillport_sync.standin.identity.people import Person

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 12vh auto 0; padding: 0 1.25rem; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; }
p { margin: 0 0 1.5rem; opacity: .75; }
button { display: block; width: 100%; margin: 0 0 .6rem; padding: .7rem 1rem; font: inherit; text-align: left;
  border: 1px solid currentColor; border-radius: .5rem; background: transparent; color: inherit; cursor: pointer; }
button:hover, button:focus-visible { outline: 2px solid; outline-offset: 2px; }
button span { display: block; font-size: .85rem; opacity: .75; }
button.no { border-color: transparent; text-align: center; }
"""

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}


def choose(people: Iterable[Person], *, ticket: str, action: str, client_id: str) -> str:
    """A button for each, and one to leave."""
    buttons = "\n".join(
        f'<button name="person" value="{escape(person.id)}">{escape(person.name)}<span>{escape(person.email)}</span>'
        "</button>"
        for person in people
    )
    return _page(
        "Who are you?",
        f"This is a stand-in for your company's sign-in, on this machine only. {escape(client_id)} wants to know who you are.",
        f"""<form method="post" action="{escape(action)}">
<input type="hidden" name="ticket" value="{escape(ticket)}">
{buttons}
<button class="no" name="person" value="">Nobody, go back</button>
</form>""",
    )


def refused(why: str) -> str:
    """A request that must not be answered with a redirect."""
    return _page("This request is wrong", escape(why), "")


def _page(title: str, words: str, rest: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: stand-in sign-in</title><style>{_STYLE}</style></head>
<body><main><h1>{title}</h1><p>{words}</p>
{rest}
</main></body></html>
"""
