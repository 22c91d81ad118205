"""Records of production through a real hub to a stand-in cloud: protocol.md, 4.4."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.cloud import Cloud, Reply, stand_in_cloud


def make_record(**changes: Any) -> Json:
    return {
        "id": new_id("r"), "kind": "bottle", "companyId": "acme", "ts": "2026-01-02T03:04:05.678Z",
        "data": {"code": "010", "volume": 0.5}, **changes,
    }  # fmt: skip


class Producer:
    """A device that hands in records."""

    def __init__(self, rest: Rest, token: str) -> None:
        self._rest = rest
        self._token = token

    async def post(self, body: object) -> httpx.Response:
        return await self._rest.client.post("/sync", json=body, headers=bearer(self._token))

    async def sync(self, *records: object) -> Json:
        response = await self.post({"records": records})
        assert response.status_code == 200, response.text
        data: Json = response.json()["data"]
        return data


@pytest_asyncio.fixture
async def producer(rest: Rest, fleet: Fleet) -> Producer:
    return Producer(rest, await fleet.token(new_id("edge"), companyId="acme"))


# Taking records in


async def test_what_is_accepted_is_there_and_accepted_again(producer: Producer, rest: Rest) -> None:
    before = await rest.data("/cloud-sync")
    record = make_record()
    first = await producer.sync(record)
    assert first == {"accepted": [record["id"]], "refused": []}
    again = await producer.sync({**record, "ts": "2026-01-02T04:04:05.678+01:00"})
    assert again == first
    other = await producer.sync({**record, "data": {}})
    assert other["accepted"] == []
    assert [(r["id"], r["code"]) for r in other["refused"]] == [(record["id"], "conflict")]
    kind = await producer.sync({**record, "kind": "pallet"})
    assert kind["refused"][0]["code"] == "conflict"
    after = await rest.data("/cloud-sync")
    assert after["pending"] == before["pending"] + 1  # there is no cloud here: it waits
    assert after["oldestPendingSeconds"] >= 0


async def test_a_record_that_does_not_validate_is_refused_and_the_others_are_kept(
    producer: Producer,
) -> None:
    good, twin = make_record(), make_record()
    bad: list[object] = [
        make_record(kind="crate"), make_record(ts="yesterday"), make_record(data=[]),
        make_record(companyId=""), make_record(id=""), make_record(more=1), "text", None,
        make_record(data={"text": "a\0b"}), make_record(data={"n": 2**70}),
        {"id": "x"},
    ]  # fmt: skip
    answer = await producer.sync(good, *bad, twin, twin)
    assert answer["accepted"] == [good["id"], twin["id"]]
    assert len(answer["refused"]) == len(bad)
    assert {refusal["code"] for refusal in answer["refused"]} == {"invalid"}
    assert all(refusal["message"] for refusal in answer["refused"])
    assert [refusal["id"] for refusal in answer["refused"]][-1] == "x"


BODIES: list[tuple[Json, int]] = [
    ({"records": [None] * 1001}, 400),
    ({"records": "none"}, 400),
    ({}, 400),
    ({"records": [], "more": 1}, 400),
    ({"records": []}, 200),
    ({"records": [{"data": "x" * 9_000_000}]}, 413),
]


@pytest.mark.parametrize(("body", "status"), BODIES)
async def test_the_body_as_a_whole(producer: Producer, body: object, status: int) -> None:
    assert (await producer.post(body)).status_code == status


async def test_a_thousand_large_records_at_once(producer: Producer) -> None:
    records = [make_record(data={"text": "x" * 4000}) for _ in range(1000)]
    answer = await producer.sync(*records)
    assert answer["accepted"] == [record["id"] for record in records]


async def test_the_same_records_by_many_calls_at_once_are_taken_once(
    producer: Producer, rest: Rest
) -> None:
    before = await rest.data("/cloud-sync")
    records = [make_record() for _ in range(50)]
    answers = await asyncio.gather(*(producer.sync(*records) for _ in range(8)))
    assert all(len(answer["accepted"]) == 50 for answer in answers)
    assert (await rest.data("/cloud-sync"))["pending"] == before["pending"] + 50


async def test_records_are_for_devices_and_dead_letters_for_administrators(
    rest: Rest, tokens: dict[str, str], fleet: Fleet
) -> None:
    device = await fleet.token(new_id("edge"))
    for path, method, allowed in (
        ("/sync", "POST", ["device"]),
        ("/cloud-sync", "GET", ["VIEWER", "OPERATOR", "MANAGER", "ADMIN"]),
        ("/cloud-sync/dead-letters", "GET", ["ADMIN"]),
        ("/cloud-sync/dead-letters/x/retry", "POST", ["ADMIN"]),
        ("/cloud-sync/dead-letters/retry", "POST", ["ADMIN"]),
        ("/cloud-sync/dead-letters", "DELETE", ["ADMIN"]),
    ):
        for who, token in {**tokens, "device": device}.items():
            body: Json | None = {"records": []} if path == "/sync" else None
            got = await rest.client.request(method, path, json=body, headers=bearer(token))
            refused = got.status_code in (401, 403)
            assert refused == (who not in allowed), (path, who, got.status_code)


async def test_a_device_hands_in_records_of_its_own_company_only(
    producer: Producer, rest: Rest, fleet: Fleet
) -> None:
    mine, foreign = make_record(), make_record(companyId="victim")
    answer = await producer.sync(mine, foreign)
    assert answer["accepted"] == [mine["id"]]
    assert [(r["id"], r["code"]) for r in answer["refused"]] == [(foreign["id"], "forbidden")]
    other = Producer(rest, await fleet.token(new_id("edge"), companyId="acme"))
    assert (await other.sync({**mine, "data": {}}))["accepted"] == [mine["id"]]
    nobody = Producer(rest, await fleet.token(new_id("edge")))
    assert (await nobody.sync(mine))["refused"][0]["code"] == "forbidden"
    device_id = new_id("edge")
    await fleet.token(device_id, companyId="acme")
    moved = Producer(rest, await fleet.token(device_id, companyId="victim"))
    assert (await moved.sync(foreign))["refused"][0]["code"] == "forbidden"


EVIL: Final = {"name": "Evil", "companyId": "victim", "productionLineId": "L9"}


async def told(rest: Rest, device_id: str) -> tuple[str, str | None, str | None]:
    device = await rest.data(f"/devices/{device_id}")
    return device["name"], device["companyId"], device["productionLineId"]


async def test_a_device_gives_itself_no_company_by_a_renewed_token(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device_id, path = new_id("edge"), "/devices/{}/token"
    token = await fleet.token(device_id)
    async with Rest.open(hub.url, token) as device:
        renewed = await device.client.post(path.format(device_id), params=EVIL)
    assert renewed.status_code == 200
    assert await told(rest, device_id) == (device_id, None, None)
    producer = Producer(rest, renewed.json()["data"]["token"])
    foreign = make_record(companyId="victim")
    assert (await producer.sync(foreign))["refused"][0]["code"] == "forbidden"


async def test_a_device_gives_itself_no_company_by_enrolling_again(
    rest: Rest, fleet: Fleet
) -> None:
    device_id = new_id("edge")
    await fleet.token(device_id)
    fleet.forget(device_id)
    producer = Producer(rest, await fleet.token(device_id, **EVIL))
    assert await told(rest, device_id) == (device_id, None, None)
    foreign = make_record(companyId="victim")
    assert (await producer.sync(foreign))["refused"][0]["code"] == "forbidden"


async def test_of_a_device_that_people_registered_only_people_tell(
    rest: Rest, fleet: Fleet
) -> None:
    device_id = new_id("edge")
    assert (await rest.post("/devices", {"id": device_id})).status_code == 201
    producer = Producer(rest, await fleet.token(device_id, **EVIL, version="1.2.3"))
    assert await told(rest, device_id) == (device_id, None, None)
    assert (await rest.data(f"/devices/{device_id}"))["version"] == "1.2.3"
    foreign = make_record(companyId="victim")
    assert (await producer.sync(foreign))["refused"][0]["code"] == "forbidden"
    await rest.client.patch(f"/devices/{device_id}", json={"companyId": "victim"})
    assert (await producer.sync(foreign))["accepted"] == [foreign["id"]]


async def test_a_device_has_its_share_of_the_queue_and_the_others_go_on(
    producer: Producer, rest: Rest, fleet: Fleet
) -> None:
    for _ in range(10):
        await producer.sync(*(make_record() for _ in range(1000)))
    full = await producer.post({"records": [make_record()]})
    assert full.status_code == 429
    assert full.json()["code"] == "too_many_requests"
    assert int(full.headers["retry-after"]) > 0
    other = Producer(rest, await fleet.token(new_id("edge"), companyId="acme"))
    assert len((await other.sync(make_record()))["accepted"]) == 1


# Pushing them to the cloud


@asynccontextmanager
async def pushing_hub(folder: Path, cloud: Cloud, **variables: str) -> AsyncGenerator["Plant"]:
    settings = {"cloud_url": cloud.url, "cloud_token": "secret-token", **variables}
    hub = HubProcess(folder, **settings)
    await asyncio.to_thread(hub.start)
    try:
        token = log_in(hub.url, "admin", hub.ready["adminPassword"])
        fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
        async with Rest.open(hub.url, token) as rest:
            yield Plant(
                hub, rest, Producer(rest, await fleet.token("edge-1", companyId="acme")), fleet
            )
    finally:
        if hub.running():
            await asyncio.to_thread(hub.stop)


class Plant:
    """`producer` is of the company acme."""

    def __init__(self, hub: HubProcess, rest: Rest, producer: Producer, fleet: Fleet) -> None:
        self.hub = hub
        self.rest = rest
        self.producer = producer
        self._fleet = fleet

    async def producer_of(self, company: str) -> Producer:
        return Producer(self.rest, await self._fleet.token(new_id("edge"), companyId=company))

    async def drained(self, *, seconds: float = 20) -> Json:
        """Wait until nothing waits; how it stands."""
        found: Json = {}

        async def empty() -> bool:
            nonlocal found
            found = await self.rest.data("/cloud-sync")
            return found["pending"] == 0

        await until(empty, seconds=seconds)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cloud() -> AsyncGenerator[Cloud]:
    async with stand_in_cloud() as cloud:
        yield cloud


@pytest.mark.asyncio(loop_scope="module")
async def test_a_cloud_that_fails_on_purpose_gets_each_record_once_and_in_order(
    cloud: Cloud, tmp_path: Path
) -> None:
    async with pushing_hub(tmp_path, cloud) as plant:
        records = [
            make_record(id=f"{kind}-{company}-{n:03}", kind=kind, companyId=company)
            for kind in ("bottle", "batch", "pallet", "fixation")
            for company in ("acme", "über")
            for n in range(60)
        ]
        others = await plant.producer_of("über")
        cloud.refuse = lambda item: item["id"].endswith("-013")
        cloud.script.extend(
            [Reply(503), None, Reply(429, headers={"Retry-After": "2"}), Reply(500)]
        )
        for start in range(0, len(records), 100):
            some = records[start : start + 100]
            await plant.producer.sync(*(each for each in some if each["companyId"] == "acme"))
            await others.sync(*(each for each in some if each["companyId"] != "acme"))
        cloud.forgetful = True
        await cloud.until(150)
        cloud.forgetful = False
        found = await plant.drained()
        paths = {
            "bottle": "bottles", "batch": "batches", "pallet": "pallets",
            "fixation": "batches/fixate",
        }  # fmt: skip
        for kind, path in paths.items():
            for company in ("acme", "über"):
                assert cloud.ids(f"/companies/{company}/{path}") == [
                    f"{kind}-{company}-{n:03}" for n in range(60) if n != 13
                ]
        assert cloud.taken[0][1] == {
            "id": cloud.taken[0][1]["id"], "ts": "2026-01-02T03:04:05.678Z",
            "code": "010", "volume": 0.5,
        }  # fmt: skip
        assert found["deadLetters"] == 8
        assert found["oldestPendingSeconds"] is None
        assert found["lastError"] is None

        letters = await plant.rest.data("/cloud-sync/dead-letters", limit=5)
        assert len(letters) == 5
        assert letters[0]["error"].startswith("422")
        cloud.refuse = lambda _: False
        path = f"/cloud-sync/dead-letters/{letters[0]['id']}/retry"
        assert (await plant.rest.post(path)).status_code == 200
        assert (await plant.rest.post(path)).status_code == 404
        assert (await plant.drained())["deadLetters"] == 7
        assert letters[0]["id"] in cloud.ids()
        alerts = await plant.rest.data("/devices/edge-1/events", type="alert")
        assert {row["event"]["code"] for row in alerts} == {"dead_letter"}
        assert len(alerts) == 4
        for method, path, name, wish, count in (
            ("POST", "/cloud-sync/dead-letters/retry", "retried", {"kind": "pallet"}, 2),
            ("DELETE", "/cloud-sync/dead-letters", "deleted", {"companyId": "nobody"}, 0),
            ("DELETE", "/cloud-sync/dead-letters", "deleted", {"all": True}, 5),
        ):
            answer = await plant.rest.client.request(method, path, json=wish)
            assert answer.json() == {"success": True, "data": {name: count}}
            for unclear in ({}, {"all": True, "kind": "pallet"}, {"kind": "crate"}, {"more": 1}):
                answer = await plant.rest.client.request(method, path, json=unclear)
                assert answer.status_code == 400
        assert (await plant.drained())["deadLetters"] == 0
        audit = await plant.rest.data("/audit-log", target=letters[0]["id"])
        assert [row["action"] for row in audit] == ["cloud_sync.retry"]
        assert "secret-token" not in plant.hub.log()


@pytest.mark.asyncio(loop_scope="module")
async def test_tokens_are_fetched_and_fetched_again_when_they_are_refused(tmp_path: Path) -> None:
    async with stand_in_cloud() as cloud:
        oauth = {
            "cloud_token": "", "cloud_token_url": f"{cloud.url}/token", "cloud_client_id": "hub",
            "cloud_client_secret": "s3cret",
        }  # fmt: skip
        async with pushing_hub(tmp_path, cloud, **oauth) as plant:
            await plant.producer.sync(make_record())
            await plant.drained()
            assert cloud.issued == 1
            cloud.tokens = set()  # as if it had been revoked
            await plant.producer.sync(make_record())
            await plant.drained()
            assert cloud.issued == 2
            assert len(cloud.taken) == 2
            assert "s3cret" not in plant.hub.log()
            assert "issued-" not in plant.hub.log()
