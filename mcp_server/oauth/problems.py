"""Owns the words of every page on which a sign-in ends without the client being told. Pure.

Whoever reads one came here out of an app and may know nothing of OAuth: each says what happened and what to do next. None repeats
what the request said: anybody can have anybody read it.
"""

from __future__ import annotations

from typing import Final

from mcp_server.identity.provider import Refused
from mcp_server.oauth.answers import Reply, problem_page, retry_after
from mcp_server.oauth.cimd import NoClient
from mcp_server.oauth.pages import ProblemPage
from mcp_server.oauth.parameters import Garbled
from mcp_server.oauth.redirects import Unfit
from skillport_sync.errors import Unavailable

_AGAIN: Final = "Go back to the app you came from and connect again."
_LATER: Final = f"Wait a minute. {_AGAIN}"
_TELL: Final = "If it happens again, tell whoever runs this service."
_WAIT_S: Final = 30.0


def garbled(found: Garbled) -> Reply:
    return _page(400, "garbled", "This request cannot be read", found.why, f"{_AGAIN} {_TELL}")


def no_client(found: NoClient) -> Reply:
    """There is nobody to send back to."""
    if found.is_passing:
        return _later(503, "client_unreadable", "This app cannot be looked up now", found.why)
    return _page(
        400,
        "unknown_client",
        "This app is not known here",
        found.why,
        "In the app you came from, remove this connector and add it again: the app then introduces itself anew.",
    )


def no_return_address(found: Unfit) -> Reply:
    """https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2.4: the browser must not be sent there."""
    return _page(
        400,
        "unfit_redirect_uri",
        "This app may not send you back where it wants to",
        f"The address that it asks for {found.why}.",
        "If you did not start this yourself, close this window. Otherwise remove this connector in the app and add it again, or "
        "tell whoever runs this service what is said above.",
    )


def too_many(wait_s: float) -> Reply:
    return _later(429, "too_many", "Too many sign-ins at once", "Many people, or programs, sign in here now.", wait_s)


def not_our_page() -> Reply:
    return _page(
        403,
        "foreign_page",
        "This answer did not come from this service's page",
        "Another page sent it, so nothing was done.",
        f"Close that page. {_AGAIN}",
    )


def not_this_browser() -> Reply:
    """Said alike of what never was, what is over, and what belongs to another browser."""
    return _page(
        400,
        "no_such_sign_in",
        "This sign-in cannot go on here",
        "It was begun in another browser, or too long ago, or your browser did not keep its cookie.",
        f"{_AGAIN} If somebody sent you a link to this page, do not.",
    )


def used_already() -> Reply:
    return _page(400, "used_already", "This was answered before", "Each of these pages can be answered once.", _AGAIN)


def no_such_provider() -> Reply:
    return _page(
        400, "no_such_provider", "There is no such way to sign in", "It may have been taken away just now.", _AGAIN
    )


def under_way() -> Reply:
    return _page(
        409,
        "under_way",
        "You are being signed in already",
        "The answer of your provider came twice at once.",
        "Look at your other windows.",
    )


def provider_failed(error: Unavailable) -> Reply:
    """The provider cannot answer now; its message is one for people."""
    return _later(503, error.code, "Signing in is not possible now", error.message, error.retry_after_s or _WAIT_S)


def provider_silent(title: str) -> Reply:
    return _later(503, "provider_silent", "Signing in is not possible now", f"{title} does not answer.")


def database_failed() -> Reply:
    return _later(
        503, "database_failed", "Signing in is not possible now", "This service cannot write down who signs in."
    )


def refused(found: Refused) -> Reply:
    """Somebody signed in who may not come in. Shown here, because no app would show them why."""
    return _page(
        403,
        found.code,
        "You cannot use this service",
        found.message,
        f"{_AGAIN} Then choose the account that was given access, or ask whoever runs this service for it.",
    )


def kept_out() -> Reply:
    return _page(
        403,
        "disabled",
        "Your access was closed",
        "You were signed in, but an operator of this service has closed your access to it.",
        "Ask whoever runs this service.",
    )


def wrong_method(allowed: str) -> Reply:
    response = _page(405, "method_not_allowed", "This page cannot be used so", "It is one step of signing in.", _AGAIN)
    response.headers["Allow"] = allowed
    return response


def failed(reference: str) -> Reply:
    """What nobody foresaw."""
    shown = ProblemPage(
        "Something is wrong here",
        "This service made a mistake, and has written down what it was.",
        f"{_AGAIN} {_TELL}",
        reference,
        500,
    )
    return problem_page(shown, "internal_error")


def _page(status: int, code: str, title: str, message: str, what_to_do: str) -> Reply:
    return problem_page(ProblemPage(title, message, what_to_do, None, status), code)


def _later(status: int, code: str, title: str, message: str, wait_s: float = _WAIT_S) -> Reply:
    response = _page(status, code, title, message, f"{_LATER} {_TELL}")
    response.headers.update(retry_after(wait_s))
    return response
