"""GitHub's JSON from the stand-in's values. Pure; ``tests/contract`` validates what is made here against GitHub's description."""

from skillport_sync.standin.shapes.accounts import Json, account, account_id, full_repository, moment, node, repository
from skillport_sync.standin.shapes.gitdata import (
    blob,
    commit_summary,
    commit_with_files,
    diff,
    git_commit,
    git_tag,
    reference,
    tree,
    wrapped_base64,
)
from skillport_sync.standin.shapes.hooks import delivery, delivery_item, hook, hook_config
from skillport_sync.standin.shapes.pulls import listed_pull, pull

__all__ = [
    "Json",
    "account",
    "account_id",
    "blob",
    "commit_summary",
    "commit_with_files",
    "delivery",
    "delivery_item",
    "diff",
    "full_repository",
    "git_commit",
    "git_tag",
    "hook",
    "hook_config",
    "listed_pull",
    "moment",
    "node",
    "pull",
    "reference",
    "repository",
    "tree",
    "wrapped_base64",
]
