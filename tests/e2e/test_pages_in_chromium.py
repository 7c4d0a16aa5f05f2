"""The pages of the sign-in as a browser shows them, with the headers they are sent with: looked at, read aloud, and pressed.

Needs a Chromium on the path (Debian: ``apt-get install chromium``); skipped where there is none. Every test leaves its pictures
in its ``tmp_path``. ``python -m tests.pictures`` takes those of the documents anew.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import struct
import subprocess
import tempfile
import zlib
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web

from mcp_server.oauth.pages import (
    PAGE_HEADERS,
    ConnectedPage,
    ConsentPage,
    ProblemPage,
    connected,
    consent,
    problem,
)
from mcp_server.oauth.pages.style import DARK, LIGHT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# It calls nobody; without them it looks for updates at every start.
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--log-level=3",
    "--remote-debugging-port=0",
)
SOON_S = 60.0
WIDE, NARROW = 900, 320

ASKED = ConsentPage(
    action="/oauth/consent",
    transaction="sp_tx_example",
    csrf="sp_fm_example",
    client_name="Claude Code",
    client_host="claude.ai",
    return_host="localhost",
    is_loopback=True,
    resource_host="skills.acme.example",
    scopes=("skills",),
    providers=(("google", "Google"),),
)
PAGES: Mapping[str, bytes] = {
    "consent": consent(ASKED),
    "choice": consent(
        replace(
            ASKED,
            return_host="claude.ai",
            is_loopback=False,
            providers=(("google", "Google"), ("microsoft", "Microsoft"), ("okta", "Acme Okta")),
        )
    ),
    "hostile": consent(
        replace(
            ASKED,
            client_name="<b>Claude</b>\u202e Z" + "\u0335" * 60 + " " + "W" * 10_000,
            client_host="claude.ai." * 20 + "evil.example",
            return_host="xn--80ak6aa92e.example",
            providers=(("x", "M" * 400),),
        )
    ),
    "problem": problem(
        ProblemPage(
            "This sign-in took too long",
            "More than ten minutes passed since it was begun, so it was closed.",
            "Go back to the app and connect again.",
            "7f3a9c1e",
            400,
        )
    ),
    "flood": problem(ProblemPage("T" * 999, "m " * 999, "w" * 999, "r" * 999, 400)),
    "connected": connected(ConnectedPage("Claude Code", "Ada Lovelace")),
}

# For each text that is seen: how far it stands out from the ground it is on, worked out by the colours that are shown.
CONTRASTS = """(() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => parts(colour).slice(0, 3)
    .map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const clear = colour => parts(colour)[3] === 0;
  const found = {};
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim();
    if (!text) continue;
    let ground = texts.currentNode.parentElement;
    const above = getComputedStyle(ground).color;
    while (ground.parentElement && clear(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
    const both = [light(above), light(getComputedStyle(ground).backgroundColor)].sort((a, b) => a - b);
    found[text.slice(0, 40)] = (both[1] + 0.05) / (both[0] + 0.05);
  }
  return found;
})()"""
FOCUSED = """(() => {
  const style = getComputedStyle(document.activeElement);
  return [document.activeElement.textContent, style.outlineStyle, parseFloat(style.outlineWidth)];
})()"""


@dataclass(slots=True)
class Tab:
    """One tab, spoken to by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

    socket: aiohttp.ClientWebSocketResponse
    heard: list[dict[str, Any]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._numbers)
        await self.socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self.socket.receive_json()
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])
            self.heard.append(message)

    async def loaded(self) -> None:
        """Once a page is there; forgets what was heard up to then of that kind."""
        while not self.told("Page.loadEventFired"):
            self.heard.append(await self.socket.receive_json())
        self.heard = [message for message in self.heard if message["method"] != "Page.loadEventFired"]

    def told(self, method: str) -> list[dict[str, Any]]:
        return [message["params"] for message in self.heard if message.get("method") == method]

    async def open(self, url: str) -> None:
        self.heard.clear()
        await self.ask("Page.navigate", url=url)
        await self.loaded()

    async def look(self, *, scheme: str, width: int, scale: float = 1) -> None:
        """As a person who prefers that scheme, on a screen that wide in CSS pixels."""
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        await self.ask("Emulation.setEmulatedMedia", features=features)
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=600, deviceScaleFactor=scale, mobile=width < WIDE
        )

    async def js(self, expression: str) -> Any:
        return (await self.ask("Runtime.evaluate", expression=expression, returnByValue=True))["result"].get("value")

    async def press(self, key: str) -> None:
        typed = {"text": "\r"} if key == "Enter" else {}
        code = {"Tab": 9, "Enter": 13}[key]
        await self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **typed)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def picture(self) -> bytes:
        """The whole page as PNG."""
        size = (await self.ask("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = await self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        return b64decode(shot["data"])


@contextmanager
def chromium() -> Iterator[str]:
    """A Chromium of its own, for as long as it lasts: the address of its DevTools; empty where it does not start."""
    assert CHROMIUM is not None
    # As root, as in a container, it refuses to run in its sandbox. It is shown nothing but our own pages.
    sandbox = ("--no-sandbox",) if os.name == "posix" and os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = (CHROMIUM, *FLAGS, *sandbox, f"--user-data-dir={profile}", "about:blank")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stderr is not None
                said = next((line for line in process.stderr if "DevTools listening on ws://" in line), "")
                yield said and "http://" + said.partition("ws://")[2].partition("/")[0]
            finally:
                process.terminate()


@asynccontextmanager
async def tab(devtools: str) -> AsyncIterator[Tab]:
    async with asyncio.timeout(SOON_S), aiohttp.ClientSession() as http:
        async with http.put(f"{devtools}/json/new?about:blank") as answer:
            target = await answer.json()
        async with http.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            opened = Tab(socket)
            for domain in ("Page", "Log", "Runtime", "Network", "Accessibility"):
                await opened.ask(f"{domain}.enable")
            yield opened
        await http.get(f"{devtools}/json/close/{target['id']}")


@dataclass(slots=True)
class Site:
    """Whoever answers on a port of their own: a browser takes each for another site."""

    url: str
    requests: list[tuple[str, str, Mapping[str, str], str]] = field(default_factory=list)
    redirect_to: str = ""


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """Shows the pages, puts one into a frame, takes what is posted, and sends on to where it was told."""
    here = Site("")

    async def answer(request: web.Request) -> web.Response:
        here.requests.append((request.method, request.path, request.headers.copy(), await request.text()))
        name = request.path.strip("/")
        if name in PAGES and request.method == "GET":
            return web.Response(body=PAGES[name], headers=PAGE_HEADERS)
        if name == "framing":
            return web.Response(text=f"<iframe src='{request.query['of']}'></iframe>", content_type="text/html")
        if here.redirect_to and name != "favicon.ico":
            return web.Response(status=302, headers={"Location": here.redirect_to})
        return web.Response(text="arrived", status=404 if name == "favicon.ico" else 200)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield here
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def devtools() -> Iterator[str]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on the path: apt-get install chromium, or whatever your system calls it")
    with chromium() as address:
        if not address:
            pytest.skip(f"{CHROMIUM} does not start here; say {CHROMIUM} --headless about:blank to see why")
        yield address


@pytest.fixture
async def browser(devtools: str) -> AsyncIterator[Tab]:
    async with tab(devtools) as opened:
        yield opened


@pytest.fixture
async def served() -> AsyncIterator[Site]:
    async with site() as here:
        yield here


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
async def test_each_page_can_be_read_in_both_schemes_and_on_a_narrow_screen(
    browser: Tab, served: Site, tmp_path: Path, name: str, scheme: str, width: int
) -> None:
    await browser.look(scheme=scheme, width=width)
    await browser.open(f"{served.url}/{name}")

    picture = await browser.picture()
    (tmp_path / f"{name}-{scheme}-{width}.png").write_bytes(picture)
    ground = DARK.ground if scheme == "dark" else LIGHT.ground
    first_pixel, rows = seen_in(picture, width)
    assert first_pixel == bytes.fromhex(ground[1:])
    assert rows > 50, "a blank page"

    assert await browser.js("document.documentElement.scrollWidth") == width
    contrasts = await browser.js(CONTRASTS)
    assert len(contrasts) >= 5
    assert {text: ratio for text, ratio in contrasts.items() if ratio < 4.5} == {}
    assert [path for _, path, _, _ in served.requests if path != "/favicon.ico"] == [f"/{name}"]
    assert browser.told("Log.entryAdded") == browser.told("Runtime.consoleAPICalled") == []


async def test_buttons_are_large_enough_for_a_thumb_and_nothing_moves_for_those_who_want_it_still(
    browser: Tab, served: Site
) -> None:
    await browser.look(scheme="light", width=NARROW)
    await browser.open(f"{served.url}/choice")
    buttons = "[...document.querySelectorAll('button')]"
    heights = await browser.js(f"{buttons}.map(button => button.getBoundingClientRect().height)")
    assert len(heights) == 4
    assert min(heights) >= 44  # https://www.w3.org/TR/WCAG22/#target-size-enhanced
    assert set(await browser.js(f"{buttons}.map(button => getComputedStyle(button).transitionDuration)")) == {"0s"}


async def test_a_screen_reader_finds_landmarks_headings_names_and_labels(browser: Tab, served: Site) -> None:
    await browser.open(f"{served.url}/consent")
    tree = (await browser.ask("Accessibility.getFullAXTree"))["nodes"]
    heard = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node.get("ignored")}
    assert {
        ("RootWebArea", "Connect an app · Skillport Sync"),
        ("banner", ""),
        ("main", ""),
        ("heading", "Connect this app?"),
        ("region", "Did you start this yourself, just now?"),
        ("form", "Sign in to connect it"),
        ("button", "Continue with Google"),
        ("button", "Do not connect"),
    } <= heard
    assert {role for role, _ in heard} >= {"DescriptionList", "term", "definition"}


async def test_the_question_is_answered_by_keyboard_without_script_and_leads_on_to_other_sites(
    browser: Tab, served: Site
) -> None:
    """As in life: the form's answer leads to a provider, and from there to the app, each on a site of its own."""
    async with site() as provider, site() as app:
        served.redirect_to, provider.redirect_to = f"{provider.url}/authorize", f"{app.url}/callback"
        await browser.ask("Emulation.setScriptExecutionDisabled", value=True)
        await browser.open(f"{served.url}/choice")

        for button in ("Continue with Google", "Continue with Microsoft"):
            await browser.press("Tab")
            label, outline, width_px = await browser.js(FOCUSED)
            assert (label, outline) == (button, "solid")
            assert width_px >= 2
        await browser.press("Enter")
        await browser.loaded()

        method, path, headers, body = next(each for each in served.requests if each[0] == "POST")
        assert (method, path) == ("POST", ASKED.action)
        assert dict(parse_qsl(body)) == {
            "transaction": ASKED.transaction,
            "csrf": ASKED.csrf,
            "provider": "microsoft",
        }
        assert headers["Origin"] == served.url  # by which the form is told from one of another site
        assert headers["Referer"] == f"{served.url}/"  # and never a path, which might hold a state
        assert [path for _, path, _, _ in app.requests if path != "/favicon.ico"] == ["/callback"]


async def test_a_person_can_say_no(browser: Tab, served: Site) -> None:
    await browser.open(f"{served.url}/consent")
    for _ in range(2):
        await browser.press("Tab")
    await browser.press("Enter")
    await browser.loaded()
    (body,) = [body for method, _, _, body in served.requests if method == "POST"]
    assert dict(parse_qsl(body)) == {"transaction": ASKED.transaction, "csrf": ASKED.csrf, "deny": "yes"}


async def test_no_other_site_can_put_a_page_into_a_frame(browser: Tab, served: Site) -> None:
    async with site() as other:
        await browser.open(f"{other.url}/framing?of={served.url}/consent")
        (frame,) = (await browser.ask("Page.getFrameTree"))["frameTree"]["childFrames"]
        assert frame["frame"]["url"] == "chrome-error://chromewebdata/"
        assert any("frame" in said["entry"]["text"] for said in browser.told("Log.entryAdded"))


async def test_no_script_runs_in_a_page_even_if_one_got_into_it(browser: Tab, served: Site) -> None:
    await browser.open(f"{served.url}/consent")
    insert = "const it = document.createElement('script'); it.text = 'document.title = 1'; document.body.append(it)"
    await browser.js(insert)
    assert await browser.js("document.title") == "Connect an app · Skillport Sync"


def seen_in(picture: bytes, width: int) -> tuple[bytes, int]:
    """The first pixel of a PNG (https://www.w3.org/TR/png-3/) that is that wide, and how many different rows it has."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    at, packed, header = 8, b"", b""
    while at < len(picture):
        (size,) = struct.unpack_from(">I", picture, at)
        kind, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + size]
        header = content if kind == b"IHDR" else header
        packed += content if kind == b"IDAT" else b""
        at += size + 12
    columns, _, depth, colour = struct.unpack(">IIBB", header[:10])
    assert (columns, depth) == (width, 8)
    channels = {2: 3, 6: 4}[colour]
    raw, row = zlib.decompress(packed), 1 + columns * channels
    # Every filter leaves the first pixel of the first row as it is: it has no neighbours to be guessed by.
    return raw[1:4], len({raw[start : start + row] for start in range(0, len(raw), row)})


async def take_pictures(folder: Path) -> None:
    """Those of the documents."""
    with chromium() as address:
        async with site() as here, tab(address) as opened:
            for scheme, name in (("light", "consent.png"), ("dark", "consent-dark.png")):
                await opened.look(scheme=scheme, width=600, scale=1.5)
                await opened.open(f"{here.url}/consent")
                (folder / name).write_bytes(await opened.picture())
