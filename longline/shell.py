"""`longline shell`: a login shell on a device."""

import sys
from typing import Annotated

import typer

from longline.byte_session import (
    CaFile,
    Device,
    Hub,
    Insecure,
    SessionCaller,
    TokenFile,
    in_terminal,
)


def command(
    device: Device,
    *,
    user: Annotated[str | None, typer.Option(help="Whose shell; the agent's own.")] = None,
    hub: Hub = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> int:
    """Open a login shell on a device, where its file allows it. What it shows is recorded."""
    caller = SessionCaller(hub, token_file, ca_file, insecure=insecure)
    path = caller.open(device, "shell", tty=sys.stdin.isatty(), user=user)
    return in_terminal(caller, path)
