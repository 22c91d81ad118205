"""Agents of others at the root of both listeners: device-identity.md, 4 and 12."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.acceptance.hub.certified import Certified, new_key, request_of
from tests.acceptance.hub.clients import Rest, bearer, new_id
from tests.acceptance.hub.conftest import PASSWORD, log_in
from tests.acceptance.hub.process import HubProcess

PAGE = "https://fleet.example.org"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("hub"), device_port="0", allowed_origins=PAGE)
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def admin(plain: HubProcess) -> str:
    return log_in(plain.url, "admin", plain.ready["adminPassword"])


@asynccontextmanager
async def at(url: str, device: Certified | None = None) -> AsyncGenerator[httpx.AsyncClient]:
    verify = True if device is None else device.tls
    async with httpx.AsyncClient(
        base_url=url, verify=verify, trust_env=False, timeout=12
    ) as client:
        yield client


async def register(plain: HubProcess, token: str, device_id: str, folder: Path) -> Certified:
    key = new_key()
    async with at(plain.url) as anybody:
        answer = await anybody.post(
            "/register",
            json={"device_id": device_id, "csr": request_of(key)},
            headers={"X-Register-Token": token},
        )
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"certificate", "ca"}
    made = answer.json()
    return Certified(
        device_id,
        key,
        {"serial": device_id, "expiresAt": "", "certificate": made["certificate"],
         "chain": made["ca"]},
        folder,
    )  # fmt: skip


async def test_the_seeds_own_steps(plain: HubProcess, admin: str, tmp_path: Path) -> None:
    async with at(plain.url) as client:
        client.headers.update(bearer(admin))
        made = await client.post("/tokens")
        assert made.status_code == 201, made.text
        assert made.headers["cache-control"] == "no-store"
        token = made.json()
        assert token["token"].startswith("lle_")
        assert token["id"] in [row["id"] for row in (await client.get("/tokens")).json()]
        device = await register(plain, token["token"], new_id("d"), tmp_path)
        body = {"device_id": device.device_id, "ts": "2026-01-01T00:00:00Z"}
        async with at(plain.ready["deviceUrl"], device) as own:
            beat = await own.post("/heartbeat", json=body)
            assert (beat.status_code, beat.json()) == (200, {"detail": "ok"})
            others = await own.post("/heartbeat", json={**body, "device_id": "another"})
            assert others.status_code == 403
            assert others.json().keys() == {"detail"}
            again = await own.post(
                "/register", json={"device_id": device.device_id, "csr": request_of(new_key())}
            )
            assert again.status_code == 200, "by the present certificate, at the other listener"
            for method, path in (("GET", "/devices"), ("GET", "/tokens")):
                answer = await own.request(method, path, headers=bearer(admin))
                assert answer.status_code == 200, path
                assert isinstance(answer.json(), list)
        listed = (await client.get("/devices")).json()
        (row,) = [row for row in listed if row["device_id"] == device.device_id]
        assert row["last_seen"] is not None
        async with Rest.open(plain.url, admin) as rest:
            shown = await rest.data(f"/devices/{device.device_id}")
            assert (shown["status"], shown["connected"]) == ("ONLINE", False)
            online = await rest.data("/devices", status="ONLINE", q=device.device_id)
            assert [each["id"] for each in online] == [device.device_id]
        gone = await client.delete(f"/tokens/{token['id']}")
        assert (gone.status_code, gone.json()) == (200, {"detail": "deleted"})
        assert (await client.delete(f"/tokens/{token['id']}")).status_code == 404


async def test_what_may_not_be_is_said_as_the_seed_says_it(plain: HubProcess, admin: str) -> None:
    key = new_key()
    async with at(plain.url) as anybody:
        body = {"device_id": new_id("d"), "csr": request_of(key)}
        for answer, status in (
            (await anybody.post("/register", json=body), 401),
            (await anybody.post("/register", json={"device_id": "d"}), 400),
            (await anybody.post("/register", json={**body, "csr": "nonsense"}), 400),
            (await anybody.post("/register", content=b"x" * 9000), 413),
            (await anybody.get("/devices"), 401),
            (await anybody.get("/tokens"), 401),
            (await anybody.post("/tokens"), 401),
            (await anybody.post("/heartbeat", json=body), 401),
            (await anybody.get("/register"), 405),
            (await anybody.put("/devices"), 405),
        ):
            assert (answer.status_code, answer.json().keys()) == (status, {"detail"}), answer.text
        async with Rest.open(plain.url, admin) as rest:
            user = {"username": new_id("viewer"), "password": PASSWORD, "role": "VIEWER"}
            await rest.post("/users", user)
        viewer = bearer(log_in(plain.url, user["username"], PASSWORD))
        assert (await anybody.get("/devices", headers=viewer)).status_code == 200
        refused = await anybody.post("/tokens", headers=viewer)
        assert (refused.status_code, refused.json().keys()) == (403, {"detail"})


async def test_a_browser_gets_the_page(plain: HubProcess, admin: str) -> None:
    html = {"Accept": "text/html,*/*"}
    async with at(plain.url) as browser:
        page = await browser.get("/devices", headers=html)
        assert page.headers["content-type"].startswith("text/html")
        answer = await browser.get("/devices", headers=html | bearer(admin))
        assert answer.headers["content-type"] == "application/json"


async def test_a_page_that_is_allowed_may_ask(plain: HubProcess, admin: str) -> None:
    async with at(plain.url) as page:
        origin = {"Origin": PAGE}
        answer = await page.get("/devices", headers=origin | bearer(admin))
        assert answer.headers["access-control-allow-origin"] == PAGE
        asked = {**origin, "Access-Control-Request-Method": "GET"}
        assert (await page.options("/devices", headers=asked)).status_code == 204
        other = {"Origin": "https://elsewhere.example"} | bearer(admin)
        refused = await page.get("/devices", headers=other)
        assert "access-control-allow-origin" not in refused.headers
