"""Secrets in documents: `{"$secret":"<name>"}`, or `<name>/<key>`, stands for a string. Pure.

The hub keeps documents as they were written and sends the values beside them; a device fills them
in at the moment of use, and takes them out of what it reports.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

SECRET: Final = "$secret"  # noqa: S105 - a name
SECRET_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"  # noqa: S105 - a pattern
SECRET_KEY: Final = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"  # noqa: S105 - a pattern
SECRET_REFERENCE: Final = rf"{SECRET_NAME}(/{SECRET_KEY})?"
HIDDEN: Final = "[secret]"
"""Stands where a value was."""
LEAST_LINE: Final = 8
"""Characters of a line of a longer value that is hidden by itself."""
_REFERENCE: Final = re.compile(rf"{SECRET_REFERENCE}\Z")


class Values(dict[str, str]):
    """By reference. No log shows them."""

    def __repr__(self) -> str:
        return f"Values({len(self)})"


class SecretMissing(Exception):
    """A document names a secret whose value did not come along; the argument is the reference."""


class Found(Struct, frozen=True):
    """Where a document holds what stands for a secret; `reference` is None for what cannot."""

    path: str
    reference: str | None


def found_in(value: Any, path: str) -> Iterator[Found]:
    """`path` is that of `value`; those within are dotted, behind it."""
    left: list[tuple[str, Any]] = [(path, value)]
    while left:
        at, each = left.pop()
        if isinstance(each, dict):
            members = cast("dict[str, Any]", each)
            if SECRET in members:
                yield Found(at, _reference(members))
            else:
                left.extend((f"{at}.{name}", of) for name, of in members.items())
        elif isinstance(each, list):
            items = cast("list[Any]", each)
            left.extend((f"{at}.{number}", of) for number, of in enumerate(items))


def references_in(value: Any) -> set[str]:
    """All that a document names."""
    return {found.reference for found in found_in(value, "") if found.reference is not None}


def name_of(reference: str) -> str:
    """Of the secret."""
    return reference.partition("/")[0]


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """The document with the values in their places. Raises `SecretMissing`."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if SECRET in members:
            reference = _reference(members)
            if reference is None or reference not in values:
                raise SecretMissing(reference or "?")
            return values[reference]
        return {name: filled(each, values) for name, each in members.items()}
    if isinstance(value, list):
        return [filled(each, values) for each in cast("list[Any]", value)]
    return value


def _reference(members: dict[str, Any]) -> str | None:
    found = members[SECRET]
    fits = len(members) == 1 and isinstance(found, str) and _REFERENCE.match(found) is not None
    return found if fits else None


_HIDDEN: Final = HIDDEN.encode()
_HEAD: Final = 8
"""Bytes by which most of a stream is told from the beginning of a value."""


class Redactor:
    """Takes values out of a stream of bytes, however it is cut into chunks: what may be the
    beginning of one is held back until that is known."""

    def __init__(self, values: Iterable[str]) -> None:
        longest_first = sorted(_needles(values), key=len, reverse=True)
        self._longest = len(longest_first[0]) if longest_first else 0
        self._ordered = sorted(longest_first)
        self._by_head: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for needle in longest_first:
            self._by_head[needle[:_HEAD]].append(needle)
        first = b"".join(re.escape(each[:1]) for each in self._ordered)
        self._first = re.compile(b"[" + first + b"]" if first else b"(?!)")
        self._short = [needle for needle in longest_first if len(needle) < _HEAD]
        self._held = b""

    def take(self, chunk: bytes) -> bytes:
        data = self._held + chunk
        known = self._known(data)
        self._held = data[known:]
        return self._hidden(data[:known])

    def end(self) -> bytes:
        """What was held back, and is no value."""
        rest, self._held = self._held, b""
        return self._hidden(rest)

    def text(self, text: str) -> str:
        """The same of one text, whole."""
        return self._hidden(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def value(self, value: Any) -> Any:
        """The same of all texts and numbers of a document."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = msgspec.json.encode(value).decode()
            hidden = self.text(text)
            return value if hidden == text else hidden
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            return {self.text(name): self.value(each) for name, each in members.items()}
        if isinstance(value, list):
            return [self.value(each) for each in cast("list[Any]", value)]
        return value

    def _hidden(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        done = 0
        for start, end in self._spans(data):
            parts += (data[done:start], _HIDDEN)
            done = end
        return b"".join((*parts, data[done:])) if parts else data

    def _spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Of the values in it, from the left, the longest of those that begin at one place."""
        at = 0
        while found := self._first.search(data, at):
            at = found.start()
            length = self._length(data, at)
            if length:
                yield at, at + length
            at += length or 1

    def _length(self, data: bytes, at: int) -> int:
        """Of the longest value that begins there; 0 for none."""
        for needle in self._by_head.get(data[at : at + _HEAD], ()):
            if data.startswith(needle, at):
                return len(needle)
        for needle in self._short:
            if data.startswith(needle, at):
                return len(needle)
        return 0

    def _known(self, data: bytes) -> int:
        """How much of it no later chunk can change."""
        for at in range(max(0, len(data) - self._longest + 1), len(data)):
            if self._begins_one(data, at):
                spans = self._spans(data)
                return next((end for start, end in spans if start < at < end), at)
        return len(data)

    def _begins_one(self, data: bytes, at: int) -> bool:
        """Whether a value, longer than what follows, begins with it. By its head first: a chunk of
        64 KiB is looked at byte by byte on the loop of the agent."""
        if len(data) - at >= _HEAD and data[at : at + _HEAD] not in self._by_head:
            return False
        rest = data[at:]
        behind = bisect_right(self._ordered, rest)
        return behind < len(self._ordered) and self._ordered[behind].startswith(rest)


def _needles(values: Iterable[str]) -> set[bytes]:
    """Each value, as it is and as JSON has it, and its longer lines: logs come line by line."""
    texts = {value for value in values if value}
    texts |= {
        line for text in texts for line in text.splitlines() if len(line.strip()) >= LEAST_LINE
    }
    plain = {text.encode("utf-8", "surrogatepass") for text in texts}
    return plain | {msgspec.json.encode(text)[1:-1] for text in texts if _is_unicode(text)}


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)
