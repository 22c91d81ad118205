"""What goes into one delivery: the first events that wait, as many as fit. Pure.

What is in a delivery is decided once. It is tried again as it is, byte by byte, so whoever takes it
twice sees the same id and the same events.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from hub.webhooks.records import Lost, Waiting, WebhookDelivery
from protocol.codec import encode, rfc3339, without_output
from protocol.ids import DeviceId

MOST_EVENTS: Final = 100
MOST_BYTES: Final = 512 * 2**10
"""Of one delivery; one event goes alone, however long it is."""
LINGER_SECONDS: Final = 1.0
"""How long the oldest waits for others to go with it."""
NO_DEVICE: Final = DeviceId("")
"""Among the devices of a delivery: it tells of something that is about none, too."""
_HEAD_BYTES: Final = 300
"""What there is around the events, and a gap."""


class GapItem(
    Struct,
    frozen=True,
    tag_field="type",
    tag="gap",
    kw_only=True,
    rename={"since": "from", "until": "to"},
):
    """Stands where events were that had to be given up."""

    id: str
    since: str
    until: str
    count: int


class TestItem(Struct, frozen=True, tag_field="type", tag="test", kw_only=True):
    """An event of no meaning."""

    id: str
    ts: str


class SeenDevices(Struct, frozen=True):
    """Of the devices that some events tell of: those whose events the owner may see, and those of
    which it may see what commands wrote."""

    devices: Collection[str] | None
    """None: of each, also what is of no device."""
    cleared: Collection[str] | None

    def sees(self, device_id: DeviceId | None) -> bool:
        return self.devices is None or device_id in self.devices

    def is_cleared(self, device_id: DeviceId | None) -> bool:
        return self.cleared is None or device_id in self.cleared


EVERYTHING: Final = SeenDevices(None, None)


class Packed(Struct, frozen=True, kw_only=True):
    """A delivery that was made, and the events that are not for the owner's eyes."""

    numbers: list[int]
    device_ids: list[DeviceId]
    cleared_ids: list[DeviceId]
    count: int
    body: str
    unseen: list[int]


def pause(waiting: Sequence[Waiting], *, more: bool) -> float:
    """How many seconds to wait for more to come. `more`: the delivery is full, or others wait
    behind these."""
    size = sum(len(each.body) for each in waiting)
    if more or len(waiting) >= MOST_EVENTS or size >= MOST_BYTES:
        return 0.0
    return max(LINGER_SECONDS - max(waiting[0].age, 0.0), 0.0)


def pack(
    waiting: Sequence[Waiting], seen: SeenDevices, gap: Lost | None, *, gap_id: str, now: datetime
) -> Packed:
    """The first of these that fit into one delivery, behind the gap where there is one."""
    items = [] if gap is None else [_gap(gap, gap_id)]
    size = _HEAD_BYTES
    taken: list[Waiting] = []
    unseen: list[int] = []
    for each in waiting:
        if not seen.sees(each.device_id):
            unseen.append(each.number)
            continue
        event = _shown(each, seen)
        size += len(event.encode()) + 1
        if len(items) >= MOST_EVENTS or (taken and size > MOST_BYTES):
            break
        items.append(event)
        taken.append(each)
    return Packed(
        numbers=[each.number for each in taken],
        device_ids=sorted({each.device_id or NO_DEVICE for each in taken}),
        cleared_ids=sorted({
            each.device_id
            for each in taken
            if each.restricted and each.device_id is not None and seen.is_cleared(each.device_id)
        }),
        count=len(items),
        body=body_of(items, now),
        unseen=unseen,
    )  # fmt: skip


def body_of(items: Sequence[str], now: datetime) -> str:
    return f'{{"type":"longline.events","timestamp":"{rfc3339(now)}","data":[{",".join(items)}]}}'


def body_of_test(event_id: str, now: datetime) -> str:
    """Of a delivery that somebody asked for to see whether it comes."""
    return body_of([encode(TestItem(id=event_id, ts=rfc3339(now))).decode()], now)


def with_id(event: bytes, event_id: str) -> str:
    """An encoded event with an id, by which whoever gets it twice knows it again."""
    return f'{{"id":"{event_id}",{event[1:].decode()}'


def may_still(delivery: WebhookDelivery, seen: SeenDevices) -> bool:
    """Whether the owner may see all that a delivery shows."""
    return all(map(seen.sees, delivery.device_ids)) and all(
        map(seen.is_cleared, delivery.cleared_ids)
    )


def _gap(gap: Lost, gap_id: str) -> str:
    item = GapItem(id=gap_id, since=rfc3339(gap.since), until=rfc3339(gap.until), count=gap.count)
    return encode(item).decode()


def _shown(each: Waiting, seen: SeenDevices) -> str:
    if not each.restricted or seen.is_cleared(each.device_id):
        return each.body
    return without_output(each.body.encode()).decode()
