"""The life of one command over REST and the line: protocol.md, 1.5 and 4.1."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.hub.clients import DEADLINE, Fleet, Json, Rest, new_id, now
from tests.acceptance.hub.process import HubProcess


async def test_a_command_that_succeeds_is_answered_with_its_result(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        call = asyncio.create_task(rest.dispatch(device.device_id, "pull_logs"))
        frame = await device.command("pull_logs", lines=200)
        assert frame.keys() == {"type", "id", "deadline", "serverTime", "lines"}
        await device.send("ack", commandId=frame["id"])
        await device.send("progress", commandId=frame["id"], percent=40, stage="reading")
        await rest.until_status(device.device_id, frame["id"], "RUNNING")
        await device.succeed(frame["id"], output="done", data={"lines": 200})
        answer = await call
        assert answer.status_code == 200
        assert answer.json() == {
            "success": True,
            "data": {
                "commandId": frame["id"],
                "status": "SUCCESS",
                "success": True,
                "output": "done",
                "data": {"lines": 200},
                "error": None,
            },
        }
        record = await rest.record(device.device_id, frame["id"])
        assert record["progress"] == {"percent": 40, "stage": "reading", "message": None}
        assert record["actor"] == "admin"
        assert record["sentAt"] <= record["finishedAt"]


async def test_ack_then_progress_then_a_late_ack_only_go_forward(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        command_id = await rest.accept(device.device_id)
        await device.command(id=command_id)
        assert (await rest.record(device.device_id, command_id))["status"] == "SENT"
        await device.send("ack", commandId=command_id)
        await rest.until_status(device.device_id, command_id, "ACKED")
        await device.send("progress", commandId=command_id, percent=None)
        await rest.until_status(device.device_id, command_id, "RUNNING")
        await device.send("ack", commandId=command_id)
        await device.send("progress", commandId=command_id, percent=7)

        async def second_progress() -> bool:
            record = await rest.record(device.device_id, command_id)
            assert record["status"] == "RUNNING"
            return record["progress"]["percent"] == 7

        async with asyncio.timeout(DEADLINE):
            while not await second_progress():
                pass


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"error": {"code": "disk_full", "message": "no room"}}, "FAILED"),
        ({"outcome": "rejected", "error": {"code": "unsupported", "message": "?"}}, "REJECTED"),
        ({"outcome": "cancelled", "error": {"code": "cancelled", "message": ""}}, "CANCELLED"),
        ({"outcome": "unknown", "error": {"code": "crashed", "message": ""}}, "UNKNOWN"),
    ],
)
async def test_a_command_that_does_not_succeed_says_why(
    fleet: Fleet, rest: Rest, result: dict[str, object], status: str
) -> None:
    async with fleet.new_line() as device:
        call = asyncio.create_task(rest.dispatch(device.device_id, "reboot_os"))
        frame = await device.command("reboot_os", delaySeconds=0)
        await device.send("result", commandId=frame["id"], success=False, **result)
        answer = await call
        assert answer.status_code == 200
        assert answer.json()["success"] is False
        data = answer.json()["data"]
        assert (data["status"], data["success"]) == (status, False)
        assert data["error"] == result["error"]


async def test_outcome_with_success_is_ignored(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        command_id = await rest.accept(device.device_id)
        await device.command()
        await device.succeed(command_id, outcome="unknown")
        assert (await rest.record(device.device_id, command_id))["status"] == "SUCCESS"


async def test_what_hello_does_not_name_is_rejected_and_never_sent(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        await device.hello(commands=["force_sync"])
        await device.settled()
        answer = await rest.dispatch(device.device_id, "reboot_os")
        assert answer.status_code == 200
        data = answer.json()["data"]
        assert (data["status"], data["error"]["code"]) == ("REJECTED", "unsupported")
        command_id = await rest.accept(device.device_id)
        await device.command(id=command_id)


async def test_what_was_queued_and_hello_does_not_name_is_rejected(
    fleet: Fleet, rest: Rest
) -> None:
    device_id = await fleet.enroll()
    refused = await rest.accept(device_id, "reboot_os", delivery="queue")
    wanted = await rest.accept(device_id, delivery="queue")
    async with fleet.line(device_id) as device:
        await device.hello(commands=["force_sync"])
        # Both may have gone before hello came: the hub waits only for commands in doubt.
        first = await device.frame()
        if first["id"] == refused:
            first = await device.frame()
        assert first["id"] == wanted


async def test_offline_and_now_is_200_with_a_failed_command(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    answer = await rest.dispatch(device_id)
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    data = answer.json()["data"]
    assert (data["status"], data["error"]["code"]) == ("FAILED", "device_offline")
    record = await rest.record(device_id, data["commandId"])
    assert (record["status"], record["sentAt"]) == ("FAILED", None)


async def test_a_queued_command_is_202_at_once_and_delivered_when_the_device_comes(
    fleet: Fleet, rest: Rest
) -> None:
    device_id = await fleet.enroll()
    answer = await rest.dispatch(device_id, delivery="queue", timeoutMs=20_000)
    assert answer.status_code == 202
    data = answer.json()["data"]
    assert data["status"] == "PENDING"
    assert answer.headers["location"].endswith(f"/devices/{device_id}/commands/{data['commandId']}")
    record = await rest.record(device_id, data["commandId"])
    assert record["deadline"] is None
    assert record["expiresAt"] is not None
    async with fleet.line(device_id) as device:
        frame = await device.command(id=data["commandId"])
        assert frame["deadline"] is not None
        await device.succeed(frame["id"])
    assert (await rest.record(device_id, frame["id"]))["status"] == "SUCCESS"


async def test_a_queued_command_whose_device_does_not_come_expires(
    fleet: Fleet, rest: Rest
) -> None:
    device_id = await fleet.enroll()
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    command_id = await rest.accept(device_id, delivery="queue", expiresAt=soon)
    record = await rest.until_status(device_id, command_id, "EXPIRED")
    assert record["error"]["code"] == "expired"
    async with fleet.line(device_id) as device:
        assert await device.settled() == []


async def test_past_its_deadline_a_command_times_out_and_is_cancelled(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        began = now()
        call = asyncio.create_task(rest.dispatch(device.device_id, timeoutMs=300))
        frame = await device.command()
        await device.expect("cancel", commandId=frame["id"])
        answer = await call
        assert 0.3 <= now() - began < 2
        assert answer.status_code == 200
        data = answer.json()["data"]
        assert (data["status"], data["error"]["code"]) == ("TIMEOUT", "timeout")


async def test_g4_a_late_result_is_acknowledged_and_kept_beside_the_record(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        command_id = await rest.accept(device.device_id, timeoutMs=100)
        await device.command()
        await device.expect("cancel", commandId=command_id)
        await device.succeed(command_id, output="too late")
        record = await rest.record(device.device_id, command_id)
        assert record["status"] == "TIMEOUT"
        assert record["lateResult"]["output"] == "too late"
        await device.send("result", commandId=command_id, success=False, output="once more")
        await device.expect("result_ack", commandId=command_id)
        again = await rest.record(device.device_id, command_id)
        assert again == record


async def test_g4_a_repeated_result_is_acknowledged_again_and_changes_nothing(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        command_id = await rest.accept(device.device_id)
        await device.command()
        await device.succeed(command_id, output="first")
        record = await rest.record(device.device_id, command_id)
        await device.succeed(command_id, output="second")
        assert await rest.record(device.device_id, command_id) == record


@pytest.mark.parametrize("reply", ["ack", "result"])
async def test_a_reply_to_a_command_never_given_is_refused_and_forgotten(
    fleet: Fleet, rest: Rest, reply: str
) -> None:
    """Alone in its group, and then another device's own."""
    async with fleet.new_line() as other, fleet.new_line() as device:
        foreign = await rest.accept(other.device_id)
        await other.command(id=foreign)
        fields = {"success": True} if reply == "result" else {}
        for command_id in ("never-heard-of", foreign):
            await device.send(reply, commandId=command_id, **fields)
            await device.expect("error", code="unknown_command", commandId=command_id)
            await device.expect("result_ack", commandId=command_id)
        assert (await rest.record(other.device_id, foreign))["status"] == "SENT"


async def test_replies_that_change_nothing_hold_up_no_others(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        command_id = await rest.accept(device.device_id)
        await device.command()
        await device.send("ack", commandId=command_id)
        await rest.until_status(device.device_id, command_id, "ACKED")
        await device.send("ack", commandId=command_id)
        await device.settled()
        await device.succeed(command_id)


async def test_cancel_before_it_was_sent_ends_it_at_once(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    command_id = await rest.accept(device_id, delivery="queue")
    path = f"/devices/{device_id}/commands/{command_id}"
    answer = await rest.client.delete(path)
    assert answer.status_code == 202
    assert answer.json()["data"]["status"] == "CANCELLED"
    assert answer.json()["data"]["error"]["code"] == "cancelled"
    again = await rest.client.delete(path)
    assert (again.status_code, again.json()["code"]) == (409, "ended")
    async with fleet.line(device_id) as device:
        assert await device.settled() == []


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"success": False, "outcome": "cancelled"}, "CANCELLED"),
        ({"success": True}, "SUCCESS"),
    ],
)
async def test_cancel_after_it_was_sent_leaves_the_word_to_the_device(
    fleet: Fleet, rest: Rest, result: dict[str, object], status: str
) -> None:
    async with fleet.new_line() as device:
        command_id = await rest.accept(device.device_id)
        await device.command()
        answer = await rest.client.delete(f"/devices/{device.device_id}/commands/{command_id}")
        assert answer.status_code == 202
        assert answer.json()["data"]["status"] == "SENT"
        await device.expect("cancel", commandId=command_id)
        await device.send("result", commandId=command_id, **result)
        await rest.until_status(device.device_id, command_id, status)


async def test_g2_the_same_id_with_the_same_body_is_one_command(fleet: Fleet, rest: Rest) -> None:
    command = {"type": "force_sync", "id": new_id("cmd")}
    async with fleet.new_line() as device:
        first = asyncio.create_task(rest.dispatch(device.device_id, command))
        await device.command(id=command["id"])
        second = asyncio.create_task(rest.dispatch(device.device_id, command, timeoutMs=15_000))
        assert await device.settled() == []
        await device.succeed(command["id"], output="once")
        assert (await first).json() == (await second).json()
        third = await rest.dispatch(device.device_id, command, delivery="now")
        assert third.json() == (await first).json()


async def test_g2_the_same_id_with_another_body_or_device_is_a_conflict(
    fleet: Fleet, rest: Rest
) -> None:
    device_id, other = await fleet.enroll(), await fleet.enroll()
    command = {"type": "force_sync", "id": new_id("cmd")}
    assert (await rest.dispatch(device_id, command)).status_code == 200
    for target, changed in (
        (device_id, {**command, "type": "enable_device"}),
        (other, command),
    ):
        answer = await rest.dispatch(target, changed)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    answer = await rest.dispatch(device_id, command, timeoutMs=1234)
    assert answer.status_code == 409


async def test_g2_the_same_id_from_many_callers_at_once_is_one_command(
    fleet: Fleet, rest: Rest
) -> None:
    command = {"type": "force_sync", "id": new_id("cmd")}
    async with fleet.new_line() as device:
        calls = [asyncio.create_task(rest.dispatch(device.device_id, command)) for _ in range(10)]
        await device.command()
        await device.succeed(command["id"])
        answers = await asyncio.gather(*calls)
        assert {answer.json()["data"]["status"] for answer in answers} == {"SUCCESS"}
        assert await device.settled() == []


async def test_g2_an_idempotency_key_stands_for_one_command(fleet: Fleet, rest: Rest) -> None:
    key = {"Idempotency-Key": new_id("key"), "Prefer": "respond-async"}
    async with fleet.new_line() as device:
        first = await rest.dispatch(device.device_id, headers=key)
        again = await rest.dispatch(device.device_id, headers=key)
        assert first.json()["data"]["commandId"] == again.json()["data"]["commandId"]
        await device.command()
        assert await device.settled() == []
        other = await rest.dispatch(device.device_id, "enable_device", headers=key)
        assert (other.status_code, other.json()["code"]) == (409, "conflict")
        elsewhere = await rest.dispatch(await fleet.enroll(), headers=key)
        assert elsewhere.status_code == 202


async def test_respond_async_names_the_command_before_it_ends(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        answer = await rest.dispatch(device.device_id, headers={"Prefer": "wait=1, Respond-Async"})
        assert answer.status_code == 202
        body = answer.json()
        assert body["success"] is True
        assert body["data"].keys() == {"commandId", "status"}
        assert body["data"]["status"] in ("PENDING", "SENT")
        path = answer.headers["location"].removeprefix("/api/v1")
        assert (await rest.data(path))["commandId"] == body["data"]["commandId"]


async def test_the_fifty_first_unfinished_command_is_429(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    for _ in range(50):
        await rest.accept(device_id, "clear_queue", delivery="queue")
    answer = await rest.dispatch(device_id, "clear_queue", delivery="queue")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_commands")
    assert int(answer.headers["retry-after"]) > 0
    async with fleet.line(device_id) as device:
        frame = await device.command("clear_queue")
        await device.succeed(frame["id"])
        assert await rest.accept(device_id, "clear_queue")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"timeoutMs": 99}, "timeoutMs"),
        ({"timeoutMs": 86_400_001}, "timeoutMs"),
        ({"delivery": "later"}, "delivery"),
        ({"delivery": "queue", "expiresAt": "2001-01-01T00:00:00Z"}, "expiresAt"),
        ({"delivery": "queue", "expiresAt": "2101-01-01T00:00:00Z"}, "expiresAt"),
        ({"delivery": "queue", "expiresAt": "9999-12-31T23:59:59-23:00"}, "expiresAt"),
        ({"delivery": "queue", "expiresAt": "0001-01-01T00:00:00+23:00"}, "expiresAt"),
        ({"expiresAt": "2101-01-01T00:00:00Z"}, "expiresAt"),
        ({"surprise": 1}, "surprise"),
        ({"command": {"type": "no_such"}}, "command"),
        ({"command": {"type": "force_sync", "lines": 3}}, "lines"),
        ({"command": {"type": "force_sync", "id": "a b"}}, "command.id"),
        ({"command": {"type": "pull_logs", "lines": 0}}, "command.lines"),
        ({"command": {"type": "disable_device"}}, "reason"),
        ({"command": {"type": "push_config", "patch": [1]}}, "command.patch"),
    ],
)
async def test_a_wish_that_does_not_validate_is_400_and_names_the_field(
    fleet: Fleet, rest: Rest, wish: dict[str, object], field: str
) -> None:
    device_id = await fleet.enroll()
    body = {"command": {"type": "force_sync"}, **wish}
    answer = await rest.post(f"/devices/{device_id}/commands", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.text
    assert field in answer.text
    assert (await rest.data(f"/devices/{device_id}/commands")) == []


async def test_an_unknown_device_or_command_is_404(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    assert (await rest.dispatch("nobody")).status_code == 404
    assert (await rest.get("/devices/nobody/commands")).status_code == 404
    assert (await rest.get(f"/devices/{device_id}/commands/none")).status_code == 404
    assert (await rest.client.delete(f"/devices/{device_id}/commands/none")).status_code == 404


async def test_equal_harmless_commands_that_wait_are_one(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    first = await rest.accept(device_id, delivery="queue")
    assert await rest.accept(device_id, delivery="queue") == first
    others = [
        await rest.accept(device_id, delivery="queue", timeoutMs=20_000),
        await rest.accept(device_id, {"type": "pull_logs", "lines": 5}, delivery="queue"),
        await rest.accept(device_id, "clear_queue", delivery="queue"),
        await rest.accept(device_id, "clear_queue", delivery="queue"),
        await rest.accept(device_id, {"type": "force_sync", "id": new_id("c")}, delivery="queue"),
    ]
    assert len({first, *others}) == 6
    rows = await rest.data("/audit-log", target=device_id, action="command.force_sync")
    assert [row["detail"].get("joined") for row in rows] == [None, None, True, None]
    async with fleet.line(device_id) as device:
        await device.hello()
        await device.find("force_sync", id=first)
        again = await rest.accept(device_id, delivery="queue")
        assert again != first


async def test_a_crowd_of_harmless_commands_leaves_room_and_is_cancelled_in_one_call(
    fleet: Fleet, rest: Rest, hub: HubProcess, tokens: dict[str, str]
) -> None:
    device_id = await fleet.enroll()
    for number in range(40):
        await rest.accept(device_id, delivery="queue", timeoutMs=1_000 + number)
    full = await rest.dispatch(device_id, delivery="queue", timeoutMs=5_000)
    assert (full.status_code, full.json()["code"]) == (429, "too_many_commands")
    patch: Json = {"type": "push_config", "patch": {}}
    await rest.accept(device_id, patch, delivery="queue")
    await rest.accept(device_id, "reboot_os", delivery="queue")
    path = f"/devices/{device_id}/commands"
    async with Rest.open(hub.url, tokens["OPERATOR"]) as operator:
        cancelled = await operator.client.delete(path, params={"status": "PENDING"})
    assert (cancelled.status_code, cancelled.json()["data"]) == (202, {"cancelled": 40})
    left = await rest.data(path, finished=False)
    assert {row["type"] for row in left} == {"push_config", "reboot_os"}
    some = await rest.client.delete(path, params={"status": "PENDING", "type": "reboot_os"})
    assert some.json()["data"] == {"cancelled": 1}
    for query in ({}, {"status": "SENT"}, {"status": "PENDING", "type": "x"}):
        assert (await rest.client.delete(path, params=query)).status_code == 400


def long_patch(size: int) -> Json:
    return {"type": "push_config", "patch": {"a": "x" * size}}


async def test_a_command_that_no_frame_carries_is_413_and_moves_nothing(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        path = f"/devices/{device.device_id}/commands"
        numbers = ",".join(["1e15"] * 80_000)  # goes out three times as long
        for patch in (f'"{"x" * 1_048_000}"', f"[{numbers}]", f'"{"x" * 256 * 1024}"'):
            body = f'{{"command":{{"type":"push_config","patch":{{"a":{patch}}}}}}}'
            answer = await rest.client.post(path, content=body)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            assert answer.json()["errors"][0]["field"] == "command.patch"
        assert (await rest.data(f"/devices/{device.device_id}/config"))["desired"] == {}
        command_id = await rest.accept(device.device_id, long_patch(255 * 1024))
        await device.command("push_config", id=command_id)


async def test_a_device_says_how_long_a_frame_may_be(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        await device.hello(maxFrame=4_095)
        assert (await device.frame())["code"] == "invalid_frame"
    queued = await rest.accept(device_id, long_patch(6_000), delivery="queue")
    async with fleet.line(device_id) as device:
        await device.hello(maxFrame=4_096)
        record = await rest.until_status(device_id, queued, "FAILED")
        assert record["error"]["code"] == "too_large"
        assert (await rest.data(f"/devices/{device_id}/config"))["desired"] == {}
        assert await device.settled() == []
    async with fleet.line(device_id) as device:
        answer = await rest.dispatch(device_id, long_patch(4_096))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        small = await rest.accept(device_id)
        await device.command(id=small)
    answer = await rest.dispatch(device_id, long_patch(4_096), delivery="queue")
    assert answer.status_code == 413


async def test_a_line_that_said_nothing_yet_gets_what_every_device_takes(
    fleet: Fleet, rest: Rest
) -> None:
    """What is longer waits for the first frame, and what came after it waits behind it."""
    async with fleet.new_line() as device:
        small = await rest.accept(device.device_id)
        await device.command(id=small)
        large = await rest.accept(device.device_id, long_patch(6_000))
        behind = await rest.accept(device.device_id, {"type": "pull_logs"})
        record = await rest.data(f"/devices/{device.device_id}/commands/{large}")
        assert record["status"] == "PENDING"
        await device.send("ping")
        frames = [await device.frame() for _ in range(3)]
    assert [frame["id"] for frame in frames if frame["type"] != "pong"] == [large, behind]


async def test_a_device_that_never_says_anything_gets_long_commands(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        large = await rest.accept(device.device_id, long_patch(6_000))
        await device.command("push_config", id=large)


async def test_a_device_that_takes_less_than_before_is_sent_nothing_longer(
    fleet: Fleet, rest: Rest
) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        await device.hello(maxFrame=100_000, journalId="j")
        sent = await rest.accept(device_id, long_patch(50_000))
        await device.command("push_config", id=sent)
    args = {str(number): "x" * 4_000 for number in range(10)}
    shell: Json = {"type": "exec_shell", "template": "t", "args": args}
    queued = await rest.accept(device_id, shell, delivery="queue")
    async with fleet.line(device_id) as device:
        await device.hello(maxFrame=4_096, journalId="j")
        for command_id in (sent, queued):
            record = await rest.until_status(device_id, command_id, "FAILED")
            assert record["error"]["code"] == "too_large"
        assert await device.settled() == []
    assert (await rest.data(f"/devices/{device_id}/config"))["desired"] == {}


async def test_a_device_that_closes_over_a_frame_ends_its_command(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        small = await rest.accept(device_id)
        large = await rest.accept(device_id, long_patch(9_000))
        await device.command(id=small)
        await device.command("push_config", id=large)
        await device.connection.close(1009)
    record = await rest.until_status(device_id, large, "FAILED")
    assert record["error"]["code"] == "too_large"
    async with fleet.line(device_id) as device:
        await device.command(id=small)
        assert await device.settled() == []
