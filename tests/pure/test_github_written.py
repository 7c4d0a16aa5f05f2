"""What GitHub's answers to writes mean, what a commit's message says, and where GraphQL is asked."""

from __future__ import annotations

import contextlib
import json
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.errors import Broken, Conflict, Denied, Missing, RateLimited, SkillportError, Unavailable
from skillport_sync.git.objects import CommitId
from skillport_sync.github.locations import graphql_url
from skillport_sync.github.message import Message, Requester
from skillport_sync.github.refusal import refusal, says_protected
from skillport_sync.github.written import Protected, Stale, read_committed, read_mutation, read_pull, read_rights

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
A, B = "a" * 40, "b" * 40


def mutation(answer: Any, **headers: str) -> Any:
    return read_mutation(
        json.dumps(answer).encode(),
        {name.replace("_", "-"): value for name, value in headers.items()},
        "createCommitOnBranch",
        needs="contents=write",
        now=NOW,
    )


def refused(kind: str | None, message: str, **headers: str) -> Any:
    error = {"message": message} | ({"type": kind} if kind else {})
    return mutation({"data": {"createCommitOnBranch": None}, "errors": [error]}, **headers)


def raised(kind: str | None, message: str, **headers: str) -> SkillportError:
    with pytest.raises(SkillportError) as failure:
        refused(kind, message, **headers)
    return failure.value


def test_a_commit_that_was_made_says_what_it_is() -> None:
    fields = mutation({"data": {"createCommitOnBranch": {"commit": {"oid": A, "tree": {"oid": B}}}}})
    made = read_committed(fields, CommitId("c" * 40))
    assert (made.commit, made.tree, made.parent) == (A, B, "c" * 40)


def test_a_payload_beside_an_error_is_still_a_commit() -> None:
    done = {"data": {"createCommitOnBranch": {"commit": {"oid": A}}}, "errors": [{"message": "timeout in a field"}]}
    assert mutation(done) == {"commit": {"oid": A}}


def test_a_branch_that_moved_is_stale() -> None:
    words = f'Expected branch to point to "{A}" but it did not.  Pull and try again.'
    stale = refused("STALE_DATA", words)
    assert isinstance(stale, Stale)
    assert "Pull and try again" in stale.said


@pytest.mark.parametrize(
    "words",
    [
        # As people met them, through one API or the other.
        "Repository rule violations found\n\nChanges must be made through a pull request.\n\n",
        "Changes must be made through a pull request.",
        "protected branch 'main' check failed:\n  At least 1 approving review is required by reviewers with write access.",
        "Protected branch update failed for refs/heads/main.",
        "Repository rule violations found\n\n4 of 4 required status checks are expected.",
    ],
)
def test_a_protected_branch_is_recognised_by_its_words(words: str) -> None:
    assert isinstance(refused("UNPROCESSABLE", words), Protected)
    assert isinstance(refused(None, words), Protected)
    assert says_protected(words)


@pytest.mark.parametrize(
    ("kind", "words", "error", "code"),
    [
        ("FORBIDDEN", "Resource not accessible by integration", Denied, "github_permission_missing"),
        ("FORBIDDEN", "Resource not accessible by personal access token", Denied, "github_permission_missing"),
        ("INSUFFICIENT_SCOPES", "Your token has not been granted the scopes", Denied, "github_permission_missing"),
        ("UNPROCESSABLE", "Repository was archived so is read-only.", Denied, "repository_archived"),
        ("FORBIDDEN", "Repository was archived so is read-only.", Denied, "repository_archived"),
        (
            "UNPROCESSABLE",
            "Repository rule violations found\n\nSecret detected in content",
            Denied,
            "github_push_protection",
        ),
        ("NOT_FOUND", "Could not resolve to a Repository with the name 'x'.", Missing, "github_not_found"),
        ("UNPROCESSABLE", "A path was requested for deletion which does not exist", Conflict, "github_conflict"),
        ("RATE_LIMITED", "API rate limit exceeded", RateLimited, "rate_limited"),
        (None, "You have exceeded a secondary rate limit.", RateLimited, "rate_limited"),
        # Here it may have been done all the same.
        (None, "Something went wrong while executing your query.", Unavailable, "github_unavailable"),
        ("INTERNAL", "Something went wrong", Unavailable, "github_unavailable"),
    ],
)
def test_each_refusal_of_a_mutation_has_one_meaning(
    kind: str | None, words: str, error: type[SkillportError], code: str
) -> None:
    failure = raised(kind, words)
    assert (type(failure), failure.code) == (error, code)
    assert "createCommitOnBranch" in failure.message or code in (
        "repository_archived",
        "github_push_protection",
    )


def test_the_missing_permission_is_named_even_where_github_does_not() -> None:
    assert "contents=write" in raised("FORBIDDEN", "Resource not accessible by integration").message
    told = raised(
        "FORBIDDEN", "Resource not accessible", x_accepted_github_permissions="contents=write,workflows=write"
    )
    assert "workflows=write" in told.message


def test_a_limit_of_queries_lasts_until_it_is_reset() -> None:
    reset = str(int(NOW.timestamp()) + 90)
    told = {"x_ratelimit_limit": "5000", "x_ratelimit_remaining": "0", "x_ratelimit_reset": reset}
    failure = raised("RATE_LIMITED", "API rate limit exceeded", **told)
    assert isinstance(failure, RateLimited)
    assert failure.retry_after_s == 90


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.booleans(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["data", "errors", "type", "message", "createCommitOnBranch"]), x)
        ),
    )
)
def test_whatever_comes_is_a_value_or_one_of_our_errors(answer: object) -> None:
    with contextlib.suppress(SkillportError):
        assert isinstance(mutation(answer), dict | Stale | Protected)


def test_an_answer_that_is_neither_yes_nor_no_is_broken() -> None:
    for answer in ({}, {"data": None}, {"data": {"createCommitOnBranch": None}}, {"data": {"other": {}}}):
        with pytest.raises(Broken):
            mutation(answer)


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (403, "Repository was archived so is read-only.", "repository_archived"),
        (422, "Repository rule violations found\n\nSecret detected in content", "github_push_protection"),
        (409, "Push cannot contain secrets", "github_push_protection"),
        (422, "Update is not a fast forward", "github_conflict"),
    ],
)
def test_refusals_of_writes_over_rest_are_told_apart(status: int, words: str, code: str) -> None:
    error = refusal(status, {}, json.dumps({"message": words}).encode(), asked="POST /x", now=NOW)
    assert error.code == code


def test_the_words_of_each_validation_error_are_told() -> None:
    body = {
        "message": "Validation Failed",
        "errors": [{"resource": "PullRequest", "message": "No commits"}, {"code": 1}],
    }
    error = refusal(422, {}, json.dumps(body).encode(), asked="POST /x", now=NOW)
    assert "“Validation Failed; No commits”" in error.message


@pytest.mark.parametrize(
    ("api", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://github.example.com/api/v3", "https://github.example.com/api/graphql"),
        ("https://api.acme.ghe.com", "https://api.acme.ghe.com/graphql"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/graphql"),
    ],
)
def test_graphql_is_beside_the_rest_api(api: str, graphql: str) -> None:
    assert graphql_url(api) == graphql


# --- pull requests and rights ------------------------------------------------------------------------------------------------

PULL = {
    "number": 7,
    "html_url": "https://github.com/acme/skills/pull/7",
    "state": "closed",
    "title": "Better",
    "body": None,
    "head": {"ref": "skillport/a/1", "sha": A},
    "base": {"ref": "main", "sha": B},
    "created_at": "2026-11-20T12:00:00Z",
    "updated_at": "2026-11-20T12:01:00Z",
    "merged_at": None,
}


@pytest.mark.parametrize(
    ("state", "merged_at", "meant"),
    [("open", None, "open"), ("closed", None, "closed"), ("closed", "2026-11-20T12:01:00Z", "merged")],
)
def test_a_pull_request_is_open_closed_or_merged(state: str, merged_at: str | None, meant: str) -> None:
    pull = read_pull(PULL | {"state": state, "merged_at": merged_at})
    assert (pull.state, pull.number, pull.head_branch, pull.head_commit, pull.body) == (
        meant,
        7,
        "skillport/a/1",
        A,
        "",
    )


@pytest.mark.parametrize("key", ["number", "html_url", "state", "title", "head", "base", "created_at"])
def test_a_pull_request_without_what_everybody_has_is_broken(key: str) -> None:
    with pytest.raises(Broken):
        read_pull({name: value for name, value in PULL.items() if name != key})


@pytest.mark.parametrize(
    ("told", "meant"), [({"permissions": {"push": True}}, True), ({"permissions": {"push": False}}, False), ({}, None)]
)
def test_the_right_to_push_is_told_or_not(told: dict[str, Any], meant: bool | None) -> None:
    body = {"full_name": "acme/skills", "node_id": "R_1", "default_branch": "main", "archived": False} | told
    assert read_rights(json.dumps(body).encode()).may_push is meant


# --- messages ----------------------------------------------------------------------------------------------------------------


def trailers(text: str) -> list[str]:
    """What git itself takes for trailers."""
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=text.encode(), capture_output=True, check=True
    )
    return done.stdout.decode().splitlines()


def test_a_message_names_who_asked_and_a_co_author_where_there_is_an_address() -> None:
    message = Message("Save pdf", Requester("Ada Lovelace", "google:1", "ada@example.com"), "Two files.\nMore to come.")
    assert message.text == (
        "Save pdf\n\nTwo files.\nMore to come.\n\n"
        "Requested-by: Ada Lovelace <google:1>\nCo-authored-by: Ada Lovelace <ada@example.com>"
    )
    assert len(trailers(message.text)) == 2
    without = Message("Save pdf", Requester("Ada", "google:1"))
    assert without.text == "Save pdf\n\nRequested-by: Ada <google:1>"


def test_a_name_is_not_an_address() -> None:
    message = Message("Save", Requester("Ada <evil:1>", "google:1>\n<x", "ada@example.com> <eve@example.com"))
    assert message.trailers == ("Requested-by: Ada evil:1 <google:1 x>",)


_NASTY = st.text() | st.sampled_from(
    [
        "x\nRequested-by: Eve <evil:1>",
        "Requested-by: Eve <evil:1>",
        "x\n\nCo-authored-by: Eve <eve@example.com>\n",
        "x>\r\nRequested-by: Eve <evil:1>",
        "x\u2028Requested-by: Eve <evil:1>",
        "x\x85co-authored-BY: Eve <eve@example.com>",
    ]
)


@given(_NASTY, _NASTY, _NASTY, _NASTY)
def test_nobody_can_speak_for_somebody_else(headline: str, body: str, name: str, person: str) -> None:
    message = Message(headline, Requester(name, person, f"{name}@example.com"), body)
    lines = message.text.splitlines()
    assert len(message.first_line.splitlines()) == 1
    assert len(message.first_line) <= 120
    assert [line for line in lines[1:] if line.casefold().startswith("requested-by:")] == [message.trailers[0]]
    speaking = [line for line in lines[1:] if line.casefold().startswith(("co-authored-by:", "signed-off-by:"))]
    assert speaking == list(message.trailers[1:])
    assert message.is_of(message.text)
    assert message.is_of(message.text + "\n")
    other = Message(headline, Requester(name + "x", person + "x"), body)
    assert not message.is_of(other.text) or message.trailers[0] == other.trailers[0]


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_0123456789abcdefghij",
        "ghs_123_eyJhbGciOi.J9.abc-def",
        "github_pat_11ABCDEFG0123456789",
        "eyJhbGciOiJIUzI1NiJ9.e30.abcdef",
        "sps_0123456789abcdef",
        "sk_api_0123456789",
        "sp_at_0123456789",
    ],
)
def test_a_token_never_gets_into_a_message(secret: str) -> None:
    text = Message(f"Use {secret}", Requester(f"x {secret}", "google:1"), f"see {secret}.").text
    assert secret not in text
    assert secret[:12] not in text
    assert "Use …" in text
