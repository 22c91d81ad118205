"""The rows of sessions: attempts to sign in, refresh tokens, and tickets for dashboard sockets."""

from datetime import datetime

from msgspec import Struct

import sql
from hub.accounts.store import UserRow
from hub.base.database import Connection, Database, Row
from hub.rights.asked import Shown
from protocol.ids import OrgId

_Q = sql.queries("accounts")


class SessionRow(Struct, frozen=True, kw_only=True):
    session_id: str
    user_id: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    ends_at: datetime
    """However often it is renewed, it ends then."""
    address: str | None
    version: int
    check_due: float | None = None
    """When the provider that began it is to be asked again, in seconds since 1970, where one is."""

    @classmethod
    def from_row(cls, row: Row) -> "SessionRow":
        return cls(
            session_id=row["session_id"],
            user_id=row["user_id"],
            created_at=row["created_at"],
            used_at=row["used_at"],
            expires_at=row["expires_at"],
            ends_at=row["ends_at"],
            address=row["address"],
            version=row["highest"],
            check_due=row.get("check_due"),
        )


class RefreshOf(Struct, frozen=True):
    """Whose refresh token it is."""

    org: OrgId
    session_id: str
    user_id: str


class RefreshState(Struct, frozen=True):
    """Of a refresh token that is locked, with its session and its user."""

    used: bool
    expired: bool


class TicketRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    session_id: str
    user_id: str
    username: str
    version: int
    token_expires_at: datetime


class SessionStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # Signing in

    async def reserve_attempt(
        self, username: str, address: str, *, by_name: int, by_address: int
    ) -> int | None:
        """The id of an attempt that may be decided; None when there were too many in a minute."""
        async with self.database.transaction() as connection:
            await connection.execute(_Q["lock_attempts"], username, address)
            return await connection.fetchval(
                _Q["reserve_attempt"], username, address, by_name, by_address
            )

    async def forget_attempt(self, connection: Connection, attempt: int) -> None:
        await connection.execute(_Q["forget_attempt"], attempt)

    async def signed_in(self, connection: Connection, user: UserRow, address: str) -> None:
        await connection.execute(_Q["signed_in"], user.user_id, address, user.org)

    async def add_session(
        self,
        connection: Connection,
        user: UserRow,
        session_id: str,
        *,
        seconds: float,
        address: str | None,
        shown: Shown,
    ) -> SessionRow:
        row = await connection.fetchrow(
            _Q["add_session"], user.org, session_id, user.user_id, seconds, address, shown
        )
        return SessionRow.from_row(_one(row))

    async def add_refresh_token(
        self, connection: Connection, token_hash: bytes, org: OrgId, session: str, seconds: float
    ) -> None:
        await connection.execute(_Q["add_refresh_token"], token_hash, org, session, seconds)

    async def refresh_token(self, connection: Connection, token_hash: bytes) -> RefreshOf | None:
        row = await connection.fetchrow(_Q["refresh_token"], token_hash)
        return None if row is None else RefreshOf(row["org_id"], row["session_id"], row["user_id"])

    async def browser_session(self, token_hash: bytes) -> Row | None:
        """Organisation, session, user and its name of a good refresh token, which is not used
        up."""
        return await self.database.fetchrow(_Q["browser_session"], token_hash)

    async def lock_session(
        self, connection: Connection, org: OrgId, session_id: str
    ) -> SessionRow | None:
        """Whoever locks it has locked its user before. None for one that has ended."""
        row = await connection.fetchrow(_Q["lock_session"], org, session_id)
        return None if row is None or row["ended"] else SessionRow.from_row(row)

    async def lock_refresh_token(
        self, connection: Connection, token_hash: bytes
    ) -> RefreshState | None:
        row = await connection.fetchrow(_Q["lock_refresh_token"], token_hash)
        return None if row is None else RefreshState(row["used"], row["expired"])

    async def use_refresh_token(
        self, connection: Connection, token_hash: bytes, of: RefreshOf, seconds: float
    ) -> None:
        await connection.execute(_Q["use_refresh_token"], token_hash)
        await connection.execute(_Q["extend_session"], of.org, of.session_id, seconds)

    # Sessions that there are

    async def sessions(self, org: OrgId, user_id: str) -> list[SessionRow]:
        """Those that have not ended, the newest first."""
        rows = await self.database.tenant(org).fetch(_Q["sessions"], org, user_id)
        return [SessionRow.from_row(row) for row in rows]

    async def session_owner(
        self, connection: Connection, org: OrgId, session_id: str
    ) -> str | None:
        return await connection.fetchval(_Q["session_owner"], org, session_id)

    async def end_session(self, connection: Connection, org: OrgId, session_id: str) -> None:
        await connection.execute(_Q["end_sessions"], org, session_id, None)

    async def end_sessions_of(self, connection: Connection, org: OrgId, user_id: str) -> None:
        """Whoever ends them holds the lock on the user."""
        await connection.execute(_Q["end_sessions"], org, None, user_id)

    async def end_everywhere(self, connection: Connection, user_id: str) -> None:
        """Each session of an account, in all its organisations."""
        for row in await connection.fetch(_Q["organisations_of"], user_id):
            await self.end_sessions_of(connection, row["org_id"], user_id)

    async def authenticated_recently(
        self, connection: Connection, org: OrgId, session_id: str, *, seconds: float
    ) -> bool:
        return bool(
            await connection.fetchval(_Q["authenticated_recently"], org, session_id, seconds)
        )

    async def keep_sign_in(
        self, connection: Connection, old: tuple[OrgId, str], new: tuple[OrgId, str]
    ) -> bool:
        """A session goes on from another: as long ago as there its user has shown a password, and
        it ends when that does. False when that has ended."""
        return await connection.fetchval(_Q["keep_sign_in"], *old, *new) is not None

    async def authenticated(self, connection: Connection, org: OrgId, session_id: str) -> None:
        await connection.execute(_Q["authenticated"], org, session_id)

    async def has_shown(
        self, connection: Connection, org: OrgId, session_id: str, shown: Shown
    ) -> bool:
        """This, too. False where it has shown as much before."""
        return await connection.fetchval(_Q["has_shown"], org, session_id, shown) is not None

    async def shown_in(self, connection: Connection, org: OrgId, session_id: str) -> Shown | None:
        return await connection.fetchval(_Q["shown_in"], org, session_id)

    async def add_ticket(
        self, ticket_hash: bytes, org: OrgId, session: str, *, seconds: float, token_expires: float
    ) -> None:
        await self.database.tenant(org).execute(
            _Q["add_ticket"], ticket_hash, org, session, seconds, token_expires
        )

    async def redeem_ticket(self, ticket_hash: bytes) -> TicketRow | None:
        return _ticket(await self.database.fetchrow(_Q["redeem_ticket"], ticket_hash))

    async def open_by_ticket(self, ticket_hash: bytes, *, again: bool) -> TicketRow | None:
        """Of a stream; `again`: it comes back."""
        row = await self.database.fetchrow(_Q["open_by_ticket"], ticket_hash, again)
        return _ticket(row)

    async def clean_up(self) -> None:
        await self.database.execute(_Q["clean_up"])


def _ticket(row: Row | None) -> TicketRow | None:
    if row is None or not row["valid"]:
        return None
    return TicketRow(
        org=OrgId(row["org_id"]),
        session_id=row["session_id"],
        user_id=row["user_id"],
        username=row["username"],
        version=row["highest"],
        token_expires_at=row["token_expires_at"],
    )


def _one(row: Row | None) -> Row:
    if row is None:
        raise LookupError("a statement that always answers a row answered none")
    return row
