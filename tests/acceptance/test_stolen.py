"""What is in the hands of who has a copy of the database, or reads everything in Redis."""

import json
from collections.abc import Generator
from contextlib import closing
from typing import Any, cast

import httpx
import pytest
from redis import Redis
from redis.client import Monitor

from tests.acceptance.hub.certified import new_key, request_of
from tests.acceptance.hub.clients import new_id
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import dump, signed_in


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("stolen"))
    process.start()
    yield process
    assert process.stop() == 0


def made(up: HubProcess) -> dict[str, str]:
    """A credential of each kind, by what it is; all are good."""
    device_id, value = new_id("d"), new_id("the-value-of-a-secret")
    with signed_in(up.ready) as http:

        def post(path: str, body: object = None, **headers: str) -> Any:
            answer = http.post(path, json=body, headers=headers)
            return answer.raise_for_status().json()["data"]

        post("/secrets", {"name": new_id("s"), "data": {"value": value}})
        login = {"username": "admin", "password": up.ready["adminPassword"]}
        session = post("/auth/login", login)
        csr = {"csr": request_of(new_key())}
        key = {"X-Enrollment-Key": up.ready["enrollmentKey"]}
        found = {
            "password": up.ready["adminPassword"],
            "access token": session["token"],
            "refresh token": session["refreshToken"],
            "ticket": post("/auth/ws-ticket")["ticket"],
            "API key": post("/api-keys", {"name": new_id("k"), "role": "VIEWER"})["key"],
            "enrolment key": up.ready["enrollmentKey"],
            "enrolment token": post("/enrollment-tokens", {"name": new_id("t")})["token"],
            "secret": value,
        }
        devices = httpx.Client(base_url=http.base_url, trust_env=False)
        with devices:
            enrolled = devices.post(f"/devices/{device_id}/token", headers=key)
            token = enrolled.raise_for_status().json()["data"]["token"]
            bearer = {"Authorization": f"Bearer {token}"}
            devices.post(
                f"/devices/{device_id}/certificate", json=csr, headers=bearer
            ).raise_for_status()
        # What goes through Redis besides: the stream, limits, hints between replicas.
        http.patch(f"/devices/{device_id}", json={"name": "renamed"}).raise_for_status()
    return found | {"device token": token}


def command_of(monitor: Monitor) -> str:
    """The next one that anybody sends."""
    return str(cast("dict[str, object]", monitor.next_command())["command"])


def test_a_copy_of_the_database_holds_no_credential(up: HubProcess) -> None:
    credentials = made(up)
    text = dump(up.ready)
    assert [name for name, value in credentials.items() if value in text] == []
    assert "BEGIN CERTIFICATE" in text, "it holds the authority of devices' certificates"
    assert "PRIVATE KEY" not in text
    for line in (up.folder / "data" / "master-key").read_text().splitlines():
        assert json.loads(line)["key"] not in text


def test_nothing_that_goes_through_redis_is_a_credential(up: HubProcess) -> None:
    url = up.ready["redisUrl"]
    with (
        closing(Redis.from_url(url)) as redis,  # pyright: ignore[reportUnknownMemberType]
        redis.monitor() as monitor,
    ):
        credentials = made(up)
        redis.get("this is the end")
        seen = list(iter(lambda: command_of(monitor), "GET this is the end"))
    assert seen, "something went through"
    everything = "\n".join(seen)
    assert [name for name, value in credentials.items() if value in everything] == []
