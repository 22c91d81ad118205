"""The Starlette application: routes with their guards, metrics and a log line for each request."""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.base import metrics
from hub.base.logging import Sample, shortened
from hub.web import envelope
from hub.web.front import Front
from hub.web.inputs import header_of
from hub.web.paths import PathTable
from hub.web.route import IDENTIFIED, Guard, Methods, Route, endpoint_of, internal_error
from hub.web.site import Site
from hub.web.updates import UPDATES
from protocol.errors import ProblemCode
from protocol.ids import uuid7

log = structlog.get_logger("hub.access")

PREFIX: Final = "/api/v1"
REFUSALS_PER_SECOND: Final = 10


FOR_MACHINES: Final = frozenset(
    {
        "/healthz",
        "/readyz",
        "/metrics",
        "/.well-known/jwks.json",
        "/.well-known/longline.crl",
        "/ws/device",
        "/register",
        "/heartbeat",
    }
)
"""Beside the table: what programs ask for, by whatever name they know us."""


def make_application(
    routes: Sequence[Route],
    endpoints: Iterable[object],
    guard: Guard,
    others: list[BaseRoute],
    last: ASGIApp,
    site: Site,
    for_devices: Callable[[Route], bool],
) -> ASGIApp:
    """`others` are what is not under `/api/v1`; `last` is asked when nothing has that path."""
    application = Starlette(
        routes=others, exception_handlers={HTTPException: _problem, 500: _failed}
    )
    application.router.redirect_slashes = False  # another path is another path
    application.router.default = last
    table, methods = PathTable(application, _not_allowed), Methods(endpoints)
    for route in routes:
        table.add(route.method, PREFIX + route.path, endpoint_of(route, methods, guard))
    devices = {(route.method, PREFIX + route.path) for route in routes if for_devices(route)}

    def for_machines(method: str, path: str) -> bool:
        if path in FOR_MACHINES or path.startswith(f"{UPDATES}/"):
            return True
        found, _ = table.find(path)
        return found is not None and (method, found.path) in devices

    return AccessLog(Front(table, site, for_machines))


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """The last of an application that has no pages."""
    response = envelope.problem_document(404, "Not found", "no such path", ProblemCode.NOT_FOUND)
    await response(scope, receive, send)


async def _problem(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return envelope.problem_document(404, "Not found", "no such path", ProblemCode.NOT_FOUND)
    headers: Mapping[str, str] = getattr(error, "headers", None) or {}
    if status == 405:
        return _not_allowed(headers.get("Allow", "").split(", "))
    return envelope.problem_document(
        status, "Request rejected", str(getattr(error, "detail", "")), ProblemCode.INVALID
    )


def _not_allowed(methods: list[str]) -> Response:
    allow = ", ".join(methods)
    return envelope.problem_document(
        405,
        "Method not allowed",
        f"this path takes {allow}",
        ProblemCode.INVALID,
        headers={"Allow": allow},
    )


async def _failed(_: Request, __: Exception) -> Response:
    return internal_error()


class AccessLog:
    """One line a request, without the query string: it may hold a token. Of the refusals of those
    who did not say who they are, some a second: they cost nothing to ask for."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._refusals = Sample(per_second=REFUSALS_PER_SECOND)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._clock()
        status = 500
        scope["request_id"] = request_id = _request_id(scope)

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        try:
            await self._app(scope, receive, observe)
        finally:
            self._note(scope, status, self._clock() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        metrics.requests.labels(route, scope["method"], str(status)).inc()
        metrics.request_seconds.labels(route).observe(seconds)
        of_stranger = 400 <= status < 500 and not scope.get(IDENTIFIED)
        omitted = self._refusals.take(self._clock()) if of_stranger else 0
        if omitted is None:
            return
        client = scope.get("client")
        log.info(
            "request",
            method=scope["method"],
            path=shortened(scope["path"]),
            status=status,
            ms=round(seconds * 1000, 1),
            client=client[0] if client else None,
            request_id=scope["request_id"],
            **({"omitted": omitted} if omitted else {}),
        )


def _request_id(scope: Scope) -> str:
    """The caller's own, where it can be one, else a new one."""
    given = header_of(scope, b"x-request-id")
    return given if given and _REQUEST_ID.fullmatch(given) else uuid7()


_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
