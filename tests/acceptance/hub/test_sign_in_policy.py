"""What an organisation asks of who signs in: identity.md, 3. Each test has one of its own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.acceptance.hub.clients import Json, Rest, until
from tests.acceptance.hub.conftest import PASSWORD
from tests.acceptance.hub.people import make_user, new_organisation, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_organisations import code
from tests.acceptance.hub.test_passkeys import add_passkey, options_of, sign_in_by
from tests.acceptance.hub.test_second_factor import anybody, code_of, show, with_program
from tests.passkeys import SoftPasskey


async def lacks(rest: Rest) -> str | None:
    found: str | None = (await rest.data("/auth/me"))["lacks"]
    return found


@asynccontextmanager
async def asking_for(
    hub: HubProcess, rest: Rest, factor: str
) -> AsyncGenerator[tuple[str, Rest, Json, SoftPasskey]]:
    """(organisation, its administrator by a passkey, another one there, the passkey)."""
    first = await make_user(rest, "VIEWER")
    other = await make_user(rest, "VIEWER")
    async with (
        new_organisation(hub, rest) as (org, there),
        signed_in(hub, first) as caller,
        signed_in(hub, other) as second,
        anybody(hub) as stranger,
    ):
        for each in (caller, second):
            await there.show_again()
            made = await there.post("/invitations", {"role": "ADMIN"})
            token = made.json()["data"]["token"]
            assert (await each.post("/invitations/accept", {"token": token})).status_code == 200
        passkey = await add_passkey(hub, caller)
        signed = await sign_in_by(passkey, stranger, orgId=org)
        async with Rest.open(hub.url, signed.json()["data"]["token"]) as strict:
            answer = await strict.client.patch("/settings", json={"adminFactor": factor})
            assert answer.status_code == 200, answer.text
            assert answer.json()["data"]["adminFactor"] == factor
            yield org, strict, other, passkey


async def log_in_to(rest: Rest, user: Json, org: str) -> Json:
    answer = await rest.post(
        "/auth/login", {"username": user["username"], "password": PASSWORD, "orgId": org}
    )
    found: Json = answer.json()
    return found | {"status": answer.status_code}


async def test_an_administrator_without_a_factor_has_no_rights_until_one_is_added(
    hub: HubProcess, rest: Rest
) -> None:
    async with (
        asking_for(hub, rest, "second_factor") as (org, strict, other, _),
        anybody(hub) as stranger,
    ):
        assert await lacks(strict) is None
        let_in = await log_in_to(stranger, other, org)
        assert let_in["status"] == 200, let_in
        async with Rest.open(hub.url, let_in["data"]["token"]) as limited:
            assert await lacks(limited) == "second_factor"
            for path in ("/users", "/devices", "/settings", "/audit-log"):
                refused = await limited.client.get(path)
                assert code(refused) == (403, "second_factor"), path
                assert refused.json()["methods"] == ["code", "passkey"]
            made = await limited.post("/api-keys", {"name": "reports", "role": "ADMIN"})
            assert code(made) == (403, "escalation")
            secret, _ = await with_program(limited)
            assert await lacks(limited) is None
            assert (await limited.client.get("/users")).status_code == 200
        owes = await log_in_to(stranger, other, org)
        assert (owes["code"], owes["methods"]) == ("second_factor", ["code"])
        shown = await show(stranger, owes["challenge"], code_of(secret))
        async with Rest.open(hub.url, shown.json()["data"]["token"]) as full:
            assert await lacks(full) is None
            assert (await full.client.get("/users")).status_code == 200


async def test_a_code_is_not_enough_where_a_passkey_is_asked(hub: HubProcess, rest: Rest) -> None:
    async with (
        asking_for(hub, rest, "passkey") as (org, _, other, _),
        anybody(hub) as stranger,
    ):
        let_in = await log_in_to(stranger, other, org)
        async with Rest.open(hub.url, let_in["data"]["token"]) as limited:
            secret, _ = await with_program(limited)
            assert await lacks(limited) == "passkey"
        owes = await log_in_to(stranger, other, org)
        shown = await show(stranger, owes["challenge"], code_of(secret))
        async with Rest.open(hub.url, shown.json()["data"]["token"]) as limited:
            assert await lacks(limited) == "passkey"
            assert code(await limited.client.get("/users")) == (403, "second_factor")
            added = await add_passkey(hub, limited)
            assert await lacks(limited) is None
        owes = await log_in_to(stranger, other, org)
        assert owes["methods"] == ["code", "passkey"]
        signed = await sign_in_by(added, stranger, orgId=org)
        async with Rest.open(hub.url, signed.json()["data"]["token"]) as full:
            assert (await full.client.get("/users")).status_code == 200


async def test_sessions_that_are_there_show_it_again(hub: HubProcess, rest: Rest) -> None:
    async with (
        asking_for(hub, rest, "none") as (org, strict, other, _),
        anybody(hub) as stranger,
    ):
        let_in = await log_in_to(stranger, other, org)
        async with Rest.open(hub.url, let_in["data"]["token"]) as caller:
            passkey = await add_passkey(hub, caller)
        again = await log_in_to(stranger, other, org)
        async with Rest.open(hub.url, again["data"]["token"]) as caller:
            assert (await caller.client.get("/users")).status_code == 200
            set_to = await strict.client.patch("/settings", json={"adminFactor": "passkey"})
            assert set_to.status_code == 200

            async def is_limited() -> bool:
                return await lacks(caller) == "passkey"

            await until(is_limited)
            password = await caller.post("/auth/reauthenticate", {"password": PASSWORD})
            assert password.status_code == 200
            assert await is_limited()
            shown = passkey.sign(await options_of(caller))
            assert (await caller.post("/auth/reauthenticate", shown)).status_code == 200
            assert await lacks(caller) is None
            assert (await caller.client.get("/users")).status_code == 200


async def test_a_switch_asks_for_what_the_organisation_asks(hub: HubProcess, rest: Rest) -> None:
    async with (
        asking_for(hub, rest, "second_factor") as (org, _, other, _),
        signed_in(hub, other) as elsewhere,
        anybody(hub) as stranger,
    ):
        limited = await elsewhere.post("/auth/switch", {"orgId": org})
        assert limited.status_code == 200, limited.text
        async with Rest.open(hub.url, limited.json()["data"]["token"]) as there:
            assert await lacks(there) == "second_factor"
        secret, _ = await with_program(elsewhere)
        assert (await elsewhere.post("/auth/switch", {"orgId": org})).status_code == 200
        body = {"username": other["username"], "password": PASSWORD, "orgId": "default"}
        owes = await stranger.post("/auth/login", body)
        assert code(owes) == (403, "second_factor")
        shown = await show(stranger, owes.json()["challenge"], code_of(secret))
        async with Rest.open(hub.url, shown.json()["data"]["token"]) as strong:
            switched = await strong.post("/auth/switch", {"orgId": org})
            async with Rest.open(hub.url, switched.json()["data"]["token"]) as there:
                assert await lacks(there) is None


async def test_nobody_asks_of_others_what_was_not_shown(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (_, there):
        for factor in ("second_factor", "passkey"):
            refused = await there.client.patch("/settings", json={"adminFactor": factor})
            assert code(refused) == (409, "conflict")
        odd = await there.client.patch("/settings", json={"adminFactor": "always"})
        assert code(odd) == (400, "invalid")
        none = await there.client.patch("/settings", json={"providerRequired": True})
        assert code(none) == (409, "conflict")
        now = await there.data("/settings")
        assert (now["adminFactor"], now["providerRequired"]) == ("none", False)


async def test_members_sign_in_by_the_provider_where_that_is_asked(
    hub: HubProcess, rest: Rest
) -> None:
    member = await make_user(rest, "VIEWER")
    async with (
        new_organisation(hub, rest) as (org, there),
        signed_in(hub, member) as caller,
        anybody(hub) as stranger,
    ):
        token = (await there.post("/invitations", {"role": "MANAGER"})).json()["data"]["token"]
        joined = await caller.post("/invitations/accept", {"token": token})
        passkey = await add_passkey(hub, caller)
        provider = {
            "kind": "oidc", "name": "Works account", "issuer": "https://login.example.org",
            "clientId": "longline", "installation": False,
        }  # fmt: skip
        made = await there.post("/auth/providers", provider)
        assert made.status_code == 201, made.text
        asked = await there.client.patch("/settings", json={"providerRequired": True})
        assert asked.status_code == 200, asked.text
        async with Rest.open(hub.url, joined.json()["data"]["token"]) as before:

            async def is_limited() -> bool:
                return await lacks(before) == "provider"

            await until(is_limited)
            assert code(await before.client.get("/devices")) == (403, "use_provider")
        refused = await log_in_to(stranger, member, org)
        assert (refused["status"], refused["code"]) == (403, "use_provider")
        wrong = await stranger.post(
            "/auth/login", {"username": member["username"], "password": "no", "orgId": org}
        )
        assert code(wrong) == (401, "unauthenticated")
        by_passkey = await sign_in_by(passkey, stranger, orgId=org)
        assert code(by_passkey) == (403, "use_provider")
        assert code(await caller.post("/auth/switch", {"orgId": org})) == (403, "use_provider")
        assert (await there.client.get("/devices")).status_code == 200, "the administrator may"
        assert (await sign_in_by(passkey, stranger, orgId="default")).status_code == 200
