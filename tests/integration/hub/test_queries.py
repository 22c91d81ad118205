"""What a query means is the same by the database, in memory, and as the page says it.

The reference is written down here once more, as plainly as it can be: each random comparison comes
with its text and with a function that says what it means. The environment can ask for more of both:
DEVICES_OF_TESTS=500 QUERIES_OF_TESTS=3000.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest_asyncio

from hub.base.database import Connection, Database
from hub.devices.store import DeviceFilter, DeviceRow, DeviceStore
from hub.queries.facts import DeviceFacts
from hub.queries.groups import with_group_ids
from hub.queries.language import parse
from hub.queries.matching import holds
from hub.queries.versions import version_key
from protocol.ids import OrgId

ORG: Final = OrgId("default")
DEVICES: Final = int(os.environ.get("DEVICES_OF_TESTS", "100"))
QUERIES: Final = int(os.environ.get("QUERIES_OF_TESTS", "100"))
VERSIONS: Final = ["1.4.0", "1.4", "1.4.0-rc.1", "1.10.0", "v7", "2.0.0+b"]
NAMES: Final = ["Press One", "press-2", "Füller", "a*b", "MIXER"]
VALUES: Final = ["", "3", "x y", "Halle Ä"]
KEYS: Final = ["line", "site", "app.kubernetes.io/name"]
WORDS: Final = ["ONLINE", "OFFLINE", "ERROR", "DEGRADED", "DISABLED"]
GROUPS: Final = {"Spare": "g1", "Hall 3": "g2", "g1": "g3"}
NOW: Final = datetime.now(UTC)
Means = Callable[[DeviceFacts], bool]


def devices(rng: random.Random) -> Iterator[DeviceFacts]:
    for number in range(DEVICES):
        connected = rng.random() < 0.5
        yield DeviceFacts(
            id=f"d{number}",
            name=rng.choice(NAMES),
            connected=connected,
            status=rng.choice(WORDS) if connected else "OFFLINE",
            version=rng.choice([None, *VERSIONS]),
            versions={"jar": rng.choice(VERSIONS)} if rng.random() < 0.5 else {},
            group_ids=frozenset(rng.sample([*GROUPS.values()], rng.randrange(3))),
            labels={key: rng.choice(VALUES) for key in rng.sample(KEYS, rng.randrange(3))},
            metrics={"cpu": rng.choice([0.0, 50.0, 91.5])} if rng.random() < 0.7 else {},
            last_seen=rng.choice([None, NOW - timedelta(minutes=rng.randrange(60))]),
            created_at=NOW - timedelta(days=rng.randrange(9)),
            connection_mode=rng.choice(["VIA_LOCAL_SERVER", "DIRECT_CLOUD"]),
            company=rng.choice([None, "acme"]),
            config_status=rng.choice(["in_sync", "pending"]),
            apps={"web": "abc"} if rng.random() < 0.5 else {},
            certificate_expires_at=rng.choice([None, NOW + timedelta(days=rng.randrange(1, 9))]),
        )


@pytest_asyncio.fixture
async def fleet(database: Database, owner: Database) -> list[DeviceFacts]:
    rng = random.Random(7)  # noqa: S311 - the same for each run
    found = list(devices(rng))
    for name, group_id in GROUPS.items():
        await owner.execute("INSERT INTO device_group VALUES ('default', $1, $2)", group_id, name)
    await owner.execute(
        "INSERT INTO replica (replica_id, address, lease_until) VALUES ('r1', 'here', now());"
    )
    await owner.execute(
        "INSERT INTO certificate_authority (ca_id, certificate, private_key, expires_at)"
        " VALUES ('ca', 'x', 'x', now())"
    )
    await owner.execute(
        "INSERT INTO application (org_id, name, created_by) VALUES ('default', 'web', 'x')"
    )
    await owner.execute(
        "INSERT INTO application_revision (org_id, application, revision, sha256, pinned, compose,"
        " config_maps, secrets, data_bytes, services, hosts, variables,"
        " asks_for, created_by) VALUES ('default', 'web', 'abc', 'x', true, '{}', '{}', '{}', 0, 1,"
        " '{}', '{}', '{}', 'x')"
    )
    async with owner.connection(deadline=60) as connection, connection.transaction():
        for each in found:
            await _store(connection, each)
    return found


async def _store(owner: Connection, device: DeviceFacts) -> None:
    await owner.execute(
        "INSERT INTO device (org_id, device_id, name, version, created_at, connection_mode,"
        " company_id) VALUES ('default', $1, $2, $3, $4, $5, $6)",
        device.id, device.name, device.version, device.created_at, device.connection_mode,
        device.company,
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO device_state (org_id, device_id, status, metrics, last_seen)"
        " VALUES ('default', $1, $2, $3, $4)",
        device.id, device.status, device.metrics, device.last_seen,
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO device_line (org_id, device_id, replica_id, session_id, closed_at, software)"
        " VALUES ('default', $1, 'r1', 's', CASE WHEN $2 THEN NULL ELSE now() END, $3)",
        device.id, device.connected, {"versions": device.versions},
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO device_config (org_id, device_id, status) VALUES ('default', $1, $2)",
        device.id, device.config_status,
    )  # fmt: skip
    for name, revision in device.apps.items():
        await owner.execute(
            "INSERT INTO device_application (org_id, device_id, application, revision, by_hand)"
            " VALUES ('default', $1, $2, $3, true)",
            device.id, name, revision,
        )  # fmt: skip
    for key, value in device.labels.items():
        await owner.execute(
            "INSERT INTO device_label VALUES ('default', $1, $2, $3)", device.id, key, value
        )
    for group_id in device.group_ids:
        await owner.execute(
            "INSERT INTO device_group_member VALUES ('default', $1, $2)", group_id, device.id
        )
    if device.certificate_expires_at is not None:
        await owner.execute(
            "INSERT INTO certificate (org_id, serial, device_id, ca_id, fingerprint, expires_at)"
            " VALUES ('default', $1, $1, 'ca', $1, $2)",
            device.id, device.certificate_expires_at,
        )  # fmt: skip


def comparison(rng: random.Random) -> tuple[str, Means]:
    """Its text, and what it means."""
    return rng.choice(
        [_text, _label, _set, _number, _time, _version, _word, _connected, _has, _pattern]
    )(rng)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _equal(
    rng: random.Random, field: str, values: list[str], found: Callable[[DeviceFacts], str | None]
) -> tuple[str, Means]:
    some = rng.sample(values, 2)
    texts = ", ".join(map(_quoted, some))
    match rng.choice(["=", "!=", "in", "not in"]):
        case "=":
            return f"{field} = {_quoted(some[0])}", lambda device: found(device) == some[0]
        case "!=":
            return f"{field} != {_quoted(some[0])}", lambda device: found(device) not in (
                None, some[0],
            )  # fmt: skip
        case "in":
            return f"{field} in ({texts})", lambda device: found(device) in some
        case _:
            return f"{field} not in ({texts})", lambda device: found(device) not in (None, *some)


def _text(rng: random.Random) -> tuple[str, Means]:
    if rng.random() < 0.3:
        ids = [f"d{rng.randrange(DEVICES)}" for _ in range(5)]
        return _equal(rng, "id", ids, lambda device: device.id)
    if rng.random() < 0.5:
        return _equal(rng, "company", ["acme", "x"], lambda device: device.company)
    return _equal(rng, "name", NAMES, lambda device: device.name)


def _label(rng: random.Random) -> tuple[str, Means]:
    key = rng.choice([*KEYS, "none"])
    return _equal(rng, f"label.{_quoted(key)}", VALUES, lambda device: device.labels.get(key))


def _set(rng: random.Random) -> tuple[str, Means]:
    if rng.random() < 0.5:
        key = rng.choice(KEYS)
        if rng.random() < 0.5:
            return f"tag = {_quoted(key)}", lambda device: key in device.labels
        return f"tag not in ({_quoted(key)}, x)", lambda device: key not in device.labels
    name = rng.choice([*GROUPS, "g2", "nobody"])
    group_id = GROUPS.get(name, name)
    if rng.random() < 0.5:
        return f"group in (x, {_quoted(name)})", lambda device: group_id in device.group_ids
    return f"group != {_quoted(name)}", lambda device: group_id not in device.group_ids


_COMPARED: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": lambda found, value: found < value,
    "<=": lambda found, value: found <= value,
    ">": lambda found, value: found > value,
    ">=": lambda found, value: found >= value,
    "=": lambda found, value: found == value,
    "!=": lambda found, value: found != value,
}


def _ordered(
    rng: random.Random, field: str, text: str, value: Any, found: Callable[[DeviceFacts], Any]
) -> tuple[str, Means]:
    operator = rng.choice(list(_COMPARED))
    compared = _COMPARED[operator]
    return (
        f"{field} {operator} {text}",
        lambda device: found(device) is not None and compared(found(device), value),
    )


def _number(rng: random.Random) -> tuple[str, Means]:
    name, value = rng.choice(["cpu", "none"]), rng.choice([0.0, 50.0, 91.5, -1.0])
    return _ordered(
        rng, f"metric.{name}", str(value), value, lambda device: device.metrics.get(name)
    )


def _time(rng: random.Random) -> tuple[str, Means]:
    value = NOW - timedelta(minutes=rng.randrange(60))
    text = value.isoformat()
    match rng.randrange(3):
        case 0:
            return _ordered(rng, "lastSeen", text, value, lambda device: device.last_seen)
        case 1:
            return _ordered(rng, "createdAt", text, value, lambda device: device.created_at)
        case _:
            later = NOW + timedelta(days=4, hours=12)
            return (
                f"certificate.expiresAt < {later.isoformat()}",
                lambda device: (
                    device.certificate_expires_at is not None
                    and device.certificate_expires_at < later
                ),
            )


def _version(rng: random.Random) -> tuple[str, Means]:
    value = rng.choice(VERSIONS)
    is_jar = rng.random() < 0.5
    field, operator = "version.jar" if is_jar else "version", rng.choice(list(_COMPARED))

    def means(device: DeviceFacts) -> bool:
        found = device.versions.get("jar") if is_jar else device.version
        if found is None:
            return False
        key, other = version_key(found), version_key(value)
        if operator in ("=", "!="):
            same = found == value if other is None else key == other
            return same == (operator == "=")
        return key is not None and other is not None and _COMPARED[operator](key, other)

    return f"{field} {operator} {_quoted(value)}", means


def _word(rng: random.Random) -> tuple[str, Means]:
    match rng.randrange(3):
        case 0:
            word = rng.choice(WORDS)
            return f"status = {word.lower()}", lambda device: device.status == word
        case 1:
            mode = "DIRECT_CLOUD"
            return "connectionMode != direct_cloud", lambda device: device.connection_mode != mode
        case _:
            return "config.status in (Pending)", lambda device: device.config_status == "pending"


def _connected(rng: random.Random) -> tuple[str, Means]:
    if rng.random() < 0.5:
        return "connected", lambda device: device.connected
    return "connected != true", lambda device: not device.connected


def _has(rng: random.Random) -> tuple[str, Means]:
    asked: list[tuple[str, Means]] = [
        ("has label.line", lambda device: "line" in device.labels),
        ("has tag", lambda device: bool(device.labels)),
        ("has group", lambda device: bool(device.group_ids)),
        ("has metric.cpu", lambda device: "cpu" in device.metrics),
        ("has version.jar", lambda device: "jar" in device.versions),
        ("has lastSeen", lambda device: device.last_seen is not None),
        ("has certificate.expiresAt", lambda device: bool(device.certificate_expires_at)),
        ("has app.web", lambda device: "web" in device.apps),
        ("app.web = abc", lambda device: device.apps.get("web") == "abc"),
        ("app.web != abc or has app.other", lambda _: False),
    ]
    return rng.choice(asked)


def _pattern(rng: random.Random) -> tuple[str, Means]:
    pattern, fitting = rng.choice(
        [
            ("PRESS*", {"Press One", "press-2"}),
            ("füller", {"Füller"}),
            ("FÜLL??", {"Füller"}),
            (r"a\*b", {"a*b"}),
            ("*e*", {"Press One", "press-2", "Füller", "MIXER"}),
            ("press", set[str]()),
        ]
    )
    return f"name ~ {_quoted(pattern)}", lambda device: device.name in fitting


def query(rng: random.Random, depth: int = 3) -> tuple[str, Means]:
    if depth == 0 or rng.random() < 0.3:
        return comparison(rng)
    first, means = query(rng, depth - 1)
    if rng.random() < 0.3:
        return f"not ({first})", lambda device: not means(device)
    second, further = query(rng, depth - 1)
    if rng.random() < 0.5:
        return f"({first}) and ({second})", lambda device: means(device) and further(device)
    return f"({first}) or ({second})", lambda device: means(device) or further(device)


async def test_the_database_and_the_memory_mean_what_the_page_says(
    database: Database, fleet: list[DeviceFacts]
) -> None:
    rng = random.Random(11)  # noqa: S311 - the same for each run
    store = DeviceStore(database)
    for _ in range(QUERIES):
        text, means = query(rng)
        tree = with_group_ids(parse(text), GROUPS)
        wanted = {device.id for device in fleet if means(device)}
        assert {device.id for device in fleet if holds(tree, device, NOW)} == wanted, text
        rows = await store.list(ORG, DeviceFilter(query=tree), before=None, limit=DEVICES + 1)
        assert {row.device_id for row in rows} == wanted, text


async def test_a_query_has_pages_and_goes_with_the_other_filters(
    database: Database, fleet: list[DeviceFacts]
) -> None:
    store = DeviceStore(database)
    wanted = DeviceFilter(query=parse("has group"), group_id="g1", q="press", connected=True)
    found: list[DeviceRow] = []
    before: tuple[datetime, str] | None = None
    while page := await store.list(ORG, wanted, before=before, limit=2):
        found += page
        before = (page[-1].created_at, page[-1].device_id)
    assert {row.device_id for row in found} == {
        device.id
        for device in fleet
        if "g1" in device.group_ids and device.connected and "press" in device.name.lower()
    }
    keys = [(row.created_at, row.device_id) for row in found]
    assert keys == sorted(keys, reverse=True)
    assert len(keys) == len(set(keys)) > 2


async def test_the_database_sorts_versions_as_the_memory_does(database: Database) -> None:
    for version in [*VERSIONS, "1.0.0-beta.11", "10", "01", "1.0.0-01", "", "x" * 1000]:
        key = await database.fetchval("SELECT version_key($1)", version)
        assert key == version_key(version), version
