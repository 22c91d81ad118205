"""What every dashboard of a replica shares."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from msgspec import Struct

from dashboard_ws.core.wire import Wire
from dashboard_ws.fanout import FanOut
from dashboard_ws.ports import Clock, EventSource, Groups, Queries, Tokens
from protocol.ids import OrgId


class Surroundings(Struct, frozen=True, kw_only=True):
    source: EventSource
    tokens: Tokens
    groups: Groups
    queries: Queries
    clock: Clock
    wire: Wire
    """Of WebSockets."""
    reading: asyncio.Semaphore
    """Of all replays."""
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    fanout_of: Callable[[OrgId], FanOut]
    place: Callable[[FanOut, frozenset[str]], Awaitable[None]]
    """Finds out who is in these groups, which readers' sights name."""
    settle: Callable[[OrgId], Awaitable[None]]
    """Finds out again who is in the groups that are known to have changed."""
