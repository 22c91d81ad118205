"""What uploads leave in a folder."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from device.sessions.folder_files import remove_old_parts

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def directory(tmp_path: Path) -> Generator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_only_old_parts_of_uploads_are_removed(tmp_path: Path, directory: int) -> None:
    wanted, others = f".wanted.{DIGEST}.part", {".movie.part", f".a.{DIGEST[:-1]}.part", ".part"}
    for name in (f".old.{DIGEST}.part", f".two\nlines.{DIGEST}.part", wanted, *others):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / f".new.{DIGEST}.part").touch()
    remove_old_parts(directory, but=wanted)
    assert set(os.listdir(directory)) == {wanted, f".new.{DIGEST}.part", *others}
