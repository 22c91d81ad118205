"""Commands of a device's own: what it says of them.

`hello` brings their names and the hash of their description. The hub asks for a description that it
does not have (`describe`), once a hash, and is answered with `custom_commands`. What a command
takes is said by a schema (`protocol.own_schema`).
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from protocol.canonical import hash_of
from protocol.commands import CUSTOM, Danger, OwnName

Schema = dict[str, Any]

MOST_COMMANDS: Final = 32
MOST_BYTES: Final = 16 * 1024
"""Of `custom_commands` as it is sent."""
NO_ARGUMENTS: Final = frozenset({"secrets", "signature"})
"""Members of a command's frame with a meaning of their own."""

Hash = Annotated[str, Meta(min_length=1, max_length=128)]


class OwnCommands(Struct, frozen=True):
    """In `hello`: what the device has, and the hash of what it would say of it."""

    hash: Hash
    names: Annotated[list[OwnName], Meta(max_length=MOST_COMMANDS)]


class OwnCommand(Struct, frozen=True, kw_only=True, rename="camel"):
    """One of them as the device describes it. `danger` is the least: the hub may raise it."""

    name: OwnName
    title: Annotated[str, Meta(max_length=128)] = ""
    danger: Danger = Danger.YES
    redeliver: bool = False
    timeout_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = CUSTOM.timeout_ms
    schema: Schema = {}


class CustomCommands(
    Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="custom_commands"
):
    """The answer to `describe`."""

    hash: Hash
    commands: Annotated[list[OwnCommand], Meta(max_length=MOST_COMMANDS)]


def described(commands: list[OwnCommand]) -> CustomCommands:
    """The description of `commands`, with its hash."""
    said = {"commands": msgspec.to_builtins(commands)}
    return CustomCommands(hash=hash_of(said), commands=commands)
