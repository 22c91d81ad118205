"""What workloads note in the agent's database, by name: small maps, each written whole."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from device.base.database import Database, get_meta, set_meta

IMAGES: Final = "workload_images"
HALTED: Final = "workload_halted"
TOLD: Final = "workload_told"
NOTES: Final = (IMAGES, HALTED, TOLD)


class Notes:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, name: str, kind: Any) -> dict[str, Any]:
        """Before the loop runs. Raises `StateUnavailable`."""
        text = self._database.now(lambda connection: get_meta(connection, name))
        try:
            return msgspec.json.decode(text or "{}", type=dict[str, kind])
        except msgspec.MsgspecError:
            return {}

    async def write(self, name: str, value: Mapping[str, Any]) -> None:
        """Raises `JournalUnavailable`."""
        text = msgspec.json.encode(value).decode()
        await self._database.write(lambda connection: set_meta(connection, name, text))

    def clear(self) -> None:
        """Raises `StateUnavailable`."""
        for name in NOTES:
            self._database.now(lambda connection, name=name: set_meta(connection, name, None))
