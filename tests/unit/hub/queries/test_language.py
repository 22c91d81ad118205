"""Texts of queries, their trees, and where a wrong one is wrong."""

from datetime import UTC, datetime

import pytest

from hub.queries.language import MOST_BYTES, NotAQuery, parse
from hub.queries.records import Both, Comparison, Either, Field, FromNow, Not, Tree


def one(text: str) -> Comparison:
    tree = parse(text)
    assert isinstance(tree, Comparison)
    return tree


ONLINE = Comparison(Field("connected"), "=", (True,))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("connected", ONLINE),
        ("connected = false", Comparison(Field("connected"), "=", (False,))),
        ("label.line = 3", Comparison(Field("label", "line"), "=", ("3",))),
        ("label.line = 3.0", Comparison(Field("label", "line"), "=", ("3.0",))),
        ('label."a/b" = "x y"', Comparison(Field("label", "a/b"), "=", ("x y",))),
        (r'name = "\u00e9\""', Comparison(Field("name"), "=", ('é"',))),
        ("name = connected", Comparison(Field("name"), "=", ("connected",))),
        ("metric.cpu.load > -1.5e1", Comparison(Field("metric", "cpu.load"), ">", (-15.0,))),
        ('version.jar >= "2"', Comparison(Field("version", "jar"), ">=", ("2",))),
        ("status in (error, Degraded)", Comparison(Field("status"), "in", ("ERROR", "DEGRADED"))),
        ("config.status = IN_SYNC", Comparison(Field("config.status"), "=", ("in_sync",))),
        ('status ~ "err*"', Comparison(Field("status"), "~", ("err*",))),
        ("has tag", Comparison(Field("tag"), "has")),
        ("has connected", Comparison(Field("connected"), "has")),
        ("id not in (a, b)", Comparison(Field("id"), "not in", ("a", "b"))),
        ("connected in (true)", Comparison(Field("connected"), "in", (True,))),
        ("lastSeen < now - 15m", Comparison(Field("lastSeen"), "<", (FromNow(-900),))),
        ("lastSeen < now + 1d", Comparison(Field("lastSeen"), "<", (FromNow(86_400),))),
        ("lastSeen in (now)", Comparison(Field("lastSeen"), "in", (FromNow(0),))),
        (
            "createdAt >= 2026-01-01t00:00:00z",
            Comparison(Field("createdAt"), ">=", (datetime(2026, 1, 1, tzinfo=UTC),)),
        ),
        ("not connected", Not(ONLINE)),
        ("not not connected", ONLINE),
        ("not " * 1000 + "connected", ONLINE),
        ("not (connected)", Not(ONLINE)),
        ("connected and connected", Both((ONLINE, ONLINE))),
        ("connected or connected and connected", Either((ONLINE, Both((ONLINE, ONLINE))))),
        ("not connected and connected", Both((Not(ONLINE), ONLINE))),
        ("(connected or connected) and connected", Both((Either((ONLINE, ONLINE)), ONLINE))),
        ("\t connected\n", ONLINE),
    ],
)
def test_a_text_has_its_tree(text: str, tree: Tree) -> None:
    assert parse(text) == tree


def test_a_number_of_a_metric_is_one() -> None:
    assert one("metric.a = 3").values == (3.0,)


FIELD = ["(", "a field", "connected", "has", "not"]
VALUE = ["false", "now", "number", "text", "time", "true"]


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("", 0, FIELD),
        ("connected =", 11, VALUE),
        ("connected and", 13, FIELD),
        ("(has tag", 8, [")", "and", "or"]),
        ("has tag )", 8, ["and", "or", "the end"]),
        ("connected connected", 10, None),
        ("name", 4, ["!=", "=", "in", "not", "~"]),
        ("name not = 3", 9, ["in"]),
        ("id in a", 6, ["("]),
        ("id in (a b)", 9, [")", ","]),
        ("label.x = and", 10, VALUE),
        ("lastSeen < now -15m", 15, None),
        ("lastSeen < now - 15", 17, ["15m"]),
        ("version = 1.4.0", 10, VALUE),
        ('name = "a', 7, VALUE),
        ("é = 3", 0, FIELD),
        ("nope = 3", 0, None),
        ("connected and nope", 14, None),
        ("label = 3", 0, None),
        ('label."" = 3', 0, None),
        ('name."x" = 3', 0, None),
        (r'label."\x" = 3', 0, None),
        ("has nope", 4, None),
        ("name < 3", 5, ["!=", "=", "has", "in", "not in", "~"]),
        ('metric.x ~ "1"', 9, ["!=", "<", "<=", "=", ">", ">=", "has", "in", "not in"]),
        ("name = true", 7, ["number", "text"]),
        ("connected = yes", 12, ["false", "true"]),
        ('metric.x = "1"', 11, ["number"]),
        ("metric.x = 1e999", 11, ["number"]),
        ("metric.x in (1, a)", 16, ["number"]),
        ("lastSeen > 3", 11, ["now", "time"]),
        ("lastSeen < now-15m", 11, ["now", "time"]),
        ("lastSeen > 2026-13-01T00:00:00Z", 11, ["now", "time"]),
        ("lastSeen < now - 99999999d", 17, []),
        ("status = broken", 9, ["DEGRADED", "DISABLED", "ERROR", "OFFLINE", "ONLINE"]),
        (r'name = "\ud800"', 7, ["number", "text"]),
        (r'name = "\u0000"', 7, ["number", "text"]),
        ("(" * 17 + "connected", 16, []),
        ("connected and " * 64 + "connected", 64 * 14, []),
        ("has tag and " * 64 + "has tag", 64 * 12, []),
        (f"id in ({','.join('a' * 1001)})", 7 + 2 * 1000, []),
        (f'name = "{"x" * MOST_BYTES}"', 7, []),
        (f'name = "{"é" * (MOST_BYTES // 2)}"', 7, []),
        ("connected" + " " * MOST_BYTES, MOST_BYTES, []),
    ],
)
def test_a_wrong_text_says_where(text: str, position: int, expected: list[str] | None) -> None:
    with pytest.raises(NotAQuery) as found:
        parse(text)
    assert found.value.position == position
    assert found.value.message
    if expected is not None:
        assert sorted(found.value.expected) == sorted(expected)


def test_brackets_of_a_list_are_none_of_the_depth() -> None:
    assert parse("(" * 16 + "id in (a)" + ")" * 16) == parse("id in (a)")


def test_a_field_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(NotAQuery) as found:
        parse("labels.x = 3")
    assert "label.<key>" in found.value.expected
    assert "version" in found.value.expected
