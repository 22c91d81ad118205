"""A private Postgres and a private Valkey that can be killed, frozen and started again.

They are the hub's own embedded servers. Nothing watches over them here: what was killed stays down
until it is started again, so that an outage lasts as long as its fault says. Both save nothing that
a fault has to respect: Valkey comes back empty, Postgres recovers from its log.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
from redis import Redis

from hub.base.embedded import Child, Embedded
from tests.acceptance.chaos.disk import Disk
from tests.acceptance.clock import Clock

START_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.05


class _Clocked(Child):
    """The same server under a clock."""

    def __init__(self, child: Child, clock: Clock) -> None:
        variables = [f"{name}={value}" for name, value in clock.environment().items()]
        super().__init__(
            child.name, ["env", *variables, *child._argv],
            log_file=child._log_file, stop_signal=child._stop_signal, user=child._user,
        )  # fmt: skip


class Servers(Embedded):
    """`which` is `postgres` or `valkey` throughout. `clock` is that of Postgres, if it has one of
    its own."""

    async def stop(self) -> None:
        await super().stop()
        if self.disk is not None:
            self.disk.unmount()

    clock: Clock | None = None
    disk: Disk | None = None
    """Where all of it is, if that can be full."""

    async def _started(self, child: Child, answers: Callable[[], Awaitable[bool]]) -> None:
        if self.clock is not None and child.name == "postgres":
            child = _Clocked(child, self.clock)
        await super()._started(child, answers)

    def child(self, which: str) -> Child:
        return next(child for child in self._children if child.name == which)

    def socket(self, which: str) -> Path:
        """Where it listens."""
        return self._sockets / (".s.PGSQL.5432" if which == "postgres" else "valkey.sock")

    def database_at(self, port: int) -> str:
        """The database, through a proxy on this port."""
        return f"postgresql://longline_server@127.0.0.1:{port}/longline?sslmode=disable"

    def processes(self, which: str) -> list[psutil.Process]:
        """The server's process and its children; none when it is down."""
        process = self.child(which).process
        if process is None or process.poll() is not None:
            return []
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def signal(self, which: str, number: signal.Signals) -> None:
        """To every process of the server: a frozen Postgres has no backend that runs.

        It may fork while its children are listed, until it is stopped itself: so they are listed
        again until nobody is new.
        """
        reached: set[int] = set()
        while new := [one for one in self.processes(which) if one.pid not in reached]:
            for process in new:
                reached.add(process.pid)
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)

    async def kill(self, which: str) -> None:
        """kill -9 for Valkey; for Postgres an immediate shutdown, which recovers as after it."""
        process = self.child(which).process
        assert process is not None
        process.send_signal(signal.SIGKILL if which == "valkey" else signal.SIGQUIT)
        await asyncio.to_thread(process.wait, START_SECONDS)

    async def up(self, which: str) -> None:
        """Start it again and wait until it answers."""
        child = self.child(which)
        answers = self._answers_postgres if which == "postgres" else self._answers_valkey
        async with asyncio.timeout(START_SECONDS):
            while not await answers():
                if child.ended():
                    child.start()
                await asyncio.sleep(POLL_SECONDS)

    def valkey(self, *command: str) -> None:
        """Do to Valkey what an operator, or another program, could do."""
        with Redis.from_url(self.redis_url, socket_timeout=5) as client:  # pyright: ignore[reportUnknownMemberType]
            client.execute_command(*command)  # pyright: ignore[reportUnknownMemberType]
