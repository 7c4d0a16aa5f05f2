"""What a delivery says: total over any bytes and headers, tolerant of any shape, exact about the facts that matter."""

from __future__ import annotations

import hmac
import json
import string
from collections.abc import Mapping
from urllib.parse import quote_plus, urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from skillport_sync.git.objects import ZERO_ID
from webhooks.delivery import Delivery, Envelope, NotADelivery, parse, read_envelope
from webhooks.happening import (
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
from webhooks.signature import VerifiedBody, verify

SHA_A, SHA_B = "a" * 40, "b" * 40
EVENTS = (
    "ping", "push", "repository", "public", "meta", "installation", "installation_repositories", "create", "delete", "star",
)  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
# Keys that are read, with values of every shape: the likeliest way to find a fact that is indexed instead of narrowed.
keys = st.sampled_from(
    [
        "action", "ref", "before", "after", "created", "deleted", "forced", "head_commit", "id", "repository", "full_name",
        "default_branch", "private", "archived", "hook", "events", "config", "content_type", "insecure_ssl", "active",
        "changes", "name", "from", "owner", "user", "organization", "login", "installation", "account", "repositories",
        "repositories_added", "repositories_removed", "repository_selection",
    ]
)  # fmt: skip
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=30,
)


def signed(body: bytes) -> VerifiedBody:
    believed = verify(body, "sha256=" + hmac.digest(b"secret", body, "sha256").hex(), [b"secret"])
    assert isinstance(believed, VerifiedBody)
    return believed


def read(event: str, payload: object, *, is_form: bool = False) -> Delivery | NotADelivery:
    text = json.dumps(payload)
    body = f"payload={quote_plus(text)}" if is_form else text
    return parse(signed(body.encode()), Envelope(event, "guid", is_form))


def delivered(event: str, payload: Mapping[str, object]) -> Delivery:
    delivery = read(event, payload)
    assert isinstance(delivery, Delivery)
    return delivery


HEADERS = {
    "X-GitHub-Event": "push",
    "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "Content-Type": "application/json",
}


def test_headers_are_read_whatever_their_case() -> None:
    headers = {name.upper(): value for name, value in HEADERS.items()} | {"x-github-hook-id": "292430182"}
    assert read_envelope(CIMultiDict(headers)) == Envelope(
        "push", "72d3162e-cc78-11e3-81ab-4c9367dc0958", is_form=False, hook_id=292430182
    )


def test_an_enterprise_server_is_named() -> None:
    envelope = read_envelope(CIMultiDict(HEADERS | {"X-GitHub-Enterprise-Host": "GitHub.Acme.example:8443"}))
    assert isinstance(envelope, Envelope)
    assert envelope.host == "github.acme.example:8443"


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"X-GitHub-Event": None}, NotADelivery.EVENT),
        ({"X-GitHub-Event": "push\n"}, NotADelivery.EVENT),
        ({"X-GitHub-Event": "Push Event"}, NotADelivery.EVENT),
        ({"X-GitHub-Event": "e" * 65}, NotADelivery.EVENT),
        ({"X-GitHub-Event": "9lives"}, NotADelivery.EVENT),
        ({"X-GitHub-Event": "_push"}, NotADelivery.EVENT),
        ({"X-GitHub-Event": "Push"}, NotADelivery.EVENT),
        ({"X-GitHub-Delivery": None}, NotADelivery.GUID),
        ({"X-GitHub-Delivery": ""}, NotADelivery.GUID),
        ({"X-GitHub-Delivery": "x" * 65}, NotADelivery.GUID),
        ({"X-GitHub-Delivery": "a'; DROP"}, NotADelivery.GUID),
        ({"Content-Type": None}, NotADelivery.CONTENT_TYPE),
        ({"Content-Type": "text/plain"}, NotADelivery.CONTENT_TYPE),
        ({"Content-Type": "multipart/form-data; boundary=x"}, NotADelivery.CONTENT_TYPE),
        ({"Content-Type": "application/jsonx"}, NotADelivery.CONTENT_TYPE),
    ],
)
def test_headers_that_are_not_githubs_are_refused(changed: dict[str, str | None], because: NotADelivery) -> None:
    headers = {name: value for name, value in {**HEADERS, **changed}.items() if value is not None}
    assert read_envelope(CIMultiDict(headers)) is because


@pytest.mark.parametrize("event", ["p", "e" * 64, "projects_v2_item", "a9"])
def test_an_event_may_have_any_name_that_githubs_have(event: str) -> None:
    envelope = read_envelope(CIMultiDict(HEADERS | {"X-GitHub-Event": event}))
    assert isinstance(envelope, Envelope)
    assert envelope.event == event


@pytest.mark.parametrize("guid", ["a", "Z-9", "x" * 64])
def test_a_guid_may_be_as_long_as_it_is_refused_beyond(guid: str) -> None:
    envelope = read_envelope(CIMultiDict(HEADERS | {"X-GitHub-Delivery": guid}))
    assert isinstance(envelope, Envelope)
    assert envelope.guid == guid


@pytest.mark.parametrize(
    ("content_type", "is_form"),
    [
        ("application/json", False),
        ("application/json; charset=utf-8", False),
        ("application/json;a=b;c=d", False),
        (" Application/JSON ;charset=UTF-8", False),
        ("application/x-www-form-urlencoded", True),
        ("Application/X-WWW-Form-Urlencoded ; charset=utf-8", True),
    ],
)
def test_a_content_type_is_known_in_any_case_and_with_any_parameters(content_type: str, is_form: bool) -> None:
    envelope = read_envelope(CIMultiDict(HEADERS | {"Content-Type": content_type}))
    assert isinstance(envelope, Envelope)
    assert envelope.is_form is is_form


@pytest.mark.parametrize(
    ("hook_id", "number"),
    [
        *((text, None) for text in ("", "-1", "0", "twelve", "١٢", "²", "9" * 19, "9" * 5_000, "0" * 19 + "7")),
        ("1", 1),
        ("0" * 18 + "7", 7),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
    ],
)
def test_a_hook_id_that_is_no_number_is_no_reason_to_refuse(hook_id: str, number: int | None) -> None:
    envelope = read_envelope(CIMultiDict(HEADERS | {"X-GitHub-Hook-ID": hook_id}))
    assert isinstance(envelope, Envelope)
    assert envelope.hook_id == number


@pytest.mark.parametrize(
    ("host", "kept"),
    [
        ("", None),
        ("a b", None),
        ("a\n", None),
        ("h" * 256, None),
        ("H" * 255, "h" * 255),
        ("[::1]", None),
        ("::1", "::1"),
    ],
)
def test_a_host_that_is_none_is_no_reason_to_refuse(host: str, kept: str | None) -> None:
    envelope = read_envelope(CIMultiDict(HEADERS | {"X-GitHub-Enterprise-Host": host}))
    assert isinstance(envelope, Envelope)
    assert envelope.host == kept


@given(
    st.dictionaries(st.sampled_from([*HEADERS, "X-GitHub-Hook-ID", "X-GitHub-Enterprise-Host"]), st.text(max_size=80))
)
def test_no_header_makes_it_raise(headers: dict[str, str]) -> None:
    assert isinstance(read_envelope(CIMultiDict(headers)), Envelope | NotADelivery)


@given(
    body=st.binary(max_size=200) | st.text(string.printable).map(str.encode),
    event=st.sampled_from(EVENTS),
    form=st.booleans(),
)
def test_no_body_makes_it_raise(body: bytes, event: str, form: bool) -> None:
    assert isinstance(parse(signed(body), Envelope(event, "guid", form)), Delivery | NotADelivery)


@given(document=documents, event=st.sampled_from(EVENTS), form=st.booleans())
def test_every_json_document_gives_a_delivery_or_a_reason(document: object, event: str, form: bool) -> None:
    answer = read(event, document, is_form=form)
    assert isinstance(answer, Delivery) == isinstance(document, dict)


@given(documents.filter(lambda document: isinstance(document, dict)), st.sampled_from(EVENTS))
def test_form_and_json_say_the_same(document: dict[str, object], event: str) -> None:
    as_json, as_form = read(event, document), read(event, document, is_form=True)
    assert isinstance(as_json, Delivery)
    assert isinstance(as_form, Delivery)
    assert (as_json.action, as_json.repository, as_json.happening) == (
        as_form.action,
        as_form.repository,
        as_form.happening,
    )


@pytest.mark.parametrize("depth", [1_000, 1_025, 100_000, 2_000_000])
@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_deep_nesting_is_a_reason_and_no_crash(depth: int, bracket: str) -> None:
    nested = bracket * depth + "1" + {"[": "]", '{"a":': "}"}[bracket] * depth
    body = f'{{"x":{nested}}}'.encode()
    expected = Delivery if depth < 1_024 else NotADelivery
    assert isinstance(parse(signed(body), Envelope("push", "guid", is_form=False)), expected)


@pytest.mark.parametrize(
    ("body", "because"),
    [
        (b"", NotADelivery.NOT_JSON),
        (b"{", NotADelivery.NOT_JSON),
        (b'{"a": NaN}', NotADelivery.NOT_JSON),
        (b"\xff\xfe", NotADelivery.NOT_JSON),
        (b"payload=%7B%7D", NotADelivery.NOT_JSON),
        (b"[]", NotADelivery.NOT_AN_OBJECT),
        (b"null", NotADelivery.NOT_AN_OBJECT),
    ],
)
def test_a_json_body_that_is_none_is_told_apart(body: bytes, because: NotADelivery) -> None:
    assert parse(signed(body), Envelope("push", "guid", is_form=False)) is because


@pytest.mark.parametrize(
    ("body", "because"),
    [
        (b"", NotADelivery.NOT_FORM),
        (b"payload", NotADelivery.NOT_FORM),
        (b"other=%7B%7D", NotADelivery.NOT_FORM),
        (b"payload=%7B%7D&payload=%7B%7D", NotADelivery.NOT_FORM),
        (b"payload=%FF", NotADelivery.NOT_FORM),
        (b"payload=%7B%7D&", NotADelivery.NOT_FORM),
        (b"payload=%7B%7D&junk", NotADelivery.NOT_FORM),
        (b"\xff=1", NotADelivery.NOT_FORM),
        (b"&".join(b"a=1" for _ in range(100)), NotADelivery.NOT_FORM),
        (b"payload=%7B", NotADelivery.NOT_JSON),
        (b"payload=1", NotADelivery.NOT_AN_OBJECT),
    ],
)
def test_a_form_body_that_is_none_is_told_apart(body: bytes, because: NotADelivery) -> None:
    assert parse(signed(body), Envelope("push", "guid", is_form=True)) is because


@pytest.mark.parametrize(("others", "is_read"), [(15, True), (16, False)])
def test_a_form_of_more_than_sixteen_fields_is_none(others: int, is_read: bool) -> None:
    body = b"&".join([b"payload=%7B%7D", *[b"a=1"] * others])
    assert isinstance(parse(signed(body), Envelope("push", "guid", is_form=True)), Delivery) is is_read


def test_a_form_may_carry_other_fields() -> None:
    body = urlencode({"x": "1", "payload": '{"ref":"refs/heads/größe"}'}).encode()
    delivery = parse(signed(body), Envelope("push", "guid", is_form=True))
    assert isinstance(delivery, Delivery)
    assert isinstance(delivery.happening, Pushed)
    assert delivery.happening.ref == "refs/heads/größe"


def test_a_push_says_what_moved_and_whose_repository_it_is() -> None:
    delivery = delivered(
        "push",
        {
            "ref": "refs/heads/main", "before": SHA_A, "after": SHA_B, "forced": True,
            "repository": {"id": 7, "full_name": "acme/skills", "default_branch": "main"},
        },
    )  # fmt: skip
    assert delivery.happening == Pushed("refs/heads/main", SHA_A, SHA_B, forced=True)
    assert delivery.repository == Repository(7, "acme/skills", "main")


def test_a_push_that_says_nothing_says_nothing() -> None:
    assert delivered("push", {}).happening == Pushed(None, None, None, forced=False)
    assert delivered("push", {}).repository == Repository()


@pytest.mark.parametrize("value", ["a" * 39, "a" * 41, "A" * 40, "g" * 40, SHA_A + "\n", 5, None, [SHA_A], {}])
def test_a_commit_that_git_would_not_name_is_none(value: object) -> None:
    pushed = delivered("push", {"before": value, "after": value}).happening
    assert isinstance(pushed, Pushed)
    assert (pushed.before, pushed.after) == (None, None)


def test_the_id_of_nothing_is_an_id() -> None:
    assert delivered("push", {"before": ZERO_ID, "after": ZERO_ID}).happening == Pushed(
        None, ZERO_ID, ZERO_ID, forced=False
    )


@pytest.mark.parametrize("value", [False, None, 0, 1, "true", [True]])
def test_a_push_was_forced_only_where_it_says_true(value: object) -> None:
    assert delivered("push", {"forced": value}).happening == Pushed(None, None, None, forced=False)


@pytest.mark.parametrize(
    "ref",
    ["main", "refs/", "refs/heads/a b", "refs/heads/a\x1b[2J", "refs/heads/a\x7f", "refs/heads/" + "x" * 300, 7, None]
    + [f"refs/heads/a{sign}" for sign in "~^:?*[\\\n"]
    + ["refs/" + "x" * 256],
)  # fmt: skip
def test_a_ref_that_git_would_not_have_is_no_ref(ref: object) -> None:
    pushed = delivered("push", {"ref": ref}).happening
    assert isinstance(pushed, Pushed)
    assert pushed.ref is None


@pytest.mark.parametrize("ref", ["refs/x", "refs/heads/größe-1.0_x/y", "refs/heads/a]", "refs/" + "x" * 255])
def test_a_ref_that_git_would_have_is_taken_as_it_is(ref: str) -> None:
    pushed = delivered("push", {"ref": ref}).happening
    assert isinstance(pushed, Pushed)
    assert pushed.ref == ref


@pytest.mark.parametrize("value", [True, False, 0, -1, 2**63, 1.0, "7", None, [7]])
def test_an_id_that_is_no_id_is_none(value: object) -> None:
    assert delivered("push", {"repository": {"id": value}}).repository.id is None


@pytest.mark.parametrize("value", [1, 2**63 - 1])
def test_an_id_is_any_number_that_sqlite_can_hold(value: int) -> None:
    assert delivered("push", {"repository": {"id": value}}).repository.id == value


@pytest.mark.parametrize(
    ("key", "longest", "too_long"),
    [
        ("full_name", "a" * 100 + "/" + "b" * 100, "a" * 100 + "/" + "b" * 101),
        ("full_name", "a.-_9A/Z.-_0", "a" * 101 + "/b"),
        ("default_branch", "x" * 255, "x" * 256),
        ("default_branch", "release/1", "a b"),
    ],
)
def test_a_name_may_be_as_long_as_it_is_nothing_beyond(key: str, longest: str, too_long: str) -> None:
    assert getattr(delivered("push", {"repository": {key: longest}}).repository, key) == longest
    assert getattr(delivered("push", {"repository": {key: too_long}}).repository, key) is None


@pytest.mark.parametrize("value", [None, "acme/skills", [{"id": 7}], 7])
def test_a_repository_that_is_no_object_is_none(value: object) -> None:
    assert delivered("push", {"repository": value}).repository == Repository()


@pytest.mark.parametrize(
    ("action", "read_as"),
    [("a", "a"), ("w" * 64, "w" * 64), ("new_permissions_9*", "new_permissions_9*"), ("w" * 65, None), ("", None)]
    + [(other, None) for other in ("Created", "a b", "a\n", 7, None, ["created"])],
)
def test_an_action_is_a_word_or_nothing(action: object, read_as: str | None) -> None:
    assert delivered("star", {"action": action}).action == read_as


@pytest.mark.parametrize(
    "name", ["acme", "acme/", "/skills", "a/b/c", "acme/sk ills", "acme/skills\n", "a" * 101 + "/b", 5]
)
def test_a_name_that_is_no_repository_name_is_none(name: object) -> None:
    assert delivered("push", {"repository": {"full_name": name}}).repository.full_name is None


@pytest.mark.parametrize(
    ("changes", "previous"),
    [
        ({"repository": {"name": {"from": "old"}}}, "acme/old"),
        ({"owner": {"from": {"user": {"login": "octocat"}}}}, "octocat/skills"),
        ({"owner": {"from": {"organization": {"login": "org"}}}}, "org/skills"),
        ({"owner": {"from": {"user": {"login": "octocat"}, "organization": {"login": "org"}}}}, "octocat/skills"),
        ({"owner": {"from": {"user": {"login": "octocat"}}}, "repository": {"name": {"from": "old"}}}, "octocat/old"),
        ({"repository": {"name": {"from": "n" * 100}}}, "acme/" + "n" * 100),
        ({"repository": {"name": {"from": "n" * 101}}}, None),
        ({"repository": {"name": {"from": "o/ld"}}}, None),
        ({"owner": {"from": {}}}, None),
        ({"description": {"from": "x"}}, None),
        ([], None),
    ],
)
def test_a_rename_or_transfer_names_what_it_was_called_before(changes: object, previous: str | None) -> None:
    delivery = delivered("repository", {"changes": changes, "repository": {"full_name": "acme/skills"}})
    assert delivery.happening == RepositoryChanged(previous_name=previous)


def test_what_a_nameless_repository_was_called_before_is_not_known() -> None:
    changes = {"repository": {"name": {"from": "old"}}, "owner": {"from": {"user": {"login": "octocat"}}}}
    assert delivered("repository", {"changes": changes}).happening == RepositoryChanged()


def test_a_changed_default_branch_names_the_one_before() -> None:
    payload = {"action": "edited", "changes": {"default_branch": {"from": "master"}}}
    assert delivered("repository", payload).happening == RepositoryChanged(previous_branch="master")


def test_a_ping_tells_how_the_webhook_is_set_up() -> None:
    hook = {
        "active": False,
        "events": ["push", 5, "re pository"],
        "config": {"content_type": "form", "insecure_ssl": "1"},
    }
    assert delivered("ping", {"hook": hook}).happening == Pinged(("push",), "form", is_active=False, checks_tls=False)


@pytest.mark.parametrize("payload", [{}, {"hook": None}, {"hook": {"config": [], "events": "push"}}])
def test_a_webhook_of_which_nothing_is_said_is_in_order(payload: dict[str, object]) -> None:
    assert delivered("ping", payload).happening == Pinged((), None, is_active=True, checks_tls=True)


@pytest.mark.parametrize(
    ("value", "checks_tls"),
    [("0", True), (0, True), (False, True), (None, True), ("yes", True), ("1", False), (1, False), (True, False)],
)
def test_a_webhook_checks_tls_unless_it_was_told_not_to(value: object, checks_tls: bool) -> None:
    pinged = delivered("ping", {"hook": {"config": {"insecure_ssl": value}}}).happening
    assert isinstance(pinged, Pinged)
    assert pinged.checks_tls is checks_tls


@pytest.mark.parametrize(("value", "is_active"), [(True, True), (None, True), (0, True), ("no", True), (False, False)])
def test_a_webhook_is_active_unless_it_says_that_it_is_not(value: object, is_active: bool) -> None:
    pinged = delivered("ping", {"hook": {"active": value}}).happening
    assert isinstance(pinged, Pinged)
    assert pinged.is_active is is_active


def test_a_ping_may_name_every_event_there_is() -> None:
    events = ["*", "push", "installation_repositories", "e" * 64, "e" * 65]
    pinged = delivered("ping", {"hook": {"events": events, "config": {"content_type": "m" * 64}}}).happening
    assert pinged == Pinged(tuple(events[:4]), "m" * 64, is_active=True, checks_tls=True)
    too_long = delivered("ping", {"hook": {"config": {"content_type": "m" * 65}}}).happening
    assert too_long == Pinged((), None, is_active=True, checks_tls=True)


def test_an_installation_tells_which_repositories_came_or_went() -> None:
    repositories = [{"id": 1, "full_name": "acme/skills"}]
    facts = (Repository(1, "acme/skills"),)
    account = {"account": {"login": "acme"}}
    assert delivered(
        "installation", {"action": "created", "repositories": repositories, "installation": account}
    ).happening == (InstallationChanged(ended=False, gained=facts))
    assert delivered("installation", {"action": "suspend", "installation": account}).happening == (
        InstallationChanged(ended=True, whole_account="acme")
    )
    assert delivered("installation_repositories", {"repositories_removed": repositories}).happening == (
        InstallationChanged(ended=False, lost=facts)
    )
    assert delivered("installation_repositories", {"repositories_added": repositories}).happening == (
        InstallationChanged(ended=False, gained=facts)
    )


@pytest.mark.parametrize(
    ("action", "ended"), [("created", False), ("unsuspend", False), (None, False), ("deleted", True), ("suspend", True)]
)
def test_what_an_installation_lists_is_lost_where_it_ended(action: str | None, ended: bool) -> None:
    listed = (Repository(1, "acme/skills"), Repository())
    payload = {"action": action, "repositories": [{"id": 1, "full_name": "acme/skills"}, 7]}
    assert delivered("installation", payload).happening == InstallationChanged(
        ended, gained=() if ended else listed, lost=listed if ended else ()
    )


@pytest.mark.parametrize(
    ("selection", "repositories", "whole_account"),
    [
        ("all", [{"id": 1}], "acme"),
        ("selected", [{"id": 1}], None),
        (None, [{"id": 1}], None),
        ("selected", [], "acme"),
        ("selected", "not a list", "acme"),
    ],
)
def test_a_whole_account_is_meant_where_all_are_selected_or_none_is_listed(
    selection: str | None, repositories: object, whole_account: str | None
) -> None:
    installation = {"account": {"login": "acme"}, "repository_selection": selection}
    change = delivered("installation", {"installation": installation, "repositories": repositories}).happening
    assert isinstance(change, InstallationChanged)
    assert change.whole_account == whole_account


def test_of_a_list_of_repositories_no_more_than_ten_thousand_are_read() -> None:
    repositories = [{"id": number} for number in range(1, 10_002)]
    change = delivered("installation_repositories", {"repositories_added": repositories}).happening
    assert isinstance(change, InstallationChanged)
    assert [repository.id for repository in change.gained] == list(range(1, 10_001))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("create", RefNoticed()),
        ("delete", RefNoticed()),
        ("pull_request", PullRequestChanged()),
        ("meta", HookChanged()),
        ("public", RepositoryChanged()),
        ("repository", RepositoryChanged()),
        ("star", Unhandled()),
    ],
)
def test_an_event_is_known_by_its_name_and_one_that_is_not_is_still_a_delivery(event: str, expected: object) -> None:
    delivery = delivered(event, {"action": "created"})
    assert (delivery.happening, delivery.action) == (expected, "created")


def test_a_body_of_the_largest_size_is_read() -> None:
    commits = [{"id": SHA_A, "added": [f"plugins/p/skills/s/{n}" for n in range(300)]}] * 1_000
    body = orjson.dumps({"ref": "refs/heads/main", "commits": commits})
    delivery = parse(signed(body), Envelope("push", "guid", is_form=False))
    assert isinstance(delivery, Delivery)
