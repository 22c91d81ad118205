"""Records of production are read back: streams.md, 6."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id
from tests.acceptance.hub.people import bind, make_user, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_edge import Producer, make_record, pushing_hub
from tests.cloud import stand_in_cloud


class Maker(Producer):
    device_id: str


@pytest.fixture
async def maker(rest: Rest, fleet: Fleet) -> Maker:
    device_id = new_id("edge")
    made = Maker(rest, await fleet.token(device_id, companyId="acme"))
    made.device_id = device_id
    return made


async def ids(rest: Rest, **query: Any) -> list[str]:
    """Of all pages, two records each."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await rest.get("/edge-records", limit=2, **query, **cursor)
        assert answer.status_code == 200, answer.text
        found += [row["id"] for row in answer.json()["data"]]
        following = answer.json()["page"]["next"]
        if following is None:
            return found
        cursor = {"cursor": following}


async def test_records_are_listed_filtered_and_read_one_by_one(rest: Rest, maker: Maker) -> None:
    batch = make_record(kind="batch")
    bottles = [make_record() for _ in range(4)]
    await maker.sync(batch)
    await maker.sync(*bottles)
    mine = {"deviceId": maker.device_id}
    newest = sorted((record["id"] for record in bottles), reverse=True)
    assert await ids(rest, **mine) == [*newest, batch["id"]]
    assert await ids(rest, **mine, kind="batch") == [batch["id"]]
    assert await ids(rest, **mine, companyId="nobody") == []
    assert await ids(rest, id=batch["id"]) == [batch["id"]]
    assert await ids(rest, **mine, cloud="pending") == [*newest, batch["id"]]
    assert await ids(rest, **mine, cloud="done") == await ids(rest, **mine, cloud="dead") == []
    assert await ids(rest, **mine, until="2026-01-01T00:00:00Z") == []

    path = f"/devices/{maker.device_id}/edge-records"
    row = await rest.data(f"{path}/batch/{batch['id']}")
    received = datetime.fromisoformat(row.pop("receivedAt"))
    assert datetime.now(UTC) - received < timedelta(minutes=1)
    assert row == {
        **batch, "deviceId": maker.device_id, "cloud": "pending", "cloudAt": None, "error": None,
    }  # fmt: skip
    for other in (f"{path}/bottle/{batch['id']}", f"{path}/crate/x", f"{path}/batch/x"):
        assert (await rest.get(other)).status_code == 404
    assert (await rest.get(f"/devices/nobody/edge-records/batch/{batch['id']}")).status_code == 404
    wrong = await rest.get("/edge-records", cloud="lost")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "cloud")


async def test_records_are_counted_by_what_is_asked(rest: Rest, maker: Maker) -> None:
    await maker.sync(make_record(kind="batch"), make_record(), make_record())
    today = f"{datetime.now(UTC):%Y-%m-%d}"

    async def counts(by: str, **query: str) -> list[Json]:
        found: list[Json] = await rest.data("/edge-records/counts", by=by, **query)
        return found

    rows = await counts("kind,company,device,day")
    assert [row for row in rows if row["deviceId"] == maker.device_id] == [
        {"kind": kind, "companyId": "acme", "deviceId": maker.device_id, "day": today, "count": n}
        for kind, n in (("batch", 1), ("bottle", 2))
    ]
    by_device = {row["deviceId"]: row["count"] for row in await counts("device")}
    assert by_device[maker.device_id] == 3
    assert await counts("day", until="2026-01-01T00:00:00Z") == []
    for by in ("", "week", "kind,kind"):
        answer = await rest.get("/edge-records/counts", by=by)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "by")


async def test_a_scoped_member_sees_the_records_of_its_devices(
    hub: HubProcess, rest: Rest, maker: Maker, fleet: Fleet
) -> None:
    other = Producer(rest, await fleet.token(new_id("edge"), companyId="acme"))
    mine, theirs = make_record(), make_record()
    await maker.sync(mine)
    await other.sync(theirs)
    user = await make_user(rest)
    await bind(rest, "VIEWER", ("user", user["id"]), ("device", maker.device_id))
    async with signed_in(hub, user) as scoped:
        assert await ids(scoped) == [mine["id"]]
        assert await ids(scoped, id=theirs["id"]) == []
        assert await scoped.data("/edge-records/counts", by="company") == [
            {"companyId": "acme", "count": 1}
        ]


async def test_what_became_of_a_record_is_said(tmp_path: Path) -> None:
    """Taken, given up, and deleted from what was given up: it never reached the cloud."""
    async with stand_in_cloud() as cloud, pushing_hub(tmp_path, cloud) as plant:
        good = make_record()
        await plant.producer.sync(good)
        await plant.drained()
        cloud.refuse = lambda item: item["id"] == bad["id"]
        bad = make_record()
        await plant.producer.sync(bad)
        await plant.drained()
        assert await ids(plant.rest, cloud="done") == [good["id"]]
        assert await ids(plant.rest, cloud="dead") == [bad["id"]]
        row = (await plant.rest.data("/edge-records", cloud="dead"))[0]
        assert row["cloudAt"] is not None
        assert row["error"]
        gone = await plant.rest.client.request(
            "DELETE", "/cloud-sync/dead-letters", json={"ids": [bad["id"]]}
        )
        assert gone.json()["data"] == {"deleted": 1}
        assert await plant.rest.data("/cloud-sync/dead-letters") == []
        assert await ids(plant.rest, cloud="dead") == [bad["id"]]
        assert (await plant.rest.data("/cloud-sync"))["deadLetters"] == 0
