"""Roles, bindings, teams and scopes: identity.md, 2 and 13."""

from typing import Any

from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, open_socket, until
from tests.acceptance.hub.conftest import PASSWORD
from tests.acceptance.hub.people import bind, make_group, make_role, make_user, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_organisations import code

TS = "2026-01-01T00:00:00.000Z"
SEES: Json = {"resources": ["devices", "telemetry", "commands"], "verbs": ["get", "list"]}


async def ids(rest: Rest, path: str = "/devices", **query: Any) -> set[str]:
    return {each["id"] for each in await rest.data(path, limit=200, **query)}


async def test_a_role_counts_at_once_and_a_session_lives_on(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest)
    assert user["role"] == "NONE"
    async with signed_in(hub, user) as caller:
        assert (await caller.get("/devices")).status_code == 403
        assert (await caller.data("/auth/permissions"))["grants"] == []
        await rest.client.patch(f"/users/{user['id']}", json={"role": "VIEWER"})
        assert (await caller.get("/devices")).status_code == 200
        await rest.client.patch(f"/users/{user['id']}", json={"role": "NONE"})
        assert (await caller.get("/devices")).status_code == 403
        binding = await bind(rest, "MANAGER", ("user", user["id"]))
        assert (await rest.data(f"/users/{user['id']}"))["role"] == "MANAGER"
        assert (await caller.get("/users")).status_code == 200
        await rest.client.delete(f"/role-bindings/{binding}")
        assert (await caller.get("/users")).status_code == 403


async def test_a_team_gives_its_members_what_it_is_bound_to(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest)
    team = (await rest.post("/teams", {"name": new_id("team")})).json()["data"]["id"]
    await bind(rest, "VIEWER", ("team", team))
    async with signed_in(hub, user) as caller:
        assert (await caller.get("/devices")).status_code == 403
        added = await rest.post(f"/teams/{team}/members", {"userIds": [user["id"]]})
        assert added.json()["data"]["memberCount"] == 1
        assert (await caller.get("/devices")).status_code == 200
        why = await rest.data(f"/users/{user['id']}/access", resource="devices", verb="list")
        assert why["allowed"] is True
        assert [each["subject"] for each in why["because"]] == [{"kind": "team", "id": team}]
        await rest.client.request(
            "DELETE", f"/teams/{team}/members", json={"userIds": [user["id"]]}
        )
        assert (await caller.get("/devices")).status_code == 403
    assert (await rest.client.delete(f"/teams/{team}")).status_code == 200
    assert (await rest.get(f"/teams/{team}")).status_code == 404


async def test_a_role_of_ones_own_down_to_one_template_in_one_group(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    inside, outside = await fleet.enroll(), await fleet.enroll()
    group = await make_group(rest, inside)
    role = await make_role(
        rest,
        SEES,
        {"resources": ["commands/exec_shell"], "verbs": ["create"], "names": ["uptime"]},
    )
    user = await make_user(rest)
    await bind(rest, role, ("user", user["id"]), ("group", group))
    uptime: Json = {"type": "exec_shell", "template": "uptime"}
    async with signed_in(hub, user) as caller:
        sent = await caller.dispatch(inside, uptime)
        assert sent.json()["data"]["error"]["code"] == "device_offline", sent.text
        other: Json = {"type": "exec_shell", "template": "reboot-all"}
        assert (await caller.dispatch(inside, other)).status_code == 403
        assert (await caller.dispatch(inside, "force_sync")).status_code == 403
        assert (await caller.dispatch(outside, uptime)).status_code == 404
        body = {"deviceIds": [inside, outside], "command": uptime}
        results = (await caller.post("/commands/bulk", body)).json()["data"]
        assert results[inside]["error"]["code"] == "device_offline"
        assert results[outside]["error"]["code"] == "not_found"
        why = await rest.data(
            f"/users/{user['id']}/access",
            resource="commands/exec_shell",
            verb="create",
            deviceId=inside,
            name="uptime",
        )
        assert why["allowed"] is True
        for refused in ({"deviceId": outside, "name": "uptime"}, {"name": "reboot-all"}):
            query = {"resource": "commands/exec_shell", "verb": "create", **refused}
            assert (await rest.data(f"/users/{user['id']}/access", **query))["allowed"] is False


async def test_a_scoped_member_sees_its_devices_and_no_others(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    mine, other = await fleet.enroll(), await fleet.enroll()
    group = await make_group(rest, mine)
    await make_group(rest, other)
    for device in (mine, other):
        await rest.dispatch(device)
    user = await make_user(rest)
    await bind(rest, "MANAGER", ("user", user["id"]), ("group", group))
    async with signed_in(hub, user) as caller:
        assert (await caller.data("/auth/me"))["role"] == "NONE"
        assert await ids(caller) == {mine}
        assert (await caller.get(f"/devices/{mine}")).status_code == 200
        for path in ("", "/logs", "/events", "/config", "/commands", "/states", "/deployments"):
            assert (await caller.get(f"/devices/{other}{path}")).status_code == 404, path
        assert await ids(caller, "/device-groups") == {group}
        assert (await caller.data(f"/device-groups/{group}"))["memberCount"] == 1
        listed = await caller.data("/commands", limit=200)
        assert {each["deviceId"] for each in listed} == {mine}
        audited = await caller.data("/audit-log", limit=200)
        assert {each["target"] for each in audited} == {mine}
        for device, status in ((mine, 200), (other, 404)):
            changed = await caller.client.patch(f"/devices/{device}", json={"name": "n"})
            assert changed.status_code == status
        for path in ("/users", "/settings", "/health", "/roles"):
            assert (await caller.get(path)).status_code == 403, path
        assert (await caller.post("/devices", {"id": new_id("dev")})).status_code == 403
        added = await caller.post(f"/device-groups/{group}/members", {"deviceIds": [other]})
        assert code(added) == (403, "escalation")
        assert await ids(caller, "/devices/connected") == set()


async def test_a_membership_that_changes_is_seen_at_once_in_lists(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device = await fleet.enroll()
    group = await make_group(rest)
    user = await make_user(rest)
    await bind(rest, "VIEWER", ("user", user["id"]), ("group", group))
    async with signed_in(hub, user) as caller:
        assert await ids(caller) == set()
        await rest.post(f"/device-groups/{group}/members", {"deviceIds": [device]})
        assert await ids(caller) == {device}
        body = {"deviceIds": [device]}
        await rest.client.request("DELETE", f"/device-groups/{group}/members", json=body)
        assert await ids(caller) == set()


async def test_nobody_grants_what_they_do_not_have(hub: HubProcess, rest: Rest) -> None:
    giver = await make_role(
        rest,
        {"resources": ["users", "role-bindings", "roles", "teams"], "verbs": ["*"]},
        {"resources": ["devices"], "verbs": ["get", "list"]},
    )
    less = await make_role(rest, {"resources": ["devices"], "verbs": ["get"]})
    user, friend = await make_user(rest), await make_user(rest)
    await bind(rest, giver, ("user", user["id"]))
    subject = {"kind": "user", "id": friend["id"]}
    async with signed_in(hub, user) as caller:
        made = await caller.post("/role-bindings", {"role": less, "subject": subject})
        assert made.status_code == 201, made.text
        again = await caller.post("/role-bindings", {"role": less, "subject": subject})
        assert code(again) == (409, "conflict")
        refused = await caller.post("/role-bindings", {"role": "VIEWER", "subject": subject})
        assert code(refused) == (403, "escalation")
        body: Json = {"username": new_id("u"), "password": PASSWORD, "role": "VIEWER"}
        assert code(await caller.post("/users", body)) == (403, "escalation")
        changed = await caller.client.patch(f"/users/{user['id']}", json={"role": "ADMIN"})
        assert code(changed) == (403, "escalation")
        rules = {"rules": [{"resources": ["*"], "verbs": ["*"]}]}
        grown = await caller.client.put(f"/roles/{giver}", json=rules)
        assert code(grown) == (403, "escalation")
        bound = await caller.client.delete(f"/roles/{less}")
        assert code(bound) == (409, "conflict")


async def test_roles_are_checked_against_the_catalogue(rest: Rest) -> None:
    known = {each["resource"] for each in await rest.data("/permissions")}
    assert {"devices", "commands/exec_shell", "role-bindings", "audit-log"} <= known
    for rule in (
        {"resources": ["nothing"], "verbs": ["get"]},
        {"resources": ["devices"], "verbs": ["fly"]},
        {"resources": ["devices"], "verbs": ["get"], "names": ["edge-1"]},
    ):
        wrong = await rest.post("/roles", {"name": new_id("role"), "rules": [rule]})
        assert code(wrong) == (400, "invalid")
    assert code(await rest.post("/roles", {"name": "ADMIN", "rules": []})) == (409, "conflict")
    assert code(await rest.client.put("/roles/VIEWER", json={"rules": []})) == (409, "conflict")
    built_in = {each["name"]: each for each in await rest.data("/roles") if each["builtIn"]}
    assert built_in.keys() == {"VIEWER", "OPERATOR", "MANAGER", "ADMIN"}


async def test_a_key_has_no_more_than_its_owner_has_now(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest, "MANAGER")
    async with signed_in(hub, user) as caller:
        above = await caller.post("/api-keys", {"name": "k", "role": "ADMIN"})
        assert code(above) == (403, "escalation")
        made = (await caller.post("/api-keys", {"name": "k", "role": "MANAGER"})).json()["data"]
    async with Rest.open(hub.url, made["key"]) as key:
        assert (await key.client.patch("/devices/none", json={"name": "n"})).status_code == 404
        await rest.client.patch(f"/users/{user['id']}", json={"role": "VIEWER"})
        assert (await key.client.patch("/devices/none", json={"name": "n"})).status_code == 403
        assert (await key.get("/devices")).status_code == 200
        await rest.client.patch(f"/users/{user['id']}", json={"role": "MANAGER"})
        assert (await key.client.patch("/devices/none", json={"name": "n"})).status_code == 404


async def test_a_key_manages_users_by_a_binding_of_its_own(hub: HubProcess, rest: Rest) -> None:
    made = (await rest.post("/api-keys", {"name": "k", "role": "ADMIN"})).json()["data"]
    async with Rest.open(hub.url, made["key"]) as key:
        assert (await key.get("/users")).status_code == 403
        role = await make_role(rest, {"resources": ["users"], "verbs": ["get", "list"]})
        await bind(rest, role, ("api_key", made["id"]))
        assert (await key.get("/users")).status_code == 200
        assert (await key.post("/api-keys", {"name": "k2", "role": "VIEWER"})).status_code == 403


async def test_what_waits_goes_by_the_rights_that_its_owner_has_then(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device = await fleet.enroll()
    group = await make_group(rest, device)
    user = await make_user(rest)
    binding = await bind(rest, "OPERATOR", ("user", user["id"]), ("group", group))
    async with signed_in(hub, user) as caller:
        kept = await caller.accept(device, delivery="queue")
    await rest.client.delete(f"/role-bindings/{binding}")
    async with fleet.line(device):
        record = await rest.until_status(device, kept, "CANCELLED")
    assert record["error"]["code"] == "forbidden"


async def test_dashboards_follow_the_rights_of_their_reader(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    user = await make_user(rest)
    group = await make_group(rest)
    async with (
        signed_in(hub, user) as caller,
        fleet.new_line() as mine,
        fleet.new_line() as other,
    ):
        token = caller.client.headers["authorization"].partition(" ")[2]
        async with open_socket(f"{hub.url}/ws/dashboard", **bearer(token)) as dashboard:
            await dashboard.send("subscribe", id="s", types=["event"])
            await dashboard.expect("subscribed", id="s")
            await mine.send("event", seq=1, bootId="b", ts=TS, name="unseen")
            await bind(rest, "VIEWER", ("user", user["id"]), ("group", group))
            body = {"deviceIds": [mine.device_id]}
            await rest.post(f"/device-groups/{group}/members", body)
            seq, found = 1, set[str]()

            async def seen() -> bool:
                nonlocal seq
                seq += 1
                for device in (other, mine):
                    await device.send("event", seq=seq, bootId="b", ts=TS, name=f"n{seq}")
                found.update(frame["deviceId"] for frame in await dashboard.settled())
                return bool(found)

            await until(seen)
            assert found == {mine.device_id}
            await rest.client.request("DELETE", f"/device-groups/{group}/members", json=body)

            async def silent() -> bool:
                nonlocal seq
                seq += 1
                await mine.send("event", seq=seq, bootId="b", ts=TS, name=f"n{seq}")
                await mine.find("event_ack", seq=seq)
                return not await dashboard.settled()

            await until(silent)


async def test_rights_over_groups_of_a_name(hub: HubProcess, rest: Rest) -> None:
    name = new_id("hall")
    mine = (await rest.post("/device-groups", {"name": name})).json()["data"]["id"]
    other = await make_group(rest)
    role = await make_role(
        rest, {"resources": ["device-groups"], "verbs": ["get", "list", "update"], "names": [name]}
    )
    user = await make_user(rest)
    await bind(rest, role, ("user", user["id"]))
    async with signed_in(hub, user) as caller:
        assert await ids(caller, "/device-groups") == {mine}
        assert (await caller.get(f"/device-groups/{mine}")).status_code == 200
        assert (await caller.get(f"/device-groups/{other}")).status_code == 404
        renamed = await caller.client.put(f"/device-groups/{other}", json={"name": "mine"})
        assert renamed.status_code == 404


async def test_nobody_brings_a_device_into_a_scope_without_a_right_over_it(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device, own = await fleet.enroll(), await fleet.enroll()
    scope, plain, hall = await make_group(rest), await make_group(rest), await make_group(rest, own)
    await bind(rest, "VIEWER", ("user", (await make_user(rest))["id"]), ("group", scope))
    sees = await make_role(
        rest,
        {"resources": ["devices"], "verbs": ["get", "list"]},
        {"resources": ["device-groups"], "verbs": ["get", "list", "update"]},
    )
    user = await make_user(rest)
    await bind(rest, sees, ("user", user["id"]))
    await bind(rest, "MANAGER", ("user", user["id"]), ("group", hall))
    async with signed_in(hub, user) as caller:
        body = {"deviceIds": [device]}
        assert (await caller.post(f"/device-groups/{plain}/members", body)).status_code == 200
        refused = await caller.post(f"/device-groups/{scope}/members", body)
        assert code(refused) == (403, "escalation")
        body = {"deviceIds": [own]}
        assert (await caller.post(f"/device-groups/{scope}/members", body)).status_code == 200


async def test_a_device_that_is_registered_anew_is_in_nobodys_scope(
    hub: HubProcess, rest: Rest
) -> None:
    device = new_id("dev")
    await rest.post("/devices", {"id": device})
    user = await make_user(rest)
    await bind(rest, "VIEWER", ("user", user["id"]), ("device", device))
    async with signed_in(hub, user) as caller:
        assert await ids(caller) == {device}
        await rest.client.delete(f"/devices/{device}")
        await rest.post("/devices", {"id": device})
        assert (await caller.get("/devices")).status_code == 403
