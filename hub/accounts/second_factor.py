"""The second factor of a sign-in: a code of an authenticator program, or a recovery code."""

from collections.abc import Callable, Sequence
from typing import Final

from hub.accounts.factor_store import FactorStore
from hub.accounts.factors import (
    new_recovery_codes,
    new_totp_secret,
    recovery_code,
    totp_step,
    totp_uri,
)
from hub.accounts.provider_store import Statement
from hub.accounts.tokens import hash_secret, new_secret
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import Conflict, SecondFactorMissing, Unauthenticated
from hub.base.principal import Principal
from protocol.ids import OrgId

WRONG_CODE: Final = "the code is wrong or was used before"


class SecondFactors:
    """`clock` is the database's, in seconds since 1970."""

    def __init__(self, store: FactorStore, audit: AuditService, clock: Callable[[], float]) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock

    async def challenge(
        self,
        connection: Connection,
        org: OrgId,
        user_id: str,
        *,
        by_cookie: bool,
        said: Statement | None,
        methods: Sequence[str],
    ) -> SecondFactorMissing:
        """What somebody is answered who has shown the password (`said`: to a directory), and how it
        goes on: by a `code` with this challenge, or by a `passkey` alone."""
        challenge = new_secret()
        await self._store.add_challenge(
            connection, hash_secret(challenge), org, user_id, by_cookie=by_cookie, said=said
        )
        return SecondFactorMissing(
            "show the code of your authenticator program, a recovery code, or a passkey",
            members={"challenge": challenge, "methods": list(methods)},
        )

    async def begin(self, connection: Connection, by: Principal, username: str) -> tuple[str, str]:
        """(secret, URI) of a factor that counts once it is confirmed. Raises `Conflict`,
        `MasterKeyMissing`."""
        secret = new_totp_secret()
        if not await self._store.set_totp(connection, by.subject, secret):
            raise Conflict("you have an authenticator program: remove it first")
        await self._audit.record(connection, audit_entry(by, "auth.totp_begin", username))
        return secret, totp_uri(secret, username)

    async def confirm(
        self, connection: Connection, by: Principal, username: str, code: str
    ) -> list[str]:
        """The recovery codes, which are not kept. Raises `Conflict` when nothing is to be
        confirmed, `Unauthenticated` for a wrong code."""
        totp = await self._store.totp(connection, by.subject)
        if totp is None or totp.confirmed:
            raise Conflict("there is no authenticator program to confirm")
        step = totp_step(totp.secret, code, self._clock(), after=totp.step)
        if step is None:
            raise Unauthenticated(WRONG_CODE)
        codes = new_recovery_codes()
        hashes = [hash_secret(recovery_code(each)) for each in codes]
        await self._store.confirm_totp(connection, by.subject, step, hashes)
        await self._audit.record(connection, audit_entry(by, "auth.totp_confirm", username))
        return codes

    async def remove(self, connection: Connection, by: Principal, user_id: str, name: str) -> bool:
        """False where there is none."""
        removed = await self._store.remove_totp(connection, user_id)
        if removed:
            await self._audit.record(connection, audit_entry(by, "auth.totp_remove", name))
        return removed

    async def require(self, connection: Connection, user_id: str, code: str) -> None:
        """Uses up a code. Raises `Unauthenticated` for a wrong one."""
        totp = await self._store.totp(connection, user_id)
        if totp is None or not totp.confirmed:
            raise Unauthenticated(WRONG_CODE)
        step = totp_step(totp.secret, code, self._clock(), after=totp.step)
        if step is not None:
            await self._store.use_step(connection, user_id, step)
            return
        hashed = hash_secret(recovery_code(code))
        if not await self._store.use_recovery_code(connection, user_id, hashed):
            raise Unauthenticated(WRONG_CODE)
