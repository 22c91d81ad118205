"""`longline exec`: a program in a container of a device."""

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
from longline.errors import USAGE, UserError


def command(
    device: Device,
    workload: Annotated[str, typer.Argument(help="Which container: app/service.")],
    program: Annotated[list[str], typer.Argument(help="The program and its arguments, after --.")],
    *,
    env: Annotated[list[str] | None, typer.Option("--env", "-e", help="NAME=value.")] = None,
    hub: Hub = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> int:
    """Run a program in a container of a device; with its exit code. A terminal is recorded."""
    variables = [each.partition("=") for each in env or []]
    if not all(equals for _, equals, _ in variables):
        raise UserError("--env takes NAME=value", USAGE)
    caller = SessionCaller(hub, token_file, ca_file, insecure=insecure)
    path = caller.open(
        device,
        "exec",
        workload=workload,
        command=program,
        tty=sys.stdin.isatty(),
        env={name: value for name, _, value in variables},
    )
    return in_terminal(caller, path)
