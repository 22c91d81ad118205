"""Whoever holds a connection to Postgres asks for no other: where there is one, nothing waits for
itself."""

from collections.abc import AsyncGenerator, Generator

import pytest
import pytest_asyncio

from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id
from tests.acceptance.hub.conftest import PASSWORD, log_in
from tests.acceptance.hub.people import bind, make_group, make_role, make_user, new_organisation
from tests.acceptance.hub.process import HubProcess


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    process = HubProcess(tmp_path_factory.mktemp("small"), database_connections="1")
    process.start()
    yield process
    process.stop()


@pytest_asyncio.fixture
async def rest(small: HubProcess) -> AsyncGenerator[Rest]:
    async with Rest.open(small.url, log_in(small.url, "admin", small.ready["adminPassword"])) as it:
        it.password = small.ready["adminPassword"]
        yield it


async def test_roles_bindings_and_teams(small: HubProcess, rest: Rest) -> None:
    fleet = Fleet(small.url, small.ready["enrollmentKey"])
    device = await fleet.enroll()
    user, other = await make_user(rest), await make_user(rest, "VIEWER")
    role = await make_role(rest, {"resources": ["devices"], "verbs": ["get"]})
    await bind(rest, role, ("user", user["id"]), ("device", device))
    await bind(rest, role, ("user", user["id"]), ("group", await make_group(rest, device)))
    rules = {"rules": [{"resources": ["devices"], "verbs": ["list"]}]}
    assert (await rest.client.put(f"/roles/{role}", json=rules)).status_code == 200
    team = (await rest.post("/teams", {"name": new_id("team")})).json()["data"]["id"]
    await bind(rest, role, ("team", team))
    members = {"userIds": [user["id"], other["id"]]}
    assert (await rest.post(f"/teams/{team}/members", members)).status_code == 200
    gone = await rest.client.request("DELETE", f"/teams/{team}/members", json=members)
    assert gone.status_code == 200
    assert (await rest.client.delete(f"/teams/{team}")).status_code == 200

    weak = await make_role(rest, {"resources": ["role-bindings", "teams"], "verbs": ["*"]})
    await bind(rest, weak, ("user", user["id"]))
    async with Rest.open(small.url, log_in(small.url, user["username"], PASSWORD)) as they:
        body = {"role": "MANAGER", "subject": {"kind": "user", "id": other["id"]}}
        refused = await they.post("/role-bindings", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "escalation")


async def test_organisations_and_invitations(small: HubProcess, rest: Rest) -> None:
    async with new_organisation(small, rest) as (org, there):
        again = await rest.post("/orgs", {"id": org, "name": "again"})
        assert (again.status_code, again.json()["code"]) == (409, "conflict")
        made = await there.post("/invitations", {"role": "VIEWER", "username": new_id("new")})
        body = {"token": made.json()["data"]["token"], "password": PASSWORD}
        async with Rest.open(small.url) as nobody:
            assert (await nobody.post("/invitations/accept", body)).status_code == 200
            again = await nobody.post("/invitations/accept", body)
            assert (again.status_code, again.json()["code"]) == (410, "gone")
        made = await there.post("/invitations", {"role": "VIEWER"})
        user = await make_user(rest)
        async with Rest.open(small.url, log_in(small.url, user["username"], PASSWORD)) as they:
            body = {"token": made.json()["data"]["token"]}
            assert (await they.post("/invitations/accept", body)).status_code == 200


async def test_factors_and_enrolment(small: HubProcess, rest: Rest) -> None:
    user = await make_user(rest)
    async with Rest.open(small.url, log_in(small.url, user["username"], PASSWORD)) as they:
        assert (await they.post("/auth/totp")).status_code == 200
        assert (await they.post("/auth/passkeys/options")).status_code == 200
    group = await make_group(rest)
    body: Json = {"name": "hall", "groupIds": [group], "labels": {"hall": "2"}, "approval": True}
    token = (await rest.post("/enrollment-tokens", body)).json()["data"]["token"]
    device = new_id("d")
    async with Rest.open(small.url) as nobody:
        path = f"/devices/{device}/token"
        asked = (await nobody.post(path, X_Enrollment_Token=token)).json()
        body = {"fingerprint": asked["fingerprint"]}
        assert (await rest.post(f"/devices/{device}/approve", body)).status_code == 200
        shown = {"X_Enrollment_Request": asked["requestSecret"]}
        granted = await nobody.post(path, **shown)
        assert granted.status_code == 200
        renewed = await nobody.client.post(path, headers=bearer(granted.json()["data"]["token"]))
        assert renewed.status_code == 200


async def test_approvals_and_caps(small: HubProcess, rest: Rest) -> None:
    device = await Fleet(small.url, small.ready["enrollmentKey"]).enroll()
    user = await make_user(rest, "ADMIN")
    rules = {"approvals": {"resources": ["commands/reboot_os"]}, "blastRadius": {"perHour": 1}}
    assert (await rest.client.patch("/settings", json=rules)).status_code == 200
    async with Rest.open(small.url, log_in(small.url, user["username"], PASSWORD)) as they:
        for verdict in ("approve", "reject"):
            held = await rest.dispatch(device, "reboot_os")
            path = f"/approvals/{held.json()['data']['approvalId']}/{verdict}"
            assert (await they.post(path, {})).status_code == 200
        assert (await rest.dispatch(device, "shutdown_os")).status_code == 200
        off: Json = {"approvals": {"resources": []}}
        weaker = await rest.client.patch("/settings", json=off)
        path = f"/approvals/{weaker.json()['data']['approvalId']}/approve"
        assert (await they.post(path, {})).status_code == 200
