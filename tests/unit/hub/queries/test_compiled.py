"""Conditions of SQL: what they answer is asked of a database in `tests/integration`."""

import re

import pytest

from hub.queries.compiled import condition, condition_of_list
from hub.queries.language import parse

TEXTS = [
    "connected and (not id = a or name != b)",
    'id ~ "a*" and has company and version.jar < "1"',
    'version in ("1", "odd") and version not in ("2")',
    "label.line in (a, b) and label.line != c and has label.x",
    "tag = a and tag != b and has tag and group not in (g)",
    'tag ~ "a*" and metric.cpu > 3 and metric.cpu not in (1, 2)',
    "lastSeen > now - 1m and lastSeen in (now, 2026-01-01T00:00:00Z)",
    "createdAt not in (2026-01-01T00:00:00Z) and app.web = a and certificate.expiresAt < now",
]


@pytest.mark.parametrize("text", TEXTS)
def test_whatever_was_written_is_a_parameter(text: str) -> None:
    found = condition_of_list(parse(text), first=10)
    numbers = sorted({int(number) for number in re.findall(r"\$(\d+)", found.text + found.few)})
    assert numbers == list(range(10, 10 + len(found.parameters)))


def test_no_value_comes_into_the_text() -> None:
    said = "'; DROP TABLE device; --"
    found = condition(parse(f'name = "{said}" or label."{said}" ~ "{said}"'), first=1)
    assert "DROP" not in found.text
    assert found.parameters.count(said) == 2


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("label.line = 3", "device_label"),
        ("connected and label.line in (a, b)", "device_label"),
        ("tag = spare and has name", "device_label"),
        ("group = g and connected", "device_group_member"),
        ("name = x and id in (a, b)", "device_id = ANY"),
    ],
)
def test_what_an_index_knows_is_asked_first(text: str, table: str) -> None:
    assert table in condition_of_list(parse(text), first=1).few


@pytest.mark.parametrize(
    "text", ["label.line = 3 or connected", "not label.line = 3", "label.line != 3", "connected"]
)
def test_else_all_devices_are_looked_at(text: str) -> None:
    assert condition_of_list(parse(text), first=1).few == "true"
