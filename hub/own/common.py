"""Which command types all of some devices have. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.own.description import Description, raised
from protocol.commands import COMMANDS, UNNAMED_COMMANDS, CommandSpec, Danger, own_type
from protocol.own import OwnCommand


class CommandTypeItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """A command type that all of them have. `schema` is of its parameters; of a device's own
    command, whose type is `custom.<name>`, of its `args`."""

    type: str
    title: str
    danger: Danger
    redeliver: bool
    timeout_ms: int
    schema: dict[str, Any]


class Can(Struct, frozen=True):
    """What some devices have said: their types (None: the eleven), and what their own are."""

    types: Sequence[str] | None
    described: Description | None


def types_in_common(fleet: Sequence[Can], least: Danger) -> list[CommandTypeItem]:
    """The eleven first, in their order; none where there is no device."""
    if not fleet:
        return []
    kinds = _types(fleet[0]).intersection(*map(_types, fleet))
    ours = [BUILT_IN[name] for name in COMMANDS if name in kinds]
    return [*ours, *_own(fleet, kinds, least)]


def _types(can: Can) -> set[str]:
    return set(UNNAMED_COMMANDS if can.types is None else can.types)


def _own(fleet: Sequence[Can], kinds: set[str], least: Danger) -> Iterable[CommandTypeItem]:
    described = [can.described.commands if can.described else {} for can in fleet]
    for name in described[0]:
        same = [each[name] for each in described if name in each]
        if own_type(name) in kinds and len(same) == len(fleet) and _alike(same):
            yield _joined(same, least)


def _alike(commands: list[OwnCommand]) -> bool:
    """Whether one form does for all of them."""
    return all(each.schema == commands[0].schema for each in commands)


def _joined(commands: list[OwnCommand], least: Danger) -> CommandTypeItem:
    danger = least
    for each in commands:
        danger = raised(each.danger, danger)
    return CommandTypeItem(
        type=own_type(commands[0].name),
        title=commands[0].title or commands[0].name,
        danger=danger,
        redeliver=all(each.redeliver for each in commands),
        timeout_ms=max(each.timeout_ms for each in commands),
        schema=commands[0].schema,
    )


def _of_ours(spec: CommandSpec) -> CommandTypeItem:
    title = " ".join((spec.params.__doc__ or "").split()).rstrip(".")
    return CommandTypeItem(
        type=spec.name,
        title=title,
        danger=spec.danger,
        redeliver=spec.redeliverable,
        timeout_ms=spec.timeout_ms,
        schema=_schema_of(spec),
    )


def _schema_of(spec: CommandSpec) -> dict[str, Any]:
    """Of its parameters, without `type` and `id`."""
    whole: dict[str, Any] = msgspec.json.schema(spec.params)["$defs"][spec.params.__name__]
    beside = {"type", "id"}
    properties = {
        name: _portable(each) for name, each in whole["properties"].items() if name not in beside
    }
    required = [name for name in whole["required"] if name not in beside]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _portable(schema: dict[str, Any]) -> dict[str, Any]:
    """Without what only Python needs behind the end of a pattern."""
    if "pattern" not in schema:
        return schema
    return {**schema, "pattern": schema["pattern"].removesuffix(r"(?!\n)")}


BUILT_IN: Final[Mapping[str, CommandTypeItem]] = {
    spec.name: _of_ours(spec) for spec in COMMANDS.values()
}
