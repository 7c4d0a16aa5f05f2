"""Owns the search for secrets and hidden text through all files of a snapshot, each content once however often it is committed.

Problem codes: those of ``catalog.secrets_found`` and ``catalog.hidden_text``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from skillport_sync.catalog.hidden_text import find_hidden_text
from skillport_sync.catalog.model import Problem, Remark, SourceKey
from skillport_sync.catalog.secrets_found import find_secrets
from skillport_sync.files import PublishableFiles
from skillport_sync.git.objects import BlobId

MAX_PROBLEMS = 5000
"""Whoever committed more secrets than this has heard enough, and nobody may fill the memory with them."""


def content_problems(
    files: Mapping[SourceKey, PublishableFiles], contents: Mapping[BlobId, bytes]
) -> Iterator[Problem]:
    """What the contents of these files must not hold, in the order of sources and paths, up to a bound.

    A content is looked up once and let go again; one that is not held is passed over.
    """
    return islice(_all(files, contents), MAX_PROBLEMS)


def _all(files: Mapping[SourceKey, PublishableFiles], contents: Mapping[BlobId, bytes]) -> Iterator[Problem]:
    found: dict[BlobId, tuple[Remark, ...]] = {}
    for key in sorted(files):
        listing = files[key]
        for path in listing.paths:
            file = listing.held[path]
            if file.sha256 is None:
                continue
            if file.oid not in found:
                content = contents.get(file.oid, b"")
                found[file.oid] = (*find_secrets(content), *find_hidden_text(content))
            yield from (remark.at(path, key) for remark in found[file.oid])
