import pytest

from protocol.errors import InvalidMessage
from protocol.stream import StreamEvent, pack, unpack


def test_packed_events_come_back() -> None:
    events = [
        StreamEvent("edge-1", "log_line", "WARN", b'{"type":"log_line"}'),
        StreamEvent("edge-2", "status", "", b"{}"),
    ]
    assert unpack(pack(events)) == events


@pytest.mark.parametrize("packed", [b"", b"rubbish", b"\xc0", pack([])[:-1] + b"\x91\x01"])
def test_what_somebody_else_wrote_is_invalid(packed: bytes) -> None:
    with pytest.raises(InvalidMessage):
        unpack(packed)
