"""Files that local programs drop, who may write there and nowhere else."""

import asyncio
import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from device.base.database import Database
from device.base.sharing import Sharing
from device.events.production import Production
from device.records.drop_folder import DropFolder, dropped
from device.records.intake import RecordIntake
from device.records.queue import RecordQueue
from device.records.ways import RecordBounds


class Box:
    """A private directory with a token in it, and a drop folder that others may write."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        self.token = self.state / "token.json"
        self.token.write_text("secret-token\n")
        self.drop = folder / "drop"
        self.drop.mkdir()
        self.rejected = self.state / "rejected"
        self.queue = RecordQueue(database, bounds=RecordBounds())
        intake = RecordIntake(self.queue, Production(database), company_id="acme")
        sharing = Sharing("longline-local")
        self.folder = DropFolder(
            self.drop, intake, self.queue, rejected=self.rejected, sharing=sharing
        )

    def swap(self, name: str) -> Path:
        """A file that has been seen, at the moment before it is opened."""
        path = self.drop / name
        path.write_text("{}\n")
        assert dropped(self.drop) == [path]
        path.unlink()
        return path

    async def take(self, path: Path) -> bool:
        async with asyncio.timeout(5):
            return await self.folder.take(path)

    def everything(self) -> str:
        """In all files that were made."""
        return "".join(p.read_text() for p in self.rejected.glob("*"))


@pytest.fixture
def box(tmp_path: Path) -> Generator[Box]:
    database = Database(tmp_path / "state.db")
    yield Box(tmp_path, database)
    database.close()


async def test_a_link_that_takes_a_files_place_is_not_followed(box: Box) -> None:
    path = box.swap("b.jsonl")
    path.symlink_to(box.token)
    assert await box.take(path)
    assert "secret-token" not in box.everything()
    assert box.token.read_text() == "secret-token\n"


async def test_a_second_name_of_a_private_file_is_not_read(box: Box) -> None:
    path = box.swap("b.jsonl")
    path.hardlink_to(box.token)
    assert await box.take(path)
    assert "secret-token" not in box.everything()
    assert box.token.exists()


async def test_a_pipe_holds_nobody_up(box: Box) -> None:
    path = box.swap("d.jsonl")
    os.mkfifo(path)
    assert await box.take(path)
    path.unlink()
    path.mkdir()
    assert await box.take(path)


async def test_a_file_that_is_gone_is_no_failure(box: Box) -> None:
    assert await box.take(box.swap("gone.jsonl"))


async def test_what_is_rejected_goes_where_nobody_else_writes(box: Box, tmp_path: Path) -> None:
    profile = tmp_path / ".profile"
    profile.write_text("mine\n")
    (box.drop / "rejected").mkdir()
    (box.drop / "rejected" / "c.jsonl").symlink_to(profile)
    path = box.drop / "c.jsonl"
    path.write_text("my line\n")
    assert await box.take(path)
    assert profile.read_text() == "mine\n"
    kept = json.loads((box.rejected / "c.jsonl").read_text())
    assert kept["line"] == "my line"
    assert (box.rejected.stat().st_mode & 0o777, path.exists()) == (0o700, False)
    assert (box.rejected / "c.jsonl").stat().st_mode & 0o777 == 0o600


async def test_a_file_that_takes_another_ones_name_is_not_deleted_for_it(box: Box) -> None:
    path = box.drop / "e.jsonl"
    record = {"id": "r1", "kind": "bottle", "data": {"code": "1"}}
    path.write_text(json.dumps(record) + "\n")
    taken = box.queue.add

    async def and_another_comes(*args: object) -> object:
        beside = box.drop / ".e"
        beside.write_text(json.dumps(record | {"id": "r2"}) + "\n")
        beside.rename(path)
        box.queue.add = taken
        return await taken(*args)  # pyright: ignore[reportArgumentType]

    box.queue.add = and_another_comes  # pyright: ignore[reportAttributeAccessIssue]
    assert await box.take(path)
    assert path.exists()
    assert await box.take(path)
    assert [r.id for r in await box.queue.take("hub", 10, None)] == ["r1", "r2"]
