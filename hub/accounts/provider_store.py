"""The rows of providers, of whom they name, and of what they said of who began a session."""

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct, structs

import sql
from hub.base.database import Connection, Database, Row
from hub.base.errors import SignInFirst
from hub.base.vault import Vault
from protocol.ids import OrgId, uuid7

_Q = sql.queries("providers")

ProviderKind = Literal["oidc", "ldap"]
Purpose = Literal["sign_in", "link", "reauthenticate"]


LDAP: Final = "ldap"
"""The issuer of what a directory says."""


class ProviderRow(Struct, frozen=True, kw_only=True):
    provider_id: str
    org: OrgId | None
    """None: of the installation."""
    kind: ProviderKind
    name: str
    settings: dict[str, Any]
    secret: str | None
    created_at: datetime

    def __repr__(self) -> str:
        return f"ProviderRow({self.provider_id})"

    @classmethod
    def from_row(cls, row: Row) -> "ProviderRow":
        org = row["org_id"]
        return cls(
            provider_id=row["provider_id"],
            org=None if org is None else OrgId(org),
            kind=row["kind"],
            name=row["name"],
            settings=row["settings"],
            secret=row["secret"],
            created_at=row["created_at"],
        )


class RequestRow(Struct, frozen=True, kw_only=True):
    """A browser that was sent to a provider. `org`, `user_id` and `session_id` are of the session
    that asked, where one did; of a sign-in `org` is where to."""

    purpose: Purpose
    nonce: str
    verifier: str
    return_to: str
    org: OrgId | None = None
    user_id: str | None = None
    session_id: str | None = None
    seconds: float = 0.0
    """Since it began."""

    @classmethod
    def from_row(cls, row: Row) -> "RequestRow":
        org = row["org_id"]
        return cls(
            purpose=row["purpose"],
            nonce=row["nonce"],
            verifier=row["verifier"],
            return_to=row["return_to"],
            org=None if org is None else OrgId(org),
            user_id=row["user_id"],
            session_id=row["session_id"],
            seconds=row["seconds"],
        )


class Statement(Struct, frozen=True, kw_only=True):
    """What a provider says of a person."""

    provider_id: str
    issuer: str
    subject: str
    groups: tuple[str, ...] = ()
    sid: str | None = None
    refresh_token: str | None = None
    hours: int = 12
    """After which it has to say it again."""

    @property
    def is_checked(self) -> bool:
        """Whether the provider can be asked meanwhile."""
        return self.refresh_token is not None or self.issuer == LDAP

    def __repr__(self) -> str:
        return f"Statement({self.provider_id}, {self.subject})"


class GrantRow(Struct, frozen=True):
    """What a provider said when somebody signed in by it."""

    grant_id: str
    said: Statement
    provider_org: OrgId | None
    """None: of the installation."""

    @classmethod
    def from_row(cls, row: Row) -> "GrantRow":
        org = row["provider_org"]
        said = Statement(
            provider_id=row["provider_id"],
            issuer=row["issuer"],
            subject=row["subject"],
            groups=tuple(row["groups"]),
            sid=row["sid"],
            refresh_token=row["refresh_token"],
        )
        return cls(row["grant_id"], said, None if org is None else OrgId(org))


class ShowsAgain(Struct, frozen=True):
    has_password: bool
    has_code: bool
    has_passkey: bool
    has_provider: bool


class ProviderSession(Struct, frozen=True):
    org: OrgId
    session_id: str
    user_id: str


class ProviderStore:
    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault

    # Providers

    async def add(self, connection: Connection, provider: ProviderRow) -> ProviderRow:
        """Raises `MasterKeyMissing` for one with a secret."""
        row = await connection.fetchrow(
            _Q["add_provider"],
            provider.provider_id,
            provider.org,
            provider.kind,
            provider.name,
            provider.settings,
            self._sealed(provider),
        )
        return self._opened(_always(row))

    async def count(self, connection: Connection, org: OrgId | None) -> int:
        return int(await connection.fetchval(_Q["count_providers"], org))

    async def of_org(self, org: OrgId) -> list[ProviderRow]:
        """Also the installation's."""
        return [self._opened(row) for row in await self.database.fetch(_Q["providers"], org)]

    async def get(self, provider_id: str) -> ProviderRow | None:
        row = await self.database.fetchrow(_Q["provider"], provider_id)
        return None if row is None else self._opened(row)

    async def lock(self, connection: Connection, provider_id: str) -> ProviderRow | None:
        row = await connection.fetchrow(_Q["lock_provider"], provider_id)
        return None if row is None else self._opened(row)

    async def put(self, connection: Connection, provider: ProviderRow) -> ProviderRow:
        """Raises `MasterKeyMissing` for one with a secret."""
        row = await connection.fetchrow(
            _Q["set_provider"],
            provider.provider_id,
            provider.name,
            provider.settings,
            self._sealed(provider),
        )
        return self._opened(_always(row))

    async def delete(self, connection: Connection, provider_id: str) -> None:
        await connection.execute(_Q["delete_provider"], provider_id)

    def _sealed(self, provider: ProviderRow) -> str | None:
        place = ("sign_in_provider", provider.provider_id)
        return None if provider.secret is None else self._vault.seal(place, provider.secret)

    def _opened(self, row: Row) -> ProviderRow:
        found = ProviderRow.from_row(row)
        if found.secret is None:
            return found
        secret = self._vault.open(("sign_in_provider", found.provider_id), found.secret)
        return structs.replace(found, secret=secret)

    # Browsers that were sent away

    async def add_request(
        self, state: bytes, browser: bytes, provider_id: str, request: RequestRow
    ) -> None:
        """`state` and `browser` are hashes."""
        await self.database.execute(
            _Q["add_request"],
            state,
            browser,
            provider_id,
            request.purpose,
            request.nonce,
            request.verifier,
            request.return_to,
            request.org,
            request.user_id,
            request.session_id,
        )

    async def use_request(
        self, state: bytes, browser: bytes, provider_id: str
    ) -> RequestRow | None:
        """Once, and for the browser that began it."""
        row = await self.database.fetchrow(_Q["use_request"], state, browser, provider_id)
        return None if row is None else RequestRow.from_row(row)

    # Whom they name

    async def is_living(self, org: OrgId) -> bool:
        return bool(await self.database.fetchval(_Q["is_living"], org))

    async def lock_identity(self, connection: Connection, said: Statement) -> None:
        await connection.execute(_Q["lock_identity"], said.provider_id, said.issuer, said.subject)

    async def owner(self, connection: Connection, said: Statement) -> str | None:
        return await connection.fetchval(
            _Q["owner_of"], said.provider_id, said.issuer, said.subject
        )

    async def add_identity(self, connection: Connection, said: Statement, user_id: str) -> None:
        """Raises `SignInFirst` for one that is another's."""
        made = await connection.fetchval(
            _Q["add_identity"], said.provider_id, said.issuer, said.subject, user_id
        )
        if made is None:
            raise SignInFirst("the provider names another account with it")

    async def place(self, connection: Connection, user_id: str, org: OrgId | None) -> OrgId | None:
        found: str | None = await connection.fetchval(_Q["place_of"], user_id, org)
        return None if found is None else OrgId(found)

    async def methods(self, user_id: str) -> ShowsAgain:
        """By what a user can show again who it is."""
        row = await self.database.fetchrow(_Q["methods_of"], user_id)
        return ShowsAgain(*row) if row is not None else ShowsAgain(False, False, False, False)

    # What they said of who began a session

    async def attach(
        self, connection: Connection, org: OrgId, session_id: str, said: Statement
    ) -> datetime:
        """When the session ends at the latest."""
        grant_id = uuid7()
        await connection.execute(
            _Q["add_grant"],
            grant_id,
            said.provider_id,
            said.issuer,
            said.subject,
            said.sid,
            list(said.groups),
            self._kept_token(grant_id, said),
        )
        ends_at: datetime = await connection.fetchval(
            _Q["attach"], org, session_id, grant_id, said.hours
        )
        return ends_at

    async def grant(self, org: OrgId, session_id: str) -> GrantRow | None:
        """None for a session that no provider began."""
        row = await self.database.fetchrow(_Q["grant_of"], org, session_id)
        return None if row is None else self._opened_grant(row)

    async def copy(
        self, connection: Connection, old: tuple[OrgId, str], new: tuple[OrgId, str]
    ) -> bool:
        """Whether a provider began the old one, and so the new one."""
        return await connection.fetchval(_Q["copy_session"], *old, *new) is not None

    async def claim_check(self, token_hash: bytes) -> GrantRow | None:
        """What the session of a refresh token began with, when it is this caller who asks the
        provider now."""
        row = await self.database.fetchrow(_Q["claim_check"], token_hash)
        return None if row is None else self._opened_grant(row)

    async def checked(self, connection: Connection, grant_id: str, said: Statement) -> None:
        token = self._kept_token(grant_id, said)
        await connection.execute(_Q["checked"], grant_id, list(said.groups), token)

    def _kept_token(self, grant_id: str, said: Statement) -> str | None:
        """Also without a master key: a client without a secret may have one."""
        token = said.refresh_token
        return None if token is None else self._vault.keep(("provider_grant", grant_id), token)

    def _opened_grant(self, row: Row) -> GrantRow:
        found = GrantRow.from_row(row)
        token = found.said.refresh_token
        if token is None:
            return found
        opened = self._vault.open(("provider_grant", found.grant_id), token)
        return structs.replace(found, said=structs.replace(found.said, refresh_token=opened))

    async def sessions(
        self,
        connection: Connection,
        provider_id: str,
        *,
        grant_id: str | None = None,
        subject: str | None = None,
        sid: str | None = None,
    ) -> list[ProviderSession]:
        """Those that have not ended."""
        rows = await connection.fetch(
            _Q["sessions_of_provider"], provider_id, grant_id, subject, sid
        )
        return [
            ProviderSession(OrgId(row["org_id"]), row["session_id"], row["user_id"]) for row in rows
        ]

    async def clean_up(self) -> None:
        await self.database.execute(_Q["clean_up"])


def _always(row: Row | None) -> Row:
    if row is None:
        raise LookupError("a statement that always answers a row answered none")
    return row
