"""Query parameters by the types of a Struct's fields, and moments in bodies. Pure.

A filter that is wrong is refused and said to be: read as "no filter" it would match everything, and
as an odd value nothing. So a parameter that is there is never null, and one that comes twice is
either a list (any of its values) or an error.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct, inspect

from hub.base.errors import Invalid, invalid

_A_TIME: Final = "a time such as 2026-01-02T03:04:05Z (its + is written %2B)"
_WHOLE: Final = r"(?!\n)"
"""Behind a pattern's end, which Python's `$` would also find before a last newline."""
_LONGEST_NAME: Final = 64


class Parameter(Struct, frozen=True):
    attribute: str
    """The name of its field."""
    type: Any
    """Of one value."""
    many: bool
    """Whether it may come several times."""
    takes: str
    """What one value may be, for whoever sent another."""


@cache
def parameters_of(kind: type[Struct]) -> dict[str, Parameter]:
    """By the name that callers use."""
    hints = get_type_hints(kind, include_extras=True)
    return {
        field.encode_name: _parameter(field.name, _present(hints[field.name]))
        for field in msgspec.structs.fields(kind)
    }


def _present(hint: Any) -> Any:
    """The type without its None, which only says that the parameter may be left out."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    return Union[tuple(part for part in get_args(hint) if part is not type(None))]  # noqa: UP007


def _parameter(attribute: str, hint: Any) -> Parameter:
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    many = get_origin(plain) is list
    one = get_args(plain)[0] if many else hint
    return Parameter(attribute, one, many, _takes(inspect.type_info(one)))


def _takes(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(extra={"takes": str(takes)}):
            return takes
        case inspect.Metadata():
            return _takes(kind.type)
        case inspect.BoolType():
            return "true or false"
        case inspect.DateTimeType():
            return _A_TIME
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, kind.values))}"
        case inspect.EnumType():
            return f"one of {', '.join(str(member.value) for member in kind.cls)}"
        case inspect.IntType() | inspect.FloatType():
            return " ".join([_NUMBERS[type(kind)], *_bounds(kind)])
        case inspect.StrType(pattern=str(pattern)):
            return f"text of the pattern {pattern.removesuffix(_WHOLE)}"
        case inspect.StrType():
            return f"{kind.min_length or 0} to {kind.max_length or 'any number of'} characters"
        case _:
            raise AssertionError(kind)


_NUMBERS: Final[dict[type, str]] = {
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
}


def _bounds(kind: inspect.IntType | inspect.FloatType) -> Iterator[str]:
    for word, bound in (("from", kind.ge), ("above", kind.gt), ("to", kind.le)):
        if bound is not None:
            yield f"{word} {bound}"


def arguments_of(kind: type[Struct], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """What to make a `kind` of, decoded. Raises `Invalid`, naming the parameter."""
    known = parameters_of(kind)
    found: dict[str, Any] = {}
    for name, text in pairs:
        parameter = known.get(name)
        if parameter is None:
            raise _unknown(name, known)
        value = _decoded(name, text, parameter)
        if parameter.many:
            found.setdefault(parameter.attribute, []).append(value)
        elif parameter.attribute in found:
            raise invalid(name, "may be given only once")
        else:
            found[parameter.attribute] = value
    _check_complete(kind, found)
    return found


def _unknown(name: str, known: Iterable[str]) -> Invalid:
    listed = ", ".join(known)
    there_are = f"the parameters are {listed}" if listed else "there are no parameters"
    return invalid(name[:_LONGEST_NAME] or "query", f"unknown: {there_are}")


def _decoded(name: str, text: str, parameter: Parameter) -> Any:
    try:
        value = msgspec.convert(text, parameter.type, strict=False)
    except msgspec.ValidationError:
        raise invalid(name, f"takes {parameter.takes}") from None
    if isinstance(value, datetime):
        _check_moment(name, value)
    return value


def _check_moment(name: str, value: datetime) -> None:
    """The first and last hours of the calendar exist in some time zones, but not in UTC."""
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise invalid(name, "out of range") from None


def check_moments(body: object, name: str = "") -> None:
    """The same of a body that was decoded. Raises `Invalid`."""
    match body:
        case datetime():
            _check_moment(name, body)
        case Struct():
            names = zip(body.__struct_fields__, body.__struct_encode_fields__, strict=True)
            for attribute, encoded in names:
                inner = f"{name}.{encoded}" if name else encoded
                check_moments(getattr(body, attribute), inner)
        case list():
            for at, each in enumerate(cast("list[object]", body)):
                check_moments(each, f"{name}[{at}]")
        case _:
            pass


def _check_complete(kind: type[Struct], found: dict[str, Any]) -> None:
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in found:
            raise invalid(field.encode_name, "missing")
