"""What is served beside `/api/v1`: health, readiness, metrics, and what wants an upgrade."""

from collections.abc import Callable
from hmac import compare_digest
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from hub.base import metrics
from hub.base.database import Database
from hub.base.errors import Unavailable
from hub.web.envelope import problem_document
from protocol.errors import ProblemCode
from protocol.ids import ReplicaId

ASKED: Final = "SELECT 1"
PATIENCE: Final = 1.0
"""Seconds for the database to answer before this replica is not ready."""


_FORWARDED: Final = ("forwarded", "x-forwarded-for")
"""Headers by which a proxy says for whom it asks."""


class Probes:
    """`trouble`: why telemetry cannot be stored now. `before_metrics` brings gauges up to date.
    /metrics wants `token`; when that is empty, it is there for who asks this replica itself, and
    not for the world that a proxy lets in: no rule of a proxy is needed, which would read paths in
    its own way."""

    def __init__(
        self,
        replica_id: ReplicaId,
        database: Database,
        *,
        draining: Callable[[], bool],
        trouble: Callable[[], str | None],
        before_metrics: Callable[[], None],
        token: str,
    ) -> None:
        self._replica_id = replica_id
        self._database = database
        self._draining = draining
        self._trouble = trouble
        self._before_metrics = before_metrics
        self._token = token

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/ws/device", _upgrade_required),
            Route("/ws/dashboard", _upgrade_required),
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._metrics),
        ]

    async def _healthz(self, _: Request) -> Response:
        return self._status("ok", 200)

    async def _readyz(self, _: Request) -> Response:
        reason = "draining" if self._draining() else await self._not_ready()
        return self._status("ready", 200) if reason is None else self._status(reason, 503)

    async def _not_ready(self) -> str | None:
        try:
            async with self._database.connection(deadline=PATIENCE, query=ASKED) as connection:
                await connection.execute(ASKED)
        except Unavailable as error:
            return error.detail
        return self._trouble()

    def _status(self, status: str, code: int) -> Response:
        return JSONResponse({"status": status, "replicaId": self._replica_id}, status_code=code)

    async def _metrics(self, request: Request) -> Response:
        if not self._token and any(name in request.headers for name in _FORWARDED):
            return problem_document(404, "Not found", "no such path", ProblemCode.NOT_FOUND)
        if self._token and not self._shown(request):
            return PlainTextResponse(
                "unauthorised\n", status_code=401, headers={"WWW-Authenticate": "Bearer"}
            )
        self._before_metrics()
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    def _shown(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").encode("latin-1")
        return compare_digest(given, f"Bearer {self._token}".encode())


async def _upgrade_required(_: Request) -> Response:
    return problem_document(
        426,
        "Upgrade required",
        "this path is a WebSocket",
        ProblemCode.INVALID,
        headers={"Upgrade": "websocket", "Connection": "Upgrade"},
    )
