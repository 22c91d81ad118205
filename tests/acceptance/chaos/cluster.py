"""Several replicas of the hub over one Postgres and one Valkey, as processes of this machine.

    async with running_cluster(folder, replicas=2) as cluster:
        cluster.replicas[0].kill()

`start` and `stop` leave nothing behind in the event loop, so a fixture may hold a cluster for many
tests, each with a loop of its own. Methods of a replica block: in a busy loop call them through
`asyncio.to_thread`. A replica keeps its port when it is started again.
"""

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from hub.base.migrate import migrate_at
from tests.acceptance.chaos.disk import Disk
from tests.acceptance.chaos.servers import Servers
from tests.acceptance.clock import Clock
from tests.acceptance.hub.clients import Fleet
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import longline

ADMIN: Final = "admin"
PASSWORD: Final = "correct horse battery"
SETTINGS: Final = {"user_token_seconds": "864000", "log_level": "info"}


class Replica(HubProcess):
    """One `longline hub`. `stop` is SIGTERM and waits for the drain."""

    start_seconds = 60.0
    stop_seconds = 45.0

    clock: Clock | None = None
    """Its own, if it has one: set before it is started."""

    def __init__(self, folder: Path, port: int, **variables: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, **variables)
        self.port = port
        self.trap = folder / "trap"
        """Names the step at which it kills itself, while it is there."""
        self.program = ("-m", "tests.acceptance.chaos.steps", self.trap)

    def environment(self) -> dict[str, str]:
        return super().environment() | (self.clock.environment() if self.clock else {})

    def arguments(self) -> list[str | Path]:
        return ["hub", "--port", str(self.port)]

    def freeze(self) -> None:
        self.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send_signal(signal.SIGCONT)


class Cluster:
    """`variables` are settings of every replica. `database_url` and `redis_url` may be given other
    addresses of the same servers (a proxy's) before a replica is added."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.servers = Servers(folder / "servers")
        self._clocks = False
        self.replicas: list[Replica] = []
        self.database_url: str | None = None
        self.redis_url: str | None = None
        self.enrollment_key = ""
        self.admin_token = ""
        self._variables = SETTINGS | {"data_dir": str(folder / "data")} | variables

    def set_clocks(self) -> None:
        """Each replica and Postgres get a wall clock of their own, which needs libfaketime: before
        any of them is started."""
        self._clocks = True
        self.servers.clock = Clock(self.folder / "postgres-clock")

    def set_disk(self) -> None:
        """The servers get a disk that can be full, before they are started."""
        self.servers.disk = Disk(self.folder / "servers")

    async def start(self, replicas: int) -> None:
        """The servers have been started."""
        await migrate_at(self.servers.owner_url)
        for _ in range(replicas):
            self.add()
        await self.each(self.replicas, Replica.start)
        await asyncio.to_thread(self._make_credentials)

    def add(self) -> Replica:
        """One more replica, not started."""
        variables = self._variables | {
            "database_url": self.database_url or self.servers.database_url,
            "redis_url": self.redis_url or self.servers.redis_url,
        }
        folder = self.folder / f"replica-{len(self.replicas)}"
        replica = Replica(folder, free_port(), **variables)
        if self._clocks:
            replica.clock = Clock(folder / "clock")
        self.replicas.append(replica)
        return replica

    async def each(self, replicas: list[Replica], do: Callable[[Replica], object]) -> None:
        """At the same time."""
        await asyncio.gather(*(asyncio.to_thread(do, replica) for replica in replicas))

    async def stop(self) -> None:
        """Without a drain: what a test wants to see of one, it has seen."""
        for replica in self.replicas:
            if replica.running():
                replica.kill()
        for which in ("postgres", "valkey"):
            with suppress(StopIteration):  # it never started
                self.servers.signal(which, signal.SIGCONT)
        await self.servers.stop()

    @property
    def urls(self) -> list[str]:
        return [replica.url for replica in self.replicas]

    def fleet(self, replica: int = 0) -> Fleet:
        """Devices that speak to this replica."""
        return Fleet(self.urls[replica], self.enrollment_key)

    def log_in(self, username: str = ADMIN, *, replica: int = 0) -> str:
        """A user's token."""
        return log_in(self.urls[replica], username, PASSWORD)

    def _make_credentials(self) -> None:
        """A database's first administrator is made by hand, and its enrolment key is shown."""
        where = {"LONGLINE_DATABASE_URL": self.servers.database_url}
        if "master_key_file" in self._variables:
            where["LONGLINE_MASTER_KEY_FILE"] = self._variables["master_key_file"]
        made = longline(
            "admin", "create-user", ADMIN, "--role", "ADMIN", stdin=f"{PASSWORD}\n", **where
        )
        assert made.returncode == 0, made
        shown = longline("admin", "enrollment", "--auto", "on", **where)
        assert shown.returncode == 0, shown
        self.enrollment_key = shown.stdout.splitlines()[0].split()[-1]
        self.admin_token = self.log_in()


@asynccontextmanager
async def running_cluster(
    folder: Path, *, replicas: int, **variables: str
) -> AsyncGenerator[Cluster]:
    cluster = Cluster(folder, **variables)
    try:
        await cluster.servers.start()
        await cluster.start(replicas)
        yield cluster
    finally:
        await cluster.stop()


def free_port() -> int:
    """One that nobody holds at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
