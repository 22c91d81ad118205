"""Events from local programs, as they travel on the wire: `scan`, `print`, `event`, `alert` and
`log_line`. Every one that is taken is durable: it gets the agent's `bootId` and the next `seq`.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from msgspec import UNSET

from device.base.errors import JournalUnavailable
from device.events.disk_outbox import DiskOutbox
from device.events.production import Production
from device.local.local_lines import TAKEN
from device.records.intake import IntakeAnswer
from protocol.codec import decode
from protocol.errors import InvalidMessage
from protocol.telemetry import Alert, Event, LogLine, Print, Scan

_log = structlog.stdlib.get_logger()

LocalEvent = Scan | Print | Event | Alert | LogLine
_event: Final[msgspec.json.Decoder[LocalEvent]] = msgspec.json.Decoder(LocalEvent)
PRODUCTION: Final = (Scan, Print, Event)


class EventIntake:
    def __init__(self, outbox: DiskOutbox, production: Production) -> None:
        self._outbox = outbox
        self._production = production

    async def take(self, line: bytes) -> IntakeAnswer:
        """It is on disk when the answer is `ok`."""
        try:
            event = accepted(decode(_event, line), now=datetime.now(UTC))
        except InvalidMessage as error:
            return IntakeAnswer(ok=False, code="invalid", message=error.message)
        reason = self._production.disabled_because
        if reason is not None and isinstance(event, PRODUCTION):
            return IntakeAnswer(
                ok=False, code="disabled", message=f"the device is disabled: {reason}"
            )
        try:
            await self._outbox.add(event)
        except JournalUnavailable as error:
            _log.error("event_not_kept", reason=str(error))
            return IntakeAnswer(ok=False, code="outbox_unavailable", message=str(error))
        return TAKEN


def accepted(event: LocalEvent, *, now: datetime) -> LocalEvent:
    """`event` with its time, and without the fields that are not a local program's to set."""
    named = msgspec.structs.replace(event, ts=event.ts or now, boot_id=None, seq=None)
    if isinstance(named, LogLine):
        return msgspec.structs.replace(named, command_id=UNSET)
    return named
