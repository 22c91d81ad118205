"""What `up`, `hub` and `demo` share: signals, the ready file, errors in one line."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import msgspec
import uvloop
from msgspec import Struct

from hub.base import logging
from hub.base.errors import ConfigurationError, HubError
from hub.base.settings import Settings, read
from longline.errors import USAGE, UserError


class Ready(Struct, frozen=True, kw_only=True, rename="camel"):
    """The ready file; what the process does not know is null."""

    url: str
    device_url: str | None = None
    """Of the device listener."""
    pid: int
    admin_user: str | None = None
    admin_password: str | None = None
    enrollment_key: str | None = None
    database_url: str | None = None
    redis_url: str | None = None


def write_ready_file(path: Path, ready: Ready) -> None:
    """By rename, readable for this user only: whoever sees it sees all of it."""
    try:
        descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=".ready-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(ready))
        Path(aside).replace(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None


def settings_from(**flags: object) -> Settings:
    """The environment, and over it the flags that were given. Raises `UserError`."""
    try:
        settings = read(os.environ, **flags)
    except ConfigurationError as error:
        raise UserError(str(error), USAGE) from None
    logging.configure(level=settings.log_level, form=settings.log_format)
    return settings


Main = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def run(main: Main) -> int:
    """Run `main` with an event that SIGTERM and Ctrl-C set. Raises `UserError`."""

    async def with_signals() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await main(stop)

    try:
        uvloop.run(with_signals())
    except (ConfigurationError, HubError) as error:
        raise _said(error) from None
    except BaseExceptionGroup as group:
        # Not `except*`: what is raised in one comes out in a group again.
        faults, others = group.split((ConfigurationError, HubError))
        if faults is None or others is not None:
            raise
        raise _said(_first(faults)) from None
    return 0


def _said(error: BaseException) -> UserError:
    text = " ".join(str(error).split())
    return UserError(text, USAGE) if isinstance(error, ConfigurationError) else UserError(text)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error
