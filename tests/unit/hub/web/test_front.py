"""The prefix, the name and the origin of a request, before any route."""

from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from hub.web.front import Front
from hub.web.site import Site

OPS = "https://ops.example"
ASKS = {"Access-Control-Request-Method": "PATCH"}


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    path = Request(scope).scope["path"]
    made = Response(status_code=201, headers={"Location": "/api/v1/things/1"})
    answer = made if path == "/api/v1/things" else PlainTextResponse(path)
    await answer(scope, receive, send)


def for_machines(method: str, path: str) -> bool:
    return (method, path) == ("POST", "/api/v1/sync") or path == "/healthz"


async def ask(
    site: Site, method: str, path: str, *, host: str = "localhost", **headers: str
) -> httpx.Response:
    transport = httpx.ASGITransport(Front(inner, site, for_machines))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(method, path, headers={"Host": host, **named})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 421),
        ("GET", "/docs", 421),
        ("POST", "/api/v1/auth/login", 421),
        ("GET", "/api/v1/sync", 421),
        ("POST", "/api/v1/sync", 200),
        ("GET", "/healthz", 200),
    ],
)
async def test_by_a_foreign_name_only_machines_are_served(
    method: str, path: str, status: int
) -> None:
    answer = await ask(Site(), method, path, host="evil.example")
    assert answer.status_code == status
    if status == 421:
        problem = answer.json()
        assert (problem["code"], problem["status"]) == ("misdirected", 421)
        assert "evil.example" in problem["detail"]
        assert "LONGLINE_PUBLIC_URL" in problem["detail"]
    assert (await ask(Site(), method, path)).status_code == 200


@pytest.mark.parametrize("path", ["/ll/api/v1/things", "/api/v1/things"])
async def test_a_proxy_may_leave_the_prefix_in_its_place(path: str) -> None:
    site = Site(["https://hub.example/ll"])
    answer = await ask(site, "POST", path, host="hub.example")
    assert answer.status_code == 201
    assert answer.headers["location"] == "/ll/api/v1/things/1"
    assert (await ask(site, "GET", "/ll/x", host="hub.example")).text == "/x"


async def test_without_a_prefix_a_location_is_as_it_was() -> None:
    answer = await ask(Site(), "POST", "/api/v1/things")
    assert answer.headers["location"] == "/api/v1/things/1"
    assert "vary" not in answer.headers


async def test_pages_of_an_allowed_origin_ask_first_and_read_the_answer() -> None:
    site = Site(allowed_origins=[OPS])
    first = await ask(site, "OPTIONS", "/api/v1/devices", Origin=OPS, **ASKS)
    assert first.status_code == 204
    assert first.headers["access-control-allow-origin"] == OPS
    assert "PATCH" in first.headers["access-control-allow-methods"]
    assert "Authorization" in first.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in first.headers
    answer = await ask(site, "GET", "/api/v1/devices", Origin=OPS)
    assert answer.headers["access-control-allow-origin"] == OPS
    assert "Location" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/v1/devices", {"Origin": "https://evil.example"}),
        ("/api/v1/devices", {"Origin": "null"}),
        ("/api/v1/devices", {}),
        ("/docs", {"Origin": OPS}),
    ],
)
async def test_all_others_get_nothing(path: str, headers: dict[str, str]) -> None:
    site = Site(allowed_origins=[OPS])
    for method, more in (("GET", {}), ("OPTIONS", ASKS)):
        answer: Any = await ask(site, method, path, **headers, **more)
        assert answer.status_code == 200  # as the route has it
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_what_is_no_preflight_is_the_routes() -> None:
    answer = await ask(Site(allowed_origins=[OPS]), "OPTIONS", "/api/v1/devices", Origin=OPS)
    assert answer.status_code == 200
