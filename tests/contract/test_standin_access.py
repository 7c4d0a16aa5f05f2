"""Who gets in: tokens, Apps, permissions, moved repositories, rate limits."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from skillport_sync.standin import Repository, StandInGitHub

ROOT = "/repos/acme/skills"


@pytest.fixture
def skills(standin: StandInGitHub) -> Repository:
    repository = standin.create_repository("acme/skills")
    repository.commit({"README.md": b"# Skills\n"})
    return repository


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def app(standin, skills, key):
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return standin.register_app(
        7, public.decode(), 99, account="acme", permissions={"contents": "read", "metadata": "read"}
    )


def claim(key, *, issuer: str = "7", issued: float = -60, expires: float = 540, algorithm: str = "RS256") -> str:
    now = time.time()
    return jwt.encode({"iat": int(now + issued), "exp": int(now + expires), "iss": issuer}, key, algorithm=algorithm)


async def test_a_private_repository_is_not_there_for_strangers(api, skills, standin):
    standin.accept_token("narrow", repositories=["acme/other"])
    assert (await api("GET", ROOT, token=None)).status == 404
    assert (await api("GET", ROOT, token="narrow")).status == 404
    wrong = await api("GET", ROOT, token="wrong")
    assert (wrong.status, wrong.json["message"]) == (401, "Bad credentials")
    standin.revoke_token("token-of-the-tests")
    assert (await api("GET", ROOT)).status == 401


async def test_a_public_repository_is_read_by_all_and_written_by_few(api, skills, standin):
    skills.publicize()
    answer = await api("GET", f"{ROOT}/commits/HEAD", token=None)
    assert (answer.status, answer.headers["x-ratelimit-limit"]) == (200, "60")
    assert (await api("POST", f"{ROOT}/git/blobs", body={"content": "x"}, token=None)).status == 401


async def test_a_missing_permission_is_named(api, skills, standin):
    standin.accept_token("reader", permissions={"contents": "read", "metadata": "read"})
    answer = await api("POST", f"{ROOT}/git/blobs", body={"content": "x"}, token="reader")
    assert (answer.status, answer.headers["X-Accepted-GitHub-Permissions"]) == (403, "contents=write")
    assert (await api("GET", f"{ROOT}/hooks", token="reader")).headers[
        "X-Accepted-GitHub-Permissions"
    ] == "repository_hooks=read"


async def test_an_app_gets_a_long_token_for_an_hour(api, app, key, standin, skills):
    made = await api(
        "POST", "/app/installations/99/access_tokens", token=None, headers={"Authorization": f"Bearer {claim(key)}"}
    )
    token = made.json["token"]
    assert made.status == 201
    assert token.startswith("ghs_7_")
    assert len(token) > 450
    assert token.count(".") == 2
    assert made.json["permissions"] == {"contents": "read", "metadata": "read"}
    assert (await api("GET", f"{ROOT}/commits/HEAD", token=token)).status == 200
    assert (await api("POST", f"{ROOT}/git/blobs", body={"content": "x"}, token=token)).status == 403
    found = await api("GET", f"{ROOT}/installation", token=None, headers={"Authorization": f"Bearer {claim(key)}"})
    assert found.json["id"] == 99


async def test_a_token_may_be_narrowed_but_not_widened(api, app, key, standin, skills):
    other = standin.create_repository("acme/other")
    other.commit({"a": b"1"})

    async def ask(body):
        bearer = {"Authorization": f"Bearer {claim(key)}"}
        return await api("POST", "/app/installations/99/access_tokens", body=body, token=None, headers=bearer)

    narrow = await ask({"repository_ids": [skills.id], "permissions": {"metadata": "read"}})
    assert [found["full_name"] for found in narrow.json["repositories"]] == ["acme/skills"]
    assert (await api("GET", "/repos/acme/other", token=narrow.json["token"])).status == 404
    assert (await api("GET", f"{ROOT}/commits/HEAD", token=narrow.json["token"])).status == 403
    assert (await ask({"permissions": {"contents": "write"}})).status == 422
    assert (await ask({"repositories": ["nowhere"]})).status == 422


@pytest.mark.parametrize(
    "wrong",
    [{"issuer": "8"}, {"issued": 600}, {"expires": -1}, {"expires": 1200}, {"issuer": "not a number"}],
    ids=["another app", "from the future", "too old", "too long", "no id"],
)
async def test_a_jwt_that_is_not_right_opens_nothing(api, app, key, wrong):
    bearer = {"Authorization": f"Bearer {claim(key, **wrong)}"}
    assert (await api("POST", "/app/installations/99/access_tokens", token=None, headers=bearer)).status == 401


async def test_a_jwt_of_another_key_or_algorithm_opens_nothing(api, app):
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (claim(foreign), claim("x" * 32, algorithm="HS256"), "not.a.jwt"):
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await api("POST", "/app/installations/99/access_tokens", token=None, headers=bearer)).status == 401


async def test_a_suspended_or_removed_installation_gets_nothing(api, app, key, standin, skills):
    bearer = {"Authorization": f"Bearer {claim(key)}"}
    token = (await api("POST", "/app/installations/99/access_tokens", token=None, headers=bearer)).json["token"]
    await standin.change_installation(app, "suspend")
    assert (await api("POST", "/app/installations/99/access_tokens", token=None, headers=bearer)).status == 403
    await standin.change_installation(app, "unsuspend")
    await standin.change_installation(app, "deleted")
    assert (await api("POST", "/app/installations/99/access_tokens", token=None, headers=bearer)).status == 404
    assert (await api("GET", ROOT, token=token)).status == 404


async def test_an_installation_token_expires_by_the_stand_ins_clock(key):
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    github = StandInGitHub(now=lambda: clock[0])
    app = github.register_app(7, "", 99, account="acme")
    token, _ = github.access.issue(app, None, None)
    assert github.access.who(f"token {token}").app is app
    clock[0] += timedelta(hours=1)
    with pytest.raises(Exception, match="Bad credentials"):
        github.access.who(f"token {token}")


async def test_a_renamed_repository_redirects_to_its_id_and_keeps_the_method(api, skills):
    skills.rename("acme/tools")
    read = await api("GET", f"{ROOT}/commits/HEAD", query={"per_page": "1"})
    assert read.status == 301
    assert read.headers["Location"] == f"{api.github.api_url}/repositories/{skills.id}/commits/HEAD?per_page=1"
    assert (await api("GET", read.headers["Location"])).json["sha"] == skills.head()
    assert (await api("GET", ROOT)).headers["Location"].endswith(f"/repositories/{skills.id}")
    assert (await api("POST", f"{ROOT}/git/blobs", body={"content": "x"})).status == 307
    assert (await api("GET", "/repos/acme/tools")).json["full_name"] == "acme/tools"
    assert (await api("GET", ROOT, token=None)).status == 404


async def test_a_name_given_up_and_taken_again_is_the_new_repository(api, skills, standin):
    skills.rename("acme/tools")
    with pytest.raises(ValueError, match="exists already"):
        standin.create_repository("acme/tools")
    again = standin.create_repository("acme/skills")
    assert (await api("GET", ROOT)).json["id"] == again.id


async def test_a_deleted_repository_is_not_found(api, skills):
    skills.delete()
    assert (await api("GET", ROOT)).status == 404


@pytest.mark.parametrize("status", [403, 429])
async def test_a_spent_limit_refuses_until_it_resets(api, skills, standin, status):
    standin.limits.exhaust(status=status, reset_in_s=600)
    answer = await api("GET", ROOT)
    assert (answer.status, answer.headers["x-ratelimit-remaining"]) == (status, "0")
    assert answer.json["message"].startswith("API rate limit exceeded")
    assert (await api("GET", "/rate_limit")).json["resources"]["core"]["remaining"] == 0
    standin.limits.refill()
    assert (await api("GET", ROOT)).status == 200


async def test_a_limit_counts_down_and_refuses_at_the_end(api, skills, standin):
    standin.limits.leave(2)
    assert [(await api("GET", ROOT)).status for _ in range(3)] == [200, 200, 403]


@pytest.mark.parametrize(("status", "retry_after"), [(403, 30), (429, 5), (403, None)])
async def test_a_secondary_limit_says_how_long_to_wait_or_nothing(api, skills, standin, status, retry_after):
    standin.limits.secondary_next(status=status, retry_after_s=retry_after)
    answer = await api("GET", ROOT)
    assert (answer.status, answer.headers.get("Retry-After")) == (
        status,
        None if retry_after is None else str(retry_after),
    )
    assert "secondary rate limit" in answer.json["message"]
    assert answer.headers["x-ratelimit-remaining"] == "5000"
    assert (await api("GET", ROOT)).status == 200


async def test_an_unknown_route_is_a_json_404(api, standin):
    assert (await api("GET", "/nowhere")).json["message"] == "Not Found"
