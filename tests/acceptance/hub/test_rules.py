"""Rules over a whole hub: what they raise by events and by time, and for whom."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.people import bind, make_group, make_user, signed_in
from tests.acceptance.hub.process import HubProcess


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("hub"), request_rate="0")
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
        for each in await client.data("/alert-rules", limit=500):
            await client.client.delete(f"/alert-rules/{each['id']}")


async def make(rest: Rest, when: Json, **fields: object) -> Json:
    made = await rest.post("/alert-rules", {"name": new_id("rule"), "when": when, **fields})
    assert made.status_code == 201, made.text
    found: Json = made.json()["data"]
    return found


async def alerts(rest: Rest, rule: Json, **query: object) -> list[Json]:
    found: list[Json] = await rest.data("/alerts", rule=rule["name"], **query)
    return found


async def until_there(rest: Rest, rule: Json, count: int, *, seconds: float = 6) -> list[Json]:
    async def has_come() -> bool:
        return len(await alerts(rest, rule)) >= count

    await until(has_come, seconds=seconds)
    return await alerts(rest, rule)


async def until_over(rest: Rest, alert: Json, *, seconds: float = 6) -> str:
    """Why."""

    async def is_over() -> bool:
        return bool((await rest.data(f"/alerts/{alert['id']}"))["resolvedAt"])

    await until(is_over, seconds=seconds)
    return str((await rest.data(f"/alerts/{alert['id']}"))["resolvedBecause"])


class Sender:
    """Durable events of a device; each is committed when a call returns."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._seq = 0
        self._boot = new_id("boot")

    async def send(self, type_: str, **fields: object) -> None:
        self._seq += 1
        await self.device.send(type_, bootId=self._boot, seq=self._seq, **fields)
        await self.device.find("event_ack", seq=self._seq)

    async def metric(self, value: float, status: str = "ONLINE") -> None:
        await self.send("status", status=status, metrics={"cpu": value})

    async def scan(self, *, valid: bool = False) -> None:
        await self.send("scan", code="c", valid=valid, data={"temp": 7})


async def test_a_metric_fires_above_its_limit_and_is_over_below_the_other(
    rest: Rest, fleet: Fleet
) -> None:
    rule = await make(rest, {"metric": "cpu", "above": 90, "clearBelow": 80}, severity="CRITICAL")
    async with fleet.new_line() as device:
        sender = Sender(device)
        for value in (50, 90, 91, 85, 95):
            await sender.metric(value)
        (found,) = await alerts(rest, rule)
        assert (found["status"], found["count"], found["value"]) == ("FIRING", 1, 91)
        assert (found["severity"], found["deviceId"]) == ("CRITICAL", device.device_id)
        assert (found["message"], found["code"]) == ("cpu is 91, above 90", rule["name"])
        await sender.metric(79)
        (over,) = await alerts(rest, rule)
        assert (over["status"], over["resolvedBecause"]) == ("RESOLVED", "cleared")
        await sender.metric(99)
        assert [a["status"] for a in await alerts(rest, rule)] == ["FIRING", "RESOLVED"]


async def test_firing_again_while_it_clears_is_the_same_alert(rest: Rest, fleet: Fleet) -> None:
    rule = await make(rest, {"metric": "cpu", "below": 10}, clearAfterSeconds=3)
    async with fleet.new_line() as device:
        sender = Sender(device)
        for value in (5, 20, 5, 20):
            await sender.metric(value)
        (found,) = await alerts(rest, rule)
        assert (found["status"], found["count"]) == ("FIRING", 2)
        assert await until_over(rest, found) == "cleared"


async def test_what_must_last_fires_when_it_has_and_not_if_it_did_not(
    rest: Rest, fleet: Fleet
) -> None:
    rule = await make(rest, {"metric": "cpu", "above": 90}, forSeconds=2)
    async with fleet.new_line() as lasting, fleet.new_line() as passing:
        await Sender(lasting).metric(95)
        short = Sender(passing)
        await short.metric(95)
        await short.metric(10)
        (found,) = await until_there(rest, rule, 1)
        assert found["deviceId"] == lasting.device_id
        assert found["value"] == 95


async def test_events_count_within_a_time_and_it_is_over_when_none_comes(
    rest: Rest, fleet: Fleet
) -> None:
    when = {"event": "scan", "where": "valid = false and data.temp > 5", "count": 3}
    rule = await make(rest, {**when, "withinSeconds": 60}, clearAfterSeconds=2)
    async with fleet.new_line() as device:
        sender = Sender(device)
        for valid in (False, True, False):
            await sender.scan(valid=valid)
        assert await alerts(rest, rule) == []
        await sender.scan()
        (found,) = await alerts(rest, rule)
        assert (found["count"], found["status"]) == (3, "FIRING")
        await sender.scan()
        (found,) = await alerts(rest, rule)
        assert found["count"] == 4
        assert await until_over(rest, found) == "cleared"
        await sender.scan()
        assert len(await alerts(rest, rule)) == 1


async def test_named_events_and_lines_of_the_log(rest: Rest, fleet: Fleet) -> None:
    jam = await make(rest, {"event": "jam"})
    log = await make(rest, {"log": 'level >= ERROR and line ~ "*disk*"'})
    async with fleet.new_line() as device:
        sender = Sender(device)
        await sender.send("event", name="other")
        await sender.send("event", name="jam", data={})
        for level, line in (("WARN", "disk"), ("ERROR", "net"), ("ERROR", "the disk is full")):
            await sender.send("log_line", level=level, line=line)
        assert [a["count"] for a in await alerts(rest, jam)] == [1]
        assert [a["count"] for a in await alerts(rest, log)] == [1]


async def test_a_device_that_may_raise_nothing_does_not(rest: Rest, fleet: Fleet) -> None:
    rule = await make(rest, {"metric": "cpu", "above": 90})
    other = await make(rest, {"metric": "cpu", "above": 90}, query="label.hall = none")
    async with fleet.new_line() as device:
        sender = Sender(device)
        await sender.metric(95, status="DISABLED")
        assert await alerts(rest, rule) == []
        await sender.metric(95)
        assert len(await alerts(rest, rule)) == 1
        assert await alerts(rest, other) == []


async def test_a_rule_that_is_changed_or_deleted_leaves_nothing_open(
    rest: Rest, fleet: Fleet
) -> None:
    rule = await make(rest, {"metric": "cpu", "above": 90})
    async with fleet.new_line() as device:
        sender = Sender(device)
        await sender.metric(95)
        (found,) = await alerts(rest, rule)
        body = {"name": rule["name"], "when": {"metric": "cpu", "above": 80}}
        changed = await rest.client.put(f"/alert-rules/{rule['id']}", json=body)
        assert (changed.status_code, changed.json()["data"]["version"]) == (200, 2)
        assert await until_over(rest, found) == "rule_changed"
        await sender.metric(95)
        again = (await alerts(rest, rule))[0]
        assert again["status"] == "FIRING"
        assert (await rest.client.delete(f"/alert-rules/{rule['id']}")).status_code == 200
        assert await until_over(rest, again) == "rule_changed"
        listed = await rest.data("/alerts", rule=rule["name"])
        assert [each["id"] for each in listed] == [again["id"], found["id"]]
        await sender.metric(99)
        fired = await rest.data("/alerts", deviceId=device.device_id, status="FIRING")
        assert fired == []


async def test_a_device_that_leaves_or_is_deleted_takes_its_alert_along(
    rest: Rest, fleet: Fleet
) -> None:
    rule = await make(rest, {"metric": "cpu", "above": 90}, query='label.hall = "9"')
    async with fleet.new_line() as leaving, fleet.new_line() as deleted:
        for device in (leaving, deleted):
            labels = {"labels": {"hall": "9"}}
            await rest.client.patch(f"/devices/{device.device_id}", json=labels)
            await Sender(device).metric(95)
        found = {a["deviceId"]: a for a in await alerts(rest, rule)}
        gone = {"labels": {"hall": None}}
        await rest.client.patch(f"/devices/{leaving.device_id}", json=gone)
        await rest.client.delete(f"/devices/{deleted.device_id}")
        assert await until_over(rest, found[leaving.device_id]) == "left"
        assert await until_over(rest, found[deleted.device_id]) == "left"


async def test_something_that_does_not_come_any_more(rest: Rest, fleet: Fleet) -> None:
    async with fleet.new_line() as device, fleet.new_line() as other:
        labels = {"labels": {"absent": ""}}
        await rest.client.patch(f"/devices/{device.device_id}", json=labels)
        when = {"absent": "scan"}
        rule = await make(rest, when, forSeconds=5, query="has label.absent")
        sender, began = Sender(device), time.monotonic()
        while time.monotonic() - began < 8:  # it comes often enough
            await sender.scan()
            await asyncio.sleep(1)
        assert await alerts(rest, rule) == []
        (found,) = await until_there(rest, rule, 1, seconds=15)
        assert (found["deviceId"], found["message"]) == (device.device_id, "no scan for 5 s")
        await sender.scan()
        assert await until_over(rest, found) == "cleared"
        assert other.device_id


async def test_a_scoped_owner_sees_only_what_is_in_scope(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    async with fleet.new_line() as mine, fleet.new_line() as other:
        group, user = await make_group(rest, mine.device_id), await make_user(rest)
        binding = await bind(rest, "ADMIN", ("user", user["id"]), ("group", group))
        async with signed_in(hub, user) as scoped:
            rule = await make(scoped, {"metric": "cpu", "above": 90})
            for device in (mine, other):
                await Sender(device).metric(95)
            (found,) = await alerts(rest, rule)
            assert found["deviceId"] == mine.device_id
            assert len(await scoped.data("/alert-rules")) == 1
            hidden = await make(rest, {"metric": "cpu", "above": 99})
            assert (await scoped.get(f"/alert-rules/{hidden['id']}")).status_code == 404
        await rest.client.delete(f"/role-bindings/{binding}")

        async def is_suspended() -> bool:
            shown = await rest.data(f"/alert-rules/{rule['id']}")
            return bool(shown["reason"] == "owner_lacks_right")

        await until(is_suspended, seconds=8)
        assert await until_over(rest, found) == "rule_changed"
        raised = await rest.data("/alerts", code="owner_lacks_right", status="FIRING")
        assert any(rule["name"] in each["message"] for each in raised)
        await Sender(mine).metric(96)
        assert [a["status"] for a in await alerts(rest, rule)] == ["RESOLVED"]


@pytest.mark.parametrize(
    ("when", "field"),
    [
        ({}, "when"),
        ({"metric": "cpu"}, "when.above"),
        ({"metric": "cpu", "above": 1, "below": 2}, "when.above"),
        ({"metric": "cpu", "above": 1, "clearBelow": 2}, "when.clearBelow"),
        ({"metric": "cpu", "above": 1, "offline": True}, "when"),
        ({"metric": "cpu", "above": 1, "count": 2}, "when.count"),
        ({"event": "scan", "count": 2}, "when.withinSeconds"),
        ({"event": "scan", "count": 1}, "when.withinSeconds"),
        ({"event": "scan", "where": "valid ="}, "when.where"),
        ({"log": "code = x"}, "when.log"),
        ({"log": "level >= WARNING"}, "when.log"),
        ({"absent": "scan"}, "forSeconds"),
        ({"offline": True, "above": 1}, "when.above"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(rest: Rest, when: Json, field: str) -> None:
    made = await rest.post("/alert-rules", {"name": "bad", "when": when})
    assert made.status_code == 400, made.text
    assert made.json()["errors"][0]["field"] == field


async def test_names_are_taken_once_and_what_is_named_is_there(rest: Rest) -> None:
    first = await make(rest, {"offline": True})
    assert first["forSeconds"] == 60
    again = await rest.post("/alert-rules", {"name": first["name"], "when": {"offline": True}})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    for field, name in (("notify", "nowhere"), ("inhibitedBy", "none")):
        body = {"name": "x", "when": {"offline": True}, field: [name]}
        refused = await rest.post("/alert-rules", body)
        assert refused.json()["errors"][0]["field"] == field
    second = await make(rest, {"offline": True}, inhibitedBy=[first["name"]], labels={"a": "b"})
    assert (second["inhibitedBy"], second["labels"]) == ([first["name"]], {"a": "b"})
    short = await rest.post(
        "/alert-rules", {"name": "x", "when": {"offline": True}, "forSeconds": 59}
    )
    assert short.status_code == 400


async def test_a_preview_says_what_it_would_have_raised(rest: Rest, fleet: Fleet) -> None:
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    async with fleet.new_line() as device:
        sender = Sender(device)
        for value in (95, 50, 96):
            await sender.metric(value)
        for _ in range(3):
            await sender.scan()
        await sender.send("log_line", level="ERROR", line="x")

        async def previewed(when: Json, **fields: object) -> list[tuple[str, int]]:
            rule = {"name": "p", "when": when, "query": f'id = "{device.device_id}"', **fields}
            answer = await rest.post("/alert-rules/preview", {"rule": rule, "since": since})
            assert answer.status_code == 200, answer.text
            return [(each["deviceId"], each["count"]) for each in answer.json()["data"]]

        me = device.device_id
        assert await previewed({"metric": "cpu", "above": 90}) == [(me, 1), (me, 1)]
        scans = {"event": "scan", "count": 2, "withinSeconds": 60}
        assert await previewed(scans) == [(me, 3)]
        assert await previewed({"log": "level = ERROR"}) == [(me, 1)]
        assert await previewed({"log": "level = WARN"}) == []
        assert await previewed({"offline": True}) == []
        assert await previewed({"absent": "scan"}, forSeconds=600) == []
    assert await rest.data("/alert-rules") == []
