"""A difference, applied to the old content, gives the new one, and names nothing that stayed as it was."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from skillport_sync.catalog.model import SourceKey
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import BlobId, Mode, TreeId
from skillport_sync.store.drafts import Content, SkillRow
from skillport_sync.store.intervals import difference

entries = st.builds(
    Entry,
    st.sampled_from([Mode.FILE, Mode.EXECUTABLE]),
    st.integers(0, 2).map(lambda n: BlobId(f"{n:040x}")),
    st.just(1),
)
files = st.dictionaries(st.sampled_from([b"a", b"b", b"c", b"d/e"]), entries)
rows = st.builds(
    SkillRow,
    st.sampled_from(["p", "q"]),
    st.sampled_from(["x", "y"]),
    st.sampled_from(["n", "m"]),
    st.sampled_from([None, "1"]),
    st.integers(0, 1).map(lambda n: TreeId(f"{n:040x}")),
)
contents = st.builds(
    Content,
    st.just(1),
    st.dictionaries(st.sampled_from([SourceKey(""), SourceKey("vendor")]), files),
    st.lists(rows).map(lambda listed: {(row.plugin, row.directory): row for row in listed}),
)


@given(contents, contents)
@example(Content(1, {}, {}), Content(1, {}, {}))
def test_a_difference_leads_from_the_old_content_to_the_new(old: Content, new: Content) -> None:
    change = difference(old, new)
    for key in {*old.entries, *new.entries}:
        before, after = old.entries.get(key, {}), new.entries.get(key, {})
        found = change.files[key]
        assert {path: entry for path, entry in before.items() if path not in found.ended} | found.begun == after
        assert all(before.get(path) != entry for path, entry in found.begun.items())
        assert sorted(found.ended) == sorted(path for path in before if after.get(path) != before[path])
    ended = {(row.plugin, row.directory) for row in (*change.skills.changed, *change.skills.removed)}
    begun = {(row.plugin, row.directory): row for row in (*change.skills.added, *change.skills.changed)}
    assert {identity: row for identity, row in old.skills.items() if identity not in ended} | begun == new.skills
    assert len(begun) == sum(old.skills.get(identity) != row for identity, row in new.skills.items())
    assert {(row.plugin, row.directory) for row in change.skills.added} == new.skills.keys() - old.skills.keys()
    assert change.is_empty == (
        old.skills == new.skills
        and all(old.entries.get(key, {}) == new.entries.get(key, {}) for key in {*old.entries, *new.entries})
    )


@given(contents)
def test_content_that_is_the_same_object_or_merely_equal_has_no_difference(content: Content) -> None:
    copied = Content(
        2,
        {
            key: {path: Entry(entry.mode, BlobId("".join(entry.oid)), 1) for path, entry in listed.items()}
            for key, listed in content.entries.items()
        },
        dict(content.skills),
    )
    assert difference(content, content).is_empty
    assert difference(content, copied).is_empty
