"""Webhooks: what is delivered, in which order, to whom, and what becomes of what is not taken."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from msgspec import Struct

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.people import bind, make_group, make_role, make_user, sign_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.receiver import ADDRESS, Receiver, answer, receiving
from tests.acceptance.hub.test_deployments import deploy

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE, PAGE = DOCS / "examples" / "webhook_receiver.py", DOCS / "webhooks.md"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """It may deliver to loopback."""
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
        for each in await client.data("/webhooks"):
            await client.client.delete(f"/webhooks/{each['id']}")


@pytest_asyncio.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def make(rest: Rest, receiver: Receiver, **fields: object) -> Json:
    """A webhook, with its secret."""
    made = await rest.post("/webhooks", {"name": "plant", "url": receiver.url, **fields})
    assert made.status_code == 201, made.text
    found: Json = made.json()["data"]
    return found


async def scan(device: Device, *codes: str, first: int = 1, boot: str = "boot-1") -> None:
    """Durable events; each is committed when this returns."""
    for seq, code in enumerate(codes, start=first):
        await device.send("scan", code=code, valid=True, bootId=boot, seq=seq)
    await device.find("event_ack", seq=first + len(codes) - 1)


# What is delivered


async def test_events_are_delivered_signed_and_each_with_an_id(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    made = await make(rest, receiver, types=["scan"], headers={"X-Plant": "berlin"})
    assert made["secret"].startswith("whsec_")
    async with fleet.new_line() as device:
        await scan(device, "a", "b")
        events = await receiver.events(2)
    assert [(e["type"], e["code"], e["deviceId"]) for e in events] == [
        ("scan", "a", device.device_id),
        ("scan", "b", device.device_id),
    ]
    for each in receiver.received:
        body = each.verified_by(made["secret"])
        assert body["type"] == "longline.events"
        assert body["timestamp"].endswith("Z")
        assert each.headers["x-plant"] == "berlin"
        assert each.headers["content-type"] == "application/json"

    async def is_noted() -> bool:
        return (await rest.data(f"/webhooks/{made['id']}"))["succeededAt"] is not None

    await until(is_noted)
    shown = await rest.data(f"/webhooks/{made['id']}")
    assert "secret" not in shown
    assert shown["headers"] == {"X-Plant": "hidden"}


async def test_by_default_it_is_told_what_matters(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    await make(rest, receiver)
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        await device.hello()
        await device.send("status", status="ONLINE", metrics={"cpu": 1.0})
        await scan(device, "not wanted")
        await device.send("alert", severity="WARN", code="hot", message="too hot")
        command_id = await rest.accept(device_id)
        await device.command()
        await device.succeed(command_id, output="done")
        failed = await rest.dispatch(await fleet.enroll())
        assert failed.json()["data"]["error"]["code"] == "device_offline"
        events = await receiver.events(4)
    told = sorted(
        (e["type"], e.get("status"), e.get("connected"), e.get("code")) for e in events[:4]
    )
    assert told == sorted([
        ("status", "ONLINE", True, None),
        ("alert", "FIRING", None, "hot"),
        ("command_result", "SUCCESS", None, None),
        ("command_result", "FAILED", None, None),
    ])  # fmt: skip


async def test_what_is_named_is_delivered_too(rest: Rest, fleet: Fleet, receiver: Receiver) -> None:
    types = ["status", "log_line", "command_accepted", "command_progress", "command_result"]
    await make(rest, receiver, types=types)
    async with fleet.new_line() as device:
        await device.hello()
        await device.send("status", status="ONLINE", metrics={"cpu": 1.0})
        await device.send("log_line", line="a line", level="INFO")
        command_id = await rest.accept(device.device_id)
        await device.command()
        await device.send("progress", commandId=command_id, percent=40)
        await device.succeed(command_id)
        events = await receiver.events(6)
    mine = [e for e in events if e["deviceId"] == device.device_id]
    assert {e["type"] for e in mine} == set(types)
    of_command = [e["type"] for e in mine if e["type"].startswith("command")]
    assert of_command == ["command_accepted", "command_progress", "command_result"]
    assert [e.get("metrics") for e in mine if e["type"] == "status"] == [None, {"cpu": 1.0}]


async def test_steps_of_a_deployment_are_delivered(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    await make(rest, receiver, types=["deployment"])
    async with fleet.new_line() as device:
        await device.hello(agentVersion="1.0")
        target: Json = {"deviceIds": [device.device_id, await fleet.enroll()]}
        deployment_id = await deploy(rest, "2.0", target)
        command = await device.find("update_firmware")
        error = {"code": "no_space", "message": "the disk is full"}
        await device.send("result", commandId=command["id"], success=False, error=error)
        await receiver.events(2, seconds=20)
        aborted = await rest.post(f"/firmware/deployments/{deployment_id}/abort")
        assert aborted.status_code == 200, aborted.text
        events = await receiver.events(3, seconds=20)
    assert {event["deploymentId"] for event in events} == {deployment_id}
    steps = [(e["status"], e.get("error")) for e in events if e["deviceId"] == device.device_id]
    assert steps == [("IN_PROGRESS", None), ("FAILED", "no_space")]
    (skipped,) = [e for e in events if e["deviceId"] != device.device_id]
    assert (skipped["status"], skipped["error"]) == ("SKIPPED", "aborted")


async def test_order_is_kept_and_a_delivery_has_a_hundred_events_at_most(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    await make(rest, receiver, types=["scan"])
    codes = [f"c{number}" for number in range(250)]
    async with fleet.new_line() as one, fleet.new_line() as other:
        await asyncio.gather(scan(one, *codes), scan(other, *codes))
        events = await receiver.events(500, seconds=20)
    for device in (one, other):
        assert [e["code"] for e in events if e["deviceId"] == device.device_id] == codes
    assert max(len(each.events) for each in receiver.received) == 100
    assert len({each.id for each in receiver.received}) == len(receiver.received)


async def test_what_is_withdrawn_before_it_was_sent_is_delivered(
    rest: Rest, fleet: Fleet, receiver: Receiver, scoped: "Scoped"
) -> None:
    """Also by somebody who sees some devices only, in whose transaction it is written."""
    may = {"resources": ["commands/force_sync", "devices"], "verbs": ["*"]}
    role = await make_role(rest, may)
    await bind(rest, role, ("user", scoped.user["id"]), ("group", scoped.group))
    await make(rest, receiver, types=["command_accepted", "command_result"])
    device_id = await fleet.enroll()
    await join(rest, scoped.group, device_id)
    for who in (rest, scoped.rest):
        command_id = await who.accept(device_id, delivery="queue")
        path = f"/devices/{device_id}/commands/{command_id}"
        assert (await who.client.delete(path)).status_code == 202
    events = await receiver.events(4)
    assert [(e["type"], e["status"]) for e in events] == 2 * [
        ("command_accepted", "PENDING"),
        ("command_result", "CANCELLED"),
    ]


# What is not taken


async def test_what_is_not_taken_is_tried_again_byte_by_byte_and_holds_back_the_rest(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    receiver.says = lambda each: answer(503) if len(receiver.received) < 2 else answer(200)
    made = await make(rest, receiver, types=["scan"])
    async with fleet.new_line() as device:
        await scan(device, "a")
        await receiver.until(lambda all_: len(all_) == 1)
        await scan(device, "b", first=2)
        first, again, *rest_of = await receiver.until(lambda all_: len(all_) == 3, seconds=15)
    assert (again.id, again.body) == (first.id, first.body)
    assert 4.0 <= again.at - first.at <= 8.0
    assert again.headers["webhook-timestamp"] > first.headers["webhook-timestamp"]
    again.verified_by(made["secret"])
    assert [event["code"] for each in rest_of for event in each.events] == ["b"]
    newest, oldest = await rest.data(f"/webhooks/{made['id']}/deliveries")
    assert (oldest["id"], oldest["attempts"], oldest["status"]) == (first.id, 2, 200)
    assert (newest["count"], newest["pending"]) == (1, False)


async def test_a_receiver_that_is_away_gets_each_event_once_when_it_is_back(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    made = await make(rest, receiver, types=["scan"])
    await receiver.close()
    async with fleet.new_line() as device:
        await scan(device, *"abc")

        async def has_failed() -> bool:
            found = await rest.data(f"/webhooks/{made['id']}/deliveries")
            return [(e["error"], e["pending"]) for e in found] == [("no_connection", True)]

        await until(has_failed)
        await scan(device, *"de", first=4)
        await receiver.open()
        events = await receiver.events(5, seconds=15)
    assert [event["code"] for event in events] == list("abcde")
    shown = await rest.data(f"/webhooks/{made['id']}")
    assert (shown["enabled"], shown["failures"], shown["failingSince"]) == (True, 0, None)


async def test_retry_after_says_when(rest: Rest, fleet: Fleet, receiver: Receiver) -> None:
    receiver.says = lambda _: (
        answer(429, "Retry-After: 2") if len(receiver.received) == 1 else answer(204)
    )
    await make(rest, receiver, types=["scan"])
    async with fleet.new_line() as device:
        await scan(device, "a")
        first, again = await receiver.until(lambda all_: len(all_) == 2)
    assert 2.0 <= again.at - first.at <= 4.0


async def test_gone_disables_at_once_and_others_hear_of_it(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    receiver.says = lambda each: answer(410 if each.path == "/gone" else 200)
    gone = await make(rest, receiver, types=["scan"], url=receiver.url.replace("/hook", "/gone"))
    await make(rest, receiver)
    async with fleet.new_line() as device:
        await scan(device, "a")
        await receiver.until(
            lambda all_: any(e["type"] == "alert" for each in all_ for e in each.events)
        )
        await scan(device, "b", first=2)
    (alert,) = [e for e in receiver.unique() if e["type"] == "alert"]
    assert (alert["code"], alert["deviceId"]) == ("webhook_disabled", None)
    shown = await rest.data(f"/webhooks/{gone['id']}")
    assert (shown["enabled"], shown["reason"]) == (False, "gone")
    assert sum(each.path == "/gone" for each in receiver.received) == 1

    enabled = {"name": "plant", "url": receiver.url, "types": ["scan"], "enabled": True}
    put = await rest.client.put(f"/webhooks/{gone['id']}", json=enabled)
    assert (put.json()["data"]["enabled"], put.json()["data"]["reason"]) == (True, None)
    await receiver.until(lambda _: [e for e in receiver.unique() if e.get("code") == "b"])
    codes = [e["code"] for e in receiver.unique() if e["type"] == "scan"]
    assert codes == ["a", "b"]


async def test_a_redirection_is_a_failure_and_is_not_followed(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    async with receiving() as other:
        receiver.says = lambda _: answer(302, f"Location: {other.url}")
        made = await make(rest, receiver, types=["scan"])
        async with fleet.new_line() as device:
            await scan(device, "a")
            await receiver.until(lambda all_: len(all_) == 2, seconds=15)
        (delivery,) = await rest.data(f"/webhooks/{made['id']}/deliveries")
        assert (delivery["status"], delivery["deliveredAt"]) == (302, None)
        assert other.received == []


async def test_one_that_does_not_answer_is_given_ten_seconds(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    receiver.says = lambda _: None
    made = await make(rest, receiver)
    answered = await rest.client.post(f"/webhooks/{made['id']}/test", timeout=20)
    delivery = answered.json()["data"]
    assert (delivery["status"], delivery["error"]) == (None, "timeout")
    assert 9_000 <= delivery["ms"] <= 13_000


async def test_three_days_without_a_success_disable_it(
    hub: HubProcess, rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    receiver.says = lambda _: answer(500)
    made = await make(rest, receiver, types=["scan"])
    async with fleet.new_line() as device:
        await scan(device, "a")
        await receiver.until(lambda all_: len(all_) == 1)

        async def has_failed() -> bool:
            return (await rest.data(f"/webhooks/{made['id']}"))["failures"] == 1

        await until(has_failed)
        await in_database(
            hub,
            "UPDATE webhook SET failing_since = now() - interval '3 days' WHERE webhook_id = $1",
            made["id"],
        )

        async def is_disabled() -> bool:
            return (await rest.data(f"/webhooks/{made['id']}"))["reason"] == "no_success"

        await until(is_disabled, seconds=15)


async def in_database(hub: HubProcess, statement: str, *values: object) -> None:
    """As its owner."""
    url = hub.ready["databaseUrl"].replace("longline_server@", "longline@")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()


async def test_what_is_too_much_is_told_of_by_a_gap_with_the_right_count(
    hub: HubProcess, rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    await receiver.close()
    made = await make(rest, receiver, types=["scan"])
    await in_database(
        hub,
        "INSERT INTO webhook_event (org_id, webhook_id, size, restricted, body) "
        'SELECT \'default\', $1, 2, false, \'{"id":"\' || n || \'","type":"scan"}\' '
        "FROM generate_series(1, 99998) n",
        made["id"],
    )

    async def has_failed() -> bool:
        return (await rest.data(f"/webhooks/{made['id']}"))["failures"] > 0

    await until(has_failed)
    async with fleet.new_line() as device:
        await scan(device, *"abcde")
        await receiver.open()
        first, *_ = await receiver.until(len, seconds=20)
    gap, *others = first.events
    assert (gap["type"], gap["count"]) == ("gap", 3)
    assert gap["from"] <= gap["to"]
    assert "id" in gap
    assert [event["id"] for event in others] == [str(n) for n in range(4, 103)]


# By hand


async def test_a_test_is_delivered_at_once_and_once(rest: Rest, receiver: Receiver) -> None:
    receiver.says = lambda _: answer(500, body=b"no \0 " + b"x" * 2000)
    made = await make(rest, receiver)
    answered = await rest.post(f"/webhooks/{made['id']}/test")
    assert answered.status_code == 200, answered.text
    delivery = answered.json()["data"]
    assert (delivery["status"], delivery["count"], delivery["pending"]) == (500, 1, False)
    assert delivery["answer"].startswith("no \ufffd x")
    assert len(delivery["answer"]) == 1024
    (received,) = receiver.received
    assert received.id == delivery["id"]
    assert [event["type"] for event in received.events] == ["test"]
    received.verified_by(made["secret"])
    assert await rest.data(f"/webhooks/{made['id']}/deliveries") == [delivery]


async def test_the_same_is_delivered_again_by_the_same_id(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    made = await make(rest, receiver, types=["scan"])
    async with fleet.new_line() as device:
        await scan(device, "a")
        (first,) = await receiver.until(len)
    path = f"/webhooks/{made['id']}/deliveries"

    async def is_noted() -> bool:
        return bool((await rest.data(path))[0]["deliveredAt"])

    await until(is_noted)
    answered = await rest.post(f"{path}/{first.id}/redeliver")
    assert answered.status_code == 200, answered.text
    assert answered.json()["data"]["attempts"] == 2
    _, again = receiver.received
    assert (again.id, again.body) == (first.id, first.body)
    assert (await rest.post(f"{path}/nothing/redeliver")).status_code == 404


async def test_a_rotated_secret_and_the_former_one_both_sign_for_a_day(
    hub: HubProcess, rest: Rest, receiver: Receiver
) -> None:
    made = await make(rest, receiver)
    rotated = await rest.post(f"/webhooks/{made['id']}/rotate-secret")
    assert rotated.headers["cache-control"] == "no-store"
    new = rotated.json()["data"]["secret"]
    assert new != made["secret"]
    await rest.post(f"/webhooks/{made['id']}/test")
    (received,) = receiver.received
    for secret in (made["secret"], new):
        received.verified_by(secret)

    late = "UPDATE webhook SET rotated_until = now() WHERE webhook_id = $1"
    await in_database(hub, late, made["id"])
    await rest.post(f"/webhooks/{made['id']}/test")
    assert len(receiver.received[-1].headers["webhook-signature"].split()) == 1
    receiver.received[-1].verified_by(new)


# Of which devices


async def test_a_query_chooses_devices_as_they_are_at_that_moment(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    query = 'label.line = "3" and metric.cpu > 90'
    made = await make(rest, receiver, types=["scan"], query=query)
    assert made["query"] == query
    async with fleet.new_line() as device, fleet.new_line() as other:
        await rest.client.patch(f"/devices/{device.device_id}", json={"labels": {"line": "3"}})
        await scan(device, "too cool")
        await device.send("status", status="ONLINE", metrics={"cpu": 91.0})
        await scan(device, "hot", first=2)
        await scan(other, "not of the line")
        await device.send("status", status="ONLINE", metrics={"cpu": 20.0})
        await scan(device, "cool again", first=3)
        await device.send("status", status="ONLINE", metrics={"cpu": 92.0})
        await scan(device, "hot again", first=4)
        events = await receiver.events(2)
    assert [event["code"] for event in events] == ["hot", "hot again"]


class Scoped(Struct):
    """A member who has what an administrator has of webhooks over some devices only."""

    rest: Rest
    user: Json
    binding: str
    group: str


@pytest_asyncio.fixture
async def scoped(hub: HubProcess, rest: Rest, fleet: Fleet) -> AsyncGenerator[Scoped]:
    role = await make_role(
        rest,
        {"resources": ["webhooks", "telemetry", "devices"], "verbs": ["*"]},
    )
    group, user = await make_group(rest), await make_user(rest)
    binding = await bind(rest, role, ("user", user["id"]), ("group", group))
    async with Rest.open(hub.url, sign_in(hub.url, user["username"])["token"]) as client:
        yield Scoped(client, user, binding, group)


async def join(rest: Rest, group: str, *device_ids: str) -> None:
    added = await rest.post(f"/device-groups/{group}/members", {"deviceIds": list(device_ids)})
    assert added.status_code == 200, added.text


async def test_a_scoped_owner_hears_of_the_devices_in_scope_and_sees_the_own_webhooks(
    rest: Rest, fleet: Fleet, receiver: Receiver, scoped: Scoped
) -> None:
    others = await make(rest, receiver, types=["print"])
    made = await make(scoped.rest, receiver, types=["scan", "command_result"])
    assert [each["id"] for each in await scoped.rest.data("/webhooks")] == [made["id"]]
    assert (await scoped.rest.get(f"/webhooks/{others['id']}")).status_code == 404
    async with fleet.new_line() as mine, fleet.new_line() as foreign:
        await join(rest, scoped.group, mine.device_id)
        await scan(foreign, "foreign")
        await scan(mine, "mine")
        events = await receiver.events(1)
        command_id = await rest.accept(mine.device_id, {"type": "exec_shell", "template": "uptime"})
        await mine.command("exec_shell")
        await mine.succeed(command_id, output="a secret")
        events = await receiver.events(2)
        (result,) = [event for event in events if event["type"] == "command_result"]
        assert (result["output"], result["hidden"]) == ("hidden", ["output"])
        assert [event["code"] for event in events if event["type"] == "scan"] == ["mine"]


async def test_what_waits_is_not_shown_to_an_owner_who_lost_the_binding(
    rest: Rest, fleet: Fleet, receiver: Receiver, scoped: Scoped
) -> None:
    role = await make_role(rest, {"resources": ["webhooks"], "verbs": ["*"]})
    await bind(rest, role, ("user", scoped.user["id"]), ("group", await make_group(rest)))
    await receiver.close()
    made = await make(scoped.rest, receiver, types=["scan"])
    async with fleet.new_line() as device:
        await join(rest, scoped.group, device.device_id)
        await scan(device, "a", "b")

        async def has_failed() -> bool:
            found = await rest.data(f"/webhooks/{made['id']}/deliveries")
            return bool(found) and found[0]["attempts"] > 0

        await until(has_failed)
        await rest.client.delete(f"/role-bindings/{scoped.binding}")
        await receiver.open()

        async def is_dropped() -> bool:
            found = await rest.data(f"/webhooks/{made['id']}/deliveries")
            return not found[0]["pending"]

        await until(is_dropped, seconds=15)
    assert receiver.received == []
    assert (await rest.data(f"/webhooks/{made['id']}"))["enabled"] is True


async def test_an_owner_who_is_blocked_ends_it_within_five_seconds(
    hub: HubProcess, rest: Rest, receiver: Receiver
) -> None:
    user = await make_user(rest, "ADMIN")
    await make(rest, receiver)
    async with Rest.open(hub.url, sign_in(hub.url, user["username"])["token"]) as owner:
        made = await make(owner, receiver, types=["scan"])
    await rest.show_again()
    blocked = await rest.client.patch(f"/users/{user['id']}", json={"disabled": True})
    assert blocked.status_code == 200, blocked.text

    async def is_disabled() -> bool:
        return (await rest.data(f"/webhooks/{made['id']}"))["reason"] == "owner_lacks_right"

    await until(is_disabled, seconds=5)
    (alert,) = await receiver.events(1)
    assert (alert["type"], alert["code"]) == ("alert", "owner_lacks_right")
    path = f"/webhooks/{made['id']}/owner"
    me = await rest.data("/auth/me")
    given = await rest.client.put(path, json={"userId": me["id"]})
    assert (given.status_code, given.json()["data"]["owner"]) == (200, "admin")
    assert (await rest.client.put(path, json={"userId": user["id"]})).status_code == 400


# Whoever dies meanwhile


async def test_what_was_committed_is_delivered_though_the_hub_was_killed(
    tmp_path_factory: pytest.TempPathFactory, receiver: Receiver
) -> None:
    hub = HubProcess(tmp_path_factory.mktemp("killed"), webhook_allow=ADDRESS)
    await asyncio.to_thread(hub.start)
    try:
        fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
        token = log_in(hub.url, "admin", hub.ready["adminPassword"])
        receiver.says = lambda _: answer(503)
        async with Rest.open(hub.url, token) as rest:
            made = await make(rest, receiver, types=["scan"])
        async with fleet.new_line() as device:
            await scan(device, *"abc")
            await receiver.until(len)
            await scan(device, *"de", first=4)
            await asyncio.to_thread(hub.kill)
        receiver.says = lambda _: answer(200)
        before = len(receiver.received)
        await asyncio.to_thread(hub.start)
        first, *_ = await receiver.until(lambda all_: len(all_) > before, seconds=30)
        events = await receiver.events(5)
        again = receiver.received[before]
        assert (again.id, again.body) == (first.id, first.body)
        again.verified_by(made["secret"])
        assert [event["code"] for event in events] == list("abcde")
    finally:
        await asyncio.to_thread(hub.kill)


# What is refused


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/", "https://[::1]/", "https://0x7f000001/", "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest", "https://127.0.0.1/", "https://[fd00::1]/",
        "https://224.0.0.1/", "ftp://example.org/", "https://a:b@example.org/", "example.org",
        "https://example.org/#x", "https://exa mple.org/", "https://exämple.org/",
    ],
)  # fmt: skip
async def test_an_address_where_the_hub_does_not_go_is_refused(rest: Rest, url: str) -> None:
    answered = await rest.post("/webhooks", {"name": "w", "url": url})
    assert answered.status_code == 400, answered.text
    assert answered.json()["errors"][0]["field"] == "url"


async def test_a_name_of_a_private_address_is_not_connected_to(
    rest: Rest, receiver: Receiver
) -> None:
    url = f"https://localhost:{receiver.port}/hook"
    made = await make(rest, receiver, url=url)
    delivery = (await rest.post(f"/webhooks/{made['id']}/test")).json()["data"]
    assert (delivery["status"], delivery["error"]) == (None, "address_refused")
    assert receiver.received == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"types": []}, "types"),
        ({"types": ["record_changed"]}, "types"),
        ({"types": "scan"}, "types"),
        ({"query": "label.line ="}, "query"),
        ({"query": "group = nobody"}, "query"),
        ({"headers": {"Host": "a"}}, "headers.Host"),
        ({"headers": {"content-type": "a"}}, "headers.content-type"),
        ({"headers": {"Webhook-Id": "a"}}, "headers.Webhook-Id"),
        ({"headers": {"X-A": "a\r\nb"}}, "headers.X-A"),
        ({"headers": {"a b": "a"}}, "headers.a b"),
        ({"name": ""}, "name"),
        ({"enabled": "yes"}, "enabled"),
        ({"colour": "red"}, "body"),
    ],
)
async def test_what_is_no_webhook_is_refused(
    rest: Rest, receiver: Receiver, fields: Json, field: str
) -> None:
    body = {"name": "w", "url": receiver.url, **fields}
    answered = await rest.post("/webhooks", body)
    assert answered.status_code == 400, answered.text
    assert answered.json()["errors"][0]["field"].startswith(field)
    assert await rest.data("/webhooks") == []


async def test_an_organisation_has_fifty_at_most(rest: Rest, receiver: Receiver) -> None:
    for _ in range(50):
        await make(rest, receiver, types=["print"])
    refused = await rest.post("/webhooks", {"name": "w", "url": receiver.url})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many")


async def test_a_viewer_reads_and_changes_nothing(
    hub: HubProcess, rest: Rest, receiver: Receiver
) -> None:
    made = await make(rest, receiver)
    user = await make_user(rest, "VIEWER")
    async with Rest.open(hub.url, sign_in(hub.url, user["username"])["token"]) as viewer:
        assert (await viewer.data(f"/webhooks/{made['id']}"))["id"] == made["id"]
        assert await viewer.data(f"/webhooks/{made['id']}/deliveries") == []
        for path in ("", f"/{made['id']}/test", f"/{made['id']}/rotate-secret"):
            answered: httpx.Response = await viewer.post(f"/webhooks{path}", {"name": "w"})
            assert answered.status_code == 403
        assert (await viewer.client.delete(f"/webhooks/{made['id']}")).status_code == 403


async def test_what_is_put_keeps_the_headers_that_nobody_reads(
    rest: Rest, receiver: Receiver
) -> None:
    made = await make(rest, receiver, headers={"Authorization": "Bearer a", "X-B": "b"})
    path = f"/webhooks/{made['id']}"
    body = {"name": "renamed", "url": receiver.url}
    put = await rest.client.put(path, json=body)
    assert put.json()["data"]["headers"] == {"Authorization": "hidden", "X-B": "hidden"}
    assert put.json()["data"]["version"] == 2
    await rest.client.put(path, json={**body, "headers": {"Authorization": "hidden"}})
    await rest.post(f"{path}/test")
    (received,) = receiver.received
    assert received.headers["authorization"] == "Bearer a"
    assert "x-b" not in received.headers
    elsewhere = {"name": "renamed", "url": "https://attacker.example.org/"}
    for headers in ({}, {"headers": {"Authorization": "hidden"}}):
        refused = await rest.client.put(path, json=elsewhere | headers)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "headers")


async def test_one_that_is_deleted_or_disabled_by_a_person_keeps_nothing_new(
    rest: Rest, fleet: Fleet, receiver: Receiver
) -> None:
    deleted = await make(rest, receiver, types=["scan"])
    disabled = await make(rest, receiver, types=["scan"], enabled=False)
    assert (await rest.client.delete(f"/webhooks/{deleted['id']}")).status_code == 200
    assert (await rest.get(f"/webhooks/{deleted['id']}")).status_code == 404
    async with fleet.new_line() as device:
        await scan(device, "a")
        body = {"name": new_id("w"), "url": receiver.url, "types": ["scan"]}
        await rest.client.put(f"/webhooks/{disabled['id']}", json=body)
        await scan(device, "b", first=2)
        events = await receiver.events(1)
    assert [event["code"] for event in events] == ["b"]


async def test_the_example_of_the_page_takes_what_is_delivered(
    rest: Rest, fleet: Fleet, unused_tcp_port: int
) -> None:
    program = EXAMPLE.read_text("utf-8")
    page = PAGE.read_text("utf-8")
    body = program[program.index("class Receiver") : program.index("\n\nif __name__")]
    assert body.strip() in page, "the page shows another receiver"
    url = f"http://{ADDRESS}:{unused_tcp_port}/"
    made = (await rest.post("/webhooks", {"name": "w", "url": url, "types": ["scan"]})).json()
    environment = {
        **os.environ, "SECRET": made["data"]["secret"], "ADDRESS": ADDRESS,
        "PORT": str(unused_tcp_port),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), env=environment, stdout=PIPE, stderr=DEVNULL
    )
    try:
        async with fleet.new_line() as device:
            await scan(device, "a")
            assert process.stdout is not None
            async with asyncio.timeout(20):
                line = (await process.stdout.readline()).decode()
        assert line.startswith(f"scan {device.device_id} ")
        test = await rest.post(f"/webhooks/{made['data']['id']}/test")
        assert test.json()["data"]["status"] == 204
        async with httpx.AsyncClient(trust_env=False) as stranger:
            forged = {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,YQ=="}
            answered = await stranger.post(url, content=b"{}", headers=forged)
        assert answered.status_code == 401
    finally:
        process.terminate()
        await process.wait()
