"""Commands of the device's own, as its file declares them: `[commands.<name>]`. Pure.

Each is a program with its arguments, never a shell. `{axis}` in an item of `argv` stands for the
argument of that name, whose value never becomes more than this one item; or the program reads all
arguments as one JSON object (`stdin = "json"`). Text may not begin an item with `-` unless the
schema lists it: the program would read it as an option.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta, Struct, ValidationError, convert

from device.base.own_schema import violation
from protocol.codec import encode
from protocol.commands import OWN_NAME, Danger
from protocol.own import (
    MOST_BYTES,
    MOST_COMMANDS,
    NO_ARGUMENTS,
    CustomCommands,
    OwnCommand,
    described,
)
from protocol.own_schema import BadSchema, Schema, check_schema

_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_NAME: Final = re.compile(OWN_NAME)


class OwnCommandSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    argv: Annotated[tuple[str, ...], Meta(min_length=1)]
    title: Annotated[str, Meta(max_length=128)] = ""
    stdin: Literal["json"] | None = None
    """`json`: the program reads its arguments there, instead of placeholders."""
    schema: dict[str, Any] = {}
    """Of the arguments: JSON Schema of the words in `protocol.own_schema`."""
    timeout_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 60.0
    danger: Danger = Danger.YES
    redeliver: bool = False
    """It may run once more when the agent stopped while it ran."""
    concurrent: bool = False
    """It runs beside others; else one at a time, in order."""
    output: Literal["text", "json"] = "text"
    """`json`: what it writes to standard output is the result's `value`."""


OwnSettings = dict[str, OwnCommandSettings]


class BadOwnCommand(Exception):
    """A command in the agent's own settings that nobody could run."""


class ArgumentsRefused(Exception):
    """The arguments are not what the command takes."""


def misshapen_command(commands: object) -> str:
    """Which command is not of the right form, and why; empty when all are."""
    if not isinstance(commands, dict):
        return ""
    for name, each in cast("dict[str, object]", commands).items():
        try:
            convert(each, OwnCommandSettings)
        except ValidationError as error:
            return f"command {name}: {error}"
    return ""


def schema_of(command: OwnCommandSettings) -> Schema:
    """As it is described: without placeholders for them, other arguments would be lost."""
    if command.stdin:
        return {"type": "object", **command.schema}
    return {"type": "object", "additionalProperties": False, **command.schema}


def description(commands: OwnSettings) -> CustomCommands:
    """What the hub is told."""
    return described(
        [
            OwnCommand(
                name=name,
                title=each.title or name,
                danger=each.danger,
                redeliver=each.redeliver,
                timeout_ms=max(1, round(each.timeout_seconds * 1000)),
                schema=schema_of(each),
            )
            for name, each in commands.items()
        ]
    )


def check_commands(commands: OwnSettings) -> None:
    """Raises `BadOwnCommand`."""
    for name, each in commands.items():
        try:
            _check(name, each)
        except (BadOwnCommand, BadSchema) as error:
            raise BadOwnCommand(f"command {name}: {error}") from None
    if len(commands) > MOST_COMMANDS:
        raise BadOwnCommand(f"commands: {len(commands)} are too many: {MOST_COMMANDS} at most")
    size = len(encode(description(commands)))
    if size > MOST_BYTES:
        raise BadOwnCommand(
            f"commands: their descriptions take {size} bytes, and may take {MOST_BYTES}"
        )


def _check(name: str, command: OwnCommandSettings) -> None:
    if not _NAME.fullmatch(name):
        raise BadOwnCommand(f"not a name: {OWN_NAME}")
    check_schema(command.schema)
    if command.schema.get("type", "object") != "object":
        raise BadOwnCommand("schema.type: arguments are an object")
    properties: dict[str, Schema] = command.schema.get("properties", {})
    for key, schema in properties.items():
        if key in NO_ARGUMENTS:
            raise BadOwnCommand(f"{key} is no name of an argument")
        fault = violation(schema, schema["default"], key) if "default" in schema else None
        if fault is not None:
            raise BadOwnCommand(f"the default of {fault.path} {fault.why}")
    _check_placeholders(command, properties)


def _check_placeholders(command: OwnCommandSettings, properties: dict[str, Schema]) -> None:
    used = {hole for item in command.argv for hole in _PLACEHOLDER.findall(item)}
    if command.stdin:
        if used:
            raise BadOwnCommand("argv has placeholders, and stdin is json: one of both")
        return
    if _PLACEHOLDER.search(command.argv[0]):
        raise BadOwnCommand("the program itself cannot be an argument")
    if used != set(properties):
        odd = ", ".join(sorted(used ^ set(properties)))
        raise BadOwnCommand(f"not both in argv and among schema.properties: {odd}")
    if command.schema.get("additionalProperties", False) is not False:
        raise BadOwnCommand("schema.additionalProperties: argv has no place for others")
    given = set(command.schema.get("required", ()))
    given |= {key for key, schema in properties.items() if "default" in schema}
    if used - given:
        odd = ", ".join(sorted(used - given))
        raise BadOwnCommand(f"in argv, but neither required nor with a default: {odd}")


def judge(command: OwnCommandSettings, args: Mapping[str, Any]) -> str:
    """Why `args` are not what the command takes; empty when they are."""
    reserved = sorted(NO_ARGUMENTS & set(args))
    if reserved:
        return f"args.{reserved[0]}: no name of an argument"
    fault = violation(schema_of(command), dict(args))
    return f"{fault.path}: {fault.why}" if fault else ""


def complete(command: OwnCommandSettings, args: Mapping[str, Any]) -> dict[str, Any]:
    """`args` with the defaults of those that were left out."""
    properties: dict[str, Schema] = command.schema.get("properties", {})
    defaults = {key: each["default"] for key, each in properties.items() if "default" in each}
    return {**defaults, **args}


def fill_in(command: OwnCommandSettings, args: Mapping[str, Any]) -> tuple[list[str], bytes]:
    """The argv of the program, and what it reads. Raises `ArgumentsRefused`."""
    if command.stdin:
        return list(command.argv), encode(complete(command, args))
    values = {key: _as_text(value) for key, value in complete(command, args).items()}
    listed = {key for key, each in command.schema.get("properties", {}).items() if _lists(each)}
    free = {
        key
        for key, value in complete(command, args).items()
        if isinstance(value, str) and key not in listed
    }
    return [_item(item, values, free) for item in command.argv], b""


def _lists(schema: Schema) -> bool:
    return "enum" in schema or "const" in schema


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _item(item: str, values: Mapping[str, str], free: set[str]) -> str:
    first = _PLACEHOLDER.match(item)
    filled = _PLACEHOLDER.sub(lambda hole: values[hole[1]], item)
    if first and first[1] in free and filled.startswith("-"):
        raise ArgumentsRefused(f"args.{first[1]}: may not begin with '-'")
    if "\0" in filled:
        raise ArgumentsRefused("U+0000 cannot be in an argument")
    return filled
