"""The rows of second factors, and of programs that wait to be signed in."""

from datetime import datetime

import msgspec
from msgspec import Struct

import sql
from hub.accounts.provider_store import Statement
from hub.base.database import Connection, Database
from hub.base.vault import Vault
from protocol.ids import OrgId

_Q = sql.queries("factors")


class Totp(Struct, frozen=True):
    secret: str
    confirmed: bool
    step: int
    """The last one that was used."""


class Challenge(Struct, frozen=True):
    org: OrgId
    user_id: str
    by_cookie: bool
    said: Statement | None
    """What a directory said of who has shown the password there."""


class WaitingProgram(Struct, frozen=True):
    address: str | None
    created_at: datetime


class Approver(Struct, frozen=True):
    """Whose program it is, and by which session."""

    org: OrgId
    user_id: str
    session_id: str


class GrantState(Struct, frozen=True):
    expired: bool
    denied: bool
    too_fast: bool
    approved: Approver | None


class FactorStore:
    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault

    # Codes

    async def set_totp(self, connection: Connection, user_id: str, secret: str) -> bool:
        """False where there is a secret that counts. Raises `MasterKeyMissing`."""
        sealed = self._vault.seal(("account", user_id), secret)
        return await connection.fetchval(_Q["set_totp"], user_id, sealed) is not None

    async def totp(self, connection: Connection, user_id: str) -> Totp | None:
        row = await connection.fetchrow(_Q["totp"], user_id)
        if row is None or row["totp_secret"] is None:
            return None
        secret = self._vault.open(("account", user_id), row["totp_secret"])
        return Totp(secret, row["totp_confirmed"], row["totp_step"])

    async def use_step(self, connection: Connection, user_id: str, step: int) -> None:
        await connection.execute(_Q["use_step"], user_id, step)

    async def confirm_totp(
        self, connection: Connection, user_id: str, step: int, codes: list[bytes]
    ) -> None:
        await connection.execute(_Q["confirm_totp"], user_id, step)
        await connection.execute(_Q["add_recovery_codes"], user_id, codes)

    async def remove_totp(self, connection: Connection, user_id: str) -> bool:
        return await connection.fetchval(_Q["remove_totp"], user_id) is not None

    async def use_recovery_code(
        self, connection: Connection, user_id: str, code_hash: bytes
    ) -> bool:
        return await connection.fetchval(_Q["use_recovery_code"], user_id, code_hash) is not None

    async def add_challenge(
        self,
        connection: Connection,
        challenge_hash: bytes,
        org: OrgId,
        user_id: str,
        *,
        by_cookie: bool,
        said: Statement | None = None,
    ) -> None:
        by_provider = None if said is None else msgspec.to_builtins(said)
        await connection.execute(
            _Q["add_challenge"], challenge_hash, org, user_id, by_cookie, by_provider
        )

    async def try_challenge(self, challenge_hash: bytes) -> Challenge | None:
        """By itself: a try counts, however it ends."""
        row = await self.database.fetchrow(_Q["try_challenge"], challenge_hash)
        if row is None:
            return None
        said = row["by_provider"]
        return Challenge(
            OrgId(row["org_id"]),
            row["user_id"],
            row["by_cookie"],
            None if said is None else msgspec.convert(said, Statement),
        )

    async def end_challenge(self, connection: Connection, challenge_hash: bytes) -> None:
        await connection.execute(_Q["end_challenge"], challenge_hash)

    # Programs

    async def add_grant(self, code_hash: bytes, user_code: str, address: str | None) -> bool:
        """False when the user code is taken."""
        row = await self.database.fetchrow(_Q["add_device_grant"], code_hash, user_code, address)
        return row is not None

    async def waiting(self, user_code: str) -> WaitingProgram | None:
        row = await self.database.fetchrow(_Q["device_grant"], user_code)
        return None if row is None else WaitingProgram(row["address"], row["created_at"])

    async def decide(
        self, connection: Connection, user_code: str, by: Approver, *, approve: bool
    ) -> bool:
        """False when nobody waits for this code."""
        decided = await connection.fetchval(
            _Q["decide_device_grant"], user_code, approve, by.user_id, by.org, by.session_id
        )
        return decided is not None

    async def poll(self, code_hash: bytes) -> GrantState | None:
        row = await self.database.fetchrow(_Q["poll_device_grant"], code_hash)
        if row is None:
            return None
        by = row["approved_by"]
        return GrantState(
            row["expired"],
            row["denied"],
            row["too_fast"],
            None
            if by is None
            else Approver(OrgId(row["approved_in"]), by, row["approved_session"] or ""),
        )

    async def use(self, connection: Connection, code_hash: bytes) -> bool:
        return await connection.fetchval(_Q["use_device_grant"], code_hash) is not None

    async def wrong_codes(self, user_id: str) -> int:
        return int(await self.database.fetchval(_Q["wrong_user_codes"], user_id))

    async def note_wrong_code(self, user_id: str) -> None:
        await self.database.execute(_Q["note_user_code"], user_id)

    async def clean_up(self) -> None:
        await self.database.execute(_Q["clean_up"])
