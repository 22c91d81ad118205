"""Commands that a real agent runs only when a person has signed them, whatever its hub does."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from device.commands.journal import KEEP_ROWS
from protocol.codec import rfc3339
from tests.integration.device.agents import Bench
from tests.integration.device.scripted_hub import Frame
from tests.signing import Signer, as_json, make_command

ANNA = Signer()
TABLE = f"""
[firmware]
trusted_keys = ["{"A" * 43}="]
[signed_commands]
org = "default"
require = ["reboot_os", "push_config", "disable_device", "update_firmware"]
operators = [{{ key = "{ANNA.line}" }}]
"""


def soon(**ahead: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(**ahead or {"minutes": 10}))


def beside(command_id: str, by: Signer = ANNA, **fields: Any) -> Frame:
    """What goes beside a signed disable_device."""
    fields = {"type": "disable_device", "params": {"reason": "cleaning"}} | fields
    fields.setdefault("not_after", soon())
    command = make_command(command_id=command_id, **fields)
    return {"signature": as_json(by.sign(command))}


async def disable(bench: Bench, command_id: str, **more: Any) -> Frame:
    """The result of a disable_device of this frame."""
    more = {"reason": "cleaning", "serverTime": rfc3339(datetime.now(UTC))} | more
    return await bench.hub.run("disable_device", command_id, **more)


def code(result: Frame) -> str | None:
    return result["error"]["code"] if result.get("error") else None


@pytest.fixture
def signed(bench: Bench) -> Bench:
    bench.settings = TABLE
    return bench


async def test_a_signed_command_runs_as_it_was_signed(signed: Bench) -> None:
    async with signed.agent():
        await signed.hub.frame("status")
        result = await disable(signed, "c1", reason="tampered", **beside("c1"))
        assert result["success"] is True
        status = await signed.hub.frame("status", status="DISABLED")
        assert status["status"] == "DISABLED"
        state = await signed.emit('{"type":"scan","code":"0101","valid":true}')
        assert "cleaning" in state[0]
        assert "tampered" not in state[0]


async def test_what_is_not_signed_like_this_never_runs(signed: Bench) -> None:
    async with signed.agent():
        await signed.hub.frame("status")
        tries: dict[str, Callable[[str], Frame]] = {
            "unsigned": lambda _: {},
            "of another organisation": lambda name: beside(name, org="plant-2"),
            "of another device": lambda name: beside(name, device_id="edge-2"),
            "of another command": lambda name: beside(f"{name}-other"),
            "by a stranger": lambda name: beside(name, Signer()),
            "in the past": lambda name: beside(name, not_after=soon(seconds=-1)),
            "for two days": lambda name: beside(name, not_after=soon(hours=48)),
            "no signature": lambda _: {"signature": "hello"},
        }
        for number, (how, make) in enumerate(tries.items()):
            result = await disable(signed, f"c-{number}", **make(f"c-{number}"))
            assert (code(result), result["outcome"]) == ("bad_signature", "rejected"), how
        # A hub whose clock is a day back, and a signature that has ended.
        late = beside("c-late", not_after=soon(seconds=-60))
        yesterday = rfc3339(datetime.now(UTC) - timedelta(days=1))
        assert (
            code(await disable(signed, "c-late", **late, serverTime=yesterday)) == "bad_signature"
        )
        good = await disable(signed, "c-good", **beside("c-good"), serverTime=yesterday)
        assert code(good) == "bad_signature"  # more than 24 h ahead, as this hub says
        assert await signed.emit('{"type":"scan","code":"0101","valid":true}') == ['{"ok":true}\n']


async def test_the_same_id_again(signed: Bench) -> None:
    async with signed.agent() as agent:
        await signed.hub.frame("status")
        frame = beside("c1")
        assert (await disable(signed, "c1", **frame))["success"] is True
        await signed.hub.run("enable_device", "c2")
        assert code(await disable(signed, "c1", **frame)) == "bad_signature"
        await agent.stop()
    fill_journal(signed)
    async with signed.agent():
        begin = len(signed.hub.frames)
        await signed.hub.frame("hello", begin)
        assert code(await disable(signed, "c1", **frame)) == "bad_signature"
        assert await signed.emit('{"type":"scan","code":"0101","valid":true}') == ['{"ok":true}\n']


def fill_journal(bench: Bench) -> None:
    """As a hub does that wants the device to forget what it ran."""
    connection = sqlite3.connect(bench.state / "state.db")
    with connection:
        connection.executemany(
            "INSERT INTO command (id, kind, received_at, result, forgotten_at)"
            ' VALUES (?, \'force_sync\', 9e9, \'{"commandId":"x","success":true}\', 9e9)',
            [(f"x-{number}",) for number in range(KEEP_ROWS + 1)],
        )
    connection.close()


async def test_a_journal_that_was_lost(signed: Bench) -> None:
    async with signed.agent() as agent:
        await signed.hub.frame("status")
        assert (await disable(signed, "c1", **beside("c1")))["success"] is True
        await agent.stop()
    for file in signed.state.glob("state.db*"):
        file.unlink()
    for command_id in ("c1", "c2"):  # the second in a process of its own
        begin = len(signed.hub.frames)
        async with signed.agent() as agent:
            await signed.hub.frame("hello", begin)
            result = await disable(signed, command_id, **beside(command_id))
            assert code(result) == "bad_signature"
            assert "journal of commands was lost" in result["error"]["message"]
            assert (await signed.hub.run("force_sync", f"f-{command_id}"))["success"] is True
            await agent.stop()


async def test_a_journal_that_was_torn(signed: Bench) -> None:
    async with signed.agent() as agent:
        await signed.hub.frame("status")
        await agent.stop()
    (signed.state / "state.db").write_bytes(b"nonsense")
    for side in ("-wal", "-shm"):
        (signed.state / f"state.db{side}").unlink(missing_ok=True)
    begin = len(signed.hub.frames)
    async with signed.agent():
        await signed.hub.frame("hello", begin)
        assert code(await disable(signed, "c1", **beside("c1"))) == "bad_signature"


async def test_nothing_that_is_pushed_changes_the_table(signed: Bench) -> None:
    patch: Frame = {"signedCommands": None, "signed_commands": {"org": "default", "require": []}}
    async with signed.agent():
        await signed.hub.frame("status")
        refused = await signed.hub.run("push_config", "c1", patch=patch)
        assert code(refused) == "bad_signature"
        for number in ("c2", "c3"):
            params = {"patch": patch}
            more = beside(number, type="push_config", params=params)
            time = rfc3339(datetime.now(UTC))
            done = await signed.hub.run("push_config", number, **params, **more, serverTime=time)
            assert done["success"] is True
        assert code(await disable(signed, "c4")) == "bad_signature"


@pytest.mark.parametrize(
    ("kind", "document", "refused"),
    [
        ("config", {"a": 1}, True),
        ("production", {"enabled": False, "reason": "cleaning"}, True),
        ("production", {"enabled": True, "reason": None}, False),
        ("software", {"pins": {"agent": "9"}, "allow": []}, True),
        ("mode", {"mode": "VIA_LOCAL_SERVER"}, False),
    ],
)
async def test_no_section_does_what_a_command_may_not(
    signed: Bench, kind: str, document: Frame, refused: bool
) -> None:
    async with signed.agent():
        await signed.hub.frame("status")
        await signed.hub.hand_over(kind, "7", document)
        status = await signed.hub.frame("desired_status", kind=kind)
        assert status["status"] == ("failed" if refused else "applied")
        assert code(status) == ("needs_signature" if refused else None)


async def test_the_agent_does_not_start_with_a_table_that_a_hub_could_take_away(
    bench: Bench,
) -> None:
    bench.settings = '[signed_commands]\norg = "default"\nrequire = ["reboot_os"]\n'
    async with bench.agent() as agent:
        assert await agent.ended() == 2
    assert "firmware.trusted_keys" in bench.log()


async def test_without_the_table_nobody_looks_at_a_signature(bench: Bench) -> None:
    async with bench.agent():
        await bench.hub.frame("status")
        assert (await disable(bench, "c1", signature="hello"))["success"] is True
