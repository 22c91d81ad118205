"""One's own account: `/auth/me`, its preferences, its password, and showing again who one is."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field, json

from hub.accounts.own_account import OwnAccount
from hub.accounts.passkey_rest import Assertion, Id, answer_of
from hub.accounts.recent_sign_in import RecentSignIn
from hub.accounts.users_rest import Password, User, user_of
from hub.base.errors import TooLarge
from hub.base.principal import Lacks
from hub.web.inputs import Body
from hub.web.route import Call

MOST_PREFERENCES: Final = 64 * 1024
"""Bytes of JSON."""


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
    id: Id | None = None
    """With what follows: the answer of a passkey (`AuthenticationResponseJSON`) to the options that
    `POST /auth/passkeys/login/options` gives a session."""
    raw_id: Id | None = None
    type: Literal["public-key"] | None = None
    response: Assertion | None = None
    authenticator_attachment: Annotated[str, Meta(max_length=64)] | None = None
    client_extension_results: dict[str, Any] = field(default_factory=dict)


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
    lacks: Lacks | None
    """What the organisation asks of this session, and it has yet to show: it has no rights until
    then."""


class OwnAccountEndpoints:
    def __init__(self, account: OwnAccount, recent: RecentSignIn) -> None:
        self._account = account
        self._recent = recent

    async def password(self, call: Call[None, PasswordBody]) -> None:
        await self._account.change_password(
            call.principal,
            call.body.current,
            call.body.new,
            end_api_keys=call.body.end_api_keys,
        )

    async def me(self, call: Call[None, None]) -> Me:
        by = call.principal
        row, places = await self._account.me(by), await self._account.organisations(by)
        return Me(
            **msgspec.structs.asdict(user_of(row)),
            org_id=by.org,
            organisations=[OrgRef(id=place.org, name=place.name) for place in places],
            instance_admin=row.instance_admin,
            second_factors=["totp"] if row.has_code else [],
            lacks=by.lacks,
        )

    async def preferences(self, call: Call[None, None]) -> dict[str, Any]:
        return await self._account.preferences(call.principal)

    async def set_preferences(self, call: Call[None, dict[str, Any]]) -> dict[str, Any]:
        if len(json.encode(call.body)) > MOST_PREFERENCES:
            raise TooLarge(f"preferences may have {MOST_PREFERENCES} bytes")
        await self._account.set_preferences(call.principal, call.body)
        return call.body

    async def reauthenticate(self, call: Call[None, ReauthenticateBody]) -> None:
        body = call.body
        await self._recent.reauthenticate(
            call.principal,
            password=body.password,
            code=body.code,
            passkey=None if body.response is None else answer_of(body),
        )
