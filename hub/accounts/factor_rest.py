"""Second factors, and signing in programs without a browser."""

from typing import Annotated, Any, Final
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta, Struct
from starlette.responses import JSONResponse, Response

from hub.accounts.device_flow import DeviceFlow, Refused
from hub.accounts.own_factors import OwnFactors
from hub.accounts.rest import AccountEndpoints
from hub.accounts.signing_in import SignInService
from hub.web.envelope import NO_STORE, Answer
from hub.web.inputs import MAX_OPEN_BODY, Body, read_body
from hub.web.route import Call
from protocol.codec import rfc3339
from protocol.ids import OrgIdField

Code = Annotated[str, Meta(min_length=1, max_length=64)]
FORM: Final = "application/x-www-form-urlencoded"


class CodeBody(Body, frozen=True):
    code: Code


class SecondFactorBody(Body, frozen=True):
    challenge: Annotated[str, Meta(min_length=1, max_length=256)]
    code: Code
    """Of the authenticator program, or a recovery code."""


class TotpItem(Struct, frozen=True):
    secret: str
    uri: str
    """What an authenticator program reads."""


class RecoveryCodes(Struct, frozen=True, rename="camel"):
    recovery_codes: list[str]
    """Each signs in once in place of a code; shown once."""


class UserCodeBody(Body, frozen=True):
    user_code: Code


class ApproveBody(Body, frozen=True):
    user_code: Code
    approve: bool


class WaitingItem(Struct, frozen=True, rename="camel"):
    client_id: str
    address: str | None
    created_at: str


class AuthorizeForm(Struct, frozen=True):
    """RFC 8628, 3.1."""

    client_id: str


class DeviceTokenForm(Struct, frozen=True):
    """RFC 8628, 3.4."""

    grant_type: str
    device_code: str
    client_id: str


class DeviceCodes(Struct, frozen=True):
    """What a program gets that wants to be signed in (RFC 8628, 3.2)."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceTokens(Struct, frozen=True):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    org_id: OrgIdField


class FactorEndpoints:
    def __init__(
        self,
        own: OwnFactors,
        sign_in: SignInService,
        flow: DeviceFlow,
        signing_in: AccountEndpoints,
    ) -> None:
        self._own = own
        self._sign_in = sign_in
        self._flow = flow
        self._signing_in = signing_in

    async def begin_totp(self, call: Call[None, None]) -> TotpItem:
        return TotpItem(*await self._own.begin_code(call.principal))

    async def confirm_totp(self, call: Call[None, CodeBody]) -> RecoveryCodes:
        return RecoveryCodes(await self._own.confirm_code(call.principal, call.body.code))

    async def remove_totp(self, call: Call[None, None]) -> None:
        await self._own.remove_code(call.principal)

    async def second_factor(self, call: Call[None, SecondFactorBody]) -> Answer:
        grant, by_cookie = await self._sign_in.second_factor(
            call.body.challenge,
            call.body.code,
            address=call.principal.address or "unknown",
            request_id=call.principal.request_id,
        )
        return self._signing_in.signed_in(call, grant, by_cookie=by_cookie)

    # Programs without a browser

    async def authorize(self, call: Call[None, None]) -> Response:
        try:
            fields = await fields_of(call)
            codes = await self._flow.authorize(fields.get("client_id"), call.principal.address)
        except Refused as refused:
            return _refused(refused)
        return _answer(msgspec.to_builtins(codes))

    async def token(self, call: Call[None, None]) -> Response:
        try:
            fields = await fields_of(call)
            grant = await self._flow.token(
                fields.get("grant_type"), fields.get("device_code"), fields.get("client_id")
            )
        except Refused as refused:
            return _refused(refused)
        tokens = DeviceTokens(
            grant.token, "Bearer", grant.expires_in, grant.refresh_token, grant.user.org
        )
        return _answer(msgspec.to_builtins(tokens))

    async def waiting(self, call: Call[None, UserCodeBody]) -> WaitingItem:
        found = await self._flow.waiting(call.principal, call.body.user_code)
        return WaitingItem("longline-cli", found.address, rfc3339(found.created_at))

    async def approve(self, call: Call[None, ApproveBody]) -> None:
        await self._flow.decide(call.principal, call.body.user_code, approve=call.body.approve)


async def fields_of(call: Call[Any, Any]) -> dict[str, str]:
    """Of a form, or of a JSON object. Raises `Refused`."""
    raw = await read_body(call.request, MAX_OPEN_BODY)
    kind = (call.header("content-type") or "").partition(";")[0].strip().lower()
    if kind == FORM:
        found = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}
    try:
        return msgspec.json.decode(raw, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("invalid_request") from None


def _answer(content: Any, status: int = 200) -> JSONResponse:
    return JSONResponse(content, status_code=status, headers=NO_STORE)


def _refused(refused: Refused) -> JSONResponse:
    return _answer({"error": refused.error}, 400)
