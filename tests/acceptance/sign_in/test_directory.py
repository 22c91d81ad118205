"""Signing in with the password of a real directory: identity.md, 3, 11 and 13."""

from collections.abc import AsyncGenerator, Generator

import asyncpg
import httpx
import pytest
import pytest_asyncio
from msgspec import Struct

from tests.acceptance.hub.clients import Json, Rest, new_id
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.people import bind, make_user
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_second_factor import code_of, with_program
from tests.acceptance.sign_in.directory import (
    BASE,
    ROOT,
    ROOT_PASSWORD,
    SLAPD,
    DirectoryProcess,
)
from tests.acceptance.sign_in.provider import free_port

pytestmark = pytest.mark.skipif(
    SLAPD is None, reason="slapd is not here (LONGLINE_TEST_INSTALL=1 installs it)"
)
PASSWORD = "a good one of the directory"


class Place(Struct, frozen=True):
    hub: HubProcess
    directory: DirectoryProcess
    provider: str


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def ldap(directory: DirectoryProcess, **fields: object) -> Json:
    return {
        "kind": "ldap", "name": "Plant directory",
        "url": f"ldaps://localhost:{directory.tls_port}", "caPem": directory.ca_pem,
        "bindDn": ROOT, "bindPassword": ROOT_PASSWORD, "baseDn": BASE,
        "groupFilter": "(member={dn})", **fields,
    }  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    directory = DirectoryProcess(tmp_path_factory.mktemp("directory"))
    directory.start()
    directory.fill()
    hub = HubProcess(
        tmp_path_factory.mktemp("hub"), webhook_allow="127.0.0.1,localhost", request_rate="0",
        address_rate="0",
    )  # fmt: skip
    hub.start()
    token = log_in(hub.url, "admin", hub.ready["adminPassword"])
    answer = httpx.post(
        f"{hub.url}/api/v1/auth/providers",
        json=ldap(directory),
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    yield Place(hub, directory, answer.json()["data"]["id"])
    directory.stop()
    assert hub.stop() == 0
    for secret in (PASSWORD, ROOT_PASSWORD):
        assert secret not in hub.log()
    assert '"level": "error"' not in hub.log()


@pytest_asyncio.fixture
async def admin(place: Place) -> AsyncGenerator[Rest]:
    token = log_in(place.hub.url, "admin", place.hub.ready["adminPassword"])
    async with Rest.open(place.hub.url, token) as rest:
        yield rest


@pytest_asyncio.fixture
async def anybody(place: Place) -> AsyncGenerator[Rest]:
    async with Rest.open(place.hub.url) as rest:
        yield rest


def body(place: Place, uid: str, password: str = PASSWORD, **more: object) -> Json:
    return {"username": uid, "password": password, "provider": place.provider, **more}


async def test_a_password_of_the_directory_signs_in(
    place: Place, admin: Rest, anybody: Rest
) -> None:
    local = await make_user(admin, "ADMIN")
    uid = str(local["username"])
    place.directory.person(uid, PASSWORD, sn="Anna B")
    answer = await anybody.post("/auth/login", body(place, uid))
    assert answer.status_code == 200, answer.text
    user = answer.json()["data"]["user"]
    assert (user["username"], user["displayName"], user["role"]) == (f"{uid}-2", "Anna B", "NONE")
    again = await anybody.post("/auth/login", body(place, uid, cookie=True))
    assert again.json()["data"]["user"]["id"] == user["id"]
    assert "longline_refresh_" in again.headers["set-cookie"]
    listed = (await anybody.get("/auth/providers")).json()["data"]
    row = {"id": place.provider, "kind": "ldap", "name": "Plant directory", "startUrl": None}
    assert row in listed


async def test_wrong_none_and_clever_ones_are_refused_alike(place: Place, anybody: Rest) -> None:
    uid = new_id("uid")
    place.directory.person(uid, PASSWORD)
    for username, password in (
        (uid, "wrong"), (uid, ""), ("nobody", PASSWORD), ("*", PASSWORD),
        (f"{uid[:-1]}*", PASSWORD),
        (f"{uid})(uid=*", PASSWORD), ("", PASSWORD), (f"{uid}\0", PASSWORD),
    ):  # fmt: skip
        answer = await anybody.post("/auth/login", body(place, username, password))
        assert answer.status_code in (400, 401), (username, answer.text)
    nowhere = await anybody.post(
        "/auth/login", {"username": uid, "password": PASSWORD, "provider": "nobody"}
    )
    assert code(nowhere) == (404, "not_found")


async def test_too_many_tries_are_refused(place: Place, anybody: Rest) -> None:
    uid = new_id("uid")
    place.directory.person(uid, PASSWORD)
    for _ in range(10):
        await anybody.post("/auth/login", body(place, uid, "wrong"))
    late = await anybody.post("/auth/login", body(place, uid))
    assert code(late) == (429, "too_many_requests")


async def in_database(place: Place, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(place.hub.ready["databaseUrl"])
    try:
        done = await connection.execute(statement, *values)
        assert not done.endswith(" 0"), done
    finally:
        await connection.close()


AGED = "UPDATE provider_grant SET checked_at = now() - interval '901 seconds'"


async def test_groups_follow_and_who_is_gone_is_refused_at_the_next_check(
    place: Place, admin: Rest, anybody: Rest
) -> None:
    uid, group = new_id("uid"), new_id("group")
    person = place.directory.person(uid, PASSWORD)
    members = place.directory.group(group, person, ROOT)
    await bind(admin, "VIEWER", ("group_claim", group))
    signed = (await anybody.post("/auth/login", body(place, uid))).json()["data"]
    async with Rest.open(place.hub.url, signed["token"]) as caller:
        assert (await caller.get("/devices")).status_code == 200
        place.directory.delete(members)
        await in_database(place, AGED)
        renewed = await anybody.post("/auth/refresh", {"refreshToken": signed["refreshToken"]})
        assert renewed.status_code == 200, renewed.text
        assert code(await caller.get("/devices")) == (403, "forbidden")
        place.directory.delete(person)
        await in_database(place, AGED)
        token = renewed.json()["data"]["refreshToken"]
        gone = await anybody.post("/auth/refresh", {"refreshToken": token})
        assert code(gone) == (401, "unauthenticated")
        assert (await caller.get("/auth/me")).status_code == 401


async def test_the_directory_shows_again_who_it_is(place: Place, anybody: Rest) -> None:
    uid = new_id("uid")
    place.directory.person(uid, PASSWORD)
    signed = (await anybody.post("/auth/login", body(place, uid))).json()["data"]
    async with Rest.open(place.hub.url, signed["token"]) as caller:
        await in_database(
            place,
            "UPDATE user_session SET authenticated_at = now() - interval '1 hour' "
            "WHERE user_id = $1",
            signed["user"]["id"],
        )
        asked = await caller.post("/auth/totp")
        assert (code(asked), asked.json()["methods"]) == (
            (403, "reauthenticate"), ["password"],
        )  # fmt: skip
        for wrong in ("wrong", ""):
            refused = await caller.post("/auth/reauthenticate", {"password": wrong})
            assert code(refused) == (403, "forbidden")
        good = await caller.post("/auth/reauthenticate", {"password": PASSWORD})
        assert good.status_code == 200, good.text
        secret, _ = await with_program(caller)
    owes = await anybody.post("/auth/login", body(place, uid))
    assert code(owes) == (403, "second_factor")
    shown = await anybody.post(
        "/auth/second-factor", {"challenge": owes.json()["challenge"], "code": code_of(secret)}
    )
    assert shown.status_code == 200, shown.text
    async with Rest.open(place.hub.url, shown.json()["data"]["token"]) as caller:
        (current,) = [one for one in await caller.data("/auth/sessions") if one["current"]]
        found = "SELECT 1 FROM provider_session WHERE session_id = $1"
        await in_database(place, found, current["id"])  # it began by the directory all the same


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"startTls": True}, 200),
        ({"caPem": None}, 503),
        ({"url": "ldaps://127.0.0.1:{tls}"}, 503),
        ({"bindPassword": "wrong"}, 503),
        ({"url": "ldaps://localhost:{free}"}, 503),
        ({"create": False}, 401),
        ({"userFilter": "(|(uid={username})(objectClass=*))"}, 401),
    ],
)
async def test_a_directory_is_asked_by_a_checked_certificate_only(
    place: Place, admin: Rest, anybody: Rest, changed: Json, status: int
) -> None:
    uid = new_id("uid")
    place.directory.person(uid, PASSWORD)
    fields = dict(changed)
    if "startTls" in fields:
        fields["url"] = f"ldap://localhost:{place.directory.port}"
    if "url" in fields:
        fields["url"] = str(fields["url"]).format(tls=place.directory.tls_port, free=free_port())
    made = await admin.post("/auth/providers", ldap(place.directory, **fields))
    assert made.status_code == 201, made.text
    provider = made.json()["data"]["id"]
    answer = await anybody.post("/auth/login", body(place, uid) | {"provider": provider})
    assert answer.status_code == status, answer.text
    await admin.client.delete(f"/auth/providers/{provider}")


async def test_a_directory_in_clear_is_refused(place: Place, admin: Rest) -> None:
    url = f"ldap://localhost:{place.directory.port}"
    answer = await admin.post("/auth/providers", ldap(place.directory, url=url))
    assert code(answer) == (400, "invalid")
