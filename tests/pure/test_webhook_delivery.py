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


@pytest.mark.parametrize("hook_id", ["", "-1", "0", "twelve", "١٢", "9" * 19, "9" * 5_000])
def test_a_hook_id_that_is_no_number_is_no_reason_to_refuse(hook_id: str) -> None:
    envelope = read_envelope(CIMultiDict(HEADERS | {"X-GitHub-Hook-ID": hook_id}))
    assert isinstance(envelope, Envelope)
    assert envelope.hook_id is None


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
        (b"\xff=1", NotADelivery.NOT_FORM),
        (b"&".join(b"a=1" for _ in range(100)), NotADelivery.NOT_FORM),
        (b"payload=%7B", NotADelivery.NOT_JSON),
        (b"payload=1", NotADelivery.NOT_AN_OBJECT),
    ],
)
def test_a_form_body_that_is_none_is_told_apart(body: bytes, because: NotADelivery) -> None:
    assert parse(signed(body), Envelope("push", "guid", is_form=True)) is because


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
            "ref": "refs/heads/main", "before": SHA_A, "after": SHA_B, "forced": True, "created": False, "deleted": False,
            "head_commit": {"id": SHA_B},
            "repository": {"id": 7, "full_name": "acme/skills", "default_branch": "main"},
        },
    )  # fmt: skip
    assert delivery.happening == Pushed(
        "refs/heads/main", SHA_A, SHA_B, SHA_B, created=False, deleted=False, forced=True
    )
    assert delivery.repository == Repository(7, "acme/skills", "main")


def test_zero_ids_mean_created_and_deleted_even_where_the_flags_are_missing() -> None:
    created, deleted = delivered("push", {"before": ZERO_ID}).happening, delivered("push", {"after": ZERO_ID}).happening
    assert isinstance(created, Pushed)
    assert isinstance(deleted, Pushed)
    assert (created.created, created.deleted, deleted.created, deleted.deleted) == (True, False, False, True)


@pytest.mark.parametrize(
    ("ref", "head", "is_annotated"),
    [
        ("refs/tags/v1", {"id": SHA_A}, True),
        ("refs/tags/v1", {"id": SHA_B}, False),
        ("refs/tags/v1", None, False),
        ("refs/heads/main", {"id": SHA_A}, False),
    ],
)
def test_an_annotated_tag_is_told_from_the_commit_it_names(ref: str, head: object, is_annotated: bool) -> None:
    pushed = delivered("push", {"ref": ref, "after": SHA_B, "head_commit": head}).happening
    assert isinstance(pushed, Pushed)
    assert pushed.is_annotated_tag is is_annotated


@pytest.mark.parametrize(
    "ref", ["main", "refs/", "refs/heads/a b", "refs/heads/a\x1b[2J", "refs/heads/" + "x" * 300, 7, None]
)
def test_a_ref_that_git_would_not_have_is_no_ref(ref: object) -> None:
    pushed = delivered("push", {"ref": ref}).happening
    assert isinstance(pushed, Pushed)
    assert pushed.ref is None


@pytest.mark.parametrize("value", [True, 0, -1, 2**63, 1.0, "7", None, [7]])
def test_an_id_that_is_no_id_is_none(value: object) -> None:
    assert delivered("push", {"repository": {"id": value}}).repository.id is None


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
        ({"owner": {"from": {}}}, None),
        ({"description": {"from": "x"}}, None),
        ([], None),
    ],
)
def test_a_rename_or_transfer_names_what_it_was_called_before(changes: object, previous: str | None) -> None:
    delivery = delivered("repository", {"changes": changes, "repository": {"full_name": "acme/skills"}})
    assert delivery.happening == RepositoryChanged(previous_name=previous)


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


@pytest.mark.parametrize(
    ("event", "expected"),
    [("create", RefNoticed()), ("delete", RefNoticed()), ("pull_request", PullRequestChanged()), ("star", Unhandled())],
)
def test_events_that_nothing_depends_on_are_still_deliveries(event: str, expected: object) -> None:
    delivery = delivered(event, {"action": "created"})
    assert (delivery.happening, delivery.action) == (expected, "created")


def test_a_body_of_the_largest_size_is_read() -> None:
    commits = [{"id": SHA_A, "added": [f"plugins/p/skills/s/{n}" for n in range(300)]}] * 1_000
    body = orjson.dumps({"ref": "refs/heads/main", "commits": commits})
    delivery = parse(signed(body), Envelope("push", "guid", is_form=False))
    assert isinstance(delivery, Delivery)
