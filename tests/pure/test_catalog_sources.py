"""The repositories that a marketplace takes its plugins from: each asked for once, none that is out of reach, no secret told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillport_sync.catalog.entry_source import EXTERNAL_KINDS, ExternalSource, RelativeSource, remote_of
from skillport_sync.catalog.manifest import Marketplace, read_marketplace
from skillport_sync.catalog.model import OWN_SOURCE, SourceKey, SourceWish
from skillport_sync.catalog.sources import OutOfReach, Whereabouts, wanted_sources, whereabouts
from skillport_sync.git.objects import CommitId

SHA = "0123456789abcdef0123456789abcdef01234567"
HOST = "github.com"


def written(*sources: object) -> bytes:
    entries = [{"name": f"p{number}", "source": source} for number, source in enumerate(sources)]
    return json.dumps({"name": "m", "owner": {"name": "o"}, "plugins": entries}).encode()


def read(source: object) -> tuple[ExternalSource | RelativeSource | None, list[tuple[str, str]]]:
    marketplace = read_marketplace(written(source))
    assert isinstance(marketplace, Marketplace)
    found = [entry.source for entry, _ in marketplace.entries]
    return (found[0] if found else None), [(remark.code, remark.message) for remark in marketplace.remarks]


def external(source: object) -> ExternalSource:
    found, _ = read(source)
    assert isinstance(found, ExternalSource)
    return found


def wishes(*sources: object, host: str = HOST, repository: str = "acme/skills") -> tuple[SourceWish, ...]:
    return wanted_sources(written(*sources), host=host, repository=repository)


def github(repo: str, **fields: object) -> dict[str, object]:
    return {"source": "github", "repo": repo, **fields}


def url(address: str, **fields: object) -> dict[str, object]:
    return {"source": "url", "url": address, **fields}


def subdir(address: str, path: str, **fields: object) -> dict[str, object]:
    return {"source": "git-subdir", "url": address, "path": path, **fields}


# --- the forms ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "remote"),
    [
        ("https://github.com/acme/tools", ("github.com", "acme/tools")),
        ("https://github.com/acme/tools.git", ("github.com", "acme/tools")),
        ("https://github.com/acme/tools/", ("github.com", "acme/tools")),
        ("HTTPS://GitHub.com:443/acme/tools.git/", ("github.com", "acme/tools")),
        ("https://ada:secret@github.com/acme/tools", ("github.com", "acme/tools")),
        ("https://git.acme.example:8443/acme/tools", ("git.acme.example:8443", "acme/tools")),
        ("git@github.com:acme/tools.git", ("github.com", "acme/tools")),
        ("ssh://git@github.com/acme/tools.git", ("github.com", "acme/tools")),
        ("ssh://git@github.com:22/acme/tools", ("github.com", "acme/tools")),
        ("https://github.com/acme/to.o-l_s", ("github.com", "acme/to.o-l_s")),
        ("https://github.com/acme", None),
        ("https://github.com/acme/tools/tree/main", None),
        ("https://github.com/acme/tools?ref=x", None),
        ("https://github.com/acme/..", None),
        ("https://github.com/../tools", None),
        ("http://github.com/acme/tools", None),
        ("git://github.com/acme/tools", None),
        ("file:///acme/tools", None),
        ("acme/tools", None),
        ("github.com:acme/tools", None),
        ("https://", None),
        ("", None),
    ],
)
def test_a_git_url_names_a_host_and_a_repository_or_nothing(address: str, remote: tuple[str, str] | None) -> None:
    assert remote_of(address) == remote


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (github("a/b"), ExternalSource("github", "a/b", "github.com", "a/b")),
        (github("A/b.git", sha=SHA, ref="v1"), ExternalSource("github", "A/b", HOST, "A/b", "", "v1", CommitId(SHA))),
        (url("https://x.example/a/b.git"), ExternalSource("url", "https://x.example/a/b.git", "x.example", "a/b")),
        (url("https://x.example/a.git"), ExternalSource("url", "https://x.example/a.git")),
        (
            subdir("git@x.example:a/b.git", "./plugins//c/", ref="refs/heads/main"),
            ExternalSource("git-subdir", "x.example:a/b.git", "x.example", "a/b", "plugins/c", "refs/heads/main"),
        ),
        (subdir("a/b", "c"), ExternalSource("git-subdir", "a/b", "github.com", "a/b", "c")),
        (url("a/b"), ExternalSource("url", "a/b")),
        ({"source": "npm", "package": "@a/b"}, ExternalSource("npm", "@a/b")),
        ({"source": "archive", "url": "https://x.example/a.zip"}, ExternalSource("archive", "https://x.example/a.zip")),
        ({"source": "command", "command": "make TOKEN=secret"}, ExternalSource("command", "")),
    ],
)
def test_external_sources_are_told_apart(source: dict[str, object], expected: ExternalSource) -> None:
    assert external(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        github("a"),
        github("a/b/c"),
        github("../b"),
        github("a/b?x"),
        github("https://github.com/a/b"),
        {"source": "github"},
        {"source": "github", "repo": 5},
        {"source": "url"},
        url(""),
        {"source": "npm"},
        {"source": "archive", "url": 5},
        {"source": "pip", "package": "a"},
        {"source": "git-subdir", "url": "https://github.com/a/b"},
        subdir("https://github.com/a/b", ""),
        subdir("https://github.com/a/b", "../c"),
        subdir("https://github.com/a/b", "/c"),
        subdir("https://github.com/a/b", "c\\d"),
        *(github("a/b", sha=sha) for sha in (SHA[:39], SHA.upper(), SHA + "0", "", 5, "main", SHA[:39] + "g")),
        *(
            github("a/b", ref=ref)
            for ref in ("", 5, "a b", "a..b", "-a", "/a", "a/", "a.lock", "a\n", "@{1}", "a" * 201)
        ),
        *(
            github("a/b", ref=ref)
            for ref in ("a^", "a~1", "a:b", "a?b", "a*", "a[", "a\\b", "a//b", ".a", "a/.b", "@", "a.")
        ),
    ],
)
def test_a_source_that_nobody_can_mean_is_refused_where_it_stands(source: object) -> None:
    found, told = read(source)
    assert found is None
    assert [code for code, _ in told] == ["source_invalid"]


@pytest.mark.parametrize("ref", ["main", "v1.0", "feature/x", "refs/tags/v1", "a@b", SHA, "a" * 200, "ümlaut", "HEAD"])
def test_names_of_branches_and_tags_are_taken_as_they_are(ref: str) -> None:
    assert external(github("a/b", ref=ref)).ref == ref


@pytest.mark.parametrize(
    "source",
    [
        url("https://u:secret@x.example/a?k=secret"),
        url("https://u:sec/ret@x.example/a"),
        url("https://u:secret?secret@x.example/a/b"),
        url("https://u:secret#secret@x.example/a/b"),
        url("https://secret@github.com/a/b/c#secret"),
        url("secret@x.example:a/b.git#secret"),
        subdir("https://secret:x-oauth@github.com/a/b", "../c"),
        github("https://secret@github.com/a/b"),
        {"source": "archive", "url": "https://secret@x.example/a.zip?sig=secret"},
        {"source": "npm", "package": "https://secret@x.example/a.tgz"},
        {"source": "npm", "package": "a", "registry": "https://secret@x.example"},
        {"source": "command", "command": "curl -H secret"},
    ],
)
def test_credentials_are_never_told(source: dict[str, object]) -> None:
    found, told = read(source)
    assert "secret" not in repr(found)
    assert "secret" not in repr(told)
    assert "secret" not in repr(wishes(source, host="x.example"))


# --- what is wanted ----------------------------------------------------------------------------------------------------------


def test_every_repository_is_wished_for_once_and_by_its_key() -> None:
    wanted = wishes(
        "./local",
        github("Zeta/Z", ref="v2"),
        url("git@github.com:acme/tools.git"),
        subdir("https://github.com/Acme/Tools", "b/c"),
        github("acme/tools", ref="v1", sha=SHA),
        {"source": "npm", "package": "x"},
        url("https://gitlab.com/a/b"),
    )
    assert wanted == (
        SourceWish(SourceKey(f"acme/tools@{SHA}"), "acme/tools", None, CommitId(SHA), ("",)),
        SourceWish(SourceKey("acme/tools@HEAD"), "Acme/Tools", None, None, ("",)),
        SourceWish(SourceKey("zeta/z@v2"), "Zeta/Z", "v2", None, ("",)),
    )


def test_of_a_repository_only_what_is_named_is_wanted() -> None:
    address = "https://github.com/a/b"
    paths = ["p/x", "p-q", "p/x/deep", "z", "p/x"]
    [wanted] = wishes(*(subdir(address, path) for path in paths))
    assert wanted.directories == ("p-q", "p/x", "z")
    [wanted] = wishes(subdir(address, "p"), subdir(address, "./"))
    assert wanted.directories == ("",)


def test_of_two_entries_of_one_name_only_the_first_is_wanted() -> None:
    entries = [{"name": "same", "source": github("a/b")}, {"name": "same", "source": github("c/d")}]
    content = json.dumps({"plugins": entries}).encode()
    assert [wish.key for wish in wanted_sources(content, host=HOST, repository="")] == ["a/b@HEAD"]


@pytest.mark.parametrize(
    ("source", "host", "key"),
    [
        (github("a/b"), HOST, "a/b@HEAD"),
        (github("a/b", ref="HEAD"), HOST, "a/b@HEAD"),
        (github("a/b", ref="v1"), HOST, "a/b@v1"),
        (github("a/b", ref="v1", sha=SHA), HOST, f"a/b@{SHA}"),
        (github("a/b"), "git.acme.example", None),
        (url("https://git.acme.example/a/b"), "Git.Acme.Example", "a/b@HEAD"),
        (url("https://git.acme.example/a/b"), HOST, None),
        (github("Acme/Skills"), HOST, OWN_SOURCE),
        (url("https://github.com/acme/skills.git"), HOST, OWN_SOURCE),
        (github("acme/skills", ref="HEAD"), HOST, OWN_SOURCE),
        (github("acme/skills", ref="main"), HOST, "acme/skills@main"),
        (github("acme/skills", sha=SHA), HOST, f"acme/skills@{SHA}"),
        ({"source": "npm", "package": "acme/skills"}, HOST, None),
    ],
)
def test_within_reach_is_one_host_and_the_own_repository_is_no_other(
    source: dict[str, object], host: str, key: str | None
) -> None:
    at = whereabouts(external(source), host=host, repository="acme/skills")
    assert (None if isinstance(at, OutOfReach) else at.key) == key
    assert [wish.key for wish in wishes(source, host=host)] == ([key] if key else [])


def test_a_directory_of_the_own_repository_may_be_named_like_another() -> None:
    at = whereabouts(external(subdir("https://github.com/acme/skills", "p/x")), host=HOST, repository="acme/skills")
    assert at == Whereabouts(OWN_SOURCE, "p/x")


REPOSITORIES = st.sampled_from(["acme/skills", "Acme/Tools", "acme/tools", "x/y"])
REFS = st.sampled_from([None, "main", "HEAD", SHA])
SOURCES = st.one_of(
    st.builds(lambda repo, ref, sha: github(repo, ref=ref, sha=sha), REPOSITORIES, REFS, st.sampled_from([None, SHA])),
    st.builds(
        lambda repo, path: subdir(f"https://github.com/{repo}", path),
        REPOSITORIES,
        st.sampled_from(["a", "a/b", "a-b", "."]),
    ),
    st.sampled_from(["./a", 5, None, {"source": "npm", "package": "x"}]),
    st.dictionaries(
        st.sampled_from(["source", "repo", "url", "path", "ref", "sha"]),
        st.one_of(st.text(max_size=20), st.integers(), st.sampled_from(sorted(EXTERNAL_KINDS))),
    ),
)


@settings(max_examples=300)
@given(st.lists(SOURCES, max_size=8))
def test_the_wishes_are_those_of_the_entries_in_any_order(sources: list[object]) -> None:
    wanted = wishes(*sources)
    assert wanted == wishes(*reversed(sources))
    assert [wish.key for wish in wanted] == sorted({wish.key for wish in wanted})
    for wish in wanted:
        assert wish.key == f"{wish.repository.lower()}@{wish.sha or wish.ref or 'HEAD'}"
        assert list(wish.directories) == sorted(wish.directories)
        assert wish.key != OWN_SOURCE
    at = [whereabouts(found, host=HOST, repository="acme/skills") for s in sources if (found := read(s)[0]) is not None]
    assert {place.key for place in at if isinstance(place, Whereabouts)} - {OWN_SOURCE} == {wish.key for wish in wanted}
    for place in at:
        if isinstance(place, Whereabouts) and place.wish is not None:
            [wish] = [wish for wish in wanted if wish.key == place.key]
            assert any(not d or place.directory == d or place.directory.startswith(f"{d}/") for d in wish.directories)


@given(st.binary())
def test_any_bytes_ask_for_nothing_or_something(content: bytes) -> None:
    wanted_sources(content, host=HOST, repository="acme/skills")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"plugins": 5}', b"\xff"])
def test_an_unreadable_marketplace_wants_nothing(content: bytes) -> None:
    assert wanted_sources(content, host=HOST, repository="acme/skills") == ()
