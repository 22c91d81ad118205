"""A hub whose wall clock is set, with its embedded servers: libfaketime, read from a file."""

from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.hub.process import HubProcess

LIBRARIES: Final = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))

needs_faketime = pytest.mark.skipif(
    not LIBRARIES, reason="libfaketime is not installed (Debian package: libfaketime)"
)


class ClockedHub(HubProcess):
    """`step` sets the clock of the hub and of its Postgres, relative to the true one."""

    start_seconds = 90.0

    def __init__(self, folder: Path, offset: str = "+0", **variables: str) -> None:
        super().__init__(folder, **variables)
        self._file = folder / "clock"
        self.step(offset)

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, offset: str) -> None:
        """As faketime writes it: `+60h`, `-2h`, `+3650d`."""
        self._file.write_text(f"{offset}\n")


class ClockedReplica(ClockedHub):
    """A `longline hub` beside it."""

    def arguments(self) -> list[str | Path]:
        return ["hub", "--port", "0"]
