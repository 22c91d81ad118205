"""Programs of the device hear what the agent is told: over its socket, and by a file."""

import asyncio
import json
import os
import socket
import stat
from pathlib import Path

from tests.integration.device.agents import Bench, eventually
from tests.integration.device.local_program import Line, local_program
from tests.integration.device.scripted_hub import DEADLINE

WATCH: Line = {"type": "watch"}
PATCH = {"scanner": {"baud": 9600}}


async def test_a_watcher_hears_the_whole_state_at_once_and_after_each_change(bench: Bench) -> None:
    bench.settings = (
        '[firmware]\nhealthy_seconds = 0.2\n[config]\nhealth_argv = ["true"]\n'  # so it is tried
    )
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            assert await program.ask(WATCH) == {"ok": True}
            first = await program.line()
            await bench.hub.run("push_config", "c1", patch=PATCH)
            tried, kept = await program.line(), await program.line()
            await bench.hub.run("disable_device", "c2", reason="jam")
            disabled = await program.line()

    assert first == {
        "type": "state",
        "config": {},
        "configVersion": 0,
        "configTrial": False,
        "production": {"enabled": True, "reason": None},
        "mode": "VIA_LOCAL_SERVER",
        "versions": first["versions"],
        "tokensDir": None,
    }
    assert set(first["versions"]) == {"agent"}
    assert first["versions"]["agent"]["current"]
    assert first["versions"]["agent"]["staged"] is None
    assert tried == {**first, "config": PATCH, "configVersion": 1, "configTrial": True}
    assert kept == {**tried, "configTrial": False}
    assert disabled == {**kept, "production": {"enabled": False, "reason": "jam"}}


async def test_a_watcher_hears_of_the_mode(bench: Bench) -> None:
    bench.settings = (
        'insecure = true\n[cloud]\nurl = "http://127.0.0.1:9"\ntoken_file = "'
        + str(_written(bench.directory / "cloud-token", "secret"))
        + '"\n'
    )
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            await program.ask({"type": "watch", "sections": ["mode"]})
            assert await program.line() == {"type": "state", "mode": "VIA_LOCAL_SERVER"}
            await bench.hub.hand_over("mode", "1", {"mode": "DIRECT_CLOUD"})
            assert await program.line() == {"type": "state", "mode": "DIRECT_CLOUD"}


async def test_a_watcher_of_some_sections_hears_of_no_others(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            await program.ask({"type": "watch", "sections": ["production"]})
            await program.line()
            await bench.hub.run("push_config", "c1", patch=PATCH)
            await bench.hub.run("disable_device", "c2", reason="jam")
            heard = await program.line()

    assert heard == {"type": "state", "production": {"enabled": False, "reason": "jam"}}


async def test_an_unknown_section_is_invalid(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            answer = await program.ask({"type": "watch", "sections": ["config", "weather"]})
            again = await program.ask(WATCH)

    assert (answer["ok"], answer["code"]) == (False, "invalid")
    assert again == {"ok": True}


async def test_watchers_hear_of_a_pause_before_the_hub_hears_of_its_end(bench: Bench) -> None:
    """Each has its line before the result is sent: nothing more needs to run for it."""
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            await program.ask({"type": "watch", "sections": ["production"]})
            await program.line()
            await bench.hub.run("disable_device", "c1", reason="jam")
            async with asyncio.timeout(0.05):
                assert (await program.line())["production"]["enabled"] is False


async def test_a_watcher_that_does_not_read_gets_the_newest_and_harms_nobody(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        with socket.socket(socket.AF_UNIX) as slow:
            slow.connect(str(bench.socket))
            slow.send(json.dumps(WATCH).encode() + b"\n")
            for number in range(1, 21):
                kind = "disable_device" if number % 2 else "enable_device"
                fields = {"reason": f"jam {number}"} if number % 2 else {}
                assert (await bench.hub.run(kind, f"c{number}", **fields))["success"] is True
            await bench.hub.run("disable_device", "c21", reason="the end")
            async with local_program(bench.socket) as other:
                await other.ask(WATCH)
                assert (await other.line())["production"]["reason"] == "the end"
            found = await asyncio.to_thread(_read_until, slow, b"the end")

    assert found[0] == {"ok": True}
    assert len(found) <= 4, "beside the answer what was in its socket already, and the newest"


async def test_watchers_that_go_away_unread_harm_nobody(bench: Bench) -> None:
    large = {"text": "x" * 50_000}
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await bench.hub.run("push_config", "c0", patch=large)
        for number in range(1, 31):
            watchers = [_silent(bench.socket) for _ in range(10)]
            kind = "disable_device" if number % 2 else "enable_device"
            fields = {"reason": f"jam {number}"} if number % 2 else {}
            await bench.hub.command(kind, f"c{number}", **fields)
            for each in watchers:
                each.close()
            assert (await bench.hub.frame("result", commandId=f"c{number}"))["success"] is True
        async with local_program(bench.socket) as program:
            assert (await program.ask({"type": "info"}))["watchers"] == 0
        assert await agent.stop() == 0

    assert "Traceback" not in bench.log()
    assert "raised exception" not in bench.log()


def _silent(place: Path) -> socket.socket:
    """A watcher that reads nothing, and has more to read than it has room for."""
    watcher = socket.socket(socket.AF_UNIX)
    watcher.connect(str(place))
    watcher.send(json.dumps(WATCH).encode() + b"\n")
    return watcher


async def test_info_is_the_agents_own_state(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            await program.ask(WATCH)
            info = await program.ask({"type": "info"})

    assert info["ok"] is True
    assert (info["id"], info["hub"], info["connected"]) == ("edge-1", bench.hub.url, True)
    assert (info["status"], info["mode"]) == ("ONLINE", "VIA_LOCAL_SERVER")
    assert (info["configVersion"], info["configTrial"]) == (0, False)
    assert (info["watchers"], info["agents"], info["metrics"]) == (1, [], {})


async def test_the_applied_configuration_is_a_file_for_the_group(bench: Bench) -> None:
    bench.socket = bench.directory / "run" / "agent.sock"
    bench.settings = 'socket_group = "nogroup"\n'
    file = bench.directory / "run" / "config.json"
    before = os.umask(0o077)
    try:
        async with bench.agent():
            await bench.hub.frame("status")
            empty = json.loads(file.read_text())
            await bench.hub.run("push_config", "c1", patch=PATCH)
            full = json.loads(file.read_text())
            modes = [_mode(path) for path in (file.parent, bench.socket, file)]
            inside = _mode(bench.state)
    finally:
        os.umask(before)

    assert (empty, full) == ({}, PATCH)
    assert modes == [0o711, 0o660, 0o640]
    assert inside == 0o700


async def test_the_file_is_whole_at_each_moment(bench: Bench) -> None:
    file = bench.socket.with_name("config.json")
    found: set[str] = set()
    async with bench.agent():
        await bench.hub.frame("status")

        async def read() -> None:
            while "n20" not in found:
                found.update(json.loads(file.read_text()))
                await asyncio.sleep(0)

        reader = asyncio.create_task(read())
        for number in range(1, 21):
            patch = {f"n{number - 1}": None, f"n{number}": "x" * 10_000}
            assert (await bench.hub.run("push_config", f"c{number}", patch=patch))["success"]
        async with asyncio.timeout(5):
            await reader
    assert len(found) > 5


async def test_a_missing_group_is_one_warning(bench: Bench) -> None:
    bench.settings = 'socket_group = "no-such-group"\n'
    async with bench.agent():
        await bench.hub.frame("status")
        await bench.hub.run("push_config", "c1", patch=PATCH)
        await eventually(bench.socket.with_name("config.json").exists)

    assert bench.log().count("group_missing") == 1
    assert bench.socket.with_name("config.json").stat().st_gid == os.getegid()


async def test_a_socket_in_the_state_directory_has_no_file_beside_it(bench: Bench) -> None:
    """There `config.json` is the agent's own, with what is on trial."""
    bench.says_socket = False
    async with bench.agent():
        await bench.hub.frame("status")
        await bench.hub.run("push_config", "c1", patch=PATCH)

    assert set(json.loads((bench.state / "config.json").read_text())) == {"version", "document"}


def _read_until(slow: socket.socket, word: bytes) -> list[Line]:
    """All lines up to the one with `word`."""
    slow.settimeout(DEADLINE)
    read = b""
    while not (word in read and read.endswith(b"\n")):
        read += slow.recv(65536)
    return [json.loads(line) for line in read.splitlines()]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _written(path: Path, content: str) -> Path:
    path.write_text(content)
    return path
