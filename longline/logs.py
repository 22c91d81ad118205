"""`longline logs`: the last lines of a device's log, and what follows."""

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
    exit_code_of,
    last_code,
    messages,
    run,
)
from protocol.sessions import STDOUT, info_in, status_in


def command(
    device: Device,
    workload: Annotated[str | None, typer.Argument(help="Of a container: app/service.")] = None,
    *,
    source: Annotated[str | None, typer.Option(help="As in pull_logs: journald, file:….")] = None,
    tail: Annotated[int, typer.Option(min=0, max=10_000, help="How many lines.")] = 200,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="What comes after them.")] = False,
    since: Annotated[str | None, typer.Option(help="A time (RFC 3339).")] = None,
    hub: Hub = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> int:
    """Show the log of a device, or of a container on it."""
    caller = SessionCaller(hub, token_file, ca_file, insecure=insecure)
    path = caller.open(
        device, "logs", workload=workload, source=source, tail=tail, follow=follow, since=since
    )

    async def work() -> int:
        code: int | None = None
        async with caller.connected(path) as connection:
            async for message in messages(connection):
                if message[0] == STDOUT:
                    sys.stdout.buffer.write(message[1:])
                    sys.stdout.buffer.flush()
                elif (said := info_in(message)) and "dropped" in said:
                    sys.stderr.write(f"longline: {said['dropped']} lines are missing\n")
                elif (status := status_in(message)) is not None:
                    code = exit_code_of(status)
        return last_code(connection, code)

    return run(work)
