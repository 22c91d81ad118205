"""A log that is followed."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from device.base.errors import CommandFailed
from device.logs.sources import opened
from device.sessions.log_stream import LOOK_SECONDS, follow_file


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """The agent's own directory, with a key."""
    directory = tmp_path / "state"
    directory.mkdir()
    (directory / "key").write_text("secret\n")
    return directory


def following_of(log: Path, private: Path) -> AsyncGenerator[bytes | int]:
    """From the end of what is there."""
    file = opened(log, private)
    file.seek(0, os.SEEK_END)
    return follow_file(file, log, private)


async def after_a_look(following: AsyncGenerator[bytes | int], act: Callable[[], object]) -> object:
    """What comes of an act that follows a look for new lines."""
    coming = asyncio.ensure_future(anext(following))
    await asyncio.wait([coming], timeout=2 * LOOK_SECONDS)
    act()
    return await coming


def put_in_place(log: Path, target: Path) -> None:
    link = log.with_name("link")
    link.symlink_to(target)
    link.rename(log)


def test_a_link_to_a_key_of_the_agent_is_not_followed(tmp_path: Path, private: Path) -> None:
    log = tmp_path / "app.log"
    put_in_place(log, private / "key")
    with pytest.raises(CommandFailed) as failed:
        following_of(log, private)
    assert failed.value.code == "source_not_found"


async def test_a_link_that_takes_the_place_of_the_log_is_left(
    tmp_path: Path, private: Path
) -> None:
    log, other = tmp_path / "app.log", tmp_path / "other.log"
    log.touch()
    following = following_of(log, private)
    kept = os.open(log, os.O_WRONLY)
    try:
        first = await after_a_look(following, lambda: os.write(kept, b"one\n"))
        put_in_place(log, private / "key")
        second = await after_a_look(following, lambda: os.write(kept, b"two\n"))
        other.write_text("three\n")
        third = await after_a_look(following, lambda: other.rename(log))
    finally:
        os.close(kept)
        await following.aclose()
    assert (first, second, third) == (b"one\n", b"two\n", b"three\n")


async def test_the_last_line_of_a_log_that_is_replaced_comes_before_the_new_one(
    tmp_path: Path, private: Path
) -> None:
    log, other = tmp_path / "app.log", tmp_path / "other.log"
    log.write_text("before\n")
    following = following_of(log, private)
    other.write_text("new\n")
    with log.open("a") as old:
        old.write("last, without an end")
    other.rename(log)
    assert [await anext(following), await anext(following)] == [b"last, without an end\n", b"new\n"]
    await following.aclose()
