"""The part of YAML that files of settings are written in: mappings and lists, in blocks or in
brackets, of plain and quoted texts. Anything else (anchors, tags, block texts, several documents)
is refused with its line, never guessed.

So that no device carries a whole YAML for a file that is read once.
"""

import re
from typing import Final

from msgspec import Struct

Value = str | list["Value"] | dict[str, "Value"] | None
MOST_BYTES: Final = 256 * 1024
MOST_DEPTH: Final = 32

_KEY: Final = re.compile(r"""("[^"\\]*"|'[^']*'|[^\s'"\[\]{}#&*!|>%@`,:-][^\s:#]*)\s*:(?:\s+|$)""")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SINGLE: Final = re.compile(r"'((?:[^']|'')*)'")
_ESCAPES: Final = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "/": "/", "0": "\0", "r": "\r"}
_FOREIGN: Final = "&*!|>%@`?"


class NotPlain(Exception):
    """`message` says where and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.message = f"line {line}: {reason}"


class _Line(Struct, frozen=True):
    number: int
    indent: int
    text: str


def read(text: str) -> Value:
    """Scalars are texts, whatever they look like; an empty one is None. Raises `NotPlain`."""
    lines = _lines(text)
    if not lines:
        return None
    value, rest = _block(lines, lines[0].indent, 0)
    if rest:
        raise NotPlain(rest[0].number, "it is indented otherwise than what it belongs to")
    return value


def _lines(text: str) -> list[_Line]:
    found: list[_Line] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = _without_comment(raw).rstrip()
        if not line or (line == "---" and not found):
            continue
        if line in ("---", "..."):
            raise NotPlain(number, "another document")
        indent = len(line) - len(line.lstrip(" "))
        if line[indent] == "\t":
            raise NotPlain(number, "a tab in the indentation")
        found.append(_Line(number, indent, line[indent:]))
    return found


def _without_comment(line: str) -> str:
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote and line[at - 1] != "\\" else quote
        elif char in "\"'" and (at == 0 or line[at - 1] in " ,[{:"):
            quote = char
        elif char == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at]
    return line


def _block(lines: list[_Line], indent: int, depth: int) -> tuple[Value, list[_Line]]:
    first = lines[0]
    if depth > MOST_DEPTH:
        raise NotPlain(first.number, f"more than {MOST_DEPTH} levels")
    if _is_item(first):
        return _items(lines, indent, depth)
    if _KEY.match(first.text):
        return _members(lines, indent, depth)
    return _scalar(first, first.text), lines[1:]


def _is_item(line: _Line) -> bool:
    return line.text == "-" or line.text.startswith("- ")


def _items(lines: list[_Line], indent: int, depth: int) -> tuple[list[Value], list[_Line]]:
    found: list[Value] = []
    while lines and lines[0].indent == indent and _is_item(lines[0]):
        line = lines[0]
        text = line.text[1:].lstrip(" ")
        if text:
            within = indent + len(line.text) - len(text)
            value, lines = _block([_Line(line.number, within, text), *lines[1:]], within, depth + 1)
        else:
            value, lines = _below(lines[1:], indent, depth)
        found.append(value)
    return found, lines


def _members(lines: list[_Line], indent: int, depth: int) -> tuple[dict[str, Value], list[_Line]]:
    found: dict[str, Value] = {}
    while lines and lines[0].indent == indent and not _is_item(lines[0]):
        line = lines[0]
        key = _KEY.match(line.text)
        if key is None:
            raise NotPlain(line.number, "neither a key nor an item of a list")
        name = key[1].strip("\"'")
        if name in found:
            raise NotPlain(line.number, f"{name} stands there twice")
        text = line.text[key.end() :]
        if text:
            found[name], lines = _scalar(line, text), lines[1:]
        else:
            found[name], lines = _value_of_key(lines[1:], indent, depth)
    return found, lines


def _value_of_key(lines: list[_Line], indent: int, depth: int) -> tuple[Value, list[_Line]]:
    """A list may stand as far left as its key."""
    if lines and lines[0].indent == indent and _is_item(lines[0]):
        return _items(lines, indent, depth + 1)
    return _below(lines, indent, depth)


def _below(lines: list[_Line], indent: int, depth: int) -> tuple[Value, list[_Line]]:
    if lines and lines[0].indent > indent:
        return _block(lines, lines[0].indent, depth + 1)
    return None, lines


def _scalar(line: _Line, text: str) -> Value:
    value, rest = _flow(line, text, stops="", depth=0)
    if rest.strip():
        raise NotPlain(line.number, f"what is {rest.strip()[:20]!r}?")
    return value


def _flow(line: _Line, text: str, *, stops: str, depth: int) -> tuple[Value, str]:
    """A value that begins here, and what comes after it."""
    if depth > MOST_DEPTH:
        raise NotPlain(line.number, f"more than {MOST_DEPTH} levels")
    if text.startswith("["):
        return _flow_list(line, text[1:], depth)
    if text.startswith("{"):
        return _flow_map(line, text[1:], depth)
    if text[:1] in ('"', "'"):
        return _quoted(line, text)
    if text[:1] in _FOREIGN:
        raise NotPlain(line.number, f"{text[0]} is not read here")
    end = next((at for at, char in enumerate(text) if char in stops), len(text))
    plain = text[:end].strip()
    if ": " in plain or plain.endswith(":"):
        raise NotPlain(line.number, "a colon within a text that is not quoted")
    return (None if plain in ("", "~", "null") else plain), text[end:]


def _quoted(line: _Line, text: str) -> tuple[str, str]:
    found = (_DOUBLE if text[0] == '"' else _SINGLE).match(text)
    if found is None:
        raise NotPlain(line.number, "a quote that does not end")
    if text[0] == "'":
        return found[1].replace("''", "'"), text[found.end() :]
    return re.sub(r"\\(.)", lambda each: _unescaped(line, each[1]), found[1]), text[found.end() :]


def _unescaped(line: _Line, char: str) -> str:
    if char not in _ESCAPES:
        raise NotPlain(line.number, f"\\{char} is not read here")
    return _ESCAPES[char]


def _flow_list(line: _Line, text: str, depth: int) -> tuple[list[Value], str]:
    found: list[Value] = []
    text = text.lstrip()
    while not text.startswith("]"):
        value, text = _flow(line, text, stops=",]", depth=depth + 1)
        found.append(value)
        text = _after_value(line, text, "]")
    return found, text[1:]


def _flow_map(line: _Line, text: str, depth: int) -> tuple[dict[str, Value], str]:
    found: dict[str, Value] = {}
    text = text.lstrip()
    while not text.startswith("}"):
        key = _KEY.match(text)
        if key is None:
            raise NotPlain(line.number, "no key in { }")
        value, text = _flow(line, text[key.end() :], stops=",}", depth=depth + 1)
        found[key[1].strip("\"'")] = value
        text = _after_value(line, text, "}")
    return found, text[1:]


def _after_value(line: _Line, text: str, end: str) -> str:
    text = text.lstrip()
    if text.startswith(","):
        return text[1:].lstrip()
    if not text.startswith(end):
        raise NotPlain(line.number, f"{end} is missing on this line")
    return text
