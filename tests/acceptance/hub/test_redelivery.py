"""What a new line is sent again, in which order, and what never: protocol.md, 1.5."""

import asyncio

import pytest

from tests.acceptance.hub.clients import Fleet, Rest, now, until


async def test_g5_two_hundred_commands_reach_a_device_in_the_order_accepted(
    fleet: Fleet, rest: Rest
) -> None:
    """Accepted one after the other, while results come back and free places among the fifty."""
    async with fleet.new_line() as device:
        arrived: list[str] = []

        async def serve() -> None:
            while len(arrived) < 200:
                frame = await device.frame()
                if frame["type"] != "force_sync":
                    continue
                arrived.append(frame["id"])
                await device.send("result", commandId=frame["id"], success=True)

        serving = asyncio.create_task(serve())
        accepted: list[str] = []
        while len(accepted) < 200:
            answer = await rest.dispatch(device.device_id, headers={"Prefer": "respond-async"})
            if answer.status_code == 429:
                continue
            accepted.append(answer.json()["data"]["commandId"])
        await asyncio.wait_for(serving, 10)
        assert arrived == accepted


async def test_g5_commands_of_many_callers_arrive_in_the_order_of_the_ledger(
    fleet: Fleet, rest: Rest
) -> None:
    async with fleet.new_line() as device:
        wanted = (rest.accept(device.device_id, "clear_queue") for _ in range(50))
        await asyncio.gather(*wanted)
        arrived = [(await device.command("clear_queue"))["id"] for _ in range(50)]
        records = await rest.data(f"/devices/{device.device_id}/commands", limit=50)
        accepted_at = {record["commandId"]: record["createdAt"] for record in records}
        assert accepted_at.keys() == set(arrived)
        moments = [accepted_at[command_id] for command_id in arrived]
        assert moments == sorted(moments)
        assert await device.settled() == []


async def test_g5_queued_commands_come_in_order_and_new_ones_behind_them(
    fleet: Fleet, rest: Rest
) -> None:
    device_id = await fleet.enroll()
    queued = [
        await rest.accept(device_id, delivery="queue", timeoutMs=20_000 + n) for n in range(20)
    ]
    async with fleet.line(device_id) as device:
        fresh = [await rest.accept(device_id) for _ in range(10)]
        arrived = [(await device.command())["id"] for _ in range(30)]
        assert arrived == queued + fresh
        assert await device.settled() == []


async def test_a_safe_command_is_sent_again_on_the_next_line(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        command_id = await rest.accept(device_id)
        await device.command(id=command_id)
        await device.send("ack", commandId=command_id)
        await rest.until_status(device_id, command_id, "ACKED")
    async with fleet.line(device_id) as device:
        await device.command(id=command_id)
        assert (await rest.record(device_id, command_id))["status"] == "ACKED"
        await device.succeed(command_id)


async def test_a_command_is_written_once_on_each_line(fleet: Fleet, rest: Rest) -> None:
    """Whatever makes the hub look again: hello, frames, new commands, the sweep."""
    device_id = await fleet.enroll()
    async with fleet.line(device_id):
        first = await rest.accept(device_id)
    async with fleet.line(device_id) as device:
        await device.command(id=first)
        await device.hello()
        second = await rest.accept(device_id)
        await device.command(id=second)
        began = now()

        async def two_sweeps() -> bool:
            assert await device.settled() == []
            return now() - began > 2.5

        await until(two_sweeps)


async def lose_an_unsafe_command(fleet: Fleet, rest: Rest, **hello: str) -> tuple[str, str]:
    """(device, command): written to a line that has ended."""
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        if hello:
            await device.hello(**hello)
            await device.settled()
        command_id = await rest.accept(device_id, "restart_service", timeoutMs=60_000)
        await device.command("restart_service", id=command_id)
        return device_id, command_id


@pytest.mark.parametrize("first_frame", ["hello", "ping"])
async def test_g3_an_unsafe_command_is_unknown_once_the_new_line_is_settled(
    fleet: Fleet, rest: Rest, first_frame: str
) -> None:
    device_id, lost = await lose_an_unsafe_command(fleet, rest)
    async with fleet.line(device_id) as device:
        behind = await rest.accept(device_id)
        assert (await rest.record(device_id, lost))["status"] == "SENT"
        fields = {"bootId": "boot-2"} if first_frame == "hello" else {}
        await device.send(first_frame, **fields)
        await device.find("force_sync", id=behind)
        record = await rest.until_status(device_id, lost, "UNKNOWN")
        assert record["error"]["code"] == "unknown"
        assert await device.settled() == []


async def test_g3_an_unsafe_command_is_unknown_five_seconds_after_a_silent_line(
    fleet: Fleet, rest: Rest
) -> None:
    device_id, lost = await lose_an_unsafe_command(fleet, rest)
    async with fleet.line(device_id) as device:
        behind = await rest.accept(device_id)
        began = now()
        await device.command(id=behind)
        assert now() - began > 4
        await rest.until_status(device_id, lost, "UNKNOWN")


async def test_g3_with_the_same_journal_an_unsafe_command_is_sent_again(
    fleet: Fleet, rest: Rest
) -> None:
    device_id, lost = await lose_an_unsafe_command(fleet, rest, journalId="j-1")
    async with fleet.line(device_id) as device:
        behind = await rest.accept(device_id)
        await device.hello(bootId="boot-2", journalId="j-1")
        await device.command("restart_service", id=lost)
        await device.command(id=behind)
        await device.succeed(lost)


async def test_g3_with_another_journal_an_unsafe_command_is_unknown(
    fleet: Fleet, rest: Rest
) -> None:
    device_id, lost = await lose_an_unsafe_command(fleet, rest, journalId="j-1")
    async with fleet.line(device_id) as device:
        await device.hello(journalId="j-2")
        await rest.until_status(device_id, lost, "UNKNOWN")
        assert await device.settled() == []


async def test_g3_the_journal_of_a_hello_after_the_command_counts(fleet: Fleet, rest: Rest) -> None:
    """A new line is written at once; the device says only then that it keeps a journal."""
    device_id = await fleet.enroll()
    command_id = await rest.accept(device_id, "restart_service", delivery="queue")
    async with fleet.line(device_id) as device:
        await device.command("restart_service", id=command_id)
        await device.hello(journalId="j-1")
        await device.settled()
    async with fleet.line(device_id) as device:
        await device.hello(journalId="j-1")
        await device.command("restart_service", id=command_id)


async def test_safe_commands_before_one_in_doubt_do_not_wait(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id):
        safe = await rest.accept(device_id, "force_sync")
        unsafe = await rest.accept(device_id, {"type": "exec_shell", "template": "uptime"})
        behind = await rest.accept(device_id, "enable_device")
    async with fleet.line(device_id) as device:
        await device.command(id=safe)
        await device.hello()
        await device.command("enable_device", id=behind)
        await rest.until_status(device_id, unsafe, "UNKNOWN")


async def test_hello_that_names_a_command_that_has_ended_gets_a_cancel(
    fleet: Fleet, rest: Rest
) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        ended = await rest.accept(device_id, timeoutMs=100)
        await device.command(id=ended)
        await rest.until_status(device_id, ended, "TIMEOUT")
        running = await rest.accept(device_id)
        await device.find("force_sync", id=running)
    async with fleet.line(device_id) as device:
        await device.command(id=running)
        await device.hello(journalId="j", unfinished=[ended, running, "never-heard-of"])
        await device.expect("cancel", commandId=ended)
        assert await device.settled() == []


async def test_a_command_whose_cancel_was_asked_for_is_cancelled_again_on_the_next_line(
    fleet: Fleet, rest: Rest
) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        command_id = await rest.accept(device_id)
        await device.command(id=command_id)
    path = f"/devices/{device_id}/commands/{command_id}"
    assert (await rest.client.delete(path)).status_code == 202
    async with fleet.line(device_id) as device:
        await device.command(id=command_id)
        await device.expect("cancel", commandId=command_id)


async def test_a_command_times_out_although_its_device_is_away(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as device:
        command_id = await rest.accept(device_id, timeoutMs=400)
        await device.command(id=command_id)
    await rest.until_status(device_id, command_id, "TIMEOUT", seconds=3)
    async with fleet.line(device_id) as device:
        assert await device.settled() == []


async def test_g6_a_result_on_a_superseded_line_changes_nothing(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    async with fleet.line(device_id) as old:
        command_id = await rest.accept(device_id, "restart_service")
        await old.command("restart_service", id=command_id)
        async with fleet.line(device_id) as new:
            assert new.welcome["generation"] == old.welcome["generation"] + 1
            assert (await old.closed(seconds=2))[0] == 4409
            assert (await rest.record(device_id, command_id))["status"] == "SENT"
            await new.hello()
            await rest.until_status(device_id, command_id, "UNKNOWN")


async def test_g6_of_many_lines_opened_at_once_one_stays(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(12):
            tasks.create_task(_open_and_stay(fleet, device_id))
    device = await rest.data(f"/devices/{device_id}")
    assert device["generation"] == 12


async def _open_and_stay(fleet: Fleet, device_id: str) -> None:
    """The line with the highest generation answers; every other is closed 4409."""
    async with fleet.line(device_id) as device:
        if device.welcome["generation"] == 12:
            await device.settled()
        else:
            assert (await device.closed())[0] == 4409
