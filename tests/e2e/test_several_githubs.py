"""Two GitHubs in one service: github.com and an Enterprise Server, a repository of the same name, a secret and a budget each."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import pytest
from click.testing import CliRunner, Result

from skillport_sync.cli import main
from skillport_sync.config import load
from skillport_sync.ports import MarketplaceName
from skillport_sync.reports import PullReport, ReconcileOptions
from skillport_sync.serve import Service, serving
from skillport_sync.standin import Repository, StandInGitHub

PUBLIC, WORKS = MarketplaceName("public"), MarketplaceName("works")


def files(description: str) -> dict[str, bytes]:
    manifest = {"name": "letters", "plugins": [{"name": "letters", "source": "./letters"}]}
    return {
        ".claude-plugin/marketplace.json": json.dumps(manifest | {"owner": {"name": "Acme"}}).encode(),
        "letters/skills/letters/SKILL.md": f"---\nname: letters\ndescription: {description}\n---\nWrite.\n".encode(),
    }


@dataclass(slots=True)
class Company:
    """Both GitHubs, the repository of each, and the service between them."""

    folder: Path
    port: int
    com: StandInGitHub
    enterprise: StandInGitHub
    public: Repository
    works: Repository
    service: Service
    http: aiohttp.ClientSession

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def commit(self, marketplace: MarketplaceName) -> str | None:
        published = self.service.parts.current.get().get(marketplace)
        return None if published is None else published.publication.commit

    async def settle(self) -> None:
        for mirrored in self.service.parts.marketplaces.values():
            await mirrored.loop.settled()

    async def post(self, path: str, secret: str, **headers: str) -> tuple[int, dict[str, str]]:
        """A push to ``acme/skills``, signed with ``secret``."""
        body = orjson.dumps(
            {
                "ref": "refs/heads/main",
                "before": "a" * 40,
                "after": "b" * 40,
                "repository": {"full_name": "acme/skills", "default_branch": "main"},
            }
        )
        signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": hashlib.sha1(path.encode() + secret.encode()).hexdigest(),
            "X-Hub-Signature-256": signature,
        } | headers
        async with self.http.post(f"{self.service.url}{path}", data=body, headers=headers) as response:
            return response.status, await response.json()

    async def types(self, *words: str) -> Result:
        arguments = ["--config", str(self.config), *words]
        return await asyncio.to_thread(CliRunner().invoke, main, arguments, prog_name="skillport-sync")


def configured(folder: Path, port: int, com: StandInGitHub, enterprise: StandInGitHub) -> Path:
    for name in ("com-token", "com-secret", "works-token", "works-secret"):
        (folder / name).write_text(name)
        (folder / name).chmod(0o600)
    path = folder / "config.toml"
    path.write_text(
        f"""\
data_dir = "data"
public_url = "http://127.0.0.1:{port}"
[server]
port = {port}
[[marketplaces]]
name = "public"
repository = "acme/skills"
[[marketplaces]]
name = "works"
repository = "acme/skills"
github = "works"
[github]
api_url = "{com.api_url}"
token_file = "com-token"
webhook_secret_files = ["com-secret"]
[[githubs]]
name = "works"
api_url = "{enterprise.api_url}"
token_file = "works-token"
write_token_file = "works-token"
webhook_secret_files = ["works-secret"]
[auth]
mode = "token"
"""
    )
    return path


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    com, enterprise = StandInGitHub(), StandInGitHub(enterprise=True)
    com.accept_token("com-token")
    enterprise.accept_token("works-token")
    await com.start()
    await enterprise.start()
    try:
        public, works = com.create_repository("acme/skills"), enterprise.create_repository("acme/skills")
        public.commit(files("for everybody"))
        works.commit(files("for the works"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        config = configured(tmp_path, port, com, enterprise)
        async with serving(load(config, {})) as service, aiohttp.ClientSession() as http:
            company = Company(tmp_path, port, com, enterprise, public, works, service, http)
            await company.settle()
            yield company
    finally:
        await com.close()
        await enterprise.close()


async def test_each_marketplace_is_mirrored_from_its_own_github_with_its_own_credential(company: Company) -> None:
    assert (company.commit(PUBLIC), company.commit(WORKS)) == (company.public.head(), company.works.head())
    assert company.public.head() != company.works.head()
    paths = {entry.path for entry in company.enterprise.journal.entries if entry.kind != "codeload"}
    assert paths
    assert all(path.startswith(("/api/v3/", "/api/graphql")) for path in paths)
    assert all(entry.status < 400 for github in (company.com, company.enterprise) for entry in github.journal.entries)


async def test_a_push_is_heard_at_the_address_of_its_github_and_pulls_its_marketplace_alone(company: Company) -> None:
    made = await company.types("webhook", "create", "--json")
    assert made.exit_code == 0, made.output
    (com_hook,), (works_hook,) = company.public.hooks.values(), company.works.hooks.values()
    own = f"http://127.0.0.1:{company.port}"
    assert (com_hook.url, com_hook.secret) == (f"{own}/webhooks/github", "com-secret")
    assert (works_hook.url, works_hook.secret) == (f"{own}/webhooks/github/works", "works-secret")
    await company.settle()
    company.com.journal.reset()

    await company.works.push(files("for the works, better"))
    await company.settle()
    assert company.commit(WORKS) == company.works.head()
    assert not company.com.journal.entries, "github.com was not asked about it"
    assert works_hook.last_response[0] == 202

    await company.public.push(files("for everybody, better"))
    await company.settle()
    assert company.commit(PUBLIC) == company.public.head()
    assert (await company.types("webhook", "check")).exit_code == 0


@pytest.mark.parametrize(
    ("path", "secret", "named", "status", "code"),
    [
        ("/webhooks/github", "com-secret", None, 202, None),
        ("/webhooks/github/works", "works-secret", None, 202, None),
        ("/webhooks/github/works", "works-secret", "127.0.0.1", 202, None),
        ("/webhooks/github", "works-secret", None, 401, "signature_mismatch"),
        ("/webhooks/github/works", "com-secret", None, 401, "signature_mismatch"),
        ("/webhooks/github", "com-secret", "127.0.0.1", 400, "other_github"),
        ("/webhooks/github/works", "works-secret", "github.other.example", 400, "other_github"),
    ],
)
async def test_one_githubs_secret_says_nothing_about_another(
    company: Company, path: str, secret: str, named: str | None, status: int, code: str | None
) -> None:
    headers = {} if named is None else {"X-GitHub-Enterprise-Host": named}
    answered, told = await company.post(path, secret, **headers)
    assert (answered, told.get("code")) == (status, code)


async def test_a_github_that_is_not_configured_has_no_address(company: Company) -> None:
    async with company.http.post(f"{company.service.url}/webhooks/github/elsewhere") as response:
        assert response.status == 404


async def test_a_limit_that_one_github_sets_holds_up_no_other(company: Company) -> None:
    company.com.faults.fail_next("* *", status=429, headers={"Retry-After": "600"})
    await company.public.push(files("for everybody, later"), deliver=False)
    await company.works.push(files("for the works, now"), deliver=False)
    reports = [
        event async for event in company.service.operator.reconcile(ReconcileOptions()) if isinstance(event, PullReport)
    ]
    assert {report.marketplace: report.is_in_step for report in reports} == {PUBLIC: False, WORKS: True}
    assert company.commit(WORKS) == company.works.head()
    assert company.commit(PUBLIC) != company.public.head()


async def test_whoever_asks_the_same_github_shares_its_budget(company: Company) -> None:
    hosts = company.service.parts.hosts
    assert hosts.of(company.com.api_url) is hosts.of(company.com.api_url + "/")
    assert hosts.of(company.com.api_url) is not hosts.of(company.enterprise.api_url)


async def test_the_configuration_is_told_by_github(company: Company) -> None:
    checked = await company.types("config", "check")
    assert checked.exit_code == 0
    assert "github has neither write_token_file" in checked.output
    assert "githubs.works has" not in checked.output
    (company.folder / "works-secret").unlink()
    broken = await company.types("config", "check")
    assert broken.exit_code == 2
    assert "works-secret" in broken.output


async def test_doctor_looks_at_each_github(company: Company) -> None:
    examined = await company.types("doctor", "--json")
    checks = {check["what"]: check for check in json.loads(examined.stdout)["checks"]}
    assert {"webhooks", "webhooks of works", "clock", "clock of works"} <= checks.keys()
    assert "/webhooks/github/works" in checks["webhooks of works"]["to_do"]
    assert (await company.post("/webhooks/github/works", "works-secret"))[0] == 202
    (company.folder / "works-secret").unlink()
    examined = await company.types("doctor", "--json")
    checks = {check["what"]: check["verdict"] for check in json.loads(examined.stdout)["checks"]}
    assert (checks["webhooks"], checks["webhooks of works"]) == ("ok", "failed")
