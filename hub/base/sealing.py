"""Which master keys a database needs, and the change to another one.

`master_key` names each under which something may lie, with a value to try the file by. A key is
added before the first value lies under it and taken out when nothing does any more: so whoever
opens all of them can read everything.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from typing import Final

from msgspec import Struct

import sql
from hub.base import master_key
from hub.base.database import Connection, Database, Row
from hub.base.errors import ConfigurationError
from hub.base.master_key import KeyMissing, Keyring, NotOpened
from hub.base.vault import Vault

_Q: Final = sql.queries("master_key")
_CHECK: Final = "longline"


class Lying(Struct, frozen=True):
    """How many values of a kind lie under a master key, or open (None)."""

    kind: str
    key_id: str | None
    count: int


async def prepare(database: Database, vault: Vault) -> None:
    """Before a replica serves: its file fits the database, and from now on nothing lies open.
    Raises `ConfigurationError`."""
    ring = vault.ring
    async with database.transaction() as connection:
        await connection.execute(_Q["lock_keys"])
        for row in await connection.fetch(_Q["keys"]):
            _try(vault, row["key_id"], row["check_value"])
        if ring is not None:
            await _add(connection, vault, ring)
    if ring is not None:
        await wrap(database, vault, ring, only_open=True)


async def wrap(
    database: Database,
    vault: Vault,
    ring: Keyring,
    *,
    only_open: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Everything, or what lies open, under the newest master key; how many it were. It may be cut
    at any moment and begun again; what changes meanwhile is left to who changed it. `progress` is
    told how many are done."""
    done = 0
    async for page in _kept(database, besides=ring.newest.id):
        for row in page:
            if not only_open or master_key.key_of(row["stored"]) is None:
                done += await _put(database, vault, row["kind"], row["id"], row["stored"])
        progress(done)
    return done


async def lying(database: Database) -> list[Lying]:
    found = Counter[tuple[str, str | None]]()
    async for page in _kept(database):
        found.update((row["kind"], master_key.key_of(row["stored"])) for row in page)
    return [Lying(kind, key, count) for (kind, key), count in found.items()]


async def _kept(database: Database, besides: str = "") -> AsyncGenerator[list[Row]]:
    """Pages of all but what lies under the key `besides`."""
    behind = ("", "")
    while page := await database.fetch(_Q["kept"], master_key.under(besides), *behind):
        yield page
        behind = (page[-1]["kind"], page[-1]["id"])


async def needed(database: Database) -> list[str]:
    """The ids of the master keys under which something may lie, the oldest first."""
    return [row["key_id"] for row in await database.fetch(_Q["keys"])]


async def announce(database: Database, vault: Vault, ring: Keyring) -> None:
    """From now on the database needs the newest key: a replica without it does not start."""
    async with database.transaction() as connection:
        await connection.execute(_Q["lock_keys"])
        await _add(connection, vault, ring)


async def forget(database: Database, newest: str) -> list[str]:
    """Take out the keys under which nothing lies any more; which they were."""
    used = {newest} | {each.key_id for each in await lying(database)}
    gone = [key for key in await needed(database) if key not in used]
    for key in gone:
        await database.execute(_Q["delete_key"], key)
    return gone


async def _put(database: Database, vault: Vault, kind: str, row_id: str, stored: str) -> int:
    """1 when it was put, 0 when somebody else was faster. Raises `Unavailable`."""
    anew = vault.wrap_anew((kind, row_id), stored)
    done = await database.fetchval(_Q[f"put_{kind}"], row_id, stored, anew)
    return 0 if done is None else 1


async def _add(connection: Connection, vault: Vault, ring: Keyring) -> None:
    key = ring.newest.id
    value = vault.seal(("master_key", key), _CHECK)
    await connection.execute(_Q["add_key"], key, value)


def _try(vault: Vault, key_id: str, value: str) -> None:
    if vault.ring is None:
        raise ConfigurationError(
            f"the secrets in this database lie under the master key {key_id}: set "
            "LONGLINE_MASTER_KEY_FILE to the file that holds it"
        )
    try:
        master_key.open_sealed(vault.ring, ("master_key", key_id), value)
    except (KeyMissing, NotOpened):
        raise ConfigurationError(
            f"the master key file {vault.path} does not open this database: it lacks the key "
            f"{key_id} (use the file that was made with the database, or copy it from another "
            "replica)"
        ) from None
