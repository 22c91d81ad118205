"""Delivers to webhooks: each is a job, so that one replica at a time does, in order.

A delivery is made once, from the first events that wait, and tried until it is taken; nothing goes
before it. Its events are deleted by their numbers when it was taken, and stay until then: whoever
dies in between, the next replica goes on with the same delivery.
"""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from hub.base import metrics
from hub.base.clocks import Brake, WallClock
from hub.base.job_store import fence
from hub.base.jobs import HeldJob, JobKind, RunOutcome
from hub.webhooks.batching import MOST_EVENTS, may_still, pack, pause
from hub.webhooks.deciding import (
    BOUNDS,
    WITHOUT_AGE,
    AttemptOutcome,
    DeliveryVerdict,
    QueueStanding,
    is_beyond,
    is_given_up,
    pause_after,
    verdict_of,
)
from hub.webhooks.disabling import Disabling
from hub.webhooks.records import JOB, Reason, WebhookDelivery
from hub.webhooks.seeing import OwnerSight, may_have
from hub.webhooks.sending import WebhookSender
from hub.webhooks.store import DueWebhook, WebhookStore
from protocol.ids import OrgId, uuid7

log = structlog.get_logger(__name__)

AT_ONCE: Final = 100
"""Deliveries of one replica under way: most of their time is an address'."""
MOST: Final = 200
TURNS: Final = 20
"""Deliveries of one run; then others have theirs."""
DISABLED_SECONDS: Final = 60.0
"""Between two looks at what one that is disabled keeps."""


class Deliverer:
    """`clock` is the database's, in seconds since 1970."""

    def __init__(
        self,
        store: WebhookStore,
        sight: OwnerSight,
        sender: WebhookSender,
        disabling: Disabling,
        clock: Callable[[], float],
        *,
        ran: Callable[[], None],
        draw: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ran` is called after each run: something may have come just before it sleeps."""
        self._store = store
        self._sight = sight
        self._sender = sender
        self._disabling = disabling
        self._clock = clock
        self._ran = ran
        self._draw = draw
        self._monotonic = monotonic
        self._brake = Brake(monotonic())
        self._wall = WallClock(clock(), monotonic())
        self.kind = JobKind(name=JOB, run=self.run, at_once=AT_ONCE, most=MOST)

    async def run(self, job: HeldJob) -> RunOutcome:
        """Raises `LeaseLost`, `Unavailable`."""
        org = _org(job)
        try:
            await self._give_up(job)
            for turn in range(TURNS):
                due = await self._store.due(org, job.key)
                if due is None:
                    return await self._gone(job, first=turn == 0)
                wait = await self._turn(job, due)
                if wait is not None:
                    return wait
            return RunOutcome(wait=0.0)
        finally:
            self._ran()

    async def _turn(self, job: HeldJob, due: DueWebhook) -> RunOutcome | None:
        """One delivery; None to go on with the next."""
        webhook = due.webhook
        if not webhook.enabled:
            return RunOutcome(wait=DISABLED_SECONDS)
        if not may_have(await self._sight.holding(webhook.org, webhook.owner)):
            return await self._disable(job, "owner_lacks_right")
        delivery = await self._pending(job, due) or await self._new(job, due)
        if not isinstance(delivery, WebhookDelivery):
            return delivery
        with metrics.webhook_seconds.time():
            outcome = await self._sender.send(due, delivery)
        return await self._settle(job, delivery, outcome)

    async def _gone(self, job: HeldJob, *, first: bool) -> RunOutcome:
        """The webhook is deleted; who writes for it has a while to hear of it."""
        if first and not await self._store.forget_events(job):
            return RunOutcome()
        return RunOutcome(wait=DISABLED_SECONDS)

    async def _give_up(self, job: HeldJob) -> None:
        """What is beyond the bounds: it is told of as a gap."""
        standing, bounds = await self._store.standing(_org(job), job.key), self._bounds()
        if is_beyond(standing, bounds):
            lost = await self._store.give_up(job, bounds)
            metrics.webhook_events.labels("given_up").inc(lost)
            log.warning("webhook_events_given_up", webhook=job.key, count=lost)

    def _bounds(self) -> QueueStanding:
        """For a while after the start, and after a step of the clock, nothing is too old."""
        now, wall = self._monotonic(), self._clock()
        if self._wall.stepped(wall, now):
            self._wall.noted(wall, now)
            self._brake.hold(now)
        return BOUNDS if self._brake.may_delete(now) else WITHOUT_AGE

    # What is delivered

    async def _pending(self, job: HeldJob, due: DueWebhook) -> WebhookDelivery | None:
        """What was tried, as it was; unless its owner may not see all of it any more."""
        webhook = due.webhook
        found = await self._store.pending(webhook.org, webhook.webhook_id)
        if found is None:
            return None
        seen = await self._sight.seen(
            webhook.org, webhook.owner, found.device_ids, found.cleared_ids
        )
        if may_still(found, seen):
            return found
        await self._store.withdraw(job)
        return None

    async def _new(self, job: HeldJob, due: DueWebhook) -> WebhookDelivery | RunOutcome | None:
        """Of the first events that wait; a sleep where none do, and None to look again."""
        webhook = due.webhook
        waiting = await self._store.next(webhook.org, webhook.webhook_id, MOST_EVENTS + 1)
        if not waiting and webhook.gap is None:
            return RunOutcome()
        seconds = pause(waiting, more=len(waiting) > MOST_EVENTS) if waiting else 0.0
        if seconds > 0.0:
            await asyncio.sleep(seconds)
            return None
        seen = await self._sight.seen(
            webhook.org,
            webhook.owner,
            {each.device_id for each in waiting if each.device_id is not None},
            {each.device_id for each in waiting if each.device_id and each.restricted},
        )
        packed = pack(waiting, seen, webhook.gap, gap_id=uuid7(), now=self._now())
        metrics.webhook_events.labels("unseen").inc(len(packed.unseen))
        return await self._store.open(job, uuid7(), packed, tells_gap=webhook.gap is not None)

    # What became of it

    async def _settle(
        self, job: HeldJob, delivery: WebhookDelivery, outcome: AttemptOutcome
    ) -> RunOutcome | None:
        verdict = verdict_of(outcome)
        metrics.webhook_deliveries.labels(outcome.error or verdict.value).inc()
        if verdict is DeliveryVerdict.TAKEN:
            await self._store.taken(delivery, outcome)
            metrics.webhook_events.labels("delivered").inc(len(delivery.numbers))
            return None
        reason: Reason | None = None
        async with self._store.database.transaction() as connection:
            await fence(connection, job)
            failures, seconds = await self._store.refused(connection, delivery, outcome)
            if verdict is DeliveryVerdict.GONE:
                reason = "gone"
            elif is_given_up(seconds):
                reason = "no_success"
            if reason is not None:
                await self._disabling.disable(connection, delivery.org, job.key, reason)
        if reason is not None:
            return RunOutcome(wait=DISABLED_SECONDS)
        return RunOutcome(wait=pause_after(failures, outcome.retry_after, self._draw()))

    async def _disable(self, job: HeldJob, reason: Reason) -> RunOutcome:
        async with self._store.database.transaction() as connection:
            await fence(connection, job)
            await self._disabling.disable(connection, _org(job), job.key, reason)
        return RunOutcome(wait=DISABLED_SECONDS)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _org(job: HeldJob) -> OrgId:
    if job.org is None:
        raise AssertionError("a webhook is of an organisation")
    return job.org
