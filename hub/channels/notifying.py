"""Tells people of alerts: each channel is a job, so that one replica at a time does."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from hub.alerts.service import Alert
from hub.base import metrics
from hub.base.database import Connection, after_commit
from hub.base.errors import Unavailable
from hub.base.job_store import fence
from hub.base.jobs import HeldJob, JobKind, RunOutcome
from hub.channels.grouping import body_of, is_given_up, pause_after, plan, subject_of, text_of
from hub.channels.records import JOB, Message, NotificationChannel, WaitingAlert
from hub.channels.sending import ChannelSender, is_taken
from hub.channels.silencing import Silencing
from hub.channels.store import ChannelStore, DueChannel
from hub.telemetry.writer import TelemetryWriter
from protocol.dashboard import AlertEvent
from protocol.ids import OrgId

log = structlog.get_logger(__name__)

AT_ONCE: Final = 20
MOST: Final = 100
GRAIN: Final = 0.05
FAILED: Final = "notification_failed"


class Notifications:
    def __init__(
        self,
        store: ChannelStore,
        sender: ChannelSender,
        silencing: Silencing,
        telemetry: TelemetryWriter,
        *,
        wake_jobs: Callable[[], None],
    ) -> None:
        self._store = store
        self._sender = sender
        self._silencing = silencing
        self._telemetry = telemetry
        self._wake_jobs = wake_jobs
        self._wake = asyncio.Event()
        self.kind = JobKind(name=JOB, run=self.send, at_once=AT_ONCE, most=MOST)

    async def queue(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        """Channels of their rules are to tell of these, which fire from now on."""
        await self._store.queue(connection, alerts)
        after_commit(self._wake.set)

    async def run(self) -> None:
        """Wakes jobs as soon as something waits here; what nobody saw `look` finds. For ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._wake_all()
            except Unavailable as error:
                log.warning("notifications_not_woken", error=error.detail)
            await asyncio.sleep(GRAIN)

    async def look(self) -> None:
        """A job, of one replica. Raises `Unavailable`."""
        await self._store.queue_again()
        await self._wake_all()
        await self._silencing.look()

    async def _wake_all(self) -> None:
        if await self._store.wake_all():
            self._wake_jobs()

    async def send(self, job: HeldJob) -> RunOutcome:
        """What a channel has to say, one message. Raises `LeaseLost`, `Unavailable`."""
        org = _org(job)
        due = await self._store.due(org, job.key)
        if due is None:
            await self._store.remove(job)
            return RunOutcome()
        message = await self._store.pending(org, job.key)
        if message is None:
            wait = await self._make(job, due)
            message = await self._store.pending(org, job.key)
            if message is None:
                self._wake.set()  # something may have come just before it sleeps
                return RunOutcome(wait=wait)
        return await self._send(job, due, message)

    async def _make(self, job: HeldJob, due: DueChannel) -> float | None:
        """A message where it is time; for how many seconds to wait where it is not."""
        channel = due.channel
        await self._silencing.mark(channel.org)
        waiting = await self._store.waiting(channel.org, channel.channel_id)
        found = plan(waiting, quiet=due.quiet, group_seconds=channel.group_seconds)
        if found.hold or found.drop:
            await self._store.set_aside(job, found.hold, found.drop)
        if found.tell:
            subject, body = self._said(channel, found.tell)
            await self._store.open(job, found.tell, subject=subject, body=body)
        return found.wait

    def _said(self, channel: NotificationChannel, told: Sequence[WaitingAlert]) -> tuple[str, str]:
        alerts = [each.alert for each in told]
        if channel.kind == "email":
            return subject_of(alerts), text_of(alerts)
        return subject_of(alerts), body_of(alerts, self._sender.now())

    async def _send(self, job: HeldJob, due: DueChannel, message: Message) -> RunOutcome:
        channel = due.channel
        key = (channel.org, channel.channel_id, message.message_id)
        outcome = await self._sender.send(due, message)
        if is_taken(outcome):
            metrics.notifications.labels("taken").inc()
            await self._store.taken(self._store.database, *key)
            return RunOutcome(wait=0.0)
        metrics.notifications.labels(outcome.error or "again").inc()
        async with self._store.database.transaction() as connection:
            await fence(connection, job)
            attempts, age = await self._store.refused(connection, *key)
            if not is_given_up(age):
                return RunOutcome(wait=pause_after(attempts))
            log.warning("notification_given_up", channel=channel.channel_id)
            await self._store.taken(connection, *key)
            await self._tell_failed(connection, channel)
        metrics.notifications.labels("given_up").inc()
        return RunOutcome(wait=0.0)

    async def _tell_failed(self, connection: Connection, channel: NotificationChannel) -> None:
        """By no channel: an alert of the hub itself has no rule that names one."""
        alert = AlertEvent(
            device_id=None,
            ts=self._telemetry.now(),
            severity="WARN",
            code=FAILED,
            message=f"the channel {channel.name} took no message for an hour: it is given up",
        )
        await self._telemetry.raise_alert(
            connection, channel.org, alert, subject=f"channel:{channel.channel_id}"
        )


def _org(job: HeldJob) -> OrgId:
    if job.org is None:
        raise AssertionError("a channel is of an organisation")
    return job.org
