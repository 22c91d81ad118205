"""Alerts as records: raised by devices and by the hub, settled by people, told on sockets and to
webhooks."""

from collections.abc import AsyncGenerator, Generator

import pytest
import pytest_asyncio

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, bearer, open_socket, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.people import bind, make_group, make_user, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.receiver import ADDRESS, receiving


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("hub"), webhook_allow=ADDRESS, request_rate="0")
    process.start()
    yield process
    assert process.stop() == 0
    failures = [line for line in process.log().splitlines() if '"level": "error"' in line]
    assert failures == [], "\n".join(failures[:5])


@pytest.fixture(scope="module")
def admins_token(hub: HubProcess) -> str:
    return log_in(hub.url, "admin", hub.ready["adminPassword"])


@pytest.fixture
def fleet(hub: HubProcess) -> Fleet:
    return Fleet(hub.url, hub.ready["enrollmentKey"])


@pytest_asyncio.fixture
async def rest(hub: HubProcess, admins_token: str) -> AsyncGenerator[Rest]:
    async with Rest.open(hub.url, admins_token) as client:
        client.password = hub.ready["adminPassword"]
        yield client


async def alert(device: Device, seq: int, code: str = "hot", **fields: object) -> None:
    """A durable one; it is committed when this returns."""
    given = {"severity": "WARN", "code": code, "message": f"message {seq}", **fields}
    await device.send("alert", bootId="boot-1", seq=seq, **given)
    await device.find("event_ack", seq=seq)


async def of(rest: Rest, device: Device, **query: object) -> list[Json]:
    found: list[Json] = await rest.data("/alerts", deviceId=device.device_id, **query)
    return found


async def test_the_same_code_again_is_the_same_alert_until_the_device_says_it_is_over(
    rest: Rest, fleet: Fleet
) -> None:
    async with fleet.new_line() as device:
        await alert(device, 1)
        await alert(device, 2, severity="CRITICAL")
        await alert(device, 2)  # once more, as after a cut
        await alert(device, 3, code="wet")
        wet, hot = await of(rest, device)
        assert (wet["code"], wet["count"], wet["status"]) == ("wet", 1, "FIRING")
        assert (hot["code"], hot["count"], hot["severity"]) == ("hot", 2, "CRITICAL")
        assert (hot["rule"], hot["message"], hot["resolvedAt"]) == (None, "message 2", None)
        await alert(device, 4, resolved=True)
        over = await rest.data(f"/alerts/{hot['id']}")
        assert (over["status"], over["resolvedBecause"], over["count"]) == ("RESOLVED", "device", 2)
        await alert(device, 5)
        newest, *_ = await of(rest, device)
        assert newest["id"] != hot["id"]
        assert (newest["status"], newest["count"]) == ("FIRING", 1)


async def test_sockets_and_webhooks_are_told_of_its_id_and_status(
    hub: HubProcess, rest: Rest, fleet: Fleet, admins_token: str
) -> None:
    async with receiving() as receiver:
        body = {"name": "alerts", "url": receiver.url, "types": ["alert"]}
        webhook = (await rest.post("/webhooks", body)).json()["data"]
        async with (
            open_socket(f"{hub.url}/ws/dashboard", **bearer(admins_token)) as dashboard,
            fleet.new_line() as device,
        ):
            await dashboard.send("subscribe", id="s", types=["alert"])
            await dashboard.find("subscribed")
            await device.send("alert", severity="WARN", code="plain", message="without seq")
            plain = await dashboard.find("alert", code="plain")
            await alert(device, 1)
            fired = await dashboard.find("alert", code="hot")
            await rest.post(f"/alerts/{fired['alertId']}/resolve", {"comment": "cooled"})
            over = await dashboard.find("alert", code="hot")
            await alert(device, 2, code="never", resolved=True)
            nothing = await dashboard.find("alert", code="never")
            hot, first = await of(rest, device)
            assert (plain["alertId"], fired["alertId"]) == (first["id"], hot["id"])
            assert (fired["status"], over["status"]) == ("FIRING", "RESOLVED")
            assert over["alertId"] == hot["id"]
            assert (nothing["status"], "alertId" in nothing) == ("RESOLVED", False)
            told = [(e["code"], e["status"], e.get("alertId")) for e in await receiver.events(4)]
            assert told == [
                ("plain", "FIRING", first["id"]),
                ("hot", "FIRING", hot["id"]),
                ("hot", "RESOLVED", hot["id"]),
                ("never", "RESOLVED", None),
            ]
            events = await rest.data(f"/devices/{device.device_id}/events", type="alert")
            assert {e["event"].get("alertId") for e in events} == {first["id"], hot["id"], None}
        await rest.client.delete(f"/webhooks/{webhook['id']}")


async def test_it_is_acknowledged_resolved_and_neither_once_it_is_over(
    rest: Rest, fleet: Fleet
) -> None:
    async with fleet.new_line() as device:
        await alert(device, 1)
        (found,) = await of(rest, device, acknowledged="false")
        path = f"/alerts/{found['id']}"
        marked = (await rest.post(f"{path}/acknowledge", {"comment": "on my way"})).json()["data"]
        assert (marked["acknowledgedBy"], marked["comment"]) == ("admin", "on my way")
        assert (marked["status"], await of(rest, device, acknowledged="false")) == ("FIRING", [])
        again = (await rest.post(f"{path}/acknowledge")).json()["data"]
        assert again["comment"] == "on my way", "it stays where none is given"
        over = (await rest.post(f"{path}/resolve")).json()["data"]
        assert (over["status"], over["resolvedBecause"]) == ("RESOLVED", "manual")
        assert (over["comment"], over["acknowledgedBy"]) == ("on my way", "admin")
        for deed in ("acknowledge", "resolve"):
            refused = await rest.post(f"{path}/{deed}")
            assert (refused.status_code, refused.json()["code"]) == (409, "ended")
        assert (await rest.post("/alerts/none/resolve")).status_code == 404
        rows = await rest.data("/audit-log", target=found["id"])
        assert [row["action"] for row in rows] == [
            "alert.resolve",
            "alert.acknowledge",
            "alert.acknowledge",
        ]


async def test_a_time_that_is_in_no_year_is_said(rest: Rest) -> None:
    text = "createdAt > 0001-01-01T00:00:00+14:00"
    body = {"query": text, "until": "2026-12-01T00:00:00Z", "comment": "c"}
    for answer in (
        await rest.get("/alerts", query=text),
        await rest.get("/devices", query=text),
        await rest.post("/silences", body),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert answer.json()["errors"][0]["position"] == text.index("0001")


async def test_filters_pages_and_many_at_once(rest: Rest, fleet: Fleet) -> None:
    async with fleet.new_line() as device:
        await rest.client.patch(f"/devices/{device.device_id}", json={"labels": {"hall": "7"}})
        for seq in range(1, 6):
            await alert(device, seq, code=f"c{seq}", severity="INFO" if seq % 2 else "CRITICAL")
        path = "/alerts"
        query = {"query": 'label.hall = "7"', "status": "FIRING"}
        assert [each["code"] for each in await rest.data(path, **query)] == [
            "c5", "c4", "c3", "c2", "c1",
        ]  # fmt: skip
        assert [a["code"] for a in await rest.data(path, severity="CRITICAL", **query)] == [
            "c4",
            "c2",
        ]
        assert [a["code"] for a in await rest.data(path, code="c3", **query)] == ["c3"]
        assert await rest.data(path, rule="no such rule") == []
        first = await rest.get(path, limit=2, **query)
        second = await rest.get(path, limit=2, cursor=first.json()["page"]["next"], **query)
        assert [each["code"] for each in second.json()["data"]] == ["c3", "c2"]
        at = first.json()["data"][1]["firstAt"]
        assert len(await rest.data(path, since=at, **query)) in (1, 2)
        assert (await rest.get(path, query="no field")).status_code == 400
        assert (await rest.get(path, status="OPEN")).status_code == 400

        ids = [each["id"] for each in await of(rest, device)]
        done = await rest.post(
            "/alerts/bulk", {"ids": [*ids[:2], "none"], "do": "resolve", "comment": "all well"}
        )
        assert done.json()["data"] == {
            "changed": 2, "refused": [{"id": "none", "code": "not_found"}],
        }  # fmt: skip
        done = await rest.post("/alerts/bulk", {"query": 'label.hall = "7"', "do": "acknowledge"})
        assert done.json()["data"] == {"changed": 3, "refused": []}
        assert len(await of(rest, device, acknowledged="true", status="FIRING")) == 3
        both = {"query": "connected", "ids": ids, "do": "resolve"}
        assert (await rest.post("/alerts/bulk", both)).status_code == 400


async def test_who_sees_some_devices_sees_and_settles_their_alerts_only(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    async with fleet.new_line() as mine, fleet.new_line() as other:
        for device in (mine, other):
            await alert(device, 1)
        (hidden,) = await of(rest, other)
        group, user = await make_group(rest, mine.device_id), await make_user(rest)
        await bind(rest, "OPERATOR", ("user", user["id"]), ("group", group))
        async with signed_in(hub, user) as scoped:
            assert [each["deviceId"] for each in await scoped.data("/alerts")] == [mine.device_id]
            assert (await scoped.get(f"/alerts/{hidden['id']}")).status_code == 404
            assert (await scoped.post(f"/alerts/{hidden['id']}/resolve")).status_code == 404
            done = await scoped.post("/alerts/bulk", {"query": "not id = none", "do": "resolve"})
            assert done.json()["data"]["changed"] == 1
        assert [each["status"] for each in await of(rest, other)] == ["FIRING"]
        async with signed_in(hub, await make_user(rest, "VIEWER")) as reader:
            assert (await reader.get(f"/alerts/{hidden['id']}")).status_code == 200
            assert (await reader.post(f"/alerts/{hidden['id']}/acknowledge")).status_code == 403


async def test_one_that_does_not_come_again_or_whose_device_is_deleted_is_over(
    rest: Rest, fleet: Fleet
) -> None:
    refused = await rest.client.patch("/settings", json={"autoResolveSeconds": 59})
    assert refused.status_code == 400
    assert (await rest.data("/settings"))["autoResolveSeconds"] == 86_400
    async with fleet.new_line() as device:
        await alert(device, 1)
        (found,) = await of(rest, device)
    await rest.client.delete(f"/devices/{device.device_id}")

    async def is_over() -> bool:
        return (await rest.data(f"/alerts/{found['id']}"))["resolvedBecause"] == "device_deleted"

    await until(is_over, seconds=6)


async def test_a_flood_is_counted_and_summed(
    hub: HubProcess, rest: Rest, fleet: Fleet, admins_token: str
) -> None:
    async with (
        open_socket(f"{hub.url}/ws/dashboard", **bearer(admins_token)) as dashboard,
        fleet.new_line() as device,
    ):
        await dashboard.send("subscribe", id="s", types=["alert"], deviceIds=[device.device_id])
        await dashboard.find("subscribed")
        for seq in range(1, 41):
            await device.send("alert", severity="WARN", code="f", bootId="boot-1", seq=seq)
        await device.find("event_ack", seq=40)
        summed = await dashboard.find("alert", count=30, seconds=5)
        (found,) = await of(rest, device)
        assert (summed["alertId"], summed["status"]) == (found["id"], "FIRING")
        assert found["count"] == 40
