"""Owns answers about GitHub itself: ``/rate_limit`` (free) and ``/meta``."""

from __future__ import annotations

from aiohttp import web

from skillport_sync.standin.rest.call import Call, Route, answer, not_found


async def rate_limit(call: Call) -> web.StreamResponse:
    if call.hub.limits.off:
        raise not_found()
    bucket = call.hub.limits.bucket(call.identity)
    core = {
        "limit": bucket.limit,
        "used": bucket.used,
        "remaining": bucket.remaining,
        "reset": int(bucket.reset_at.timestamp()),
    }
    untouched = core | {"used": 0, "remaining": bucket.limit}
    return answer({"resources": {"core": core, "search": untouched, "graphql": untouched}, "rate": core})


async def meta(call: Call) -> web.StreamResponse:
    """``hooks`` is where deliveries come from; an Enterprise Server (limits off) does not tell it."""
    loopback = ["127.0.0.0/8", "::1/128"]
    addresses = {} if call.hub.limits.off else {"hooks": loopback, "web": loopback, "api": loopback, "git": loopback}
    return answer({"verifiable_password_authentication": False, **addresses})


async def unknown(call: Call) -> web.StreamResponse:
    """Whatever this GitHub does not have."""
    del call
    raise not_found()


UNKNOWN = Route("*", "/{anything:.*}", unknown, free=True)
ROUTES = (Route("GET", "/rate_limit", rate_limit, free=True), Route("GET", "/meta", meta))
