"""Every door by which somebody might come to more than they have: identity.md, 2, 5 and 13."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.conftest import PASSWORD
from tests.acceptance.hub.people import (
    bind,
    make_group,
    make_role,
    make_user,
    new_organisation,
    sign_in,
    signed_in,
)
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_organisations import code
from tests.signing import Signer

ESCALATION = (403, "escalation")
OTHER = PASSWORD + " two"


@asynccontextmanager
async def database_of(hub: HubProcess) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(hub.ready["databaseUrl"])
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def with_rights(
    hub: HubProcess, rest: Rest, *resources: str
) -> AsyncGenerator[tuple[Json, Rest]]:
    """(user, signed in) who may do all with these in the whole organisation, and nothing else."""
    role = await make_role(rest, {"resources": list(resources), "verbs": ["*"]})
    user = await make_user(rest)
    await bind(rest, role, ("user", user["id"]))
    async with signed_in(hub, user) as caller:
        yield user, caller


async def long_ago(hub: HubProcess, user: Json) -> None:
    """Its sessions were signed in to an hour ago."""
    async with database_of(hub) as connection:
        changed = await connection.execute(
            "UPDATE user_session SET authenticated_at = now() - interval '1 hour'"
            " WHERE user_id = $1",
            user["id"],
        )
    assert changed != "UPDATE 0"


async def test_nobody_sets_the_password_of_who_may_do_more(hub: HubProcess, rest: Rest) -> None:
    admin, viewer, nobody = (
        await make_user(rest, "ADMIN"),
        await make_user(rest, "VIEWER"),
        await make_user(rest),
    )
    scoped = await make_user(rest)
    await bind(rest, "VIEWER", ("user", scoped["id"]), ("group", await make_group(rest)))
    async with with_rights(hub, rest, "users") as (_, helper):
        for user in (admin, viewer, scoped):
            answer = await helper.client.patch(f"/users/{user['id']}", json={"password": OTHER})
            assert code(answer) == ESCALATION, answer.text
            assert sign_in(hub.url, user["username"])["token"]
        answer = await helper.client.patch(f"/users/{nobody['id']}", json={"password": OTHER})
        assert answer.status_code == 200, answer.text
        await rest.client.patch(f"/users/{admin['id']}", json={"disabled": True})
        body = {"password": OTHER, "disabled": False}
        answer = await helper.client.patch(f"/users/{admin['id']}", json=body)
        assert code(answer) == ESCALATION, "not of one who is disabled either"


async def test_an_administrator_is_not_the_installation_s(hub: HubProcess, rest: Rest) -> None:
    first = (await rest.data("/auth/me"))["id"]
    async with signed_in(hub, await make_user(rest, "ADMIN")) as admin:
        answer = await admin.client.patch(f"/users/{first}", json={"password": OTHER})
        assert code(answer) == ESCALATION, answer.text
        for door in ({"kind": "oidc", "installation": True}, {"kind": "ldap"}):
            body = {
                "name": "n", "issuer": "https://login.example.org", "clientId": "c",
                "clientSecret": "s", "installation": True, **door,
            }  # fmt: skip
            assert (await admin.post("/auth/providers", body)).status_code in (400, 403)


async def test_an_api_key_sets_no_passwords(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest)
    made = (await rest.post("/api-keys", {"name": "k", "role": "ADMIN"})).json()["data"]
    role = await make_role(rest, {"resources": ["users"], "verbs": ["*"]})
    await bind(rest, role, ("api_key", made["id"]))
    async with Rest.open(hub.url, made["key"]) as key:
        answer = await key.client.patch(f"/users/{user['id']}", json={"password": OTHER})
        assert code(answer) == (403, "forbidden"), answer.text
        answer = await key.client.patch(f"/users/{user['id']}", json={"displayName": "shown"})
        assert answer.status_code == 200, answer.text
        answer = await key.client.patch(f"/users/{user['id']}", json={"role": "ADMIN"})
        assert answer.status_code == 403, answer.text


async def test_one_s_own_password_needs_a_sign_in_that_is_recent(
    hub: HubProcess, rest: Rest
) -> None:
    user = await make_user(rest, "ADMIN")
    async with signed_in(hub, user) as caller:
        await long_ago(hub, user)
        answer = await caller.client.patch(f"/users/{user['id']}", json={"password": OTHER})
        assert code(answer) == (403, "reauthenticate"), answer.text


async def test_command_keys_need_a_sign_in_that_is_recent(hub: HubProcess, rest: Rest) -> None:
    user, signer = await make_user(rest), Signer()
    body = {"name": "Laptop", "publicKey": signer.line}
    async with signed_in(hub, user) as caller:
        made = (await caller.post("/auth/command-keys", body)).json()["data"]
        await long_ago(hub, user)
        for method, path in (
            ("POST", "/auth/command-keys"),
            ("DELETE", f"/auth/command-keys/{made['id']}"),
        ):
            answer = await caller.client.request(method, path, json=body)
            assert code(answer) == (403, "reauthenticate"), answer.text
        assert len(await caller.data("/auth/command-keys")) == 1


async def test_the_role_of_an_administrator_is_given_by_who_signed_in_lately(
    hub: HubProcess, rest: Rest
) -> None:
    """By whatever door: a team that has it is one."""
    user, friend = await make_user(rest, "ADMIN"), await make_user(rest)
    team = (await rest.post("/teams", {"name": new_id("team")})).json()["data"]["id"]
    await rest.show_again()
    await bind(rest, "ADMIN", ("team", team))
    subject = {"kind": "user", "id": friend["id"]}
    body = {"userIds": [friend["id"]]}
    async with signed_in(hub, user) as caller:
        await long_ago(hub, user)
        calls = (
            ("POST", f"/teams/{team}/members", body),
            ("DELETE", f"/teams/{team}/members", body),
            ("DELETE", f"/teams/{team}", None),
            ("POST", "/role-bindings", {"role": "ADMIN", "subject": subject}),
            ("PATCH", f"/users/{friend['id']}", {"role": "ADMIN"}),
            ("POST", "/invitations", {"role": "ADMIN"}),
            ("POST", "/users", {"username": new_id("u"), "password": OTHER, "role": "ADMIN"}),
        )
        for method, path, sent in calls:
            answer = await caller.client.request(method, path, json=sent)
            assert code(answer) == (403, "reauthenticate"), f"{method} {path}: {answer.text}"
        assert (await caller.post("/auth/reauthenticate", {"password": PASSWORD})).is_success
        assert (await caller.post(f"/teams/{team}/members", body)).status_code == 200


async def test_a_team_is_joined_by_who_has_what_it_gives(hub: HubProcess, rest: Rest) -> None:
    team = (await rest.post("/teams", {"name": new_id("team")})).json()["data"]["id"]
    await bind(rest, "VIEWER", ("team", team))
    async with with_rights(hub, rest, "teams", "users") as (user, caller):
        answer = await caller.post(f"/teams/{team}/members", {"userIds": [user["id"]]})
        assert code(answer) == ESCALATION
        async with new_organisation(hub, rest) as (_, there):
            stranger = await make_user(there, "VIEWER")
        answer = await rest.post(f"/teams/{team}/members", {"userIds": [stranger["id"]]})
        assert answer.status_code == 404


async def test_a_role_that_grows_while_it_is_bound_is_bound_as_it_is_then(
    hub: HubProcess, rest: Rest
) -> None:
    """Nobody binds a role by what it was before."""
    role = await make_role(rest, {"resources": ["devices"], "verbs": ["get"]})
    async with with_rights(hub, rest, "role-bindings", "roles", "devices") as (user, caller):
        body = {"role": role, "subject": {"kind": "user", "id": user["id"]}}
        async with database_of(hub) as connection:
            async with connection.transaction():
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended('roles ' || 'default', 0))"
                )
                binding = asyncio.create_task(caller.post("/role-bindings", body))

                async def waits() -> bool:
                    return bool(
                        await connection.fetchval(
                            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                            " AND NOT granted"
                        )
                    )

                await until(waits)
                await connection.execute(
                    "UPDATE custom_role SET rules = $2::jsonb WHERE name = $1",
                    role,
                    '[{"resources": ["*"], "verbs": ["*"], "names": null}]',
                )
            answer = await binding
        assert code(answer) == ESCALATION, answer.text


async def test_a_key_of_a_service_account_is_made_by_who_may_make_those(
    hub: HubProcess, rest: Rest
) -> None:
    service = (await rest.post("/service-accounts", {"name": "planning"})).json()["data"]
    other = await make_user(rest, "ADMIN")
    body = {"name": "k", "role": "VIEWER"}
    async with signed_in(hub, await make_user(rest, "VIEWER")) as viewer:
        for owner in (service["id"], other["id"], new_id("none")):
            answer = await viewer.post("/api-keys", body | {"serviceAccountId": owner})
            assert code(answer) == (403, "forbidden"), answer.text
    for owner in (other["id"], new_id("none")):
        answer = await rest.post("/api-keys", body | {"serviceAccountId": owner})
        assert code(answer) == (404, "not_found"), f"a person's keys are its own: {answer.text}"
    async with new_organisation(hub, rest) as (_, there):
        answer = await there.post("/api-keys", body | {"serviceAccountId": service["id"]})
        assert code(answer) == (404, "not_found")
    assert (await rest.client.delete(f"/users/{service['id']}")).status_code == 404
    answer = await rest.client.patch(f"/users/{service['id']}", json={"role": "VIEWER"})
    assert answer.status_code == 404
    assert service["id"] in str(await rest.data("/service-accounts", limit=200))


async def test_an_invitation_gives_what_its_maker_may_give_when_it_is_accepted(
    hub: HubProcess, rest: Rest
) -> None:
    maker = await make_user(rest, "ADMIN")
    async with signed_in(hub, maker) as admin:
        made = [
            (await admin.post("/invitations", {"role": role})).json()["data"]["token"]
            for role in ("ADMIN", "VIEWER", "VIEWER")
        ]
    await rest.show_again()
    await rest.client.patch(f"/users/{maker['id']}", json={"role": "NONE"})
    keeps = await make_role(
        rest,
        {"resources": ["*"], "verbs": ["get", "list"]},
        {"resources": ["invitations"], "verbs": ["create"]},
    )
    await bind(rest, keeps, ("user", maker["id"]))
    async with Rest.open(hub.url) as anybody:
        body: Json = {"username": new_id("eve"), "password": OTHER}
        for_admin = await anybody.post("/invitations/accept", {**body, "token": made[0]})
        assert code(for_admin) == (410, "gone"), for_admin.text
        fine = await anybody.post("/invitations/accept", {**body, "token": made[1]})
        assert fine.status_code == 200, fine.text
        await rest.client.delete(f"/users/{maker['id']}")
        body = {"username": new_id("eve"), "password": OTHER}
        late = await anybody.post("/invitations/accept", {**body, "token": made[2]})
        assert code(late) == (410, "gone"), "its maker is gone"


async def test_who_accepts_an_invitation_has_signed_in_no_later_for_it(
    hub: HubProcess, rest: Rest
) -> None:
    """Or whoever has an old session could be invited, and change the account."""
    user = await make_user(rest, "VIEWER")
    async with new_organisation(hub, rest) as (_, there), signed_in(hub, user) as caller:
        await long_ago(hub, user)
        made = await there.post("/invitations", {"role": "VIEWER"})
        body = {"token": made.json()["data"]["token"]}
        joined = await caller.post("/invitations/accept", body)
        assert joined.status_code == 200, joined.text
        async with Rest.open(hub.url, joined.json()["data"]["token"]) as elsewhere:
            assert code(await elsewhere.post("/auth/totp")) == (403, "reauthenticate")
            again = await elsewhere.post("/auth/reauthenticate", {"password": PASSWORD})
            assert again.status_code == 200, again.text
            assert (await elsewhere.post("/auth/totp")).status_code == 200


async def test_a_group_gets_no_name_over_which_its_namer_has_no_right(
    hub: HubProcess, rest: Rest
) -> None:
    names = [new_id("hall"), new_id("yard")]
    role = await make_role(
        rest,
        {"resources": ["device-groups"], "verbs": ["*"], "names": names},
    )
    user = await make_user(rest)
    await bind(rest, role, ("user", user["id"]))
    async with signed_in(hub, user) as caller:
        made = await caller.post("/device-groups", {"name": names[0]})
        path = f"/device-groups/{made.json()['data']['id']}"
        assert (await caller.client.put(path, json={"name": names[1]})).status_code == 200
        answer = await caller.client.put(path, json={"name": new_id("other")})
        assert code(answer) == (403, "forbidden"), answer.text


async def test_the_audit_of_a_device_is_not_that_of_who_is_named_like_it(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    """Users, roles and organisations have names that a device may have, too."""
    name = new_id("same")
    await rest.post("/users", {"username": name, "password": PASSWORD, "role": "VIEWER"})
    await rest.post("/roles", {"name": name, "rules": []})
    sign_in(hub.url, name)
    await rest.post("/devices", {"id": name})
    user = await make_user(rest)
    await bind(rest, "VIEWER", ("user", user["id"]), ("device", name))
    async with signed_in(hub, user) as caller:
        actions = {row["action"] for row in await caller.data("/audit-log", limit=200)}
    assert actions == {"device.create"}
