from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from hub.web.paths import PathTable


async def nobody(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("otherwise")(scope, receive, send)


async def endpoint(request: Request) -> Response:
    return PlainTextResponse(f"{request.scope['route'].path} {request.path_params}")


def make_table() -> PathTable:
    table = PathTable(nobody, lambda methods: PlainTextResponse(",".join(methods), 405))
    for method, path in [
        ("GET", "/api/v1/devices"),
        ("GET", "/api/v1/devices/connected"),
        ("GET", "/api/v1/devices/{id}"),
        ("PATCH", "/api/v1/devices/{id}"),
        ("GET", "/api/v1/devices/{id}/commands/{command_id}"),
        ("GET", "/api/v1/devices/{id}/logs"),
    ]:
        table.add(method, path, endpoint)
    return table


async def ask(path: str, method: str = "GET") -> str:
    said: list[bytes] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        said.append(message.get("body", b""))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": []}
    await make_table()(scope, receive, send)  # pyright: ignore[reportArgumentType]
    return b"".join(said).decode()


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/api/v1/devices", "/api/v1/devices {}"),
        ("/api/v1/devices/connected", "/api/v1/devices/connected {}"),
        ("/api/v1/devices/d1", "/api/v1/devices/{id} {'id': 'd1'}"),
        ("/api/v1/devices/d 1\0", "/api/v1/devices/{id} {'id': 'd 1\\x00'}"),
        (
            "/api/v1/devices/d1/commands/c1",
            "/api/v1/devices/{id}/commands/{command_id} {'id': 'd1', 'command_id': 'c1'}",
        ),
    ],
)
async def test_a_path_of_the_table_is_found_with_its_parameters(path: str, answer: str) -> None:
    assert await ask(path) == answer
    assert await ask(path, "HEAD") == answer


@pytest.mark.parametrize(
    "path",
    ["/", "", "/api", "/api/v1", "/api/v1/", "/api/v1/devices/", "/api/v1/devices//logs",
     "/api/v1/devices/d1/", "/api/v1/devices/d1/nothing", "/api/v1/devices/a/b/c/d",
     "/api/v1/device/d1", "/api/v2/devices/d1", "//v1/devices/d1"],
)  # fmt: skip
async def test_any_other_path_is_somebody_elses(path: str) -> None:
    assert await ask(path) == "otherwise"


async def test_another_method_hears_which_ones_there_are() -> None:
    assert await ask("/api/v1/devices/d1", "PUT") == "GET,PATCH"
