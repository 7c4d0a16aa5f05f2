"""access.json is the policy it seems to be, or it is refused with the place of the fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.access.model import Absent, AccessPolicy, Malformed, PrincipalId, Rule
from skillport_sync.access.policy import MAX_POLICY_BYTES, POLICY_PATH, read_policy

SOUND: dict[str, Any] = {
    "$schema": "https://example.com/access.schema.json",
    "version": "1.0",
    "editors": [{"id": "google:1", "label": "ada@example.com"}],
    "skills": {"internal": {"read": [{"id": "github:7"}], "write": "editors"}},
    "defaults": {"read": "*", "write": "editors"},
}
IDS = st.sampled_from(["google:1", "github:583231", "token:ci", "demo:ada", "x:y:z"])
PEOPLE = st.lists(st.fixed_dictionaries({"id": IDS}, optional={"label": st.text(max_size=5)}), max_size=3)
READS = st.one_of(st.just("*"), PEOPLE)
WRITES = st.one_of(st.just("editors"), PEOPLE)
POLICIES = st.fixed_dictionaries(
    {
        "version": st.just("1.0"),
        "defaults": st.fixed_dictionaries({"read": READS, "write": WRITES}),
    },
    optional={
        "editors": PEOPLE,
        "skills": st.dictionaries(
            st.text(max_size=5), st.fixed_dictionaries({}, optional={"read": READS, "write": WRITES}), max_size=3
        ),
        "description": st.text(max_size=5),
    },
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4), st.sampled_from(["*", "editors", "1.0"])),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.text(max_size=4), below, max_size=3)),
    max_leaves=5,
)


def read(value: object) -> AccessPolicy | Absent | Malformed:
    return read_policy(json.dumps(value, indent=1).encode())


def refused(value: object) -> Malformed:
    policy = read(value)
    assert isinstance(policy, Malformed), policy
    assert policy.path == POLICY_PATH
    return policy


def with_changed(path: tuple[str | int, ...], change: object) -> Any:
    """The sound policy with one part replaced, or removed where the change is Ellipsis."""
    whole = json.loads(json.dumps(SOUND))
    at = whole
    for step in path[:-1]:
        at = at[step]
    if change is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = change
    return whole


def test_a_sound_policy_is_read() -> None:
    assert read(SOUND) == AccessPolicy(
        version="1.0",
        editors=frozenset({PrincipalId("google:1")}),
        skills={"internal": Rule(read=frozenset({PrincipalId("github:7")}), write="editors")},
        default_read="*",
        default_write="editors",
    )


def test_absent_and_malformed_are_never_confused() -> None:
    assert read_policy(None) == Absent()
    assert isinstance(read_policy(b""), Malformed)
    assert isinstance(read_policy(b"null"), Malformed)
    assert isinstance(read_policy(b"{}"), Malformed)


@given(POLICIES)
def test_every_sound_policy_is_read_as_it_is_written(written: dict[str, Any]) -> None:
    policy = read(written)
    assert isinstance(policy, AccessPolicy)

    def said(audience: object) -> object:
        return frozenset(person["id"] for person in audience) if isinstance(audience, list) else audience

    assert policy.editors == said(written.get("editors", []))
    assert (policy.default_read, policy.default_write) == (
        said(written["defaults"]["read"]),
        said(written["defaults"]["write"]),
    )
    assert policy.skills == {
        name: Rule(said(rule.get("read")), said(rule.get("write"))) for name, rule in written.get("skills", {}).items()
    }


@given(st.one_of(st.binary(), JSON.map(lambda value: json.dumps(value).encode())))
def test_any_bytes_are_a_policy_or_malformed(content: bytes) -> None:
    assert isinstance(read_policy(content), AccessPolicy | Malformed)


PATHS = st.sampled_from(
    [
        ("version",), ("editors",), ("editors", 0), ("editors", 0, "id"), ("skills",), ("skills", "internal"),
        ("skills", "internal", "read"),
        ("skills", "internal", "read", 0), ("skills", "internal", "read", 0, "id"), ("skills", "internal", "write"),
        ("defaults",),
        ("defaults", "read"), ("defaults", "write"),
    ]
)  # fmt: skip


@given(PATHS, JSON)
def test_a_part_that_is_not_what_it_should_be_never_becomes_a_policy(
    path: tuple[str | int, ...], value: object
) -> None:
    policy = read(with_changed(path, value))
    if isinstance(policy, Malformed):
        assert policy.line is not None
        assert policy.column is not None
        return
    # What was accepted says exactly what was written: nothing was dropped, nothing was guessed.
    again = {"version": policy.version, "editors": [{"id": i} for i in policy.editors], "skills": {}, "defaults": {}}
    for name, rule in policy.skills.items():
        again["skills"][name] = {  # type: ignore[call-overload]
            field: audience if isinstance(audience, str) else [{"id": i} for i in audience]
            for field, audience in (("read", rule.read), ("write", rule.write))
            if audience is not None
        }
    again["defaults"] = {
        field: audience if isinstance(audience, str) else [{"id": i} for i in audience]
        for field, audience in (("read", policy.default_read), ("write", policy.default_write))
    }
    assert read(again) == policy


@pytest.mark.parametrize(
    ("path", "change", "line"),
    [
        (("version",), "1.1", 3),
        (("version",), "2.0", 3),
        (("version",), 1.0, 3),
        (("version",), [], 3),
        (("version",), ..., 1),
        (("editors",), "*", 4),
        (("editors",), None, 4),
        (("editors",), {}, 4),
        (("editors", 0), "google:1", 5),
        (("editors", 0, "id"), ..., 5),
        (("editors", 0, "id"), "ada@example.com", 6),
        (("editors", 0, "id"), "google: 1", 6),
        (("editors", 0, "id"), "google:", 6),
        (("editors", 0, "id"), ":1", 6),
        (("editors", 0, "id"), 5, 6),
        (("editors", 0, "role"), "x", 8),
        (("editors", 0, "label"), ["x"], 7),
        (("skills",), [], 10),
        (("skills",), None, 10),
        (("skills", "internal"), "*", 11),
        (("skills", "internal", "reed"), "*", 18),
        (("skills", "internal", "read"), "everybody", 12),
        (("skills", "internal", "read"), "**", 12),
        (("skills", "internal", "read"), None, 12),
        (("skills", "internal", "read"), True, 12),
        (("skills", "internal", "read", 0), "*", 13),
        (("skills", "internal", "write"), "*", 17),
        (("skills", "internal", "write"), [["x"]], 18),
        (("defaults",), ..., 1),
        (("defaults",), {}, 20),
        (("defaults", "read"), ..., 20),
        (("defaults", "write"), ..., 20),
        (("defaults", "read"), "everybody", 21),
        (("defaults", "write"), "*", 22),
        (("skils",), {}, 24),
        (("groups",), {}, 24),
        (("description",), {"a": 1}, 24),
    ],
)
def test_a_fault_is_pointed_at(path: tuple[str | int, ...], change: object, line: int) -> None:
    malformed = refused(with_changed(path, change))
    assert malformed.line == line
    assert malformed.column is not None
    assert malformed.message


def test_messages_say_what_to_write_instead() -> None:
    assert refused(with_changed(("version",), "1.1")).message == 'version "1.1" is not known here; write "1.0"'
    assert refused(with_changed(("defaults", "read"), "all")).message == (
        'defaults.read must be "*" (everybody signed in), "editors" or a list of people, not "all"'
    )
    assert refused(with_changed(("skills", "internal", "read", 0, "id"), "ada")).message == (
        'skills.internal.read[0].id cannot be "ada"; write "provider:uid", as whoami shows it'
    )


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        (b'{"version": "1.0", "defaults": {"read": "*", "write": "editors"},\n "version": "1.0"}', 2, 13),
        (b'{"version": "1.0", "defaults": {"read": [],\n"read": "*", "write": "editors"}}', 2, 9),
        (b'{"version": "1.0" "defaults": 1}', 1, 19),
        (b'{"version": NaN}', None, None),
        (b"[" * 100_000, None, None),
        (b" " * (MAX_POLICY_BYTES + 1), None, None),
        (b'{\n"version": "\xff"}', 2, None),
    ],
)
def test_bytes_that_are_no_sound_document_are_malformed(content: bytes, line: int | None, column: int | None) -> None:
    policy = read_policy(content)
    assert isinstance(policy, Malformed)
    assert (policy.line, policy.column) == (line, column)


def test_a_byte_order_mark_is_tolerated() -> None:
    assert isinstance(read_policy(b"\xef\xbb\xbf" + json.dumps(SOUND).encode()), AccessPolicy)


def test_text_for_people_may_stand_anywhere() -> None:
    noted: Any = {**SOUND, "description": "ours", "$comment": "x"}
    noted["skills"] = {"internal": {**SOUND["skills"]["internal"], "label": "Internal", "comment": "x"}}
    noted["defaults"] = {**SOUND["defaults"], "description": "x"}
    assert read(noted) == read(SOUND)


def test_readers_may_be_the_editors() -> None:
    policy = read(with_changed(("defaults", "read"), "editors"))
    assert isinstance(policy, AccessPolicy)
    assert policy.default_read == "editors"
