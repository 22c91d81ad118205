"""`longline up`: a whole hub on one box, with its own Postgres and Valkey."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import structs
from rich.console import Console

from hub.app import Replica
from hub.base import key_file, sealing
from hub.base.database import Database
from hub.base.embedded import Embedded
from hub.base.migrate import migrate_at
from hub.base.settings import Settings
from hub.server import serve
from longline import serving
from longline.serving import Ready
from protocol.ids import DEFAULT_ORG

DRAIN_SECONDS: Final = 1
"""One box has nowhere else to send its devices, and Ctrl-C is answered within five seconds."""

FIRST_SIGN_IN: Final = "first-sign-in.json"
"""In the data directory, when nobody sees what is printed; gone after the first sign-in."""


def command(
    *,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory.")] = None,
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
    """Run a hub with its own Postgres and Valkey.

    The first start makes every secret and prints the administrator's password, once: on a
    terminal. Elsewhere it is in first-sign-in.json in the data directory, until somebody signs in.
    """
    settings = serving.settings_from(
        data_dir=str(data_dir) if data_dir else None,
        host=host,
        port=port,
        tls_cert=tls_cert,
        tls_key=tls_key,
        insecure=insecure or None,
    )

    def on_ready(ready: Ready, public: str) -> None:
        _greet(ready, public, Path(settings.data_dir))
        if ready_file is not None:
            serving.write_ready_file(ready_file, ready)

    return serving.run(lambda stop: bring_up(settings, stop, on_ready))


async def bring_up(
    settings: Settings, stop: asyncio.Event, on_ready: Callable[[Ready, str], None]
) -> None:
    """Embedded servers and one replica, until `stop` is set. `on_ready` is also told where people
    reach the hub."""
    embedded = Embedded(Path(settings.data_dir))
    ready = Ready(url="", pid=os.getpid(), admin_user="admin")

    public = ""

    async def on_start(replica: Replica) -> None:
        nonlocal ready, public
        public = replica.site.url or ""
        password = await replica.people.users.first_start()
        key, _, _ = await replica.people.accounts.enrollment(DEFAULT_ORG)
        ready = structs.replace(
            ready,
            admin_password=password,
            enrollment_key=key,
            database_url=embedded.database_url,
            redis_url=embedded.redis_url,
        )
        replica.people.signing_in.on_login(lambda: _forget_credentials(Path(settings.data_dir)))

    try:
        await embedded.start()
        await migrate_at(embedded.owner_url)
        await _make_master_key(settings, embedded)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(embedded.watch())
            await serve(
                _over(settings, embedded),
                stop,
                on_start=on_start,
                on_ready=lambda served: on_ready(
                    structs.replace(ready, url=served.url, device_url=served.device_url), public
                ),
                alone=True,  # this process holds the lock of the directory
            )
            watching.cancel()
    finally:
        await embedded.stop()


async def _make_master_key(settings: Settings, embedded: Embedded) -> None:
    """At the first start. A database that needs one never gets another."""
    path = key_file.wanted(settings)
    if not settings.master_key_file and not path.exists():
        await _make_for(embedded, path)
    key_file.link(path, embedded.sockets)


async def _make_for(embedded: Embedded, path: Path) -> None:
    database = await Database.open(embedded.database_url, connections=1)
    try:
        if not await sealing.needed(database):
            key_file.make(path)
    finally:
        await database.close()


def _over(settings: Settings, embedded: Embedded) -> Settings:
    """Those of a replica over these servers, once they have started."""
    return structs.replace(
        settings,
        database_url=embedded.database_url,
        redis_url=embedded.redis_url,
        drain_seconds=min(settings.drain_seconds, DRAIN_SECONDS),
    )


def _forget_credentials(folder: Path) -> None:
    (folder / FIRST_SIGN_IN).unlink(missing_ok=True)


def _keep_credentials(ready: Ready, folder: Path) -> Path:
    """What nobody may read in a journal: a file of the owner's own, until the first sign-in."""
    path = folder / FIRST_SIGN_IN
    serving.write_ready_file(path, ready)
    return path


def _greet(ready: Ready, public: str, folder: Path) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]Longline[/bold] serves at [link]{ready.url}[/link]")
    console.print(f"  open      [link]{public}[/link]")
    if ready.device_url is not None:
        console.print(f"  devices   [link]{ready.device_url}[/link]   (by certificate)")
    if ready.admin_password is not None and not console.is_terminal:
        path = _keep_credentials(ready, folder)
        console.print(f"  user, password and enrolment key are in {path}", markup=False)
    elif ready.admin_password is not None:
        console.print(f"  user      {ready.admin_user}")
        console.print(f"  password  {ready.admin_password}   (shown this once)", markup=False)
        console.print(f"  enrolment key for devices  {ready.enrollment_key}", markup=False)
