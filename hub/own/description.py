"""What devices say of their own commands: judged before it is believed, and what it says of a call.
Pure."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.base.errors import HubError, Invalid
from hub.base.json_schema import JsonSchema
from protocol.codec import encode
from protocol.commands import CUSTOM, Danger, is_own, own_type
from protocol.own import MOST_BYTES, CustomCommands, OwnCommand, OwnCommands
from protocol.own_schema import BadSchema, check_schema

_DANGERS: Final = list(Danger)
"""The least first."""


class OwnTerms(Struct, frozen=True, kw_only=True):
    """On what terms a device's own command may be sent to it. `problem`: why not."""

    danger: Danger = CUSTOM.danger
    timeout_ms: int = CUSTOM.timeout_ms
    redeliver: bool = CUSTOM.redeliverable
    problem: HubError | None = None


UNDESCRIBED: Final = OwnTerms()
"""Of a command that is not described: whether the device has it is decided elsewhere."""


def raised(danger: Danger, least: Danger) -> Danger:
    """A hub may hold a command for more dangerous than its device does, never for less."""
    return max(danger, least, key=_DANGERS.index)


def fault_of(said: CustomCommands, own: OwnCommands | None, types: frozenset[str]) -> str:
    """Why the answer of a device is not believed; empty when it is. A device describes what its
    hello has named, and nothing else: others of its hash rely on it."""
    if own is None or said.hash != own.hash:
        return "hello did not name this hash"
    names = [each.name for each in said.commands]
    if len(set(names)) != len(names):
        return "a command is described twice"
    if {own_type(name) for name in names} != {kind for kind in types if is_own(kind)}:
        return "not the commands that hello has named"
    if len(encode(said)) > MOST_BYTES:
        return f"more than {MOST_BYTES} bytes"
    return next((fault for each in said.commands if (fault := _fault_of_one(each))), "")


def _fault_of_one(command: OwnCommand) -> str:
    try:
        check_schema(command.schema)
        JsonSchema(command.schema)
    except BadSchema as error:
        return f"{command.name}: {error}"
    except Invalid as error:
        return f"{command.name}: {error.detail}"
    return ""


class Description:
    """The commands of one hash, by name; schemas are compiled when they are needed."""

    def __init__(self, commands: list[OwnCommand]) -> None:
        self.commands: Final = {each.name: each for each in commands}
        self._schemas: dict[str, JsonSchema] = {}

    def terms(self, name: str, args: Mapping[str, Any], least: Danger) -> OwnTerms:
        command = self.commands.get(name)
        if command is None:
            return UNDESCRIBED
        return OwnTerms(
            danger=raised(command.danger, least),
            timeout_ms=command.timeout_ms,
            redeliver=command.redeliver,
            problem=self._problem(command, args),
        )

    def _problem(self, command: OwnCommand, args: Mapping[str, Any]) -> Invalid | None:
        schema = self._schemas.get(command.name)
        if schema is None:
            schema = self._schemas[command.name] = JsonSchema(command.schema)
        errors = schema.errors(dict(args), "command.args")
        if not errors:
            return None
        return Invalid(f"{errors[0].field}: {errors[0].message}", errors=errors)


def as_text(commands: list[OwnCommand]) -> str:
    return msgspec.json.encode(commands).decode()


def from_text(text: str) -> Description:
    return Description(_commands.decode(text))


_commands: Final = msgspec.json.Decoder(list[OwnCommand])
