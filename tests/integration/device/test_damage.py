"""Files of the agent that were torn: put aside, said, and survived."""

import json
import os
import random
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from device.base.damage import KEPT
from device.base.database import Database
from device.base.errors import StateUnavailable
from tests.integration.device.agents import Bench
from tests.integration.device.scripted_hub import Frame

PAGE = 4096


def tear_pages(path: Path) -> None:
    """As a dying card does: nine pages of noise."""
    noise = random.Random(7).randbytes(9 * PAGE)  # noqa: S311
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(noise)


def tear_head(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\0" * 100)


def cut(path: Path) -> None:
    os.truncate(path, 3 * PAGE)


def empty(path: Path) -> None:
    path.write_bytes(b"nonsense")


async def filled(bench: Bench, events: int) -> str:
    """An agent that knows a command and has events that wait, ended; its journal's id."""
    async with bench.agent() as agent:
        hello = await bench.hub.frame("hello")
        await bench.hub.run("force_sync", "c1")
        bench.hub.acknowledge_events = False
        await bench.emit(*(json.dumps({"type": "event", "name": f"n-{n}"}) for n in range(events)))
        await agent.stop()
    connection = sqlite3.connect(bench.state / "state.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return str(hello["journalId"])


async def alert(bench: Bench, begin: int) -> Frame:
    return await bench.hub.frame("alert", begin, code="state_damaged")


@pytest.mark.parametrize("harm", [tear_pages, tear_head, cut, empty])
async def test_a_damaged_database_is_survived(bench: Bench, harm: Callable[[Path], None]) -> None:
    journal = await filled(bench, 300)
    harm(bench.state / "state.db")
    begin = len(bench.hub.frames)
    bench.hub.acknowledge_events = True
    async with bench.agent() as agent:
        hello = await bench.hub.frame("hello", begin)
        said = await alert(bench, begin)
        result = await bench.hub.run("force_sync", "c2")
        await agent.stop()
    assert hello["journalId"] != journal
    assert said["severity"] == "CRITICAL"
    assert "state.db.damaged-" in said["message"]
    assert result["success"] is True
    assert len(list(bench.state.glob("state.db.damaged-*Z"))) == 1


async def test_what_can_be_read_of_what_waits_goes_on(bench: Bench) -> None:
    await filled(bench, 300)
    with (bench.state / "state.db").open("r+b") as file:
        file.seek(-3 * PAGE, 2)
        file.write(b"\xff" * PAGE)
    begin = len(bench.hub.frames)
    bench.hub.acknowledge_events = True
    async with bench.agent():
        message = (await alert(bench, begin))["message"]
    again = {f["name"] for f in bench.hub.frames[begin:] if f["type"] == "event"}
    assert 100 < len(again) <= 300, message
    assert f"read {len(again)} of " in message


def test_many_rows_are_taken_over_at_once(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Database(path).close()
    connection = sqlite3.connect(path)
    rows = ((f"b{n}", n, False, b"{}") for n in range(20_000))
    connection.executemany(
        "INSERT INTO event (boot_id, seq, alert, frame) VALUES (?, ?, ?, ?)", rows
    )
    (root,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'command'"
    ).fetchone()
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xff" * PAGE)
    writes_before = io_of_this_process()
    database = Database(path)
    assert database.damage is not None
    assert "read 20000 of 20000 events" in database.damage.what
    assert io_of_this_process() - writes_before < 2_000
    database.close()


def io_of_this_process() -> int:
    """Calls that wrote, so far: each row by itself would be several."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("syscw:")).split()[1])


async def test_a_paused_device_stays_paused(bench: Bench) -> None:
    async with bench.agent() as agent:
        await bench.hub.frame("hello")
        await bench.hub.run("disable_device", "c1", reason="repair")
        await agent.stop()
    path = bench.state / "state.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (root,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'command'"
    ).fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xff" * PAGE)
    begin = len(bench.hub.frames)
    async with bench.agent():
        await alert(bench, begin)
        assert (await bench.hub.frame("status", begin))["status"] == "DISABLED"


@pytest.mark.parametrize(
    "content", [b"{", b"\xff\xfe", b'{"version":1,"document":{"logs":{"level":3}}}']
)
async def test_a_damaged_configuration_is_survived(bench: Bench, content: bytes) -> None:
    bench.state.mkdir(mode=0o700, exist_ok=True)
    (bench.state / "config.json").write_bytes(content)
    async with bench.agent():
        said = await alert(bench, 0)
        hello = await bench.hub.frame("hello")
    assert hello["configVersion"] == 0
    assert "config.json.damaged-" in said["message"]
    (aside,) = bench.state.glob("config.json.damaged-*")
    assert aside.read_bytes() == content


def test_only_the_newest_damaged_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    for number in range(KEPT + 2):
        path.write_bytes(b"nonsense %d" % number)
        database = Database(path)
        assert database.damage is not None
        database.close()
    kept = sorted(tmp_path.glob("state.db.damaged-*Z"))
    assert [each.read_bytes() for each in kept] == [b"nonsense %d" % n for n in range(2, KEPT + 2)]


def test_a_file_out_of_reach_is_no_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    with pytest.raises(StateUnavailable):
        Database(tmp_path / "state.db")
    assert [each.name for each in tmp_path.iterdir()] == ["state.db"]


async def test_nobody_else_reads_the_state(bench: Bench) -> None:
    """Whatever the umask, and whoever made the directory."""
    bench.state.mkdir(mode=0o755, exist_ok=True)
    bench.state.chmod(0o755)
    (bench.state / "state.db").touch(0o644)
    before = os.umask(0o022)
    try:
        async with bench.agent():
            await bench.hub.frame("hello")
            await bench.hub.run("push_config", "c1", patch={"a": 1})
            modes = {
                path.name: stat.S_IMODE(path.lstat().st_mode)
                for path in bench.state.iterdir()
                if path.is_file()
            }
    finally:
        os.umask(before)
    assert stat.S_IMODE(bench.state.stat().st_mode) == 0o700
    assert set(modes) >= {"state.db", "state.db-wal", "token.json", "config.json", "lock"}
    assert set(modes.values()) == {0o600}, json.dumps(modes)
