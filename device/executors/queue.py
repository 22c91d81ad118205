"""`force_sync` and `clear_queue`: the events that the hub has not acknowledged yet."""

import asyncio
import contextlib
from typing import Final

from device.executors.context import Context, Done
from protocol.commands import ClearQueue, ForceSync

SYNC_SECONDS: Final = 5.0


async def force_sync(_command: ForceSync, context: Context) -> Done:
    """Send what is held and wait a moment for the hub to take it."""
    outbox = context.tools.outbox
    outbox.wake.set()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SYNC_SECONDS):
            await outbox.drained()
    left = outbox.depth
    return Done(output=f"Force-sync completed. In-progress: {left}", data={"inProgress": left})


async def clear_queue(_command: ClearQueue, context: Context) -> Done:
    """Completed rows are deleted when the hub acknowledges them: `includeCompleted` finds none."""
    context.no_return()
    deleted = await context.tools.outbox.clear()
    return Done(output=f"Deleted {deleted} events.", data={"deleted": deleted})
