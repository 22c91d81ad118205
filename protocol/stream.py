"""The organisation's event stream: its values, and how a batch of events is packed.

The stream is a sequence of entries. An entry holds the events of one tick of one replica, which
have the offsets `first` … `last`, or a gap marker, which takes one offset for itself. Offsets are
counted per epoch; a new epoch starts when the stream was lost or an old copy of it came back.
Epochs made later sort later.
"""

from typing import Final

from msgspec import Struct, ValidationError
from msgspec.msgpack import Decoder, Encoder

from protocol.dashboard import GapReason, Position
from protocol.errors import InvalidMessage
from protocol.ids import ReplicaId

RESTRICTED: Final = "restricted"
"""The level of an event that tells to some readers only what a command wrote (see
`codec.without_output`)."""


class StreamEvent(Struct, frozen=True, array_like=True, gc=False):
    """One event. Its offset is its entry's `first` plus its index in the entry."""

    device_id: str
    type: str
    level: str
    """Of `log_line` its level, of `alert` its severity, else empty or `RESTRICTED`."""
    body: bytes
    """The encoded event, a JSON object without `epoch` and `offset` (see `codec.at_offset`)."""


class EventBatch(Struct, frozen=True, kw_only=True):
    """What one replica appends in one call.

    `number` rises with each batch of (organisation, replica); the same number is the same batch,
    so that a call whose answer was lost can be repeated.
    """

    replica_id: ReplicaId
    number: int
    events: list[StreamEvent]


class Appended(Struct, frozen=True, kw_only=True):
    epoch: str
    first_offset: int
    last_offset: int


class StreamEntry(Struct, frozen=True, kw_only=True):
    """`gap` is set on a marker and then there are no events."""

    epoch: str
    first: int
    last: int
    at_ms: int
    """The stream's clock at the append, milliseconds since 1970."""
    events: list[StreamEvent]
    gap: GapReason | None = None
    writer: str = ""
    number: int = 0
    """The replica and the number of the batch; a marker has neither."""


class Entries(Struct, frozen=True):
    """What one read of the tail brought, in order."""

    entries: list[StreamEntry]


class At(Struct, frozen=True):
    """The tail stands here: at its start, after an outage, and at offset 0 of a new epoch."""

    position: Position


class Lost(Struct, frozen=True):
    """The stream cannot be read at the moment; an `At` follows when it can."""


TailItem = Entries | At | Lost

_encoder: Final = Encoder()
_events: Final[Decoder[list[StreamEvent]]] = Decoder(list[StreamEvent])


def pack(events: list[StreamEvent]) -> bytes:
    return _encoder.encode(events)


def unpack(packed: bytes) -> list[StreamEvent]:
    """Raises `InvalidMessage`: somebody else wrote this entry."""
    try:
        return _events.decode(packed)
    except (ValidationError, ValueError) as error:
        raise InvalidMessage(f"a stream entry: {error}") from None
