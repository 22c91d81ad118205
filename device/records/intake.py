"""Lines of JSON from local programs and dropped files, taken as records of production.

A record is written as it travels: `{"id","kind","companyId","ts","data"}`. `companyId` may be left
out where the device's settings name one; then another is refused. Without `ts` it is the time of
receipt, or of the file: a program that may hand in a record twice names it, or the second is a
conflict.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from device.base.errors import JournalUnavailable
from device.events.disk_outbox import DiskOutbox
from device.events.production import Production
from device.records.queue import Note, RecordQueue, Taken
from protocol.codec import decode
from protocol.edge import CompanyId, EdgeRecord, Kind, RecordId
from protocol.errors import InvalidMessage
from protocol.telemetry import Alert

MOST_LINE_BYTES: Final = 32 * 1024
ALERT_SECONDS: Final = 60.0


class IntakeAnswer(Struct, frozen=True, omit_defaults=True):
    """To whoever handed a line in."""

    ok: bool
    code: str | None = None
    message: str | None = None


class LocalRecord(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    id: RecordId
    kind: Kind
    company_id: CompanyId | None = None
    ts: Annotated[datetime, Meta(tz=True)] | None = None
    data: dict[str, Any] = {}


_record: Final = msgspec.json.Decoder(LocalRecord)
_TAKEN: Final[dict[Taken, IntakeAnswer]] = {
    "ok": IntakeAnswer(ok=True),
    "conflict": IntakeAnswer(
        ok=False, code="conflict", message="this id was used for other content"
    ),
    "full": IntakeAnswer(
        ok=False, code="queue_full", message="the queue is full: keep the record and retry later"
    ),
}


class RecordIntake:
    def __init__(
        self, queue: RecordQueue, production: Production, *, company_id: str | None
    ) -> None:
        self._queue = queue
        self._production = production
        self._company_id = company_id

    @property
    def disabled_because(self) -> str | None:
        return self._production.disabled_because

    async def take(self, lines: Sequence[bytes], *note: Note, now: datetime) -> list[IntakeAnswer]:
        """An answer to each line, in order; `now` is the time of records that name none. A line is
        on disk when its answer is `ok`; `note` is when every line has its last word."""
        reason = self._production.disabled_because
        if reason is not None:
            refusal = f"the device is disabled: {reason}"
            return [IntakeAnswer(ok=False, code="disabled", message=refusal) for _ in lines]
        read = [self._read(line, now) for line in lines]
        records = [each for each in read if isinstance(each, EdgeRecord)]
        try:
            taken = iter(await self._queue.add(records, *note))
        except JournalUnavailable as error:
            failure = IntakeAnswer(ok=False, code="queue_unavailable", message=str(error))
            return [failure if isinstance(each, EdgeRecord) else each for each in read]
        return [_TAKEN[next(taken)] if isinstance(each, EdgeRecord) else each for each in read]

    def _read(self, line: bytes, now: datetime) -> EdgeRecord | IntakeAnswer:
        if len(line) > MOST_LINE_BYTES:
            return IntakeAnswer(ok=False, code="too_long", message=f"over {MOST_LINE_BYTES} bytes")
        try:
            local = decode(_record, line)
        except InvalidMessage as error:
            where = f"{error.field}: " if error.field else ""
            return IntakeAnswer(ok=False, code="invalid", message=where + error.message)
        company_id = local.company_id or self._company_id
        if self._company_id not in (None, company_id):
            text = f"the device belongs to company {self._company_id}"
            return IntakeAnswer(ok=False, code="forbidden", message=text)
        if company_id is None:
            return IntakeAnswer(ok=False, code="invalid", message="companyId: none is configured")
        return EdgeRecord(
            id=local.id,
            kind=local.kind,
            company_id=company_id,
            ts=local.ts or now,
            data=local.data,
        )


class FullQueueAlert:
    """Says that records were refused for want of room: each is counted, and once a minute an alert
    tells how many."""

    def __init__(
        self,
        queue: RecordQueue,
        alerts: DiskOutbox,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._alerts = alerts
        self._clock = clock
        self._told_at = -ALERT_SECONDS

    async def note(self) -> None:
        """One more."""
        now = self._clock()
        with contextlib.suppress(JournalUnavailable):
            await self._queue.count_dropped(1)
            if now - self._told_at >= ALERT_SECONDS:
                self._told_at = now
                text = f"the queue of records is full; {self._queue.dropped} were rejected so far"
                await self._alerts.add(Alert(severity="CRITICAL", code="queue_full", message=text))
