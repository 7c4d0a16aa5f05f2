"""Owns the person at a browser who signs in: opens the address a client gives them, presses a button on each page, comes back.

A real one shows the pages; this one knows which buttons it means to press. Cookies are kept for one sign-in. Works on the pages
of any service whose forms are plain HTML, as ours and the stand-in provider's are.
"""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthToken

RETURN_ADDRESS = "http://localhost:3118/callback"
"""Where the client would listen. Nobody has to: the person here hands over what the address says."""

_MOST_STEPS = 20


class Browser:
    """Signs somebody in. ``buttons``, such as ``{"provider": "demo", "person": "ada"}``: on each page, the one it finds there."""

    def __init__(self, buttons: Mapping[str, str], return_address: str = RETURN_ADDRESS) -> None:
        self._buttons = buttons
        self._return_address = return_address
        self._came_back: AuthorizationCodeResult | None = None
        self.history: list[httpx2.Response] = []
        """All that it was sent, pages and redirects."""

    async def open(self, address: str) -> None:
        """The SDK client's ``redirect_handler``: go where it says, until somebody sends us back to the client.

        Raises: AssertionError where a page has none of the buttons, or is none.
        """
        async with httpx2.AsyncClient(trust_env=False, event_hooks={"response": [self._keep]}) as http:
            response = await http.get(address)
            for _ in range(_MOST_STEPS):
                if response.is_redirect:
                    address = urljoin(str(response.url), response.headers["location"])
                    if address.startswith(self._return_address):
                        self._came_back = _answer(address)
                        return
                    response = await http.get(address)
                else:
                    response = await self._press(http, response)
        raise AssertionError("the sign-in goes round in circles")

    async def came_back(self) -> AuthorizationCodeResult:
        """The SDK client's ``callback_handler``: what the person came back with."""
        assert self._came_back is not None
        return self._came_back

    async def _keep(self, response: httpx2.Response) -> None:
        self.history.append(response)

    async def _press(self, http: httpx2.AsyncClient, response: httpx2.Response) -> httpx2.Response:
        page = Page(response.text)
        pressed = next((button for button in page.buttons if self._buttons.get(button[0]) == button[1]), None)
        assert response.status_code == 200, f"{response.status_code}: {page.words}"
        assert pressed is not None, page.words
        return await http.post(urljoin(str(response.url), page.action), data={**page.hidden, pressed[0]: pressed[1]})


class Page(HTMLParser):
    """A page with one form: where it goes, what is hidden in it, its buttons, and what a person would read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}
        self.buttons: list[tuple[str, str]] = []
        self.words = ""
        self._is_shown = True
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._is_shown = tag not in ("style", "title")
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and given.get("type") == "hidden":
            self.hidden[given.get("name", "")] = given.get("value", "")
        elif tag == "button":
            self.buttons.append((given.get("name", ""), given.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self._is_shown:
            self.words = f"{self.words} {data.strip()}".strip()


class ClientMemory:
    """What the SDK's client keeps between two starts, here for as long as the process lives: its ``TokenStorage``."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def _answer(address: str) -> AuthorizationCodeResult:
    said = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert "error" not in said, said
    return AuthorizationCodeResult(code=said["code"], state=said.get("state"), iss=said.get("iss"))
