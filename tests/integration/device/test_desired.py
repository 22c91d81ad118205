"""What the hub hands over to a real agent: taken, tried, undone."""

import json
import sys
from typing import Any

import pytest

from protocol.canonical import hash_of
from tests.integration.device.agents import Bench, eventually

Json = dict[str, Any]
EMPTY: Json = {}
TRIED = "[firmware]\nhealthy_seconds = 0.2\n"
CUTTING = TRIED + '[config]\npushable = ["hub", "tls", "proxy"]\nconfirm_seconds = 3\n'
WRONG: Json = {"proxy": "http://127.0.0.1:1"}


async def taken(bench: Bench, kind: str, version: str, document: Json, **more: Json) -> Json:
    """The last word of the device about a document that was handed over to it."""
    begin = len(bench.hub.frames)
    await bench.hub.hand_over(kind, version, document, **more)
    while True:
        status = await bench.hub.frame("desired_status", begin, kind=kind)
        assert (status["version"], status["hash"]) == (version, hash_of(document))
        if status["status"] != "trial":
            return status
        begin = bench.hub.frames.index(status, begin) + 1


async def test_hello_names_what_the_device_has(bench: Bench) -> None:
    async with bench.agent():
        hello = await bench.hub.frame("hello")
        assert "desired" in hello["accepts"]
        assert hello["sections"] == {
            "config": {"version": "", "hash": hash_of(EMPTY)},
            "production": {
                "version": "", "hash": hash_of({"enabled": True, "reason": None}),
            },
            "mode": {
                "version": "", "hash": hash_of({"mode": "VIA_LOCAL_SERVER"}),
            },
            "software": {"version": "", "hash": hash_of({"pins": {}, "allow": []})},
        }  # fmt: skip


async def test_what_is_handed_over_is_taken_kept_and_named(bench: Bench) -> None:
    config = {"scanner": {"baud": 9600}, "metrics": {"intervalSeconds": 1}}
    paused = {"enabled": False, "reason": "cleaning"}
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        status = await taken(bench, "config", "7", config)
        assert (status["status"], status["restartRequired"]) == ("applied", ["scanner.baud"])
        assert (await taken(bench, "production", "3", paused))["status"] == "applied"
        await bench.hub.frame("status", status="DISABLED")
        # The same once more is known, and asked with its ETag.
        assert (await taken(bench, "config", "7", config))["status"] == "applied"
        await agent.stop()
    begin = len(bench.hub.frames)
    async with bench.agent():
        sections = (await bench.hub.frame("hello", begin))["sections"]
    assert sections["config"] == {"version": "7", "hash": hash_of(config)}
    assert sections["production"] == {"version": "3", "hash": hash_of(paused)}


async def test_a_push_is_no_version_of_the_hubs(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        await taken(bench, "config", "7", {"a": 1})
        await bench.hub.run("push_config", "c1", patch={"a": 2})
        assert (await taken(bench, "config", "7", {"a": 1}))["status"] == "applied"
        bench.hub.cut()
        begin = len(bench.hub.frames)
        sections = (await bench.hub.frame("hello", begin))["sections"]
        assert sections["config"]["hash"] == hash_of({"a": 1})


@pytest.mark.parametrize(
    ("kind", "document", "code"),
    [
        ("config", {"metrics": {"intervalSeconds": 0}}, "invalid_config"),
        ("config", {"hub": "https://elsewhere"}, "not_pushable"),
        ("production", {"enabled": "no"}, "invalid_section"),
        ("mode", {"mode": "BY_PIGEON"}, "invalid_section"),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_remembered(
    bench: Bench, kind: str, document: Json, code: str
) -> None:
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        status = await taken(bench, kind, "9", document)
        assert (status["status"], status["error"]["code"]) == ("failed", code)
        await agent.stop()
    begin = len(bench.hub.frames)
    async with bench.agent():
        hello = await bench.hub.frame("hello", begin)
        assert hello["sections"][kind]["refused"] == "9"
        assert (await taken(bench, kind, "10", _good(kind)))["status"] == "applied"


def _good(kind: str) -> Json:
    goods: dict[str, Json] = {
        "config": {"a": 1}, "production": {"enabled": True, "reason": None},
        "mode": {"mode": "VIA_LOCAL_SERVER"},
    }  # fmt: skip
    return goods[kind]


async def test_a_document_that_is_not_what_its_hash_says_is_refused(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        bench.hub.desired["config"] = {"version": "2", "hash": "0" * 64, "document": {"a": 1}}
        await bench.hub.send(
            {"type": "desired", "kind": "config", "version": "2", "hash": "0" * 64}
        )
        status = await bench.hub.frame("desired_status", kind="config")
        assert (status["status"], status["error"]["code"]) == ("failed", "hash_mismatch")


async def test_a_portals_page_is_no_section(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        bench.hub.pages.append(("/api/v1/device/desired/config", 200, b"<html>Hello</html>"))
        assert (await taken(bench, "config", "2", {"a": 1}))["status"] == "applied"
    assert "what answered is no hub" in bench.log()


async def test_other_changes_are_not_undone_by_an_absent_hub(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        bench.hub.refuses = True
        await bench.hub.command("push_config", "c1", patch={"a": 1})
        bench.hub.cut()
        await eventually(lambda: config_of(bench).get("document") == {"a": 1})
        assert "trial" not in config_of(bench)
        bench.hub.refuses = False
        result = await bench.hub.frame("result", commandId="c1")
        assert result["success"] is True


async def test_the_owners_program_judges_each_change(bench: Bench) -> None:
    judge = bench.directory / "judge.py"
    judge.write_text(
        "import json, sys\n"
        "state = json.load(sys.stdin)\n"
        "sys.exit(state['config'].get('line') == 'stopped')\n"
    )
    bench.settings += (
        f'{TRIED}[config]\nconfirm_seconds = 3\nhealth_argv = ["{sys.executable}", "{judge}"]\n'
    )
    async with bench.agent():
        await bench.hub.frame("status")
        good = await bench.hub.run("push_config", "c1", patch={"line": "runs"})
        assert good["success"] is True
        bad = await bench.hub.run("push_config", "c2", patch={"line": "stopped"})
        assert bad["error"]["code"] == "rolled_back"
        assert config_of(bench)["document"] == {"line": "runs"}
        handed = await taken(bench, "config", "5", {"line": "stopped"})
        assert (handed["status"], handed["error"]["code"]) == ("rolled_back", "rolled_back")
        statuses = [each["status"] for each in bench.hub.of("desired_status")]
        assert statuses == ["trial", "rolled_back"]


async def test_a_document_on_trial_does_not_count_twice(bench: Bench) -> None:
    bench.settings += f'{TRIED}[config]\nhealth_argv = ["true"]\n'
    async with bench.agent():
        await bench.hub.frame("status")
        for number, letter in enumerate("ab"):
            patch = {"text": letter * 200_000}
            assert (await bench.hub.run("push_config", f"c{number}", patch=patch))[
                "success"
            ] is True
        large = await bench.hub.run("push_config", "c9", patch={"more": "c" * 100_000})
        assert large["error"]["code"] == "config_too_large"


async def test_a_push_that_cuts_the_box_off_is_undone_and_said_so(bench: Bench) -> None:
    bench.settings += CUTTING
    async with bench.agent():
        await bench.hub.frame("status")
        result = await bench.hub.run("push_config", "c1", patch=WRONG)
        assert (result["success"], result["error"]["code"]) == (False, "rolled_back")
        assert config_of(bench)["document"] == {}
        hello = bench.hub.of("hello")[-1]
        assert hello["configRolledBack"] == "c1"
        # The next one waits for nothing of it.
        assert (await bench.hub.run("force_sync", "c2"))["success"] is True


async def test_a_push_that_needs_a_restart_is_confirmed_by_the_next_process(bench: Bench) -> None:
    bench.settings += CUTTING
    async with bench.agent():
        await bench.hub.frame("status")
        patch = {"hub": bench.hub.url.replace("127.0.0.1", "localhost"), "other": 1}
        result = await bench.hub.run("push_config", "c1", patch=patch)
        assert result["data"]["applied"] == ["hub"]
        assert result["data"]["restartRequired"] == ["other"]
        assert len({hello["bootId"] for hello in bench.hub.of("hello")}) == 2
        assert "trial" not in config_of(bench)


async def test_what_is_handed_over_and_cuts_the_box_off_is_undone(bench: Bench) -> None:
    bench.settings += CUTTING
    async with bench.agent():
        await bench.hub.frame("status")
        await bench.hub.hand_over("config", "4", WRONG)
        await bench.hub.frame("desired_status", status="trial")
        await bench.hub.until(lambda: len(bench.hub.of("hello")) > 1)
        hello = bench.hub.of("hello")[-1]
        assert hello["sections"]["config"] == {
            "version": "", "hash": hash_of(EMPTY), "refused": "4",
        }  # fmt: skip


async def test_a_crash_or_a_power_cut_in_a_trial_is_a_rollback(bench: Bench) -> None:
    bench.settings += CUTTING.replace("= 3", "= 60")
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await bench.hub.command("push_config", "c1", patch=WRONG)
        await eventually(lambda: config_of(bench).get("trial", {}).get("restarting") is False)
        await agent.kill()
    async with bench.agent():
        result = await bench.hub.frame("result", commandId="c1")
        assert result["error"]["code"] == "rolled_back"
        assert config_of(bench)["document"] == {}
        bench.boot_id_file.write_text("boot-2\n")
        assert (await bench.hub.run("force_sync", "c2"))["success"] is True


async def test_what_no_process_could_start_with_is_refused_at_once(bench: Bench) -> None:
    bench.settings += CUTTING
    async with bench.agent():
        await bench.hub.frame("status")
        for number, patch in enumerate(({"hub": "ftp://x"}, {"tls": {"caFile": "/nowhere"}})):
            result = await bench.hub.run("push_config", f"c{number}", patch=patch)
            assert result["error"]["code"] == "invalid_config", result
    assert len(bench.hub.of("hello")) == 1


def config_of(bench: Bench) -> Json:
    try:
        found: Json = json.loads((bench.state / "config.json").read_text())
    except FileNotFoundError:
        return {}
    return found


async def test_a_section_that_cannot_be_written_is_tried_again(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        blocked = bench.state / "config.json"
        blocked.mkdir()  # no file can take its place
        (blocked / "x").touch()
        status = await first_word(bench, "3", {"a": 1})
        assert (status["status"], status["error"]["code"]) == ("failed", "config_not_written")
        assert (await bench.hub.run("force_sync", "c1"))["success"] is True
        (blocked / "x").unlink()
        blocked.rmdir()
        assert (await taken(bench, "config", "4", {"a": 2}))["status"] == "applied"


async def first_word(bench: Bench, version: str, document: Json) -> Json:
    await bench.hub.hand_over("config", version, document)
    found: Json = await bench.hub.frame("desired_status", kind="config", version=version)
    return found
