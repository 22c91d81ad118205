"""A route: one row of `hub/routes.py`, and the endpoint that Starlette gets for it.

The row declares everything about a path (who may call it, the types of query, body and answer), so
that the endpoint itself receives decoded values and the OpenAPI document cannot drift from it.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Final, Generic, Literal, Protocol, TypeVar, cast

import msgspec
import structlog
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hub.base.database import limited_to
from hub.base.errors import HubError, NotFound, SessionEnded
from hub.base.paging import bind, unbind
from hub.base.principal import Principal
from hub.web import envelope
from hub.web.inputs import (
    MAX_BODY,
    MAX_OPEN_BODY,
    MAX_PARTS,
    ListQuery,
    Query,
    body_of,
    check_coding,
    header_of,
    optional_body_of,
    parts_of,
    query_of,
    read_body,
    text_or_json_of,
)
from hub.web.limits import headers_of
from hub.web.parameters import parameters_of

log = structlog.get_logger(__name__)

B = TypeVar("B")
Q = TypeVar("Q")
T = TypeVar("T")

KNOWN: Final = "longline.known"
"""The extension of a scope by which a request says who its peer is."""
IDENTIFIED: Final = "longline.identified"
"""In the scope of a request whose caller is known."""
_NONE: Final[dict[str, Any]] = {}

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Call(Struct, Generic[Q, B], frozen=True, kw_only=True):
    """What an endpoint gets: the caller, the decoded query `Q` and body `B` (None for none)."""

    principal: Principal
    query: Q
    body: B
    request: Request

    def path(self, name: str) -> str:
        """A parameter of the path."""
        return str(self.request.path_params[name])

    def header(self, name: str) -> str | None:
        return header_of(self.request.scope, name.encode())

    def prefers_async(self) -> bool:
        """`Prefer: respond-async` (RFC 7240)."""
        given = self.header("prefer")
        return given is not None and "respond-async" in map(str.strip, given.lower().split(","))


class Route(Struct, frozen=True):
    method: Method
    path: str
    """Below `/api/v1`, with `{name}` for parameters."""
    endpoint: Callable[[Any, Any], Awaitable[object]]
    """A method of the endpoints of a capability."""
    action: Any
    """What the caller must be allowed to do: see `hub/rights/access.py`."""
    summary: str
    exists: Callable[[Any, Principal, Request], Awaitable[None]] | None = None
    """Raises `NotFound` when the path names what is not there, or is somebody else's."""
    query: type[Query] | None = None
    body: Any = None
    parts: Any = None
    """What `body` is decoded as, when the endpoint decodes its parts one by one."""
    yaml_member: str | None = None
    """A body of YAML is this member of the body, as text."""
    optional_body: bool = False
    """No body at all means `{}`."""
    answer: Any = None
    """The type of `data`; for a list, of one item."""
    status: int = 200
    listing: bool = False
    secret: bool = False
    """The answer holds a token or key: nobody keeps it."""
    raw_body: bool = False
    """The endpoint reads an octet-stream itself."""
    oauth: bool = False
    """As OAuth has it: the endpoint reads a form or JSON itself, and answers without an envelope,
    what is wrong with 400 and `error`."""
    raw_answer: bool = False
    redirects: bool = False
    """A browser is sent on by 302."""
    is_stream: bool = False
    """Its events go on for as long as somebody reads; who comes back says so."""
    has_etag: bool = False
    """`If-None-Match` is answered with 304."""


class Guard(Protocol):
    """Who calls, and may they? Raises `Unauthenticated` or `Forbidden`."""

    async def __call__(self, request: Request, action: Any) -> Principal: ...

    async def of_stream(self, request: Request, action: Any) -> Principal:
        """The same for a route that is a stream."""
        ...

    async def explained(self, error: HubError, principal: Principal | None) -> HubError:
        """A refusal of an endpoint, with what its caller can do about it."""
        ...


class Methods:
    """The methods that the table of routes names, each with its object."""

    def __init__(self, endpoints: Iterable[object]) -> None:
        self._bound = {
            method: getattr(each, name)
            for each in endpoints
            for name, method in vars(type(each)).items()
            if not name.startswith("_")
        }

    def of(self, method: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        """Raises `KeyError` when no capability has made the object."""
        return self._bound[method]


def endpoint_of(
    route: Route, methods: Methods, guard: Guard
) -> Callable[[Request], Awaitable[Response]]:
    method = methods.of(route.endpoint)
    exists = None if route.exists is None else methods.of(route.exists)
    read = _reader_of(route)
    admit, over = (guard.of_stream, _over) if route.is_stream else (guard, _goes_on)
    kind = route.query or Query
    parameters_of(kind)  # a field that is no parameter is found out here

    async def endpoint(request: Request) -> Response:
        response = await answer(request)
        response.raw_headers += headers_of(request.scope)
        return response

    async def within(request: Request, principal: Principal) -> Response:
        if exists is not None:
            await exists(principal, request)
        query = _behind_cursor(request, query_of(request, kind))
        if route.method != "GET":
            check_coding(request)
        call: Call[Any, Any] = Call(
            principal=principal,
            query=query,
            body=await read(request, principal),
            request=request,
        )
        return _response(route, request, query, await method(call))

    async def answer(request: Request) -> Response:
        principal: Principal | None = None
        try:
            _check_path(request)
            principal = await admit(request, route.action)
            if principal.kind != "anyone":
                _identified(request)
            with limited_to(principal.reach, principal.subject):
                return await within(request, principal)
        except HubError as error:
            return over(request, error) or envelope.problem(await guard.explained(error, principal))
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            log.exception("request_failed", method=route.method, path=route.path)
            return internal_error()

    return endpoint


def comes_back(request: Request) -> bool:
    """Whether it is a stream that was there before: as browsers do it, it names its last event."""
    return bool(header_of(request.scope, b"last-event-id"))


def _over(request: Request, error: HubError) -> Response | None:
    """A stream that was there before and is not to come back: a browser does, until it is answered
    so."""
    if isinstance(error, SessionEnded) and comes_back(request):
        return Response(status_code=204, headers=envelope.NO_STORE)
    return None


def _goes_on(_: Request, __: HubError) -> None:
    return None


def _identified(request: Request) -> None:
    """This request, and so its connection, has said who its peer is: see `hub/socket/http.py`."""
    request.scope[IDENTIFIED] = True
    tell = request.scope.get("extensions", _NONE).get(KNOWN)
    if tell is not None:
        tell()


def _behind_cursor(request: Request, query: Query) -> Query:
    if not isinstance(query, ListQuery) or query.cursor is None:
        return query
    cursor = unbind(query.cursor, request.scope["path"], query)
    return msgspec.structs.replace(query, cursor=cursor)


def _response(route: Route, request: Request, query: Query, result: object) -> Response:
    response = envelope.respond(_bound(request, query, result) if route.listing else result)
    if route.secret:
        response.headers.update(envelope.NO_STORE)
    return response


def _bound(request: Request, query: Query, result: object) -> object:
    """A page whose cursor is good for this list and these filters only."""
    if isinstance(result, Response):  # a file of many pages
        return result
    page = cast("envelope.Items[Any]", result)
    if page.next is None:
        return page
    return envelope.Items(page.items, bind(page.next, request.scope["path"], query))


def _reader_of(route: Route) -> Callable[[Request, Principal], Awaitable[Any]]:
    """What reads the body. Who has not said who he is may send little, also where nothing is
    expected: it is read to be refused."""
    if route.oauth:
        return _nothing
    if route.body is None:
        return _nothing if route.raw_body or route.method == "GET" else _no_body
    decoder = msgspec.json.Decoder(route.parts or route.body)
    reader = body_of
    most = MAX_BODY
    if route.parts is not None:
        reader, most = parts_of, MAX_PARTS
    elif route.optional_body:
        reader = optional_body_of
    elif route.yaml_member is not None:
        reader = partial(text_or_json_of, member=route.yaml_member)

    async def read(request: Request, principal: Principal) -> Any:
        limit = MAX_OPEN_BODY if principal.kind == "anyone" else most
        return await reader(request, decoder, limit)

    return read


async def _nothing(_: Request, __: Principal) -> None:
    return None


async def _no_body(request: Request, principal: Principal) -> None:
    if principal.kind == "anyone":
        await read_body(request, MAX_OPEN_BODY)


def _check_path(request: Request) -> None:
    """No id holds U+0000, and Postgres takes none. Raises `NotFound`."""
    if "\0" in request.scope["path"]:
        raise NotFound("no such path")


def internal_error() -> Response:
    return envelope.problem_document(
        500, "Internal error", "internal error; see the hub's log", "internal"
    )
