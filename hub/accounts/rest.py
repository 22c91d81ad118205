"""`/auth/*`, `/users`, `/api-keys` and the public signing keys."""

from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.responses import JSONResponse, Response

from hub.accounts.service import AccountService
from hub.accounts.sessions import Grant, SessionService
from hub.accounts.store import ApiKeyRow, UserRow
from hub.accounts.users import UserChange, UserService
from hub.web.envelope import Answer, Items, at
from hub.web.inputs import Body, ListQuery, Moment
from hub.web.principal import Role
from hub.web.route import Call
from protocol.codec import rfc3339

Username = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\s\x00-\x1f]+$(?!\n)")]
Password = Annotated[str, Meta(min_length=8, max_length=1024)]
Text = Annotated[str, Meta(min_length=1, max_length=256)]


class LoginBody(Body, frozen=True):
    username: Annotated[str, Meta(max_length=128)]
    password: Annotated[str, Meta(max_length=1024)]


class RefreshBody(Body, frozen=True):
    refresh_token: Annotated[str, Meta(max_length=256)]


class PasswordBody(Body, frozen=True):
    current: Annotated[str, Meta(max_length=1024)]
    new: Password


class UserBody(Body, frozen=True):
    username: Username
    password: Password
    role: Role
    display_name: Text | None = None


class UserPatch(Body, frozen=True):
    display_name: Text | None = None
    role: Role | None = None
    disabled: bool | None = None
    password: Password | None = None


class ApiKeyBody(Body, frozen=True):
    name: Text
    role: Role
    expires_at: Moment | None = None


class User(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    username: str
    role: Role
    display_name: str
    disabled: bool
    created_at: str


class Login(Struct, frozen=True, rename="camel", kw_only=True):
    token: str
    expires_at: str
    refresh_token: str
    user: User


class Ticket(Struct, frozen=True, rename="camel"):
    ticket: str
    expires_at: str


class ApiKey(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    role: Role
    user_id: str
    created_at: str
    expires_at: str | None
    key: str | None = None
    """The secret, in the answer to its creation only."""


class AccountEndpoints:
    def __init__(
        self, accounts: AccountService, sessions: SessionService, users: UserService
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._users = users

    async def login(self, call: Call[None, LoginBody]) -> Login:
        client = call.request.client
        address = client.host if client else "unknown"
        return _login(
            await self._sessions.login(call.body.username, call.body.password, address=address)
        )

    async def refresh(self, call: Call[None, RefreshBody]) -> Login:
        return _login(await self._sessions.renew(call.body.refresh_token))

    async def logout(self, call: Call[None, None]) -> None:
        await self._sessions.logout(call.principal)

    async def ws_ticket(self, call: Call[None, None]) -> Ticket:
        return Ticket(*await self._sessions.ticket(call.principal))

    async def password(self, call: Call[None, PasswordBody]) -> None:
        await self._users.change_password(call.principal, call.body.current, call.body.new)

    async def me(self, call: Call[None, None]) -> User:
        return _user(await self._users.me(call.principal))

    async def list_users(self, call: Call[ListQuery, None]) -> Items[User]:
        page = await self._users.list_users(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([_user(row) for row in page.items], page.next)

    async def create_user(self, call: Call[None, UserBody]) -> Answer:
        body = call.body
        user = await self._users.create_user(
            call.principal, body.username, body.password, body.role, body.display_name
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
            call.principal, body.name, body.role, body.expires_at
        )
        return Answer(_api_key(row, secret), status=201, location=f"/api/v1/api-keys/{row.key_id}")

    async def delete_api_key(self, call: Call[None, None]) -> None:
        await self._users.delete_api_key(call.principal, call.path("id"))

    async def jwks(self, call: Call[None, None]) -> Response:
        content: dict[str, Any] = self._accounts.tokens.jwks()
        return JSONResponse(content, headers={"Cache-Control": "public, max-age=300"})


def _login(grant: Grant) -> Login:
    return Login(
        token=grant.token,
        expires_at=grant.expires_at,
        refresh_token=grant.refresh_token,
        user=_user(grant.user),
    )


def _user(row: UserRow) -> User:
    return User(
        id=row.user_id,
        username=row.username,
        role=row.role,
        display_name=row.display_name,
        disabled=row.disabled,
        created_at=rfc3339(row.created_at),
    )


def _api_key(row: ApiKeyRow, secret: str | None = None) -> ApiKey:
    return ApiKey(
        id=row.key_id,
        name=row.name,
        role=row.role,
        user_id=row.user_id,
        created_at=rfc3339(row.created_at),
        expires_at=at(row.expires_at),
        key=secret,
    )
