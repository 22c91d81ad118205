"""Shell templates: an argv with typed holes. There is no shell, so there is nothing to escape.

`{name}` stands for an argument, as a whole argv item or as a part of one; the value never becomes
more than one item. Each argument is declared with a pattern that the whole value must match. A
value may not begin an item with `-`: it would be read as an option of the program.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, cast

from msgspec import Meta, Struct, ValidationError, convert

_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")

HOST: Final = r"[A-Za-z0-9:][A-Za-z0-9.:-]{0,254}"
UNIT: Final = r"[A-Za-z0-9][A-Za-z0-9@._:-]{0,127}"


class Argument(Struct, frozen=True, forbid_unknown_fields=True):
    pattern: str
    default: str | None = None
    """Used when the caller leaves the argument out; without one it is required."""


class Template(Struct, frozen=True, forbid_unknown_fields=True):
    argv: Annotated[tuple[str, ...], Meta(min_length=1)]
    args: dict[str, Argument] = {}
    timeout_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30.0


class BadTemplate(Exception):
    """A template in the agent's own settings that could never be filled."""


class TemplateRefused(Exception):
    """The arguments of a command do not fit its template; `code` is the command's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


BUILT_IN: Final[dict[str, Template]] = {
    "uptime": Template(("uptime",)),
    "disk": Template(("df", "-hP")),
    "memory": Template(("free", "-m")),
    "processes": Template(("ps", "-eo", "pid,ppid,user,pcpu,pmem,etime,comm", "--sort=-pcpu")),
    "network": Template(("ip", "-brief", "address")),
    "service_status": Template(
        ("systemctl", "status", "--no-pager", "--lines=20", "{unit}"),
        args={"unit": Argument(UNIT)},
    ),
    "ping": Template(
        ("ping", "-c", "{count}", "-w", "20", "{host}"),
        args={"host": Argument(HOST), "count": Argument(r"[1-9]|1[0-9]|20", "3")},
    ),
}


def misshapen(templates: object) -> str:
    """Which template, and which argument, is not of the right form, and why; empty when all are.
    The decoder's own words do not name them."""
    if not isinstance(templates, dict):
        return ""
    for name, template in cast("dict[str, object]", templates).items():
        for key, argument in _arguments(template).items():
            if doubt := _doubt(argument, Argument):
                return (
                    f"shell template {name}, argument {key}: {doubt}"
                    f'; for example: {key} = {{ pattern = "[a-z]+" }}'
                )
        if doubt := _doubt(template, Template):
            return f"shell template {name}: {doubt}"
    return ""


def _arguments(template: object) -> dict[str, object]:
    if not isinstance(template, dict):
        return {}
    found = cast("dict[str, object]", template).get("args")
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _doubt(value: object, wanted: type[Struct]) -> str:
    try:
        convert(value, wanted)
    except ValidationError as error:
        return str(error)
    return ""


def check(name: str, template: Template) -> None:
    """Raise `BadTemplate` when `template` names an argument that it does not declare, declares one
    that it does not use, takes its program from an argument, or has a pattern that is none."""
    used = {hole for item in template.argv for hole in _PLACEHOLDER.findall(item)}
    if used != set(template.args):
        odd = ", ".join(sorted(used ^ set(template.args)))
        raise BadTemplate(f"shell template {name}: not both declared and used: {odd}")
    if _PLACEHOLDER.search(template.argv[0]):
        raise BadTemplate(f"shell template {name}: the program itself cannot be an argument")
    for key, argument in template.args.items():
        _check_pattern(f"shell template {name}, argument {key}", argument)


def _check_pattern(where: str, argument: Argument) -> None:
    try:
        pattern = re.compile(argument.pattern)
    except re.error as error:
        raise BadTemplate(f"{where}: bad pattern: {error}") from None
    if argument.default is not None and not pattern.fullmatch(argument.default):
        raise BadTemplate(f"{where}: the default does not match the pattern")


def fill(templates: Mapping[str, Template], name: str, args: Mapping[str, str]) -> list[str]:
    """The argv of template `name` with `args` in its holes. Raises `TemplateRefused`."""
    template = templates.get(name)
    if template is None:
        raise TemplateRefused("unknown_template", f"there is no template {name!r} on this device")
    unknown = sorted(set(args) - set(template.args))
    if unknown:
        raise TemplateRefused("unknown_argument", f"{name} takes no argument {unknown[0]!r}")
    values = {
        key: _value(key, argument, args.get(key, argument.default))
        for key, argument in template.args.items()
    }
    return [_fill_item(item, values) for item in template.argv]


def _value(key: str, argument: Argument, given: str | None) -> str:
    if given is None:
        raise TemplateRefused("missing_argument", f"argument {key!r} is required")
    if "\0" in given or not re.fullmatch(argument.pattern, given):
        raise TemplateRefused("bad_argument", f"argument {key!r} does not match its pattern")
    return given


def _fill_item(item: str, values: Mapping[str, str]) -> str:
    filled = _PLACEHOLDER.sub(lambda hole: values[hole[1]], item)
    if filled.startswith("-") and not item.startswith("-"):
        raise TemplateRefused("bad_argument", "an argument may not begin with '-'")
    return filled
