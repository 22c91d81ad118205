"""Keeps a record of each alert, in the transaction that stores it."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import structs

from hub.alerts.folding import AlertKey, fold
from hub.alerts.store import AlertStore
from hub.base import metrics
from hub.base.database import Connection, after_commit
from hub.telemetry.writer import OrgEvent
from protocol.dashboard import AlertEvent
from protocol.stream import StreamEvent

_decode: Final = msgspec.json.Decoder(AlertEvent).decode


class AlertNotes:
    """What telemetry asks for the record of an alert."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store

    async def note(
        self, connection: Connection, alerts: Sequence[OrgEvent], *, subject: str = ""
    ) -> Sequence[StreamEvent]:
        """These alerts, each with the id of its record; one that resolves nothing has none."""
        decoded = [(org, _decode(event.body)) for org, event in alerts]
        folded = fold(decoded, subject)
        ids: list[dict[AlertKey, str]] = []
        for steps in folded.rounds:
            raised = await self._store.raise_own(connection, steps.values())
            ids.append(raised | await self._store.resolve_own(connection, steps.values()))
        after_commit(lambda: metrics.alerts.labels("own").inc(len(alerts)))
        return [
            _with_id(event, ids[place].get(AlertKey(org, told.device_id, told.code, subject)))
            for (org, event), (_, told), place in zip(alerts, decoded, folded.places, strict=True)
        ]


def _with_id(event: StreamEvent, alert_id: str | None) -> StreamEvent:
    if alert_id is None:
        return event
    return structs.replace(event, body=b'%b,"alertId":"%b"}' % (event.body[:-1], alert_id.encode()))
