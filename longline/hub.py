"""`longline hub`: one replica against a Postgres and a Redis that are there already."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from hub.app import Replica
from hub.base.errors import ConfigurationError
from hub.base.settings import Settings, variables
from hub.server import Served, serve
from longline import serving
from longline.serving import Ready


def command(
    *,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
    tls_cert: Annotated[str | None, typer.Option(help="PEM file of the certificate.")] = None,
    tls_key: Annotated[str | None, typer.Option(help="PEM file of its key.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen without TLS where others can reach it.")
    ] = False,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written when requests are served.")
    ] = None,
) -> int:
    """Run one replica of the hub."""
    settings = serving.settings_from(
        host=host, port=port, tls_cert=tls_cert, tls_key=tls_key, insecure=insecure or None
    )
    return serving.run(lambda stop: _serve(settings, ready_file, stop))


command.__doc__ = (
    (command.__doc__ or "")
    + "\n\nSettings, as environment variables:\n\n\b\n"
    + ("\n".join(f"{name} (default {default}): {text}" for name, default, text in variables()))
)


async def _serve(settings: Settings, ready_file: Path | None, stop: asyncio.Event) -> None:
    for name in ("database_url", "redis_url"):
        if not getattr(settings, name):
            raise ConfigurationError(f"set LONGLINE_{name.upper()}, or run longline up instead")

    async def nothing(_: Replica) -> None:
        """A cluster's first administrator is made by `longline admin create-user`."""

    def ready(served: Served) -> None:
        if ready_file is not None:
            found = Ready(
                url=served.url,
                device_url=served.device_url,
                pid=os.getpid(),
                database_url=settings.database_url,
                redis_url=settings.redis_url,
            )
            serving.write_ready_file(ready_file, found)

    await serve(settings, stop, on_start=nothing, on_ready=ready)
