"""How often somebody may ask: each test has an account or an address of its own."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, open_socket
from tests.acceptance.hub.conftest import PASSWORD, log_in
from tests.acceptance.hub.flood import Answer, flood
from tests.acceptance.hub.process import HubProcess

ENROLLMENTS = 20
ME = "/api/v1/auth/me"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """A hub with its own limits, but for lower ones where a test has to reach them."""
    folder = tmp_path_factory.mktemp("limits")
    rates = {"address_rate": "50", "request_rate": "200"}
    process = HubProcess(folder, enrollment_rate=str(ENROLLMENTS), **rates)
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture
def admin(own: HubProcess) -> str:
    return log_in(own.url, "admin", own.ready["adminPassword"])


async def a_user(hub: HubProcess, admin: str, role: str = "ADMIN") -> str:
    name = new_id("user")
    async with Rest.open(hub.url, admin) as rest:
        made = await rest.post("/users", {"username": name, "password": PASSWORD, "role": role})
        assert made.status_code == 201, made.text
    return await asyncio.to_thread(log_in, hub.url, name, PASSWORD)


@asynccontextmanager
async def caller_at(hub: HubProcess, address: str) -> AsyncGenerator[httpx.AsyncClient]:
    """Somebody at another of the addresses of this machine."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    base = f"{hub.url}/api/v1"
    async with httpx.AsyncClient(
        base_url=base, timeout=20, transport=transport, trust_env=False
    ) as client:
        yield client


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def a_refusal(answers: list[Answer]) -> Answer:
    return next(answer for answer in answers if answer.status == 429)


def items(header: str) -> tuple[str, dict[str, int]]:
    """A structured field with one item (RFC 9651): its string and its integers."""
    name, *parameters = header.split(";")
    assert name[0] == name[-1] == '"'
    pairs = (parameter.split("=") for parameter in parameters)
    return name[1:-1], {key: int(value) for key, value in pairs}


async def test_a_user_may_ask_two_hundred_times_a_second_and_is_told_so(
    own: HubProcess, admin: str
) -> None:
    eager, calm = await a_user(own, admin), await a_user(own, admin)
    began = time.monotonic()
    answers, elsewhere = await asyncio.gather(
        flood(own.url, 600, ME, token=eager), flood(own.url, 20, ME, token=calm)
    )
    seconds = time.monotonic() - began
    found = statuses(answers)
    assert set(found) == {200, 429}, seconds
    assert 200 <= found[200] <= 200 * (1.25 + seconds)
    assert statuses(elsewhere) == {200: 20}
    for answer in answers:
        assert answer.headers["ratelimit-policy"] == '"requests";q=200;w=1'
        name, state = items(answer.headers["ratelimit"])
        assert name == "requests"
        assert 0 <= state["r"] < 200
        assert 1 <= state["t"] <= 2
    refused = a_refusal(answers)
    problem = json.loads(refused.body)
    assert (problem["code"], problem["status"]) == ("too_many_requests", 429)
    assert '"requests"' in problem["detail"]
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 2


async def test_who_waits_as_long_as_he_is_told_is_answered(own: HubProcess, admin: str) -> None:
    token = await a_user(own, admin)
    refused = a_refusal(await flood(own.url, 600, ME, token=token))
    await asyncio.sleep(int(refused.headers["retry-after"]))
    async with Rest.open(own.url, token) as rest:
        assert (await rest.get("/auth/me")).status_code == 200


async def test_every_answer_says_how_the_limit_stands(own: HubProcess, admin: str) -> None:
    """Also a refusal, and what was never there."""
    async with Rest.open(own.url, await a_user(own, admin, "VIEWER")) as rest:
        for method, path, status in (
            ("GET", "/auth/me", 200),
            ("HEAD", "/auth/me", 200),
            ("GET", "/devices?limit=nonsense", 400),
            ("GET", "/devices/nobody", 404),
            ("POST", "/device-groups", 403),
            ("POST", "/auth/ws-ticket", 200),
            ("POST", "/auth/login", 400),
            ("POST", "/devices/nobody/token", 401),
            ("POST", "/devices/nobody/token?nonsense=1", 400),
            ("POST", "/devices/~/token", 400),
        ):
            answer = await rest.client.request(method, path)
            assert answer.status_code == status, answer.text
            assert "ratelimit" in answer.headers, path
            assert "ratelimit-policy" in answer.headers, path


async def test_commands_are_counted_by_targets_and_apart(own: HubProcess, admin: str) -> None:
    token = await a_user(own, admin)
    async with Rest.open(own.url, token) as rest:
        one = await rest.dispatch("nobody")
        assert one.headers["ratelimit-policy"] == '"commands";q=5000;w=1'
        targets = [f"nobody-{number}" for number in range(3000)]
        body: Json = {"deviceIds": targets, "command": {"type": "force_sync"}}
        first, second = await asyncio.gather(
            rest.post("/commands/bulk", body), rest.post("/commands/bulk", body)
        )
        assert sorted((first.status_code, second.status_code)) == [200, 429]
        read = await rest.get("/auth/me")
        assert items(read.headers["ratelimit"])[0] == "requests"
        await asyncio.sleep(3)
        body["deviceIds"] = [f"nobody-{number}" for number in range(9000)]
        assert (await rest.post("/commands/bulk", body)).status_code == 200
        assert (await rest.dispatch("nobody")).status_code == 429


async def test_after_fifty_wrong_keys_of_an_address_none_is_looked_at(own: HubProcess) -> None:
    right = {"X-Enrollment-Key": own.ready["enrollmentKey"]}
    device = new_id("device")
    token = (await ask_token(own, "127.0.0.11", device, right)).json()["data"]["token"]
    async with caller_at(own, "127.0.0.11") as client:
        path = "/devices/x/token"
        answers = [
            await client.post(path, headers={"X-Enrollment-Key": f"wrong {number}"})
            for number in range(100)
        ]
        assert [answer.status_code for answer in answers] == [401] * 50 + [429] * 50
        last = answers[-1]
        assert '"wrong_keys"' in last.json()["detail"]
        assert items(last.headers["ratelimit-policy"]) == ("wrong_keys", {"q": 50, "w": 60})
        assert 1 <= int(last.headers["retry-after"]) <= 60
        assert (await client.post(path, headers=right)).status_code == 429
        renewed = await client.post(f"/devices/{device}/token", headers=bearer(token))
        assert renewed.status_code == 200, "who shows a good token is not asked for a key"
        assert items(renewed.headers["ratelimit-policy"]) == ("device", {"q": 200, "w": 2})
    assert (await ask_token(own, "127.0.0.12", new_id("device"), right)).status_code == 200


async def ask_token(
    hub: HubProcess, address: str, device: str, headers: dict[str, str]
) -> httpx.Response:
    async with caller_at(hub, address) as client:
        return await client.post(f"/devices/{device}/token", headers=headers)


async def test_new_devices_of_an_address_are_counted_and_known_ones_are_not(
    own: HubProcess, admin: str
) -> None:
    right = {"X-Enrollment-Key": own.ready["enrollmentKey"]}
    prefix = new_id("new")
    dashboard = open_socket(f"{own.url}/ws/dashboard", **bearer(admin))
    async with caller_at(own, "127.0.0.21") as client, dashboard as socket:
        await socket.send("subscribe", id="s", types=["alert"])
        await socket.expect("subscribed")

        async def enrol(number: int) -> httpx.Response:
            return await client.post(f"/devices/{prefix}-{number}/token", headers=right)

        answers = [await enrol(number) for number in range(ENROLLMENTS + 10)]
        found = [answer.status_code for answer in answers]
        assert found == [200] * ENROLLMENTS + [429] * 10
        last = answers[-1]
        assert '"enrollments"' in last.json()["detail"]
        assert int(last.headers["retry-after"]) >= 1
        assert (await socket.find("alert"))["code"] == "enrollment_rate"
        known = [(await enrol(number)).status_code for number in range(ENROLLMENTS)]
        assert 429 not in known
    assert (await ask_token(own, "127.0.0.22", f"{prefix}-x", right)).status_code == 200
    async with Rest.open(own.url, admin) as rest:
        devices = await rest.data("/devices", q=prefix, limit=100)
        assert len(devices) == ENROLLMENTS + 1
        text = (await rest.client.get(f"{own.url}/metrics")).text
    assert 'longline_http_requests_limited_total{limit="enrollments"} 10.0' in text
    told = [json.loads(line) for line in own.log().splitlines() if '"enrollment_rate"' in line]
    assert len(told) == 1
    assert told[0]["address"] == "127.0.0.21"


async def test_strangers_at_an_address_do_not_harm_who_has_signed_in_there(
    own: HubProcess, admin: str
) -> None:
    token = await a_user(own, admin)
    async with (
        caller_at(own, "127.0.0.41") as strangers,
        caller_at(own, "127.0.0.42") as elsewhere,
    ):
        answers, asked = await asyncio.gather(
            flood(own.url, 600, "/api/v1/devices", at="127.0.0.41"),
            flood(own.url, 60, ME, token=token, at="127.0.0.41"),
        )
        found = statuses(answers)
        assert set(found) == {401, 429}
        assert found[401] >= 200
        assert statuses(asked) == {200: 60}
        refused = a_refusal(answers)
        assert '"address"' in json.loads(refused.body)["detail"]
        assert items(refused.headers["ratelimit-policy"]) == ("address", {"q": 200, "w": 4})
        login = await strangers.post("/auth/login", json={"username": "x", "password": "y"})
        assert login.status_code == 429
        other = await elsewhere.post("/auth/login", json={"username": "x", "password": "y"})
        assert other.status_code == 401


async def test_an_address_is_what_a_trusted_proxy_says_and_nobody_else(
    own: HubProcess, tmp_path: Path
) -> None:
    """Two names of one address are one, and two addresses of one proxy are two."""
    devices = "/api/v1/devices"
    for number in range(2):
        await flood(own.url, 200, devices, at="127.0.0.61", proxied_for=f"192.0.2.{number}")
    found = await flood(own.url, 100, devices, at="127.0.0.61", proxied_for="192.0.2.9")
    assert statuses(found)[429] > 0
    hub = HubProcess(tmp_path, trusted_proxies="127.0.0.1", address_rate="50")
    hub.start()
    try:
        found = await flood(hub.url, 400, devices, proxied_for="192.0.2.1")
        assert statuses(found)[429] > 0
        found = await flood(hub.url, 100, devices, proxied_for="192.0.2.2")
        assert statuses(found) == {401: 100}
    finally:
        hub.stop()


async def test_devices_count_for_themselves(own: HubProcess) -> None:
    fleet = Fleet(own.url, own.ready["enrollmentKey"])
    first, second = [await fleet.token(new_id("device")) for _ in range(2)]
    body = b'{"records":[]}'
    answers = await flood(own.url, 600, "/api/v1/sync", token=first, body=body)
    assert '"device"' in json.loads(a_refusal(answers).body)["detail"]
    assert statuses(answers)[429] <= 401  # one was its token
    async with Rest.open(own.url, second) as another:
        assert (await another.post("/sync", json.loads(body))).status_code != 429


async def test_probes_and_pages_have_no_limit(own: HubProcess) -> None:
    for path in ("/healthz", "/readyz", "/favicon.svg"):
        answers = await flood(own.url, 300, path, at="127.0.0.51")
        assert 429 not in statuses(answers)
        assert "ratelimit" not in answers[0].headers
