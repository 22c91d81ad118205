"""`/updates/`: a repository of updates, as `longline firmware repo` writes it. Open and static:
what is in it is signed, and read by devices of whichever hub."""

from pathlib import Path
from typing import Final

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from hub.base.errors import ConfigurationError

UPDATES: Final = "/updates"


def updates(directory: str) -> list[BaseRoute]:
    """None when there is no directory. Raises `ConfigurationError`."""
    if not directory:
        return []
    if not Path(directory).is_dir():
        raise ConfigurationError(f"LONGLINE_UPDATES_DIR: there is no directory {directory}")
    return [Mount(UPDATES, StaticFiles(directory=directory))]
