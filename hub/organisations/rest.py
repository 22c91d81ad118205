"""`/orgs`, `/invitations` and `/service-accounts`."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from hub.accounts.guards import bearer
from hub.accounts.rest import AccountEndpoints
from hub.accounts.service import AccountService
from hub.accounts.users_rest import Password, Username
from hub.base.paging import Items
from hub.base.principal import Role
from hub.base.zones import Zone
from hub.organisations.service import Organisations
from hub.organisations.store import Invitation, Organisation, ServiceAccount
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Moment, Query, Text
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.ids import OrgId, OrgIdField


class OrgBody(Body, frozen=True):
    id: OrgIdField
    name: Text
    timezone: Zone = "UTC"
    """Of its devices that have none of their own, nor by a group."""


class OrgPatch(Body, frozen=True):
    name: Text | None = None
    timezone: Zone | None = None


class OrgDeletion(Query, frozen=True):
    confirm: Annotated[str, Meta(max_length=128)] | None = None
    """The id once more."""


class OrgItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    timezone: str
    created_at: str


class InvitationBody(Body, frozen=True):
    role: Role
    username: Username | None = None
    """Who may accept it; None: anybody who has the link."""
    expires_at: Moment | None = None
    """Within 7 days, which is what None stands for."""


class AcceptBody(Body, frozen=True):
    token: Annotated[str, Meta(min_length=1, max_length=256)]
    username: Username | None = None
    """Of the account that is made; not for a caller who has signed in."""
    password: Password | None = None
    cookie: bool = False
    """Keep the refresh token in a cookie instead of answering it."""


class InvitationItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    username: str | None
    role: Role
    made_by: str
    created_at: str
    expires_at: str
    token: str | UnsetType = UNSET
    """In the answer to its creation only."""
    link: str | UnsetType = UNSET


class ServiceBody(Body, frozen=True):
    name: Text


class ServiceItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    role: Role
    created_at: str


class OrganisationEndpoints:
    def __init__(
        self, service: Organisations, accounts: AccountService, signing_in: AccountEndpoints
    ) -> None:
        self._service = service
        self._accounts = accounts
        self._signing_in = signing_in

    async def list(self, _: Call[None, None]) -> list[OrgItem]:
        return [_org(row) for row in await self._service.list()]

    async def create(self, call: Call[None, OrgBody]) -> Answer:
        body = call.body
        made = await self._service.create(call.principal, body.id, body.name, body.timezone)
        return Answer(_org(made), status=201, location=f"/api/v1/orgs/{made.org}")

    async def get(self, call: Call[None, None]) -> OrgItem:
        return _org(await self._service.get(OrgId(call.path("id"))))

    async def change(self, call: Call[None, OrgPatch]) -> OrgItem:
        org, body = OrgId(call.path("id")), call.body
        return _org(await self._service.change(call.principal, org, body.name, body.timezone))

    async def end(self, call: Call[OrgDeletion, None]) -> Answer:
        await self._service.end(call.principal, OrgId(call.path("id")), call.query.confirm)
        return Answer(None, status=202)

    async def invitations(self, call: Call[ListQuery, None]) -> Items[InvitationItem]:
        page = await self._service.invitations(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_invitation(row) for row in page.items], page.next)

    async def invite(self, call: Call[None, InvitationBody]) -> Answer:
        body = call.body
        row, token, link = await self._service.invite(
            call.principal, body.username, body.role, body.expires_at
        )
        return Answer(
            _invitation(row, token, link),
            status=201,
            location=f"/api/v1/invitations/{row.invitation_id}",
        )

    async def withdraw(self, call: Call[None, None]) -> None:
        await self._service.withdraw(call.principal, call.path("id"))

    async def accept(self, call: Call[None, AcceptBody]) -> Answer:
        body: Any = call.body
        if call.header("authorization") is not None:
            by = await self._accounts.user(bearer(call.request))
            grant = await self._service.join(by, body.token)
        else:
            grant = await self._service.register(
                call.principal, body.token, body.username, body.password
            )
        return self._signing_in.signed_in(call, grant, by_cookie=body.cookie)

    async def services(self, call: Call[ListQuery, None]) -> Items[ServiceItem]:
        page = await self._service.services(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_service(row) for row in page.items], page.next)

    async def create_service(self, call: Call[None, ServiceBody]) -> Answer:
        made = await self._service.create_service(call.principal, call.body.name)
        return Answer(
            _service(made), status=201, location=f"/api/v1/service-accounts/{made.user_id}"
        )

    async def delete_service(self, call: Call[None, None]) -> None:
        await self._service.delete_service(call.principal, call.path("id"))


def _org(row: Organisation) -> OrgItem:
    return OrgItem(
        id=row.org, name=row.name, timezone=row.timezone, created_at=rfc3339(row.created_at)
    )


def _invitation(
    row: Invitation, token: str | UnsetType = UNSET, link: str | UnsetType = UNSET
) -> InvitationItem:
    return InvitationItem(
        id=row.invitation_id,
        username=row.username,
        role=row.role,
        made_by=row.made_by,
        created_at=rfc3339(row.created_at),
        expires_at=rfc3339(row.expires_at),
        token=token,
        link=link,
    )


def _service(row: ServiceAccount) -> ServiceItem:
    return ServiceItem(
        id=row.user_id, name=row.name, role=row.role, created_at=rfc3339(row.created_at)
    )
