"""Programs of the device say whether they are ready, and what they measure: to the agent, and by it
to the hub."""

import os
import pwd
import socket
import time

from device.local.local_lines import INTERVAL_SECONDS
from device.local.named_metrics import OWN
from tests.integration.device.agents import Bench
from tests.integration.device.local_program import Line, local_program

READY: Line = {"type": "report", "agent": "cluster-agent", "status": "READY"}
AGENTS = """
[metrics]
interval_seconds = 3600
[[agents]]
name = "cluster-agent"
required = true
[[agents]]
name = "scanner"
"""


def readiness(status: Line) -> list[tuple[str, bool, str | None]]:
    return [(each["name"], each["ready"], each["detail"]) for each in status["agents"]]


async def status_with_agents(bench: Bench, number: int) -> Line:
    """The status with the `number`th list of agents, from 1 on."""
    await bench.hub.until(lambda: len(_with_agents(bench)) >= number)
    return _with_agents(bench)[number - 1]


def _with_agents(bench: Bench) -> list[Line]:
    return [status for status in bench.hub.of("status") if "agents" in status]


async def test_a_device_without_programs_says_not_a_byte_more(bench: Bench) -> None:
    async with bench.agent():
        status = await bench.hub.frame("status")

    assert set(status) == {"type", "status", "ts", "metrics"} | ({"bootId", "seq"} & set(status))
    assert set(status["metrics"]) <= OWN, "each is a reserved name"


async def test_what_a_program_reports_is_in_the_next_status(bench: Bench) -> None:
    bench.settings = AGENTS
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            began = time.monotonic()
            answer = await program.ask({**READY, "detail": "3 pods", "version": "1.2"})
            ready = await status_with_agents(bench, 2)
            took = time.monotonic() - began
            await program.ask({**READY, "status": "NOT_READY", "detail": "0 pods"})
            unready = await status_with_agents(bench, 3)
            await program.ask({**READY, "agent": "scanner", "status": "NOT_READY"})
            await program.ask(READY)
            again = await status_with_agents(bench, 4)
            info = await program.ask({"type": "info"})

    assert answer == {"ok": True, "intervalSeconds": INTERVAL_SECONDS}
    assert took < 1.0
    assert (ready["status"], readiness(ready)) == ("ONLINE", [("cluster-agent", True, "3 pods")])
    assert unready["status"] == "DEGRADED"
    assert readiness(unready) == [("cluster-agent", False, "0 pods")]
    assert again["status"] == "ONLINE", "the other one is not required"
    assert ("cluster-agent", True, None) in readiness(again)
    assert [each["ready"] for each in info["agents"]] == [True, False]


async def test_agents_that_have_not_changed_are_left_out_on_this_line(bench: Bench) -> None:
    bench.settings = AGENTS.replace("3600", "1")
    async with bench.agent():
        first = await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            await program.ask(READY)
            reported = await status_with_agents(bench, 2)
            count = len(bench.hub.of("status"))
            await bench.hub.until(lambda: len(bench.hub.of("status")) >= count + 2)
            later = bench.hub.of("status")[count:]
            await bench.hub.lines[-1].close()
            anew = await status_with_agents(bench, 3)

    assert first["agents"] == [], "nobody has said anything yet"
    assert all("agents" not in status for status in later)
    assert anew["agents"] == reported["agents"], "another line"


async def test_silence_for_three_intervals_is_not_ready(bench: Bench) -> None:
    bench.settings = AGENTS
    async with bench.agent():
        await bench.hub.frame("status")
        began = time.monotonic()
        await bench.hub.until(lambda: len(_with_agents(bench)) > 1, within=40)
        took = time.monotonic() - began
        status = _with_agents(bench)[1]

    assert status["status"] == "DEGRADED"
    assert [ready for _, ready, _ in readiness(status)] == [False, False]
    assert 3 * INTERVAL_SECONDS - 5 < took < 3 * INTERVAL_SECONDS + 2


async def test_a_report_of_nobody_we_know_is_refused(bench: Bench) -> None:
    bench.settings = AGENTS
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            unknown = await program.ask({**READY, "agent": "printer"})
            invalid = await program.ask({**READY, "status": "PERHAPS"})
            status = await program.ask({"type": "status", "status": "ONLINE", "metrics": {"a": 1}})

    assert unknown["code"] == "unknown_agent"
    assert invalid["code"] == "invalid"
    assert status["code"] == "invalid", "the status is the agent's own"


ODD: list[Line] = [
    {"type": ["watch"]},
    {"type": {"report": 1}},
    {"type": None},
    {"kind": ["batch"], "id": "r1"},
    {"type": "watch", "sections": "config"},
    {"type": "metrics", "metrics": {"a": 10**400}},
    {"type": "report", "agent": ["cluster-agent"], "status": "READY"},
    {"type": "report", "agent": "cluster-agent\0", "status": "READY"},
    {},
]


async def test_odd_lines_are_answered_and_the_connection_stays(bench: Bench) -> None:
    bench.settings = AGENTS
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            answers = [await program.ask(line) for line in ODD]
            fine = await program.ask(READY)

    assert [answer["code"] for answer in answers] == ["invalid"] * len(ODD)
    assert all(answer["message"] for answer in answers)
    assert fine["ok"] is True
    assert "Traceback" not in bench.log()


async def test_another_user_does_not_speak_for_an_agent(bench: Bench) -> None:
    me = pwd.getpwuid(os.getuid()).pw_name
    bench.settings = (
        f'[[agents]]\nname = "mine"\nuser = "{me}"\n[[agents]]\nname = "yours"\nuser = "daemon"\n'
    )
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            mine = await program.ask({**READY, "agent": "mine"})
            yours = await program.ask({**READY, "agent": "yours"})
            measured = await program.ask({"type": "metrics", "agent": "yours", "metrics": {"a": 1}})

    assert mine["ok"] is True
    assert (yours["code"], measured["code"]) == ("forbidden", "forbidden")


async def test_metrics_of_programs_join_the_next_status(bench: Bench) -> None:
    bench.settings = AGENTS.replace("3600", "1")
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            plain = await program.ask({"type": "metrics", "metrics": {"temp": 41}})
            await program.ask({"type": "metrics", "agent": "scanner", "metrics": {"temp": 20.5}})
            await bench.hub.until(
                lambda: "scanner.temp" in bench.hub.of("status")[-1]["metrics"],
            )
            reserved = await program.ask({"type": "metrics", "metrics": {"cpu.percent": 1, "a": 1}})
            many = {f"n{number}": number for number in range(39)}
            refused = await program.ask({"type": "metrics", "metrics": many})
            info = await program.ask({"type": "info"})
        status = bench.hub.of("status")[-1]

    assert plain == {"ok": True}
    assert (status["metrics"]["temp"], status["metrics"]["scanner.temp"]) == (41, 20.5)
    assert status["metrics"]["cpu.percent"] != 1
    assert reserved["code"] == "reserved_name"
    assert refused["code"] == "too_many_metrics"
    assert info["metrics"] == {"temp": 41, "scanner.temp": 20.5}


async def test_a_line_that_is_too_long_is_refused(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            answer = await program.ask({"type": "metrics", "metrics": {"x" * 40_000: 1}})
    assert answer["code"] == "too_long"


async def test_there_is_an_answer_for_one_program_too_many(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        held = [socket.socket(socket.AF_UNIX) for _ in range(64)]
        try:
            for each in held:
                each.connect(str(bench.socket))
                each.send(b'{"type":"info"}\n')
                assert each.recv(10)
            async with local_program(bench.socket) as program:
                assert (await program.line())["code"] == "too_many"
        finally:
            for each in held:
                each.close()
