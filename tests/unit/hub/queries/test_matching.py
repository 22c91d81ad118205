"""Devices that a query means, and those that it does not."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.queries.facts import DeviceFacts
from hub.queries.groups import groups_of, is_trusted, is_volatile, names_groups, with_group_ids
from hub.queries.language import parse
from hub.queries.matching import holds

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DEVICE = DeviceFacts(
    id="press-1",
    name="Press One",
    status="DEGRADED",
    connected=True,
    version="1.4.0-rc.2",
    versions={"jar": "2.0", "odd": "v7"},
    group_ids=frozenset({"g1"}),
    labels={"line": "3", "spare": ""},
    metrics={"cpu": 91.0},
    last_seen=NOW - timedelta(minutes=20),
    created_at=NOW - timedelta(days=2),
    company="acme",
    config_status="pending",
    apps={"web": "abc"},
    certificate_expires_at=NOW + timedelta(days=5),
)
BARE = DeviceFacts(id="bare")


@pytest.mark.parametrize(
    "text",
    [
        "connected and status = degraded",
        'label.line = "3" and has label.spare and tag = spare',
        "not label.site = x",
        "metric.cpu > 90 and metric.cpu <= 91 and metric.cpu in (1, 91)",
        "lastSeen < now - 15m and lastSeen > now - 1h",
        "createdAt < 2026-11-01T00:00:00Z",
        'name ~ "press *" and name ~ "PRESS?one"',
        "id in (press-1, press-2) and id != press-2 and id not in (x)",
        "group = g1 and group in (g1, g2) and group != g2 and group not in (g2) and has group",
        'version < "1.4" and version > "1.4.0-rc.1" and version = "1.4.0-rc.2+build"',
        'version.jar = "2" and version.jar in ("1", "2.0.0") and version.jar <= "2"',
        'version.odd = "v7" and version.odd != "7" and version.odd not in ("v8")',
        'version ~ "1.4.*"',
        "company = acme and config.status = pending and connectionMode = via_local_server",
        "app.web = abc and has app.web and not has app.other",
        "certificate.expiresAt < now + 7d",
        'tag ~ "spa*" and tag not in (nope)',
        "connected in (true) and connected != false",
        "name = nobody or id = press-1",
    ],
)
def test_it_holds(text: str) -> None:
    assert holds(parse(text), DEVICE, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "label.line = 4",
        "label.site != x",
        "label.site not in (x)",
        "metric.none > 0",
        "lastSeen > now",
        'version.odd < "9"',
        'version < "no version"',
        'version.none != "1"',
        "productionLine != a",
        "group = g2",
        "tag = nope",
        'tag ~ "nope*"',
        'name ~ "one"',
        "not (connected or connected)",
        "company = acme and connected = false",
    ],
)
def test_it_does_not_hold(text: str) -> None:
    assert not holds(parse(text), DEVICE, NOW)


def test_a_comparison_with_what_is_missing_is_false_and_its_opposite_true() -> None:
    for field in ("lastSeen", "createdAt"):
        assert not holds(parse(f"{field} < now"), BARE, NOW)
        assert holds(parse(f"not {field} < now"), BARE, NOW)
    assert holds(parse("group != a and group not in (a) and tag != a"), BARE, NOW)
    assert not holds(parse("has group or has tag or has metric.cpu"), BARE, NOW)


def test_a_group_is_named_by_its_name_and_else_by_its_id() -> None:
    named = {"g1": "1", "Spare parts": "2", "g3": "g4"}
    tree = with_group_ids(
        parse('group in (g1, "Spare parts", g4) or not group ~ "SPARE*" and group ~ "G4"'), named
    )
    assert groups_of(tree) == {"1", "2", "g4"}
    assert names_groups(tree)
    assert not names_groups(with_group_ids(parse("has label.group and connected"), named))
    assert with_group_ids(parse("has group"), named) == parse("has group")


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("label.line = 3", True),
        ("tag = spare or group = g1", True),
        ("id = a or id in (b, c)", True),
        ("label.line = 3 and not id in (a)", True),
        ("not label.line = 3", False),
        ("label.line != 3", True),
        ("group != g1", False),
        ("group = loose", False),
        ("has group", False),
        ('id ~ "a*"', False),
        ("id != a", False),
        ("label.line = 3 and connected", False),
        ("name = a", False),
        ("company = acme", False),
        ("label.line = 3 or createdAt > now - 1d", False),
    ],
)
def test_trusted_is_what_no_device_gets_into_by_itself(text: str, is_so: bool) -> None:
    assert is_trusted(parse(text), frozenset({"loose"})) is is_so


def test_volatile_is_what_changes_by_itself() -> None:
    assert is_volatile(parse("label.a = 1 or metric.cpu > 3"))
    assert is_volatile(parse("createdAt < now"))
    assert not is_volatile(parse("label.a = 1 and createdAt < 2026-01-01T00:00:00Z"))
