"""The agent's log on disk: bounded, private, and never a reason to end."""

import io
from pathlib import Path

import structlog

from device.logs.log_file import LogFile
from device.logs.own_log import OwnLog
from device.logs.sources import LogSources
from tests.integration.device.test_log_sources import settings


def test_two_files_are_all_that_is_ever_there(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "agent.log", most_bytes=1000)
    for number in range(500):
        file.write(f"line {number}")
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent.log", "agent.log.1"]
    for path in file.files:
        assert 0 < path.stat().st_size <= 1000
        assert path.stat().st_mode & 0o777 == 0o600
    newest, former = (path.read_text().splitlines() for path in file.files)
    assert newest[-1] == "line 499"
    assert int(newest[0].split()[1]) == int(former[-1].split()[1]) + 1


def test_a_file_of_others_is_made_private_and_a_link_is_not_followed(tmp_path: Path) -> None:
    open_to_all = tmp_path / "agent.log"
    open_to_all.write_text("old\n")
    open_to_all.chmod(0o644)
    LogFile(open_to_all).write("new")
    assert open_to_all.read_text() == "old\nnew\n"
    assert open_to_all.stat().st_mode & 0o777 == 0o600
    (tmp_path / "link.log").symlink_to(tmp_path / "target")
    linked = LogFile(tmp_path / "link.log")
    linked.write("new")
    assert not linked.is_whole
    assert not (tmp_path / "target").exists()


async def test_lines_are_read_over_both_files_and_from_memory_where_there_is_none(
    tmp_path: Path,
) -> None:
    own = OwnLog("INFO", io.StringIO())
    before = structlog.get_config()
    own.configure()
    try:
        own.keep_in(LogFile(tmp_path / "agent.log", most_bytes=1000))
        log = structlog.get_logger()
        for number in range(20):
            log.info("counted", number=number)
        log.error("failed")
        logs = LogSources(settings(tmp_path / "f"), own)
        _, entries = await logs.pull("agent", 12, None)
        assert len(entries) == 12
        assert ["number" in entry.line for entry in entries] == [True] * 11 + [False]
        assert all(entry.ts for entry in entries)
        _, failures = await logs.pull("agent", 12, "ERROR")
        assert [entry.level for entry in failures] == ["ERROR"]
        own.keep_in(LogFile(tmp_path / "nowhere" / "agent.log"))
        log.info("not on disk")
        _, newest = await logs.pull("agent", 1, None)
        assert "not on disk" in newest[0].line
    finally:
        structlog.configure(**before)
