"""`longline emit`: hand events to the agent on this device, from arguments or standard input.

Exit 0 when the agent has taken every one; 1 when it refused one or is not there. Each refusal is a
line on stderr, and the rest is still handed in.
"""

import json
import socket as sockets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from longline.errors import FAILED, USAGE, UserError

ANSWER_SECONDS = 30.0


class _Answer(msgspec.Struct, frozen=True):
    ok: bool
    code: str = ""
    message: str = ""


def command(
    events: Annotated[
        list[str] | None, typer.Argument(help="JSON objects; without any, lines of stdin.")
    ] = None,
    *,
    socket: Annotated[
        Path, typer.Option(envvar="LONGLINE_SOCKET", help="The agent's unix socket.")
    ],
) -> int:
    """Send events to the agent on this device."""
    try:
        with sockets.socket(sockets.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(socket))
            return _hand_in(connection, events or sys.stdin)
    except TimeoutError:
        raise UserError("the agent does not answer", FAILED) from None
    except OSError as error:
        raise UserError(f"no agent at {socket}: {error.strerror or error}", FAILED) from None


def _hand_in(connection: sockets.socket, lines: Iterable[str]) -> int:
    refused = 0
    with connection.makefile("rwb") as stream:
        for line in lines:
            if not line.strip():
                continue
            stream.write(_one_line(line) + b"\n")
            stream.flush()
            refused += _is_refused(stream.readline())
    return FAILED if refused else 0


def _one_line(text: str) -> bytes:
    try:
        return json.dumps(json.loads(text)).encode()
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}", USAGE) from None


def _is_refused(raw: bytes) -> bool:
    if not raw:
        raise UserError("the agent closed the connection", FAILED)
    answer = msgspec.json.decode(raw, type=_Answer)
    if not answer.ok:
        sys.stderr.write(f"longline: refused ({answer.code}): {answer.message}\n")
    return not answer.ok
