"""`push_config` moves *desired* in the transaction that accepts it; its result moves *reported*."""

from collections.abc import Sequence
from typing import Final

from hub.base.database import Connection
from hub.base.errors import NotFound
from hub.commands.service import Ledgered
from hub.config.store import ConfigRow, ConfigStore, HistoryRow, Push, PushOutcome
from protocol.ids import DeviceId, OrgId
from protocol.lifecycle import State
from protocol.merge_patch import merge

__all__ = ["ConfigRow", "ConfigService", "HistoryRow"]

KEPT_PUSHES: Final = 500


class ConfigService:
    """A listener of commands."""

    def __init__(self, store: ConfigStore) -> None:
        self._store = store

    async def accepted(self, connection: Connection, commands: Sequence[Ledgered]) -> None:
        pushes = [c for c in commands if c.type == "push_config" and not c.ended]
        if not pushes:
            return
        places = sorted({(c.org, c.device_id) for c in pushes})
        desired = await self._store.lock(connection, places)
        versions: list[Push] = []
        for command in sorted(pushes, key=lambda c: c.seq):
            wanted = desired[command.org, command.device_id]
            wanted.document = merge(wanted.document, command.params["patch"])
            wanted.version += 1
            versions.append(Push(command, wanted.version))
        await self._store.want(connection, desired, versions)

    async def ended(self, connection: Connection, commands: Sequence[Ledgered]) -> None:
        outcomes = [_outcome(c) for c in commands if c.type == "push_config"]
        if outcomes:
            await self._store.note_outcomes(connection, outcomes)

    async def clean_up(self) -> None:
        await self._store.forget(KEPT_PUSHES)

    async def get(self, org: OrgId, device_id: DeviceId) -> ConfigRow:
        config = await self._store.get(org, device_id)
        if config is None:
            raise NotFound("no such device")
        return config

    async def history(
        self, org: OrgId, device_id: DeviceId, *, below: int | None, limit: int
    ) -> list[HistoryRow]:
        return await self._store.history(org, device_id, below=below, limit=limit)


def _outcome(command: Ledgered) -> PushOutcome:
    version = (command.data or {}).get("version")
    return PushOutcome(
        command=command,
        applied=command.status is State.SUCCESS,
        reported_version=version if isinstance(version, int) else None,
        error=None if command.error is None else str(command.error.get("message")),
    )
