"""What every route does beside its endpoint. Nothing here waits, so no loop is needed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from hub.base.errors import HubError
from hub.base.paging import Items, encode_cursor
from hub.base.principal import ANYONE, Principal
from hub.web.inputs import MAX_OPEN_BODY, Body, ListQuery
from hub.web.route import KNOWN, Call, Methods, Route, endpoint_of
from protocol.ids import DEFAULT_ORG
from tests.unit.hub.web.test_inputs import finished, request

SOMEBODY = Principal(org=DEFAULT_ORG, kind="user", subject="u", actor="u", role="ADMIN")


class Thing(Body, frozen=True):
    name: str = ""


class Filtered(ListQuery, frozen=True, kw_only=True):
    q: str | None = None


class Things:
    def __init__(self) -> None:
        self.next = encode_cursor((datetime(2026, 1, 1, tzinfo=UTC), "x"))
        self.cursors: list[str | None] = []

    async def make(self, call: Call[Any, Any]) -> Any:
        return call.body

    async def page(self, call: Call[Filtered, None]) -> Items[int]:
        self.cursors.append(call.query.cursor)
        return Items([1], self.next)


class Doorkeeper:
    def __init__(self, who: Principal) -> None:
        self._who = who

    async def __call__(self, request: Request, action: Any) -> Principal:
        return self._who

    async def of_stream(self, request: Request, action: Any) -> Principal:
        return self._who

    async def explained(self, error: HubError, principal: Principal | None) -> HubError:
        return error


def ask(
    route: Route, sent: Request, *, who: Principal = ANYONE, things: Things | None = None
) -> Response:
    return finished(_run(endpoint_of(route, Methods([things or Things()]), Doorkeeper(who)), sent))


async def _run(endpoint: Callable[[Request], Any], sent: Request) -> Response:
    answer: Response = await endpoint(sent)
    return answer


def post(*, body: Any = Thing, **more: Any) -> Route:
    return Route("POST", "/things", Things.make, None, "Make.", body=body, **more)


@pytest.mark.parametrize("route", [post(), post(body=None), post(optional_body=True)])
@pytest.mark.parametrize("declared", [True, False])
def test_who_has_not_said_who_he_is_may_send_8_kib(route: Route, declared: bool) -> None:
    assert MAX_OPEN_BODY == 8192
    for size, status in ((MAX_OPEN_BODY, 200), (MAX_OPEN_BODY + 1, 413)):
        body = b'{"name":"' + b"x" * (size - 11) + b'"}'
        headers = {"Content-Length": str(size)} if declared else {}
        assert ask(route, request(body, headers=headers)).status_code == status
    if route.body is not None:
        assert ask(route, request(body), who=SOMEBODY).status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "identity, gzip", "br", "x", "identity;q=1"])
@pytest.mark.parametrize("route", [post(), post(body=None), post(body=None, raw_body=True)])
def test_a_content_coding_is_415(route: Route, coding: str) -> None:
    for who in (ANYONE, SOMEBODY):
        answer = ask(route, request(b"{}", headers={"Content-Encoding": coding}), who=who)
        assert answer.status_code == 415
        assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_none_is_no_coding(coding: str) -> None:
    answer = ask(post(), request(b"{}", headers={"Content-Encoding": coding}))
    assert answer.status_code == 200


@pytest.mark.parametrize("secret", [True, False])
def test_an_answer_with_a_secret_is_not_stored(secret: bool) -> None:
    answer = ask(post(secret=secret), request(b"{}"))
    assert answer.headers.get("cache-control") == ("no-store" if secret else None)


def test_a_connection_is_told_when_its_peer_is_known() -> None:
    told: list[int] = []
    for who in (ANYONE, SOMEBODY):
        sent = request(b"{}")
        sent.scope["extensions"] = {KNOWN: lambda: told.append(1)}
        ask(post(), sent, who=who)
    assert told == [1]


def cursor_of(answer: Response) -> str:
    return bytes(answer.body).partition(b'"next":"')[2].partition(b'"')[0].decode()


def test_a_cursor_is_good_for_its_list_and_filters_only() -> None:
    things = Things()
    inner, got = things.next, things.cursors

    def list_of(path: str, query: str) -> Response:
        route = Route(
            "GET", "/things", Things.page, None, "List.", query=Filtered, answer=int, listing=True
        )
        sent = request(query=query)
        sent.scope["path"] = path
        return ask(route, sent, things=things)

    cursor = cursor_of(list_of("/things", "q=a&limit=1"))
    assert list_of("/things", f"q=a&limit=2&cursor={cursor}").status_code == 200
    assert got == [None, inner]
    for path, query in (
        ("/things", f"q=b&cursor={cursor}"),
        ("/things", f"cursor={cursor}"),
        ("/others", f"q=a&cursor={cursor}"),
        ("/things", f"q=a&cursor={inner}"),
        ("/things", "q=a&cursor="),
    ):
        assert list_of(path, query).status_code == 400, query
    assert len(got) == 2


def test_a_method_whose_object_nobody_made_is_found_before_anybody_calls() -> None:
    with pytest.raises(KeyError):
        Methods([]).of(Things.make)
