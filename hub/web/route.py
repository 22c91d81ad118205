"""A route: one row of `hub/routes.py`, and the endpoint that Starlette gets for it.

The row declares everything about a path (who may call it, the types of query, body and answer), so
that the endpoint itself receives decoded values and the OpenAPI document cannot drift from it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec
import structlog
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hub.base.errors import HubError, NotFound
from hub.web import envelope
from hub.web.inputs import Query, body_of, optional_body_of, parts_of, query_of
from hub.web.principal import Principal

log = structlog.get_logger(__name__)

B = TypeVar("B")
Q = TypeVar("Q")

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
        return self.request.headers.get(name)

    def prefers_async(self) -> bool:
        """`Prefer: respond-async` (RFC 7240)."""
        wishes = self.request.headers.get("prefer", "").lower().split(",")
        return "respond-async" in (wish.strip() for wish in wishes)


class Route(Struct, frozen=True):
    method: Method
    path: str
    """Below `/api/v1`, with `{name}` for parameters."""
    endpoint: Callable[[Any], Awaitable[object]]
    action: Any
    """What the caller must be allowed to do: see `hub/accounts/access.py`."""
    summary: str
    exists: Callable[[Principal, Request], Awaitable[None]] | None = None
    """Raises `NotFound` when the path names what is not there, or is somebody else's."""
    query: type[Query] | None = None
    body: Any = None
    parts: Any = None
    """What `body` is decoded as, when the endpoint decodes its parts one by one."""
    optional_body: bool = False
    """No body at all means `{}`."""
    answer: Any = None
    """The type of `data`; for a list, of one item."""
    status: int = 200
    listing: bool = False
    raw_body: bool = False
    """The endpoint reads an octet-stream itself."""
    raw_answer: bool = False


class Guard(Protocol):
    """Who calls, and may they? Raises `Unauthenticated` or `Forbidden`."""

    async def __call__(self, request: Request, action: Any) -> Principal: ...


def endpoint_of(route: Route, guard: Guard) -> Callable[[Request], Awaitable[Response]]:
    decoder = None if route.body is None else msgspec.json.Decoder(route.parts or route.body)
    read = _reader_of(route)

    async def endpoint(request: Request) -> Response:
        try:
            _check_path(request)
            principal = await guard(request, route.action)
            if route.exists is not None:
                await route.exists(principal, request)
            call: Call[Any, Any] = Call(
                principal=principal,
                query=query_of(request, route.query or Query),
                body=None if decoder is None else await read(request, decoder),
                request=request,
            )
            return envelope.respond(await route.endpoint(call))
        except HubError as error:
            return envelope.problem(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            log.exception("request_failed", method=route.method, path=route.path)
            return internal_error()

    return endpoint


def _reader_of(route: Route) -> Callable[[Request, Any], Awaitable[Any]]:
    if route.parts is not None:
        return parts_of
    return optional_body_of if route.optional_body else body_of


def _check_path(request: Request) -> None:
    """No id holds U+0000, and Postgres takes none. Raises `NotFound`."""
    if any("\0" in str(value) for value in request.path_params.values()):
        raise NotFound("no such path")


def internal_error() -> Response:
    return envelope.problem_document(
        500, "Internal error", "the hub failed; its log says why", "internal"
    )
