"""The bus with a real Valkey: one script call a tick, offsets, epochs, deadlines."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from hub.base.bus import Bus, BusUnavailable
from protocol.ids import OrgId, ReplicaId
from protocol.stream import Appended, EventBatch, StreamEvent
from tests.integration.dashboard_ws.valkey import Valkey, running_valkey

ORG = OrgId("acme")


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with running_valkey() as server:
        yield server


@pytest.fixture
async def bus(valkey: Valkey) -> AsyncIterator[Bus]:
    bus = make_bus(valkey)
    yield bus
    await bus.close()


def make_bus(
    valkey: Valkey,
    *,
    window_events: int = 50_000,
    window_seconds: float = 600,
    deadline: float = 5,
) -> Bus:
    return Bus(
        valkey.url,
        clock=time.monotonic,
        window_events=window_events,
        window_seconds=window_seconds,
        deadline=deadline,
    )


async def appended_again(bus: Bus, batch: EventBatch) -> Appended:
    """Once the breaker lets it through."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await bus.append(ORG, batch)
            except BusUnavailable:
                await asyncio.sleep(0.05)


def make_batch(number: int, *, count: int = 3, replica: str = "r-1") -> EventBatch:
    events = [StreamEvent("edge-1", "status", "", b'{"n":%d}' % n) for n in range(count)]
    return EventBatch(replica_id=ReplicaId(replica), number=number, events=events)


async def test_offsets_rise_by_the_number_of_events_across_replicas(bus: Bus) -> None:
    first = await bus.append(ORG, make_batch(1))
    second = await bus.append(ORG, make_batch(1, count=2, replica="r-2"))
    assert (first.first_offset, first.last_offset) == (1, 3)
    assert (second.first_offset, second.last_offset) == (4, 5)
    assert first.epoch == second.epoch


async def test_a_batch_that_is_in_already_changes_nothing(bus: Bus) -> None:
    first = await bus.append(ORG, make_batch(1))
    await bus.append(ORG, make_batch(1, replica="r-2"))
    assert await bus.append(ORG, make_batch(1)) == first
    head = await bus.head(ORG)
    assert head is not None
    assert head.offset == 6


async def test_reading_from_an_offset_brings_the_events_behind_it(bus: Bus) -> None:
    at = await bus.append(ORG, make_batch(1))
    await bus.append(ORG, make_batch(2))
    (entry,) = await bus.read(ORG, at.epoch, after=3, count=10)
    assert (entry.first, entry.last, len(entry.events)) == (4, 6, 3)
    assert entry.events[2] == StreamEvent("edge-1", "status", "", b'{"n":2}')
    inside = await bus.read(ORG, at.epoch, after=2, count=10)
    assert [entry.first for entry in inside] == [1, 4]
    assert len(await bus.read(ORG, at.epoch, after=0, count=1)) == 1


async def test_a_gap_marker_is_an_entry_and_comes_once(bus: Bus) -> None:
    at = await bus.append_gap(ORG, "bus", source="r-dead")
    assert await bus.append_gap(ORG, "bus", source="r-dead") == at
    (entry,) = await bus.read(ORG, at.epoch, after=0, count=10)
    assert (entry.first, entry.last, entry.gap, entry.events) == (1, 1, "bus", [])


async def test_organisations_have_streams_of_their_own(bus: Bus) -> None:
    await bus.append(ORG, make_batch(1))
    other = await bus.append(OrgId("other"), make_batch(1))
    assert other.first_offset == 1
    assert await bus.head(OrgId("nobody")) is None


async def test_the_stream_is_trimmed_by_events(valkey: Valkey) -> None:
    bus = make_bus(valkey, window_events=10)
    answers = [await bus.append(ORG, make_batch(number)) for number in range(1, 9)]
    entries = await bus.read(ORG, answers[0].epoch, after=0, count=100)
    assert [entry.first for entry in entries] == [13, 16, 19, 22]  # 15 … 24 and what holds 15
    await bus.close()


async def test_the_stream_is_trimmed_by_age(valkey: Valkey) -> None:
    bus = make_bus(valkey, window_seconds=0.3)
    at = await bus.append(ORG, make_batch(1))
    await asyncio.sleep(0.2)  # the age itself, by the server's clock
    await bus.append(ORG, make_batch(2))
    await asyncio.sleep(0.2)
    await bus.append(ORG, make_batch(3))
    entries = await bus.read(ORG, at.epoch, after=0, count=100)
    assert [entry.first for entry in entries] == [4, 7]
    await bus.close()


async def test_an_empty_server_begins_a_later_epoch(valkey: Valkey, bus: Bus) -> None:
    before = await bus.append(ORG, make_batch(1))
    valkey.kill()
    with pytest.raises(BusUnavailable):
        await bus.append(ORG, make_batch(2))
    valkey.start()
    after = await bus.append(ORG, make_batch(2))
    assert after.epoch > before.epoch
    assert after.first_offset == 1


async def test_a_head_behind_what_was_seen_begins_a_later_epoch(valkey: Valkey, bus: Bus) -> None:
    before = await bus.append(ORG, make_batch(1, count=9))
    valkey.execute("HSET", "longline:{acme}:head", "offset", "5")
    after = await bus.open(ORG)
    assert after.epoch > before.epoch
    assert after.offset == 0
    assert await bus.open(ORG) == after


async def test_a_script_that_was_flushed_is_loaded_again(valkey: Valkey, bus: Bus) -> None:
    await bus.append(ORG, make_batch(1))
    valkey.execute("SCRIPT", "FLUSH")
    assert (await bus.append(ORG, make_batch(2))).first_offset == 4


async def test_an_entry_of_somebody_else_is_a_gap(valkey: Valkey, bus: Bus) -> None:
    at = await bus.append(ORG, make_batch(1))
    key = f"longline:{{acme}}:stream:{at.epoch}"
    valkey.execute("XADD", key, "5-0", "n", "2", "t", "0", "g", "", "e", "rubbish")
    (entry,) = await bus.read(ORG, at.epoch, after=3, count=10)
    assert (entry.last, entry.gap) == (5, "bus")


async def test_a_frozen_server_costs_a_deadline_and_then_nothing(valkey: Valkey) -> None:
    deadline = 0.5
    bus = make_bus(valkey, deadline=deadline)
    first = await bus.append(ORG, make_batch(1))
    valkey.signal(signal.SIGSTOP)
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(BusUnavailable):
            await bus.append(ORG, make_batch(2))
        assert time.monotonic() - began < deadline + 1
    began = time.monotonic()
    with pytest.raises(BusUnavailable):
        await bus.append(ORG, make_batch(2))
    assert time.monotonic() - began < deadline / 2
    valkey.signal(signal.SIGCONT)
    second = await appended_again(bus, make_batch(2))
    assert (second.epoch, second.first_offset) == (first.epoch, 4)
    head = await bus.head(ORG)
    assert head is not None
    assert (
        head.offset == 6
    )  # not 15: what the frozen server found in its sockets was the same batch
    await bus.close()


async def test_many_calls_at_once_share_the_pool(bus: Bus) -> None:
    answers = await asyncio.gather(
        *(bus.append(ORG, make_batch(1, replica=f"r-{n}")) for n in range(500))
    )
    assert len({answer.first_offset for answer in answers}) == 500


async def test_out_of_memory_is_unavailable(valkey: Valkey, bus: Bus) -> None:
    await bus.append(ORG, make_batch(1))
    valkey.execute("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(BusUnavailable, match="maxmemory"):
        await bus.append(ORG, make_batch(2))
    valkey.execute("CONFIG", "SET", "maxmemory", "0")
    assert (await bus.append(ORG, make_batch(2))).first_offset == 4
