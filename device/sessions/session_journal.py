"""Which sessions have started programs: on disk before the program, so that an agent that was
killed ends them at its next start."""

from pathlib import Path

import msgspec
from msgspec import Struct

from device.base.files import write_atomically
from device.sessions.processes import end_processes, started_at


class OpenSession(Struct, frozen=True):
    id: str
    leader: int | None = None
    """Of its process session on this machine."""
    started: str | None = None
    """When, so that no other process is taken for it."""


_decoder = msgspec.json.Decoder(list[OpenSession])


class SessionJournal:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: dict[str, OpenSession] = {}

    def add(self, session_id: str, leader: int | None = None) -> None:
        """Raises `OSError`."""
        started = None if leader is None else started_at(leader)
        self._open[session_id] = OpenSession(session_id, leader, started)
        self._write()

    def remove(self, session_id: str) -> None:
        if self._open.pop(session_id, None) is not None:
            self._write()

    async def end_left_behind(self) -> None:
        """What an earlier process of the agent has left."""
        for each in self._read():
            same = each.leader is not None and started_at(each.leader) in (None, each.started)
            await end_processes(each.id, each.leader if same else None)
        self._open.clear()
        self._path.unlink(missing_ok=True)

    def _read(self) -> list[OpenSession]:
        try:
            return _decoder.decode(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError):
            return []

    def _write(self) -> None:
        write_atomically(self._path, msgspec.json.encode(list(self._open.values())))
