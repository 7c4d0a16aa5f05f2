"""Owns the JSON of a pull request, whole and as lists have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skillport_sync.standin import history
from skillport_sync.standin.shapes.accounts import Json, account, moment, node, repository

if TYPE_CHECKING:
    from skillport_sync.standin.pulls import Pull
    from skillport_sync.standin.repository import Repository

_ONLY_WHOLE = (
    "merged",
    "mergeable",
    "mergeable_state",
    "merged_by",
    "comments",
    "review_comments",
    "maintainer_can_modify",
    "commits",
    "additions",
    "deletions",
    "changed_files",
)


def listed_pull(api: str, found: Repository, asked: Pull) -> Json:
    """The schema ``pull-request-simple``: whether it was merged is told by ``merged_at`` only."""
    return {name: value for name, value in pull(api, found, asked).items() if name not in _ONLY_WHOLE}


def pull(api: str, found: Repository, asked: Pull) -> Json:
    url = f"{found.api_url}/pulls/{asked.number}"
    issue = f"{found.api_url}/issues/{asked.number}"
    page = found.api_url.replace("/repos/", "/", 1) + f"/pull/{asked.number}"
    sides = {"head": asked.head, "base": asked.base}
    owner = account(api, found.owner, "Organization")
    # Branches may be gone by now; the pull request remembers.
    head, base = asked.head_sha, asked.base_sha
    shas = {"head": head, "base": base}
    changes = list(history.changed_paths(found.objects, found.tree(base), found.tree(head)))
    links = {
        "self": url,
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{found.api_url}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{found.api_url}/statuses/{head}",
    }
    return {
        "url": url,
        "id": asked.id,
        "node_id": node("PullRequest", asked.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        **{
            f"{name}_url": links[name]
            for name in ("commits", "review_comments", "review_comment", "comments", "statuses")
        },
        "number": asked.number,
        "state": asked.state,
        "locked": False,
        "title": asked.title,
        "user": account(api, asked.author),
        "body": asked.body,
        "labels": [],
        "milestone": None,
        "created_at": moment(asked.created_at),
        "updated_at": moment(asked.updated_at),
        "closed_at": asked.closed_at and moment(asked.closed_at),
        "merged_at": asked.merged_at and moment(asked.merged_at),
        "merge_commit_sha": asked.merge_commit,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        **{
            side: {
                "label": f"{found.owner}:{branch}",
                "ref": branch,
                "sha": shas[side],
                "user": owner,
                "repo": repository(api, found),
            }
            for side, branch in sides.items()
        },
        "_links": {name: {"href": href} for name, href in links.items()},
        "author_association": "MEMBER",
        "auto_merge": None,
        "draft": False,
        "merged": asked.merged_at is not None,
        "mergeable": None,
        "mergeable_state": "unknown",
        "merged_by": account(api, asked.merged_by) if asked.merged_by else None,
        "comments": 0,
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(history.commits_between(found.objects, base, head)),
        "additions": 0,
        "deletions": 0,
        "changed_files": len(changes),
    }
