"""Making and ending organisations, inviting people into them, accounts of programs."""

from datetime import UTC, datetime, timedelta
from typing import Final

from hub.accounts.installation_store import InstallationStore
from hub.accounts.issuing import SessionIssuer, SignIn
from hub.accounts.names import username_of
from hub.accounts.passwords import Passwords, require_strong
from hub.accounts.recent_sign_in import RecentSignIn
from hub.accounts.service import AccountService
from hub.accounts.sessions import session_of
from hub.accounts.store import AccountStore, NewAccount
from hub.accounts.tokens import hash_secret, new_secret
from hub.audit.entries import audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.database import Connection
from hub.base.errors import (
    Conflict,
    Escalation,
    Forbidden,
    Gone,
    HubError,
    NotFound,
    PublicUrlMissing,
    invalid,
)
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal, Role
from hub.base.visible import require_visible
from hub.base.zones import require_zone
from hub.organisations.store import (
    Invitation,
    Organisation,
    OrganisationStore,
    ServiceAccount,
)
from hub.rights.access import grant_of_role
from hub.rights.memory import EVERYBODY, RightsMemory
from protocol.ids import DEFAULT_ORG, OrgId, uuid7

LONGEST_INVITATION: Final = timedelta(days=7)
INVITES: Final = "invitations:create"
STEP: Final = 1000
"""Rows."""
_NO_INVITATION: Final = "the invitation is unknown, used, withdrawn or has run out"


class Organisations:
    """`url` is what links begin with."""

    def __init__(
        self,
        store: OrganisationStore,
        accounts: AccountStore,
        people: AccountService,
        installation: InstallationStore,
        issuer: SessionIssuer,
        recent: RecentSignIn,
        passwords: Passwords,
        rights: RightsMemory,
        audit: AuditService,
        *,
        url: str | None,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._people = people
        self._installation = installation
        self._issuer = issuer
        self._recent = recent
        self._passwords = passwords
        self._rights = rights
        self._audit = audit
        self._url = url

    # Organisations

    async def list(self) -> list[Organisation]:
        return await self._store.list()

    async def get(self, org: OrgId) -> Organisation:
        """Raises `NotFound`, and `Gone` for one that has ended."""
        found = await self._store.get(org)
        if found is None:
            raise NotFound("no such organisation")
        if found.ended_at is not None:
            raise Gone(f"the organisation {org} has ended")
        return found

    async def create(self, by: Principal, org: OrgId, name: str, timezone: str) -> Organisation:
        """The caller is its first administrator. Raises `Conflict` for an id that there is, `Gone`
        for one that there was."""
        require_visible(name, "name")
        require_zone(timezone, "timezone")
        async with self._store.database.transaction() as connection:
            made = await self._store.add(connection, org, name, timezone)
            if made is None:
                raise await self._taken(connection, org)
            await self._installation.put_enrollment_key(connection, org, new_secret())
            await self._installation.put_setting(connection, org, "auto_enroll", False)
            await self._accounts.add_member(connection, org, by.subject)
            await self._accounts.set_role(connection, org, by.subject, "ADMIN")
            await self._audit.record(connection, audit_entry(by, "org.create", org, name=name))
        return made

    async def _taken(self, connection: Connection, org: OrgId) -> HubError:
        """Why there is no room for an organisation of this id."""
        found = await self._store.get(org, connection)
        if found is not None and found.ended_at is not None:
            return Gone(f"the organisation {org} has ended")
        return Conflict(f"the organisation {org} is there already")

    async def change(
        self, by: Principal, org: OrgId, name: str | None, timezone: str | None
    ) -> Organisation:
        """None leaves it as it is."""
        was = await self.get(org)
        now = {
            "name": was.name if name is None else name,
            "timezone": was.timezone if timezone is None else timezone,
        }
        require_visible(now["name"], "name")
        require_zone(now["timezone"], "timezone")
        async with self._store.database.transaction() as connection:
            changed = await self._store.describe(connection, org, now["name"], now["timezone"])
            if changed is None:
                raise Gone(f"the organisation {org} has ended")
            changes = changes_of({"name": was.name, "timezone": was.timezone}, now)
            await self._audit.record(
                connection, audit_entry(by, "org.update", org, changes=changes)
            )
        return changed

    async def end(self, by: Principal, org: OrgId, confirm: str | None) -> None:
        """Each credential in it ends with this transaction. Raises `Conflict` for `default`,
        `Invalid` without the id as a confirmation."""
        if org == DEFAULT_ORG:
            raise Conflict("the organisation default cannot be deleted")
        await self.get(org)
        if confirm != org:
            raise invalid("confirm", f"must be {org}: everything in it is deleted")
        async with self._store.database.transaction() as connection:
            if not await self._store.end(connection, org):
                raise Gone(f"the organisation {org} has ended")
            await self._accounts.rights_changed(connection, org, [EVERYBODY])
            await self._audit.record(connection, audit_entry(by, "org.delete", org))
        await self._people.refresh()

    async def clean_up(self) -> None:
        """Delete what those had that have ended, in small steps. Telemetry goes with its
        partitions, and their audit stays."""
        for org in await self._store.ended():
            while await self._store.empty(org, STEP):
                pass

    # Invitations

    async def invite(
        self, by: Principal, username: str | None, role: Role, expires_at: datetime | None
    ) -> tuple[Invitation, str, str]:
        """(invitation, token, link): these two are not kept. Raises `Escalation`, `Invalid`,
        `PublicUrlMissing`, `Reauthenticate` for an administrator."""
        if self._url is None:
            raise PublicUrlMissing("set LONGLINE_PUBLIC_URL: the link of an invitation needs it")
        name = None if username is None else username_of(username)
        now = datetime.fromtimestamp(self._people.clock(), UTC)
        if expires_at is not None and not now < expires_at <= now + LONGEST_INVITATION:
            raise invalid("expiresAt", "must be within the next 7 days")
        if not await self._rights.covers(by, grant_of_role(role)):
            await self._audit.note(
                audit_entry(by, "invitation.create", name, outcome="refused", role=role)
            )
            raise Escalation(f"you cannot grant {role}: it has rights that you do not have")
        token = new_secret()
        async with self._store.database.tenant(by.org).transaction() as connection:
            if role == "ADMIN":
                await self._recent.require(connection, by)
            made = await self._store.add_invitation(
                connection,
                by.org,
                uuid7(),
                hash_secret(token),
                username=name,
                role=role,
                made_by=by.subject,
                expires_at=expires_at,
            )
            await self._audit.record(
                connection,
                audit_entry(by, "invitation.create", name, role=role, id=made.invitation_id),
            )
        return made, token, f"{self._url}/invitation#{token}"

    async def invitations(self, org: OrgId, *, cursor: str | None, limit: int) -> Items[Invitation]:
        """Those that can still be accepted."""
        rows = await self._store.invitations(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.invitation_id), item=lambda row: row
        )

    async def withdraw(self, by: Principal, invitation_id: str) -> None:
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._store.delete_invitation(connection, by.org, invitation_id):
                raise NotFound("no such invitation")
            await self._audit.record(
                connection, audit_entry(by, "invitation.delete", invitation_id)
            )

    async def join(self, by: Principal, token: str) -> SignIn:
        """The caller becomes a member, and gets a session there. Raises `Gone`; `Forbidden` for an
        invitation of somebody else; `Conflict` for who is a member already."""
        session_of(by)
        user = await self._accounts.user_by_id(by.org, by.subject)
        await self._standing(token)
        async with self._store.database.transaction() as connection:
            invitation = await self._used(connection, token)
            if user is None or invitation.username not in (None, user.username):
                raise Forbidden(f"the invitation is for {invitation.username}")
            if not await self._accounts.add_member(connection, invitation.org, by.subject):
                raise Conflict("you are a member of this organisation already")
            await self._take_role(connection, invitation, by.subject)
            grant = await self._issuer.begin_beside(connection, invitation.org, by, session_of(by))
            return await self._joined(connection, invitation, grant, by)

    async def register(
        self, by: Principal, token: str, username: str | None, password: str | None
    ) -> SignIn:
        """A new account becomes a member. Raises `Gone`, `SignInFirst` for a name that is
        somebody's, `Invalid`."""
        invitation = await self._standing(token)
        name = username_of(username or invitation.username or "")
        if invitation.username not in (None, name):
            raise Forbidden(f"the invitation is for {invitation.username}")
        require_strong(password or "", name)
        account = NewAccount(
            user_id=uuid7(),
            username=name,
            display_name=name,
            password_hash=await self._passwords.hash(password or ""),
        )
        async with self._store.database.transaction() as connection:
            await self._used(connection, token)
            await self._accounts.add_account(connection, invitation.org, account)
            await self._accounts.add_member(connection, invitation.org, account.user_id)
            await self._take_role(connection, invitation, account.user_id)
            grant = await self._issuer.begin(connection, invitation.org, account.user_id, by)
            return await self._joined(connection, invitation, grant, by)

    async def _used(self, connection: Connection, token: str) -> Invitation:
        """Once. Raises `Gone`."""
        invitation = await self._store.use_invitation(connection, hash_secret(token))
        if invitation is None:
            raise Gone(_NO_INVITATION)
        return invitation

    async def _standing(self, token: str) -> Invitation:
        """One that can be accepted, and that its maker could make now (G23). Raises `Gone`."""
        invitation = await self._store.open_invitation(hash_secret(token))
        if invitation is None:
            raise Gone(_NO_INVITATION)
        maker = await self._rights.member(invitation.org, invitation.made_by)
        stands = (
            maker is not None
            and maker.rights.everywhere(INVITES)
            and maker.rights.covers(grant_of_role(invitation.role))
        )
        if not stands:
            raise Gone(_NO_INVITATION)
        return invitation

    async def _take_role(
        self, connection: Connection, invitation: Invitation, user_id: str
    ) -> None:
        await self._accounts.set_role(connection, invitation.org, user_id, invitation.role)
        await self._accounts.rights_changed(connection, invitation.org, [user_id])

    async def _joined(
        self, connection: Connection, invitation: Invitation, grant: SignIn, by: Principal
    ) -> SignIn:
        await self._audit.record(
            connection,
            audit_entry(
                self._issuer.principal_of(grant, by),
                "invitation.accept",
                grant.user.username,
                role=invitation.role,
                id=invitation.invitation_id,
            ),
        )
        return grant

    # Service accounts

    async def services(
        self, org: OrgId, *, cursor: str | None, limit: int
    ) -> Items[ServiceAccount]:
        rows = await self._store.services(org, before=decode_cursor(cursor), limit=limit + 1)
        return page_of(
            rows, limit, key=lambda row: (row.created_at, row.user_id), item=lambda row: row
        )

    async def create_service(self, by: Principal, name: str) -> ServiceAccount:
        """A member that nobody signs in as, and that may do nothing yet."""
        require_visible(name, "name")
        account = NewAccount(user_id=uuid7(), username=None, display_name=name, password_hash=None)
        async with self._store.database.transaction() as connection:
            await self._accounts.add_account(connection, by.org, account)
            await self._accounts.add_member(connection, by.org, account.user_id, "service")
            await self._audit.record(
                connection, audit_entry(by, "service_account.create", account.user_id, name=name)
            )
        made = await self._store.service(by.org, account.user_id)
        if made is None:
            raise NotFound("no such service account")
        return made

    async def delete_service(self, by: Principal, user_id: str) -> None:
        """With its keys."""
        if await self._store.service(by.org, user_id) is None:
            raise NotFound("no such service account")
        async with self._store.database.transaction() as connection:
            await self._accounts.delete_user(connection, by.org, user_id)
            await self._accounts.rights_changed(connection, by.org, [user_id])
            await self._audit.record(connection, audit_entry(by, "service_account.delete", user_id))
        await self._people.refresh()
