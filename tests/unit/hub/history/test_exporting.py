"""Files of rows."""

import csv
import io

import pytest

from hub.history.exporting import CsvExporter, ExportFormat, NdjsonExporter, asked_format

ITEM = {"id": "1-d", "type": "scan", "code": "=1", "data": {"a": 1}}


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, None),
        ("*/*", None),
        ("application/json", None),
        ("text/html, Application/x-ndjson;q=0.5", ExportFormat.NDJSON),
        ("text/csv", ExportFormat.CSV),
        ("application/json, text/csv;q=0", None),
        ("text/csv; q=0.000, application/x-ndjson; q=0.001", ExportFormat.NDJSON),
        ("text/csv;header=present;Q=0.", None),
    ],
)
def test_the_accept_header_chooses(accept: str | None, wanted: ExportFormat | None) -> None:
    assert asked_format(accept) is wanted


def test_json_lines_end_with_where_it_goes_on() -> None:
    exporter = NdjsonExporter()
    assert exporter.head() == b""
    assert exporter.rows([{"a": 1}, {"a": 2}]) == b'{"a":1}\n{"a":2}\n'
    assert exporter.end("c") == b'{"next":"c"}\n'
    assert exporter.end(None) == b'{"next":null}\n'


def test_a_csv_has_columns_and_one_for_the_rest() -> None:
    exporter = CsvExporter(("id", "type", "ts"), rest="event")
    text = (exporter.head() + exporter.rows([ITEM])).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows == [
        {"id": "1-d", "type": "scan", "ts": "", "event": '{"code":"=1","data":{"a":1}}'}
    ]
    assert exporter.end("c") == b"# next=c\r\n"


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(cell: str) -> None:
    exporter = CsvExporter(("line",))
    text = (exporter.head() + exporter.rows([{"line": cell}])).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows == [{"line": "'" + cell}]
    assert exporter.end(None) == b"# next=\r\n"
