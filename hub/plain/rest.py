"""`/register`, `/heartbeat`, `/devices`, `/tokens`: at the root, without envelope, errors as
`{"detail"}`.

They are other names of what `/api/v1` does: the same guard, services and limits.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.base.database import limited_to
from hub.base.errors import PROBLEMS, CertificateRequired, Forbidden, HubError
from hub.base.principal import Principal
from hub.enrollment.rest import EnrollmentEndpoints, EnrollmentTokenBody, TokenQuery
from hub.plain.store import PlainStore
from hub.rights.access import Action, Door
from hub.web import envelope
from hub.web.inputs import MAX_OPEN_BODY, ListQuery, Text, body_of, optional_body_of
from hub.web.route import Call, Guard
from protocol.codec import at
from protocol.ids import DeviceId

log = structlog.get_logger(__name__)

MOST_TOKENS: Final = 500
"""In one answer, which has no pages."""
_JSON: Final = msgspec.json.Encoder().encode


class RegisterBody(Struct, frozen=True):
    device_id: str
    csr: str


class HeartbeatBody(Struct, frozen=True):
    device_id: str
    ts: Any = None
    """By the clock of the device: it decides nothing."""


class TokenBody(EnrollmentTokenBody, frozen=True):
    name: Text = "register"


class Registered(Struct, frozen=True):
    """PEM."""

    certificate: str
    ca: str


class PlainDevice(Struct, frozen=True):
    device_id: DeviceId
    last_seen: str | None


class Detail(Struct, frozen=True):
    detail: str


_register: Final = msgspec.json.Decoder(RegisterBody)
_heartbeat: Final = msgspec.json.Decoder(HeartbeatBody)
_token: Final = msgspec.json.Decoder(TokenBody)


class PlainEndpoints:
    def __init__(self, store: PlainStore, enrollment: EnrollmentEndpoints) -> None:
        self._store = store
        self._enrollment = enrollment

    async def register(self, request: Request, by: Principal) -> object:
        body = await body_of(request, _register, MAX_OPEN_BODY)
        call = Call(principal=by, query=TokenQuery(), body=None, request=request)
        made = await self._enrollment.certify(call, body.device_id, body.csr)
        return Registered(made.certificate, made.chain)

    async def heartbeat(self, request: Request, by: Principal) -> object:
        body = await body_of(request, _heartbeat, MAX_OPEN_BODY)
        if by.serial is None:
            raise CertificateRequired("a heartbeat is sent with the device's certificate")
        if body.device_id != by.subject:
            raise Forbidden("the certificate is another device's")
        await self._store.heartbeat(by.org, DeviceId(by.subject))
        return Detail("ok")

    async def devices(self, _: Request, by: Principal) -> object:
        return [PlainDevice(name, at(seen)) for name, seen in await self._store.devices(by.org)]

    async def tokens(self, request: Request, by: Principal) -> object:
        query = ListQuery(limit=MOST_TOKENS)
        page = await self._enrollment.tokens(
            Call(principal=by, query=query, body=None, request=request)
        )
        return page.items

    async def new_token(self, request: Request, by: Principal) -> object:
        body = await optional_body_of(request, _token, MAX_OPEN_BODY)
        return await self._enrollment.create(
            Call(principal=by, query=None, body=body, request=request)
        )

    async def delete_token(self, request: Request, by: Principal) -> object:
        await self._enrollment.delete(Call(principal=by, query=None, body=None, request=request))
        return Detail("deleted")


class _Row(Struct, frozen=True):
    method: str
    path: str
    action: Action
    endpoint: Callable[[Request, Principal], Awaitable[object]]


def routes(plain: PlainEndpoints, guard: Guard, page: ASGIApp) -> list[BaseRoute]:
    """`page` is asked by a browser that comes without a credential."""
    rows = (
        _Row("POST", "/register", Door.ENROLL, plain.register),
        _Row("POST", "/heartbeat", Door.DEVICE, plain.heartbeat),
        _Row("GET", "/devices", "devices:list", plain.devices),
        _Row("GET", "/tokens", "enrollment-tokens:list", plain.tokens),
        _Row("POST", "/tokens", "enrollment-tokens:create", plain.new_token),
        _Row("DELETE", "/tokens/{id}", "enrollment-tokens:delete", plain.delete_token),
    )
    paths = dict.fromkeys(row.path for row in rows)
    return [
        StarletteRoute(path, _Endpoint([row for row in rows if row.path == path], guard, page))
        for path in paths
    ]


class _Endpoint:
    """Of one path; its rows by their methods."""

    def __init__(self, rows: Sequence[_Row], guard: Guard, page: ASGIApp) -> None:
        self._rows = {row.method: row for row in rows}
        self._guard = guard
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        if request.method in ("GET", "HEAD") and _is_for_a_person(request):
            await self._page(scope, receive, send)
            return
        row = self._rows.get("GET" if request.method == "HEAD" else request.method)
        if row is None:
            allow = ", ".join(sorted(self._rows))
            response = _said(Detail(f"this path takes {allow}"), 405, {"Allow": allow})
        else:
            scope["route"] = row
            response = await self._answer(row, request)
        await response(scope, receive, send)

    async def _answer(self, row: _Row, request: Request) -> Response:
        try:
            principal = await self._guard(request, row.action)
            with limited_to(principal.reach, principal.subject):
                return _respond(await row.endpoint(request, principal))
        except HubError as error:
            return _refused(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            log.exception("request_failed", method=row.method, path=row.path)
            return _said(Detail("internal error"), 500, {})


def _is_for_a_person(request: Request) -> bool:
    headers = request.headers
    return "text/html" in headers.get("accept", "") and "authorization" not in headers


def _respond(result: object) -> Response:
    status, headers = 200, {}
    if isinstance(result, envelope.Answer):
        result, status, headers = result.data, result.status, envelope.NO_STORE
    return _said(result, status, headers)


def _said(result: object, status: int, headers: Mapping[str, str]) -> Response:
    return Response(_JSON(result), status, headers, media_type=envelope.JSON)


def _refused(error: HubError) -> Response:
    """With the headers that a problem has."""
    problem = envelope.problem(error)
    wanted = ("retry-after", "www-authenticate", "cache-control")
    headers = {name: problem.headers[name] for name in wanted if name in problem.headers}
    return _said(Detail(error.detail), PROBLEMS[error.code].status, headers)
