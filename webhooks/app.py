"""Owns the route that GitHub delivers to: believe it, read it, write it down, then answer 202.

The answer follows the commit of the ledger's row, never the pull. GitHub waits ten seconds and never tries again by itself
(https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries), so what is answered with 2xx must not
get lost, and what cannot be written down has to fail. Everything is checked before it is used: headers, then size, then
signature, then JSON. Never turns a payload into content, never asks GitHub anything.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import orjson
import structlog
from aiohttp import web

from skillport_sync.errors import SkillportError
from skillport_sync.ports import Clock, MarketplaceName, Wake
from skillport_sync.store.ledger import Concern, DeliveryFacts, Outcome, Recorded
from skillport_sync.store.repository_facts import RepositoryFacts
from webhooks.delivery import Delivery, Envelope, NotADelivery, parse, read_envelope
from webhooks.happening import Pushed
from webhooks.intake import Account, IncomingBody, Limits
from webhooks.judgement import judge
from webhooks.refusals import (
    BODY_TOO_LARGE,
    CONTENT_ENCODING,
    METHOD_NOT_ALLOWED,
    NOT_STORED,
    OTHER_GITHUB,
    Refusal,
    RefusalLog,
    refusal_of,
)
from webhooks.signature import HEADER, BadSignature, claimed_digest, usable_secrets, verify
from webhooks.turnstile import Turnstile
from webhooks.verdict import Ignore, Judgement, News, Note, Pull, Watched

log = structlog.get_logger(__name__)

LARGE_BYTES = 32 * 1024
"""A body beyond this is hashed and read in a thread: it would hold up every answer for a millisecond or more."""


class Ledger(Protocol):
    """Where deliveries are written down: ``StateStore``. Every method returns after its commit, and may be repeated."""

    async def record(self, delivery: DeliveryFacts, concerns: Sequence[Concern], *, ignored: bool = False) -> Recorded:
        """Enter a delivery, and every pull it asks for, in one write."""
        ...

    async def note_repository(self, marketplace: MarketplaceName, facts: RepositoryFacts) -> None:
        """Note what GitHub says of the repository."""
        ...


OnDelivery = Callable[[str, str], None]
"""Told of every delivery: its event, as its sender says, empty where nothing is known of it; and what came of it: the status that
it was answered with, or the code of a refusal. Returns at once, never raises."""


def unheard(event: str, outcome: str) -> None:
    """The ``OnDelivery`` of a receiver that nobody counts for."""


class Receiver:
    """The receiver of one GitHub's deliveries. ``watched`` is asked at every delivery, because renames change it."""

    def __init__(
        self,
        *,
        path: str,
        github_host: str,
        secrets: Sequence[bytes],
        ledger: Ledger,
        watched: Callable[[], Sequence[Watched]],
        wake: Wake,
        clock: Clock,
        limits: Limits | None = None,
        on_delivery: OnDelivery = unheard,
    ) -> None:
        """``path``: where this GitHub, whose web pages are at ``github_host``, delivers to.
        ``secrets``: the current one first, then the previous one while they are being changed.

        Raises: Invalid when there is no secret, or an empty one: such a receiver would believe anybody.
        """
        self._path = path
        self._github_host = github_host
        self._secrets = usable_secrets(secrets)
        self._ledger = ledger
        self._watched = watched
        self._wake = wake
        self._clock = clock
        self._limits = limits or Limits()
        self._on_delivery = on_delivery
        self._account = Account(self._limits.held_bytes)
        self._refusals = RefusalLog()
        self._turnstile = Turnstile()

    def routes(self) -> list[web.RouteDef]:
        """The one route, under every method, so that a wrong one is answered in the same shape as any other refusal."""
        return [web.route("*", self._path, self.receive)]

    @property
    def held_bytes(self) -> int:
        """What unfinished bodies hold right now."""
        return self._account.held_bytes

    async def receive(self, request: web.Request) -> web.Response:
        """Answer one request: 202 with ``{"status": "accepted" | "duplicate" | "noted" | "ignored"}``, or why not."""
        began_s = self._clock.monotonic_s()
        envelope = _before_reading(request, self._github_host, self._limits)
        if isinstance(envelope, Refusal):
            return self._refuse(request, envelope)
        believed = await self._believe(request, envelope)
        if isinstance(believed, Refusal):
            return self._refuse(request, believed, envelope)
        delivery, secret_index = believed
        judgement = judge(delivery, self._watched())
        concerns = _concerns(delivery, judgement)
        try:
            async with asyncio.timeout(self._limits.record_deadline_s):
                recorded = await self._record(delivery, judgement, concerns)
        except (SkillportError, sqlite3.Error, OSError) as error:
            if isinstance(error, TimeoutError):
                # The write still happens, and its redelivery will then be a duplicate that wakes nobody.
                self._wake_all(concerns)
            return self._refuse(request, NOT_STORED, envelope, cause=f"{type(error).__name__}: {error}")
        self._wake_all([concern for concern in concerns if concern.marketplace in recorded.owed])
        status = _status_of(judgement, recorded)
        self._on_delivery(envelope.event, status)
        _say(delivery, judgement, status, secret_index, self._clock.monotonic_s() - began_s)
        return _json(202, {"status": status, "reason": judgement.because, "delivery": envelope.guid})

    async def _believe(self, request: web.Request, envelope: Envelope) -> tuple[Delivery, int] | Refusal:
        """Read the body, and understand it once it is believed. It is let go before anything is written down."""
        with IncomingBody(request.content, self._account, self._limits) as incoming:
            body = await incoming.read()
            if isinstance(body, Refusal):
                return body
            await self._turnstile.turn()
            claimed = request.headers.get(HEADER)
            if len(body) > LARGE_BYTES:
                return await asyncio.to_thread(_understand, body, claimed, self._secrets, envelope)
            return _understand(body, claimed, self._secrets, envelope)

    async def _record(self, delivery: Delivery, judgement: Judgement, concerns: Sequence[Concern]) -> Recorded:
        """Write down what follows. The delivery last: once it is known, a redelivery does nothing any more."""
        if not isinstance(judgement, Ignore) and judgement.news:
            noted = judgement.noted if isinstance(judgement, Pull) else ()
            for marketplace in (*judgement.marketplaces, *noted):
                await self._ledger.note_repository(marketplace, _stored(judgement.news))
        facts = _facts_of(delivery, judgement)
        return await self._ledger.record(facts, concerns, ignored=isinstance(judgement, Ignore))

    def _wake_all(self, concerns: Sequence[Concern]) -> None:
        for concern in concerns:
            if concern.cause is not None:
                self._wake(concern.marketplace, concern.cause)

    def _refuse(
        self, request: web.Request, refusal: Refusal, envelope: Envelope | None = None, **facts: str
    ) -> web.Response:
        if envelope:
            facts |= {"github_event": envelope.event, "guid": envelope.guid}
        self._refusals.add(refusal, **facts)
        self._on_delivery("" if envelope is None else envelope.event, refusal.code)
        told = {"error": refusal.error, "message": refusal.message, "code": refusal.code}
        response = _json(refusal.status, told, refusal.headers)
        if not request.content.is_eof():
            response.force_close()  # says: do not bother to send the rest
        return response


def _before_reading(request: web.Request, github_host: str, limits: Limits) -> Envelope | Refusal:
    """All that can be refused at the price of some headers."""
    if request.method != "POST":
        return METHOD_NOT_ALLOWED
    envelope = read_envelope(request.headers)
    if isinstance(envelope, NotADelivery):
        return refusal_of(envelope)
    if envelope.host not in (None, github_host):
        return OTHER_GITHUB
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        return CONTENT_ENCODING
    if request.content_length is not None and request.content_length > limits.body_bytes:
        return BODY_TOO_LARGE
    claimed = claimed_digest(request.headers.get(HEADER))
    return refusal_of(claimed) if isinstance(claimed, BadSignature) else envelope


def _understand(
    body: bytes, claimed: str | None, secrets: Sequence[bytes], envelope: Envelope
) -> tuple[Delivery, int] | Refusal:
    """The delivery, and which secret it was signed with. Safe in any thread."""
    verified = verify(body, claimed, secrets)
    if isinstance(verified, BadSignature):
        return refusal_of(verified)
    delivery = parse(verified, envelope)
    return refusal_of(delivery) if isinstance(delivery, NotADelivery) else (delivery, verified.secret_index)


def _concerns(delivery: Delivery, judgement: Judgement) -> list[Concern]:
    """What the delivery means to each marketplace, once each: a pull outweighs a note."""
    event = delivery.envelope.event
    match judgement:
        case Pull(marketplaces, users=users, noted=noted):
            hinted = judgement.hint is not None
            pulls = [Concern(marketplace, event, hinted) for marketplace in marketplaces]
            pulls += [Concern(marketplace, f"source_{event}") for marketplace in users]
            return pulls + [Concern(marketplace) for marketplace in noted if marketplace not in users]
        case Note(marketplaces, users=users):
            return [Concern(marketplace) for marketplace in (*marketplaces, *users)]
        case Ignore():
            return []


def _facts_of(delivery: Delivery, judgement: Judgement) -> DeliveryFacts:
    """What the ledger keeps. ``before`` and ``after`` stand there only for a pull to try, so only when they may be tried."""
    hint = judgement.hint if isinstance(judgement, Pull) else None
    return DeliveryFacts(
        guid=delivery.envelope.guid,
        hook_id=delivery.envelope.hook_id,
        event=delivery.envelope.event,
        action=delivery.action,
        repository_id=delivery.repository.id,
        repository=delivery.repository.full_name,
        ref=delivery.happening.ref if isinstance(delivery.happening, Pushed) else None,
        before=hint.before if hint else None,
        after=hint.after if hint else None,
        forced=hint.forced if hint else False,
    )


def _stored(news: News) -> RepositoryFacts:
    return RepositoryFacts(
        renamed_to=news.renamed_to,
        default_branch=news.default_branch,
        archived=news.archived,
        visibility=news.visibility,
        deleted=news.deleted,
        hook_deleted=news.hook_deleted,
        installation_state=news.installation_state,
    )


def _status_of(judgement: Judgement, recorded: Recorded) -> str:
    if recorded.outcome is Outcome.DUPLICATE:
        return "duplicate"
    match judgement:
        case Pull():
            return "accepted"
        case Note():
            return "noted"
        case Ignore():
            return "ignored"


def _say(delivery: Delivery, judgement: Judgement, status: str, secret_index: int, duration_s: float) -> None:
    """The one line of a delivery. A warning where somebody has something to mend."""
    warnings = () if isinstance(judgement, Ignore) else judgement.warnings
    (log.warning if warnings else log.info)(
        "delivery_recorded",
        status=status,
        reason=judgement.because,
        github_event=delivery.envelope.event,
        action=delivery.action,
        repository=delivery.repository.full_name,
        marketplaces=[] if isinstance(judgement, Ignore) else list(judgement.marketplaces),
        source_of=[] if isinstance(judgement, Ignore) else list(judgement.users),
        warnings=list(warnings),
        guid=delivery.envelope.guid,
        hook_id=delivery.envelope.hook_id,
        host=delivery.envelope.host,
        signed_with="current" if secret_index == 0 else "previous",
        duration_ms=round(duration_s * 1000, 1),
    )


def _json(status: int, answer: Mapping[str, str], headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(answer), content_type="application/json", headers=headers)
