"""`${NAME}` in the values of an application, filled from what a device has. Pure.

    $NAME ${NAME}          the value; without one it is missing
    ${NAME:-word}          `word` where it is unset or empty; `-` alone: where it is unset
    ${NAME:?message}       missing where it is unset or empty; `?` alone: where it is unset
    ${NAME:+word}          `word` where it is set and not empty; `+` alone: where it is set
    $$                     one $

As in Compose; a word may hold further ones.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from msgspec import Struct

Json = Any
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOLLAR: Final = re.compile(r"\$")
_END: Final = re.compile(r"[$}]")
_OPERATORS: Final = (":-", ":?", ":+", "-", "?", "+")
DEEPEST: Final = 8
MOST_CHARACTERS: Final = 512 * 1024
"""That are filled into one document."""


class BadVariable(Exception):
    """It is no `${NAME}` of Compose. The argument says why."""


class MissingVariable(Exception):
    """The first argument is its name, the second what is said of it."""


class Variable(Struct, frozen=True):
    name: str
    operator: str = ""
    word: "tuple[str | Variable, ...]" = ()


Parts = tuple[str | Variable, ...]


def parsed(text: str) -> Parts:
    """Raises `BadVariable`."""
    parts, _ = _parts(text, 0, level=0)
    return parts


def _parts(text: str, at: int, *, level: int) -> tuple[Parts, int]:
    """Up to the end, or below the top to the closing brace."""
    if level > DEEPEST:
        raise BadVariable(f"is more than {DEEPEST} levels deep")
    found: list[str | Variable] = []
    while at < len(text) and not (level and text[at] == "}"):
        if text[at] != "$":
            end = (_END if level else _DOLLAR).search(text, at)
            found.append(text[at : end.start() if end else len(text)])
            at = end.start() if end else len(text)
        elif text.startswith("$$", at):
            found.append("$")
            at += 2
        elif text.startswith("${", at):
            variable, at = _braced(text, at + 2, level)
            found.append(variable)
        elif name := _NAME.match(text, at + 1):
            found.append(Variable(name[0]))
            at = name.end()
        else:
            raise BadVariable("a $ stands alone: write $$")
    return tuple(found), at


def _braced(text: str, at: int, level: int) -> tuple[Variable, int]:
    name = _NAME.match(text, at)
    if name is None:
        raise BadVariable("${ is followed by a name")
    at = name.end()
    operator = next((each for each in _OPERATORS if text.startswith(each, at)), "")
    word: Parts = ()
    if operator:
        word, at = _parts(text, at + len(operator), level=level + 1)
    if not text.startswith("}", at):
        raise BadVariable("${" + name[0] + " is not closed, or is none that Compose knows")
    return Variable(name[0], operator, word), at + 1


def names_in(parts: Parts) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Variable):
            yield part.name
            yield from names_in(part.word)


class Filler:
    """Of one document. Each of its methods raises `MissingVariable`."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._left = MOST_CHARACTERS

    def document(self, value: Json) -> Json:
        if isinstance(value, str):
            return self.text(parsed(value)) if "$" in value else value
        if isinstance(value, dict):
            fields = cast("dict[str, Json]", value)
            return {name: self.document(each) for name, each in fields.items()}
        if isinstance(value, list):
            return [self.document(each) for each in cast("list[Json]", value)]
        return value

    def text(self, parts: Parts) -> str:
        return "".join(part if isinstance(part, str) else self._value(part) for part in parts)

    def _value(self, variable: Variable) -> str:
        value = self._values.get(variable.name)
        is_there = bool(value) if variable.operator.startswith(":") else value is not None
        match variable.operator[-1:]:
            case "-" if not is_there:
                return self.text(variable.word)
            case "+":
                return self.text(variable.word) if is_there else ""
            case "?" if not is_there:
                message = self.text(variable.word) or f"{variable.name} is not set"
                raise MissingVariable(variable.name, message)
            case _:
                return self._known(variable.name, value)

    def _known(self, name: str, value: str | None) -> str:
        if value is None:
            raise MissingVariable(name, f"{name} is not set")
        self._left -= len(value)
        if self._left < 0:
            raise MissingVariable(name, f"over {MOST_CHARACTERS} characters are filled in")
        return value


# Over a document


def texts(value: Json) -> Iterator[str]:
    """Every scalar text in it; names are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in cast("dict[str, Json]", value).values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in cast("list[Json]", value):
            yield from texts(each)


def variables(document: Json) -> set[str]:
    return {name for text in texts(document) if "$" in text for name in names_in(parsed(text))}
