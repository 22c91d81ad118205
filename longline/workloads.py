"""`longline device workloads purge`: takes all containers of workloads off a device."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from device.base.errors import AgentError
from device.settings import load
from longline.errors import FAILED, USAGE, UserError

app = typer.Typer(
    pretty_exceptions_enable=False, no_args_is_help=True, help="Applications on this device."
)


@app.callback()
def workloads() -> None:
    """Applications on this device."""


@app.command()
def purge(
    *,
    config: Annotated[Path, typer.Option(help="Settings of the agent, a TOML file.")],
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Remove named volumes and what is in them, too.")
    ] = False,
) -> None:
    """Remove all containers that the agent has made; it must be stopped."""
    from device.workloads.purge import purge as take_away

    try:
        own = load(config, {})
        if own.workloads is None or not own.has_workloads:
            raise UserError(f"{config} has no [workloads] with an engine", USAGE)
        if sys.stdin.isatty() and not typer.confirm(f"Remove all containers of {own.id}?"):
            raise UserError("nothing was removed", FAILED)
        purged = asyncio.run(take_away(own, own.workloads, volumes=volumes))
    except AgentError as error:
        raise UserError(error.message, error.exit_code) from None
    for name in purged.containers:
        sys.stdout.write(f"removed container {name}\n")
    for name in purged.volumes:
        sys.stdout.write(f"removed volume {name}\n")
    for name in purged.in_use:
        sys.stdout.write(f"kept volume {name}: somebody else uses it\n")
