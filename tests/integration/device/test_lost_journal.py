"""How long a device that has lost its journal refuses what was signed: by no clock that is set."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from device.base.database import Database
from device.base.state_directory import is_enrolled
from device.commands.journal import Journal
from device.commands.lost_journal import LostJournal

DAY = 86_400.0


class Uptime:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "state.db")
    yield made
    made.close()


def test_a_first_start_has_lost_nothing(database: Database) -> None:
    Journal(database, os_boot_id="b", expected=False)
    assert LostJournal(database, Uptime()).left() == 0.0
    Journal(database, os_boot_id="b", expected=True)  # by now it is there
    assert LostJournal(database, Uptime()).left() == 0.0


@pytest.mark.parametrize("name", ["token.json", "certificate.json"])
def test_a_device_with_a_credential_has_been_at_work(tmp_path: Path, name: str) -> None:
    assert not is_enrolled(tmp_path)
    (tmp_path / name).write_text("{}")
    assert is_enrolled(tmp_path)


async def test_the_time_goes_on_where_a_process_left_it(database: Database) -> None:
    Journal(database, os_boot_id="b", expected=True)
    first, clock = LostJournal(database, uptime := Uptime()), Uptime()
    assert first.left() == DAY
    uptime.now += 3600.0
    await first.keep()
    clock.now = 5.0  # of another boot
    second = LostJournal(database, clock)
    assert second.left() == DAY - 3600.0
    clock.now += DAY
    assert second.left() == 0.0
    await second.run()
    await second.keep()
    assert LostJournal(database, Uptime()).left() == 0.0
