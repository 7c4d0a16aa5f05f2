"""Owns how the pages look: two palettes, one accent in each, and the one style sheet that is part of every page. Pure.

The sheet is a constant, so that its digest can stand in the Content-Security-Policy. Colours are only in the palettes; a test
works out the contrast of each text on each ground (https://www.w3.org/TR/WCAG22/#contrast-minimum).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as ``#rrggbb``. ``edge`` bounds what can be pressed and is seen as such; ``line`` only parts things."""

    ground: str
    panel: str
    wash: str
    text: str
    muted: str
    line: str
    edge: str
    accent: str
    pressed: str
    on_accent: str

    def declared(self) -> str:
        return " ".join(f"--{field.name.replace('_', '-')}: {getattr(self, field.name)};" for field in fields(self))


LIGHT: Final = Palette(
    ground="#f7f6f2",
    panel="#ffffff",
    wash="#e6f0ee",
    text="#1b1c1a",
    muted="#5b5c57",
    line="#dfddd5",
    edge="#868780",
    accent="#0d5c56",
    pressed="#0a4743",
    on_accent="#ffffff",
)
DARK: Final = Palette(
    ground="#131615",
    panel="#1b1f1e",
    wash="#18302d",
    text="#ecedea",
    muted="#a9ada9",
    line="#313634",
    edge="#757b78",
    accent="#7ed0c4",
    pressed="#a4e0d7",
    on_accent="#06211e",
)

_RULES: Final = """\
*, *::before, *::after { box-sizing: border-box; }
html { background: var(--ground); color: var(--text); -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 32.5rem; padding: clamp(1.5rem, 6vh, 4.5rem) 1.25rem 2.5rem;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  overflow-wrap: anywhere; }
h1, h2, p, dl, dd { margin: 0; }
p { text-wrap: pretty; }
h1 { font-size: clamp(1.625rem, 1.4rem + 1.4vw, 2.125rem); line-height: 1.2; letter-spacing: -0.02em; font-weight: 650;
  text-wrap: balance; }
h2 { font-size: 1rem; line-height: 1.4; font-weight: 650; }
b { font-weight: 650; }
.house { display: flex; align-items: center; gap: 0.625rem; margin-bottom: 1.75rem; font-size: 0.9375rem; font-weight: 600; }
.house svg { flex: none; width: 2.75rem; height: 0.875rem; color: var(--accent); }
.lead { margin-top: 0.75rem; font-size: 1.0625rem; }
.hint, dt, footer { color: var(--muted); font-size: 0.875rem; line-height: 1.5; }
.hint { display: block; }
.panel { margin-top: 1.75rem; overflow: hidden; background: var(--panel); border: 1px solid var(--line); border-radius: 0.75rem; }
dl > div, .panel > h2, .panel > p, .note { padding: 0.8125rem 1.125rem; }
dl > div + div { border-top: 1px solid var(--line); }
.panel > h2 + p { padding-top: 0; margin-top: -0.5rem; }
dd bdi { font-weight: 650; }
.name { font-size: 1.1875rem; line-height: 1.35; }
.note { background: var(--wash); border-top: 1px solid var(--line); }
.note p { margin-top: 0.125rem; }
form { margin-top: 1.75rem; }
button { display: block; width: 100%; min-height: 3rem; margin-top: 0.75rem; padding: 0.625rem 1rem;
  border: 1px solid var(--edge); border-radius: 0.625rem; background: var(--panel); color: var(--text);
  font: inherit; font-weight: 600; line-height: 1.35; overflow-wrap: anywhere; cursor: pointer;
  transition: background-color 120ms, border-color 120ms; }
button:hover { border-color: var(--accent); background: var(--wash); }
.one { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
.one:hover { border-color: var(--pressed); background: var(--pressed); }
.deny { border-color: transparent; background: transparent; text-decoration: underline; text-underline-offset: 0.2em;
  text-decoration-color: var(--edge); }
.deny:hover { border-color: transparent; text-decoration-color: currentcolor; }
:focus-visible { outline: 0.1875rem solid var(--accent); outline-offset: 0.1875rem; }
code { font: 0.9375em ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; color: var(--text); }
footer { margin-top: 1.5rem; }
@media (min-width: 28rem) {
  dl > div { display: grid; grid-template-columns: 9.5rem 1fr; align-items: baseline; }
}
@media (prefers-reduced-motion: reduce) { button { transition: none; } }"""

STYLE: Final = (
    f":root {{ color-scheme: light dark; {LIGHT.declared()} }}\n"
    f"@media (prefers-color-scheme: dark) {{ :root {{ {DARK.declared()} }} }}\n{_RULES}"
)
"""What stands between ``<style>`` and ``</style>``, but for the line breaks at both ends."""
