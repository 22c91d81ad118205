"""Compose text to a tree that knows its lines. YAML 1.2, core schema. Pure.

The tree is built from the parser's events, so that nothing grows before it is counted: an alias
stands for its node, with the size that it has when it is written out. NotGiven: tags, keys that are
no text, doubled keys, a second document, and what is over the bounds.

`22:22` and `no` are text. Only of `mode` a leading zero means octal, as people write it. `<<` takes
in a mapping, or a list of them, as Compose files do; what stands beside it goes first.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, TypeGuard, cast

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from hub.workloads.faults import ComposeFault, FileFault, Path

MOST_BYTES: Final = 256 * 1024
MOST_NODES: Final = 20_000
"""With aliases written out."""
DEEPEST: Final = 32
MERGE: Final = "<<"
MODE: Final = "mode"

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INT: Final = re.compile(r"[-+]?[0-9]{1,18}\Z")
_OCTAL: Final = re.compile(r"0o([0-7]{1,18})\Z")
_HEX: Final = re.compile(r"0x([0-9a-fA-F]{1,13})\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?\Z")
_HALF: Final = re.compile("[\ud800-\udfff]")
_OCTAL_MODE: Final = re.compile(r"0[0-7]{1,4}\Z")

Json = Any
Plain = bool | int | float | str | None


class Node(Struct, frozen=True):
    """A value that stands in a line (from 1; None where there are no lines). `size`: nodes, with
    those below; `depth`: how many levels."""

    value: "bool | int | float | str | list[Node] | dict[str, Node] | None"
    line: int | None
    size: int = 1
    depth: int = 1


def read_yaml(text: str) -> Node:
    """Raises `ComposeFault`."""
    parser: Any = YAML(typ="safe", pure=True)
    events: Iterator[Any] = parser.parse(text)
    try:
        return _Builder(events).document()
    except MarkedYAMLError as error:
        raise ComposeFault(_fault_of(error)) from None
    except ReaderError as error:
        line = text.count("\n", 0, cast("int", error.position)) + 1
        raise ComposeFault(FileFault((), "holds a character that YAML does not", line)) from None
    except (ValueError, OverflowError):  # as in "\UFFFFFFFF"
        raise ComposeFault(FileFault((), "escapes a character that there is not", None)) from None


def _fault_of(error: Any) -> FileFault:
    mark = error.problem_mark or error.context_mark
    return FileFault(
        (), str(error.problem or error.context), None if mark is None else mark.line + 1
    )


def of_json(value: Json) -> Node:
    """The same of decoded JSON, which has no lines. Raises `ComposeFault`."""
    found = _of_json(value, 1)
    if found.size > MOST_NODES:
        raise ComposeFault(FileFault((), f"more than {MOST_NODES} values", None))
    return found


def _of_json(value: Json, level: int) -> Node:
    if level > DEEPEST:
        raise ComposeFault(FileFault((), f"is more than {DEEPEST} levels deep", None))
    if isinstance(value, dict):
        fields = cast("dict[str, Json]", value)
        return _mapping({name: _of_json(each, level + 1) for name, each in fields.items()}, None)
    if isinstance(value, list):
        items = cast("list[Json]", value)
        return _sequence([_of_json(each, level + 1) for each in items], None)
    return Node(value, None)


def plain(node: Node) -> Json:
    """Without lines."""
    if is_mapping(node.value):
        return {name: plain(each) for name, each in node.value.items()}
    if is_sequence(node.value):
        return [plain(each) for each in node.value]
    return node.value


def is_mapping(value: object) -> TypeGuard[dict[str, Node]]:
    return isinstance(value, dict)


def is_sequence(value: object) -> TypeGuard[list[Node]]:
    return isinstance(value, list)


def line_of(node: Node, path: Path) -> int | None:
    """Of the deepest that there is on the path."""
    line = node.line
    for step in path:
        below = _below(node, step)
        if below is None:
            break
        node, line = below, below.line or line
    return line


def _below(node: Node, step: str | int) -> Node | None:
    if is_mapping(node.value):
        return node.value.get(str(step))
    if is_sequence(node.value) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


class _Builder:
    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, Node] = {}
        self._nodes = 0

    def document(self) -> Node:
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                break
        else:
            raise ComposeFault(FileFault((), "is empty", None))
        found = self._node(next(self._events), (), 1)
        next(self._events)  # its end
        if isinstance(following := next(self._events), DocumentStartEvent):
            raise ComposeFault(FileFault((), "holds more than one document", _line(following)))
        return found

    def _node(self, event: Any, path: Path, level: int) -> Node:
        line = _line(event)
        if level > DEEPEST:
            raise ComposeFault(FileFault(path, f"is more than {DEEPEST} levels deep", line))
        if isinstance(event, AliasEvent):
            return self._alias(event, path, level)
        if event.tag is not None:
            raise ComposeFault(
                FileFault(path, f"has the tag {event.tag}: tags are not taken", line)
            )
        self._count(1, path, line)
        if isinstance(event, ScalarEvent):
            _require_storable(cast("Any", event).value, path, line)
            is_mode = bool(path) and path[-1] == MODE
            found = Node(_scalar(event, is_mode=is_mode), line)
        elif isinstance(event, SequenceStartEvent):
            found = self._items(path, line, level)
        else:
            found = self._members(path, line, level)
        anchor = cast("Any", event).anchor
        if anchor is not None:
            self._anchors[anchor] = found
        return found

    def _alias(self, event: Any, path: Path, level: int) -> Node:
        found, line = self._anchors.get(event.anchor), _line(event)
        if found is None:
            raise ComposeFault(FileFault(path, f"there is no anchor {event.anchor}", line))
        if level + found.depth - 1 > DEEPEST:
            raise ComposeFault(FileFault(path, f"is more than {DEEPEST} levels deep", line))
        self._count(found.size, path, line)
        return found

    def _count(self, more: int, path: Path, line: int) -> None:
        self._nodes += more
        if self._nodes > MOST_NODES:
            message = f"more than {MOST_NODES} values, with aliases written out"
            raise ComposeFault(FileFault(path, message, line))

    def _items(self, path: Path, line: int, level: int) -> Node:
        items: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), level + 1))
        return _sequence(items, line)

    def _members(self, path: Path, line: int, level: int) -> Node:
        members: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            name = self._name(event, path)
            below = (*path, name)
            value = self._node(next(self._events), below, level + 1)
            if name == MERGE and event.implicit[0]:
                merged = _merged(value, below) | merged
            elif name in members:
                raise ComposeFault(FileFault(below, "is there twice", _line(event)))
            else:
                members[name] = _at(value, _line(event))
        return _mapping(merged | members, line)

    def _name(self, event: Any, path: Path) -> str:
        if not isinstance(event, ScalarEvent):
            raise ComposeFault(FileFault(path, "a name is a text", _line(event)))
        value = _scalar(event, is_mode=False)
        _require_storable(cast("Any", event).value, path, _line(event))
        if isinstance(value, str):
            return value
        text = cast("str", cast("Any", event).value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ComposeFault(FileFault(path, f"a name is a text: quote {text}", _line(event)))
        return text


def _merged(node: Node, path: Path) -> dict[str, Node]:
    """Of a list, the first that has a name gives its value."""
    if is_mapping(node.value):
        return node.value
    if is_sequence(node.value):
        found: dict[str, Node] = {}
        for each in node.value:
            found = _merged(each, path) | found
        return found
    raise ComposeFault(FileFault(path, "takes in a mapping, or a list of mappings", node.line))


def _at(node: Node, line: int) -> Node:
    """A member stands where its name does."""
    return Node(node.value, line, node.size, node.depth)


def _mapping(members: dict[str, Node], line: int | None) -> Node:
    return _above(members, members.values(), line)


def _sequence(items: list[Node], line: int | None) -> Node:
    return _above(items, items, line)


def _above(value: Any, below: Any, line: int | None) -> Node:
    size, depth = 1, 0
    for each in below:
        size += each.size
        depth = max(depth, each.depth)
    return Node(value, line, size, depth + 1)


def _scalar(event: Any, *, is_mode: bool) -> Plain:
    text: str = event.value
    if not event.implicit[0]:  # quoted, or a block
        return text
    return _resolved(text, is_mode=is_mode)


def _resolved(text: str, *, is_mode: bool) -> Plain:
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if is_mode and _OCTAL_MODE.match(text):
        return int(text, 8)
    if _INT.match(text):
        return int(text)
    if found := _OCTAL.match(text):
        return int(found[1], 8)
    if found := _HEX.match(text):
        return int(found[1], 16)
    return float(text) if _FLOAT.match(text) else text


def _require_storable(text: str, path: Path, line: int) -> None:
    """An escape may stand for what no text holds: U+0000, or half of a character."""
    if "\0" in text or _HALF.search(text):
        raise ComposeFault(FileFault(path, "holds U+0000, or half of a character", line))


def _line(event: Any) -> int:
    return cast("int", event.start_mark.line) + 1
