import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.base.errors import Invalid, TooLarge
from hub.firmware.files import FORGOTTEN_SECONDS, Artifacts

CONTENT = b"0123456789"


async def chunks(*parts: bytes, broken: bool = False) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if broken:
        raise ConnectionResetError


def kept(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def test_a_stream_gets_the_name_of_its_content_when_it_is_put_in_place(
    tmp_path: Path,
) -> None:
    artifacts = Artifacts(tmp_path, max_bytes=10)
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
    async with Artifacts(tmp_path, max_bytes=10).taken(chunks(CONTENT), declared=None):
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
    artifacts = Artifacts(tmp_path, max_bytes=10)
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

    Artifacts(tmp_path, max_bytes=10).clean_up()
    assert sorted(kept(tmp_path)) == [".upload-b", "c"]
