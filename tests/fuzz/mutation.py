"""Owns how a valid input is spoiled: bytes, text, JSON, forms. Everything follows from the dice that are handed in.

Random bytes rarely get past the first check of a parser; what is nearly right does. So all begins with something valid, of which
one to four places are made odd.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final
from urllib.parse import quote

ODD_TEXTS: Final = (
    "", " ", "\0", "a\0b", "\n", "\r\n", "\t", "\x1b[31m", "\x7f", "\u0085", "\u2028", "\u202e", "\ufeff", "\ufffd", "\ufffe",
    "\U000e0041", "\U0010ffff", "é", "e\u0301", "ǆ", "ß", "İ", "☃", "👩‍👩‍👧", "٣", "²", "½", "..", ".", "/", "//", "../..",
    "/etc/passwd",
    "C:\\x", "a/b", "a@b", "@", "*", "a*", "**", "a/*/b", "~", "-", "--", "-rf", "$(id)", "`id`", "';--", '"', "'", "\\",
    "{}", "[]", "<b>",
    "&amp;", "%", "%00", "%2e%2e", "%ff", "{{", "null", "true", "NaN", "Infinity", "-0", "1e999", "0x1f", "__proto__",
    "CON", "nul.txt",
    ".git", ".GIT", "SKILL.md", "skill.md", "plugins/writing", "a" * 300, "a" * 5_000, "ab/" * 200, "../" * 50, "[" * 100,
)  # fmt: skip
ODD_NUMBERS: Final = (
    0, 1, -1, 2, 7, 255, 256, 65_536, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 0.5, -0.0,
    1e308, 1e-320,
)  # fmt: skip
ODD_BYTES: Final = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80", b"\r",
    b"\n", b"\r\n", b"\n\n",
    b"---", b"--- \n", b"...", b": ", b" #", b"- ", b"? ", b"&a ", b"*a", b"!!python/object", b"<<: *a", b"|\n", b">-\n",
    b"%YAML 1.1\n", b"'", b'"',
    b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\\x", b"1e999", b"9" * 400, b"[" * 2_000,
    b'{"a":' * 1_500, b"//", b"/*",
    b"true", b"NaN", b"\t", b" " * 500, b"\xc2\xa0", b"\xe2\x80\xa8", b"a" * 3_000, b"=", b"&", b"%", b"%f", b"+", b";",
)  # fmt: skip


def of(rng: Random, choices: Sequence[Any]) -> Any:
    return choices[rng.randrange(len(choices))]


def odd_text(rng: Random) -> str:
    """A text that is like no other; never with a lone surrogate, which no UTF-8 can carry."""
    kind = rng.random()
    if kind < 0.7:
        return str(of(rng, ODD_TEXTS))
    if kind < 0.85:
        return "".join(str(of(rng, ODD_TEXTS)) for _ in range(rng.randint(2, 4)))
    codes = (
        rng.choice((rng.randrange(0x80), rng.randrange(0xD800), rng.randrange(0xE000, 0x110000))) for _ in range(6)
    )
    return "".join(map(chr, codes))


def odd_json(rng: Random, depth: int = 0) -> Any:
    """Any JSON."""
    kind = rng.randrange(9 if depth < 3 else 6)
    match kind:
        case 0:
            return None
        case 1:
            return rng.random() < 0.5
        case 2:
            return of(rng, ODD_NUMBERS)
        case 3 | 4 | 5:
            return odd_text(rng)
        case 6:
            return [odd_json(rng, depth + 1) for _ in range(rng.randrange(4))]
        case _:
            return {odd_text(rng): odd_json(rng, depth + 1) for _ in range(rng.randrange(4))}


def spoiled_text(rng: Random, text: str) -> str:
    """The text with something odd in it, or in its place."""
    if rng.random() < 0.35:
        return odd_text(rng)
    at = rng.randint(0, len(text))
    return text[:at] + odd_text(rng) + text[at + rng.randrange(3) :]


def spoiled_bytes(rng: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """The bytes with one to four places spoiled; ``others`` are what parts are taken from."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        at = rng.randint(0, len(made))
        end = min(len(made), at + rng.choice((0, 1, 1, 2, 4, 16, 200)))
        match rng.randrange(8):
            case 0 if at < len(made):
                made[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(made):
                made[at] = rng.randrange(256)
            case 2:
                del made[at:end]
            case 3:
                made[at:at] = made[at:end] * rng.choice((1, 1, 2, 50))
            case 4 | 5:
                made[at:end] = of(rng, ODD_BYTES)
            case 6 if others:
                other = of(rng, others)
                start = rng.randint(0, len(other))
                made[at:end] = other[start : start + rng.randrange(400)]
            case 7:
                del made[at if rng.random() < 0.5 else end :]
            case _:
                made[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(made)


def spoiled_json(rng: Random, value: Any, words: Sequence[str] = ()) -> Any:
    """A copy of the document with one to four places spoiled; ``words`` are keys and texts that mean something to its reader."""
    document = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        document = _spoiled_once(rng, document, words)
    return document


def spoiled_below(rng: Random, value: dict[str, Any], key: str, words: Sequence[str] = ()) -> dict[str, Any]:
    """The document with what stands at ``key`` spoiled, and the rest left as it is."""
    return {**value, key: spoiled_json(rng, value[key], words)}


def _spoiled_once(rng: Random, document: Any, words: Sequence[str]) -> Any:
    places = [([], document), *_places(document)]
    path, value = of(rng, places)
    if not path:
        if rng.random() < 0.1:
            return odd_json(rng)
        return _grown(rng, document, words) if isinstance(document, dict) else document
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    key = path[-1]
    match rng.randrange(8):
        case 0 | 1:
            holder[key] = odd_json(rng)
        case 2 if isinstance(value, str):
            holder[key] = spoiled_text(rng, value)
        case 3 if words:
            holder[key] = of(rng, words)
        case 4:
            del holder[key]
        case 5 if isinstance(holder, dict):
            holder[str(of(rng, words)) if words and rng.random() < 0.5 else odd_text(rng)] = holder.pop(key)
        case 6 if isinstance(value, list) and value:
            holder[key] = [copy.deepcopy(value[0]) for _ in range(rng.choice((2, 3, 300)))]
        case 6 if isinstance(value, dict):
            holder[key] = _grown(rng, value, words)
        case 7:
            holder[key] = copy.deepcopy(of(rng, places)[1])  # what stands elsewhere
        case _:
            holder[key] = [value]
    return document


def _grown(rng: Random, value: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
    name = str(of(rng, words)) if words and rng.random() < 0.7 else odd_text(rng)
    return {**value, name: odd_json(rng)}


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Sequence[Any], Any]]:
    """Every place below the top, as far as a thousand."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    found: list[tuple[Sequence[Any], Any]] = []
    for key, below in items:
        found.append(((*path, key), below))
        found += _places(below, (*path, key))
        if len(found) > 1_000:
            break
    return found


def as_json(rng: Random, value: Any) -> bytes:
    """The document in bytes, now and then with layout, escapes or damage that no serializer would make."""
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, None, 2)))
    data = text.encode("utf-8", "surrogatepass")
    kind = rng.random()
    if kind < 0.08:
        return spoiled_bytes(rng, data)
    if kind < 0.10 and data.startswith(b"{") and len(data) > 2:
        return data[:-1].rstrip() + b"," + data[1:]  # every key twice
    return data


def as_form(rng: Random, fields: Mapping[str, str]) -> bytes:
    """The form in bytes, some of it twice, unescaped, or damaged."""
    pairs = [(name, value) for name, value in fields.items()]
    if pairs and rng.random() < 0.1:
        pairs.append(of(rng, pairs))
    escape: Callable[[str], str] = (lambda text: text) if rng.random() < 0.05 else (lambda text: quote(text, safe=""))
    data = "&".join(f"{escape(name)}={escape(value)}" for name, value in pairs).encode("utf-8", "replace")
    return spoiled_bytes(rng, data) if rng.random() < 0.1 else data


def spoiled_fields(
    rng: Random, fields: Mapping[str, str], values: Sequence[str] = (), names: Sequence[str] = ()
) -> dict[str, str]:
    """The fields with some left out, exchanged or made odd."""
    made = dict(fields)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        name = str(of(rng, [*made, *names])) if made or names else odd_text(rng)
        match rng.randrange(5):
            case 0:
                made.pop(name, None)
            case 1:
                made[name] = odd_text(rng)
            case 2:
                made[name] = spoiled_text(rng, made.get(name, ""))
            case 3 if values:
                made[name] = str(of(rng, values))
            case _:
                made[odd_text(rng)] = made.get(name, "")
    return made


def printable(text: str) -> str:
    """What a proxy would pass on of a header: control characters are no HTTP, and refused before anybody looks at them."""
    return "".join(letter for letter in text if letter >= " " and letter != "\x7f")[:4_000].strip()
