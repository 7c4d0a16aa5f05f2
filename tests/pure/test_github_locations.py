"""Where credentials and signed addresses may go, and where not."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillport_sync.errors import Invalid
from skillport_sync.github.locations import (
    archive_location,
    checked_api_url,
    redirect_within,
    repository_path,
    request_kind,
)

DOTCOM = "https://api.github.com"
ENTERPRISE = "https://ghe.acme.example/api/v3"
RESIDENT = "https://api.acme.ghe.com"
LOOPBACK = "http://127.0.0.1:8123"


@pytest.mark.parametrize(
    "url", [DOTCOM, ENTERPRISE, ENTERPRISE + "/", LOOPBACK, "http://localhost:1", "http://[::1]:1"]
)
def test_credentials_go_over_https_or_stay_on_this_machine(url: str) -> None:
    assert checked_api_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["http://api.github.com", "http://10.0.0.1", "ftp://api.github.com", "api.github.com", "", "https://", "https://u:p@ghe.example",
     "https://ghe.example?x=1", "https://ghe.example#x", "http://127.0.0.1.example", "https://ghe.example:99999", "https://a b"],
)  # fmt: skip
def test_any_other_api_url_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        checked_api_url(url)


@pytest.mark.parametrize(
    ("current", "location", "target"),
    [
        (DOTCOM + "/repos/a/b?x=1", DOTCOM + "/repositories/7?x=1", DOTCOM + "/repositories/7?x=1"),
        (DOTCOM + "/repos/a/b", DOTCOM + ":443/repositories/7", DOTCOM + "/repositories/7"),
        (DOTCOM + "/repos/a/b", "/repositories/7", DOTCOM + "/repositories/7"),
        (DOTCOM + "/repos/a/b", DOTCOM + "/repos/x%2Fy#frag", DOTCOM + "/repos/x%2Fy"),
        (DOTCOM + "/repos/a/b", "http://api.github.com/repositories/7", None),
        (DOTCOM + "/repos/a/b", "https://api.github.com:8443/repositories/7", None),
        (DOTCOM + "/repos/a/b", "https://evil.example/repositories/7", None),
        (DOTCOM + "/repos/a/b", "//evil.example/x", None),
        (DOTCOM + "/repos/a/b", "https://api.github.com@evil.example/x", None),
        (DOTCOM + "/repos/a/b", "https://u:p@api.github.com/x", None),
        (DOTCOM + "/repos/a/b", "javascript:alert(1)", None),
        (LOOPBACK + "/repos/a/b", "http://127.0.0.1:9999/repos/a/b", None),
    ],
)
def test_a_redirect_stays_on_its_origin(current: str, location: str, target: str | None) -> None:
    assert redirect_within(current, location) == target


@pytest.mark.parametrize(
    ("api_url", "location"),
    [
        (DOTCOM, "https://codeload.github.com/acme/skills/legacy.tar.gz/abc?token=S"),
        (ENTERPRISE, "https://codeload.ghe.acme.example/acme/skills/legacy.tar.gz/abc?token=S"),
        (ENTERPRISE, "https://ghe.acme.example/codeload/acme/skills/legacy.tar.gz/abc?token=S"),
        (RESIDENT, "https://codeload.acme.ghe.com/acme/skills/legacy.tar.gz/abc"),
        ("https://ghe.example:8443/api/v3", "https://codeload.ghe.example:8443/x"),
        (LOOPBACK, "http://127.0.0.1:9/acme"),
        (LOOPBACK, "http://localhost:9/acme"),
        (LOOPBACK, "http://[::1]:9/acme"),
        (LOOPBACK, "https://127.0.0.1:9/acme"),
    ],
)
def test_an_archive_comes_from_githubs_own_host(api_url: str, location: str) -> None:
    assert archive_location(api_url, location) == location


@pytest.mark.parametrize(
    ("api_url", "location"),
    [
        (DOTCOM, "http://codeload.github.com/a"),
        (DOTCOM, "https://codeload.github.com:8443/a"),
        (DOTCOM, "https://codeload.github.com.evil.example/a"),
        (DOTCOM, "https://evil.example/codeload.github.com"),
        (DOTCOM, "https://codeload.github.com@evil.example/a"),
        (DOTCOM, "https://u@codeload.github.com/a"),
        (DOTCOM, "https://api.github.com/a"),
        (DOTCOM, "https://codeload.github.com\\@evil.example/a"),
        (DOTCOM, "https://127.0.0.1/a"),
        (DOTCOM, "/a"),
        (DOTCOM, ""),
        (DOTCOM, "https://codeload.github.com/a b"),
        (ENTERPRISE, "http://ghe.acme.example/a"),
        (ENTERPRISE, "https://codeload.github.com/a"),
        (ENTERPRISE, "https://xcodeload.ghe.acme.example/a"),
        (LOOPBACK, "http://codeload.127.0.0.1/a"),
        (LOOPBACK, "https://codeload.github.com/a"),
        ("https://127.0.0.1:1", "http://127.0.0.1:2/a"),
    ],
)
def test_an_archive_from_elsewhere_is_not_fetched(api_url: str, location: str) -> None:
    assert archive_location(api_url, location) is None


@given(st.text(max_size=60))
def test_any_location_is_judged_without_a_fall(location: str) -> None:
    archive_location(DOTCOM, location)
    redirect_within(DOTCOM + "/repos/a/b", location)


@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ((), "/repos/acme/skills"),
        (("commits", "heads/main"), "/repos/acme/skills/commits/heads/main"),
        (("commits", "heads/fix/#7?x=ü%20{y}"), "/repos/acme/skills/commits/heads/fix/%237%3Fx%3D%C3%BC%2520%7By%7D"),
    ],
)
def test_a_ref_keeps_its_slashes_and_nothing_else(rest: tuple[str, ...], path: str) -> None:
    assert repository_path("acme/skills", *rest) == path


@given(st.text(min_size=1, max_size=20))
def test_a_path_never_leaves_its_repository(ref: str) -> None:
    try:
        path = repository_path("acme/skills", "commits", ref)
    except Invalid:
        return
    assert unquote(path) == f"/repos/acme/skills/commits/{ref}"
    assert not {"?", "#"} & set(path)
    assert not {"", ".", ".."} & set(path.split("/")[1:])


@pytest.mark.parametrize(
    "repository", ["", "acme", "acme/", "/skills", "acme/skills/x", "../skills", "acme/..", "acme/."]
)
def test_what_is_not_owner_and_name_is_refused(repository: str) -> None:
    with pytest.raises(Invalid):
        repository_path(repository)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/repos/acme/skills", "repository"),
        ("/repos/acme/skills/commits/heads/main", "commits"),
        ("/repos/acme/skills/git/trees/abc", "git/trees"),
        ("/repositories/7/tarball/abc", "tarball"),
        ("/api/v3/repos/acme/skills/compare/a...b", "compare"),
        ("/app/installations/1/access_tokens", "access_tokens"),
        ("/", ""),
    ],
)
def test_a_log_names_the_kind_of_a_request_only(path: str, kind: str) -> None:
    assert request_kind(path) == kind
