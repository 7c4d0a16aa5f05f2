"""A change as people read it: what is text is shown, all else is named."""

from __future__ import annotations

from skillport_sync.catalog.change.difference import MAX_CHARACTERS, unified
from skillport_sync.git.edit import Changed
from skillport_sync.git.listing import Entry
from skillport_sync.git.objects import Mode, blob_id


def shown(*contents, before=None):
    """Files ``0``, ``1``, … that are made with these contents; or that were ``before``, as ``(mode, content)``."""
    held = {blob_id(content): content for content in contents}
    old = None if before is None else Entry(before[0], blob_id(before[1]), len(before[1]))
    if before is not None:
        held[blob_id(before[1])] = before[1]
    changed = [
        Changed(str(number).encode(), old, Entry(Mode.FILE, blob_id(content), len(content)))
        for number, content in enumerate(contents)
    ]
    return unified(changed, held.get)


def test_what_is_no_text_is_only_named():
    for content in (b"a\0b", b"\xff"):
        assert shown(content).splitlines() == [
            "diff --git a/0 b/0",
            "new file mode 100644",
            "(no text, or too long to be shown)",
        ]


def test_what_has_no_room_left_is_named_and_what_has_is_shown():
    text = shown(b"x\n" * MAX_CHARACTERS, b"short\n")
    assert text.startswith("diff --git a/0 b/0\n(too long to be shown)\ndiff --git a/1 b/1\n")
    assert "+short\n" in text


def test_a_file_that_may_be_run_no_more_says_so():
    text = shown(b"same\n", before=(Mode.EXECUTABLE, b"same\n"))
    assert text.splitlines() == ["diff --git a/0 b/0", "old mode 100755", "new mode 100644"]


def test_what_goes_and_what_only_says_something_else_is_shown():
    gone = Changed(b"0", Entry(Mode.FILE, blob_id(b"x\n"), 2), None)
    assert "deleted file mode 100644\n--- a/0\n+++ /dev/null\n" in unified([gone], {blob_id(b"x\n"): b"x\n"}.get)
    assert shown(b"new\n", before=(Mode.FILE, b"old\n")).startswith("diff --git a/0 b/0\n--- a/0\n+++ b/0\n")
