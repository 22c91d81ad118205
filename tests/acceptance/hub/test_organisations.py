"""Organisations, invitations and service accounts: identity.md, 1 and 13."""

from collections.abc import Generator
from pathlib import Path

import asyncpg
import httpx
import pytest

from hub.base.embedded import Embedded
from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, open_socket
from tests.acceptance.hub.conftest import PASSWORD, log_in
from tests.acceptance.hub.people import make_user, new_organisation, sign_in, signed_in
from tests.acceptance.hub.process import HubProcess


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


async def test_the_first_administrator_makes_an_organisation_and_is_in_it(
    hub: HubProcess, rest: Rest
) -> None:
    me = await rest.data("/auth/me")
    assert me["instanceAdmin"] is True
    assert me["orgId"] == "default"
    async with new_organisation(hub, rest) as (org, there):
        me = await there.data("/auth/me")
        assert (me["orgId"], me["role"]) == (org, "ADMIN")
        assert {"id": org, "name": "Plant 2"} in me["organisations"]
        assert await there.data("/devices") == []
        assert [user["username"] for user in await there.data("/users")] == ["admin"]
        changed = await rest.client.patch(f"/orgs/{org}", json={"name": "North"})
        assert changed.json()["data"]["name"] == "North"
        assert org in {each["id"] for each in await rest.data("/orgs")}
        assert code(await rest.post("/orgs", {"id": org, "name": "again"})) == (409, "conflict")


async def test_who_is_no_instance_administrator_makes_none(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest, "ADMIN")
    async with signed_in(hub, user) as other:
        assert (await other.data("/auth/me"))["instanceAdmin"] is False
        for method, path in (("GET", "/orgs"), ("GET", "/orgs/default"), ("DELETE", "/orgs/x")):
            assert (await other.client.request(method, path)).status_code == 403
        assert (await other.post("/orgs", {"id": "mine", "name": "Mine"})).status_code == 403


async def test_nothing_of_another_organisation_is_seen(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (_, there):
        device = (await there.post("/devices", {"id": new_id("dev")})).json()["data"]
        assert (await rest.get(f"/devices/{device['id']}")).status_code == 404
        assert device["id"] not in {each["id"] for each in await rest.data("/devices", limit=200)}
        same = await rest.post("/devices", {"id": device["id"], "name": "ours"})
        assert same.status_code == 201, same.text
        assert (await there.data(f"/devices/{device['id']}"))["name"] == device["name"]
        sent = await there.dispatch(device["id"])
        assert sent.json()["data"]["error"]["code"] == "device_offline"


LOGGED = """
    INSERT INTO log_line (org_id, device_id, received_at, ts, level, line)
    VALUES ($1, $2, now() - make_interval(days => $3), now(), 1, $3::int || ' days')
"""
AUDITED = """
    INSERT INTO audit_log (org_id, at, actor, action, target)
    VALUES ($1, now() - make_interval(days => 10 * $3), 'a', 'device.update', $2)
"""


ENDED = """
    INSERT INTO command (org_id, command_id, device_id, seq, type, params, status, delivery,
                         timeout_ms, actor, request_hash, created_at, finished_at, accepted_by)
    SELECT $1, 'c' || n, $2, n, 'force_sync', '{}', CASE WHEN n = 9 THEN 'SENT' ELSE 'SUCCESS' END
           ::command_status, 'now', 1000, 'a', '', now() - make_interval(days => n),
           CASE WHEN n <> 9 THEN now() - make_interval(days => n) END, 'r'
    FROM unnest(ARRAY[1, 5, 9]) AS n
"""
"""The oldest runs still."""
DEPLOYED = """
    WITH campaign AS (
        INSERT INTO campaign (org_id, campaign_id, kind, subject, command, terms, status,
                              created_by, created_at, finished_at, closed_at)
        SELECT $1, 'p' || n, 'release', 'f', '{"type": "force_sync"}', '{}', 'SUCCESS', 'a',
               now() - make_interval(days => n), now() - make_interval(days => n), now()
        FROM unnest(ARRAY[1, 5]) AS n
        RETURNING *
    )
    INSERT INTO campaign_device (org_id, campaign_id, position, device_id, wave, status,
                                 finished_at)
    SELECT org_id, campaign_id, 0, $2, 0, 'SUCCESS', now() FROM campaign
"""
GIVEN_UP = """
    WITH record AS (
        INSERT INTO aggregated (org_id, record_id, kind, company_id, device_id, ts, data, digest)
        SELECT $1, 'b' || n, 'bottle', 'acme', $2, now(), '{}', '' FROM unnest(ARRAY[1, 5]) AS n
        RETURNING *
    )
    INSERT INTO cloud_sync_queue (org_id, device_id, record_id, company_id, kind, status, error,
                                  finished_at)
    SELECT org_id, device_id, record_id, company_id, kind, 'dead', 'no',
           now() - make_interval(days => substr(record_id, 2)::int) FROM record
"""


@pytest.fixture
def own(tmp_path: Path) -> Generator[HubProcess]:
    """A hub of which somebody may touch the audit."""
    process = HubProcess(tmp_path)
    process.start()
    yield process
    assert process.stop() == 0


async def test_a_shorter_retention_hides_at_reading_and_a_longer_one_cannot_be(
    own: HubProcess,
) -> None:
    token = log_in(own.url, "admin", own.ready["adminPassword"])
    async with Rest.open(own.url, token) as rest, new_organisation(own, rest) as (org, there):
        device = (await there.post("/devices", {"id": new_id("dev")})).json()["data"]["id"]
        owner = await asyncpg.connect(Embedded(own.folder / "data").owner_url)
        for days in (1, 5):
            for statement in (LOGGED, AUDITED):
                await owner.execute(statement, org, device, days)
        await owner.execute("UPDATE device SET reborn_at = NULL WHERE org_id = $1", org)
        await owner.close()

        async def lines() -> list[str]:
            return [row["line"] for row in await there.data(f"/devices/{device}/logs")]

        async def audited(**query: str) -> int:
            found = await there.data("/audit-log", target=device, **query)
            return sum(row["action"] == "device.update" for row in found)

        assert (await lines(), await audited()) == (["1 days", "5 days"], 2)
        wanted = {"retention": {"logDays": 3, "auditDays": 30}}
        kept = await there.client.patch("/settings", json=wanted)
        assert kept.status_code == 200, kept.text
        shown = (await there.data("/settings"))["retention"]
        assert (shown["logDays"], shown["auditDays"]) == (3, 30)
        assert (await lines(), await audited()) == (["1 days"], 1)
        assert await audited(since="2000-01-01T00:00:00Z") == 1
        assert (await rest.data("/settings"))["retention"]["logDays"] > 3
        for longer in ({"logDays": 3650}, {"commandDays": 3650}):
            refused = await there.client.patch("/settings", json={"retention": longer})
            assert code(refused) == (409, "conflict")


async def test_what_ended_is_hidden_as_well(own: HubProcess) -> None:
    token = log_in(own.url, "admin", own.ready["adminPassword"])
    async with Rest.open(own.url, token) as rest, new_organisation(own, rest) as (org, there):
        device = (await there.post("/devices", {"id": new_id("dev")})).json()["data"]["id"]
        owner = await asyncpg.connect(Embedded(own.folder / "data").owner_url)
        for statement in (ENDED, DEPLOYED, GIVEN_UP):
            await owner.execute(statement, org, device)
        await owner.execute("UPDATE device SET reborn_at = NULL WHERE org_id = $1", org)
        await owner.close()

        async def shown(path: str, name: str = "id", **query: str) -> list[str]:
            return [row[name] for row in await there.data(path, **query)]

        async def seen() -> list[list[str]]:
            return [
                await shown("/commands", "commandId"),
                await shown(f"/devices/{device}/commands", "commandId"),
                await shown("/firmware/deployments"),
                await shown(f"/devices/{device}/deployments", "deploymentId"),
                await shown("/cloud-sync/dead-letters"),
            ]

        commands = ["c1", "c5", "c9"]
        assert await seen() == [commands, commands, ["p1", "p5"], ["p1", "p5"], ["b1", "b5"]]
        assert (await there.data("/cloud-sync"))["deadLetters"] == 2
        wanted = {"retention": {"commandDays": 3, "edgeDays": 3, "cloudDays": 1}}
        kept = await there.client.patch("/settings", json=wanted)
        assert kept.status_code == 200, kept.text
        assert wanted["retention"].items() <= kept.json()["data"]["retention"].items()
        assert await seen() == [["c1", "c9"], ["c1", "c9"], ["p1"], ["p1"], ["b1"]]
        assert (await there.data("/cloud-sync"))["deadLetters"] == 1
        for day, status in ((1, 200), (5, 404)):
            for path in (
                f"/devices/{device}/commands/c{day}",
                f"/firmware/deployments/p{day}",
                f"/firmware/deployments/p{day}/devices",
            ):
                assert (await there.get(path)).status_code == status


async def test_devices_enrol_into_the_organisation_whose_key_they_show(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_organisation(hub, rest) as (_, there):
        key = (await there.post("/settings/enrollment-key")).json()["data"]["enrollmentKey"]
        await there.client.patch("/settings", json={"autoEnroll": True})
        fleet = Fleet(hub.url, key)
        async with fleet.new_line() as device:
            assert (await there.data(f"/devices/{device.device_id}"))["connected"] is True
            assert (await rest.get(f"/devices/{device.device_id}")).status_code == 404
            waiting = await there.accept(device.device_id)
            await device.command(id=waiting)
            await device.succeed(waiting)


async def test_an_organisation_that_is_deleted_is_dead_at_once(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (org, there):
        key = (await there.post("/settings/enrollment-key")).json()["data"]["enrollmentKey"]
        await there.client.patch("/settings", json={"autoEnroll": True})
        user = await make_user(there, "ADMIN")
        token = sign_in(hub.url, user["username"])["token"]
        fleet = Fleet(hub.url, key)
        async with (
            fleet.new_line() as device,
            open_socket(f"{hub.url}/ws/dashboard", **bearer(token)) as dashboard,
        ):
            assert code(await rest.client.delete(f"/orgs/{org}")) == (400, "invalid")
            ended = await rest.client.delete(f"/orgs/{org}", params={"confirm": org})
            assert ended.status_code == 202
            assert (await there.get("/auth/me")).status_code == 401
            async with Rest.open(hub.url, token) as gone:
                assert (await gone.get("/devices")).status_code == 401
            assert (await device.closed())[0] in (4401, 4403)
            assert (await dashboard.closed())[0] in (4401, 4403)
        assert code(await rest.get(f"/orgs/{org}")) == (410, "gone")
        assert code(await rest.post("/orgs", {"id": org, "name": "x"})) == (410, "gone")
        refused = await rest.post(f"/devices/{new_id('dev')}/token", X_Enrollment_Key=key)
        assert refused.status_code == 401
        with pytest.raises(AssertionError):
            sign_in(hub.url, user["username"])
    assert code(await rest.client.delete("/orgs/default?confirm=default")) == (409, "conflict")


async def test_a_session_names_its_organisation_and_a_switch_leaves_the_other(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_organisation(hub, rest) as (org, there):
        assert (await rest.data("/auth/me"))["orgId"] == "default"
        assert (await there.data("/auth/me"))["orgId"] == org
    assert code(await rest.post("/auth/switch", {"orgId": "nowhere"})) == (404, "not_found")


async def test_an_invitation_makes_an_account_once(hub: HubProcess, rest: Rest) -> None:
    made = await rest.post("/invitations", {"role": "OPERATOR"})
    assert made.status_code == 201, made.text
    invitation = made.json()["data"]
    assert invitation["link"].endswith(invitation["token"])
    listed = await rest.data("/invitations")
    assert "token" not in next(each for each in listed if each["id"] == invitation["id"])
    body: Json = {"token": invitation["token"], "username": new_id("eve"), "password": PASSWORD}
    async with Rest.open(hub.url) as anybody:
        joined = await anybody.post("/invitations/accept", body)
        assert joined.status_code == 200, joined.text
        assert joined.json()["data"]["user"]["role"] == "OPERATOR"
        assert code(await anybody.post("/invitations/accept", body)) == (410, "gone")
        body = {"token": "unknown", "username": new_id("eve"), "password": PASSWORD}
        assert code(await anybody.post("/invitations/accept", body)) == (410, "gone")
    assert sign_in(hub.url, joined.json()["data"]["user"]["username"])["orgId"] == "default"


async def test_an_invitation_for_a_name_that_is_taken_asks_to_sign_in(
    hub: HubProcess, rest: Rest
) -> None:
    user = await make_user(rest, "VIEWER")
    async with new_organisation(hub, rest) as (org, there):
        taken = await there.post(
            "/users", {"username": user["username"], "password": PASSWORD, "role": "VIEWER"}
        )
        assert code(taken) == (409, "sign_in_first")
        body = {"role": "MANAGER", "username": user["username"]}
        token = (await there.post("/invitations", body)).json()["data"]["token"]
        async with Rest.open(hub.url) as anybody:
            wanted = {"token": token, "username": user["username"], "password": PASSWORD}
            refused = await anybody.post("/invitations/accept", wanted)
            assert code(refused) == (409, "sign_in_first")
        async with signed_in(hub, user) as caller:
            joined = await caller.post("/invitations/accept", {"token": token})
            assert joined.status_code == 200, joined.text
            assert joined.json()["data"]["orgId"] == org
            assert joined.json()["data"]["user"]["role"] == "MANAGER"
            assert (await caller.data("/auth/me"))["role"] == "VIEWER"
        shared = await there.client.patch(f"/users/{user['id']}", json={"password": PASSWORD + "2"})
        assert code(shared) == (409, "shared_account")
        gone = await there.client.delete(f"/users/{user['id']}")
        assert gone.status_code == 200, gone.text
    assert sign_in(hub.url, user["username"])["orgId"] == "default"


async def test_an_invitation_is_withdrawn(hub: HubProcess, rest: Rest) -> None:
    made = (await rest.post("/invitations", {"role": "VIEWER"})).json()["data"]
    assert (await rest.client.delete(f"/invitations/{made['id']}")).status_code == 200
    body = {"token": made["token"], "username": new_id("eve"), "password": PASSWORD}
    async with Rest.open(hub.url) as anybody:
        assert code(await anybody.post("/invitations/accept", body)) == (410, "gone")
    late = {"role": "VIEWER", "expiresAt": "2999-01-01T00:00:00Z"}
    assert code(await rest.post("/invitations", late)) == (400, "invalid")


async def test_a_service_account_has_keys_and_nobody_signs_in_as_it(
    hub: HubProcess, rest: Rest
) -> None:
    maker = await make_user(rest, "ADMIN")
    async with signed_in(hub, maker) as admin:
        made = await admin.post("/service-accounts", {"name": "planning"})
        account = made.json()["data"]
        assert account["role"] == "NONE"
        body = {"name": "k", "role": "VIEWER", "serviceAccountId": account["id"]}
        key = (await admin.post("/api-keys", body)).json()["data"]["key"]
        assert account["id"] not in {user["id"] for user in await admin.data("/users", limit=200)}
    async with Rest.open(hub.url, key) as program:
        assert (await program.get("/devices")).status_code == 403, "its account may nothing yet"
        subject = {"kind": "service_account", "id": account["id"]}
        bound = await rest.post("/role-bindings", {"role": "VIEWER", "subject": subject})
        assert bound.status_code == 201, bound.text
        assert (await program.get("/devices")).status_code == 200
        me = await program.data("/auth/me")
        assert (me["username"], me["role"]) == ("planning", "VIEWER")
        assert (await rest.get(f"/users/{account['id']}")).status_code == 404
        await rest.client.delete(f"/users/{maker['id']}")
        assert (await program.get("/devices")).status_code == 200, "its maker does not matter"
        await rest.client.delete(f"/service-accounts/{account['id']}")
        assert (await program.get("/devices")).status_code == 401


async def test_an_organisation_keeps_an_administrator(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (_, there):
        me = (await there.data("/auth/me"))["id"]
        for change in ({"role": "VIEWER"}, {"disabled": True}):
            refused = await there.client.patch(f"/users/{me}", json=change)
            assert code(refused) == (409, "last_administrator")
        assert code(await there.client.delete(f"/users/{me}")) == (409, "last_administrator")
        (binding,) = await there.data("/role-bindings")
        refused = await there.client.delete(f"/role-bindings/{binding['id']}")
        assert code(refused) == (409, "last_administrator")
