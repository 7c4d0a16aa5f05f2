"""What follows from a delivery: a pull when it may matter, a note when somebody should know, nothing otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.git.objects import ZERO_ID, CommitId
from skillport_sync.ports import MarketplaceName
from webhooks.delivery import Delivery, Envelope
from webhooks.happening import (
    Happening,
    HookChanged,
    InstallationChanged,
    Pinged,
    PullRequestChanged,
    Pushed,
    RefNoticed,
    Repository,
    RepositoryChanged,
    Unhandled,
)
from webhooks.judgement import judge
from webhooks.verdict import Ignore, News, Note, Pull, Watched

ACME, BETA = MarketplaceName("acme"), MarketplaceName("beta")
OURS = Watched(ACME, "acme/skills", None, None)
KNOWN = replace(OURS, repository_id=7)
FACTS = Repository(7, "acme/skills", "main")
OTHER = Repository(8, "other/skills", "main")
PUSH = Pushed("refs/heads/main", CommitId("a" * 40), CommitId("b" * 40), forced=False)
GOOD_PING = Pinged(("push", "repository"), "json", is_active=True, checks_tls=True)


def delivery(happening: Happening, repository: Repository = FACTS, action: str | None = None) -> Delivery:
    return Delivery(Envelope("event", "guid", is_form=False), action, repository, happening)


# --- push ---------------------------------------------------------------------------------------------------------------


def test_a_push_to_the_default_branch_is_pulled_with_its_hint() -> None:
    assert judge(delivery(PUSH), [OURS]) == Pull((ACME,), "push", hint=PUSH)


def test_a_push_to_the_configured_branch_is_pulled_whatever_the_default_is() -> None:
    push = replace(PUSH, ref="refs/heads/release/1")
    assert judge(delivery(push), [replace(OURS, branch="release/1")]) == Pull((ACME,), "push", hint=push)


@pytest.mark.parametrize("branch", [None, "main"])
def test_a_push_to_another_branch_is_ignored(branch: str | None) -> None:
    push = replace(PUSH, ref="refs/heads/feature")
    assert judge(delivery(push), [replace(OURS, branch=branch)]) == Ignore("other_branch_pushed")


def test_a_push_to_the_default_branch_is_ignored_where_another_one_is_configured() -> None:
    assert judge(delivery(PUSH), [replace(OURS, branch="release")]) == Ignore("other_branch_pushed")


@pytest.mark.parametrize(("ref", "because"), [("refs/tags/v1", "tag_pushed"), ("refs/notes/x", "other_ref_pushed")])
def test_tags_and_other_refs_are_ignored(ref: str, because: str) -> None:
    assert judge(delivery(replace(PUSH, ref=ref)), [OURS]) == Ignore(because)


@pytest.mark.parametrize("change", [{"after": ZERO_ID}, {"before": ZERO_ID}, {"forced": True}])
def test_a_deleted_recreated_or_rewritten_branch_is_for_the_pull_to_find_out(change: dict[str, object]) -> None:
    push = replace(PUSH, **change)
    assert judge(delivery(push), [OURS]) == Pull((ACME,), "push", hint=push)


@pytest.mark.parametrize("ref", [None, "refs/heads/"])
def test_a_push_that_does_not_name_its_branch_is_pulled_without_a_hint(ref: str | None) -> None:
    assert judge(delivery(replace(PUSH, ref=ref)), [OURS]) == Pull((ACME,), "push")


def test_a_push_is_no_hint_while_nobody_knows_which_branch_is_followed() -> None:
    push = replace(PUSH, ref="refs/heads/feature")
    unknown = replace(FACTS, default_branch=None)
    assert judge(delivery(push, unknown), [OURS]) == Pull((ACME,), "push")
    pinned = Watched(BETA, "acme/skills", None, "feature")
    assert judge(delivery(push, unknown), [OURS, pinned]) == Pull((ACME, BETA), "push")


def test_of_two_marketplaces_in_one_repository_only_the_pushed_branch_is_pulled() -> None:
    watched = [OURS, Watched(BETA, "acme/skills", None, "beta")]
    assert judge(delivery(replace(PUSH, ref="refs/heads/beta")), watched) == Pull(
        (BETA,), "push", hint=replace(PUSH, ref="refs/heads/beta")
    )


# --- whose repository ---------------------------------------------------------------------------------------------------


def test_a_repository_is_known_by_its_id_whatever_it_is_called_now() -> None:
    assert isinstance(judge(delivery(PUSH, replace(FACTS, full_name="acme/renamed")), [KNOWN]), Pull)


@pytest.mark.parametrize("name", ["acme/skills", "ACME/Skills"])
def test_a_repository_is_known_by_its_name_in_any_case_while_its_id_is_not_known(name: str) -> None:
    assert isinstance(judge(delivery(PUSH, replace(FACTS, full_name=name)), [OURS]), Pull)
    assert isinstance(judge(delivery(PUSH, replace(FACTS, full_name=name, id=None)), [KNOWN]), Pull)
    assert isinstance(judge(delivery(PUSH), [replace(OURS, repository=name)]), Pull)


@pytest.mark.parametrize("name", ["acme/skills", "ACME/Skills"])
@pytest.mark.parametrize("role", ["own", "source"])
def test_another_repository_that_took_up_the_name_is_not_ours(name: str, role: Literal["own", "source"]) -> None:
    replaced = Note((), "unknown_repository", ("repository_was_replaced",))
    watched = replace(KNOWN, role=role)
    assert judge(delivery(PUSH, replace(FACTS, id=8, full_name=name)), [watched]) == replaced
    assert judge(delivery(PUSH, replace(FACTS, id=8)), [replace(watched, repository=name)]) == replaced


@pytest.mark.parametrize("happening", [PUSH, RepositoryChanged(), PullRequestChanged()])
@pytest.mark.parametrize("repository", [OTHER, Repository(), Repository(full_name="acme/skill")])
@pytest.mark.parametrize("role", ["own", "source"])
def test_an_unknown_repository_is_noted(
    happening: Happening, repository: Repository, role: Literal["own", "source"]
) -> None:
    assert judge(delivery(happening, repository), [replace(KNOWN, role=role)]) == Note((), "unknown_repository")
    assert judge(delivery(happening, repository), []) == Note((), "unknown_repository")


# --- repository ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["renamed", "transferred"])
def test_a_repository_with_a_new_name_is_pulled_and_its_new_name_noted(action: str) -> None:
    renamed = replace(FACTS, full_name="acme/toolbox")
    change = RepositoryChanged(previous_name="Acme/Skills")
    assert judge(delivery(change, renamed, action), [OURS]) == Pull(
        (ACME,), f"repository_{action}", news=News(renamed_to="acme/toolbox")
    )


def test_a_new_default_branch_is_followed_unless_a_branch_is_configured() -> None:
    change = RepositoryChanged(previous_branch="master")
    pinned, news = Watched(BETA, "acme/skills", 7, "master"), News(default_branch="main")
    assert judge(delivery(change, action="edited"), [OURS, pinned]) == Pull(
        (ACME,), "default_branch_changed", news=news
    )
    assert judge(delivery(change, action="edited"), [pinned]) == Note((BETA,), "default_branch_changed", news=news)


def test_an_edited_description_is_ignored() -> None:
    assert judge(delivery(RepositoryChanged(), action="edited"), [OURS]) == Ignore("repository_edited")


@pytest.mark.parametrize(
    ("action", "news"),
    [
        ("archived", News(archived=True)),
        ("unarchived", News(archived=False)),
        ("privatized", News(visibility="private")),
        ("publicized", News(visibility="public")),
    ],
)
def test_what_is_now_true_of_a_repository_is_noted(action: str, news: News) -> None:
    assert judge(delivery(RepositoryChanged(), action=action), [OURS]) == Note(
        (ACME,), f"repository_{action}", news=news
    )


def test_the_event_public_reads_as_publicized() -> None:
    assert judge(delivery(RepositoryChanged()), [OURS]) == (
        Note((ACME,), "repository_publicized", news=News(visibility="public"))
    )


@pytest.mark.parametrize("action", ["deleted", "created"])
def test_a_deleted_or_created_repository_is_for_the_pull_to_find_out(action: str) -> None:
    judgement = judge(delivery(RepositoryChanged(), action=action), [KNOWN])
    assert judgement == Pull((ACME,), f"repository_{action}", news=News(deleted=action == "deleted"))


def test_an_action_that_github_may_invent_is_ignored() -> None:
    assert judge(delivery(RepositoryChanged(), action="teleported"), [OURS]) == Ignore("repository_teleported")


# --- the webhook and the App ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ping", "warnings"),
    [
        (GOOD_PING, ()),
        (replace(GOOD_PING, events=("*",)), ()),
        (replace(GOOD_PING, events=("push",)), ("repository_not_subscribed",)),
        (replace(GOOD_PING, events=()), ("push_not_subscribed", "repository_not_subscribed")),
        (replace(GOOD_PING, content_type="form"), ("content_type_form",)),
        (replace(GOOD_PING, is_active=False), ("webhook_inactive",)),
        (replace(GOOD_PING, checks_tls=False), ("tls_not_verified",)),
        (
            Pinged(("repository",), "form", is_active=False, checks_tls=False),
            ("push_not_subscribed", "content_type_form", "webhook_inactive", "tls_not_verified"),
        ),
        (replace(GOOD_PING, content_type=None), ()),
    ],
)
def test_a_ping_is_noted_with_what_is_wrong_with_the_webhook(ping: Pinged, warnings: tuple[str, ...]) -> None:
    assert judge(delivery(ping), [OURS]) == Note((ACME,), "ping", warnings, News(hook_deleted=False))
    assert judge(delivery(ping, Repository()), [OURS]) == Note((), "ping", warnings, News(hook_deleted=False))


def test_a_deleted_webhook_is_noted_loudly() -> None:
    assert judge(delivery(HookChanged(), action="deleted"), [OURS]) == Note(
        (ACME,), "webhook_deleted", ("webhook_deleted",), News(hook_deleted=True)
    )
    assert judge(delivery(HookChanged(), OTHER), [OURS]) == Note(
        (), "webhook_deleted", ("webhook_deleted",), News(hook_deleted=True)
    )


def test_repositories_that_an_app_may_see_again_are_pulled() -> None:
    change = InstallationChanged(ended=False, gained=(OTHER, FACTS))
    assert judge(delivery(change, Repository(), "added"), [OURS]) == Pull(
        (ACME,), "installation_added", news=News(installation_state="active")
    )


def test_repositories_that_an_app_may_no_longer_see_are_noted_loudly() -> None:
    change = InstallationChanged(ended=False, lost=(FACTS,))
    assert judge(delivery(change, Repository(), "removed"), [OURS]) == (
        Note((ACME,), "installation_removed", ("access_lost",), News(installation_state="removed"))
    )


@pytest.mark.parametrize("action", ["created", "unsuspend", "new_permissions_accepted"])
def test_an_installation_that_may_read_again_is_pulled(action: str) -> None:
    change = InstallationChanged(ended=False, whole_account="Acme")
    assert judge(delivery(change, Repository(), action), [OURS]) == (
        Pull((ACME,), f"installation_{action}", news=News(installation_state="active"))
    )


@pytest.mark.parametrize(("action", "state"), [("deleted", "deleted"), ("suspend", "suspended")])
def test_an_installation_that_ended_is_noted_loudly(action: str, state: str) -> None:
    change = InstallationChanged(ended=True, whole_account="acme")
    assert judge(delivery(change, Repository(), action), [OURS]) == (
        Note((ACME,), f"installation_{action}", ("access_lost",), News(installation_state=state))
    )


@pytest.mark.parametrize("role", ["own", "source"])
@pytest.mark.parametrize("account", ["acme-two", "skills", "acme/skills", None])
def test_installations_of_others_are_ignored(account: str | None, role: Literal["own", "source"]) -> None:
    change = InstallationChanged(ended=False, gained=(OTHER,), lost=(OTHER,), whole_account=account)
    watched = replace(OURS, role=role)
    assert judge(delivery(change, Repository(), "created"), [watched]) == Ignore("installation_of_others")


def test_an_account_is_known_in_any_case_and_an_installation_that_does_not_say_what_became_of_it_has_changed() -> None:
    change = InstallationChanged(ended=False, whole_account="acme")
    watched = replace(OURS, repository="ACME/skills")
    assert judge(delivery(change, Repository()), [watched]) == (
        Pull((ACME,), "installation_changed", news=News(installation_state="active"))
    )
    ended = replace(change, ended=True)
    assert judge(delivery(ended, Repository()), [watched]) == (
        Note((ACME,), "installation_changed", ("access_lost",), News(installation_state="removed"))
    )


# --- who takes plugins from a repository ----------------------------------------------------------------------------------

USED = Watched(BETA, "acme/skills", None, None, "source")
TAG = replace(PUSH, ref="refs/tags/v1")


def test_a_push_to_a_repository_that_is_a_source_is_pulled_by_its_users_without_a_hint() -> None:
    assert judge(delivery(PUSH), [USED]) == Pull((), "source_push", users=(BETA,))


@pytest.mark.parametrize("ref", ["refs/heads/v1", "refs/tags/v1"])
def test_a_source_s_ref_is_a_branch_or_a_tag(ref: str) -> None:
    used = replace(USED, branch="v1")
    assert judge(delivery(replace(PUSH, ref=ref)), [used]) == Pull((), "source_push", users=(BETA,))


@pytest.mark.parametrize(
    ("ref", "branch", "because"),
    [
        ("refs/heads/feature", None, "other_branch_pushed"),
        ("refs/heads/feature", "main", "other_branch_pushed"),
        ("refs/tags/v2", "v1", "tag_pushed"),
        ("refs/tags/main", None, "tag_pushed"),
        ("refs/notes/v1", "v1", "other_ref_pushed"),
    ],
)
def test_a_push_to_what_no_user_of_a_source_follows_is_ignored(ref: str, branch: str | None, because: str) -> None:
    assert judge(delivery(replace(PUSH, ref=ref)), [replace(USED, branch=branch)]) == Ignore(because)


@pytest.mark.parametrize("branch", [None, "v1"])
def test_a_push_that_does_not_name_its_ref_is_looked_after_by_every_user(branch: str | None) -> None:
    push = replace(PUSH, ref=None)
    assert judge(delivery(push), [replace(USED, branch=branch)]) == Pull((), "source_push", users=(BETA,))


def test_a_push_is_looked_after_while_nobody_knows_the_source_s_default_branch() -> None:
    push = replace(PUSH, ref="refs/heads/feature")
    unknown = replace(FACTS, default_branch=None)
    assert judge(delivery(push, unknown), [USED]) == Pull((), "source_push", users=(BETA,))


def test_who_is_mirrored_and_who_takes_plugins_from_one_repository_both_look_and_only_the_former_has_the_hint() -> None:
    assert judge(delivery(PUSH), [OURS, USED]) == Pull((ACME,), "push", hint=PUSH, users=(BETA,))
    assert judge(delivery(TAG), [OURS, replace(USED, branch="v1")]) == Pull((), "source_push", users=(BETA,))
    assert judge(delivery(PUSH), [OURS, replace(USED, branch="v1")]) == Pull((ACME,), "push", hint=PUSH)


def test_who_is_both_looks_once() -> None:
    """A marketplace that takes a plugin from another branch of its own repository."""
    watched = [OURS, replace(USED, marketplace=ACME), replace(USED, marketplace=ACME, branch="v1")]
    assert judge(delivery(PUSH), watched) == Pull((ACME,), "push", hint=PUSH)
    assert judge(delivery(TAG), watched) == Pull((), "source_push", users=(ACME,))


def test_several_sources_of_one_repository_are_one_look() -> None:
    watched = [USED, replace(USED, branch="main"), replace(USED, marketplace=ACME)]
    assert judge(delivery(PUSH), watched) == Pull((), "source_push", users=(BETA, ACME))


@pytest.mark.parametrize("action", ["renamed", "transferred", "deleted", "created", "privatized"])
def test_whether_a_source_is_still_there_and_ours_to_see_is_for_the_pull_to_find_out(action: str) -> None:
    change = RepositoryChanged(previous_name="acme/skills")
    moved = replace(FACTS, full_name="acme/toolbox")
    assert judge(delivery(change, moved, action), [USED]) == Pull((), f"source_{action}", users=(BETA,))


def test_a_source_s_new_default_branch_is_followed_unless_a_ref_is_named() -> None:
    change = delivery(RepositoryChanged(previous_branch="master"), action="edited")
    assert judge(change, [USED]) == Pull((), "source_default_branch_changed", users=(BETA,))
    assert judge(change, [replace(USED, branch="master")]) == Ignore("source_default_branch_changed")
    assert judge(delivery(RepositoryChanged(), action="edited"), [USED]) == Ignore("source_edited")


def test_a_source_that_everybody_may_read_from_now_on_is_noted_loudly() -> None:
    """What only some may read here, everybody may read there."""
    loudly = Note((), "source_publicized", ("source_publicized",), users=(BETA,))
    assert judge(delivery(RepositoryChanged()), [USED]) == loudly
    assert judge(delivery(RepositoryChanged(), action="publicized"), [USED]) == loudly


@pytest.mark.parametrize("action", ["archived", "unarchived"])
def test_an_archived_source_is_noted(action: str) -> None:
    assert judge(delivery(RepositoryChanged(), action=action), [USED]) == Note((), f"source_{action}", users=(BETA,))


def test_an_action_on_a_source_that_github_may_invent_is_ignored() -> None:
    assert judge(delivery(RepositoryChanged(), action="teleported"), [USED]) == Ignore("source_teleported")


def test_what_is_true_of_a_repository_is_news_of_who_is_mirrored_from_it_only() -> None:
    private = delivery(RepositoryChanged(), action="privatized")
    assert judge(private, [OURS, USED]) == Pull(
        (), "source_privatized", news=News(visibility="private"), users=(BETA,), noted=(ACME,)
    )
    public = delivery(RepositoryChanged(), action="publicized")
    assert judge(public, [OURS, USED]) == Note(
        (ACME,), "repository_publicized", ("source_publicized",), News(visibility="public"), users=(BETA,)
    )


def test_who_is_both_is_told_once_of_what_is_now_true() -> None:
    """A marketplace that takes a plugin from its own repository."""
    watched = [OURS, replace(USED, marketplace=ACME)]
    assert judge(delivery(RepositoryChanged(), action="archived"), watched) == Note(
        (ACME,), "repository_archived", news=News(archived=True)
    )
    assert judge(delivery(RepositoryChanged(), action="privatized"), watched) == Pull(
        (), "source_privatized", news=News(visibility="private"), users=(ACME,), noted=(ACME,)
    )


def test_whoever_loses_sight_of_a_repository_is_told_once_for_all() -> None:
    change = InstallationChanged(ended=False, lost=(FACTS,))
    assert judge(delivery(change, Repository(), "removed"), [OURS, USED]) == Note(
        (ACME,), "installation_removed", ("access_lost",), News(installation_state="removed"), users=(BETA,)
    )


def test_sources_that_an_app_may_see_again_are_pulled_and_those_it_lost_are_noted_loudly() -> None:
    gained = InstallationChanged(ended=False, gained=(FACTS,))
    assert judge(delivery(gained, Repository(), "added"), [USED]) == Pull((), "installation_added", users=(BETA,))
    lost = InstallationChanged(ended=False, lost=(FACTS,))
    assert judge(delivery(lost, Repository(), "removed"), [USED]) == Note(
        (), "installation_removed", ("access_lost",), users=(BETA,)
    )


def test_nothing_that_somebody_should_mend_is_lost_where_others_look() -> None:
    change = InstallationChanged(ended=False, gained=(OTHER,), lost=(FACTS,))
    watched = [OURS, Watched(BETA, "other/skills", None, None, "source")]
    judgement = judge(delivery(change, Repository(), "added"), watched)
    assert isinstance(judgement, Pull)
    assert (judgement.users, judgement.noted, judgement.warnings) == ((BETA,), (ACME,), ("access_lost",))
    assert judgement.news == News(installation_state="removed")
    watched = [Watched(ACME, "other/skills", None, None), USED]
    assert judge(delivery(change, Repository(), "added"), watched) == Pull(
        (ACME,), "installation_added", news=News(installation_state="active"), warnings=("access_lost",)
    )


# --- the rest -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("happening", "because"), [(RefNoticed(), "told_by_push"), (Unhandled(), "unknown_event")])
def test_events_that_change_nothing_are_ignored(happening: Happening, because: str) -> None:
    assert judge(delivery(happening), [OURS]) == Ignore(because)


def test_a_pull_request_that_ended_is_looked_at_by_who_is_mirrored_from_there() -> None:
    closed = delivery(PullRequestChanged(), action="closed")
    assert judge(closed, [OURS, USED]) == Pull((ACME,), "pull_request_closed")
    assert judge(delivery(PullRequestChanged(), action="opened"), [OURS]) == Ignore("pull_request_not_closed")
    assert judge(closed, [USED]) == Ignore("pull_request_of_source")


names = st.sampled_from(["acme/skills", "ACME/skills", "acme/other", "beta/skills"])
branches = st.none() | st.sampled_from(["main", "beta"])
ids = st.none() | st.integers(1, 3)
watchers = st.lists(
    st.builds(Watched, st.sampled_from([ACME, BETA]), names, ids, branches, st.sampled_from(["own", "source"])),
    max_size=4,
    unique_by=lambda one: one.marketplace if one.role == "own" else one,
)
repositories = st.builds(Repository, ids, st.none() | names, branches)
several = st.lists(repositories, max_size=3).map(tuple)
pushes = st.builds(
    Pushed,
    st.none() | st.sampled_from(["refs/heads/main", "refs/heads/beta", "refs/tags/main"]),
    *[st.none()] * 2,
    st.booleans(),
)
happenings = st.one_of(
    pushes,
    st.builds(Pinged, st.just(()), st.none(), st.booleans(), st.booleans()),
    st.builds(RepositoryChanged, st.none() | names, branches),
    st.builds(
        InstallationChanged,
        st.booleans(),
        st.lists(repositories).map(tuple),
        st.lists(repositories).map(tuple),
        st.none(),
    ),
    st.just(HookChanged()),
    st.just(RefNoticed()),
    st.just(PullRequestChanged()),
    st.just(Unhandled()),
)
actions = st.none() | st.sampled_from(["renamed", "edited", "archived", "deleted", "created", "suspend", "whatever"])


@given(happenings, repositories, actions, watchers)
def test_every_delivery_is_judged_and_a_pull_names_somebody_who_watches(
    happening: Happening, repository: Repository, action: str | None, watched: list[Watched]
) -> None:
    judgement = judge(delivery(happening, repository, action), watched)
    if isinstance(judgement, Pull):
        assert judgement.marketplaces or judgement.users
    if isinstance(judgement, Pull | Note):
        named = [*judgement.marketplaces, *judgement.users]
        assert set(judgement.marketplaces) <= {one.marketplace for one in watched if one.role == "own"}
        assert set(judgement.users) <= {one.marketplace for one in watched if one.role == "source"}
        assert len(set(named)) == len(named)


@given(pushes, repositories, watchers)
def test_a_hint_is_only_given_to_who_follows_exactly_the_pushed_branch(
    push: Pushed, repository: Repository, watched: list[Watched]
) -> None:
    judgement = judge(delivery(push, repository), watched)
    if isinstance(judgement, Pull) and judgement.hint:
        followed = {one.marketplace: one.branch or repository.default_branch for one in watched if one.role == "own"}
        assert {f"refs/heads/{followed[marketplace]}" for marketplace in judgement.marketplaces} == {push.ref}


@given(happenings, repositories, actions, watchers)
def test_who_is_mirrored_from_a_repository_is_told_the_same_whoever_takes_plugins_from_it(
    happening: Happening, repository: Repository, action: str | None, watched: list[Watched]
) -> None:
    with_users = judge(delivery(happening, repository, action), watched)
    alone = judge(delivery(happening, repository, action), [one for one in watched if one.role == "own"])
    if isinstance(alone, Pull):
        assert isinstance(with_users, Pull)
        assert (with_users.marketplaces, with_users.hint, with_users.news) == (
            alone.marketplaces,
            alone.hint,
            alone.news,
        )
    if isinstance(alone, Note) and alone.marketplaces:
        assert isinstance(with_users, Pull | Note)
        assert with_users.news == alone.news
        assert set(alone.warnings) <= set(with_users.warnings)
