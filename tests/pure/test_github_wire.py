"""GitHub's answers as facts: what is read, and that nothing odd gets through."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.errors import Broken
from skillport_sync.git.listing import RawEntry
from skillport_sync.git.objects import Mode
from skillport_sync.github import wire

A, B, C = "a" * 40, "b" * 40, "c" * 40

COMMIT = {
    "sha": A,
    "tree": {"sha": B, "url": "…"},
    "parents": [{"sha": C}],
    "committer": {"name": "n", "email": "e", "date": "2026-11-20T10:00:00Z"},
}
ENTRY = {"path": "a.md", "mode": "100644", "type": "blob", "sha": A, "size": 3, "url": "…"}
REPOSITORY = {"id": 7, "full_name": "acme/skills", "default_branch": "main", "private": True, "archived": False}
RATE = {
    "x-ratelimit-limit": "5000",
    "x-ratelimit-remaining": "4990",
    "x-ratelimit-reset": "1790000000",
    "x-ratelimit-resource": "core",
}

READERS = [
    wire.read_head,
    wire.read_commit,
    wire.read_tree,
    wire.read_repository,
    wire.read_comparison,
    wire.read_installation,
    lambda body: wire.read_installation_token(orjson.loads(body)),
]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.just(A),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "sha",
                    "tree",
                    "parents",
                    "committer",
                    "date",
                    "truncated",
                    "path",
                    "mode",
                    "type",
                    "size",
                    "id",
                    "status",
                    "token",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


def tree(*entries: Any, **more: Any) -> bytes:
    return orjson.dumps({"sha": A, "tree": list(entries), "truncated": False, **more})


@pytest.mark.parametrize("read", READERS)
@given(body=json_values.map(orjson.dumps))
def test_json_of_any_shape_is_read_or_refused_as_broken(read: Any, body: bytes) -> None:
    with suppress(Broken):
        read(body)


@pytest.mark.parametrize("read", READERS[:-1])
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_as_broken(read: Any, body: bytes) -> None:
    with suppress(Broken):
        read(body)


@given(st.dictionaries(st.sampled_from(sorted(RATE)), st.text(max_size=30) | st.integers().map(str)))
def test_rate_headers_of_any_kind_are_read_or_ignored(headers: dict[str, str]) -> None:
    fact = wire.read_rate(headers)
    assert fact is None or fact.reset_at.tzinfo is UTC


def test_a_head_is_the_whole_body() -> None:
    assert wire.read_head(A.encode()) == A
    for body in (b"", A.encode()[:-1], A.encode() + b"a", A.upper().encode(), b'{"sha":"%s"}' % A.encode()):
        with pytest.raises(Broken):
            wire.read_head(body)


def test_a_commit_names_its_tree_its_parents_and_when_it_was_made() -> None:
    fact = wire.read_commit(orjson.dumps(COMMIT))
    assert (fact.id, fact.tree, fact.parents) == (A, B, (C,))
    assert fact.committed_at == datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [
        {"sha": "short"},
        {"sha": None},
        {"tree": A},
        {"tree": {"sha": 7}},
        {"parents": None},
        {"parents": [A]},
        {"committer": None},
        {"committer": {"date": "yesterday"}},
        {"committer": {"date": "0001-01-01T00:00:00+23:59"}},
    ],
)
def test_an_odd_commit_is_broken(change: dict[str, Any]) -> None:
    with pytest.raises(Broken):
        wire.read_commit(orjson.dumps({**COMMIT, **change}))


def test_every_kind_of_entry_keeps_its_mode() -> None:
    submodule = {"path": "sub", "mode": "160000", "type": "commit", "sha": B}
    directory = {"path": "d", "mode": "040000", "type": "tree", "sha": C}
    blobs = [{**ENTRY, "mode": mode} for mode in ("100644", "100664", "100755", "120000")]
    answer = wire.read_tree(tree(submodule, directory, *blobs))
    assert answer.entries == [
        RawEntry(b"sub", Mode.SUBMODULE, B, None),
        RawEntry(b"d", Mode.TREE, C, None),
        *(RawEntry(b"a.md", mode, A, 3) for mode in (Mode.FILE, Mode.GROUP_WRITABLE, Mode.EXECUTABLE, Mode.SYMLINK)),
    ]
    assert not answer.truncated
    assert not answer.lossy_names


def test_a_truncated_tree_says_so() -> None:
    assert wire.read_tree(tree(ENTRY, truncated=True)).truncated


@pytest.mark.parametrize("escaped", [True, False])
def test_a_name_that_github_could_not_show_is_noticed(escaped: bool) -> None:
    body = tree({**ENTRY, "path": "caf\ufffd.md"}, ENTRY)
    if escaped:
        body = body.replace("\ufffd".encode(), b"\\ufffd")
    answer = wire.read_tree(body)
    assert answer.lossy_names
    assert answer.entries[0].path == "caf\ufffd.md".encode()


@pytest.mark.parametrize(
    "change",
    [
        {"path": 7},
        {"path": None},
        {"mode": "100600"},
        {"mode": 100644},
        {"mode": ["100644"]},
        {"type": "tree"},
        {"type": "commit"},
        {"mode": "160000"},
        {"sha": A[:-1]},
        {"sha": A.upper()},
        {"sha": None},
        {"size": -1},
        {"size": "3"},
        {"size": True},
        {"size": 1.5},
    ],
)
def test_an_odd_entry_breaks_the_whole_tree(change: dict[str, Any]) -> None:
    with pytest.raises(Broken) as caught:
        wire.read_tree(tree(ENTRY, {**ENTRY, **change}))
    assert "entry 1" in caught.value.message


@pytest.mark.parametrize("missing", ["path", "mode", "type", "sha", "size"])
def test_an_incomplete_entry_breaks_the_whole_tree(missing: str) -> None:
    with pytest.raises(Broken):
        wire.read_tree(tree({key: value for key, value in ENTRY.items() if key != missing}))


@pytest.mark.parametrize(
    "body", [tree("a.md"), tree(None), b"[]", b'{"tree":[]}', b'{"tree":{},"truncated":false}', b"<html>"]
)
def test_what_is_no_tree_is_broken(body: bytes) -> None:
    with pytest.raises(Broken):
        wire.read_tree(body)


def test_a_repository_is_known_by_its_number() -> None:
    assert wire.read_repository(orjson.dumps(REPOSITORY)) == wire.RepositoryFact(
        7, "acme/skills", "main", private=True, archived=False
    )
    for change in (
        {"id": "7"},
        {"id": True},
        {"default_branch": ""},
        {"default_branch": None},
        {"private": 1},
        {"archived": None},
    ):
        with pytest.raises(Broken):
            wire.read_repository(orjson.dumps({**REPOSITORY, **change}))


def test_a_comparison_has_one_of_four_results() -> None:
    for status in ("ahead", "behind", "diverged", "identical"):
        assert wire.read_comparison(orjson.dumps({"status": status})) == status
    with pytest.raises(Broken):
        wire.read_comparison(b'{"status":"sideways"}')


def test_a_rate_is_read_whole_or_not_at_all() -> None:
    assert wire.read_rate(RATE) == wire.RateFact(5000, 4990, datetime.fromtimestamp(1790000000, UTC), "core")
    for header in ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"):
        assert wire.read_rate({key: value for key, value in RATE.items() if key != header}) is None
        assert wire.read_rate({**RATE, header: "soon"}) is None
    assert wire.read_rate({**RATE, "x-ratelimit-reset": "9" * 30}) is None


def test_a_token_is_opaque_and_never_shown() -> None:
    token = "ghs_123_eyJhbGciOi.J9.x-y_z" + "A" * 500
    minted = wire.read_installation_token({"token": token, "expires_at": "2026-11-20T11:00:00Z"})
    assert minted.token == token
    assert "ghs_" not in repr(minted)
    for unusable in ("", "a b", "a\nb", "ü", 7, None):
        with pytest.raises(Broken):
            wire.read_installation_token({"token": unusable, "expires_at": "2026-11-20T11:00:00Z"})
