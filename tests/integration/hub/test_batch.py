"""Group commit: order, outcomes, errors, bounds."""

import asyncio

import pytest

from hub.base.batch import Batcher
from hub.base.errors import Overloaded, Unavailable
from tests.tasks import in_background


class Sink:
    """Takes batches while its gate is open."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def flush(self, items: list[int]) -> list[str]:
        self.batches.append(items)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [f"outcome {item}" for item in items]


async def test_a_lonely_item_waits_for_nothing_and_a_crowd_goes_together() -> None:
    sink = Sink()
    batcher = Batcher(sink.flush, limit=4)
    async with in_background(batcher.run()):
        assert await batcher.put(0) == "outcome 0"
        sink.gate.clear()
        first = batcher.put(1)
        await asyncio.sleep(0)
        crowd = [batcher.put(number) for number in range(2, 8)]
        assert len(batcher) == 6
        sink.gate.set()
        assert await asyncio.gather(first, *crowd) == [f"outcome {n}" for n in range(1, 8)]
        await batcher.idle()
    assert sink.batches == [[0], [1], [2, 3, 4, 5], [6, 7]]


async def test_what_is_not_urgent_goes_with_what_is_or_after_a_moment() -> None:
    sink = Sink()
    batcher = Batcher(sink.flush, urgent=lambda number: number > 9)
    async with in_background(batcher.run()):
        for number in (1, 2):
            patient = batcher.put(number)
            await asyncio.sleep(0)
            await asyncio.gather(patient, batcher.put(number * 10))
        async with asyncio.timeout(1):
            assert await batcher.put(3) == "outcome 3"
        assert await batcher.put(30) == "outcome 30"
    assert sink.batches == [[1, 10], [2, 20], [3], [30]]


async def test_an_error_reaches_every_waiter_of_its_batch_and_no_other() -> None:
    sink = Sink()
    batcher = Batcher(sink.flush, limit=2)
    sink.error = ValueError("bad")
    async with in_background(batcher.run()):
        failed = [batcher.put(1), batcher.put(2)]
        assert [repr(e) for e in await asyncio.gather(*failed, return_exceptions=True)] == [
            "ValueError('bad')"
        ] * 2
        sink.error = None
        assert await batcher.put(3) == "outcome 3"


async def test_while_the_database_is_away_nobody_waits_behind_anybody() -> None:
    sink = Sink()
    sink.error = Unavailable("away")
    batcher = Batcher(sink.flush, limit=1)
    async with in_background(batcher.run()):
        waiting = [batcher.put(number) for number in range(5)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {Unavailable}
        assert sink.batches == [[0]]
        sink.error = None
        assert await batcher.put(9) == "outcome 9"
        await batcher.idle()


async def test_more_than_the_bound_is_refused_and_who_gave_up_disturbs_nobody() -> None:
    sink = Sink()
    batcher = Batcher(sink.flush, bound=2)
    first, second = batcher.put(1), batcher.put(2)
    with pytest.raises(Overloaded):
        batcher.put(3)
    first.cancel()
    async with in_background(batcher.run()):
        assert await second == "outcome 2"
        assert await batcher.put(4) == "outcome 4"
