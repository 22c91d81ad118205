"""A device in quarantine over a real hub: its line stays, and nothing goes either way on it."""

from typing import Any

import httpx
import pytest

from tests.acceptance.hub.clients import (
    Device,
    Fleet,
    Json,
    Rest,
    bearer,
    new_id,
    open_socket,
    until,
)
from tests.acceptance.hub.people import make_group
from tests.acceptance.hub.process import HubProcess

REASON = "sends what nobody expects"
EVENTS = 1_000


async def quarantine(rest: Rest, device_id: str, reason: str = REASON) -> Json:
    answer = await rest.post(f"/devices/{device_id}/quarantine", {"reason": reason})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["data"]
    return found


async def release(rest: Rest, device_id: str) -> Json:
    answer = await rest.post(f"/devices/{device_id}/release")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["data"]
    return found


async def told(device: Device) -> Json:
    """What a line hears once when its device comes into quarantine."""
    error = await device.find("error", code="quarantined")
    assert {"bootId", "seq"}.isdisjoint(error)
    return error


async def names_of(rest: Rest, device_id: str) -> list[str]:
    """The names of the events that are stored, the newest first."""
    rows: list[Json] = []
    query: dict[str, Any] = {"limit": 500, "type": "event"}
    while True:
        page = (await rest.get(f"/devices/{device_id}/events", **query)).json()
        rows += page["data"]
        if page["page"]["next"] is None:
            return [row["event"]["name"] for row in rows]
        query["cursor"] = page["page"]["next"]


def assert_quarantined(answer: httpx.Response, status: int) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status), answer.text
    assert problem["code"] == "quarantined"


async def test_who_and_why_is_shown_and_in_the_audit(rest: Rest, fleet: Fleet) -> None:
    device_id = await fleet.enroll()
    assert (await rest.data(f"/devices/{device_id}"))["quarantine"] is None
    first = await quarantine(rest, device_id)
    assert first["quarantine"]["by"] == "admin"
    assert first["quarantine"]["reason"] == REASON
    again = await quarantine(rest, device_id, "another reason")
    assert again["quarantine"] == {**first["quarantine"], "reason": "another reason"}
    assert (await rest.data(f"/devices/{device_id}"))["quarantine"] == again["quarantine"]
    (listed,) = await rest.data("/devices", q=device_id)
    assert listed["quarantine"] == again["quarantine"]
    for _ in range(2):  # the second finds nothing to release
        assert (await release(rest, device_id))["quarantine"] is None
    rows = await rest.data("/audit-log", target=device_id)
    acts = [(row["actor"], row["action"], row["reason"]) for row in rows]
    assert acts[:3] == [
        ("admin", "device.release", None),
        ("admin", "device.quarantine", "another reason"),
        ("admin", "device.quarantine", REASON),
    ]


async def test_it_takes_a_right_a_reason_and_a_device(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    device_id = await fleet.enroll()
    for role in ("VIEWER", "OPERATOR", "MANAGER"):
        async with Rest.open(hub.url, tokens[role]) as caller:
            for act in ("quarantine", "release"):
                answer = await caller.post(f"/devices/{device_id}/{act}", {"reason": REASON})
                assert answer.status_code == 403
    for body in ({}, {"reason": ""}, {"reason": "a\u200bb"}, {"reason": 7}):
        assert (await rest.post(f"/devices/{device_id}/quarantine", body)).status_code == 400
    for act in ("quarantine", "release"):
        answer = await rest.post(f"/devices/{new_id('none')}/{act}", {"reason": REASON})
        assert answer.status_code == 404


async def test_durable_events_and_a_running_command_wait_for_the_release(
    rest: Rest, fleet: Fleet
) -> None:
    """Black box 6: none is lost, all arrive after the release, nothing ran meanwhile."""
    async with fleet.new_line() as device:
        device_id = device.device_id
        await device.hello(journalId="journal-1")
        running = await rest.accept(device_id, "pull_logs", timeoutMs=60_000)
        await device.command("pull_logs", id=running)
        await device.send("ack", commandId=running)
        for seq in range(1, 101):
            await device.send("event", name=f"e{seq}", seq=seq)
        await device.find("event_ack", seq=100)
        await rest.until_status(device_id, running, "ACKED")

        await quarantine(rest, device_id)
        await told(device)
        for seq in range(101, EVENTS + 1):
            await device.send("event", name=f"e{seq}", seq=seq)
        await device.send("event", name="not durable")
        await device.send("progress", commandId=running, percent=50)
        await device.send("result", commandId=running, success=True)
        assert await device.settled() == []
        assert_quarantined(await rest.dispatch(device_id), 409)
        assert (await rest.record(device_id, running))["status"] == "ACKED"
        assert len(await names_of(rest, device_id)) == 100

        await release(rest, device_id)
        reconnect = await device.find("reconnect")
        assert 0 <= reconnect["afterMs"] <= 1000
        await device.send("event", name="too early", seq=EVENTS + 1)
        assert (await device.closed())[0] == 1012

    async with fleet.line(device_id) as device:
        await device.hello(journalId="journal-1", unfinished=[running])
        for seq in range(101, EVENTS + 2):
            await device.send("event", name=f"e{seq}", seq=seq)
        await device.find("event_ack", seq=EVENTS + 1)
        await device.succeed(running)
        assert (await rest.record(device_id, running))["status"] == "SUCCESS"
        found = await names_of(rest, device_id)
        assert sorted(found) == sorted(f"e{seq}" for seq in range(1, EVENTS + 2))


async def test_nothing_is_sent_and_what_waits_stays(rest: Rest, fleet: Fleet) -> None:
    device_id, other = await fleet.enroll(), await fleet.enroll()
    waits = await rest.accept(device_id, delivery="queue")
    await quarantine(rest, device_id)
    wishes: list[Json] = [{}, {"delivery": "queue"}, {"delivery": "queue", "timeoutMs": 20_000}]
    for wish in wishes:
        assert_quarantined(await rest.dispatch(device_id, **wish), 409)
    body: Json = {"command": {"type": "force_sync"}, "delivery": "queue"}
    ids = [device_id, other]
    group = await make_group(rest, *ids)
    calls: list[tuple[str, Json]] = [
        ("/commands/bulk", {**body, "deviceIds": ids}),
        (f"/device-groups/{group}/commands", body),
    ]
    for path, call in calls:
        answer = await rest.post(path, call, Prefer="respond-async")
        assert answer.status_code == 202, answer.text
        outcomes = answer.json()["data"]["results"]
        assert outcomes[device_id]["error"]["code"] == "quarantined"
        assert outcomes[other]["status"] == "PENDING"
    async with fleet.line(device_id) as device:
        await device.hello(commands=["force_sync"])
        await told(device)
        assert await device.settled() == []
        assert (await rest.record(device_id, waits))["status"] == "PENDING"
        await release(rest, device_id)
        assert (await device.closed())[0] == 1012
    async with fleet.line(device_id) as device:
        await device.hello(commands=["force_sync"])
        await device.command(id=waits)
        await device.succeed(waits)


async def test_a_deadline_passes_and_the_result_comes_late(rest: Rest, fleet: Fleet) -> None:
    async with fleet.new_line() as device:
        device_id = device.device_id
        await device.hello(journalId="journal-1")
        running = await rest.accept(device_id, timeoutMs=1_500)
        await device.command(id=running)
        await quarantine(rest, device_id)
        await told(device)
        await device.send("result", commandId=running, success=True)
        await rest.until_status(device_id, running, "TIMEOUT")
        await device.find("cancel", commandId=running)
        await release(rest, device_id)
        await device.find("reconnect")
    async with fleet.line(device_id) as device:
        await device.hello(journalId="journal-1")
        await device.succeed(running)
        record = await rest.record(device_id, running)
        assert record["status"] == "TIMEOUT"
        assert record["lateResult"]["success"] is True


async def test_the_token_is_renewed_and_nobody_enrols_anew(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device_id = await fleet.enroll()
    reopened = await rest.post(f"/devices/{device_id}/allow-reenroll")
    assert reopened.status_code == 200, reopened.text
    await quarantine(rest, device_id)
    key = {"X-Enrollment-Key": hub.ready["enrollmentKey"]}
    own = bearer(await fleet.token(device_id))
    path = f"{hub.url}/api/v1/devices/{device_id}/token"
    async with httpx.AsyncClient(trust_env=False) as client:
        anew = await client.post(path, headers=key)
        assert_quarantined(anew, 403)
        assert int(anew.headers["Retry-After"]) > 0
        renewed = await client.post(path, headers=own)
        assert renewed.status_code == 200, renewed.text
        async with fleet.line(device_id) as device:
            await told(device)
            token = renewed.json()["data"]["token"]
            await device.send("auth", token=token)
            await device.find("auth_ok")
        await release(rest, device_id)
        assert (await client.post(path, headers=key)).status_code == 200
    fleet.forget(device_id)


async def test_records_and_desired_state_wait_for_the_release(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device_id = new_id("edge")
    own = bearer(await fleet.token(device_id, companyId="acme"))
    record: Json = {"id": "b-1", "kind": "bottle", "companyId": "acme", "data": {}}
    body = {"records": [{**record, "ts": "2026-01-01T12:00:00.000Z"}]}
    await quarantine(rest, device_id)
    async with httpx.AsyncClient(
        base_url=f"{hub.url}/api/v1", headers=own, trust_env=False
    ) as client:
        for answer in (
            await client.post("/sync", json=body),
            await client.get("/device/desired/config"),
        ):
            assert_quarantined(answer, 503)
            assert int(answer.headers["Retry-After"]) > 0
        await release(rest, device_id)
        taken = await client.post("/sync", json=body)
        assert taken.json()["data"]["accepted"] == ["b-1"]
        assert (await client.get("/device/desired/config")).status_code == 200


async def test_desired_state_is_handed_over_after_the_release(rest: Rest, fleet: Fleet) -> None:
    hello: Json = {"accepts": ["desired"], "sections": {"mode": {"version": "", "hash": "other"}}}
    async with fleet.new_line() as device:
        device_id = device.device_id
        await quarantine(rest, device_id)
        await told(device)
        await device.hello(**hello)
        changed = await rest.client.put(
            f"/devices/{device_id}/connection-mode", json={"mode": "DIRECT_CLOUD"}
        )
        assert changed.status_code == 200
        assert await device.settled() == []
        await release(rest, device_id)
        frames: list[str] = []
        while not frames or frames[-1] != "reconnect":
            frames.append((await device.frame())["type"])
        assert frames == ["reconnect"]
    async with fleet.line(device_id) as device:
        await device.hello(**hello)
        await device.find("desired", kind="mode")


async def test_what_does_not_decode_is_not_acknowledged_either(rest: Rest, fleet: Fleet) -> None:
    """An `error` that names it would be taken for all before it."""
    async with fleet.new_line() as device:
        await device.hello()
        await quarantine(rest, device.device_id)
        await told(device)
        await device.send("event", name=7, seq=5)
        error = await device.expect("error", code="invalid_frame")
        assert {"bootId", "seq"}.isdisjoint(error)


async def test_telemetry_without_seq_is_counted(hub: HubProcess, rest: Rest, fleet: Fleet) -> None:
    async def count() -> float:
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(f"{hub.url}/metrics")).text
        name = 'longline_events_shed_total{reason="quarantined"}'
        found = [line for line in text.splitlines() if line.startswith(name)]
        return float(found[0].split()[-1]) if found else 0.0

    before = await count()
    async with fleet.new_line() as device:
        await quarantine(rest, device.device_id)
        await told(device)
        for _ in range(5):
            await device.send("status", status="ONLINE")
        await device.send("event", name="n", bootId="b", seq=1)
        assert await device.settled() == []
    assert await count() == before + 5


async def test_a_dashboard_hears_of_it(hub: HubProcess, rest: Rest, fleet: Fleet) -> None:
    device_id = await fleet.enroll()
    token = rest.client.headers["Authorization"]
    async with open_socket(f"{hub.url}/ws/dashboard", Authorization=token) as dashboard:
        await dashboard.send("subscribe", id="s", types=["record_changed"])
        await dashboard.expect("subscribed")
        await quarantine(rest, device_id)
        await dashboard.find("record_changed", kind="device", id=device_id)
        await release(rest, device_id)
        await dashboard.find("record_changed", kind="device", id=device_id)


@pytest.mark.parametrize("is_on_line", [True, False])
async def test_a_deployment_passes_over_a_device_in_quarantine(
    rest: Rest, fleet: Fleet, *, is_on_line: bool
) -> None:
    release_id = await upload(rest)

    async def deployed(device_id: str) -> Json:
        await quarantine(rest, device_id)
        body: Json = {"releaseId": release_id, "target": {"deviceIds": [device_id]}}
        made = await rest.post("/firmware/deployments", body)
        assert made.status_code == 201, made.text
        path = f"/firmware/deployments/{made.json()['data']['id']}/devices"
        found: Json = {}

        async def ended() -> bool:
            nonlocal found
            (found,) = await rest.data(path)
            return found["status"] == "SKIPPED"

        await until(ended)
        return found

    if is_on_line:
        async with fleet.new_line() as device:
            found = await deployed(device.device_id)
    else:
        found = await deployed(await fleet.enroll())
    assert found["error"]["code"] == "quarantined"


async def upload(rest: Rest) -> str:
    made = await rest.client.post(
        "/firmware/releases",
        params={"version": new_id("v"), "channel": "stable", "filename": "a.bin"},
        content=b"artifact",
        headers={"Content-Type": "application/octet-stream"},
    )
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["id"])
