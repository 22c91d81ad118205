"""Following a stream through outages and new epochs. What to read is the bus's; where from is here.

Within an epoch the tail goes on behind what it read last, however long it was away. In a new epoch
it begins at offset 0, so that nothing of it is missed. What was trimmed while it was away shows as
a first offset that does not follow; whoever receives the entries says so to dashboards.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from protocol.dashboard import Position
from protocol.stream import At, Entries, Lost, StreamEntry, TailItem

BACKOFF: Final = (0.05, 0.2, 0.5, 1.0)
"""Seconds before the first, second … attempt to reach a lost server again."""


class Unreachable(Exception):
    """The stream cannot be read now."""


Open = Callable[[], Awaitable[Position]]
"""Gives the head; makes one when there is none, or none that can be right. Raises `Unreachable`."""
Wait = Callable[[Position], Awaitable[list[StreamEntry]]]
"""Gives the entries behind a position, none when none came for a while. Raises `Unreachable`."""


async def follow(open_stream: Open, wait: Wait, receive: Callable[[TailItem], None]) -> NoReturn:
    """`receive` must neither block nor raise."""
    position: Position | None = None
    failures = 0
    while True:
        try:
            if position is None or failures:
                position = resume(position, await open_stream())
                failures = 0
                receive(At(position))
            position = await _advance(open_stream, wait, position, receive)
        except Unreachable:
            if not failures:
                receive(Lost())
            await asyncio.sleep(backoff(failures))
            failures += 1


async def _advance(
    open_stream: Open, wait: Wait, position: Position, receive: Callable[[TailItem], None]
) -> Position:
    entries = await wait(position)
    if entries:
        receive(Entries(entries))
        return Position(epoch=position.epoch, offset=entries[-1].last)
    # Silence may mean that an epoch has begun: its entries are under another key.
    moved = resume(position, await open_stream())
    if moved != position:
        receive(At(moved))
    return moved


def resume(position: Position | None, head: Position) -> Position:
    """Where to read on when the stream's head is `head`."""
    if position is None:
        return head
    if position.epoch == head.epoch:
        return position
    return Position(epoch=head.epoch, offset=0)


def backoff(failures: int) -> float:
    return BACKOFF[min(failures, len(BACKOFF) - 1)]
