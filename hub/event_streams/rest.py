"""`GET /events/stream`: the dashboards' events for whoever has no WebSocket.

The request comes in like any other, by the table of routes. What it asks for is a value here; the
response is written by `hub/socket/stream.py` and `dashboard_ws/event_stream.py`.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final, cast, get_args

from msgspec import Meta, structs
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dashboard_ws.core.filters import Predicate, Sight, predicate_of
from dashboard_ws.dashboards import Dashboards
from dashboard_ws.event_stream import ID, MOST_STREAMS, EventStream, StreamRequest, goodbye
from dashboard_ws.ports import Authorised
from hub.accounts.service import AccountService
from hub.base.errors import (
    TooManyRequests,
    UntrustedFilter,
    UntrustedQuery,
    invalid,
)
from hub.base.holding import Holding, Right
from hub.base.principal import Principal
from hub.dashboards import sight_in
from hub.queries.service import QueryService
from hub.socket.stream import TAKE, TakeOver
from hub.web.inputs import Query
from hub.web.route import Call
from protocol.closing import CloseCode
from protocol.commands import Level
from protocol.dashboard import EventType, Filter, Position
from protocol.ids import OrgId

EVENTS: Final[Right] = "events:list"
"""The right to read events."""
RETRY_SECONDS: Final = 30
HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Connection": "close",
}
_POSITION: Final = re.compile(r"([^\s:]{1,64}):([0-9]{1,18})")
_LONGEST: Final = 10_000
"""Of a list, in characters: a URL holds no more."""

Ids = Annotated[str, Meta(max_length=_LONGEST)]


class StreamQuery(Query, frozen=True, kw_only=True):
    types: Ids | None = None
    """Separated by commas; without it all, with nothing in it none."""
    device_ids: Ids | None = None
    """As `types`; together with `groupIds` by *or*."""
    group_ids: Ids | None = None
    min_level: Level | None = None
    """Of log lines and alerts: this level and above."""
    query: Annotated[str, Meta(min_length=1, max_length=_LONGEST)] | None = None
    """Devices in the query language; by labels, groups and ids only."""
    since: Annotated[str, Meta(max_length=128)] | None = None
    """`<epoch>:<offset>`; the header `Last-Event-ID` wins."""
    ticket: Annotated[str, Meta(max_length=256)] | None = None
    """Instead of the header `Authorization`, from `POST /api/v1/auth/ws-ticket`."""


class EventStreamEndpoints:
    def __init__(
        self,
        dashboards: Dashboards,
        accounts: AccountService,
        queries: QueryService,
        draining: Callable[[], bool],
    ) -> None:
        self._dashboards = dashboards
        self._accounts = accounts
        self._queries = queries
        self._draining = draining

    async def open(self, call: Call[StreamQuery, None]) -> Response:
        wanted = predicate_asked(call.query)
        since = position_asked(call.header("last-event-id") or call.query.since)
        by = call.principal
        if wanted.query is not None:
            await self._require_trusted(by.org, wanted.query)
        if self._draining():
            return Response(goodbye(CloseCode.SERVICE_RESTART), headers=HEADERS)
        if call.request.method == "HEAD":
            return _head()
        sight = await self._sight(by.org, by.rights)
        stream = self._dashboards.stream(
            authorised_by(by, sight),
            StreamRequest(wanted=wanted, since=since, sight=self._sight_now),
        )
        if stream is None:
            raise TooManyRequests(
                f"a user may have {MOST_STREAMS} event streams", retry_after=RETRY_SECONDS
            )
        return StreamResponse(stream)

    async def _require_trusted(self, org: OrgId, query: str) -> None:
        """Raises `Invalid`, `UntrustedFilter`."""
        try:
            await self._queries.read_trusted(org, query)
        except UntrustedQuery as error:
            raise UntrustedFilter(error.detail) from None

    async def _sight_now(self, authorised: Authorised) -> Sight | None:
        org = authorised.org
        if authorised.key_id is not None:
            rights = await self._accounts.rights_of_key(org, authorised.key_id)
        else:
            rights = await self._accounts.rights_of(org, authorised.user_id, authorised.session_id)
        if rights is None or not rights.anywhere(EVENTS):
            return None
        return await self._sight(org, rights)

    async def _sight(self, org: OrgId, rights: Holding) -> Sight:
        return await sight_in(self._accounts, org, rights, EVENTS)


def _head() -> Response:
    """What a stream begins with, for who asks for no more."""
    answer = Response(headers=HEADERS)
    del answer.headers["content-length"]
    return answer


class StreamResponse(Response):
    """The head, as of any response; then the connection is the stream's."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        begin = cast("TakeOver", scope["extensions"][TAKE])()
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        begin(self._stream)


def predicate_asked(query: StreamQuery) -> Predicate:
    """Raises `Invalid`."""
    types = _listed(query.types)
    known = get_args(EventType)
    for each in types or ():
        if each not in known:
            raise invalid("types", f"takes some of {', '.join(known)}")
    filter_ = Filter(
        id=ID,
        device_ids=_listed(query.device_ids),
        group_ids=_listed(query.group_ids),
        types=cast("list[EventType] | None", types),
        min_level=query.min_level,
    )
    predicate = predicate_of(filter_)
    return predicate if query.query is None else structs.replace(predicate, query=query.query)


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [each.strip() for each in text.split(",") if each.strip()]


def position_asked(text: str | None) -> Position | None:
    """Raises `Invalid`."""
    if text is None:
        return None
    found = _POSITION.fullmatch(text.strip())
    if found is None:
        raise invalid("since", "takes <epoch>:<offset>, as the id of a message")
    return Position(epoch=found[1], offset=int(found[2]))


def authorised_by(by: Principal, sight: Sight) -> Authorised:
    return Authorised(
        org=by.org,
        user_id=by.subject,
        session_id=by.session_id or "",
        role=by.role or "",
        sight=sight,
        expires_at=None if by.key_id else datetime.fromtimestamp(by.expires_at, UTC),
        key_id=by.key_id,
    )
