"""What a review by clients of its own found to differ from protocol.md."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.acceptance.hub.clients import Fleet, Rest, new_id
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess


async def test_a_result_for_a_command_of_a_device_with_another_generation_is_answered(
    fleet: Fleet, rest: Rest
) -> None:
    """1.5: result or ack for an id never given to this device: error, and result_ack."""
    async with fleet.new_line() as first, fleet.line(first.device_id) as owner:
        assert owner.welcome["generation"] == 2
        command_id = await rest.accept(owner.device_id)
        async with fleet.new_line() as stranger:
            assert stranger.welcome["generation"] == 1
            await stranger.send("result", commandId=command_id, success=True)
            await stranger.expect("error", code="unknown_command", seconds=3)
            await stranger.expect("result_ack", commandId=command_id)


@pytest.mark.parametrize(
    "field",
    [
        '"code":"a\\u0000b"',
        '"code":"\\ud800"',
        '"code":"x","data":{"n":18446744073709551616}',
    ],
    ids=["nul", "surrogate", "long-integer"],
)
async def test_a_durable_event_with_a_refused_value_names_its_place(
    fleet: Fleet, field: str
) -> None:
    """1.3: an error that carries bootId and seq; it must not block the device for ever."""
    async with fleet.new_line() as device:
        await device.hello()
        frame = f'{{"type":"scan",{field},"valid":true,"bootId":"boot-1","seq":1}}'
        await device.send_raw(frame)
        await device.expect("error", code="invalid_frame", bootId="boot-1", seq=1)


async def test_a_repeated_bulk_call_answers_for_the_same_targets(fleet: Fleet, rest: Rest) -> None:
    """4.1: the same key with the same body joins; a target that is unknown is its own entry."""
    device_id = await fleet.enroll()
    body = {"deviceIds": [device_id, "nobody"], "command": {"type": "force_sync"}}
    key = new_id("key")
    answers = [
        await rest.post("/commands/bulk", body, Idempotency_Key=key, Prefer="respond-async")
        for _ in range(2)
    ]
    first, second = (set(answer.json()["data"]["results"]) for answer in answers)
    assert first == second == {device_id, "nobody"}


async def test_a_body_that_does_not_validate_names_the_field(fleet: Fleet, rest: Rest) -> None:
    """4: 400 with errors:[{field,message}]."""
    device_id = await fleet.enroll()
    for wish in (
        {"delivery": "queue", "expiresAt": "2020-01-01T00:00:00Z"},
        {"delivery": "now", "expiresAt": "2090-01-01T00:00:00Z"},
    ):
        body = {"command": {"type": "force_sync"}, **wish}
        answer = (await rest.post(f"/devices/{device_id}/commands", body)).json()
        assert answer["errors"][0]["field"] == "expiresAt"


async def test_a_call_that_waits_when_the_hub_drains_is_answered(tmp_path: Path) -> None:
    """4.1: one that still runs is 202; failures are problem documents."""
    hub = HubProcess(tmp_path)
    hub.start()
    try:
        token = log_in(hub.url, hub.ready["adminUser"], hub.ready["adminPassword"])
        fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
        async with Rest.open(hub.url, token) as rest, fleet.new_line() as device:
            call = asyncio.create_task(rest.dispatch(device.device_id, timeoutMs=60_000))
            await device.command()
            stopping = asyncio.create_task(asyncio.to_thread(hub.stop))
            answer: httpx.Response = await call
            assert answer.status_code in (202, 503), answer.text
            assert await stopping == 0
    finally:
        hub.kill()
