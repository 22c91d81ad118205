"""Whose the database is: `longline_owner` owns the tables, `longline_hub` serves (ADR 22), and
becomes `longline_app` for a transaction that is of one organisation (ADR 27).

They are roles that nobody signs in as; the logins are members of one of them. Postgres keeps roles
for all its databases together, so they may be there before this database, and belong to somebody
else: a login that may neither make nor become them migrates all the same, and owns what it makes.
"""

from typing import Literal

from msgspec import Struct

import sql
from hub.base.database import Connection, Database

_Q = sql.queries("roles")
_PARTITIONS = sql.queries("partitions")

Rights = Literal["hub", "owner", "server", "superuser"]
"""The most that a login may do or become: serve; own the tables, so that it may change them and the
audit; run programs, touch files or read everything on the database server; anything."""


Isolation = Literal["role", "statements"]
"""What keeps organisations apart in the database: the role of a transaction and row-level security
behind the statements, or the statements alone."""


class DatabaseUser(Struct, frozen=True, kw_only=True):
    """As whom this program is signed in to the database."""

    name: str
    rights: Rights
    organisations: Isolation
    scopes: bool
    """Whether it may become the role of callers who have rights over some devices only: else these
    are refused."""


async def arrange(connection: Connection) -> None:
    """Hand what this login made to the owner, and give the hub its rights, as far as this login may
    and the roles are there. Harmless when nothing has changed."""
    await connection.execute(_Q["make"])
    await connection.execute(_Q["close_schema"])
    await connection.execute(_Q["plan_once"])
    (standing,) = await connection.fetch(_Q["standing"])
    if standing["may_hand_over"]:
        # One by one: each locks its table for a moment, and replicas may be at work. They may make
        # a partition meanwhile.
        while rows := await connection.fetch(_Q["to_hand_over"]):
            for row in rows:
                await connection.execute(row["statement"])
    if standing["may_isolate"]:
        for row in await connection.fetch(_Q["to_isolate"]):
            await connection.execute(row["statement"])
    if standing["may_serve"]:
        async with connection.transaction():
            await connection.execute(_PARTITIONS["lock"])  # they change the same rows of pg_class
            await connection.execute(sql.grants())
            if standing["may_isolate"]:
                await connection.execute(sql.tenant_grants())


async def login_of(database: Database) -> DatabaseUser:
    """Of these connections."""
    (row,) = await database.fetch(_Q["login"])
    return DatabaseUser(**dict(row))
