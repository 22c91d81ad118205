import os
from pathlib import Path

import pytest

from device.base.errors import BadSettings, CommandFailed
from device.logs.sources import FIRST_WINDOW, guessed, tail
from device.settings import load

PRIVATE = Path("/none")


def test_the_level_is_the_first_such_word() -> None:
    lines = ["warning: ERROR", "fatal", "plain", "[debug] x", "errors", "NOTICE"]
    levels = [guessed(line).level for line in lines]
    assert levels == ["WARN", "ERROR", "INFO", "DEBUG", "INFO", "INFO"]


def test_a_tail_looks_back_as_far_as_it_must(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("ERROR first\n" + "x" * FIRST_WINDOW * 3 + "\nlast\n")
    assert [entry.line for entry in tail(log, 1, None, PRIVATE)] == ["last"]
    assert [entry.line for entry in tail(log, 5, "ERROR", PRIVATE)] == ["ERROR first"]
    assert len(tail(log, 5, None, PRIVATE)) == 3


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as failed:
        tail(tmp_path / "missing", 1, None, PRIVATE)
    assert failed.value.code == "source_not_found"


def test_a_log_leads_to_nothing_of_the_agents_own(tmp_path: Path) -> None:
    private, log = tmp_path / "state", tmp_path / "app.log"
    private.mkdir()
    token = private / "token.json"
    token.write_text("secret\n")
    for lead in (log.symlink_to, log.hardlink_to):
        lead(token)
        with pytest.raises(CommandFailed) as failed:
            tail(log, 1, None, private)
        assert failed.value.code == "source_not_found"
        log.unlink()
    (tmp_path / "app.1").write_text("rotated\n")
    log.symlink_to("app.1")
    assert [entry.line for entry in tail(log, 1, None, private)] == ["rotated"]
    log.unlink()
    os.mkfifo(log)
    with pytest.raises(CommandFailed):
        tail(log, 1, None, private)


def test_names_of_containers_are_names(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    for name in ("x/../y", "x?a=", "", "-x", "x\\n"):
        file.write_text(f'hub = "https://hub"\n[logs]\ncontainers = ["{name}"]\n')
        with pytest.raises(BadSettings, match="containers"):
            load(file, {}, {})
