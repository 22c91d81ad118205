"""Whether the device produces: `disable_device` stops production events until `enable_device`.

The state is in the agent's database, so it survives a restart.
"""

from device.base.database import Database, get_meta, set_meta

_NAME = "disabled_because"


class Production:
    def __init__(self, database: Database) -> None:
        """Raises `StateUnavailable`."""
        self._database = database
        self._disabled_because = database.now(lambda connection: get_meta(connection, _NAME))

    @property
    def disabled_because(self) -> str | None:
        """The reason that was given; None while the device produces."""
        return self._disabled_because

    async def enable(self) -> None:
        """Raises `JournalUnavailable`; then nothing has changed."""
        await self._set(None)

    async def disable(self, reason: str) -> None:
        """Raises `JournalUnavailable`; then nothing has changed."""
        await self._set(reason)

    async def _set(self, reason: str | None) -> None:
        await self._database.write(lambda connection: set_meta(connection, _NAME, reason))
        self._disabled_because = reason
