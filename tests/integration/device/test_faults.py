"""What the agent promises when it, the hub or the line fails."""

import asyncio
import json
import sys
from datetime import timedelta

from tests.acceptance.clock import Clock, needs_faketime
from tests.integration.device.agents import Bench, eventually
from tests.integration.device.scripted_hub import scripted_hub

SCAN = '{"type":"scan","code":"0101","valid":true}'


def hanging_template(bench: Bench) -> str:
    """A template that notes that it ran, and then does not end."""
    argv = bench.recorder("hang", then="import time\ntime.sleep(60)\n")
    return f"[shell.templates.hang]\nargv = {argv}\n"


async def test_a_command_cut_off_by_kill_9_is_unknown_and_ran_once(bench: Bench) -> None:
    bench.settings = hanging_template(bench)
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await bench.hub.command("exec_shell", "c1", template="hang")
        await bench.has_run("hang")
        await agent.kill()
    begin = len(bench.hub.frames)
    async with bench.agent():
        hello = await bench.hub.frame("hello", begin)
        result = await bench.hub.frame("result", begin, commandId="c1")
        again = await bench.hub.run("exec_shell", "c1", template="hang")
    assert hello["unfinished"] == ["c1"]
    assert (result["success"], result["outcome"]) == (False, "unknown")
    assert again == result
    assert bench.runs("hang") == 1


async def test_a_command_that_waited_at_the_crash_runs_when_it_is_sent_again(bench: Bench) -> None:
    bench.settings = f"[power]\nreboot_argv = {bench.recorder('reboot')}\n"
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await bench.hub.command("reboot_os", "c1", delaySeconds=60)
        await bench.hub.command("disable_device", "c2", reason="behind c1")
        await bench.hub.command("disable_device", "c3", reason="behind c2")
        await bench.hub.frame("ack", commandId="c3")
        await agent.kill()
    begin = len(bench.hub.frames)
    async with bench.agent():
        hello = await bench.hub.frame("hello", begin)
        unknown = await bench.hub.frame("result", begin, commandId="c1")
        cancelled = asyncio.create_task(bench.hub.frame("result", begin, commandId="c3"))
        await bench.hub.send({"type": "cancel", "commandId": "c3"})
        done = await bench.hub.run("disable_device", "c2", reason="behind c1")
        assert (await cancelled)["outcome"] == "cancelled"
    assert hello["unfinished"] == ["c1", "c2", "c3"]
    assert unknown["outcome"] == "unknown"
    assert done["success"] is True
    assert bench.runs("reboot") == 0


async def test_a_result_is_repeated_until_it_is_acknowledged(bench: Bench) -> None:
    bench.hub.acknowledge_results = False
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        first = await bench.hub.run("force_sync", "c1")
        await bench.hub.lines[-1].close()
        begin = len(bench.hub.frames)
        assert await bench.hub.frame("result", begin, commandId="c1") == first
        await agent.kill()
    begin = len(bench.hub.frames)
    async with bench.agent() as agent:
        bench.hub.acknowledge_results = True
        assert await bench.hub.frame("result", begin, commandId="c1") == first
        await bench.hub.run("force_sync", "c2")
        await agent.stop()
    begin = len(bench.hub.frames)
    async with bench.agent():
        assert (await bench.hub.frame("hello", begin))["unfinished"] == []


async def test_cancel_kills_what_runs_and_takes_out_what_waits(bench: Bench) -> None:
    bench.settings = hanging_template(bench)
    async with bench.agent():
        await bench.hub.frame("status")
        await bench.hub.command("exec_shell", "c1", template="hang")
        await bench.has_run("hang")
        await bench.hub.send({"type": "cancel", "commandId": "c1"})
        running = await bench.hub.frame("result", commandId="c1")
        await bench.hub.command("restart_service", "c2", delaySeconds=60)
        await bench.hub.command("enable_device", "c3")
        await bench.hub.frame("ack", commandId="c3")
        await bench.hub.send({"type": "cancel", "commandId": "c3"})
        waiting = await bench.hub.frame("result", commandId="c3")
        await bench.hub.send({"type": "cancel", "commandId": "c2"})
        delayed = await bench.hub.frame("result", commandId="c2")
    assert [r["outcome"] for r in (running, waiting, delayed)] == ["cancelled"] * 3


async def test_a_cancel_that_comes_before_its_command_keeps_it_from_running(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        await bench.hub.send({"type": "cancel", "commandId": "c1"})
        first = await bench.hub.frame("result", commandId="c1")
        assert await bench.hub.run("force_sync", "c1") == first
    assert first["outcome"] == "cancelled"


async def test_commands_that_must_not_run_are_refused(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        late = {"type": "force_sync", "id": "c1", "deadline": "2020-01-01T00:00:00.000Z"}
        await bench.hub.send(late)
        assert (await bench.hub.frame("result", commandId="c1"))["error"]["code"] == (
            "deadline_passed"
        )
        invalid = await bench.hub.run("pull_logs", "c2", lines=0)
    assert (invalid["outcome"], invalid["error"]["code"]) == ("rejected", "invalid_command")


async def test_events_keep_their_names_across_a_restart(bench: Bench) -> None:
    bench.hub.acknowledge_events = False
    async with bench.agent() as agent:
        hello = await bench.hub.frame("hello")
        await bench.hub.frame("status")
        await bench.emit(SCAN, SCAN.replace("0101", "0102"))
        await bench.hub.frame("scan", seq=2)
        await bench.hub.acknowledge_event({"bootId": hello["bootId"], "seq": 1})
        await bench.hub.run("enable_device", "c1")
        await agent.kill()
    begin = len(bench.hub.frames)
    async with bench.agent():
        await bench.hub.frame("status", begin)
        await bench.emit(SCAN)
        await bench.hub.frame("scan", begin, seq=1)
    scans = [frame for frame in bench.hub.frames[begin:] if frame["type"] == "scan"]
    assert [(scan["bootId"] == hello["bootId"], scan["seq"]) for scan in scans] == [
        (True, 2),
        (False, 1),
    ]
    assert all(scan["ts"] for scan in scans)


async def test_events_are_taken_while_there_is_no_hub(bench: Bench) -> None:
    async with scripted_hub() as elsewhere:
        unused = elsewhere.url
    bench.hub.url, url = unused, bench.hub.url
    async with bench.agent() as agent:
        await eventually(bench.socket.exists)
        answers = await bench.emit(SCAN, "nonsense", '{"type":"scan"}', '{"type":"status"}')
        await agent.kill()
    codes = [json.loads(answer).get("code") for answer in answers]
    assert codes == [None, "invalid", "invalid", "invalid"]
    bench.hub.url = url
    async with bench.agent():
        assert (await bench.hub.frame("scan"))["seq"] == 1


async def test_the_token_is_renewed_at_two_thirds_and_sent_on_the_line(bench: Bench) -> None:
    bench.hub.token_seconds = 3.0
    async with bench.agent() as agent:
        auth = await bench.hub.frame("auth")
        await agent.stop()
    assert bench.hub.tokens[0] == {"key": "let-me-in"}
    assert bench.hub.tokens[1] == {"bearer": "token-1"}
    assert auth["token"] == "token-2"
    kept = bench.state / "token.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert len(bench.hub.lines) == 1


async def test_a_box_without_a_clock_renews_by_the_hubs(bench: Bench) -> None:
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await agent.stop()
    bench.hub.clock_ahead = timedelta(minutes=39)
    begin = len(bench.hub.frames)
    async with bench.agent() as agent:
        await bench.hub.frame("status", begin)
        await agent.stop()
    assert bench.hub.tokens == [{"key": "let-me-in"}]  # 21 minutes of 60 are left
    bench.hub.clock_ahead = timedelta(minutes=41)
    async with bench.agent():
        assert (await bench.hub.frame("auth"))["token"] == "token-2"
    assert bench.hub.tokens[1:] == [{"bearer": "token-1"}]


async def test_a_token_that_is_refused_is_replaced_with_the_key(bench: Bench) -> None:
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await agent.stop()
    bench.hub.valid_tokens.clear()
    begin = len(bench.hub.frames)
    async with bench.agent():
        await bench.hub.frame("status", begin)
    assert bench.hub.tokens == [{"key": "let-me-in"}] * 2


@needs_faketime
async def test_a_device_that_is_not_wanted_asks_again_in_an_hour(bench: Bench) -> None:
    bench.settings = "[metrics]\ninterval_seconds = 1\n"
    clock = Clock(bench.directory / "clock")
    # Here the monotonic clock is to take the step, too: that is how an hour passes.
    bench.environment = {**clock.environment(), "FAKETIME_DONT_FAKE_MONOTONIC": "0"}
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await bench.hub.lines[-1].close(4403)
        await eventually(lambda: "turned_away" in bench.log())
        assert await bench.emit(SCAN) == ['{"ok":true}\n']
        clock.step("+59m")
        await bench.emit(SCAN)
        assert bench.hub.of("scan") == []
        clock.step("+67m")
        await bench.hub.frame("scan", code="0101")
        assert await agent.stop() == 0
    assert len(bench.hub.lines) == 2
    assert "Traceback" not in bench.log()


async def test_a_refused_enrolment_is_one_line(bench: Bench) -> None:
    bench.key = "wrong"
    async with bench.agent() as agent:
        assert await agent.ended() == 1
    assert bench.log().splitlines()[-1] == (
        "longline: the hub does not accept the enrolment key (401)"
    )


async def test_a_proxy_that_refuses_is_not_the_key_that_is_refused(bench: Bench) -> None:
    bench.hub.pages.append(("/api/v1/devices/edge-1/token", 403, b"Blocked by the plant's proxy"))
    async with bench.agent() as agent:
        assert await agent.ended() == 1
    assert bench.log().splitlines()[-1] == (
        "longline: the hub, or a proxy in between, refused to enrol this device (403)"
    )


async def test_a_device_whose_id_is_long_has_a_socket_too(bench: Bench) -> None:
    bench.state = bench.directory / "state" / ("x" * 100)
    bench.says_socket = False
    bench.environment = {"XDG_RUNTIME_DIR": str(bench.directory)}
    async with bench.agent():
        await bench.hub.frame("status")
        (bench.socket,) = bench.directory.glob("longline-*.sock")
        assert await bench.emit(SCAN) == ['{"ok":true}\n']


async def test_a_portal_neither_enrols_a_device_nor_ends_its_agent(bench: Bench) -> None:
    path = "/api/v1/devices/edge-1/token"
    page = b"<html>Please accept the terms</html>"
    bench.hub.pages.extend((path, status, page) for status in (200, 403, 401, 404))
    async with bench.agent():
        await bench.hub.frame("hello")
    assert not bench.hub.pages


async def test_two_agents_cannot_share_a_state_directory(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        async with bench.agent() as second:
            assert await second.ended() == 1
    assert f"longline: another agent uses {bench.state}" in bench.log()


async def test_a_deleted_journal_is_a_new_one(bench: Bench) -> None:
    for _ in range(2):
        begin = len(bench.hub.frames)
        async with bench.agent() as agent:
            await bench.hub.frame("status", begin)
            await agent.stop()
        for file in bench.state.glob("state.db*"):
            file.unlink()
    first, second = bench.hub.of("hello")
    assert first["journalId"] != second["journalId"]


async def test_sigterm_ends_with_0_and_leaves_no_socket(bench: Bench) -> None:
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        reader, writer = await asyncio.open_unix_connection(bench.socket)
        assert await agent.stop() == 0
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert not bench.socket.exists()
    assert "Traceback" not in bench.log()


async def test_a_journal_that_cannot_be_written_refuses_before_running(bench: Bench) -> None:
    bench.settings = f"[power]\nshutdown_argv = {bench.recorder('shutdown')}\n"
    async with bench.agent():
        await bench.hub.frame("status")
        blocker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import sqlite3, sys, time\n"
            f"c = sqlite3.connect({str(bench.state / 'state.db')!r}, isolation_level=None)\n"
            "c.execute('BEGIN IMMEDIATE')\nprint(flush=True)\ntime.sleep(60)\n",
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert blocker.stdout is not None
            await blocker.stdout.readline()
            refused = await bench.hub.run("shutdown_os", "c1")
            await bench.hub.frame("status", status="DEGRADED")
        finally:
            blocker.kill()
            await blocker.communicate()
        assert (refused["outcome"], refused["error"]["code"]) == ("rejected", "journal_unavailable")
    assert bench.runs("shutdown") == 0
