"""`/auth/*`, `/users`, `/api-keys` and the public signing keys."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, json
from starlette.responses import JSONResponse, Response

from hub.accounts.cookies import FORMER_NAME, cookie, name_of, no_cookie
from hub.accounts.directory_sign_in import DirectorySignIn
from hub.accounts.passwords import SHORTEST
from hub.accounts.service import AccountService
from hub.accounts.sessions import SessionService, SignIn
from hub.accounts.store import ApiKeyRow, SessionRow, UserRow
from hub.accounts.users import UserChange, UserService
from hub.base.errors import Forbidden, NotFound, TooLarge
from hub.base.paging import Items
from hub.base.principal import Role
from hub.rights.access import may_everywhere
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Moment, Query, Text
from hub.web.route import Call
from hub.web.site import Site, foreign_page
from protocol.codec import at, rfc3339
from protocol.ids import DEFAULT_ORG, OrgId, OrgIdField

Username = Annotated[str, Meta(min_length=1, max_length=128)]
Password = Annotated[str, Meta(min_length=SHORTEST, max_length=1024)]

MOST_PREFERENCES: Final = 64 * 1024
"""Bytes of JSON."""


class LoginBody(Body, frozen=True):
    username: Annotated[str, Meta(max_length=128)]
    password: Annotated[str, Meta(max_length=1024)]
    cookie: bool = False
    """Keep the refresh token in a cookie instead of answering it."""
    org_id: OrgIdField | None = None
    """None: where the account signed in last."""
    provider: Annotated[str, Meta(max_length=128)] | None = None
    """The directory whose password it is; None: the hub's own."""


class RefreshBody(Body, frozen=True):
    refresh_token: Annotated[str, Meta(max_length=256)] | None = None
    """None: the one in the cookie."""
    org_id: OrgIdField = DEFAULT_ORG
    """Whose cookie it is: a browser has one for each organisation."""


class PasswordBody(Body, frozen=True):
    current: Annotated[str, Meta(max_length=1024)]
    new: Password
    end_api_keys: bool = False
    """End one's API keys, too."""


class ReauthenticateBody(Body, frozen=True):
    """One of them."""

    password: Annotated[str, Meta(max_length=1024)] | None = None
    code: Annotated[str, Meta(max_length=64)] | None = None
    """Of the authenticator program, or a recovery code."""


class SessionQuery(Query, frozen=True):
    user_id: Annotated[str, Meta(max_length=128)] | None = None
    """Of this user: for administrators. None: one's own."""


class UserBody(Body, frozen=True):
    username: Username
    password: Password
    role: Role
    display_name: Text | None = None
    initial_password: bool = False
    """The user is asked for another one at the first sign-in."""


class UserPatch(Body, frozen=True):
    display_name: Text | None = None
    role: Role | None = None
    disabled: bool | None = None
    password: Password | None = None
    initial_password: bool = False
    """With `password`: the user is asked for another one at the next sign-in."""


class ApiKeyBody(Body, frozen=True):
    name: Text
    role: Role
    expires_at: Moment | None = None
    service_account_id: Annotated[str, Meta(max_length=128)] | None = None
    """Whose key it is; None: one's own."""


class SwitchBody(Body, frozen=True):
    org_id: OrgIdField
    cookie: bool = False
    """Keep the refresh token in a cookie instead of answering it."""


class User(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    username: str
    role: Role
    display_name: str
    disabled: bool
    initial_password: bool
    """Somebody else made the password: the user is asked for another one."""
    created_at: str


class OrgRef(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str


class Me(User, frozen=True, rename="camel", kw_only=True):
    """The caller."""

    org_id: str
    """Of this session or key."""
    organisations: list[OrgRef]
    """Where the account is a member."""
    instance_admin: bool
    """Whether it may make and end organisations."""
    second_factors: list[Literal["totp"]]
    """What signing in asks for beside the password."""


class Login(Struct, frozen=True, rename="camel", kw_only=True):
    token: str
    expires_at: str
    refresh_token: str | None
    """None: in the cookie."""
    org_id: str
    user: User


class Ticket(Struct, frozen=True, rename="camel"):
    ticket: str
    expires_at: str


class Session(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    user_id: str
    created_at: str
    used_at: str
    """When it was last renewed."""
    expires_at: str
    """Unless it is renewed."""
    ends_at: str
    """However often it is renewed."""
    address: str | None
    """From where it began."""
    current: bool
    """Whether it is the one that asks."""


class ApiKey(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    role: Role
    user_id: str
    created_at: str
    expires_at: str | None
    prefix: str
    """How its secret begins."""
    last_used_at: str | None
    """As of late: within a minute or two."""
    key: str | None = None
    """The secret, in the answer to its creation only."""


class AccountEndpoints:
    def __init__(
        self,
        accounts: AccountService,
        sessions: SessionService,
        users: UserService,
        site: Site,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._users = users
        self._site = site
        self._directories: DirectorySignIn | None = None

    def sign_in_by(self, directories: DirectorySignIn) -> None:
        """Have passwords of directories shown to them."""
        self._directories = directories

    async def login(self, call: Call[None, LoginBody]) -> Answer:
        if call.body.cookie:
            self._check_page(call)
        if call.body.provider is not None and self._directories is not None:
            grant = await self._directories.login(
                call.body.provider,
                call.body.username,
                call.body.password,
                call.principal,
                org=call.body.org_id,
                by_cookie=call.body.cookie,
            )
            return self.signed_in(call, grant, by_cookie=call.body.cookie)
        grant = await self._sessions.login(
            call.body.username,
            call.body.password,
            address=call.principal.address or "unknown",
            request_id=call.principal.request_id,
            org=call.body.org_id,
            by_cookie=call.body.cookie,
        )
        return self.signed_in(call, grant, by_cookie=call.body.cookie)

    async def switch(self, call: Call[None, SwitchBody]) -> Answer:
        if call.body.cookie:
            self._check_page(call)
        grant = await self._sessions.switch(call.principal, call.body.org_id)
        return self.signed_in(call, grant, by_cookie=call.body.cookie)

    async def refresh(self, call: Call[None, RefreshBody]) -> Answer:
        token = call.body.refresh_token
        by_cookie = token is None
        if token is None:
            self._check_page(call)
            token = self.held(call, call.body.org_id)
        return self.signed_in(call, await self._sessions.renew(token), by_cookie=by_cookie)

    def held(self, call: Call[Any, Any], org: OrgId) -> str:
        """What a browser keeps for an organisation; empty for nothing."""
        cookies = call.request.cookies
        return cookies.get(self._cookie(org)) or cookies.get(FORMER_NAME, "")

    def _cookie(self, org: OrgId) -> str:
        return name_of(self._accounts.tokens.issuer, org)

    async def logout(self, call: Call[None, None]) -> Answer:
        await self._sessions.logout(call.principal)
        name = self._cookie(call.principal.org)
        forgotten = no_cookie(name, secure=self.by_tls(call), prefix=self._site.prefix)
        return Answer(None, cookie=forgotten if name in call.request.cookies else None)

    def signed_in(self, call: Call[None, Any], grant: SignIn, *, by_cookie: bool) -> Answer:
        """How a sign-in is answered, whatever showed who it is."""
        if not by_cookie:
            return Answer(_login(grant, refresh_token=grant.refresh_token))
        return Answer(_login(grant, refresh_token=None), cookie=self.kept(call, grant))

    def kept(self, call: Call[Any, Any], grant: SignIn) -> str:
        """What a browser keeps of a session, as `Set-Cookie` says it."""
        return cookie(
            self._cookie(grant.user.org),
            grant.refresh_token,
            seconds=self._sessions.refresh_seconds,
            secure=self.by_tls(call),
            prefix=self._site.prefix,
        )

    async def ws_ticket(self, call: Call[None, None]) -> Ticket:
        return Ticket(*await self._sessions.ticket(call.principal))

    async def password(self, call: Call[None, PasswordBody]) -> None:
        await self._users.change_password(
            call.principal,
            call.body.current,
            call.body.new,
            end_api_keys=call.body.end_api_keys,
        )

    async def reauthenticate(self, call: Call[None, ReauthenticateBody]) -> None:
        await self._sessions.reauthenticate(
            call.principal, password=call.body.password, code=call.body.code
        )

    async def sessions(self, call: Call[SessionQuery, None]) -> Items[Session]:
        by = call.principal
        wanted = call.query.user_id or by.subject
        if not (wanted == by.subject or may_everywhere(by, "sessions:list")):
            raise NotFound("no such user")
        rows = await self._sessions.sessions(by.org, wanted)
        return Items([_session(row, by.session_id) for row in rows])

    async def end_session(self, call: Call[None, None]) -> None:
        await self._sessions.end(call.principal, call.path("id"))

    async def me(self, call: Call[None, None]) -> Me:
        by = call.principal
        row, places = await self._users.me(by), await self._users.organisations(by)
        return Me(
            **msgspec.structs.asdict(_user(row)),
            org_id=by.org,
            organisations=[OrgRef(id=place.org, name=place.name) for place in places],
            instance_admin=row.instance_admin,
            second_factors=["totp"] if row.has_code else [],
        )

    async def preferences(self, call: Call[None, None]) -> dict[str, Any]:
        return await self._users.preferences(call.principal)

    async def set_preferences(self, call: Call[None, dict[str, Any]]) -> dict[str, Any]:
        if len(json.encode(call.body)) > MOST_PREFERENCES:
            raise TooLarge(f"preferences may have {MOST_PREFERENCES} bytes")
        await self._users.set_preferences(call.principal, call.body)
        return call.body

    async def list_users(self, call: Call[ListQuery, None]) -> Items[User]:
        page = await self._users.list_users(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_user(row) for row in page.items], page.next)

    async def create_user(self, call: Call[None, UserBody]) -> Answer:
        body = call.body
        user = await self._users.create_user(
            call.principal,
            body.username,
            body.password,
            body.role,
            body.display_name,
            initial_password=body.initial_password,
        )
        return Answer(_user(user), status=201, location=f"/api/v1/users/{user.user_id}")

    async def get_user(self, call: Call[None, None]) -> User:
        return _user(await self._users.get_user(call.principal.org, call.path("id")))

    async def change_user(self, call: Call[None, UserPatch]) -> User:
        change = UserChange(
            display_name=call.body.display_name,
            role=call.body.role,
            disabled=call.body.disabled,
            password=call.body.password,
            initial_password=call.body.initial_password,
        )
        return _user(await self._users.change_user(call.principal, call.path("id"), change))

    async def delete_user(self, call: Call[None, None]) -> None:
        await self._users.delete_user(call.principal, call.path("id"))

    async def list_api_keys(self, call: Call[ListQuery, None]) -> Items[ApiKey]:
        page = await self._users.list_api_keys(
            call.principal, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_api_key(row) for row in page.items], page.next)

    async def create_api_key(self, call: Call[None, ApiKeyBody]) -> Answer:
        body = call.body
        row, secret = await self._users.create_api_key(
            call.principal,
            body.name,
            body.role,
            body.expires_at,
            service_account=body.service_account_id,
        )
        return Answer(_api_key(row, secret), status=201, location=f"/api/v1/api-keys/{row.key_id}")

    async def delete_api_key(self, call: Call[None, None]) -> None:
        await self._users.delete_api_key(call.principal, call.path("id"))

    def _check_page(self, call: Call[None, Any]) -> None:
        """Raises `Forbidden` for a page of another site, which must not use the cookie."""
        origin, host = call.header("origin"), call.header("host") or ""
        if not self._site.owns(origin, host):
            raise Forbidden(foreign_page(origin, host))

    def by_tls(self, call: Call[Any, Any]) -> bool:
        """Also when a proxy in front ended it."""
        host = call.header("host") or ""
        return call.request.url.scheme == "https" or self._site.is_secure(host)

    async def jwks(self, call: Call[None, None]) -> Response:
        content: dict[str, Any] = self._accounts.tokens.jwks()
        return JSONResponse(content, headers={"Cache-Control": "public, max-age=300"})


def _login(grant: SignIn, *, refresh_token: str | None) -> Login:
    return Login(
        token=grant.token,
        expires_at=grant.expires_at,
        refresh_token=refresh_token,
        org_id=grant.user.org,
        user=_user(grant.user),
    )


def _user(row: UserRow) -> User:
    return User(
        id=row.user_id,
        username=row.username,
        role=row.role,
        display_name=row.display_name,
        disabled=row.disabled,
        initial_password=row.initial_password,
        created_at=rfc3339(row.created_at),
    )


def _session(row: SessionRow, current: str | None) -> Session:
    return Session(
        id=row.session_id,
        user_id=row.user_id,
        created_at=rfc3339(row.created_at),
        used_at=rfc3339(row.used_at),
        expires_at=rfc3339(min(row.expires_at, row.ends_at)),
        ends_at=rfc3339(row.ends_at),
        address=row.address,
        current=row.session_id == current,
    )


def _api_key(row: ApiKeyRow, secret: str | None = None) -> ApiKey:
    return ApiKey(
        id=row.key_id,
        name=row.name,
        role=row.role,
        user_id=row.user_id,
        created_at=rfc3339(row.created_at),
        expires_at=at(row.expires_at),
        prefix=row.prefix,
        last_used_at=at(row.used_at),
        key=secret,
    )
