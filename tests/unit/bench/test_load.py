"""The generator: its bytes, what it counts, and how it keeps a server busy."""

import asyncio
from itertools import pairwise

import pytest

from tests.bench import load, wire
from tests.bench.load import MARKER, Goal, Lost, Publisher, Sink, pump
from tests.conformance import wire as reference


def test_the_payload_has_190_bytes_with_and_without_a_stamp() -> None:
    assert len(load.payload()) == len(load.payload(123)) == 190
    assert load.payload(123).count(MARKER) == 1


@pytest.mark.parametrize("size", [0, 1, 125, 126, 190, 65_535])
def test_frames_are_those_of_the_conformance_tests(size: int) -> None:
    payload = bytes(range(256)) * 256

    assert wire.client_frame(payload[:size]) == reference.text(payload[:size])


def test_server_frames_are_found_wherever_chunks_break() -> None:
    sent = b"\x81\x03one" + b"\x81\x7e\x00\xc8" + b"x" * 200 + b"\x89\x00"
    for cut in range(len(sent)):
        first, rest = wire.server_frames(sent[:cut])
        second, left = wire.server_frames(rest + sent[cut:])
        assert [*first, *second] == [(1, b"one"), (1, b"x" * 200), (9, b"")]
        assert left == b""


def test_a_long_server_frame() -> None:
    frames, rest = wire.server_frames(b"\x81\x7f" + (70_000).to_bytes(8, "big") + b"y" * 70_001)

    assert [(opcode, len(text)) for opcode, text in frames] == [(1, 70_000)]
    assert rest == b"y"


def test_each_marker_is_counted_once_wherever_chunks_break() -> None:
    text = b"-".join([MARKER] * 5)
    for cuts in range(1, len(text)):
        counter = wire.Counter(MARKER)
        edges = [*range(0, len(text), cuts), len(text)]
        found = sum(counter.feed(text[a:b]) for a, b in pairwise(edges))
        assert (found, counter.count) == (5, 5)


class Echo:
    """Gives every message to every sink, on the next turn of the loop; when `lossy`, all but the
    first of each write."""

    def __init__(self, sinks: list[Sink], *, lossy: bool = False) -> None:
        self._sinks = sinks
        self._lossy = lossy
        self.most = 0

    def write(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._deliver, data)

    def _deliver(self, data: bytes) -> None:
        for sink in self._sinks:
            sink.receive(data.replace(MARKER, b"", 1) if self._lossy else data)


async def test_a_pump_ends_when_every_sink_has_everything() -> None:
    goal = Goal()
    sinks = [Sink(goal, probe=True), Sink(goal)]
    echo = Echo(sinks)
    sources = [Publisher(echo.write, bytes), Publisher(echo.write, bytes)]

    sent = await pump(sources, sinks, goal, seconds=0.05, window=100, burst=10)

    assert sent > 0
    assert [sink.count for sink in sinks] == [sent, sent]
    assert len(sinks[0].delays) == sent // 10
    assert all(delay >= 0 for delay in sinks[0].delays)


async def test_a_loss_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "STALLED_SECONDS", 0.05)
    goal = Goal()
    sinks = [Sink(goal)]
    source = Publisher(Echo(sinks, lossy=True).write, bytes)

    with pytest.raises(Lost, match="1 subscribers lack messages"):
        await pump([source], sinks, goal, seconds=0.01, window=100, burst=10)
