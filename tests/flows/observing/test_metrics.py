"""What is scraped of a mirror at work: everything that is promised, and what really happened."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from skillport_sync import __version__
from skillport_sync.access.model import PrincipalId
from skillport_sync.errors import Broken, Unavailable
from skillport_sync.observing.families import FAMILIES, PROCESS
from skillport_sync.observing.observe import may_share
from skillport_sync.ports import MarketplaceName
from skillport_sync.standin import File, StandInGitHub
from skillport_sync.store.audit import AuditAction, AuditEvent

ACME = MarketplaceName("acme/skills")
Watch = Any


async def test_every_family_is_there_from_the_beginning_by_its_name_and_kind(watch: Watch) -> None:
    scraped = list(text_string_to_metric_families(await watch.scraped()))
    told = {each.name: each.type for each in scraped}
    assert {each.name: each.kind for each in FAMILIES}.items() <= told.items()
    assert {sample.name for each in scraped for sample in each.samples} >= PROCESS
    assert all(each.documentation for each in scraped)
    assert await watch.sample(f'skillport_build_info{{version="{__version__}"}}') == 1
    assert await watch.sample(f'skillport_published{{marketplace="{ACME}"}}') == 0


async def test_a_publication_is_seen_in_all_that_it_touches(watch: Watch) -> None:
    await watch.publishes("1.0.0")
    of = f'{{marketplace="{ACME}"}}'
    assert await watch.sample(f"skillport_published{of}") == 1
    assert await watch.sample(f"skillport_stale{of}") == 0
    assert await watch.sample(f"skillport_head_age_seconds{of}") in (0, 1)
    assert await watch.sample(f"skillport_skills{of}") == 1
    assert await watch.sample(f"skillport_last_pull_in_step{of}") == 1
    assert await watch.sample(f'skillport_publications_total{{cause="push",marketplace="{ACME}"}}') == 1
    assert await watch.sample(f'skillport_pulls_total{{marketplace="{ACME}",outcome="published"}}') == 1
    assert await watch.sample("skillport_pull_duration_seconds_count") == 1
    assert await watch.sample('skillport_pull_stage_duration_seconds_count{stage="publish"}') == 1
    assert await watch.sample('skillport_database_bytes{database="mirror.db",part="file"}') > 0
    assert await watch.sample('skillport_database_bytes{database="state.db",part="file"}') > 0


async def test_the_stages_of_a_pull_add_up_to_no_more_than_the_pull(watch: Watch) -> None:
    await watch.publishes("1.0.0")
    stages = {labels[0]: sum_s for labels, _, sum_s in watch.observed.counts.stage_durations.read()}
    ((_, _, pull_s),) = watch.observed.counts.pull_durations.read()
    assert {"head", "parse", "publish"} <= stages.keys()
    assert 0 < sum(stages.values()) <= pull_s


async def test_requests_to_github_are_counted_as_often_as_they_were_paid_for(watch: Watch) -> None:
    await watch.publishes("1.0.0")
    counted = dict(watch.observed.counts.requests.read())
    assert sum(counted.values()) == watch.parts.marketplaces[ACME].github.spent.requests
    assert counted["commits", "200"] >= 1
    assert await watch.sample(f'skillport_github_rate_limit_remaining{{marketplace="{ACME}"}}') > 0


@pytest.mark.parametrize(("status", "outcome"), [(502, "502"), (None, "no_answer")])
async def test_a_request_that_failed_is_counted_by_how(
    watch: Watch, standin: StandInGitHub, status: int | None, outcome: str
) -> None:
    watch.repository.commit({}, message="nothing")
    if status is None:
        await standin.close()
    else:
        standin.faults.fail_next("GET /commits", times=1, status=status)
    before = watch.loop.last
    watch.parts.wake(ACME, "push")
    while watch.loop.last is before:
        await watch.scraped()
    assert ("commits", outcome) in dict(watch.observed.counts.requests.read())
    code = watch.loop.last.code
    assert await watch.sample(f'skillport_last_pull_problem{{code="{code}",marketplace="{ACME}"}}') == 1
    assert await watch.sample(f'skillport_last_pull_in_step{{marketplace="{ACME}"}}') == 0


async def test_deliveries_are_counted_by_event_and_by_what_came_of_them(watch: Watch) -> None:
    await watch.publishes("1.0.0")
    watch.repository.add_hook(f"{watch.url}/webhooks/github", watch.secret, ["push"])
    await watch.repository.push({"README.md": File(b"read me")})
    assert await watch.sample('skillport_deliveries_total{event="push",outcome="accepted"}') == 1
    headers = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": f"sha256={'0' * 64}",
        "Content-Type": "application/json",
    }
    async with watch.http.post(f"{watch.url}/webhooks/github", data=b"{}", headers=headers) as refused:
        assert refused.status == 401
    async with watch.http.post(f"{watch.url}/webhooks/github", data=b"{}") as refused:
        assert refused.status >= 400
    assert await watch.sample('skillport_deliveries_total{event="push",outcome="signature_mismatch"}') == 1
    assert re.search(r'skillport_deliveries_total{event="none",outcome="\w+"} 1.0', await watch.scraped())
    assert await watch.sample('skillport_http_refusals_total{route="/webhooks/github",status="401"}') == 1


async def test_what_the_audit_is_told_is_counted_and_names_nobody(watch: Watch) -> None:
    ada = PrincipalId("google:ada")
    for action, detail in ((AuditAction.INSTALL, ""), (AuditAction.WRITE, "save: one file")):
        event = AuditEvent(
            watch.parts.clock.now(), action, "ok", ada, surface="rest", skill="docs/salaries", detail=detail
        )
        watch.parts.state.audit.append_soon(event)
    await watch.parts.state.audit.append(AuditEvent(watch.parts.clock.now(), AuditAction.TOKEN_REFUSED, "expired", ada))
    assert await watch.sample('skillport_installs_total{outcome="ok",surface="rest"}') == 1
    assert await watch.sample('skillport_saves_total{operation="save",outcome="ok"}') == 1
    assert await watch.sample('skillport_tokens_refused_total{reason="expired"}') == 1
    text = await watch.scraped()
    assert "ada" not in re.sub(r"metadata", "", text)
    assert "salaries" not in text


async def test_a_database_that_does_not_answer_costs_its_own_size_only(watch: Watch) -> None:
    await watch.parts.state.close()
    text = await watch.scraped()
    assert 'database="mirror.db"' in text
    assert 'database="state.db"' not in text


async def test_nothing_of_it_is_in_the_registry_that_everybody_shares(watch: Watch) -> None:
    await watch.scraped()
    assert not [family.name for family in REGISTRY.collect() if family.name.startswith("skillport")]


def test_the_metrics_stand_beside_the_answers_only_where_no_stranger_gets(settings_with: Any) -> None:
    assert may_share(settings_with(), is_loopback=True)
    assert not may_share(settings_with(), is_loopback=False)
    assert not may_share(settings_with('public_url = "https://skills.acme.example"'), is_loopback=True)


async def test_an_archive_is_a_request_of_its_own_also_where_it_fails(watch: Watch, standin: StandInGitHub) -> None:
    commit = await watch.publishes("1.0.0")
    github = watch.parts.marketplaces[ACME].github
    async with github.tarball(ACME, commit, max_bytes=1_000_000) as batches:
        assert [member async for batch in batches for member in batch]
    counted = dict(watch.observed.counts.requests.read())
    assert (counted["tarball", "302"], counted["archive", "200"]) == (1, 1)
    with pytest.raises(Broken):
        async with github.tarball(ACME, commit, max_bytes=1) as batches:
            assert [member async for batch in batches for member in batch]
    counted = dict(watch.observed.counts.requests.read())
    assert counted["archive", "200"] == 1
    assert sum(count for (kind, _), count in counted.items() if kind == "archive") == 2


async def test_an_answer_that_broke_off_is_no_answer_of_its_status(watch: Watch, standin: StandInGitHub) -> None:
    commit = await watch.publishes("1.0.0")
    standin.faults.cut_next("GET /git/commits", after_bytes=10)
    with pytest.raises(Unavailable):
        await watch.parts.marketplaces[ACME].github.commit(ACME, commit)
    assert dict(watch.observed.counts.requests.read())["git/commits", "cut"] == 1
