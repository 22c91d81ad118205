"""The guard of every route: who calls, how often already, and may they?"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from msgspec import structs
from starlette.requests import Request

from hub.accounts.service import AccountService
from hub.accounts.sign_in_policy import refusal_of
from hub.accounts.tokens import API_KEY_PREFIX, CERTIFICATE_MISSING, OTHERS_TOKEN, REFUSAL
from hub.audit.entries import LONGEST_TARGET, AuditEntry, audit_entry
from hub.audit.service import AuditService
from hub.base import usage
from hub.base.errors import (
    CertificateRequired,
    Forbidden,
    HubError,
    Reauthenticate,
    Unauthenticated,
    Unavailable,
)
from hub.base.principal import ANYONE, Principal, is_same_device
from hub.rights.access import FOR_DEVICES, OPEN_TO_ALL, Action, Door, may
from hub.rights.catalogue import BY_BINDING, BY_SESSION, DISPATCH
from hub.socket.client_certificate import NAME as CLIENT_CERT
from hub.socket.client_certificate import certificate_of
from hub.web.inputs import header_of
from hub.web.limits import RequestLimits
from hub.web.route import comes_back


class DeviceCertificates(Protocol):
    async def device(self, der: bytes) -> Principal:
        """Whose certificate it is. Raises `Unauthenticated`, `Unavailable`."""
        ...


class AccountGuard:
    """`methods` says by what a user can show again who it is. With `certificate_required` a device
    does nothing without one but enrol."""

    def __init__(
        self,
        accounts: AccountService,
        audit: AuditService,
        limits: RequestLimits,
        certificates: DeviceCertificates,
        methods: Callable[[Principal], Awaitable[list[str]]],
        *,
        certificate_required: bool,
    ) -> None:
        self._accounts = accounts
        self._audit = audit
        self._limits = limits
        self._certificates = certificates
        self._methods = methods
        self._certificate_required = certificate_required

    async def __call__(self, request: Request, action: Any) -> Principal:
        """The caller. Raises `Unauthenticated`, `Forbidden`, `TooManyRequests` or `Unavailable`;
        `SecondFactorMissing` or `UseProvider` in a session that has yet to show it."""
        if action in OPEN_TO_ALL:
            return self._stranger(request, action)
        return await self._admitted(request, action, self._identify(request, action))

    async def of_stream(self, request: Request, action: Any) -> Principal:
        """The caller of a stream, who may have a ticket instead of a header: a browser cannot send
        one. Raises the same."""
        return await self._admitted(request, action, self._identify_stream(request, action))

    async def _admitted(
        self, request: Request, action: Any, identified: Awaitable[Principal]
    ) -> Principal:
        principal = await self._caller(request, action, identified)
        if not may(principal, action):
            if request.method != "GET":
                await self._audit.note(_refused(request, principal, action))
            if principal.lacks is not None:
                raise refusal_of(principal.lacks)
            raise Forbidden(_refusal(principal, action))
        if isinstance(action, Door):
            return principal
        return await self._accounts.reaching(principal, action)

    async def explained(self, error: HubError, principal: Principal | None) -> HubError:
        """Where a refusal came within a transaction, what the caller can do about it is looked up
        here: whoever holds a connection asks for no other."""
        if not isinstance(error, Reauthenticate) or principal is None or principal.kind != "user":
            return error
        try:
            methods = await self._methods(principal)
        except Unavailable as unavailable:
            return unavailable
        return Reauthenticate(error.detail, members={"methods": methods})

    def _stranger(self, request: Request, action: Action) -> Principal:
        principal = _from(request, ANYONE)
        count = self._limits.stranger if action is Door.OPEN else self._limits.show_stranger
        count(request.scope, principal.address)
        return principal

    async def _caller(
        self, request: Request, action: Action, identified: Awaitable[Principal]
    ) -> Principal:
        """Whoever shows a good credential counts as that, wherever he calls from."""
        try:
            principal = _from(request, await identified)
        except Unauthenticated:
            self._limits.stranger(request.scope, _from(request, ANYONE).address)
            raise
        usage.count(principal.org, "calls")
        self._limits.caller(request.scope, principal, dispatches=_dispatches(request, action))
        return principal

    async def _identify(self, request: Request, action: Action) -> Principal:
        if action not in FOR_DEVICES:
            return await self._by_token(bearer(request), action)
        der = shown_certificate(request)
        if der is None:
            principal = await self._by_token(bearer(request), action)
            if principal.kind == "device" and self._certificate_required:
                raise CertificateRequired(CERTIFICATE_MISSING)
            return principal
        certified = await self._certificates.device(der)
        if header_of(request.scope, b"authorization") is None:
            return certified
        principal = await self._by_token(bearer(request), action)
        if principal.kind != "device":
            return principal
        if not is_same_device(certified, principal):
            raise Unauthenticated(OTHERS_TOKEN)
        return certified

    async def _identify_stream(self, request: Request, action: Action) -> Principal:
        ticket = request.query_params.get("ticket")
        if ticket is None or header_of(request.scope, b"authorization") is not None:
            return await self._identify(request, action)
        return await self._accounts.streaming(ticket, again=comes_back(request))

    async def _by_token(self, token: str, action: Action) -> Principal:
        if token.startswith(API_KEY_PREFIX):
            return await self._accounts.api_key(token)
        if action in FOR_DEVICES:
            try:
                return await self._accounts.device(token)
            except Unauthenticated:
                pass
        return await self._accounts.user(token)


def _from(request: Request, principal: Principal) -> Principal:
    """With from where it calls, and the id of the request."""
    client = request.client
    return structs.replace(
        principal,
        address=client.host if client else None,
        request_id=request.scope.get("request_id"),
    )


def _dispatches(request: Request, action: Action) -> bool:
    return action == DISPATCH and request.method == "POST"


def _refused(request: Request, principal: Principal, action: Action) -> AuditEntry:
    """For the audit, by the path alone: the body of who may not call is not read."""
    what = f"{request.method} {request.scope['route'].path}"
    if _dispatches(request, action):
        what = "command.dispatch"
    named = request.path_params.get("id")
    target = None if named is None else str(named)[:LONGEST_TARGET]
    return audit_entry(principal, what, target, outcome="refused")


def _refusal(principal: Principal, action: Action) -> str:
    match principal.kind:
        case "device":
            return "the token of a device does not allow this"
        case "api_key" if isinstance(action, Door) or action in BY_SESSION | BY_BINDING:
            return "an API key may not do this: sign in"
        case "api_key":
            return f"the role of this API key, {principal.role}, does not allow this"
        case _:
            return f"your role, {principal.role}, does not allow this"


def shown_certificate(request: Request) -> bytes | None:
    """DER of what the device behind a request has shown; the parser has seen to it that it has."""
    return certificate_of(header_of(request.scope, CLIENT_CERT.encode()))


def bearer(request: Request) -> str:
    """The bearer token of a request. Raises `Unauthenticated`."""
    scheme, _, token = (header_of(request.scope, b"authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(REFUSAL)
    return token.strip()
