"""`longline migrate`: bring the database to the present schema."""

from rich.console import Console

from hub.base.errors import ConfigurationError
from hub.base.migrate import migrate_at
from hub.base.settings import Settings
from longline import serving


def command() -> int:
    """Bring the database at LONGLINE_DATABASE_URL to the present schema."""
    settings = serving.settings_from()
    return serving.run(lambda _: _migrate(settings))


async def _migrate(settings: Settings) -> None:
    if not settings.database_url:
        raise ConfigurationError("set LONGLINE_DATABASE_URL")
    applied = await migrate_at(settings.database_url)
    console = Console(highlight=False)
    console.print("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")
