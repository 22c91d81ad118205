"""Secrets in the database lie under the master key, and go to another while hubs work."""

from pathlib import Path

import pytest

import sql
from hub.accounts.recovery import THE_HUB
from hub.accounts.wiring import People, services
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base import key_file, sealing
from hub.base.clocks import DatabaseClock
from hub.base.database import Database
from hub.base.errors import ConfigurationError, MasterKeyMissing, Unavailable
from hub.base.settings import Settings
from hub.base.vault import Vault
from protocol.ids import DEFAULT_ORG, DeviceId


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "master-key"
    assert key_file.make(path)
    return path


async def started(database: Database, vault: Vault) -> People:
    await sealing.prepare(database, vault)
    audit = AuditService(AuditStore(database))
    people = services(database, vault, audit, Settings(), DatabaseClock())
    await people.accounts.prepare()
    return people


async def kept(database: Database) -> list[tuple[str, str]]:
    """(kind, what is stored)."""
    rows = await database.fetch(sql.queries("master_key")["kept"], "none", "", "")
    return [(row["kind"], row["stored"]) for row in rows]


async def code_of(people: People, database: Database) -> str:
    """The secret of a new authenticator program of the administrator."""
    await people.users.first_start()
    user = await database.fetchval("SELECT user_id FROM account")
    async with database.transaction() as connection:
        await people.stores.factors.set_totp(connection, user, "JBSWY3DP")
    return str(user)


async def read_code(people: People, database: Database, user: str) -> str:
    async with database.transaction() as connection:
        found = await people.stores.factors.totp(connection, user)
    assert found is not None
    return found.secret


def test_a_file_is_made_once_for_its_owner(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    assert not key_file.make(path)
    assert path.read_text() == before
    assert len(key_file.add(path).ids) == 2
    assert path.read_text().endswith(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["master-key"]


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="mode 0640"):
        Vault(path)


async def test_without_a_file_what_cannot_be_done_without_lies_open(database: Database) -> None:
    people = await started(database, Vault())
    assert {kind for kind, _ in await kept(database)} == {"signing_key", "enrollment_key"}
    assert all(stored.startswith("plain.") for _, stored in await kept(database))
    with pytest.raises(MasterKeyMissing):
        await code_of(people, database)


async def test_what_lay_open_is_sealed_by_the_first_hub_with_a_file(
    database: Database, path: Path
) -> None:
    before = await started(database, Vault())
    key, _, _ = await before.accounts.enrollment(DEFAULT_ORG)
    token, _ = before.accounts.device_token(DEFAULT_ORG, DeviceId("d1"), 1)

    people = await started(database, Vault(path))

    assert all(stored.startswith("sealed.") for _, stored in await kept(database))
    assert (await people.accounts.enrollment(DEFAULT_ORG))[0] == key
    assert await people.accounts.enrolling_into(key) == DEFAULT_ORG
    assert people.accounts.signed_device(token).subject == "d1"


async def test_a_hub_whose_file_does_not_fit_does_not_start(
    database: Database, path: Path, tmp_path: Path
) -> None:
    await started(database, Vault(path))
    another = tmp_path / "another"
    key_file.make(another)
    with pytest.raises(ConfigurationError, match="does not open this database"):
        await sealing.prepare(database, Vault(another))
    with pytest.raises(ConfigurationError, match="LONGLINE_MASTER_KEY_FILE"):
        await sealing.prepare(database, Vault())
    (good,) = key_file.read(path).ids
    another.write_text(another.read_text().replace(key_file.read(another).ids[0], good))
    with pytest.raises(ConfigurationError, match=good):
        await sealing.prepare(database, Vault(another))
    assert await sealing.needed(database) == [good]


async def test_a_value_does_not_open_in_the_row_of_another(database: Database, path: Path) -> None:
    people = await started(database, Vault(path))
    mine = await code_of(people, database)
    await database.execute(
        "INSERT INTO account (user_id, display_name, totp_secret) "
        "SELECT 'other', 'Other', totp_secret FROM account WHERE user_id = $1",
        mine,
    )
    assert await read_code(people, database, mine) == "JBSWY3DP"
    with pytest.raises(Unavailable):
        await read_code(people, database, "other")


async def test_hubs_go_on_while_the_master_key_changes(database: Database, path: Path) -> None:
    at_work = await started(database, Vault(path))
    user = await code_of(at_work, database)
    (old,) = key_file.read(path).ids

    ring = key_file.add(path)
    vault = Vault(path)
    await sealing.announce(database, vault, ring)
    assert await at_work.accounts.rotate_keys()
    assert await sealing.wrap(database, vault, ring) > 0
    assert await sealing.forget(database, ring.newest.id) == [old]

    assert {each.key_id for each in await sealing.lying(database)} == {ring.newest.id}
    assert await read_code(at_work, database, user) == "JBSWY3DP"
    await at_work.accounts.refresh()
    await at_work.organisation.new_enrollment_key(THE_HUB)
    assert await sealing.needed(database) == [ring.newest.id]
    # Without the old line: nothing needs it any more.
    only_first_line(path)
    assert await read_code(await started(database, Vault(path)), database, user) == "JBSWY3DP"


def only_first_line(path: Path) -> None:
    path.write_text(path.read_text().splitlines()[0])


async def test_a_change_of_the_key_that_was_cut_goes_on(database: Database, path: Path) -> None:
    people = await started(database, Vault(path))
    await code_of(people, database)
    ring = key_file.add(path)
    vault = Vault(path)
    await sealing.announce(database, vault, ring)

    class Cut(Exception): ...

    def cut(_: int) -> None:
        raise Cut

    with pytest.raises(Cut):
        await sealing.wrap(database, vault, ring, progress=cut)
    # Both are needed as long as either may hold something.
    assert set(await sealing.needed(database)) == set(ring.ids)
    await started(database, Vault(path))
    await sealing.wrap(database, vault, ring)
    assert await sealing.forget(database, ring.newest.id) == [ring.ids[1]]


def test_a_file_that_was_refused_is_read_when_it_is_mended(path: Path) -> None:
    vault = Vault(path)
    ring = vault.ring
    assert ring is not None
    key_file.add(path)
    path.chmod(0o644)
    assert vault.ring is ring, "as it said before"
    path.chmod(0o600)
    mended = vault.ring
    assert mended is not None
    assert mended.newest.id != ring.newest.id
