import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.base.errors import InsufficientStorage, Invalid, TooLarge
from hub.firmware.files import (
    FORGOTTEN_SECONDS,
    LOOK_BYTES,
    RESERVE_BYTES,
    Artifacts,
    Disk,
    append_to,
)

CONTENT = b"0123456789"


async def chunks(*parts: bytes, broken: bool = False) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if broken:
        raise ConnectionResetError


def kept(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def make_artifacts(
    folder: Path, *, most: int = 10, total: int = 10**9, disk: Disk | None = None
) -> Artifacts:
    ample = disk or Disk(total=2**40, free=2**40)
    return Artifacts(folder, max_bytes=most, total_bytes=total, disk=lambda _: ample)


async def test_a_stream_gets_the_name_of_its_content_when_it_is_put_in_place(
    tmp_path: Path,
) -> None:
    artifacts = make_artifacts(tmp_path)
    async with artifacts.taken(chunks(CONTENT[:5], CONTENT[5:]), declared=10) as stored:
        assert (stored.sha256, stored.size) == (hashlib.sha256(CONTENT).hexdigest(), 10)
        assert stored.path.read_bytes() == CONTENT
        artifacts.put_in_place(stored)

    assert kept(tmp_path) == [stored.sha256]
    assert artifacts.path(stored.sha256).read_bytes() == CONTENT
    artifacts.remove(stored.sha256)
    artifacts.remove(stored.sha256)
    assert kept(tmp_path) == []


async def test_what_is_not_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    async with make_artifacts(tmp_path).taken(chunks(CONTENT), declared=None):
        assert len(kept(tmp_path)) == 1

    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("parts", "declared", "broken", "error"),
    [
        ((CONTENT, b"x"), None, False, TooLarge),
        ((CONTENT,), 11, False, TooLarge),
        ((CONTENT,), 9, False, Invalid),
        ((CONTENT[:5],), 10, False, Invalid),
        ((CONTENT,), 10, True, ConnectionResetError),
    ],
)
async def test_what_is_not_as_it_should_be_leaves_nothing(
    tmp_path: Path,
    parts: tuple[bytes, ...],
    declared: int | None,
    broken: bool,
    error: type[Exception],
) -> None:
    artifacts = make_artifacts(tmp_path)
    with pytest.raises(error):
        async with artifacts.taken(chunks(*parts, broken=broken), declared=declared):
            pass

    assert kept(tmp_path) == []


def test_uploads_of_a_replica_that_died_are_removed_with_time(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (".upload-a", ".upload-b", "c"))
    for path in (old, new, other):
        path.write_bytes(b"x")
    long_ago = time.time() - FORGOTTEN_SECONDS - 1
    for path in (old, other):
        os.utime(path, (long_ago, long_ago))

    make_artifacts(tmp_path).clean_up()
    assert sorted(kept(tmp_path)) == [".upload-b", "c"]


@pytest.mark.parametrize("declared", [None, 10])
@pytest.mark.parametrize(
    ("total", "disk", "fits"),
    [
        (15, None, True),
        (14, None, False),
        (99, Disk(total=2**40, free=RESERVE_BYTES - 1), False),
        (99, Disk(total=1000, free=110), True),
        (99, Disk(total=1000, free=99), False),
    ],
)
async def test_artifacts_have_a_bound_together_and_leave_a_reserve(
    tmp_path: Path, declared: int | None, total: int, disk: Disk | None, fits: bool
) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "other").write_bytes(b"x" * 5)
    artifacts = make_artifacts(tmp_path, total=total, disk=disk)
    if fits:
        async with artifacts.taken(chunks(CONTENT), declared=declared) as stored:
            assert stored.size == 10
        return
    with pytest.raises(InsufficientStorage):
        async with artifacts.taken(chunks(CONTENT), declared=declared):
            pass
    assert kept(tmp_path) == ["other"]


async def test_an_upload_that_outgrows_the_room_ends_while_it_is_written(tmp_path: Path) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 2**20
            yield bytes(2**20)

    artifacts = make_artifacts(tmp_path, most=10**12, total=10 * LOOK_BYTES)
    with pytest.raises(InsufficientStorage):
        async with artifacts.taken(endless(), declared=None):
            pass
    assert given <= 12 * LOOK_BYTES
    assert kept(tmp_path) == []


def test_a_full_disk_is_no_fault_of_ours() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(InsufficientStorage):
        append_to(full, CONTENT)
    with Path(os.devnull).open("rb") as unwritable, pytest.raises(OSError, match="write"):
        append_to(unwritable, CONTENT)
