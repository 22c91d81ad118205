"""`/sessions`, and opening one on a device."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import StreamingResponse

from hub.base.paging import Items
from hub.sessions.asciicast import MEDIA
from hub.sessions.records import (
    DEFAULT_SECONDS,
    LONGEST,
    SHORTEST,
    SessionItem,
    Status,
    item_of,
    opened_of,
)
from hub.sessions.service import ByteSessionService
from hub.web.envelope import NO_STORE, Answer
from hub.web.inputs import Body, ListQuery, Text
from hub.web.route import Call
from protocol.ids import DeviceId
from protocol.sessions import SessionKind


class SessionBody(Body, frozen=True):
    kind: SessionKind
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    """By kind: docs/sessions.md."""
    ttl_seconds: Annotated[int, Meta(ge=SHORTEST, le=LONGEST)] = DEFAULT_SECONDS


class SessionsQuery(ListQuery, frozen=True, kw_only=True):
    device_id: Text | None = None
    status: Status | None = None
    kind: SessionKind | None = None


class SessionEndpoints:
    def __init__(self, service: ByteSessionService) -> None:
        self._service = service

    async def open(self, call: Call[None, SessionBody]) -> Answer:
        body = call.body
        row = await self._service.open(
            call.principal, DeviceId(call.path("id")), body.kind, body.params, body.ttl_seconds
        )
        return Answer(opened_of(row), status=201, location=f"/api/v1/sessions/{row.id}")

    async def list(self, call: Call[SessionsQuery, None]) -> Items[SessionItem]:
        query = call.query
        return await self._service.list(
            call.principal,
            device_id=query.device_id,
            status=query.status,
            kind=query.kind,
            cursor=query.cursor,
            limit=query.limit,
        )

    async def get(self, call: Call[None, None]) -> SessionItem:
        return item_of(await self._service.get(call.principal, call.path("id")))

    async def delete(self, call: Call[None, None]) -> SessionItem:
        return item_of(await self._service.delete(call.principal, call.path("id")))

    async def recording(self, call: Call[None, None]) -> StreamingResponse:
        pieces = await self._service.recording(call.principal, call.path("id"))
        return StreamingResponse(pieces, media_type=MEDIA, headers=NO_STORE)
