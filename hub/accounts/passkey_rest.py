"""`/auth/passkeys`: as browsers speak of them (WebAuthn, level 3, 5.1)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from hub.accounts.guards import bearer
from hub.accounts.passkey_sign_in import PasskeySignIn
from hub.accounts.passkey_store import PasskeyRow
from hub.accounts.passkeys import Passkeys
from hub.accounts.rest import AccountEndpoints
from hub.accounts.service import AccountService
from hub.accounts.webauthn import public_key_of
from hub.web.envelope import Answer
from hub.web.inputs import Body, Text
from hub.web.route import Call
from protocol.base64url import base64url
from protocol.codec import at, rfc3339
from protocol.ids import OrgIdField
from protocol.ssh_format import key_id_of, line_of_key

Base64Url = Annotated[str, Meta(max_length=8192, pattern="^[A-Za-z0-9_-]*$")]
"""Bytes, without padding."""
Id = Annotated[str, Meta(min_length=1, max_length=1364, pattern="^[A-Za-z0-9_-]+$")]


class Attestation(Struct, frozen=True, kw_only=True, rename="camel"):
    """`AuthenticatorAttestationResponseJSON`; browsers add more, which is not looked at."""

    client_data_json: Base64Url = field(name="clientDataJSON")
    attestation_object: Annotated[str, Meta(max_length=65_536, pattern="^[A-Za-z0-9_-]*$")]
    transports: Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(max_length=16)] = field(
        default_factory=list
    )


class Assertion(Struct, frozen=True, kw_only=True, rename="camel"):
    """`AuthenticatorAssertionResponseJSON`."""

    client_data_json: Base64Url = field(name="clientDataJSON")
    authenticator_data: Base64Url
    signature: Base64Url
    user_handle: Base64Url | None = None


class NewPasskeyBody(Body, frozen=True):
    """`RegistrationResponseJSON`, with a name."""

    id: Id
    raw_id: Id
    type: Literal["public-key"]
    response: Attestation
    authenticator_attachment: Annotated[str, Meta(max_length=64)] | None = None
    client_extension_results: dict[str, Any] = field(default_factory=dict)
    name: Text = "Passkey"
    """What its owner knows it by."""


class PasskeyAnswer(Body, frozen=True):
    """`AuthenticationResponseJSON`."""

    id: Id
    raw_id: Id
    type: Literal["public-key"]
    response: Assertion
    authenticator_attachment: Annotated[str, Meta(max_length=64)] | None = None
    client_extension_results: dict[str, Any] = field(default_factory=dict)


class PasskeyLoginBody(PasskeyAnswer, frozen=True):
    cookie: bool = False
    """Keep the refresh token in a cookie instead of answering it."""
    org_id: OrgIdField | None = None
    """None: where the account signed in last."""


class PasskeyItem(Struct, frozen=True, rename="camel", kw_only=True):
    id: str
    name: str
    created_at: str
    last_used_at: str | None
    """When it last signed in, or showed again who somebody is."""
    credential_id: str
    """As a browser names it, in base64url."""
    public_key: str | None
    """As OpenSSH writes it, for devices that trust it with commands; null for one by RSA, which
    signs none."""
    key_id: str | None
    """What signatures of commands by it name."""


class PasskeyEndpoints:
    def __init__(
        self,
        passkeys: Passkeys,
        signing_in: PasskeySignIn,
        accounts: AccountService,
        answers: AccountEndpoints,
    ) -> None:
        self._passkeys = passkeys
        self._signing_in = signing_in
        self._accounts = accounts
        self._answers = answers

    async def list(self, call: Call[None, None]) -> list[PasskeyItem]:
        return [_item(row) for row in await self._passkeys.list(call.principal)]

    async def options(self, call: Call[None, None]) -> dict[str, Any]:
        return await self._passkeys.options(call.principal)

    async def add(self, call: Call[None, NewPasskeyBody]) -> Answer:
        body = call.body
        made = await self._passkeys.add(
            call.principal, answer_of(body), body.name, body.response.transports
        )
        return Answer(_item(made), status=201, location=f"/api/v1/auth/passkeys/{made.passkey_id}")

    async def remove(self, call: Call[None, None]) -> None:
        await self._passkeys.remove(call.principal, call.path("id"))

    async def login_options(self, call: Call[None, None]) -> dict[str, Any]:
        """Whoever shows a token asks to show again who it is, in that session."""
        if call.header("authorization") is None:
            return await self._signing_in.options(None)
        return await self._signing_in.options(await self._accounts.user(bearer(call.request)))

    async def login(self, call: Call[None, PasskeyLoginBody]) -> Answer:
        body = call.body
        if body.cookie:
            self._answers.check_page(call)
        grant = await self._signing_in.login(answer_of(body), call.principal, org=body.org_id)
        return self._answers.signed_in(call, grant, by_cookie=body.cookie)


def answer_of(body: Struct) -> Mapping[str, Any]:
    """What of a body is the browser's: the rest is ours."""
    given: dict[str, Any] = msgspec.to_builtins(body)
    names = ("id", "rawId", "type", "response")
    answer = {name: given[name] for name in names}
    answer["response"] = {
        name: value for name, value in given["response"].items() if value is not None
    }
    return answer


def _item(row: PasskeyRow) -> PasskeyItem:
    key = public_key_of(row.credential)
    return PasskeyItem(
        id=row.passkey_id,
        name=row.name,
        created_at=rfc3339(row.created_at),
        last_used_at=at(row.used_at),
        credential_id=base64url(row.credential_id),
        public_key=None if key is None else line_of_key(key),
        key_id=None if key is None else key_id_of(key),
    )
