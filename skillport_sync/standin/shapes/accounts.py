"""Owns the JSON of accounts and repositories, and of what stands in every answer: timestamps and node ids."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skillport_sync.standin.repository import Repository

Json = dict[str, object]

_REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_ACCOUNT_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}


def moment(at: datetime) -> str:
    """GitHub's timestamps: UTC, whole seconds, ``Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node(kind: str, key: int | str) -> str:
    """An opaque id in the shape of GitHub's."""
    return base64.b64encode(f"{len(kind):03}:{kind}{key}".encode()).decode()


def account_id(login: str) -> int:
    return 1_000_000 + zlib.crc32(login.lower().encode()) % 90_000_000


def account(api: str, login: str, kind: str = "User") -> Json:
    number = account_id(login)
    url = f"{api}/users/{login}"
    links = {name: url + suffix for name, suffix in _ACCOUNT_LINKS.items()}
    return {
        "login": login,
        "id": number,
        "node_id": node(kind, number),
        "avatar_url": f"{api}/avatars/u/{number}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{api}/{login}",
        **links,
        "type": kind,
        "site_admin": False,
    }


def repository(api: str, found: Repository) -> Json:
    """The schema ``repository``: what a list, a payload and a pull request carry."""
    url = f"{api}/repos/{found.full_name}"
    page = f"{api}/{found.full_name}"
    return {
        "id": found.id,
        "node_id": node("Repository", found.id),
        "name": found.name,
        "full_name": found.full_name,
        "private": found.private,
        "owner": account(api, found.owner, "Organization"),
        "html_url": page,
        "description": None,
        "fork": False,
        "url": url,
        **{name: url + suffix for name, suffix in _REPOSITORY_LINKS.items()},
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
        "pushed_at": moment(found.pushed_at),
        "git_url": f"git://{page.partition('://')[2]}.git",
        "ssh_url": f"git@github.invalid:{found.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": None,
        "size": 0,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": None,
        "has_issues": True,
        "has_projects": True,
        "has_downloads": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": False,
        "forks_count": 0,
        "mirror_url": None,
        "archived": found.archived,
        "disabled": False,
        "open_issues_count": 0,
        "license": None,
        "allow_forking": False,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if found.private else "public",
        "forks": 0,
        "open_issues": 0,
        "watchers": 0,
        "default_branch": found.default_branch,
        "custom_properties": {},
    }


def full_repository(api: str, found: Repository, permissions: Mapping[str, bool]) -> Json:
    return {
        **repository(api, found),
        "permissions": dict(permissions),
        "temp_clone_token": "",
        "organization": account(api, found.owner, "Organization"),
        "network_count": 0,
        "subscribers_count": 0,
    }
