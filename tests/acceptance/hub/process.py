"""A real `longline up` on a data directory of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

START_SECONDS = 40.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02


class HubProcess:
    """`start` as often as it was killed or stopped: the data directory stays."""

    program: tuple[str | Path, ...] = ("-m", "longline")
    start_seconds = START_SECONDS
    stop_seconds = STOP_SECONDS

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self._ready_file = folder / "ready.json"
        self._variables = {f"LONGLINE_{name.upper()}": value for name, value in variables.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self.ready: dict[str, Any] = {}
        """The newest ready file; the credentials stay those of the first start."""

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def arguments(self) -> list[str | Path]:
        """Of `longline`, without the ready file."""
        return ["up", "--port", "0", "--data-dir", self.folder / "data"]

    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LONGLINE_")}
        return inherited | self._variables

    def start(self) -> None:
        self._ready_file.unlink(missing_ok=True)
        with (self.folder / "hub.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.program, *self.arguments(),
                 "--ready-file", self._ready_file],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment(),
            )  # fmt: skip
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + self.start_seconds
        while not self._ready_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()  # with the next tests it would only be in their way
                self._process.wait()
                raise AssertionError(f"the hub did not start:\n{self.log()[-4000:]}")
            time.sleep(POLL_SECONDS)
        found = json.loads(self._ready_file.read_bytes())
        self.ready |= {name: value for name, value in found.items() if value is not None}

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """As a crash: kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def send_signal(self, number: signal.Signals) -> None:
        """Without waiting for anything."""
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> int:
        self.send_signal(number)
        assert self._process is not None
        try:
            return self._process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def log(self) -> str:
        return (self.folder / "hub.log").read_text("utf-8", "replace")
