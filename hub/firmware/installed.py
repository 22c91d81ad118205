"""What devices have installed: the success of an update is the proof of its version.

A device says in `hello` what it has; what it installs after that, its results tell, and what it has
taken of its pins. The agent is no
such software: it restarts, and says its version then.
"""

from collections.abc import Sequence
from typing import Final

from hub.base.database import Connection
from hub.base.errors import HubError
from hub.commands.service import CommandRow, NewCommand
from hub.desired.service import Proven
from hub.firmware.store import ReleaseStore
from protocol.commands import AGENT_TYPE, UpdateFirmware
from protocol.ids import CommandKey
from protocol.lifecycle import State

MOST_CHARACTERS: Final = 128
UPDATE: Final = str(UpdateFirmware.__struct_config__.tag)


class InstalledVersions:
    """A listener of commands."""

    types: frozenset[str] = frozenset({UPDATE})

    def __init__(self, store: ReleaseStore) -> None:
        self._store = store

    async def judge(
        self, connection: Connection, commands: Sequence[NewCommand]
    ) -> dict[CommandKey, HubError]:
        return {}

    async def accepted(self, connection: Connection, commands: Sequence[CommandRow]) -> None:
        pass

    async def ended(self, connection: Connection, commands: Sequence[CommandRow]) -> None:
        proven = {
            (each.org, each.device_id, each.params["installer"]): version
            for each in sorted(commands, key=lambda each: each.seq)
            if _is_of_software(each) and (version := _version_after(each)) is not None
        }
        if proven:
            await self._store.installed(connection, proven)

    async def pinned(self, proven: Proven) -> None:
        """What devices have of their pins. Raises `Unavailable`."""
        async with self._store.database.transaction() as connection:
            await self._store.installed(connection, proven)


def _is_of_software(command: CommandRow) -> bool:
    named = command.params.get("installer", AGENT_TYPE)
    return command.type == UPDATE and named != AGENT_TYPE and command.sent_at is not None


def _version_after(command: CommandRow) -> str | None:
    """What is installed then: of an installation that failed, what the device says."""
    if command.status is State.SUCCESS:
        return str(command.params["version"])
    said = None if command.data is None else command.data.get("version")
    known = command.status is State.FAILED and isinstance(said, str)
    return str(said)[:MOST_CHARACTERS] if known else None
