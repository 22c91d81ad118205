"""Processes whose wall clock is set: libfaketime, read from a file. Monotonic time stays true."""

from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.hub.process import HubProcess

LIBRARIES: Final = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
MISSING: Final = "libfaketime is not installed (Debian package: libfaketime)"

needs_faketime = pytest.mark.skipif(not LIBRARIES, reason=MISSING)


class Clock:
    """What a process, and its children, see when they are started with `environment()`."""

    def __init__(self, file: Path, offset: str = "+0") -> None:
        self._file = file
        self.step(offset)

    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, offset: str) -> None:
        """Relative to the true one, as faketime writes it: `+60h`, `-2h`, `+3650d`."""
        aside = self._file.with_suffix(".new")
        aside.write_text(f"{offset}\n")
        aside.replace(self._file)  # it is read at every moment


class ClockedHub(HubProcess):
    """`step` sets the clock of the hub and of its Postgres, relative to the true one."""

    start_seconds = 90.0

    def __init__(self, folder: Path, offset: str = "+0", **variables: str) -> None:
        super().__init__(folder, **variables)
        self._clock = Clock(folder / "clock", offset)
        self.step = self._clock.step

    def environment(self) -> dict[str, str]:
        return super().environment() | self._clock.environment()


class ClockedReplica(ClockedHub):
    """A `longline hub` beside it."""

    def arguments(self) -> list[str | Path]:
        return ["hub", "--port", "0"]
