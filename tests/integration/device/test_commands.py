"""Each of the eleven commands, really executed by a real agent process."""

import hashlib
import json
import sys

import pytest

from protocol.canonical import hash_of
from tests.integration.device.agents import Bench
from tests.integration.device.scripted_hub import scripted_hub

SCAN = '{"type":"scan","code":"0101","valid":true}'


async def test_hello_names_what_the_agent_is_and_can(bench: Bench) -> None:
    async with bench.agent():
        hello = await bench.hub.frame("hello")
        status = await bench.hub.frame("status")
    assert bench.hub.frames[0] == hello
    assert len(hello["commands"]) == 11
    assert hello["unfinished"] == []
    assert hello["configVersion"] == 0
    assert hello["journalId"]
    assert status["status"] == "ONLINE"
    assert 0 < len(status["metrics"]) <= 64
    assert status["metrics"]["outbox.dropped"] == 0


async def test_force_sync_hands_the_queue_over(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        assert await bench.emit(SCAN) == ['{"ok":true}\n']
        result = await bench.hub.run("force_sync", "c1")
    assert result["success"] is True
    assert result["data"] == {"inProgress": 0}
    assert result["output"] == "Force-sync completed. In-progress: 0"
    assert [frame["code"] for frame in bench.hub.of("scan")] == ["0101"]
    assert bench.hub.of("ack")[0]["commandId"] == "c1"


async def test_clear_queue_deletes_what_is_not_acknowledged(bench: Bench) -> None:
    bench.hub.acknowledge_events = False
    async with bench.agent():
        await bench.hub.frame("status")
        await bench.emit(SCAN, SCAN)
        result = await bench.hub.run("clear_queue", "c1")
        synced = await bench.hub.run("force_sync", "c2")
    assert result["data"] == {"deleted": 2}
    assert synced["data"] == {"inProgress": 0}


async def test_pull_logs_sends_the_last_lines_of_a_file(bench: Bench) -> None:
    log = bench.directory / "app.log"
    log.write_text("".join(f"{'ERROR' if n % 2 else 'INFO'} line {n}\n" for n in range(1000)))
    bench.settings = f'[logs]\nfiles = ["{log}"]\n'
    async with bench.agent():
        await bench.hub.frame("status")
        result = await bench.hub.run(
            "pull_logs", "c1", lines=300, source=f"file:{log}", level="ERROR"
        )
        refused = await bench.hub.run("pull_logs", "c2", source="file:/etc/passwd")
    lines = [frame for frame in bench.hub.of("log_line") if frame["commandId"] == "c1"]
    assert result["data"] == {"lines": 300}
    assert [line["line"] for line in lines] == [f"ERROR line {n}" for n in range(401, 1000, 2)]
    assert {line["level"] for line in lines} == {"ERROR"}
    assert bench.hub.frames.index(lines[-1]) < bench.hub.frames.index(result)
    assert refused["success"] is False
    assert refused["error"]["code"] == "bad_source"


async def test_pull_logs_falls_back_on_the_agents_own_log(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        result = await bench.hub.run("pull_logs", "c1", source="agent")
    assert result["data"]["lines"] > 0
    assert any("line_open" in line["line"] for line in bench.hub.of("log_line"))


async def test_push_config_is_merged_kept_and_taken_up(bench: Bench) -> None:
    patch = {"metrics": {"intervalSeconds": 1}, "scanner": {"port": 7}}
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        result = await bench.hub.run("push_config", "c1", patch=patch)
        # `expectVersion` is of what the hub desires: it was decided there.
        decided = await bench.hub.run("push_config", "c2", patch={}, expectVersion=7)
        invalid = await bench.hub.run(
            "push_config", "c3", patch={"metrics": {"intervalSeconds": 0}}
        )
        begin = len(bench.hub.frames)
        await bench.hub.frame("status", begin)
        await agent.stop()
    assert result["data"] == {
        "version": 1,
        "hash": hash_of(patch),
        "applied": ["metrics.intervalSeconds"],
        "restartRequired": ["scanner.port"],
    }
    assert decided["success"] is True
    assert invalid["error"]["code"] == "invalid_config"
    kept = json.loads((bench.state / "config.json").read_text())
    assert kept == {"version": 1, "document": patch}
    begin = len(bench.hub.frames)
    async with bench.agent():
        assert (await bench.hub.frame("hello", begin))["configVersion"] == 1


async def test_update_firmware_downloads_verifies_and_stages(bench: Bench) -> None:
    content = bytes(range(256)) * 2000
    bench.hub.artifacts["/api/v1/firmware/releases/r1/artifact"] = content
    update = {
        "releaseId": "r1",
        "version": "../2.0",
        "url": "/api/v1/firmware/releases/r1/artifact",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }
    staging = bench.state / "firmware"
    staging.mkdir(parents=True)
    (staging / "longline-device-.._2.0.part").write_bytes(content[:1000])
    async with bench.agent():
        await bench.hub.frame("status")
        result = await bench.hub.run("update_firmware", "c1", **update)
        wrong = await bench.hub.run(
            "update_firmware", "c2", **{**update, "version": "3", "sha256": "0" * 64}
        )
        missing = await bench.hub.run(
            "update_firmware",
            "c3",
            **{**update, "version": "4", "url": "/api/v1/firmware/releases/none/artifact"},
        )
    staged = staging / "longline-device-.._2.0"
    assert result["data"] == {"stagedPath": str(staged), "version": "../2.0"}
    assert staged.read_bytes() == content
    assert bench.hub.ranges[0] == "bytes=1000-"
    assert json.loads((staging / "staged.json").read_text())["releaseId"] == "r1"
    assert any(frame.get("stage") == "download" for frame in bench.hub.of("progress"))
    assert wrong["error"]["code"] == "sha256_mismatch"
    assert missing["success"] is False
    assert sorted(path.name for path in staging.iterdir()) == [staged.name, "staged.json"]


async def test_exec_shell_runs_a_template_and_nothing_else(bench: Bench) -> None:
    bench.settings = f"""
[shell.templates.echo]
argv = ["{sys.executable}", "-c", "import sys; print(sys.argv[1:]); sys.exit(3)", "{{text}}"]
[shell.templates.echo.args.text]
pattern = ".*"
[shell.templates.flood]
argv = ["{sys.executable}", "-c", "print('\\u0001' * 200000)"]
"""
    async with bench.agent():
        await bench.hub.frame("status")
        echo = await bench.hub.run("exec_shell", "c1", template="echo", args={"text": "$(id); a b"})
        flood = await bench.hub.run("exec_shell", "c2", template="flood")
        disk = await bench.hub.run("exec_shell", "c3", template="disk")
        unknown = await bench.hub.run("exec_shell", "c4", template="rm")
    assert echo["data"]["exitCode"] == 3
    assert echo["data"]["stdout"] == "['$(id); a b']\n"
    assert echo["success"] is False
    assert echo["error"]["code"] == "exit_code"
    assert flood["success"] is True
    assert flood["data"]["truncated"] is True
    assert len(json.dumps(flood)) < 64 * 1024
    assert "Filesystem" in disk["data"]["stdout"]
    assert unknown["error"]["code"] == "unknown_template"


async def test_the_agents_log_outlives_its_process_and_says_what_ended_it(bench: Bench) -> None:
    bench.settings = f'logs.default = "agent"\npower.os_boot_id_file = "{bench.boot_id_file}"\n'
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await agent.kill()
    bench.boot_id_file.unlink()
    async with bench.agent() as agent:
        assert await agent.ended() == 1
    bench.boot_id_file.write_text("boot-1\n")
    begin = len(bench.hub.frames)
    async with bench.agent():
        await bench.hub.frame("status", begin)
        await bench.hub.run("pull_logs", "c1", lines=100)
        await bench.hub.run("pull_logs", "c2", lines=1, level="ERROR")
    lines = [frame for frame in bench.hub.of("log_line") if frame["commandId"] == "c1"]
    events = [json.loads(frame["line"])["event"] for frame in lines]
    assert [events.count(event) for event in ("line_open", "agent_failed")] == [2, 1]
    assert all(frame["ts"] for frame in lines)
    (failure,) = [frame for frame in bench.hub.of("log_line") if frame["commandId"] == "c2"]
    assert (failure["level"], "cannot" in failure["line"]) == ("ERROR", True)
    assert (bench.state / "agent.log").stat().st_mode & 0o777 == 0o600


async def test_a_long_output_keeps_its_end_and_says_what_is_left_out(bench: Bench) -> None:
    count = "for n in range(20000): print(n)\nprint('THE-REAL-ERROR-IS-LAST', flush=True)\n"
    bench.settings = f"""
[shell.templates.fail]
argv = ["{sys.executable}", "-c", {json.dumps(f"{count}raise SystemExit(3)")}]
[shell.templates.hang]
argv = ["{sys.executable}", "-c", {json.dumps(f"import time{chr(10)}{count}time.sleep(60)")}]
timeout_seconds = 3
[power]
shutdown_argv = ["{sys.executable}", "-c", {json.dumps(f"{count}raise SystemExit(3)")}]
"""
    async with bench.agent():
        await bench.hub.frame("status")
        failed = await bench.hub.run("exec_shell", "c1", template="fail")
        late = await bench.hub.run("exec_shell", "c2", template="hang")
        power = await bench.hub.run("shutdown_os", "c3")
    for text in (failed["output"], failed["data"]["stdout"], late["data"]["stdout"]):
        assert text.startswith("0\n1\n2\n")
        assert text.endswith("\nTHE-REAL-ERROR-IS-LAST\n")
        assert " bytes left out …]" in text
    assert len(failed["output"].encode()) <= 4096
    assert failed["data"]["truncated"] is late["data"]["truncated"] is True
    assert power["error"]["message"].endswith("THE-REAL-ERROR-IS-LAST")


async def test_a_disabled_device_takes_no_production_events_across_a_restart(bench: Bench) -> None:
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        assert (await bench.hub.run("disable_device", "c1", reason="audit"))["success"]
        await bench.hub.frame("status", status="DISABLED")
        await agent.stop()
    begin = len(bench.hub.frames)
    async with bench.agent():
        await bench.hub.frame("status", begin, status="DISABLED")
        scan, alert = await bench.emit(
            SCAN, '{"type":"alert","severity":"WARN","code":"hot","message":"m"}'
        )
        assert json.loads(scan)["code"] == "disabled"
        assert json.loads(alert) == {"ok": True}
        assert (await bench.hub.run("enable_device", "c2"))["success"]
        assert await bench.emit(SCAN) == ['{"ok":true}\n']
        await bench.hub.frame("scan")


async def test_restart_service_succeeds_in_the_next_process(bench: Bench) -> None:
    async with bench.agent() as agent:
        first = await bench.hub.frame("hello")
        result = await bench.hub.run("restart_service", "c1")
        assert result["success"] is True
        assert [hello["bootId"] == first["bootId"] for hello in bench.hub.of("hello")] == [
            True,
            False,
        ]
        assert bench.hub.of("hello")[1]["unfinished"] == ["c1"]
        assert await agent.stop() == 0


async def test_restart_service_under_a_supervisor_exits_75(bench: Bench) -> None:
    async with bench.agent("--supervised") as agent:
        await bench.hub.frame("status")
        await bench.hub.command("restart_service", "c1")
        assert await agent.ended() == 75


async def test_reboot_os_succeeds_under_the_next_boot(bench: Bench) -> None:
    bench.settings = (
        f"[power]\nreboot_argv = {bench.recorder('reboot')}\n"
        f'os_boot_id_file = "{bench.boot_id_file}"\n'
    )
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await bench.hub.command("reboot_os", "c1")
        await bench.hub.frame("ack", commandId="c1")
        await bench.has_run("reboot")
        await agent.stop()
    bench.boot_id_file.write_text("boot-2\n")
    async with bench.agent():
        assert (await bench.hub.frame("result", commandId="c1"))["success"] is True
    assert bench.runs("reboot") == 1


async def test_reboot_os_that_does_not_reboot_has_failed(bench: Bench) -> None:
    bench.settings = (
        f"[power]\nreboot_argv = {bench.recorder('reboot')}\nreboot_grace_seconds = 0.1\n"
    )
    async with bench.agent():
        await bench.hub.frame("status")
        assert (await bench.hub.run("reboot_os", "c1"))["error"]["code"] == "not_rebooted"


async def test_shutdown_os_has_succeeded_when_its_program_has(bench: Bench) -> None:
    bench.settings = f"[power]\nshutdown_argv = {bench.recorder('shutdown')}\n"
    async with bench.agent():
        await bench.hub.frame("status")
        assert (await bench.hub.run("shutdown_os", "c1"))["success"] is True
        assert bench.runs("shutdown") == 1


@pytest.mark.parametrize("kind", ["shutdown_os", "reboot_os"])
@pytest.mark.parametrize("then", ["sys.exit(3)", "import os; os.kill(os.getpid(), 9)"])
async def test_a_machine_that_does_not_go_down_has_failed(
    bench: Bench, kind: str, then: str
) -> None:
    program = bench.recorder("power", then)
    bench.settings = (
        f"[power]\nshutdown_argv = {program}\nreboot_argv = {program}\nreboot_grace_seconds = 0.1\n"
    )
    async with bench.agent():
        await bench.hub.frame("status")
        result = await bench.hub.run(kind, "c1")
        assert (result["success"], result["error"]["code"]) == (False, "exit_code")
        assert (await bench.hub.run("force_sync", "c2"))["success"] is True


async def test_a_shutdown_that_left_no_time_to_say_so_succeeds_at_the_next_boot(
    bench: Bench,
) -> None:
    program = bench.recorder("shutdown", "import time; time.sleep(60)")
    bench.settings = (
        f'[power]\nshutdown_argv = {program}\nos_boot_id_file = "{bench.boot_id_file}"\n'
    )
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await bench.hub.command("shutdown_os", "c1")
        await bench.has_run("shutdown")
        await agent.kill()
    bench.boot_id_file.write_text("boot-2\n")
    async with bench.agent():
        assert (await bench.hub.frame("result", commandId="c1"))["success"] is True


PORTAL = b"<html>Please accept the terms</html>"


async def test_a_portals_page_is_no_firmware(bench: Bench) -> None:
    content = bytes(1000)
    path = "/api/v1/firmware/releases/r1/artifact"
    bench.hub.pages.append((path, 200, PORTAL))
    bench.hub.pages.append((path, 302, PORTAL))
    bench.hub.artifacts[path] = content
    async with bench.agent():
        await bench.hub.frame("status")
        result = await bench.hub.run(
            "update_firmware", "c1", releaseId="r1", version="2.0", url=path,
            sha256=hashlib.sha256(content).hexdigest(), size=len(content),
        )  # fmt: skip
    assert result["success"] is True, result
    assert not bench.hub.pages


async def test_a_token_goes_to_the_hub_alone(bench: Bench) -> None:
    async with scripted_hub() as stranger, bench.agent():
        await bench.hub.frame("status")
        for number, url in enumerate(
            (
                f"/{stranger.url}/api/v1/firmware/releases/r1/artifact",
                f"//{stranger.url.partition('//')[2]}/api/v1/firmware/releases/r1/artifact",
                "/api/v1/firmware/releases/../artifact",
                "/api/v1/firmware/releases/r1/artifact/../../x",
                "/api/v1/firmware/releases/r1/artifact?x=1",
            )
        ):
            result = await bench.hub.run(
                "update_firmware", f"c{number}", releaseId="r1", version="2.0", url=url,
                sha256="0" * 64, size=1,
            )  # fmt: skip
            assert result["outcome"] == "rejected", (url, result)
        assert stranger.asked == []
        elsewhere = stranger.url.replace("http", "ws") + "/ws/device"
        path = "/api/v1/firmware/releases/r1/artifact"
        bench.hub.redirects[path] = stranger.url + path
        bench.hub.redirects["/ws/device"] = elsewhere
        await bench.hub.command(
            "update_firmware", "c9", releaseId="r1", version="2.0", url=path,
            sha256="0" * 64, size=1,
        )  # fmt: skip
        await bench.hub.frame("ack", commandId="c9")
        bench.hub.cut()
        await bench.hub.was_asked("/ws/device", times=3)
        await bench.hub.was_asked(path, times=2)
        assert stranger.asked == []
        bench.hub.redirects.clear()
        begin = len(bench.hub.frames)
        await bench.hub.frame("hello", begin)
