"""Group commit: what is handed in while a flush runs goes together into the next one.

An idle batcher flushes at once, so a lonely item waits for nothing; under load the batch grows
with the latency of the sink, which is what makes a transaction per thousand items possible. Items
that are not urgent wait a moment for one that is: what belongs together then costs one flush.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import structlog

from hub.base.errors import HubError, Overloaded, Unavailable

I = TypeVar("I")  # noqa: E741 - item
O = TypeVar("O")  # noqa: E741 - outcome

log = structlog.get_logger(__name__)

LINGER_SECONDS: Final = 0.005
"""How long items wait that are not urgent."""


class Batcher(Generic[I, O]):
    """Hands batches of at most `limit` items to `flush`, one batch at a time, in order.

    `flush` answers one outcome for each item; when it raises, every item of the batch gets that
    exception; when it raises `Unavailable`, so does every item behind the batch. More than `bound`
    waiting items are refused with `Overloaded`.
    """

    def __init__(
        self,
        flush: Callable[[list[I]], Awaitable[list[O]]],
        *,
        limit: int = 1000,
        bound: int = 20_000,
        urgent: Callable[[I], bool] = lambda _: True,
    ) -> None:
        self._flush = flush
        self._urgent = urgent
        self._hurry = asyncio.Event()
        self._limit = limit
        self._bound = bound
        self._waiting: deque[tuple[I, asyncio.Future[O]]] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: I) -> asyncio.Future[O]:
        """The outcome, later. Raises `Overloaded`."""
        if len(self._waiting) >= self._bound:
            raise Overloaded("the database queue is full", retry_after=1)
        future: asyncio.Future[O] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._idle.clear()
        self._wake.set()
        if self._urgent(item):
            self._hurry.set()
        return future

    async def run(self) -> None:
        """Flush for ever; started once by the composition root."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._linger()
            while self._waiting:
                size = min(len(self._waiting), self._limit)
                await self._flush_one([self._waiting.popleft() for _ in range(size)])
            self._hurry.clear()
            self._idle.set()

    async def _linger(self) -> None:
        if self._hurry.is_set():
            return
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def idle(self) -> None:
        """Wait until everything that was handed in has its outcome."""
        await self._idle.wait()

    async def _flush_one(self, batch: list[tuple[I, asyncio.Future[O]]]) -> None:
        try:
            outcomes = await self._flush([item for item, _ in batch])
        except Exception as error:
            if not isinstance(error, HubError):
                log.exception("batch_failed", items=len(batch))
            _fail([future for _, future in batch], error)
            if isinstance(error, Unavailable):
                # Whoever waited behind this batch has waited as long as anybody may.
                _fail([future for _, future in self._waiting], error)
                self._waiting.clear()
            return
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)


def _fail(futures: "list[asyncio.Future[O]]", error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()  # not everybody waits, and what happened is known
