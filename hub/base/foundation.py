"""What the capabilities of the hub stand on, and what each gives to the replica that runs it.

A capability has one function `build` in its `wiring.py`: it is given the foundation and the
services of the floors below, and returns its own services and a `Capability`.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from msgspec import Struct

from hub.base.bus import Bus
from hub.base.clocks import DatabaseClock
from hub.base.database import Database
from hub.base.jobs import JobKind
from hub.base.partitions import Partitioned
from hub.base.retention import Retention
from hub.base.settings import Settings
from hub.base.vault import Vault
from protocol.ids import ReplicaId


class Foundation(Struct, frozen=True, kw_only=True):
    settings: Settings
    vault: Vault
    database: Database
    reserved: Database
    """For leases and for what devices answer: however busy the others are."""
    bus: Bus
    replica_id: ReplicaId
    version: str
    clock: DatabaseClock
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    """Runs what a socket or a hint began; its failure ends nothing else."""
    is_draining: Callable[[], bool]
    wake_jobs: Callable[[], None]
    """A job may be due now."""

    @property
    def address(self) -> str:
        return f"{self.settings.host}:{self.settings.port}"


class Timer(Struct, frozen=True):
    """Done again and again by each replica, so many seconds apart: what concerns its own memory,
    clock, disk or sockets. What one replica can do for all is a job."""

    seconds: float
    run: Callable[[], Awaitable[object]]


class Capability(Struct, frozen=True, kw_only=True):
    endpoints: tuple[object, ...] = ()
    """Whose methods stand in the table of routes."""
    prepare: tuple[Callable[[], Awaitable[object]], ...] = ()
    """Awaited before the first loop begins, in the order of the floors."""
    loops: tuple[Callable[[], Awaitable[object]], ...] = ()
    """Each runs for as long as the replica."""
    timers: tuple[Timer, ...] = ()
    jobs: tuple[JobKind, ...] = ()
    """Each done by one replica at a time."""
    frames: Mapping[type, Callable[[Any, Any], None]] = {}
    """Of devices, with who takes them: given the line and the frame."""
    partitions: Callable[[Retention], Sequence[Partitioned]] | None = None
    clean_up: Callable[[Retention], Awaitable[object]] | None = None
    """Deletes from the database what is past its retention; one replica does it at a time."""
