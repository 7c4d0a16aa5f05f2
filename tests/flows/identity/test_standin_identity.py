"""The stand-in is strict where a real provider is: what it refuses, what it tells whom, and what its page is made of."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from skillport_sync.standin.identity import ADA, Person

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""Of the verifier below: https://www.rfc-editor.org/rfc/rfc7636#appendix-B"""
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
BACK = "http://127.0.0.1:8080/oauth/callback/demo?kept=1"


def asked(**changed: str | None) -> str:
    usual: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "skillport",
        "redirect_uri": BACK,
        "scope": "openid",
        "state": "st&te",
        "nonce": "n",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return urlencode({name: value for name, value in (usual | changed).items() if value is not None})


@pytest.mark.parametrize("changed", [{"client_id": "stranger"}, {"redirect_uri": BACK + "x"}, {"redirect_uri": None}])
async def test_nobody_is_sent_to_an_address_that_is_not_registered(idp, web_session, changed):
    async with web_session.get(f"{idp.url}/authorize?{asked(**changed)}", allow_redirects=False) as answer:
        assert answer.status == 400
        assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
    ],
)
async def test_what_is_wrong_with_a_request_is_told_to_the_client(idp, web_session, changed, error):
    async with web_session.get(f"{idp.url}/authorize?{asked(**changed)}", allow_redirects=False) as answer:
        assert answer.status == 302
        assert answer.headers["Location"].startswith(BACK + "&")
        told = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
        assert (told["error"], told["state"]) == (error, "st&te")


async def test_names_on_its_page_are_text_and_nothing_else(idp, web_session):
    idp.people = (Person('"><script>', "<b>Ada</b>", "a&b@acme.example"),)
    async with web_session.get(f"{idp.url}/authorize?{asked()}") as answer:
        text = await answer.text()
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "<b>" not in text
    assert "<script" not in text


async def test_a_form_is_worth_one_answer(idp, web_session):
    async with web_session.get(f"{idp.url}/authorize?{asked()}") as answer:
        ticket = (await answer.text()).split('name="ticket" value="')[1].split('"')[0]
    for status in (302, 400):
        form = {"ticket": ticket, "person": ADA.id}
        async with web_session.post(f"{idp.url}/sign-in", data=form, allow_redirects=False) as answer:
            assert answer.status == status


async def test_a_code_is_spent_by_a_wrong_verifier(idp, web_session):
    async with web_session.get(f"{idp.url}/authorize?{asked()}") as answer:
        ticket = (await answer.text()).split('name="ticket" value="')[1].split('"')[0]
    form = {"ticket": ticket, "person": ADA.id}
    async with web_session.post(f"{idp.url}/sign-in", data=form, allow_redirects=False) as answer:
        code = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["code"]
    idp.register("skillport", "secret", redirect_uris=[BACK])
    for verifier in ("w" * 43, VERIFIER):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": verifier,
            "client_id": "skillport",
            "client_secret": "secret",
        }
        async with web_session.post(f"{idp.url}/token", data=form) as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "invalid_grant")


async def test_a_token_of_one_dialect_opens_nothing_in_another(idp, web_session):
    token = idp.give_token(ADA, scope="read:org")
    headers = {"Authorization": f"Bearer {token}"}
    async with web_session.get(f"{idp.url}/userinfo", headers=headers) as answer:
        assert answer.status == 401
    async with web_session.get(f"{idp.github_api_url}/user", headers=headers) as answer:
        assert (await answer.json())["login"] == "ada"
