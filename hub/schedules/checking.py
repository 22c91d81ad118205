"""What is asked of a schedule, and of who makes one."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from hub.base.cron import NotACron, NotAZone
from hub.base.errors import Forbidden, NeedsSignature, invalid
from hub.base.principal import Principal
from hub.campaigns.held import may_bring
from hub.campaigns.service import CampaignService, NewCampaign, RollOut
from hub.commands.service import CommandRequest, CommandService
from hub.schedules.records import (
    GivenSchedule,
    Schedule,
    ScheduledCampaign,
    ScheduledCommand,
    kind_of,
    rights_for,
)
from hub.schedules.store import ScheduleStore
from hub.schedules.timing import DEVICE, Timing, interval, require, upcoming, zones_for
from protocol.ids import DeviceId, OrgId

P = ParamSpec("P")
T = TypeVar("T")


class ScheduleChecks:
    """`clock` gives the seconds since 1970 of the database."""

    def __init__(
        self,
        store: ScheduleStore,
        commands: CommandService,
        campaigns: CampaignService,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._commands = commands
        self._campaigns = campaigns
        self._clock = clock
        self._counting = asyncio.Semaphore(1)

    async def check(self, by: Principal, given: GivenSchedule) -> "list[DeviceId]":
        """Whom it would be for now. Raises what is wrong with it, or with who asks for it."""
        await self._require_times(by.org, given)
        devices = await self._campaigns.find(by.org, given.target)
        work = given.work
        if isinstance(work, ScheduledCommand):
            await self._commands.rights.sort(by, work.command, devices)
            await self._commands.check(by, _request_of(work))
            self._require_expiry(work)
        else:
            await self._check_campaign(by, given, work, devices)
        kind = kind_of(work)
        if kind is not None:
            await self._require_unsigned(by.org, kind, devices)
        return devices

    async def _check_campaign(
        self,
        by: Principal,
        given: GivenSchedule,
        work: ScheduledCampaign,
        devices: Sequence[DeviceId],
    ) -> None:
        if not all(map(by.rights.anywhere, rights_for(work))):
            raise Forbidden("you may not begin such a campaign")
        if given.jitter_seconds:
            raise invalid("jitterSeconds", "goes with a command: a campaign has ratePerMinute")
        new = NewCampaign(
            kind=work.kind,
            subject=work.subject,
            command=work.load,
            terms=work.terms,
            devices=list(devices),
            target=given.target,
        )
        await self._campaigns.check(by, new)

    async def _require_times(self, org: OrgId, given: GivenSchedule) -> None:
        timing, now = given.timing, self.now()
        if (timing.cron is None) == (timing.at is None):
            raise invalid("cron", "exactly one of cron and at")
        if timing.at is not None:
            if timing.timezone == DEVICE:
                raise invalid("timezone", "device goes with cron: at is one moment everywhere")
            if timing.at <= now:
                raise invalid("at", "must be in the future")
        require_timing(timing)
        zones = zones_for(timing, await self.zones(org) if timing.timezone == DEVICE else ())
        if timing.ends_at is not None and not await self.upcoming(timing, zones, now, 1):
            raise invalid("endsAt", "it ends before it comes")
        between = await self._beside(interval, timing, zones, now)
        jitter = timedelta(seconds=given.jitter_seconds)
        if jitter and between is not None and 2 * jitter >= between:
            raise invalid("jitterSeconds", "must be less than half of the time between two runs")

    def _require_expiry(self, work: ScheduledCommand) -> None:
        if work.expires_at is not None and work.expires_at <= self.now():
            raise invalid("expiresAt", "must be in the future")

    async def _require_unsigned(self, org: OrgId, kind: str, devices: Sequence[DeviceId]) -> None:
        found = await self._store.wants_signature(org, kind, devices)
        if found is not None:
            raise NeedsSignature(f"{found} runs {kind} only when a person has signed it")

    async def require_doing(self, by: Principal, schedule: Schedule) -> None:
        """Its owner's own goes to whom they reach. Raises `Forbidden`."""
        rights = rights_for(schedule.given.work)
        is_own = (schedule.owner_id, schedule.owner_key) == (by.subject, by.key_id)
        if not all(map(by.rights.anywhere, rights)) or not (
            is_own or all(map(by.rights.everywhere, rights)) or await self._reaches(by, schedule)
        ):
            raise Forbidden("you may not do yourself what the schedule does")

    async def _reaches(self, by: Principal, schedule: Schedule) -> bool:
        """Whether the caller may do it to each device of its target."""
        work = schedule.given.work
        load = work.command if isinstance(work, ScheduledCommand) else work.load
        if isinstance(load, RollOut):
            return may_bring(by.rights, load)
        devices = await self._campaigns.find(by.org, schedule.given.target)
        _, refused = await self._commands.rights.sort(by, load, devices)
        return not refused

    async def upcoming(
        self, timing: Timing, zones: Sequence[ZoneInfo], after: datetime, count: int
    ) -> "list[datetime]":
        return await self._beside(upcoming, timing, zones, after, count)

    async def _beside(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Beside the loop, and one at a time: in many zones it takes a while, and who only reads
        may ask for it."""
        async with self._counting:
            return await asyncio.to_thread(call, *args, **kwargs)

    async def zones(self, org: OrgId) -> Collection[str]:
        async with self._store.database.connection() as connection:
            return await self._store.zones(connection, org)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def require_timing(timing: Timing) -> None:
    """Raises `Invalid`."""
    try:
        require(timing)
    except NotACron as fault:
        raise invalid("cron", str(fault)) from None
    except NotAZone as fault:
        raise invalid("timezone", str(fault)) from None


def _request_of(work: ScheduledCommand) -> CommandRequest:
    """As it is sent, but for when it expires: how far ahead that is counts when it is sent."""
    expires_at = None if work.delivery == "queue" else work.expires_at
    return CommandRequest(
        command=work.command,
        timeout_ms=work.timeout_ms,
        delivery=work.delivery,
        expires_at=expires_at,
    )
