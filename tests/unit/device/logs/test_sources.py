from pathlib import Path

import pytest

from device.base.errors import CommandFailed
from device.logs.sources import FIRST_WINDOW, guessed, tail


def test_the_level_is_the_first_such_word() -> None:
    lines = ["warning: ERROR", "fatal", "plain", "[debug] x", "errors", "NOTICE"]
    levels = [guessed(line).level for line in lines]
    assert levels == ["WARN", "ERROR", "INFO", "DEBUG", "INFO", "INFO"]


def test_a_tail_looks_back_as_far_as_it_must(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("ERROR first\n" + "x" * FIRST_WINDOW * 3 + "\nlast\n")
    assert [entry.line for entry in tail(log, 1, None)] == ["last"]
    assert [entry.line for entry in tail(log, 5, "ERROR")] == ["ERROR first"]
    assert len(tail(log, 5, None)) == 3


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as failed:
        tail(tmp_path / "missing", 1, None)
    assert failed.value.code == "source_not_found"
