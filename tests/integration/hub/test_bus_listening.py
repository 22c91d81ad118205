"""Tailing the stream and hearing hints while Valkey is killed, frozen and emptied."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from hub.base.bus import HINTS_QUEUED, Bus
from protocol.stream import At, Entries, Lost, TailItem
from tests.integration.dashboard_ws.valkey import Valkey, running_valkey, until
from tests.integration.hub.test_bus import ORG, appended_again, make_batch, make_bus


class Seen:
    """What the tail handed out: `(first, last)` of entries, and names of the rest."""

    def __init__(self) -> None:
        self.items: list[TailItem] = []

    @property
    def entries(self) -> list[tuple[int, int]]:
        return [
            (entry.first, entry.last)
            for item in self.items
            if isinstance(item, Entries)
            for entry in item.entries
        ]

    def ats(self) -> list[At]:
        return [item for item in self.items if isinstance(item, At)]


class Heard:
    def __init__(self) -> None:
        self.hints: list[tuple[str, bytes]] = []
        self.resubscriptions = 0

    def hint(self, channel: str, payload: bytes) -> None:
        self.hints.append((channel, payload))

    def resubscribed(self) -> None:
        self.resubscriptions += 1


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with running_valkey() as server:
        yield server


@pytest.fixture
async def bus(valkey: Valkey) -> AsyncIterator[Bus]:
    bus = make_bus(valkey)
    yield bus
    await bus.close()


@pytest.fixture
async def seen(bus: Bus) -> AsyncIterator[Seen]:
    seen = Seen()
    task = asyncio.create_task(bus.tail(ORG, seen.items.append))
    await until(lambda: len(seen.ats()) == 1)
    yield seen
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def heard(bus: Bus) -> AsyncIterator[Heard]:
    heard = Heard()
    tasks = [
        asyncio.create_task(bus.subscribe(["one", "two"], heard)),
        asyncio.create_task(bus.run()),
    ]
    await until(lambda: heard.resubscriptions == 1)
    yield heard
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_tail_brings_every_entry_in_order(bus: Bus, seen: Seen) -> None:
    for number in range(1, 300):
        await bus.append(ORG, make_batch(number))
    await until(lambda: len(seen.entries) == 299)
    assert seen.entries == [(3 * n + 1, 3 * n + 3) for n in range(299)]


async def test_a_lost_connection_loses_no_entry(valkey: Valkey, bus: Bus, seen: Seen) -> None:
    for number in range(1, 30):
        await bus.append(ORG, make_batch(number))
        if number % 10 == 0:
            valkey.execute("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await until(lambda: isinstance(seen.items[-1], Lost))
            await until(lambda: isinstance(seen.items[-1], At))
    await until(lambda: len(seen.entries) == 29)
    assert seen.entries == [(3 * n + 1, 3 * n + 3) for n in range(29)]


async def test_an_empty_server_is_a_new_epoch_from_its_start(
    valkey: Valkey, bus: Bus, seen: Seen
) -> None:
    await bus.append(ORG, make_batch(1))
    await until(lambda: len(seen.entries) == 1)
    valkey.kill()
    await until(lambda: isinstance(seen.items[-1], Lost))
    valkey.start()
    await until(lambda: len(seen.ats()) == 2)
    first, second = seen.ats()
    assert second.position.epoch > first.position.epoch
    assert second.position.offset == 0
    await appended_again(bus, make_batch(2))
    await until(lambda: seen.entries == [(1, 3), (1, 3)])


async def test_a_flushed_server_is_noticed_in_silence(valkey: Valkey, bus: Bus, seen: Seen) -> None:
    await bus.append(ORG, make_batch(1))
    await until(lambda: seen.entries == [(1, 3)])
    valkey.execute("FLUSHALL")
    await bus.append(ORG, make_batch(2))
    await until(lambda: seen.entries == [(1, 3), (1, 3)])
    assert not any(isinstance(item, Lost) for item in seen.items)


async def test_a_frozen_server_is_lost_and_found(valkey: Valkey, bus: Bus, seen: Seen) -> None:
    valkey.signal(signal.SIGSTOP)
    await until(lambda: isinstance(seen.items[-1], Lost))
    valkey.signal(signal.SIGCONT)
    await until(lambda: len(seen.ats()) == 2)
    assert seen.ats()[0] == seen.ats()[1]


async def test_hints_arrive(bus: Bus, heard: Heard) -> None:
    for number in range(1000):
        bus.publish("one", b"%d" % number)
    bus.publish("elsewhere", b"-")
    bus.publish("two", b"last")
    await until(lambda: len(heard.hints) == 1001)
    assert heard.hints[:2] == [("one", b"0"), ("one", b"1")]
    assert heard.hints[-1] == ("two", b"last")


async def test_a_killed_subscriber_is_told(valkey: Valkey, bus: Bus, heard: Heard) -> None:
    for times in (2, 3):
        valkey.execute("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda times=times: heard.resubscriptions == times)
    bus.publish("two", b"again")
    await until(lambda: heard.hints == [("two", b"again")])


async def test_a_subscription_survives_silence_and_notices_a_frozen_server(
    valkey: Valkey, bus: Bus, heard: Heard
) -> None:
    await asyncio.sleep(1.5)  # the silence itself
    assert heard.resubscriptions == 1
    valkey.signal(signal.SIGSTOP)
    await asyncio.sleep(4)  # the fault itself
    valkey.signal(signal.SIGCONT)
    await until(lambda: heard.resubscriptions >= 2)
    bus.publish("one", b"x")
    await until(lambda: heard.hints == [("one", b"x")])


async def test_hints_of_an_outage_are_forgotten(valkey: Valkey, bus: Bus, heard: Heard) -> None:
    valkey.kill()
    with capture_logs() as log:
        for number in range(2 * HINTS_QUEUED):
            bus.publish("one", b"%d" % number)
        await until(lambda: lost(log) == HINTS_QUEUED)
    valkey.start()
    await until(lambda: heard.resubscriptions == 2)
    bus.publish("one", b"now")
    await until(lambda: heard.hints == [("one", b"now")])


def lost(log: Iterable[Mapping[str, Any]]) -> int:
    return sum(entry["count"] for entry in log if entry["event"] == "bus_hints_lost")
