"""Where the sockets of `longline up` are: nobody else can take the place before us."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from hub.base import runtime
from hub.base.errors import ConfigurationError


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "t").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    return tmp_path / "data"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_without_a_runtime_directory_it_is_a_fresh_one_whose_name_is_kept(data_dir: Path) -> None:
    assert not runtime.known(data_dir).exists()
    made = runtime.make(data_dir, {})
    assert mode(made) == 0o700
    assert runtime.known(data_dir) == made
    assert runtime.make(data_dir, {}) == made


def test_who_plants_a_link_where_it_was_changes_nothing(data_dir: Path, tmp_path: Path) -> None:
    before = runtime.make(data_dir, {})
    before.rmdir()
    (tmp_path / "elsewhere").mkdir()
    before.symlink_to(tmp_path / "elsewhere")
    made = runtime.make(data_dir, {})
    assert made != before
    assert not made.is_symlink()
    assert runtime.known(data_dir) == made


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to somebody else")
@pytest.mark.parametrize("name", ["nobody", "daemon"])
def test_who_takes_the_name_does_not_stop_the_start(data_dir: Path, name: str) -> None:
    """Not even the user that Postgres runs as where there are no user namespaces: whatever else
    runs as that user could stand in for the database."""
    before = runtime.make(data_dir, {})
    shutil.chown(before, name)
    made = runtime.make(data_dir, {})
    assert made != before
    assert made.owner() == "root"
    assert runtime.known(data_dir) == made


@pytest.mark.parametrize("variable", ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"])
def test_a_runtime_directory_is_used(data_dir: Path, variable: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        made = runtime.make(data_dir, {variable: folder})
        assert made.parent == Path(folder)
        assert mode(made) == 0o700


@pytest.mark.parametrize("bad", ["open", "missing", "long"])
def test_a_runtime_directory_that_is_not_safe_is_passed_over(
    data_dir: Path, tmp_path: Path, bad: str
) -> None:
    folder = tmp_path / ("x" * 90 if bad == "long" else "run")
    if bad != "missing":
        folder.mkdir()
        folder.chmod(0o777 if bad == "open" else 0o711)
    made = runtime.make(data_dir, {"XDG_RUNTIME_DIR": str(folder)})
    assert made.parent != folder


def test_a_damaged_name_is_as_good_as_none(data_dir: Path) -> None:
    (data_dir / runtime.KEPT).write_bytes(b"\xff\x00")
    assert runtime.make(data_dir, {}).is_dir()


def test_what_cannot_be_made_is_one_clear_line(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(ConfigurationError, match="cannot make a directory for sockets"):
        runtime.make(data_dir, {})
