"""The text of a query → its tree. Pure.

lark reads by `grammar.lark`. What no grammar knows is asked of each token as it comes, so the first
fault in the text is the one that is told: the fields, what fits them, and the bounds.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from math import isfinite
from typing import Any, Final, Protocol, cast

from lark import Lark, Token, UnexpectedCharacters, UnexpectedToken
from lark.tree import Tree as Parsed

from hub.queries.fields import FIELDS, NAMES, OPERATORS, FieldRule, Kind, field_named, with_key
from hub.queries.records import (
    Both,
    Comparison,
    Either,
    Field,
    FromNow,
    Not,
    Operator,
    Tree,
    Value,
)

MOST_BYTES: Final = 4096
MOST_COMPARISONS: Final = 64
MOST_BRACKETS: Final = 16
MOST_VALUES: Final = 1000
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FARTHEST: Final = 100 * 366 * 86_400
"""Seconds from now; calendars end somewhere."""
_TAKES: Final[dict[Kind, tuple[str, ...]]] = {
    "text": ("text", "number"),
    "word": ("text", "number"),
    "set": ("text", "number"),
    "version": ("text", "number"),
    "boolean": ("true", "false"),
    "number": ("number",),
    "time": ("time", "now"),
}
_WRITTEN: Final = {
    "WORD": ("text",),
    "STRING": ("text",),
    "CONNECTED": ("text",),
    "NUMBER": ("number",),
    "TRUE": ("true",),
    "FALSE": ("false",),
    "TIME": ("time",),
    "NOW": ("now",),
}
"""What a token is as a value."""
_SHOWN: Final = {
    "LIKE": ("~",),
    "SIGN": ("+", "-"),
    "DURATION": ("15m",),
    "LPAR": ("(",),
    "RPAR": (")",),
    "COMMA": (",",),
    "$END": ("the end",),
}


class _Parser(Protocol):
    """lark's interactive parser, with its types."""

    def iter_parse(self) -> Iterator[Token]: ...

    def feed_eof(self) -> "Parsed[Token]": ...

    def choices(self) -> Mapping[str, object]: ...

    def accepts(self) -> set[str]: ...


class NotAQuery(Exception):
    """`position` counts characters from 0; `expected` is what could stand there."""

    def __init__(self, message: str, position: int, expected: list[str]) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.expected = expected


def parse(text: str) -> Tree:
    """Raises `NotAQuery`."""
    return _read(text, _Reader(text), _comparison)


def parse_members(text: str) -> Tree:
    """The same over the members of an event, of which nothing is known: each name is a field, each
    value what it is written as. Raises `NotAQuery`."""
    return _read(text, _MemberReader(text), _of_member)


def _read(text: str, reader: "_Reader", comparison: Callable[[Parsed[Token]], Comparison]) -> Tree:
    parser = _parser(text)
    try:
        for token in parser.iter_parse():
            reader.read(token, parser)
        reader.finish()
        parsed = parser.feed_eof()
    except UnexpectedToken as error:
        token = cast("Token", error.token)
        is_end = token.type == "$END"
        position = len(text) if is_end else _start_of(token)
        what = "the query ends too early" if is_end else f"{token} does not fit here"
        raise NotAQuery(what, position, _expected(text, position, reader.rule)) from None
    except UnexpectedCharacters as error:
        position = cast("int", error.pos_in_stream)
        what = f"{text[position : position + 20]!r} cannot be read"
        raise NotAQuery(what, position, _expected(text, position, reader.rule)) from None
    return _tree(parsed, comparison)


@cache
def _grammar() -> Lark:
    text = (files("hub.queries") / "grammar.lark").read_text("utf-8")
    return Lark(text, start="query", parser="lalr", lexer="basic")


def _parser(text: str) -> _Parser:
    return cast("Any", _grammar()).parse_interactive(text)


def _start_of(token: Token) -> int:
    return cast("int", token.start_pos)


def _expected(text: str, position: int, rule: FieldRule | None) -> list[str]:
    """Sorted, each once. Asked of a parser that has not yet met what does not fit: one that has is
    ahead already."""
    parser = _parser(text[:position])
    for _ in parser.iter_parse():
        pass
    found: set[str] = set()
    for name in parser.accepts():
        if name == "OPERATOR":
            found.update(each for each in _operators(rule) if each[0] in "=!<>")
        elif name == "HAS":
            found.update(("has", "a field"))
        elif name in _WRITTEN and "STRING" in parser.choices():
            found.update(_WRITTEN[name])
        elif name not in ("WORD", "QUOTED_KEY"):
            found.update(_SHOWN.get(name, (name.lower(),)))
    return sorted(found)


def _operators(rule: FieldRule | None) -> tuple[Operator, ...]:
    return OPERATORS["version" if rule is None else rule.kind]


class _Reader:
    """What came so far: raises `NotAQuery` at the first token that goes too far, or that names what
    is not there."""

    def __init__(self, text: str) -> None:
        self.rule: FieldRule | None = None
        """Of the field that was named last."""
        self._end = len(text.encode("utf-8", "replace")[:MOST_BYTES].decode("utf-8", "ignore"))
        self._is_too_long = self._end < len(text)
        self._comparisons = self._brackets = self._values = 0
        self._in_list = self._after_has = self._is_pattern = False

    def read(self, token: Token, parser: _Parser) -> None:
        may_come = parser.choices()
        start = _start_of(token)
        if cast("int", token.end_pos) > self._end:
            raise NotAQuery(f"a query has {MOST_BYTES} bytes at most", start, [])
        if token.type not in may_come:
            return  # the parser says so
        if "HAS" in may_come and token.type in ("HAS", "WORD", "QUOTED_KEY", "CONNECTED"):
            self._comparisons += 1
            if self._comparisons > MOST_COMPARISONS:
                raise NotAQuery(f"a query has {MOST_COMPARISONS} comparisons at most", start, [])
        if token.type in ("LPAR", "RPAR"):
            self._bracket(token, start, is_list="HAS" not in may_come)
        elif self._after_has or ("HAS" in may_come and token.type not in ("HAS", "NOT")):
            self._field(token, start)
        elif "STRING" in may_come:
            self._value(token, start)
        elif token.type in ("OPERATOR", "LIKE"):
            self._operator(token, start)
        elif token.type == "DURATION" and _seconds(token) > _FARTHEST:
            raise NotAQuery("a time is a hundred years away at most", start, [])
        self._after_has = token.type == "HAS"

    def finish(self) -> None:
        if self._is_too_long:
            raise NotAQuery(f"a query has {MOST_BYTES} bytes at most", self._end, [])

    def _bracket(self, token: Token, start: int, *, is_list: bool) -> None:
        if token.type == "RPAR":
            self._brackets -= not self._in_list
            self._in_list = False
        elif is_list:
            self._in_list, self._values = True, 0
        else:
            self._brackets += 1
            if self._brackets > MOST_BRACKETS:
                raise NotAQuery(f"brackets are {MOST_BRACKETS} deep at most", start, [])

    def _field(self, token: Token, start: int) -> None:
        field = _field_of(token)
        if field is None:
            raise NotAQuery(f"there is no field {token}", start, list(NAMES))
        self.rule, self._is_pattern = FIELDS[field.name], False

    def _operator(self, token: Token, start: int) -> None:
        allowed = _operators(self.rule)
        if token not in allowed:
            raise NotAQuery(f"{token} does not fit this field", start, list(allowed))
        self._is_pattern = token.type == "LIKE"

    def _count_value(self, start: int) -> None:
        self._values += 1
        if self._in_list and self._values > MOST_VALUES:
            raise NotAQuery(f"in takes {MOST_VALUES} values at most", start, [])

    def _value(self, token: Token, start: int) -> None:
        self._count_value(start)
        rule = cast("FieldRule", self.rule)
        takes = _TAKES[rule.kind]
        if _WRITTEN[token.type][0] not in takes or not _is_readable(token):
            raise NotAQuery(f"{token} is no value of this field", start, list(takes))
        if rule.words and not self._is_pattern and _word(rule, _text_of(token)) is None:
            raise NotAQuery(f"{token} is no value of this field", start, list(rule.words))


class _MemberReader(_Reader):
    """Every field is there, and takes what it is compared with; but no moving time."""

    def _field(self, token: Token, start: int) -> None:
        self._is_pattern = False

    def _operator(self, token: Token, start: int) -> None:
        self._is_pattern = token.type == "LIKE"

    def _value(self, token: Token, start: int) -> None:
        self._count_value(start)
        if token.type == "NOW" or not _is_readable(token):
            raise NotAQuery(f"{token} is no value of a member", start, ["number", "text"])


def _field_of(token: Token) -> Field | None:
    if token.type != "QUOTED_KEY":
        return field_named(token)
    head, _, quoted = token.partition(".")
    key = _json_text(quoted)
    return with_key(head, key) if key else None


def _is_readable(token: Token) -> bool:
    match token.type:
        case "STRING":
            return _json_text(token) is not None
        case "NUMBER":
            return isfinite(float(token))
        case "TIME":
            return _time(token) is not None
        case _:
            return True


def _json_text(token: str) -> str | None:
    """None for what is no text, or none that a database takes."""
    try:
        text: str = json.loads(token)
        text.encode()
    except ValueError:
        return None
    return None if "\0" in text else text


def _text_of(token: Token) -> str:
    """A number that stands for a text is it as it is written."""
    return cast("str", _json_text(token)) if token.type == "STRING" else str(token)


def _time(token: str) -> datetime | None:
    """None also for one that is in no year of ours in UTC."""
    try:
        return datetime.fromisoformat(token.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _word(rule: FieldRule, text: str) -> str | None:
    return next((word for word in rule.words if word.lower() == text.lower()), None)


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def _tree(node: Parsed[Token], comparison: Callable[[Parsed[Token]], Comparison]) -> Tree:
    """Of what the grammar took."""
    is_not = False
    while node.data == "negation":
        node, is_not = _node(node.children[1]), not is_not
    if node.data in ("either", "both"):
        parts = tuple(_tree(_node(child), comparison) for child in node.children)
        kind = Either if node.data == "either" else Both
        tree: Tree = parts[0] if len(parts) == 1 else kind(parts)
    else:
        tree = comparison(node)
    return Not(tree) if is_not else tree


def _node(child: Token | Parsed[Token]) -> Parsed[Token]:
    return cast("Parsed[Token]", child)


def _comparison(node: Parsed[Token]) -> Comparison:
    if node.data == "connected":
        return Comparison(Field("connected"), "=", (True,))
    field = cast("Field", _field_of(cast("Token", node.children[0])))
    operator, values = _asked(node)
    rule = FIELDS[field.name]
    return Comparison(field, operator, tuple(_value(rule, operator, each) for each in values))


def _of_member(node: Parsed[Token]) -> Comparison:
    """`key` is the path of the member."""
    if node.data == "connected":
        return Comparison(Field("member", "connected"), "=", (True,))
    operator, values = _asked(node)
    field = Field("member", str(node.children[0]))
    return Comparison(field, operator, tuple(_plain(cast("Token", each)) for each in values))


def _asked(node: Parsed[Token]) -> "tuple[Operator, list[Token | Parsed[Token]]]":
    """By which operator, and with which values."""
    _, *rest = node.children
    match node.data:
        case "has":
            return "has", []
        case "compared":
            operator, value = rest
            return cast("Operator", str(operator)), [value]
        case _:
            return "in" if node.data == "among" else "not in", _node(rest[0]).children


def _plain(token: Token) -> Value:
    match token.type:
        case "TRUE" | "FALSE":
            return token.type == "TRUE"
        case "NUMBER":
            return float(token)
        case _:
            return _text_of(token)


def _value(rule: FieldRule, operator: object, child: Token | Parsed[Token]) -> Value:
    if not isinstance(child, Token):
        return _moving(child)
    match rule.kind:
        case "boolean":
            return child.type == "TRUE"
        case "number":
            return float(child)
        case "time":
            return cast("datetime", _time(child))
        case "word" if operator != "~":
            return cast("str", _word(rule, _text_of(child)))
        case _:
            return _text_of(child)


def _moving(node: Parsed[Token]) -> FromNow:
    _, sign, duration = cast("list[str | None]", node.children)
    if sign is None or duration is None:
        return FromNow(0)
    return FromNow(_seconds(duration) * (1 if sign == "+" else -1))
