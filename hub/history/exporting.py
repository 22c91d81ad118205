"""How rows are written into a file. Pure."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final, Protocol

import msgspec

from hub.history.records import HistoryItem

MOST_ROWS: Final = 100_000
"""Of one export."""
OF_EVENTS: Final = ("id", "receivedAt", "deviceId", "type", "ts")
OF_LOGS: Final = ("id", "receivedAt", "deviceId", "ts", "level", "source", "commandId", "line")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet takes for a formula."""

_NO_WEIGHT: Final = re.compile(r"q=0(\.0{0,3})?")


class ExportFormat(Enum):
    NDJSON = "application/x-ndjson"
    CSV = "text/csv"


class Exporter(Protocol):
    def head(self) -> bytes: ...
    def rows(self, items: Iterable[HistoryItem]) -> bytes: ...
    def end(self, following: str | None) -> bytes:
        """`following`: the cursor of what comes behind the last row."""
        ...


class NdjsonExporter:
    def head(self) -> bytes:
        return b""

    def rows(self, items: Iterable[HistoryItem]) -> bytes:
        return b"".join(msgspec.json.encode(item) + b"\n" for item in items)

    def end(self, following: str | None) -> bytes:
        return msgspec.json.encode({"next": following}) + b"\n"


class CsvExporter:
    """`columns` are members of an item; with `rest`, the other members are one more column, in
    JSON."""

    def __init__(self, columns: Sequence[str], rest: str | None = None) -> None:
        self._columns = columns
        self._rest = rest

    def head(self) -> bytes:
        return _line([*self._columns, *([self._rest] if self._rest else [])])

    def rows(self, items: Iterable[HistoryItem]) -> bytes:
        return b"".join(_line(self._cells(item)) for item in items)

    def end(self, following: str | None) -> bytes:
        return f"# next={following or ''}\r\n".encode()

    def _cells(self, item: HistoryItem) -> list[str]:
        cells = [_safe(str(item.get(name, ""))) for name in self._columns]
        if self._rest is None:
            return cells
        others = {name: value for name, value in item.items() if name not in self._columns}
        return [*cells, _safe(msgspec.json.encode(others).decode())]


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def asked_format(accept: str | None) -> ExportFormat | None:
    """None for a page of JSON: whoever names neither of the two gets that."""
    named = {_wanted(part) for part in (accept or "").lower().split(",")}
    return next((each for each in ExportFormat if each.value in named), None)


def _wanted(part: str) -> str | None:
    """The media type; None for one that is refused by its weight (RFC 9110, 12.4.2)."""
    media, *parameters = (each.strip() for each in part.split(";"))
    return None if any(map(_NO_WEIGHT.fullmatch, parameters)) else media
