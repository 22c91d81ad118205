"""Whom the daily look at certificates is told of, and how often."""

from datetime import timedelta

import pytest
import pytest_asyncio

from hub.base.database import Database
from hub.base.vault import Vault
from hub.certificates.alerts import DAYS
from hub.certificates.store import CertificateStore

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Scan:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._store = CertificateStore(database, Vault())

    async def add(self, device: str, serial: str, *, life: timedelta, left: timedelta) -> None:
        await self._database.execute(
            "INSERT INTO device (org_id, device_id, name) VALUES ('default', $1, $1) "
            "ON CONFLICT DO NOTHING",
            device,
        )
        await self._database.execute(
            "INSERT INTO certificate (org_id, serial, device_id, ca_id, fingerprint, issued_at, "
            "expires_at) VALUES ('default', $1, $2, 'ca', '', now() + $3::interval - $4::interval, "
            "now() + $3)",
            serial,
            device,
            left,
            life,
        )

    async def pass_by(self, time: timedelta) -> None:
        await self._database.execute(
            "UPDATE certificate SET expires_at = expires_at - $1::interval, "
            "issued_at = issued_at - $1",
            time,
        )

    async def told(self) -> list[tuple[str, int]]:
        return sorted((each.serial, each.days) for each in await self._store.expiring(DAYS))


@pytest_asyncio.fixture
async def scan(database: Database) -> Scan:
    await database.execute(
        "INSERT INTO certificate_authority (ca_id, certificate, private_key, expires_at) "
        "VALUES ('ca', '', '', now() + interval '10 years')"
    )
    return Scan(database)


async def test_of_each_step_somebody_is_told_once(scan: Scan) -> None:
    await scan.add("d1", "a", life=90 * DAY, left=31 * DAY)
    assert await scan.told() == []
    steps: list[tuple[str, int]] = []
    for _ in range(33):
        await scan.pass_by(DAY)
        steps += await scan.told()
        assert await scan.told() == []
    assert [days for _, days in steps] == [30, 14, 7, 1, 0]


async def test_a_later_certificate_is_what_counts(scan: Scan) -> None:
    await scan.add("d1", "a", life=90 * DAY, left=DAY)
    await scan.add("d1", "b", life=90 * DAY, left=89 * DAY)
    assert await scan.told() == []


@pytest.mark.parametrize(
    ("life", "left", "told"),
    [(6 * HOUR, HOUR, []), (6 * HOUR, -HOUR, [("a", 0)]), (21 * DAY, 6 * DAY, [("a", 7)])],
)
async def test_of_a_short_life_nobody_is_told_before_its_last_third(
    scan: Scan, life: timedelta, left: timedelta, told: list[tuple[str, int]]
) -> None:
    await scan.add("d1", "a", life=life, left=left)
    assert await scan.told() == told


async def test_of_who_may_have_no_line_nobody_is_told(scan: Scan, database: Database) -> None:
    await scan.add("d1", "a", life=90 * DAY, left=DAY)
    await database.execute("UPDATE device SET disabled = true")
    assert await scan.told() == []
