"""What a fresh database gets, and what no administrator may do to the last one."""

import asyncio

import pytest
import pytest_asyncio

from hub.accounts.recovery import THE_HUB
from hub.accounts.users import UserChange
from hub.accounts.wiring import People, services
from hub.audit.service import AuditService
from hub.audit.store import AuditStore
from hub.base.clocks import DatabaseClock
from hub.base.database import Database
from hub.base.errors import LastAdministrator, Unauthenticated
from hub.base.settings import Settings
from hub.base.vault import Vault
from protocol.ids import DEFAULT_ORG, DeviceId

ADMIN = THE_HUB


def people_of(database: Database) -> People:
    """The accounts of one replica."""
    audit = AuditService(AuditStore(database))
    return services(database, Vault(), audit, Settings(), DatabaseClock())


@pytest_asyncio.fixture
async def replica(database: Database) -> People:
    replica = people_of(database)
    await replica.accounts.prepare()
    return replica


async def test_the_password_of_the_first_start_is_told_once(
    replica: People, database: Database
) -> None:
    password = await replica.users.first_start()
    assert password is not None
    assert await replica.users.first_start() is None
    grant = await replica.signing_in.login("ADMIN", password, address="here")
    assert (await replica.accounts.user(grant.token)).role == "ADMIN"
    stored = await database.fetchval("SELECT password_hash FROM account")
    assert stored.startswith("$argon2id$")
    key, auto, reenroll = await replica.accounts.enrollment(DEFAULT_ORG)
    assert (len(key) >= 43, auto, reenroll) == (True, True, "offline")


async def test_replicas_that_start_together_share_one_key(database: Database) -> None:
    replicas = [people_of(database).accounts for _ in range(4)]
    await asyncio.gather(*(each.prepare() for each in replicas))
    assert await database.fetchval("SELECT count(*) FROM signing_key") == 1
    token, _ = replicas[0].device_token(DEFAULT_ORG, DeviceId("d1"), 1)
    assert [each.signed_device(token).subject for each in replicas] == ["d1"] * 4


async def test_the_last_enabled_administrator_stays(replica: People, database: Database) -> None:
    await replica.users.first_start()
    (admin,) = (await replica.users.list_users(DEFAULT_ORG, cursor=None, limit=10)).items
    changes = (UserChange(disabled=True), UserChange(role="MANAGER"))
    for change in changes:
        with pytest.raises(LastAdministrator):
            await replica.users.change_user(ADMIN, admin.user_id, change)
    with pytest.raises(LastAdministrator):
        await replica.users.delete_user(ADMIN, admin.user_id)
    second = await replica.users.create_user(ADMIN, "second", "a good password", "ADMIN", None)
    outcomes = await asyncio.gather(
        replica.users.delete_user(ADMIN, admin.user_id),
        replica.users.delete_user(ADMIN, second.user_id),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "LastAdministrator",
        "NoneType",
    ]
    assert await database.fetchval("SELECT count(*) FROM account") == 1


async def test_g12_what_one_replica_revokes_another_learns(database: Database) -> None:
    one, other = people_of(database), people_of(database)
    for each in (one, other):
        await each.accounts.prepare()
    password = await one.users.first_start()
    grant = await one.signing_in.login("admin", password or "", address="here")
    principal = await other.accounts.user(grant.token)
    heard: list[str] = []
    other.accounts.on_change(lambda changes: heard.extend(c.subject.kind for c in changes))
    await one.sessions.logout(principal)
    await other.accounts.refresh()
    await other.accounts.refresh()
    assert heard == ["session"]
    with pytest.raises(Unauthenticated):
        await other.accounts.user(grant.token)


async def test_rotated_keys_still_verify_what_they_signed(
    replica: People, database: Database
) -> None:
    accounts = replica.accounts
    before, _ = accounts.device_token(DEFAULT_ORG, DeviceId("d1"), 1)
    kid = await accounts.rotate_keys()
    after, _ = accounts.device_token(DEFAULT_ORG, DeviceId("d1"), 1)
    assert {accounts.signed_device(token).subject for token in (before, after)} == {"d1"}
    assert accounts.tokens.jwks()["keys"][0]["kid"] == kid
    assert await database.fetchval("SELECT action FROM audit_log") == "keys.rotate"
