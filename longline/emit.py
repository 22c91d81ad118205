"""`longline emit`: hand events to the agent on this device, from arguments or standard input.

Exit 0 when the agent has taken every one; 1 when it refused one or is not there. Each refusal is a
line on stderr, and the rest is still handed in.
"""

import json
import sys
from collections.abc import Iterable
from typing import Annotated, cast

import typer

from longline.errors import FAILED, USAGE, UserError
from longline.local import PLACE, Conversation, Socket, agent_at, refusal


def command(
    events: Annotated[
        list[str] | None, typer.Argument(help="JSON objects; without any, lines of stdin.")
    ] = None,
    *,
    socket: Socket = PLACE,
) -> int:
    """Send events to the agent on this device."""
    with agent_at(socket) as agent:
        return _hand_in(agent, events or sys.stdin)


def _hand_in(agent: Conversation, lines: Iterable[str]) -> int:
    refused = 0
    for line in lines:
        if not line.strip():
            continue
        answer, _ = agent.ask(_one_line(line))
        if not answer.ok:
            refused += 1
            sys.stderr.write(f"longline: {refusal(answer)}\n")
    return FAILED if refused else 0


def _one_line(text: str) -> bytes:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON: {error}", USAGE) from None
    if isinstance(line, dict) and cast("dict[str, object]", line).get("type") == "watch":
        raise UserError("to watch there is `longline device watch`", USAGE)
    return json.dumps(line).encode()
