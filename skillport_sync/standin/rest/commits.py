"""Owns ``commits/{ref}``, with the media type that answers a head check for nothing, and ``compare``."""

from __future__ import annotations

from aiohttp import web

from skillport_sync.standin import history, shapes
from skillport_sync.standin.rest.call import Call, Route, answer, invalid, not_found

MAX_COMMITS = 250


async def get_commit(call: Call) -> web.StreamResponse:
    """As ``application/vnd.github.sha``: the id alone, whose ETag is the id, whoever asks (github.md §2.4)."""
    call.must_have_commits()
    ref = call.variable("ref")
    commit = call.resolve_commit(ref)
    if commit is None:
        raise invalid(f"No commit found for SHA: {ref}")
    if call.wants("sha"):
        headers = {"Content-Type": "application/vnd.github.sha; charset=utf-8", "ETag": f'"{commit}"'}
        return web.Response(body=commit.encode(), headers=headers)
    return answer(shapes.commit_with_files(call.repository, call.objects.commit(commit)))


async def compare(call: Call) -> web.StreamResponse:
    """``base...head``, from their merge base: at most 300 files and, on the first page, 250 commits."""
    base_name, dots, head_name = call.variable("basehead").partition("...")
    base, head = (call.resolve_commit(name.rpartition(":")[2]) for name in (base_name, head_name))
    if not dots or base is None or head is None:
        raise not_found()
    found = history.compare(call.objects, base, head)
    if found is None:
        raise not_found()
    objects, repository = call.objects, call.repository
    pages = f"{call.api}/{repository.full_name}/compare"
    page = f"{pages}/{base_name}...{head_name}"
    changes = list(history.changed_paths(objects, objects.commit(found.merge_base).tree, objects.commit(head).tree))
    return answer(
        {
            "url": f"{repository.api_url}/compare/{base_name}...{head_name}",
            "html_url": page,
            "permalink_url": f"{pages}/{repository.owner}:{base[:7]}...{repository.owner}:{head[:7]}",
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": shapes.commit_summary(repository, objects.commit(base)),
            "merge_base_commit": shapes.commit_summary(repository, objects.commit(found.merge_base)),
            "status": found.relation,
            "ahead_by": len(found.ahead),
            "behind_by": len(found.behind),
            "total_commits": len(found.ahead),
            "commits": [shapes.commit_summary(repository, objects.commit(oid)) for oid in found.ahead[:MAX_COMMITS]],
            "files": shapes.diff(repository, changes, head),
        }
    )


ROUTES = (
    Route("GET", "/repos/{owner}/{repo}/commits/{ref:.+}", get_commit, ("contents", "read")),
    Route("GET", "/repos/{owner}/{repo}/compare/{basehead:.+}", compare, ("contents", "read")),
)
