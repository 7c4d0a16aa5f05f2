"""Who the client is: tokens of an App, minted once, narrowed, renewed, and never shown."""

from __future__ import annotations

import asyncio
import traceback
from datetime import timedelta
from typing import Any

import aiohttp
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from skillport_sync.errors import Broken, Denied, Invalid, Missing, RateLimited, Unauthenticated, Unavailable
from skillport_sync.git.objects import BlobId
from skillport_sync.github.credentials import Anonymous, AppCredentials

OID = BlobId("d" * 40)
REPO = "acme/skills"
BLOB = f"/repos/acme/skills/git/blobs/{OID}"
MINT = "/app/installations/42/access_tokens"
FIND = "/repos/acme/skills/installation"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def app(session: aiohttp.ClientSession, script: Any, clock: Any, pem: str) -> Any:
    def make(installation_id: int | None = 42, others: Any = tuple) -> AppCredentials:
        return AppCredentials(
            session,
            app_id="1234",
            private_key=pem,
            repository=REPO,
            others=others,
            installation_id=installation_id,
            api_url=script.url,
            clock=clock,
        )

    return make


@pytest.fixture
def minted(clock: Any) -> Any:
    def make(name: str, hours: float = 1.0) -> dict[str, str]:
        return {"token": f"ghs_{name}.{'x' * 500}", "expires_at": (clock.now() + timedelta(hours=hours)).isoformat()}

    return make


def used(script: Any) -> list[str]:
    """The tokens that blobs were asked for with, by their names."""
    return [
        seen.headers["Authorization"].removeprefix("token ghs_").partition(".")[0]
        for seen in script.seen
        if seen.target == BLOB
    ]


async def test_a_token_is_minted_for_one_repository_to_read_and_used_until_it_is_nearly_over(
    connect: Any, script: Any, app: Any, minted: Any, clock: Any, key: rsa.RSAPrivateKey
) -> None:
    script.on(MINT, minted("first"), status=201)
    script.on(MINT, minted("second"), status=201)
    script.on(BLOB, b"x")
    github = connect(script, credentials=app())
    await github.blob(REPO, OID, max_bytes=10)
    clock.advance(54 * 60)
    await github.blob(REPO, OID, max_bytes=10)
    clock.advance(60)
    await github.blob(REPO, OID, max_bytes=10)
    assert used(script) == ["first", "first", "second"]
    mint = script.seen[0]
    assert (mint.method, mint.target) == ("POST", MINT)
    assert orjson.loads(mint.body) == {
        "repositories": ["skills"],
        "permissions": {"contents": "read", "metadata": "read"},
    }
    scheme, _, statement = mint.headers["Authorization"].partition(" ")
    claims = jwt.decode(statement, key.public_key(), algorithms=["RS256"])
    assert scheme == "Bearer"
    assert claims["iss"] == "1234"
    assert claims["exp"] - claims["iat"] <= 600
    assert mint.headers["X-GitHub-Api-Version"] == "2022-11-28"


async def test_however_many_wait_for_a_token_one_is_minted(connect: Any, script: Any, app: Any, minted: Any) -> None:
    go = asyncio.Event()
    script.on(MINT, minted("only"), status=201, hold=go)
    script.on(BLOB, b"x")
    github = connect(script, credentials=app())
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(github.blob(REPO, OID, max_bytes=10))
        await script.arrived.wait()
        go.set()
    assert script.targets.count(f"POST {MINT}") == 1
    assert used(script) == ["only"] * 8


async def test_a_refused_token_is_replaced_once(connect: Any, script: Any, app: Any, minted: Any) -> None:
    script.on(MINT, minted("revoked"), status=201)
    script.on(MINT, minted("fresh"), status=201)
    script.on(BLOB, {"message": "Bad credentials"}, status=401)
    script.on(BLOB, b"x")
    github = connect(script, credentials=app())
    assert await github.blob(REPO, OID, max_bytes=10) == b"x"
    assert used(script) == ["revoked", "fresh"]


async def test_a_second_refusal_is_believed(connect: Any, script: Any, app: Any, minted: Any) -> None:
    script.on(MINT, minted("useless"), status=201)
    script.on(BLOB, {"message": "Bad credentials"}, status=401)
    github = connect(script, credentials=app())
    with pytest.raises(Unauthenticated):
        await github.blob(REPO, OID, max_bytes=10)
    assert used(script) == ["useless", "useless"]


async def test_many_refusals_of_one_token_mint_one_other(connect: Any, script: Any, app: Any, minted: Any) -> None:
    script.on(MINT, minted("revoked"), status=201)
    script.on(MINT, minted("fresh"), status=201)
    for _ in range(4):
        script.on(BLOB, {"message": "Bad credentials"}, status=401)
    script.on(BLOB, b"x")
    github = connect(script, credentials=app())
    async with asyncio.timeout(10):
        await asyncio.gather(*(github.blob(REPO, OID, max_bytes=10) for _ in range(4)))
    assert script.targets.count(f"POST {MINT}") == 2


async def test_a_static_token_is_asked_with_once(connect: Any, script: Any) -> None:
    script.on(BLOB, {"message": "Bad credentials"}, status=401)
    with pytest.raises(Unauthenticated):
        await connect(script).blob(REPO, OID, max_bytes=10)
    assert len(script.seen) == 1


async def test_nobody_shows_no_credentials(connect: Any, script: Any) -> None:
    script.on(BLOB, b"x")
    script.on(BLOB, {"message": "Requires authentication"}, status=401)
    github = connect(script, credentials=Anonymous())
    await github.blob(REPO, OID, max_bytes=10)
    with pytest.raises(Unauthenticated):
        await github.blob(REPO, OID, max_bytes=10)
    assert ["Authorization" in seen.headers for seen in script.seen] == [False, False]


async def test_a_token_that_seems_to_have_expired_already_does_not_cause_a_storm(
    connect: Any, script: Any, app: Any, minted: Any, clock: Any
) -> None:
    script.on(MINT, minted("short", hours=-2), status=201)
    script.on(BLOB, b"x")
    github = connect(script, credentials=app())
    for _ in range(3):
        await github.blob(REPO, OID, max_bytes=10)
    assert script.targets.count(f"POST {MINT}") == 1
    clock.advance(61)
    await github.blob(REPO, OID, max_bytes=10)
    assert script.targets.count(f"POST {MINT}") == 2


async def test_the_installation_is_found_when_it_is_not_given(connect: Any, script: Any, app: Any, minted: Any) -> None:
    script.on(FIND, {"id": 42})
    script.on(MINT, minted("found"), status=201)
    script.on(BLOB, b"x")
    await connect(script, credentials=app(None)).blob(REPO, OID, max_bytes=10)
    assert script.targets == [f"GET {FIND}", f"POST {MINT}", f"GET {BLOB}"]
    assert script.seen[0].headers["Authorization"].startswith("Bearer ")


async def test_an_app_that_is_not_installed_is_told_so(connect: Any, script: Any, app: Any) -> None:
    with pytest.raises(Missing) as caught:
        await connect(script, credentials=app(None)).blob(REPO, OID, max_bytes=10)
    assert caught.value.code == "app_not_installed"


async def test_an_installation_without_the_repository_is_told_so(connect: Any, script: Any, app: Any) -> None:
    script.on(MINT, {"message": "There is at least one repository that does not exist"}, status=422)
    script.on(FIND, {"id": 42})
    with pytest.raises(Denied) as caught:
        await connect(script, credentials=app()).blob(REPO, OID, max_bytes=10)
    assert caught.value.code == "app_without_repository"


async def test_a_renamed_repository_is_still_the_apps(connect: Any, script: Any, app: Any, minted: Any) -> None:
    script.on(MINT, {"message": "There is at least one repository that does not exist"}, status=422)
    script.on(MINT, minted("by-number"), status=201)
    script.on(FIND, status=301, headers={"location": "/repositories/7/installation"})
    script.on("/repositories/7/installation", {"id": 42})
    script.on(BLOB, b"x")
    await connect(script, credentials=app()).blob(REPO, OID, max_bytes=10)
    assert orjson.loads(script.seen[3].body)["repository_ids"] == [7]


async def test_repositories_that_plugins_come_from_are_minted_for_as_soon_as_they_are_needed(
    connect: Any, script: Any, app: Any, minted: Any
) -> None:
    script.on(MINT, minted("own"), status=201)
    script.on(MINT, minted("both"), status=201)
    script.on(BLOB, b"x")
    needed: list[str] = []
    github = connect(script, credentials=app(others=lambda: needed))
    await github.blob(REPO, OID, max_bytes=10)
    needed += ["acme/tools", "somebody-else/tools"]
    await github.blob(REPO, OID, max_bytes=10)
    await github.blob(REPO, OID, max_bytes=10)
    assert used(script) == ["own", "both", "both"]
    mints = [orjson.loads(seen.body)["repositories"] for seen in script.seen if seen.target == MINT]
    assert mints == [["skills"], ["skills", "tools"]]


async def test_a_repository_that_the_installation_lacks_costs_the_others_nothing(
    connect: Any, script: Any, app: Any, minted: Any
) -> None:
    script.on(MINT, {"message": "There is at least one repository that does not exist"}, status=422)
    script.on(MINT, minted("two"), status=201)
    script.on("/repos/acme/tools/installation", {"id": 42})
    script.on("/repos/acme/gone/installation", {"message": "Not Found"}, status=404)
    script.on(BLOB, b"x")
    github = connect(script, credentials=app(others=lambda: ["acme/tools", "acme/gone"]))
    await github.blob(REPO, OID, max_bytes=10)
    await github.blob(REPO, OID, max_bytes=10)
    mints = [orjson.loads(seen.body)["repositories"] for seen in script.seen if seen.target == MINT]
    assert mints == [["gone", "skills", "tools"], ["skills", "tools"]]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [({"status": 500}, Unavailable), ({"status": 429}, RateLimited), ({"status": 401}, Unauthenticated)],
)
async def test_a_token_that_cannot_be_minted_fails_as_any_question(
    connect: Any, script: Any, app: Any, answer: dict[str, Any], kind: type
) -> None:
    script.on(MINT, {"message": "no"}, **answer)
    with pytest.raises(kind):
        await connect(script, credentials=app()).blob(REPO, OID, max_bytes=10)
    assert used(script) == []


@pytest.mark.parametrize("status", [307, 308])
async def test_a_write_is_repeated_where_the_redirect_says_so(
    connect: Any, script: Any, app: Any, minted: Any, status: int
) -> None:
    script.on(MINT, status=status, headers={"location": "/elsewhere"})
    script.on("/elsewhere", minted("moved"), status=201)
    script.on(BLOB, b"x")
    await connect(script, credentials=app()).blob(REPO, OID, max_bytes=10)
    assert script.targets[:2] == [f"POST {MINT}", "POST /elsewhere"]
    assert script.seen[0].body == script.seen[1].body != b""


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_write_is_not_turned_into_a_read(connect: Any, script: Any, app: Any, status: int) -> None:
    script.on(MINT, status=status, headers={"location": "/elsewhere"})
    with pytest.raises(Unavailable) as caught:
        await connect(script, credentials=app()).blob(REPO, OID, max_bytes=10)
    assert caught.value.code == "github_redirect_refused"
    assert script.targets == [f"POST {MINT}"]


@pytest.mark.parametrize("body", [b"not json", b"\xff\xfe", b'{"token": 7}', b"[]", b""])
async def test_a_mint_that_answers_nonsense_is_broken(connect: Any, script: Any, app: Any, body: bytes) -> None:
    script.on(MINT, body, status=201, headers={"content-type": "application/json"})
    with pytest.raises(Broken):
        await connect(script, credentials=app()).blob(REPO, OID, max_bytes=10)


async def test_a_mint_that_is_cancelled_leaves_the_next_one_to_mint(
    connect: Any, script: Any, app: Any, minted: Any
) -> None:
    never = asyncio.Event()
    script.on(MINT, minted("lost"), status=201, hold=never)
    script.on(MINT, minted("kept"), status=201)
    script.on(BLOB, b"x")
    github = connect(script, credentials=app())
    async with asyncio.timeout(10):
        first = asyncio.create_task(github.blob(REPO, OID, max_bytes=10))
        await script.arrived.wait()
        first.cancel()
        await github.blob(REPO, OID, max_bytes=10)
    never.set()
    assert used(script) == ["kept"]


async def test_nothing_of_an_app_is_shown(connect: Any, script: Any, app: Any, pem: str, minted: Any) -> None:
    script.on(MINT, minted("sEcReT"), status=201)
    script.on(BLOB, {"message": f"{minted('sEcReT')['token']} is bad"}, status=403)
    credentials = app()
    with pytest.raises(Denied) as caught:
        await connect(script, credentials=credentials).blob(REPO, OID, max_bytes=10)
    shown = "".join(traceback.format_exception(caught.value)) + repr(credentials)
    assert "sEcReT" not in shown
    assert pem.splitlines()[1] not in shown


@pytest.mark.parametrize(
    "text", ["", "nonsense", "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----"]
)
async def test_a_key_that_cannot_be_read_is_refused_at_once_and_not_shown(
    session: aiohttp.ClientSession, clock: Any, text: str
) -> None:
    with pytest.raises(Invalid) as caught:
        AppCredentials(session, app_id="1", private_key=text, repository=REPO, clock=clock)
    assert "c2VjcmV0" not in "".join(traceback.format_exception(caught.value))
