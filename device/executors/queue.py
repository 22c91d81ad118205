"""`force_sync` and `clear_queue`: what waits on this device to be sent. That are records of
production and durable events."""

import asyncio
import contextlib
from typing import Final

from device.executors.context import CommandContext, Done
from protocol.commands import ClearQueue, ForceSync

SYNC_SECONDS: Final = 5.0


async def force_sync(_command: ForceSync, context: CommandContext) -> Done:
    """Try now what rests after a failure, and wait a moment for it to be taken."""
    tools = context.tools
    tools.hurry()
    tools.outbox.wake.set()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SYNC_SECONDS):
            await tools.records.drained()
            await tools.outbox.drained()
    left = tools.records.depth + tools.outbox.depth
    return Done(output=f"Force-sync completed. In-progress: {left}", data={"inProgress": left})


async def clear_queue(command: ClearQueue, context: CommandContext) -> Done:
    """`includeCompleted` also forgets which records were delivered or refused; completed events are
    deleted when the hub acknowledges them."""
    context.no_return()
    tools = context.tools
    records = await tools.records.clear(include_completed=command.include_completed)
    events = await tools.outbox.clear()
    return Done(
        output=f"Deleted {records} records and {events} events.",
        data={"deleted": records + events},
    )
