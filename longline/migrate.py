"""`longline migrate`: bring the database to the present schema."""

import asyncio

from rich.console import Console

from hub.base.database import Database
from hub.base.errors import ConfigurationError
from hub.base.migrate import migrate
from hub.base.settings import Settings
from longline import serving


def command() -> int:
    """Bring the database at LONGLINE_DATABASE_URL to the present schema."""
    settings = serving.settings_from()
    return serving.run(lambda _: _migrate(settings))


async def _migrate(settings: Settings) -> None:
    if not settings.database_url:
        raise ConfigurationError("set LONGLINE_DATABASE_URL")
    database = await Database.open(settings.database_url, connections=1)
    try:
        applied = await asyncio.shield(migrate(database))
    finally:
        await database.close()
    console = Console(highlight=False)
    console.print("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")
