"""A hub that people reach by another name and below a path: identity.md, 3; credentials and origins
follow from one setting."""

import json
import re
import socket
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from tests.acceptance.hub.clients import bearer, new_id
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess

NAME = "hub.example"
PUBLIC = f"https://{NAME}:8443"
OPS = "https://ops.example"
EVIL = {"Host": "evil.example"}


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """As behind a proxy that drops the port from `Host` and takes the path off."""
    process = HubProcess(
        tmp_path_factory.mktemp("proxied"), public_url=f"{PUBLIC}/ll", allowed_origins=OPS
    )
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture
def client(proxied: HubProcess) -> Generator[httpx.Client]:
    with httpx.Client(
        base_url=proxied.url, headers={"Host": NAME}, timeout=20, trust_env=False
    ) as client:
        yield client


def credentials(hub: HubProcess) -> dict[str, object]:
    return {"username": "admin", "password": hub.ready["adminPassword"], "cookie": True}


def test_a_browser_is_served_by_our_names_only(proxied: HubProcess, client: httpx.Client) -> None:
    login = "/api/v1/auth/login"
    for host in (NAME, f"{NAME}:8443", "localhost:1", "127.0.0.1"):
        assert client.get("/api/v1/openapi.json", headers={"Host": host}).status_code == 200
    for method, path in (("GET", "/"), ("GET", "/docs"), ("POST", login), ("GET", "/api/v1/users")):
        answer = client.request(
            method, path, headers={**EVIL, "Origin": "http://evil.example"},
            json=credentials(proxied) if method == "POST" else None,
        )  # fmt: skip
        assert answer.status_code == 421
        assert answer.json()["code"] == "misdirected"


def test_machines_are_served_by_any_name(proxied: HubProcess, client: httpx.Client) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/.well-known/jwks.json"):
        assert client.get(path, headers=EVIL).status_code == 200
    key = {**EVIL, "X-Enrollment-Key": proxied.ready["enrollmentKey"]}
    token = client.post(f"/api/v1/devices/{new_id('d')}/token", headers=key)
    assert token.status_code == 200
    device = {**EVIL, **bearer(token.json()["data"]["token"])}
    synced = client.post("/api/v1/sync", headers=device, json={"records": []})
    assert synced.status_code == 200
    artifact = client.get("/api/v1/firmware/releases/none/artifact", headers=device)
    assert artifact.status_code == 404
    assert artifact.json()["code"] == "not_found"


def test_a_page_at_the_public_address_signs_in_and_its_cookie_fits(
    proxied: HubProcess, client: httpx.Client
) -> None:
    answer = client.post(
        "/api/v1/auth/login", json=credentials(proxied), headers={"Origin": PUBLIC}
    )
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["set-cookie"]
    assert "; Path=/ll/api/v1/auth;" in cookie
    assert cookie.endswith("; Secure")
    kept = {"Cookie": cookie.partition(";")[0], "Origin": PUBLIC}
    assert client.post("/api/v1/auth/refresh", headers=kept).status_code == 200


def test_a_foreign_page_is_told_what_to_set(proxied: HubProcess, client: httpx.Client) -> None:
    answer = client.post(
        "/api/v1/auth/login", json=credentials(proxied), headers={"Origin": "https://other.example"}
    )
    assert answer.status_code == 403
    detail = answer.json()["detail"]
    assert "https://other.example" in detail
    assert "LONGLINE_PUBLIC_URL" in detail


def test_role_and_token_are_told_apart_from_origin(
    proxied: HubProcess, client: httpx.Client
) -> None:
    admin = bearer(log_in(proxied.url, "admin", proxied.ready["adminPassword"]))
    made = client.post("/api/v1/api-keys", json={"name": "k", "role": "VIEWER"}, headers=admin)
    key = bearer(made.json()["data"]["key"])
    for path, why in (
        (
            "/api/v1/cloud-sync/dead-letters",
            "the role of this API key, VIEWER, does not allow this",
        ),
        ("/api/v1/users", "an API key may not do this: sign in"),
    ):
        refused = client.get(path, headers=key)
        assert (refused.status_code, refused.json()["detail"]) == (403, why)


def test_everything_says_the_prefix(proxied: HubProcess, client: httpx.Client) -> None:
    admin = bearer(log_in(proxied.url, "admin", proxied.ready["adminPassword"]))
    for path in ("/api/v1/devices", "/ll/api/v1/devices"):
        made = client.post(path, json={"id": new_id("d")}, headers=admin)
        assert made.status_code == 201
        assert made.headers["location"].startswith("/ll/api/v1/devices/")
    assert client.get("/api/v1/openapi.json").json()["servers"][0]["url"] == "/ll"
    docs = client.get("/docs").text
    assert re.findall(r'(?:href|src)="(/[^"]*)', docs) == []
    page = client.get("/devices/d", headers={"Accept": "text/html"})
    if page.status_code == 200:  # with a build of the console
        assert 'content="/ll"' in page.text
        assert all(
            found.startswith("/ll/") for found in re.findall(r'(?:href|src)="([^"]*)', page.text)
        )
        script = re.findall(r'src="/ll(/assets/[^"]*)', page.text)[0]
        assert client.get(script).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": NAME, "Origin": PUBLIC}, 101),
        ({"Host": NAME, "Origin": OPS}, 101),
        ({"Host": NAME, "Origin": "https://other.example"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 421),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/ll"])
async def test_dashboards_are_opened_by_our_pages_only(
    proxied: HubProcess, headers: dict[str, str], status: int, prefix: str
) -> None:
    token = log_in(proxied.url, "admin", proxied.ready["adminPassword"])
    address = f"{proxied.url.replace('http', 'ws', 1)}{prefix}/ws/dashboard"
    host, port = proxied.url.removeprefix("http://").split(":")
    opening = connect(
        address.replace(f"{host}:{port}", headers["Host"]), host=host, port=int(port),
        origin=Origin(headers["Origin"]), additional_headers=bearer(token),
        compression=None, proxy=None,
    )  # fmt: skip
    try:
        async with opening:
            found = 101
    except InvalidStatus as refused:
        found = refused.response.status_code
    assert found == status


def test_other_dashboards_use_the_api_as_they_use_the_socket(client: httpx.Client) -> None:
    asks = {"Origin": OPS, "Access-Control-Request-Method": "GET"}
    first = client.options("/api/v1/devices", headers=asks)
    assert first.status_code == 204
    assert first.headers["access-control-allow-origin"] == OPS
    evil = client.options("/api/v1/devices", headers={**asks, "Origin": "https://evil.example"})
    assert evil.status_code == 405
    assert "access-control-allow-origin" not in evil.headers


@pytest.mark.parametrize(
    "path", ["/metrics", "/%6detrics", "//metrics", "/./metrics", "/metrics;x"]
)
def test_the_metrics_are_for_nobody_who_comes_by_a_proxy(proxied: HubProcess, path: str) -> None:
    for name in ("X-Forwarded-For", "Forwarded"):
        status, _ = raw_get(proxied, path, f"{name}: for=203.0.113.1")
        assert status == 404
    assert raw_get(proxied, "/metrics")[0] == 200


def raw_get(hub: HubProcess, path: str, *lines: str) -> tuple[int, bytes]:
    """Without a client that tidies the path."""
    host, port = hub.url.removeprefix("http://").split(":")
    head = [f"GET {path} HTTP/1.1", f"Host: {NAME}", "Connection: close", *lines, "", ""]
    with socket.create_connection((host, int(port)), timeout=20) as peer:
        peer.sendall("\r\n".join(head).encode())
        answer = b"".join(iter(lambda: peer.recv(65536), b""))
    return int(answer.split()[1]), answer


def test_strangers_cannot_fill_the_log(proxied: HubProcess) -> None:
    began, size, asked = time.monotonic(), len(proxied.log()), 0
    lines: list[dict[str, object]] = []
    while not any("omitted" in line for line in lines):
        assert time.monotonic() - began < 10
        for _ in range(30):
            assert raw_get(proxied, "/" + "x" * 15_000)[0] == 404
        asked += 30
        grown = proxied.log()[size:].splitlines()
        lines = [json.loads(line) for line in grown if '"path": "/xxx' in line]
    seconds = time.monotonic() - began
    assert len(lines) <= 10 * (seconds + 1)
    assert all(len(str(line["path"])) == 257 for line in lines)


def test_the_metrics_want_their_token(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path, metrics_token="secret")
    hub.start()
    try:
        with httpx.Client(base_url=hub.url, trust_env=False) as client:
            for headers in ({}, bearer("wrong"), bearer("other")):
                assert client.get("/%6detrics", headers=headers).status_code == 401
            proxied = {**bearer("secret"), "X-Forwarded-For": "203.0.113.1"}
            assert client.get("/metrics", headers=proxied).status_code == 200
    finally:
        hub.kill()
