"""Signing in by a passkey: identity.md, 3. The authenticator is fido2's own, in software."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.acceptance.hub.clients import Json, Rest
from tests.acceptance.hub.conftest import PASSWORD, log_in
from tests.acceptance.hub.people import make_user, new_organisation, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_organisations import code
from tests.acceptance.hub.test_second_factor import anybody, with_program
from tests.passkeys import FLAG, SoftPasskey


def page_of(hub: HubProcess) -> str:
    """Where `longline up` says that people reach it."""
    return f"http://localhost:{urlsplit(hub.url).port}"


async def options_of(rest: Rest, path: str = "/auth/passkeys/login/options") -> Json:
    answer = await rest.post(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: Json = answer.json()["data"]
    return found


async def add_passkey(hub: HubProcess, caller: Rest, name: str = "Laptop") -> SoftPasskey:
    passkey = SoftPasskey(page_of(hub))
    made = passkey.make(await options_of(caller, "/auth/passkeys/options"), name=name)
    answer = await caller.post("/auth/passkeys", made)
    assert answer.status_code == 201, answer.text
    return passkey


async def sign_in_by(passkey: SoftPasskey, rest: Rest, **body: Any) -> httpx.Response:
    answer = passkey.sign(await options_of(rest), **body)
    return await rest.post("/auth/passkeys/login", answer)


@asynccontextmanager
async def with_passkey(
    hub: HubProcess, rest: Rest, role: str = "VIEWER"
) -> AsyncGenerator[tuple[Json, Rest, SoftPasskey, Rest]]:
    """(user, as who has signed in, the passkey, a stranger)."""
    user = await make_user(rest, role)
    async with signed_in(hub, user) as caller, anybody(hub) as stranger:
        yield user, caller, await add_passkey(hub, caller), stranger


async def test_a_passkey_is_made_listed_used_and_removed(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (user, caller, passkey, stranger):
        (listed,) = await caller.data("/auth/passkeys")
        assert (listed["name"], listed["lastUsedAt"]) == ("Laptop", None)
        signed = await sign_in_by(passkey, stranger)
        assert signed.status_code == 200, signed.text
        found = signed.json()["data"]
        assert (found["user"]["id"], found["orgId"]) == (user["id"], "default")
        async with Rest.open(hub.url, found["token"]) as again:
            assert (await again.data("/auth/me"))["username"] == user["username"]
        (listed,) = await caller.data("/auth/passkeys")
        assert listed["lastUsedAt"] is not None
        gone = await caller.client.delete(f"/auth/passkeys/{listed['id']}")
        assert gone.status_code == 200
        again_gone = await caller.client.delete(f"/auth/passkeys/{listed['id']}")
        assert code(again_gone) == (404, "not_found")
        assert await caller.data("/auth/passkeys") == []
        assert code(await sign_in_by(passkey, stranger)) == (401, "unauthenticated")
    rows = await rest.data(f"/audit-log?actor={user['username']}&limit=100")
    actions = [row["action"] for row in rows]
    assert {"auth.passkey_add", "auth.passkey_remove", "auth.login"} <= set(actions)


async def test_options_ask_for_what_the_design_says(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (user, caller, passkey, stranger):
        making = await options_of(caller, "/auth/passkeys/options")
        assert making["rp"] == {"id": "localhost", "name": "Longline"}
        assert making["user"]["name"] == user["username"]
        assert making["authenticatorSelection"]["userVerification"] == "required"
        assert making["authenticatorSelection"]["residentKey"] == "required"
        assert [each["id"] for each in making["excludeCredentials"]] == [passkey.made_id]
        asking = await options_of(stranger)
        assert (asking["rpId"], asking["userVerification"]) == ("localhost", "required")
        assert not asking.get("allowCredentials")
        assert len({(await options_of(stranger))["challenge"] for _ in range(3)}) == 3


async def test_a_cookie_is_kept_when_the_page_wants_one(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (_, _, passkey, stranger):
        signed = await sign_in_by(passkey, stranger, cookie=True)
        assert signed.json()["data"]["refreshToken"] is None
        assert "longline_refresh_" in signed.headers["set-cookie"]
        foreign = await stranger.client.post(
            "/auth/passkeys/login",
            json=passkey.sign(await options_of(stranger), cookie=True),
            headers={"Origin": "https://elsewhere.example"},
        )
        assert code(foreign) == (403, "forbidden")


async def test_a_challenge_counts_once_and_for_its_purpose(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (_, caller, passkey, stranger):
        options = await options_of(stranger)
        first = passkey.sign(options)
        answers = await asyncio.gather(
            *(stranger.post("/auth/passkeys/login", first) for _ in range(4))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
        replayed = await stranger.post("/auth/passkeys/login", passkey.sign(options))
        assert code(replayed) == (401, "unauthenticated")
        of_session = passkey.sign(await options_of(caller))
        assert code(await stranger.post("/auth/passkeys/login", of_session)) == (
            401,
            "unauthenticated",
        )
        making = await options_of(caller, "/auth/passkeys/options")
        wrong = passkey.sign({"challenge": making["challenge"]})
        assert (await stranger.post("/auth/passkeys/login", wrong)).status_code == 401
        unasked = passkey.sign({"challenge": "A" * 43})
        assert (await stranger.post("/auth/passkeys/login", unasked)).status_code == 401


@pytest.mark.parametrize(
    ("how", "more"),
    [
        ("not verified", {"flags": FLAG.UP}),
        ("nobody there", {"flags": FLAG.UV}),
        ("another page", {"origin": "http://localhost.example"}),
        ("another port", {"origin": "http://localhost:1"}),
        ("another kind", {"kind": "webauthn.create"}),
        ("inside another page", {"cross_origin": True}),
    ],
)
async def test_an_answer_that_is_not_one_of_ours_is_refused(
    hub: HubProcess, rest: Rest, how: str, more: Json
) -> None:
    async with with_passkey(hub, rest) as (_, _, passkey, stranger):
        assert code(await sign_in_by(passkey, stranger, **more)) == (401, "unauthenticated"), how
        assert (await sign_in_by(passkey, stranger)).status_code == 200


async def test_a_passkey_of_another_name_or_key_is_refused(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (_, _, passkey, stranger):
        forged = SoftPasskey(passkey.origin, passkey.id)
        forged.rp_id, forged.user_handle = passkey.rp_id, passkey.user_handle
        assert (await sign_in_by(forged, stranger)).status_code == 401
        passkey.rp_id = "elsewhere.example"
        assert (await sign_in_by(passkey, stranger)).status_code == 401
        passkey.rp_id, passkey.user_handle = "localhost", b"somebody-else"
        assert (await sign_in_by(passkey, stranger)).status_code == 401
        unknown = SoftPasskey(passkey.origin)
        unknown.rp_id = "localhost"
        refused = await sign_in_by(unknown, stranger)
        assert code(refused) == (401, "unauthenticated")


async def test_a_copy_of_a_passkey_is_refused_by_its_counter(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (user, _, passkey, stranger):
        assert (await sign_in_by(passkey, stranger, count=7)).status_code == 200
        for count in (7, 3, 0):
            assert (await sign_in_by(passkey, stranger, count=count)).status_code == 401
        assert (await sign_in_by(passkey, stranger, count=8)).status_code == 200
        rows = await rest.data("/audit-log?action=auth.passkey_copied&limit=100")
        assert any(row["target"] == user["id"] for row in rows)


async def test_a_passkey_that_does_not_count_signs_in_again(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (_, _, passkey, stranger):
        for _ in range(2):
            assert (await sign_in_by(passkey, stranger, count=0)).status_code == 200


async def test_a_passkey_counts_as_two_factors(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (user, caller, passkey, stranger):
        await with_program(caller)
        body = {"username": user["username"], "password": PASSWORD}
        assert code(await stranger.post("/auth/login", body)) == (403, "second_factor")
        assert (await sign_in_by(passkey, stranger)).status_code == 200


async def test_who_is_disabled_or_elsewhere_does_not_sign_in(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (user, _, passkey, stranger):
        async with new_organisation(hub, rest) as (org, _):
            assert (await sign_in_by(passkey, stranger, orgId=org)).status_code == 401
        off = await rest.client.patch(f"/users/{user['id']}", json={"disabled": True})
        assert off.status_code == 200, off.text
        assert code(await sign_in_by(passkey, stranger)) == (401, "unauthenticated")
        assert (await rest.client.delete(f"/users/{user['id']}")).status_code == 200
        assert code(await sign_in_by(passkey, stranger)) == (401, "unauthenticated")


async def test_a_passkey_signs_in_to_the_organisation_that_is_named(
    hub: HubProcess, rest: Rest
) -> None:
    async with (
        with_passkey(hub, rest) as (_, caller, passkey, stranger),
        new_organisation(hub, rest) as (org, there),
    ):
        token = (await there.post("/invitations", {"role": "MANAGER"})).json()["data"]["token"]
        assert (await caller.post("/invitations/accept", {"token": token})).status_code == 200
        signed = await sign_in_by(passkey, stranger, orgId=org)
        assert signed.json()["data"]["orgId"] == org, signed.text
        back = await sign_in_by(passkey, stranger, orgId="default")
        assert back.json()["data"]["orgId"] == "default"
        (listed,) = await caller.data("/auth/passkeys")
        assert (await caller.client.delete(f"/auth/passkeys/{listed['id']}")).status_code == 200


async def test_a_passkey_shows_again_who_it_is_in_that_session(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (user, caller, passkey, stranger):
        asking = await options_of(caller)
        assert [each["id"] for each in asking["allowCredentials"]] == [passkey.made_id]
        shown = await caller.post("/auth/reauthenticate", passkey.sign(asking))
        assert shown.status_code == 200, shown.text
        again = await caller.post("/auth/reauthenticate", passkey.sign(asking))
        assert code(again) == (403, "forbidden")
        of_stranger = passkey.sign(await options_of(stranger))
        assert code(await caller.post("/auth/reauthenticate", of_stranger)) == (403, "forbidden")
        async with signed_in(hub, user) as other:
            elsewhere = passkey.sign(await options_of(other))
            crossed = await caller.post("/auth/reauthenticate", elsewhere)
            assert code(crossed) == (403, "forbidden")
        async with with_passkey(hub, rest) as (_, _, foreign, _):
            borrowed = foreign.sign(await options_of(caller))
            assert code(await caller.post("/auth/reauthenticate", borrowed)) == (403, "forbidden")


async def test_passkeys_are_made_by_their_session_and_once(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (user, caller, passkey, _):
        options = await options_of(caller, "/auth/passkeys/options")
        there = await caller.post("/auth/passkeys", passkey.make(options))
        assert code(there) == (409, "conflict")
        used = await caller.post("/auth/passkeys", SoftPasskey(page_of(hub)).make(options))
        assert code(used) == (400, "invalid")
        async with signed_in(hub, user) as other:
            crossed = await options_of(other, "/auth/passkeys/options")
            made = SoftPasskey(page_of(hub)).make(crossed)
            assert code(await caller.post("/auth/passkeys", made)) == (400, "invalid")
        wrongs: list[Json] = [
            {"flags": FLAG.UP},
            {"origin": "http://localhost:1"},
            {"kind": "webauthn.get"},
        ]
        for more in wrongs:
            options = await options_of(caller, "/auth/passkeys/options")
            wrong = SoftPasskey(page_of(hub)).make(options, **more)
            assert code(await caller.post("/auth/passkeys", wrong)) == (400, "invalid"), more
        assert len(await caller.data("/auth/passkeys")) == 1


async def test_bytes_that_are_no_answer_are_invalid(hub: HubProcess, rest: Rest) -> None:
    async with with_passkey(hub, rest) as (_, caller, passkey, stranger):
        good = passkey.sign(await options_of(stranger))
        for name, value in (
            ("clientDataJSON", "AAAA"), ("authenticatorData", "AAAA"), ("clientDataJSON", ""),
            ("clientDataJSON", "e30"), ("signature", "?"), ("clientDataJSON", "W10"),
        ):  # fmt: skip
            bad = {**good, "response": {**good["response"], name: value}}
            assert code(await stranger.post("/auth/passkeys/login", bad)) == (400, "invalid"), name
            assert code(await caller.post("/auth/reauthenticate", bad)) == (400, "invalid"), name
        other = {**good, "id": "AAAA"}
        assert code(await stranger.post("/auth/passkeys/login", other)) == (400, "invalid")


async def test_a_key_has_no_passkeys(hub: HubProcess, rest: Rest) -> None:
    made = await rest.post("/api-keys", {"name": "reports", "role": "ADMIN"})
    async with Rest.open(hub.url, made.json()["data"]["key"]) as key:
        assert (await key.client.get("/auth/passkeys")).status_code == 403
        assert (await key.post("/auth/passkeys/options")).status_code == 403
        assert (await key.post("/auth/passkeys/login/options")).status_code == 401


async def test_failures_are_counted_by_passkey_and_by_address(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path)
    hub.start()
    try:
        token = log_in(hub.url, "admin", hub.ready["adminPassword"])
        async with Rest.open(hub.url, token) as rest, anybody(hub) as stranger:
            rest.password = hub.ready["adminPassword"]
            passkey = await add_passkey(hub, rest)
            wrong = [passkey.sign(await options_of(stranger), flags=FLAG.UP) for _ in range(14)]
            answers = await asyncio.gather(
                *(stranger.post("/auth/passkeys/login", each) for each in wrong)
            )
            statuses = [answer.status_code for answer in answers]
            assert (statuses.count(401), statuses.count(429)) == (10, 4)
            assert log_in(hub.url, "admin", hub.ready["adminPassword"]), "the name is not locked"
    finally:
        hub.stop()


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://127.0.0.1:8080", (409, "unsupported")), ("http://[::1]:80", (409, "unsupported"))],
)
async def test_at_an_address_passkeys_are_refused(
    tmp_path: Path, url: str, said: tuple[int, str]
) -> None:
    hub = HubProcess(tmp_path, public_url=url)
    hub.start()
    try:
        token = log_in(hub.url, "admin", hub.ready["adminPassword"])
        async with Rest.open(hub.url, token) as rest, anybody(hub) as stranger:
            for caller, path in (
                (rest, "/auth/passkeys/options"), (stranger, "/auth/passkeys/login/options")
            ):  # fmt: skip
                assert code(await caller.post(path)) == said
            answer = SoftPasskey("http://127.0.0.1").sign({"challenge": "A" * 43})
            assert code(await stranger.post("/auth/passkeys/login", answer)) == said
            assert await rest.data("/auth/passkeys") == []
    finally:
        hub.stop()
