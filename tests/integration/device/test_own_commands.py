"""Commands that a device's file declares, really run by a real agent process."""

import json
import sys

from tests.integration.device.agents import Bench

ECHO = """\
[commands.echo]
title = "Say it again"
argv = ["{python}", "-c", "import sys; print(sys.argv[1:])", "{{text}}"]
schema = {{ required = ["text"], properties = {{ text = {{ type = "string", maxLength = 20 }} }} }}
danger = "no"
"""
ADDS = (
    "import json, sys; print('percent 10', flush=True); print('percent 90', flush=True);"
    " print(json.dumps({'sum': sum(json.load(sys.stdin)['numbers'])}))"
)


def program(name: str, code: str, more: str = "") -> str:
    argv = json.dumps([sys.executable, "-c", code])
    return f"[commands.{name}]\nargv = {argv}\n{more}\n"


async def test_hello_names_them_and_describe_asks_what_they_are(bench: Bench) -> None:
    bench.settings = ECHO.format(python=sys.executable)
    async with bench.agent():
        hello = await bench.hub.frame("hello")
        await bench.hub.send({"type": "describe", "what": "weather"})
        await bench.hub.send({"type": "describe", "what": "custom"})
        said = await bench.hub.frame("custom_commands")
    assert len(hello["commands"]) == 12
    assert "custom" in hello["commands"]
    assert "describe" in hello["accepts"]
    assert hello["custom"] == {"hash": said["hash"], "names": ["echo"]}
    assert said["commands"] == [
        {
            "name": "echo",
            "title": "Say it again",
            "danger": "no",
            "redeliver": False,
            "timeoutMs": 60_000,
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "required": ["text"],
                "properties": {"text": {"type": "string", "maxLength": 20}},
            },
        }
    ]
    assert len(bench.hub.of("custom_commands")) == 1


async def test_a_value_is_one_argument_of_the_program(bench: Bench) -> None:
    bench.settings = ECHO.format(python=sys.executable)
    async with bench.agent():
        await bench.hub.frame("hello")
        done = await bench.hub.run("custom", "c1", name="echo", args={"text": "x; id"})
        long = await bench.hub.run("custom", "c2", name="echo", args={"text": "x" * 21})
        none = await bench.hub.run("custom", "c3", name="paint", args={})
        option = await bench.hub.run("custom", "c4", name="echo", args={"text": "-x"})
    assert done["success"] is True
    assert done["data"] == {
        "exitCode": 0, "stdout": "['x; id']\n", "stderr": "", "truncated": False,
    }  # fmt: skip
    assert (long["outcome"], long["error"]["code"]) == ("rejected", "invalid_command")
    assert long["error"]["message"] == "args.text: must have 20 characters at most"
    assert (none["outcome"], none["error"]["code"]) == ("rejected", "unsupported")
    assert (option["success"], option["error"]["code"]) == (False, "bad_argument")


async def test_arguments_on_standard_input_progress_and_a_value(bench: Bench) -> None:
    bench.settings = program("sum", ADDS, 'stdin = "json"\noutput = "json"')
    async with bench.agent():
        await bench.hub.frame("hello")
        done = await bench.hub.run("custom", "c1", name="sum", args={"numbers": [1, 2]})
        failed = await bench.hub.run("custom", "c2", name="sum", args={})
    assert done["data"] == {"exitCode": 0, "value": {"sum": 3}}
    percents = [each["percent"] for each in bench.hub.of("progress") if each["commandId"] == "c1"]
    assert [each for each in percents if each is not None] == [10.0, 90.0]
    assert failed["data"] == {"exitCode": 1, "value": None}
    assert failed["error"]["code"] == "exit_code"
    assert "KeyError" in failed["output"]


async def test_what_is_no_json_fails_and_long_output_keeps_head_and_tail(bench: Bench) -> None:
    bench.settings = program("wrong", "print('no')", 'output = "json"')
    bench.settings += program("large", "print(['x' * 40000])", 'output = "json"')
    bench.settings += program("long", "print('begin', 'x' * 100000, 'end')")
    async with bench.agent():
        await bench.hub.frame("hello")
        wrong = await bench.hub.run("custom", "c1", name="wrong")
        large = await bench.hub.run("custom", "c2", name="large")
        long = await bench.hub.run("custom", "c3", name="long")
    assert (wrong["success"], wrong["error"]["code"]) == (False, "bad_output")
    assert wrong["data"] == {"exitCode": 0, "value": None}
    assert (large["success"], large["error"]["code"]) == (False, "bad_output")
    assert long["data"]["truncated"] is True
    assert long["data"]["stdout"].startswith("begin xxx")
    assert long["data"]["stdout"].endswith("xxx end\n")
    assert len(long["data"]["stdout"]) <= 32 * 1024


async def test_its_time_is_limited_and_it_can_be_cancelled(bench: Bench) -> None:
    sleeps = "import time; print('on', flush=True); time.sleep(60)"
    bench.settings = program("slow", sleeps, "timeout_seconds = 0.5")
    bench.settings += program("calm", sleeps, "concurrent = true")
    async with bench.agent():
        await bench.hub.frame("hello")
        late = await bench.hub.run("custom", "c1", name="slow")
        await bench.hub.command("custom", "c2", name="calm")
        await bench.hub.until(lambda: any(p["commandId"] == "c2" for p in bench.hub.of("progress")))
        await bench.hub.send({"type": "cancel", "commandId": "c2"})
        result = await bench.hub.frame("result", commandId="c2")
    assert (late["success"], late["error"]["code"]) == (False, "timeout")
    assert late["data"]["stdout"] == "on\n"
    assert result["outcome"] == "cancelled"


async def test_after_a_crash_it_is_unknown_unless_it_may_run_again(bench: Bench) -> None:
    waits = f"import time; open({str(bench.directory / 'on')!r}, 'a').write('x'); time.sleep(60)"
    again = (
        f"import pathlib, time; p = pathlib.Path({str(bench.directory / 'again')!r});"
        " seen = p.exists(); p.write_text('x'); time.sleep(0 if seen else 60)"
    )
    bench.settings = program("once", waits) + program(
        "again", again, "redeliver = true\nconcurrent = true"
    )
    async with bench.agent() as agent:
        await bench.hub.frame("hello")
        await bench.hub.command("custom", "c1", name="once")
        await bench.hub.command("custom", "c2", name="again")
        await bench.hub.until(
            lambda: {p["commandId"] for p in bench.hub.of("progress")} == {"c1", "c2"}
        )
        await agent.kill()
    begin = len(bench.hub.frames)
    async with bench.agent():
        hello = await bench.hub.frame("hello", begin)
        lost = await bench.hub.frame("result", begin, commandId="c1")
        assert "c2" in hello["unfinished"]
        done = await bench.hub.run("custom", "c2", name="again")
    assert (lost["success"], lost["outcome"]) == (False, "unknown")
    assert done["success"] is True


async def test_a_fault_in_the_file_is_one_line_that_names_command_and_word(bench: Bench) -> None:
    bench.settings = program(
        "calibrate", "", "schema = { properties = { axis = { minlength = 1 } } }"
    )
    async with bench.agent() as agent:
        assert await agent.ended() == 2
    (line,) = [each for each in bench.log().splitlines() if "calibrate" in each]
    assert "command calibrate: schema.properties.axis.minlength: 'minlength' is no word" in line
