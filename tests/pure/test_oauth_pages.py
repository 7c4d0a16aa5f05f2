"""The pages of the sign-in: whole, readable by everybody, and deaf to what strangers put into them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.oauth.pages import (
    PAGE_HEADERS,
    ConnectedPage,
    ConsentPage,
    ProblemPage,
    connected,
    consent,
    outside_text,
    problem,
)
from mcp_server.oauth.pages.markup import Html, element

GOLDEN = Path(__file__).parents[1] / "golden"
TEN_KILOBYTES = 10_000

HOSTED = ConsentPage(
    action="/oauth/consent",
    transaction="sp_tx_example",
    csrf="sp_fm_example",
    client_name="Claude",
    client_host="claude.ai",
    return_host="claude.ai",
    is_loopback=False,
    resource_host="skills.acme.example",
    scopes=("skills",),
    providers=(("google", "Google"), ("microsoft", "Microsoft"), ("okta", "Acme Okta")),
)
LOOPBACK = replace(
    HOSTED,
    client_name="Claude Code (acme)",
    client_host=None,
    return_host="localhost",
    is_loopback=True,
    providers=(("github", "GitHub"),),
)
PROBLEM = ProblemPage(
    title="This sign-in took too long",
    message="More than ten minutes passed since it was begun, so it was closed.",
    what_to_do="Go back to the app and connect again.",
    reference="7f3a9c1e",
    status=400,
)
CONNECTED = ConnectedPage(client_name="Claude Code", person="Ada Lovelace")
PAGES = {
    "page_consent.html": consent(HOSTED),
    "page_consent_loopback.html": consent(LOOPBACK),
    "page_problem.html": problem(PROBLEM),
    "page_connected.html": connected(CONNECTED),
}

HOSTILE = {
    "markup": '</bdi></dd><script>alert(1)</script><img src=x onerror="alert(1)">',
    "attribute": "\"><input name='provider' value='evil'>",
    "entities": "&lt;b&gt; &#60;b&#62; &amp;",
    "direction": "Claude \u202eevil\u202c \u2067x\u2069 \u200f\u061c",
    "no width": "Cl\u200ba\u200cu\u200dd\u2060e\ufeff\u00ad\u034f\u3164\u2800",
    "tags": "Claude\U000e0041\U000e0042\U000e007f",
    "NUL": "Cla\x00ude\x1b[31m\x07\x85",
    "half a character": "Claude \ud83d and \udc00",
    "lines": "Claude\r\n\r\nContent-Type: text/html\u2028\u2029\t\x0b",
    "accents": "Z" + "\u0335\u0301\u0316" * 60,
    "only accents": "\u0301" * 50,
    "selectors": "A\ufe0f\U000e0100\U000e01ef",
    "ten kilobytes": "W" * TEN_KILOBYTES,
    "ten kilobytes of markup": "<" * TEN_KILOBYTES,
    "ten kilobytes of nothing": "\u200b" * TEN_KILOBYTES,
    "a ligature as wide as a line": "\ufdfd" * TEN_KILOBYTES,
    "nothing": "",
}

VOID = {"meta", "input"}
# Every code point, halves of characters included: strangers send those too.
ANY_TEXT = st.text(st.characters(categories=("L", "M", "N", "P", "S", "Z", "C")), max_size=300)


class Reader(HTMLParser):
    """A page as a strict reader takes it in: each element that is opened is closed, in order."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(page.decode("utf-8"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            self.style += data
        else:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def all_of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The page without its words."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]


# What is in each page that others have a say in, set to one text.
REFLECTING: dict[str, Callable[[str], bytes]] = {
    "the name of an app": lambda text: consent(replace(HOSTED, client_name=text)),
    "the host of an app": lambda text: consent(replace(HOSTED, client_host=text)),
    "the host that is returned to": lambda text: consent(replace(LOOPBACK, return_host=text)),
    "a provider's title": lambda text: consent(replace(HOSTED, providers=(("a", text), ("b", "B")))),
    "a scope": lambda text: consent(replace(HOSTED, scopes=("skills", text))),
    "many scopes": lambda text: consent(replace(HOSTED, scopes=tuple(text))),
    "a problem": lambda text: problem(ProblemPage(text, text, text, text, 400)),
    "a person": lambda text: connected(ConnectedPage(text, text)),
}


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_what_was_agreed(name: str) -> None:
    """People read these: a change is a decision. The files are the whole pages."""
    assert PAGES[name].decode() == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_well_formed_and_can_be_read_aloud(name: str) -> None:
    page = Reader(PAGES[name])
    assert PAGES[name].startswith(b"<!DOCTYPE html>\n")
    assert page.all_of("html") == [{"lang": "en"}]
    for once in ("title", "header", "main", "h1"):
        assert len(page.all_of(once)) == 1, once
    headings = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        assert attributes.get("aria-labelledby", next(iter(ids), None)) in [*ids, None]
        if tag in ("section", "form"):
            assert "aria-labelledby" in attributes
    (viewport,) = [each["content"] for each in page.all_of("meta") if each.get("name") == "viewport"]
    assert viewport == "width=device-width, initial-scale=1"  # and nobody is kept from zooming


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_whole_and_has_no_script(name: str) -> None:
    page = Reader(PAGES[name])
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "img", "iframe", "object", "base", "a"})
    for _, attributes in page.elements:
        assert not any(key in ("src", "href", "style", "srcset") or key.startswith("on") for key in attributes)
    assert not re.search(r"@import|url\(|expression|</", page.style)


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_lets_in_the_style_of_the_page_and_nothing_else(name: str) -> None:
    digest = b64encode(hashlib.sha256(Reader(PAGES[name]).style.encode()).digest()).decode()
    assert PAGE_HEADERS["Content-Security-Policy"].split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]


def test_the_headers_keep_a_page_to_itself_and_let_its_form_go_on() -> None:
    assert PAGE_HEADERS["X-Frame-Options"] == "DENY"
    assert PAGE_HEADERS["Cache-Control"] == "no-store"
    assert PAGE_HEADERS["X-Content-Type-Options"] == "nosniff"
    assert PAGE_HEADERS["Content-Type"] == "text/html; charset=utf-8"
    assert PAGE_HEADERS["Referrer-Policy"] == "strict-origin"
    assert "form-action" not in PAGE_HEADERS["Content-Security-Policy"]
    assert "Cross-Origin-Opener-Policy" not in PAGE_HEADERS


def test_the_form_sends_what_it_was_given_and_one_answer() -> None:
    awkward = replace(HOSTED, action="/oauth/consent?a=1&b=\"'<>", transaction="t\"'&<>", csrf="c\"'&<>")
    page = Reader(consent(awkward))
    (form,) = page.all_of("form")
    assert (form["method"], form["action"]) == ("post", awkward.action)
    hidden = {each["name"]: each["value"] for each in page.all_of("input") if each["type"] == "hidden"}
    assert hidden == {"transaction": awkward.transaction, "csrf": awkward.csrf}
    answers = [(each["type"], each["name"], each["value"]) for each in page.all_of("button")]
    assert answers == [
        *(("submit", "provider", name) for name in ("google", "microsoft", "okta")),
        ("submit", "deny", "yes"),
    ]
    assert "Continue with Acme Okta" in page.text


def test_without_a_provider_there_is_only_no() -> None:
    assert [each["name"] for each in Reader(consent(replace(HOSTED, providers=()))).all_of("button")] == ["deny"]


def test_the_question_says_who_asks_and_marks_what_is_only_claimed() -> None:
    text = " ".join(Reader(consent(HOSTED)).text.split())
    assert "Calls itself Claude Its own word. Nobody has checked it." in text
    assert "Describes itself at claude.ai" in text
    assert "Sends you back to claude.ai" in text
    assert "every skill at skills.acme.example that you may read" in text
    assert "computer" not in text


def test_an_app_on_the_persons_own_machine_comes_with_a_warning() -> None:
    text = " ".join(Reader(consent(LOOPBACK)).text.split())
    assert "Did you start this yourself, just now?" in text
    assert "Any program on your computer can claim to be this app." in text
    assert "It registered itself here, as any app may." in text


def test_a_scope_that_nobody_has_words_for_is_shown_by_its_name() -> None:
    known = Reader(consent(replace(HOSTED, scopes=("skills", "offline_access")))).text
    assert "also asks for" not in known
    page = Reader(consent(replace(HOSTED, scopes=("skills", "admin:all", "x<y", "admin:all"))))
    assert "It also asks for: admin:all, x<y." in page.text
    assert "It asks to use skills.acme.example" in Reader(consent(replace(HOSTED, scopes=()))).text


def test_a_problem_says_what_happened_what_to_do_and_what_to_quote() -> None:
    text = Reader(problem(PROBLEM)).text
    assert all(part in text for part in (PROBLEM.title, PROBLEM.message, PROBLEM.what_to_do, "7f3a9c1e"))
    assert "reference" not in Reader(problem(replace(PROBLEM, reference=None))).text


def test_whoever_is_connected_is_told_and_may_leave() -> None:
    text = Reader(connected(CONNECTED)).text
    assert all(part in text for part in ("You are connected", "close this window", "Claude Code", "Ada Lovelace"))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("reflect", REFLECTING.values(), ids=REFLECTING.keys())
def test_hostile_words_stay_words(reflect: Callable[[str], bytes], text: str) -> None:
    check_that_words_stay_words(reflect, text)


@pytest.mark.parametrize("reflect", REFLECTING.values(), ids=REFLECTING.keys())
@given(text=ANY_TEXT)
def test_no_words_at_all_change_the_shape_of_a_page(reflect: Callable[[str], bytes], text: str) -> None:
    check_that_words_stay_words(reflect, text)


def check_that_words_stay_words(reflect: Callable[[str], bytes], text: str) -> None:
    """Exactly the elements that harmless words give, nothing unseen in them, and not much more of it."""
    page = reflect(text)
    shapes = [Reader(reflect(harmless)).shape for harmless in ("harmless", "")]
    assert Reader(page).shape in shapes
    assert len(page) < 20_000
    shown = page.decode()
    assert all(
        char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for char in shown
    )


@given(st.sampled_from(sorted(REFLECTING)), ANY_TEXT)
def test_every_bracket_and_quote_of_a_stranger_is_escaped(field: str, text: str) -> None:
    ours = REFLECTING[field]("harmless").decode()
    theirs = REFLECTING[field](f"harmless{text}").decode()
    for mark in '<>"':
        assert theirs.count(mark) == ours.count(mark)


@given(ANY_TEXT | st.sampled_from(sorted(HOSTILE.values())), st.integers(1, 100))
def test_words_are_one_line_of_what_can_be_seen(text: str, max_chars: int) -> None:
    line = outside_text.words(text, max_chars)
    assert len(line) <= max_chars
    assert line == line.strip()
    assert outside_text.words(line, max_chars) == line


@given(st.text(st.characters(min_codepoint=ord("!"), max_codepoint=ord("~")), max_size=80))
def test_plain_words_are_shown_as_they_are(text: str) -> None:
    assert outside_text.words(text, 80) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HOSTILE["direction"], "Claude evil x"),
        (HOSTILE["no width"], "Claude"),
        (HOSTILE["tags"], "Claude"),
        (HOSTILE["NUL"], "Claude[31m"),
        (HOSTILE["half a character"], "Claude and"),
        (HOSTILE["lines"], "Claude Content-Type: text/html"),
        (HOSTILE["only accents"], ""),
        (HOSTILE["ten kilobytes"], "W" * 79 + "…"),
        (HOSTILE["ten kilobytes of nothing"], ""),
        ("Zu\u0308rich  \u05e9\u05dc\u05d5\u05dd", "Zürich \u05e9\u05dc\u05d5\u05dd"),
        ("नमस्ते ไม่เป็นไร", "नमस्ते ไม่เป็นไร"),
    ],
)
def test_words_lose_what_cannot_be_seen_and_keep_what_can(text: str, line: str) -> None:
    assert outside_text.words(text, 80) == line


def test_a_letter_with_dozens_of_accents_keeps_three() -> None:
    line = outside_text.words(HOSTILE["accents"], 80)
    assert sum(unicodedata.category(char) == "Mn" for char in line) == 3


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("claude.ai", "claude.ai"),
        ("cIaude.ai", "ciaude.ai"),
        ("xn--80ak6aa92e.com", "xn--80ak6aa92e.com"),
        ("\u0430pple.com", "\ufffdpple.com"),
        ("claude.ai\u2044x.evil.example", "claude.ai\ufffdx.evil.example"),
        ("[::1]:8080", "[::1]:8080"),
        ("a b<\u202e\x00", "a\ufffdb\ufffd\ufffd\ufffd"),
    ],
)
def test_a_host_is_shown_as_it_is_compared(name: str, shown: str) -> None:
    assert outside_text.host(name) == shown


@given(ANY_TEXT, st.integers(0, 400))
def test_however_long_a_host_is_its_end_is_shown(text: str, more: int) -> None:
    shown = outside_text.host(text + "claude.ai." * more + "evil.example")
    assert shown.endswith("evil.example")
    assert len(shown) <= outside_text.MAX_HOST_CHARS


def test_text_that_was_glued_together_is_escaped_again() -> None:
    made = element("b", "<")
    assert element("p", made) == "<p><b>&lt;</b></p>"
    assert element("p", f"{made}!") == "<p>&lt;b&gt;&amp;lt;&lt;/b&gt;!</p>"
    assert isinstance(made, Html)


# https://www.w3.org/TR/WCAG22/#contrast-minimum and #non-text-contrast
READABLE, VISIBLE = 4.5, 3.0
SCHEMES = ("light", "dark")
CONTRASTS = [
    *(("text", ground, READABLE) for ground in ("ground", "panel", "wash")),
    *(("muted", ground, READABLE) for ground in ("ground", "panel", "wash")),
    *(("on-accent", ground, READABLE) for ground in ("accent", "pressed")),
    *(("edge", ground, VISIBLE) for ground in ("ground", "panel")),
    *(("accent", ground, VISIBLE) for ground in ("ground", "panel", "wash")),
]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("above", "below", "least"), CONTRASTS, ids=lambda value: str(value))
def test_every_text_stands_out_from_its_ground(scheme: str, above: str, below: str, least: float) -> None:
    colours = palettes()[scheme]
    assert contrast(colours[above], colours[below]) >= least


def test_every_colour_of_the_style_is_one_of_a_palette() -> None:
    style = Reader(PAGES["page_consent.html"]).style
    light, dark = palettes().values()
    assert light.keys() == dark.keys()
    assert set(re.findall(r"var\(--([\w-]+)\)", style)) == light.keys()
    assert sorted(re.findall(r"#[0-9a-fA-F]{3,8}\b", style)) == sorted([*light.values(), *dark.values()])
    assert not re.search(r"\b(rgba?|hsla?|color-mix|opacity)\b", style)


def palettes() -> dict[str, dict[str, str]]:
    """The colours as the style sheet of a page declares them, light first."""
    blocks = re.findall(r":root \{([^}]*)\}", Reader(PAGES["page_consent.html"]).style)
    return {
        scheme: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for scheme, block in zip(SCHEMES, blocks, strict=True)
    }


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
