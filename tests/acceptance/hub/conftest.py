"""One hub for the whole session; each test makes devices, users and groups of its own."""

import json
import time
from collections.abc import AsyncGenerator, Generator

import httpx
import pytest
import pytest_asyncio

from protocol.ids import DEFAULT_ORG
from tests.acceptance.hub.clients import MORE_ASKS, Fleet, Rest, wait_asked_by
from tests.acceptance.hub.process import HubProcess

ROLES = ("VIEWER", "OPERATOR", "MANAGER", "ADMIN")
PASSWORD = "correct horse battery"
FRESH_SECONDS = 300.0


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("hub"))
    process.start()
    yield process
    assert process.stop() == 0
    failures = [line for line in process.log().splitlines() if '"level": "error"' in line]
    assert failures == [], "\n".join(failures[:5])


def log_in(url: str, username: str, password: str, org: str | None = None) -> str:
    """None: where the account signed in last."""

    def ask() -> httpx.Response:
        who = {"username": username, "password": password, "orgId": org}
        return httpx.post(f"{url}/api/v1/auth/login", json=who, timeout=20, trust_env=False)

    answer = ask()
    for _ in range(MORE_ASKS):
        if (seconds := wait_asked_by(answer)) is not None:
            time.sleep(seconds)
            answer = ask()
    assert answer.status_code == 200, answer.text
    return str(json.loads(answer.content)["data"]["token"])


class Entrance:
    """Tokens of a hub. One is good for a quarter of an hour, and tests may go on for longer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._given: dict[str, tuple[str, float]] = {}

    def token(self, username: str, password: str) -> str:
        token, since = self._given.get(username, ("", float("-inf")))
        if time.monotonic() - since > FRESH_SECONDS:
            since = time.monotonic()
            # An administrator may have signed in elsewhere since.
            token = log_in(self._url, username, password, DEFAULT_ORG)
            self._given[username] = token, since
        return token


@pytest.fixture(scope="session")
def entrance(hub: HubProcess) -> Entrance:
    return Entrance(hub.url)


@pytest.fixture
def admin_token(entrance: Entrance, hub: HubProcess) -> str:
    return entrance.token("admin", hub.ready["adminPassword"])


@pytest.fixture(scope="session")
def users(entrance: Entrance, hub: HubProcess) -> dict[str, str]:
    """The name of one for each role; the password is `PASSWORD`."""
    token = entrance.token("admin", hub.ready["adminPassword"])
    names = {role: role.lower() + "-1" for role in ROLES}
    for role, name in names.items():
        answer = httpx.post(
            f"{hub.url}/api/v1/users",
            json={"username": name, "password": PASSWORD, "role": role},
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text
    return names


@pytest.fixture
def tokens(entrance: Entrance, users: dict[str, str]) -> dict[str, str]:
    """A user's token for each role."""
    return {role: entrance.token(name, PASSWORD) for role, name in users.items()}


@pytest.fixture(scope="session")
def fleet(hub: HubProcess) -> Fleet:
    return Fleet(hub.url, hub.ready["enrollmentKey"])


@pytest_asyncio.fixture
async def rest(hub: HubProcess, admin_token: str) -> AsyncGenerator[Rest]:
    """The administrator."""
    async with Rest.open(hub.url, admin_token) as client:
        client.password = hub.ready["adminPassword"]
        yield client
