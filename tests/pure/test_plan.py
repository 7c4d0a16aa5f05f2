"""The decisions of a pull: which commit, whether to believe a head, how to fetch, what changed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skillport_sync.files import within
from skillport_sync.git.listing import Entry, Listing
from skillport_sync.git.objects import EMPTY_TREE, ZERO_ID, BlobId, CommitId, Mode
from skillport_sync.sync.plan import (
    FEW_BLOBS,
    SECOND_LOOK_S,
    AskRelation,
    Believe,
    Bounds,
    Load,
    LookAgain,
    PushHint,
    TooMuch,
    Transfer,
    check_load,
    diff,
    end_of_pushes,
    judge_head,
    load_of,
    plan_transfer,
    shared,
    unfulfilled,
)

A, B, C, D, E = (CommitId(digit * 40) for digit in "abcde")
ZERO = CommitId(ZERO_ID)

commits = st.sampled_from([A, B, C, D, E, ZERO])
hints = st.lists(st.builds(PushHint, commits, commits), max_size=6)
chains = st.lists(st.integers(1, 10**9), min_size=2, max_size=30, unique=True).map(
    lambda numbers: [CommitId(f"{number:040x}") for number in numbers]
)


def pushes(*ids: CommitId) -> list[PushHint]:
    """One push from each commit to the next."""
    return [PushHint(before, after) for before, after in pairwise(ids)]


# --- which commit ---------------------------------------------------------------------------------------------------------


@given(chains, st.randoms(use_true_random=False))
def test_pushes_in_any_order_and_repeated_lead_to_the_last_commit(chain, random):
    delivered = pushes(*chain) + random.choices(pushes(*chain), k=3)
    random.shuffle(delivered)
    assert end_of_pushes(chain[0], delivered) == chain[-1]


@given(chains.filter(lambda chain: len(chain) > 2), st.data())
def test_a_chain_with_a_lost_push_leads_nowhere(chain, data):
    delivered = pushes(*chain)
    lost = data.draw(st.integers(0, len(delivered) - 2), label="lost, never the last")
    del delivered[lost]
    assert end_of_pushes(chain[0], delivered) is None


@given(chains, st.integers(1, 29))
def test_pushes_that_were_seen_before_lead_nowhere(chain, already):
    seen = chain[min(already, len(chain) - 1)]
    assert end_of_pushes(seen, pushes(*chain)) is None


@given(st.none() | commits, hints)
def test_what_pushes_lead_to_is_always_the_end_of_one_of_them(head, delivered):
    end = end_of_pushes(head, delivered)
    if end is not None:
        assert end != head
        assert end in {hint.after for hint in delivered}
        assert end not in {hint.before for hint in delivered}


@pytest.mark.parametrize(
    ("head", "delivered"),
    [
        pytest.param(None, pushes(A, B), id="nothing was published yet"),
        pytest.param(A, [], id="no push"),
        pytest.param(A, pushes(ZERO, B), id="branch created"),
        pytest.param(A, pushes(A, ZERO), id="branch deleted"),
        pytest.param(A, pushes(A, ZERO, B), id="branch deleted and created again"),
        pytest.param(A, [PushHint(A, B), PushHint(A, C)], id="two pushes from one commit"),
        pytest.param(A, [*pushes(A, B), *pushes(C, D)], id="a push that does not connect"),
        pytest.param(A, pushes(A, B, A), id="forced there and back"),
        pytest.param(A, pushes(A, B, C, B), id="forced back to a commit on the way"),
        pytest.param(A, pushes(A, A), id="a push that moved nothing"),
    ],
)
def test_pushes_that_do_not_explain_themselves_are_not_followed(head, delivered):
    assert end_of_pushes(head, delivered) is None


def test_a_forced_push_back_to_an_older_commit_is_followed():
    assert end_of_pushes(C, pushes(C, A)) == A


@given(chains, st.data())
def test_pushes_are_fulfilled_once_their_last_commit_was_seen(chain, data):
    delivered = data.draw(st.permutations(pushes(*chain)))
    assert not unfulfilled(delivered, {chain[-1]})
    assert unfulfilled(delivered, set(chain[:-1]))


def test_a_push_whose_commit_was_published_earlier_is_fulfilled():
    assert not unfulfilled(pushes(A, B), {B, C})


def test_deleting_a_branch_waits_for_no_commit():
    assert not unfulfilled(pushes(A, ZERO), set())


def test_a_created_branch_waits_for_its_commit():
    assert unfulfilled(pushes(A, ZERO, B), {A})


# --- whether to believe a head --------------------------------------------------------------------------------------------


def judge(head, *, believed=(B,), parents=(), hinted=(), relation=None, seen=None):
    return judge_head(
        head, believed=believed, parents=parents, hinted=hinted, relation=relation, seen_before_for_s=seen
    )


@given(commits, st.sets(commits, max_size=3), hints)
def test_the_first_head_is_believed(head, parents, hinted):
    assert judge(head, believed=(), parents=parents, hinted=hinted) == Believe()


@given(
    st.sampled_from([A, C, D]),
    st.sets(st.sampled_from([A, C, D, E]), max_size=2),
    st.sampled_from(["behind", "diverged", "unknown"]),
)
def test_a_head_never_moves_backwards_because_one_read_lagged(head, parents, relation):
    """Whatever GitHub says of it: a head that does not descend from ours is not believed at its first look."""
    assert judge(head, parents=parents) == AskRelation()
    assert judge(head, parents=parents, relation=relation) == LookAgain(SECOND_LOOK_S)


@given(st.floats(0, 60), st.sampled_from(["behind", "diverged", "unknown"]))
def test_a_rewritten_head_is_believed_at_a_second_look_that_comes_late_enough(seen, relation):
    verdict = judge(A, relation=relation, seen=seen)
    if seen >= SECOND_LOOK_S:
        assert verdict == Believe(rewritten=True)
    else:
        assert isinstance(verdict, LookAgain)
        assert seen + verdict.after_s == pytest.approx(SECOND_LOOK_S)


def test_a_child_is_believed_at_once():
    assert judge(C, parents=(A, B)) == Believe()


def test_a_descendant_is_believed_once_github_says_that_it_is_one():
    assert judge(D, parents=(C,)) == AskRelation()
    assert judge(D, parents=(C,), relation="ahead") == Believe()


def test_a_signed_push_from_what_is_published_is_believed_though_it_moves_backwards():
    assert judge(A, hinted=pushes(B, A)) == Believe()


def test_a_chain_of_signed_pushes_is_believed():
    assert judge(E, hinted=pushes(B, D, A, E)) == Believe()
    assert judge(A, hinted=pushes(B, D, A, E)) == Believe(), "reads may lag behind the last of them"


def test_a_late_delivery_and_a_lagging_read_together_do_not_bring_back_what_was_replaced():
    """A→B was published by other means, then C; now its delivery arrives at last and the read is old."""
    assert judge(B, believed=(C,), parents=(A,), hinted=pushes(A, B)) == AskRelation()
    assert judge(B, believed=(C,), parents=(A,), hinted=pushes(A, B), relation="behind") == LookAgain(SECOND_LOOK_S)


def test_what_grows_out_of_a_refused_head_is_believed():
    """The branch is at C, which was refused; B is still served."""
    assert judge(D, believed=(B, C), parents=(C,)) == Believe()
    assert judge(E, believed=(B, C), hinted=pushes(C, E)) == Believe()
    assert judge(B, believed=(B, C)) == Believe()


@given(commits, st.sets(commits, max_size=3), hints, st.floats(0, 60))
def test_a_verdict_never_depends_on_anything_once_the_head_is_a_descendant(head, parents, hinted, seen):
    verdict = judge(head, parents=parents, hinted=hinted, relation="ahead", seen=seen)
    assert verdict == Believe()


# --- how to fetch ---------------------------------------------------------------------------------------------------------


def blob(number: int) -> BlobId:
    return BlobId(f"{number:040x}")


def listing(*sizes: int, mode: Mode = Mode.FILE) -> Listing:
    """One file of each size, each with a blob of its own."""
    return Listing(
        EMPTY_TREE, {b"f%d" % n: Entry(mode, blob(n), size) for n, size in enumerate(sizes)}, {b"": EMPTY_TREE}
    )


def transfer(found: Listing, held=frozenset(), **bounds: int) -> Transfer:
    planned = plan_transfer(found, held, Bounds(**bounds))
    assert isinstance(planned, Transfer), planned
    return planned


entries = st.dictionaries(
    st.binary(min_size=1, max_size=3),
    st.builds(
        Entry, st.sampled_from([m for m in Mode if m is not Mode.TREE]), st.integers(0, 40).map(blob), st.just(7)
    ),
    max_size=120,
)


@given(entries, st.sets(st.integers(0, 40).map(blob)))
def test_exactly_what_is_wanted_and_missing_is_fetched_once(found, held):
    planned = transfer(Listing(EMPTY_TREE, found, {}), held)
    missing = {entry.oid for entry in found.values() if entry.mode.has_content} - held
    assert set(planned.blobs) == missing
    assert len(planned.blobs) == len(missing)
    assert planned.bytes_ == 7 * len(missing)


def test_nothing_is_fetched_when_everything_is_held():
    assert transfer(listing(1, 2, 3), {blob(0), blob(1), blob(2)}) == Transfer((), 0, by_tarball=False)


def test_the_largest_blobs_come_first():
    assert transfer(listing(5, 900, 70)).blobs == (blob(1), blob(2), blob(0))


def test_a_file_above_the_limit_is_not_fetched_and_one_at_the_limit_is():
    assert transfer(listing(100, 101), max_file_bytes=100).blobs == (blob(0),)


def test_a_submodule_is_not_fetched():
    assert transfer(listing(0, mode=Mode.SUBMODULE)).blobs == ()


def test_few_blobs_come_one_by_one_and_many_in_an_archive():
    assert not transfer(listing(*[10] * FEW_BLOBS)).by_tarball
    assert transfer(listing(*[10] * (FEW_BLOBS + 1))).by_tarball


def test_an_archive_of_which_less_than_a_tenth_is_missing_is_not_worth_it():
    held = {blob(n) for n in range(600)}
    assert not transfer(listing(*[10] * 660), held).by_tarball
    assert transfer(listing(*[10] * 670), held).by_tarball


def test_an_archive_is_measured_with_the_files_in_it_that_nobody_wants():
    small = [10] * 200
    assert transfer(listing(*small), tarball_max_bytes=5_000).by_tarball
    assert not transfer(listing(*small, 4_000), max_file_bytes=100, tarball_max_bytes=5_000).by_tarball
    assert not transfer(listing(*small, 100_000), max_file_bytes=100).by_tarball, "2 kB wanted of 102 kB"


def test_too_many_files_are_refused_and_the_message_names_the_setting():
    planned = plan_transfer(listing(1, 1, 1), set(), Bounds(max_files=2))
    assert isinstance(planned, TooMuch)
    assert planned.code == "too_many_files"
    assert "sync.max_files is 2" in planned.message


def test_too_many_bytes_are_refused_but_only_those_that_would_be_held_count():
    bounds = Bounds(max_file_bytes=100, max_total_bytes=150)
    assert isinstance(plan_transfer(listing(100, 100), set(), bounds), TooMuch)
    assert isinstance(plan_transfer(listing(100, 101), set(), bounds), Transfer)


# --- a part of a repository -----------------------------------------------------------------------------------------------

names = st.sampled_from(["a", "ab", "b"])
directories = st.lists(st.lists(names, max_size=3).map("/".join), max_size=4).map(tuple)
files = st.dictionaries(
    st.lists(names, min_size=1, max_size=4).map(lambda parts: "/".join(parts).encode()),
    st.builds(Entry, st.just(Mode.FILE), st.integers(0, 40).map(blob), st.just(7)),
)


def is_below(path: bytes, some: tuple[str, ...]) -> bool:
    """The oracle: by whole names, one after the other."""
    parents = path.decode().split("/")[:-1]
    return any(parents[: len(parts)] == parts for parts in ([p for p in d.split("/") if p] for d in some))


@given(files, directories)
def test_what_is_within_directories_is_what_is_below_one_of_them(found, some):
    assert within(found, some) == {path: entry for path, entry in found.items() if is_below(path, some)}


@given(files, directories, directories)
@example({b"ab/f": Entry(Mode.FILE, blob(1), 7)}, ("a",), ("ab",))
def test_shared_directories_cover_exactly_what_is_below_both(found, some, others):
    both = shared(some, others)
    assert within(found, both).keys() == within(found, some).keys() & within(found, others).keys()
    assert both == shared(others, some) == tuple(sorted(both))


@given(files, directories, st.sets(st.integers(0, 40).map(blob)))
def test_of_a_part_exactly_what_is_missing_of_it_is_fetched(found, some, held):
    planned = plan_transfer(Listing(EMPTY_TREE, found, {}), held, Bounds(), some)
    assert isinstance(planned, Transfer)
    assert set(planned.blobs) == {entry.oid for entry in within(found, some).values()} - held


@given(files, directories)
def test_a_part_weighs_all_files_and_its_own_bytes(found, some):
    load = load_of(Listing(EMPTY_TREE, found, {}), Bounds(), some)
    assert load == Load(len(found), 7 * len(within(found, some)))


def test_of_a_part_only_its_own_bytes_may_be_too_many():
    found = Listing(EMPTY_TREE, {b"a/f": Entry(Mode.FILE, blob(1), 100), b"b/f": Entry(Mode.FILE, blob(2), 900)}, {})
    bounds = Bounds(max_total_bytes=100)
    assert isinstance(plan_transfer(found, set(), bounds, ("a",)), Transfer)
    assert isinstance(plan_transfer(found, set(), bounds, ("b",)), TooMuch)


@pytest.mark.parametrize(
    ("load", "code"),
    [
        (Load(10, 100), None),
        (Load(11, 100), "too_many_files"),
        (Load(10, 101), "too_many_bytes"),
        (Load(6, 60) + Load(4, 40), None),
        (Load(6, 60) + Load(5, 40), "too_many_files"),
    ],
)
def test_what_is_mirrored_together_is_weighed_together(load, code):
    refused = check_load(load, Bounds(max_files=10, max_total_bytes=100), "take plugins from fewer")
    assert (refused.code if refused else None) == code
    assert refused is None or refused.message.endswith("raise it or take plugins from fewer")


# --- what changed ---------------------------------------------------------------------------------------------------------


@given(entries, entries)
def test_changes_applied_to_the_old_files_make_the_new_ones(before, after):
    changes = diff(before, after)
    patched = {path: entry for path, entry in before.items() if path not in set(changes.removed)}
    patched |= changes.changed
    assert patched == after
    assert len(changes) == len(changes.changed) + len(changes.removed)


@given(entries)
def test_nothing_changed_between_equal_files(files):
    assert len(diff(files, dict(files))) == 0


def test_a_changed_mode_is_a_change():
    before, after = listing(3).entries, listing(3, mode=Mode.EXECUTABLE).entries
    assert diff(before, after).changed == after
