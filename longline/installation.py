"""Which installation an operator's command works on: one with addresses, or a `longline up`.

`LONGLINE_DATABASE_URL` and `LONGLINE_REDIS_URL` come first. Without them it is the `longline up`
that runs on `--data-dir`, by default the one that `longline up` would use in this folder.
"""

from pathlib import Path
from typing import Annotated

import typer
from msgspec import structs

from hub.base.database import Database
from hub.base.embedded import Embedded
from hub.base.errors import ConfigurationError
from hub.base.migrate import pending
from hub.base.settings import Settings
from longline import serving
from longline.errors import USAGE, UserError

DataDir = Annotated[
    Path | None,
    typer.Option(help="Data directory of a running longline up, instead of LONGLINE_DATABASE_URL."),
]


def settings_of(data_dir: Path | None) -> Settings:
    """Settings with both addresses. Raises `UserError`."""
    settings = serving.settings_from(
        data_dir=str(data_dir) if data_dir else None, log_level="error", log_format="console"
    )
    if settings.database_url and data_dir is None:
        return settings
    directory = Path(settings.data_dir)
    if not (directory / "postgres").is_dir():
        raise UserError(
            "which installation? set LONGLINE_DATABASE_URL, or give --data-dir of a longline up"
            if data_dir is None
            else f"{directory} is not the data directory of a longline up",
            USAGE,
        )
    embedded = Embedded(directory)
    return structs.replace(
        settings, database_url=embedded.database_url, redis_url=embedded.redis_url
    )


async def open_database(settings: Settings) -> Database:
    """Raises `ConfigurationError`."""
    try:
        return await Database.open(settings.database_url, connections=2)
    except ConfigurationError:
        if settings.database_url != Embedded(Path(settings.data_dir)).database_url:
            raise
        raise ConfigurationError(
            f"no longline up runs on {settings.data_dir}: start it first"
        ) from None


async def require_schema(database: Database) -> None:
    """That of this release. Raises `ConfigurationError`."""
    missing = await pending(database)
    if missing:
        raise ConfigurationError(f"the schema lacks {missing[0]}: run longline migrate first")
