"""`/users`."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts.passwords import SHORTEST
from hub.accounts.store import UserRow
from hub.accounts.users import UserChange, UserService
from hub.base.paging import Items
from hub.base.principal import Role
from hub.web.envelope import Answer
from hub.web.inputs import Body, ListQuery, Text
from hub.web.route import Call
from protocol.codec import rfc3339

Username = Annotated[str, Meta(min_length=1, max_length=128)]
Password = Annotated[str, Meta(min_length=SHORTEST, max_length=1024)]


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


class User(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    username: str
    role: Role
    display_name: str
    disabled: bool
    initial_password: bool
    """Somebody else made the password: the user is asked for another one."""
    created_at: str


class UserEndpoints:
    def __init__(self, users: UserService) -> None:
        self._users = users

    async def list_users(self, call: Call[ListQuery, None]) -> Items[User]:
        page = await self._users.list_users(
            call.principal.org, cursor=call.query.cursor, limit=call.query.limit
        )
        return Items([user_of(row) for row in page.items], page.next)

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
        return Answer(user_of(user), status=201, location=f"/api/v1/users/{user.user_id}")

    async def get_user(self, call: Call[None, None]) -> User:
        return user_of(await self._users.get_user(call.principal.org, call.path("id")))

    async def change_user(self, call: Call[None, UserPatch]) -> User:
        change = UserChange(
            display_name=call.body.display_name,
            role=call.body.role,
            disabled=call.body.disabled,
            password=call.body.password,
            initial_password=call.body.initial_password,
        )
        return user_of(await self._users.change_user(call.principal, call.path("id"), change))

    async def delete_user(self, call: Call[None, None]) -> None:
        await self._users.delete_user(call.principal, call.path("id"))


def user_of(row: UserRow) -> User:
    return User(
        id=row.user_id,
        username=row.username,
        role=row.role,
        display_name=row.display_name,
        disabled=row.disabled,
        initial_password=row.initial_password,
        created_at=rfc3339(row.created_at),
    )
