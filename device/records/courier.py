"""Brings records of production out: to the hub, or to the cloud.

Both couriers always run. Which records are whose is the queue's to say (`device.records.ways`); a
courier without any waits.
"""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, Protocol

import httpx
import msgspec
import structlog
from msgspec import Struct

from cloud.api import MOST_ITEMS, Answer, Item, Push, Verdict, meaning
from cloud.api import fitting as fitting_cloud
from cloud.bounded import post
from cloud.client import CloudClient
from device.base.errors import AgentError, HubUnreachable, JournalUnavailable
from device.line.asking import retry_after
from device.line.connection import Tokens
from device.records.queue import RecordLane, RecordQueue, WaitingRecord
from device.records.ways import Fates, LaneBackoff, Way, fates, fitting
from protocol.codec import decode, rfc3339
from protocol.edge import MOST_RECORDS, EdgeRecord, SyncAnswer
from protocol.errors import InvalidMessage
from protocol.telemetry import Alert

_log = structlog.stdlib.get_logger()

BREATH_SECONDS: Final = 0.2
"""However fast records come, a courier that has nothing to send looks no oftener."""
OK: Final = 200
SEND_SECONDS: Final = 15.0
DISK_SECONDS: Final = 5.0
NO_CLOUD_SECONDS: Final = 60.0
HELD_SECONDS: Final = 60.0


class Alerts(Protocol):
    async def add(self, event: Alert, /) -> None: ...


class NotSent(Exception):
    """Nothing is known of what was sent; try again, not before `wish` seconds."""

    def __init__(self, message: str, *, wish: float = 0.0) -> None:
        super().__init__(message)
        self.wish = wish


class Courier(ABC):
    """What both have: the queue, its lanes, and the rests between attempts."""

    way: Way

    def __init__(
        self,
        queue: RecordQueue,
        alerts: Alerts,
        *,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._queue = queue
        self._alerts = alerts
        self._clock = clock
        self._backoff: LaneBackoff[RecordLane] = LaneBackoff(draw)
        self._wake = asyncio.Event()
        queue.wakes.append(self._wake)

    def hurry(self) -> None:
        """Try now what rests."""
        self._backoff.hurry()
        self._wake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                wait = await self._step()
            except JournalUnavailable as error:
                _log.error("records_not_read", reason=str(error))
                wait = DISK_SECONDS
            if wait != 0:
                await asyncio.sleep(BREATH_SECONDS)
                await self._pause(wait)

    async def _pause(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _step(self) -> float | None:
        """Send one batch; seconds to wait before the next, None = until there is something."""
        lanes = await self._lanes()
        lane = self._backoff.first(lanes, self._clock())
        if lane is None:
            return self._backoff.wait(lanes, self._clock())
        try:
            await self._send(lane)
        except NotSent as failure:
            wait = self._backoff.failed(lane, self._clock(), wish=failure.wish)
            _log.warning(
                "records_not_sent", way=self.way, reason=str(failure), retry_in=round(wait, 1)
            )
        else:
            self._backoff.went_well(lane)
        return 0

    async def _lanes(self) -> list[RecordLane]:
        return await self._queue.lanes(self.way)

    @abstractmethod
    async def _send(self, lane: RecordLane) -> None:
        """One batch of `lane`. Raises `NotSent`."""

    async def _settle(self, fates: Fates) -> None:
        await self._queue.settle(fates.done, fates.refused)
        if fates.refused:
            ident, reason = fates.refused[0]
            _log.error("records_refused", records=len(fates.refused), first=ident, reason=reason)
            text = f"{len(fates.refused)} records refused; {ident}: {reason}"
            await self._alerts.add(
                Alert(severity="WARN", code="record_refused", message=text[:1000])
            )


HUB: Final[RecordLane] = ""
"""To the hub all records are one lane."""


class _Success(Struct, frozen=True):
    data: SyncAnswer


_success: Final = msgspec.json.Decoder(_Success)


class HubCourier(Courier):
    """`http` has the hub as its base URL."""

    way: Way = "hub"

    def __init__(
        self, queue: RecordQueue, alerts: Alerts, *, http: httpx.AsyncClient, tokens: Tokens
    ) -> None:
        super().__init__(queue, alerts)
        self._http = http
        self._tokens = tokens
        self._held: dict[RecordLane, float] = {}
        """Companies whose records the hub does not take from this device, until when they rest."""

    def hurry(self) -> None:
        self._held.clear()
        super().hurry()

    async def _lanes(self) -> list[RecordLane]:
        held = self._resting()
        return [HUB] if any(lane not in held for lane in await super()._lanes()) else []

    def _resting(self) -> set[RecordLane]:
        now = self._clock()
        return {lane for lane, until in self._held.items() if until > now}

    async def _send(self, lane: RecordLane) -> None:
        waiting = await self._queue.take(self.way, MOST_RECORDS, without=self._resting())
        batch = waiting[: fitting([len(each.body) for each in waiting])]
        if not batch:
            return
        sent = [each.id for each in batch]
        found = fates(sent, await self._post(batch))
        await self._settle(found)
        await self._hold(
            {each.lane: found.held[each.id] for each in batch if each.id in found.held}
        )
        if len(found.done) + len(found.refused) + len(found.held) < len(set(sent)):
            raise NotSent("the hub's answer does not name every record")

    async def _hold(self, lanes: dict[RecordLane, str]) -> None:
        """The records of these companies rest, and the others go on."""
        for lane, why in lanes.items():
            _log.error("records_held", company=lane, reason=why)
            if lane not in self._held:
                text = f"the records of company {lane} wait: {why}"
                await self._alerts.add(
                    Alert(severity="WARN", code="record_refused", message=text[:1000])
                )
            self._held[lane] = self._clock() + HELD_SECONDS
            asyncio.get_running_loop().call_later(HELD_SECONDS, self._wake.set)

    async def _post(self, batch: list[WaitingRecord]) -> SyncAnswer:
        body = b'{"records":[' + b",".join(each.body for each in batch) + b"]}"
        try:
            async with asyncio.timeout(SEND_SECONDS):
                headers = {
                    "Authorization": f"Bearer {await self._tokens.token()}",
                    "Content-Type": "application/json",
                }
                answer = await post(self._http, "api/v1/sync", content=body, headers=headers)
        except (HubUnreachable, AgentError) as error:
            raise NotSent(error.message) from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise NotSent(str(error) or type(error).__name__) from None
        if answer.status_code != OK:
            message = f"the hub answered {answer.status_code}"
            raise NotSent(message, wish=retry_after(answer.headers))
        try:
            return decode(_success, answer.content).data
        except InvalidMessage:
            raise NotSent("the hub's answer does not decode") from None


class CloudCourier(Courier):
    """Without a `client` the device has no access to the cloud: what is to go there waits."""

    way: Way = "cloud"

    def __init__(self, queue: RecordQueue, alerts: Alerts, *, client: CloudClient | None) -> None:
        super().__init__(queue, alerts)
        self._client = client

    async def _send(self, lane: RecordLane) -> None:
        if self._client is None:
            raise NotSent("no cloud is configured", wish=NO_CLOUD_SECONDS)
        waiting = await self._queue.take(self.way, MOST_ITEMS, lane)
        batch = waiting[: fitting_cloud([len(each.body) for each in waiting])]
        push = Push([_item(each) for each in batch])
        while items := push.next():
            answer = await self._client.send(lane, batch[0].kind, items)
            await self._take_answer(self._client, push, answer)

    async def _take_answer(self, client: CloudClient, push: Push[Item], answer: Answer) -> None:
        verdict = meaning(answer.status)
        outcome = push.answered(verdict)
        if verdict is Verdict.NEW_TOKEN:
            client.forget_token()
        if outcome.failed:
            raise NotSent(answer.text, wish=answer.retry_after)
        done = [item.id for item in outcome.done]
        await self._settle(Fates(done, [(item.id, answer.text) for item in outcome.dead]))


def _item(waiting: WaitingRecord) -> Item:
    record = msgspec.json.decode(waiting.body, type=EdgeRecord)
    return Item(record.id, rfc3339(record.ts), record.data)
