"""What tools on the device say to its agent, on the agent's socket; `device status`, `watch`."""

import contextlib
import json
import os
import socket as sockets
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from longline.errors import FAILED, UserError

PLACE = Path("/run/longline-device/agent.sock")
ANSWER_SECONDS = 30.0
AGAIN_SECONDS = 1.0

Socket = Annotated[
    Path,
    # Whether it may be used is for the connection to say.
    typer.Option(envvar="LONGLINE_SOCKET", help="The agent's unix socket.", readable=False),
]


class Answer(msgspec.Struct, frozen=True):
    ok: bool
    code: str = ""
    message: str = ""


class Conversation:
    def __init__(self, connection: sockets.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rwb")

    def ask(self, line: bytes) -> tuple[Answer, bytes]:
        """The answer to `line`, also as it came. Raises `UserError`."""
        self._connection.settimeout(ANSWER_SECONDS)
        self._stream.write(line + b"\n")
        self._stream.flush()
        raw = self._stream.readline()
        if not raw:
            raise UserError("the agent closed the connection", FAILED)
        return msgspec.json.decode(raw, type=Answer), raw

    def lines(self) -> Iterator[bytes]:
        """What comes until the agent ends."""
        self._connection.settimeout(None)
        yield from self._stream


@contextlib.contextmanager
def agent_at(path: Path) -> Generator[Conversation]:
    """Raises `UserError` when there is none, or it does not answer."""
    try:
        with sockets.socket(sockets.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(path))
            yield Conversation(connection)
    except TimeoutError:
        raise UserError("the agent does not answer", FAILED) from None
    except OSError as error:
        raise UserError(f"no agent at {path}: {error.strerror or error}", FAILED) from None


def refusal(answer: Answer) -> str:
    return f"refused ({answer.code}): {answer.message}"


def status(*, socket: Socket = PLACE) -> None:
    """Show what the agent of this device says of itself."""
    with agent_at(socket) as agent:
        _, raw = agent.ask(b'{"type":"info"}')
    _write(json.dumps(json.loads(raw), indent=2))


def tokens(*, socket: Socket = PLACE) -> None:
    """Show the tokens that the agent of this device keeps, without their text."""
    with agent_at(socket) as agent:
        _, raw = agent.ask(b'{"type":"info"}')
    info = json.loads(raw)
    _write(json.dumps({name: info[name] for name in ("tokensDir", "tokens")}, indent=2))


def watch(
    sections: Annotated[
        list[str] | None,
        typer.Argument(help="config, production, mode, versions, tokens; without any, all."),
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Print the present state and end.")] = False,
    socket: Socket = PLACE,
) -> None:
    """Print the state of this device as a line of JSON, now and after each change."""
    line: dict[str, Any] = {"type": "watch"}
    if sections:
        line["sections"] = sections
    for state in _states(socket, json.dumps(line).encode(), once=once):
        _write(state)
        if once:
            return


def _states(socket: Path, line: bytes, *, once: bool) -> Iterator[str]:
    """Across restarts of the agent, unless it is `once`."""
    told = ""
    while True:
        try:
            with agent_at(socket) as agent:
                for state in _watched(agent, line):
                    told = ""
                    yield state
        except _Refused:
            raise
        except UserError as error:
            if once:
                raise
            if error.message != told:
                told = error.message
                sys.stderr.write(f"longline: {told}, waiting for it\n")
        time.sleep(AGAIN_SECONDS)


def _watched(agent: Conversation, line: bytes) -> Iterator[str]:
    answer, _ = agent.ask(line)
    if not answer.ok:
        raise _Refused(refusal(answer), FAILED)
    for state in agent.lines():
        yield state.decode().rstrip("\n")


class _Refused(UserError):
    """Another try would be refused as well."""


def _write(line: str) -> None:
    """Whoever reads may have gone: then there is nothing more to do."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None
