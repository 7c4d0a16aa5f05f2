"""GitHub's REST API, one module an area. ``ROUTES`` is all of it; ``server`` puts it on a port."""

from skillport_sync.standin.rest import (
    apps,
    archives,
    commits,
    contents,
    deliveries,
    gitdata,
    hooks,
    meta,
    pulls,
    references,
    repositories,
)
from skillport_sync.standin.rest.call import Route

ROUTES: tuple[Route, ...] = (
    *meta.ROUTES,
    *apps.ROUTES,
    *repositories.ROUTES,
    *references.ROUTES,
    *gitdata.ROUTES,
    *commits.ROUTES,
    *contents.ROUTES,
    *archives.ROUTES,
    *hooks.ROUTES,
    *deliveries.ROUTES,
    *pulls.ROUTES,
    meta.UNKNOWN,
)
