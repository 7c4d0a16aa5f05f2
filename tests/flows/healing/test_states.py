"""What can be the matter with a repository and its webhook: each has a name and a remedy, and what was published last stays."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from skillport_sync.access.model import Principal, PrincipalId
from skillport_sync.errors import Unavailable
from skillport_sync.operations.doctor.webhook import looked_after
from skillport_sync.queries import Queries
from skillport_sync.standin import StandInGitHub
from skillport_sync.sync.conditions import MEANINGS, Condition
from tests.flows.healing.conftest import FILES, skill

DAY_S = 86_400.0


# --- the webhook -------------------------------------------------------------------------------------------------------------


async def test_a_webhook_that_says_goodbye_is_known_to_be_deleted(running, hook):
    await running.repository.deliver(running.repository.remove_hook(hook))
    await running.reconcile()
    assert await running.states() == ["hook_deleted"]
    (state,) = (await running.told()).states
    assert "webhook create" in state.to_do


async def test_a_webhook_that_is_gone_without_a_word_is_missing(running, hook):
    del running.repository.hooks[hook.id]
    await running.reconcile()
    assert await running.states() == ["hook_missing"]


async def test_a_webhook_that_leads_elsewhere_is_none_of_ours(running, hook):
    hook.url = "https://elsewhere.example/webhooks/github"
    await running.reconcile()
    assert await running.states() == ["hook_missing"]


async def test_a_webhook_behind_a_proxy_of_another_name_is_recognised_by_having_been_heard(running, hook):
    await running.push("heard")
    hook.url = "https://proxy.example/webhooks/github"
    await running.reconcile()
    assert await running.states() == []


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"active": False}, ["hook_inactive"]),
        ({"content_type": "form"}, ["hook_content_type_form"]),
        ({"events": ("push",)}, ["hook_events_missing"]),
        ({"events": ("*",)}, []),
        ({"secret": None}, ["hook_without_secret"]),
        ({"insecure_ssl": "1"}, ["hook_tls_unchecked"]),
    ],
)
async def test_each_way_to_set_it_up_wrongly_has_a_name(running, hook, change, codes):
    for name, value in change.items():
        setattr(hook, name, value)
    await running.reconcile()
    assert await running.states() == codes
    for name in change:
        setattr(
            hook,
            name,
            {
                "active": True,
                "content_type": "json",
                "secret": "hush",
                "insecure_ssl": "0",
                "events": ("push", "repository", "public", "meta", "pull_request"),
            }[name],
        )
    await running.reconcile()
    assert await running.states() == []


async def test_two_webhooks_that_lead_here_are_one_too_many(running):
    running.hook("push", "repository", "pull_request", "public")
    await running.reconcile()
    assert await running.states() == ["hook_ambiguous"]


async def test_without_a_secret_no_webhook_is_looked_for_and_no_push_is_missed(house):
    text = house.config.read_text().replace('webhook_secret_files = ["secret"]', "")
    house.config.write_text(text)
    await house.start()
    await house.reconcile("start")
    house.clock.advance(1)
    await house.push("quiet", deliver=False)
    await house.reconcile()
    told = await house.told()
    assert (told.states, told.pushes) == ((), ())
    assert house.github.journal.count("GET /repos/*/hooks") == 0


# --- the repository ----------------------------------------------------------------------------------------------------------


async def test_an_archived_repository_is_said_to_be(running):
    running.repository.archive()
    await running.reconcile()
    assert await running.states() == ["repository_archived"]


@pytest.mark.parametrize(
    ("name", "code"), [("acme/abilities", "repository_renamed"), ("umbrella/skills", "repository_transferred")]
)
async def test_a_new_name_or_owner_is_followed_and_said(running, name, code):
    running.repository.rename(name)
    pushed = await running.push("after", deliver=False)
    await running.reconcile()
    assert running.commit == pushed
    assert await running.states() == [code]
    (state,) = (await running.told()).states
    assert name in state.said


async def test_a_repository_that_is_gone_stays_served_and_is_asked_for_rarely(running):
    served = running.commit
    running.repository.delete()
    assert (await running.reconcile()).outcome == "failed"
    assert await running.states() == ["repository_gone"]
    told = await running.told()
    assert told.lost_since == running.clock.now()
    running.github.journal.reset()
    await running.reconcile()
    assert running.github.journal.count() <= 3
    assert running.commit == served
    assert (await running.told()).lost_since == told.lost_since


async def test_one_that_was_never_there_is_not_said_to_be_gone(house):
    house.repository.delete()
    await house.start()
    await house.reconcile("start")
    assert await house.states() == ["repository_not_found"]
    assert (await house.told()).lost_since is None


async def test_another_repository_under_the_same_name_is_refused(running):
    served = running.repository.id
    running.repository.delete()
    other = running.github.create_repository("acme/skills")
    other.commit(FILES | {"plugins/docs/skills/evil/SKILL.md": skill("evil")})
    commit = running.commit
    assert (await running.reconcile()).outcome == "failed"
    assert running.commit == commit, "not a byte of it is published"
    assert await running.states() == ["repository_replaced"]
    (state,) = (await running.told()).states
    assert str(other.id) in state.said
    assert str(served) in state.said
    await running.restart()
    await running.reconcile(after_s=400)
    assert await running.states() == ["repository_replaced"]


async def test_a_signed_push_of_the_other_repository_is_not_believed_either(running):
    commit = running.commit
    running.repository.delete()
    other = running.github.create_repository("acme/skills")
    other.add_hook(running.url + "/webhooks/github", "hush")
    other.commit(FILES)
    await other.push({"plugins/docs/skills/evil/SKILL.md": skill("evil")})
    await running.parts.marketplaces["acme/skills"].loop.settled()
    assert running.commit == commit
    (latest, *_) = await running.parts.state.recent_deliveries()
    assert latest.state == "noted"
    assert latest.marketplaces == ()


async def test_the_number_in_the_configuration_outweighs_what_was_remembered(running, configure):
    running.repository.delete()
    other = running.github.create_repository("acme/skills")
    other.commit({"README.md": b"mine now"})
    await running.stop()
    configure(marketplace=f"repository_id = {other.id}")
    await running.start()
    await running.reconcile(after_s=400)
    assert "repository_replaced" not in await running.states()


async def test_a_name_that_is_configured_anew_is_learned_anew(running, configure):
    other = running.github.create_repository("acme/others")
    other.commit({"README.md": b"others"})
    assert await running.parts.state.healing.repository_id("acme/skills", "acme/skills") == running.repository.id
    assert await running.parts.state.healing.repository_id("acme/skills", "acme/others") is None
    await running.parts.state.healing.keep_repository("acme/skills", "acme/others", other.id)
    assert await running.parts.state.healing.repository_id("acme/skills", "acme/skills") is None


# --- the credential ----------------------------------------------------------------------------------------------------------


async def test_a_token_that_was_revoked_is_named_and_what_was_published_stays(running):
    served = running.commit
    running.github.revoke_token("token-of-the-mirror")
    await running.reconcile()
    assert await running.states() == ["credentials_refused"]
    assert running.commit == served
    running.github.accept_token("token-of-the-mirror")
    await running.reconcile()
    assert await running.states() == []


async def test_what_begins_and_what_ends_is_said_once(running, hook):
    with capture_logs() as lines:
        hook.active = False
        for _ in range(3):
            await running.reconcile()
        hook.active = True
        await running.reconcile()
    said = [(line["event"], line["code"]) for line in lines if line["event"].startswith("condition")]
    assert said == [("condition_found", "hook_inactive"), ("condition_over", "hook_inactive")]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def of_app(house, configure, key, standin: StandInGitHub):
    """The house as a GitHub App, whose own hook leads here."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (house.folder / "app.pem").touch(0o600)
    (house.folder / "app.pem").write_bytes(pem)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    configure(github='app_id = 7\nprivate_key_file = "app.pem"')
    app = standin.register_app(
        7,
        public.decode(),
        99,
        account="acme",
        permissions={"contents": "read", "metadata": "read"},
        events=("push", "repository", "pull_request", "public", "meta"),
        webhook_url=house.url + "/webhooks/github",
        webhook_secret="hush",
    )
    await house.start()
    await house.reconcile("start", after_s=1)
    assert await house.states() == []
    return app


async def test_an_app_has_its_own_deliveries_and_others_repositories_are_not_ours(house, of_app):
    other = house.github.create_repository("acme/other")
    other.commit({"README.md": b"1"})
    await house.shut()
    house.clock.advance(1)
    await house.push("one")
    await other.push({"README.md": b"2"})
    await house.open()
    house.healer.ask(redeliver=True)
    await house.reconcile("operator", after_s=61)
    (lost,) = (await house.told()).deliveries
    assert (lost.event, lost.state) == ("push", "arrived")
    assert house.github.journal.count("POST /app/hook/deliveries/*") == 1


async def test_an_app_that_is_suspended_or_removed_is_named(house, of_app):
    served = house.commit
    await house.github.change_installation(of_app, "suspend")
    await house.reconcile(after_s=61)
    assert await house.states() == ["app_suspended"]
    await house.github.change_installation(of_app, "unsuspend")
    await house.reconcile(after_s=61)
    assert await house.states() == []
    await house.github.change_installation(of_app, "deleted")
    await house.reconcile(after_s=61)
    assert await house.states() == ["app_uninstalled"]
    assert house.commit == served


# --- after a long loss -------------------------------------------------------------------------------------------------------


async def test_by_default_the_last_publication_stays_for_ever(running):
    running.repository.delete()
    await running.reconcile()
    await running.reconcile(after_s=400 * DAY_S)
    assert running.commit is not None
    assert running.healer.withdrawn is None


async def test_with_grace_it_is_withdrawn_through_restarts_and_served_again(house, configure):
    configure(sync="grace_after_loss_days = 7")
    house.hook()
    await house.start()
    await house.reconcile("start")
    served = house.commit
    house.repository.deleted = True
    await house.reconcile()
    await house.reconcile(after_s=6.9 * DAY_S)
    assert house.commit == served
    await house.reconcile(after_s=0.2 * DAY_S)
    assert house.commit is None
    assert "acme/skills is withdrawn after 7 days without its repository" in house.parts.why_absent()
    assert "cannot be found any more" in house.parts.why_absent()
    await house.restart()
    assert house.commit is None
    house.repository.deleted = False
    await house.reconcile()
    assert house.commit == served
    assert house.healer.withdrawn is None


async def test_what_is_withdrawn_is_answered_as_not_published_with_the_reason(house, configure):
    configure(sync="grace_after_loss_days = 0")
    await house.start()
    await house.reconcile("start")
    parts = house.parts
    queries = Queries(parts.current, parts.mirror, parts.restoring, house.clock, parts.why_absent)
    somebody = Principal(PrincipalId("token:ci"), "CI")
    assert (await queries.whoami(somebody)).snapshots
    house.repository.deleted = True
    await house.reconcile()
    with pytest.raises(Unavailable, match="withdrawn after 0 days without its repository"):
        await queries.whoami(somebody)


async def test_the_days_count_on_when_one_loss_becomes_another(house, configure):
    configure(sync="grace_after_loss_days = 7")
    await house.start()
    await house.reconcile("start")
    house.github.revoke_token("token-of-the-mirror")
    await house.reconcile()
    house.github.accept_token("token-of-the-mirror")
    house.repository.deleted = True
    await house.reconcile(after_s=6 * DAY_S)
    assert await house.states() == ["repository_gone"]
    assert house.commit is not None
    await house.reconcile(after_s=1.1 * DAY_S)
    assert house.commit is None


async def test_a_github_that_is_down_is_no_loss(house, configure):
    configure(sync="grace_after_loss_days = 0")
    await house.start()
    await house.reconcile("start")
    house.github.faults.is_down = True
    await house.reconcile(after_s=30 * DAY_S)
    assert house.commit is not None


# --- the examination ---------------------------------------------------------------------------------------------------------


async def test_doctor_says_each_state_with_its_remedy_and_that_all_is_well(running, hook):
    async def checks():
        operator = running.parts.operator(running_since=running.clock.now())
        return [
            (check.what, check.verdict, check.to_do)
            for check in looked_after(await operator.status(), receives={"acme/skills"})
        ]

    assert await checks() == [("acme/skills", "ok", "")]
    hook.active = False
    running.clock.advance(1)
    await running.push("quiet")
    await running.reconcile()
    ((what, verdict, to_do),) = await checks()
    assert (what, verdict) == ("acme/skills: hook_inactive", "failed")
    assert to_do == MEANINGS["hook_inactive"].remedy
    hook.active = True
    await running.shut()
    await running.push("lost")
    await running.open()
    await running.reconcile()
    ((what, verdict, to_do),) = await checks()
    assert (what, verdict) == ("acme/skills: deliveries", "warning")
    assert "--redeliver" in to_do


def test_every_state_has_a_sentence_a_remedy_and_a_code_of_one_form():
    for code, meaning in MEANINGS.items():
        assert code == code.lower().replace("-", "_")
        assert meaning.remedy
        assert not meaning.said.endswith(".")
        assert Condition(code)
