"""Signing in with more than a password, and programs without a browser: identity.md, 3 and 13."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
from pyotp.totp import TOTP

from tests.acceptance.hub.clients import Json, Rest
from tests.acceptance.hub.conftest import PASSWORD
from tests.acceptance.hub.people import make_user, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_escalation import long_ago
from tests.acceptance.hub.test_organisations import code

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@asynccontextmanager
async def anybody(hub: HubProcess) -> AsyncGenerator[Rest]:
    async with Rest.open(hub.url) as rest:
        yield rest


def code_of(secret: str, steps: int = 0) -> str:
    return TOTP(secret).at(time.time() + 30 * steps)


async def with_program(caller: Rest) -> tuple[str, list[str]]:
    """(secret, recovery codes) of a program that is confirmed by the code of the step before."""
    begun = (await caller.post("/auth/totp")).json()["data"]
    assert begun["uri"].startswith("otpauth://totp/Longline:")
    wrong = await caller.post("/auth/totp/confirm", {"code": "000000"})
    assert wrong.status_code == 401
    done = await caller.post("/auth/totp/confirm", {"code": code_of(begun["secret"], -1)})
    assert done.status_code == 200, done.text
    codes: list[str] = done.json()["data"]["recoveryCodes"]
    return begun["secret"], codes


async def challenge_of(rest: Rest, user: Json, **body: object) -> str:
    answer = await rest.post(
        "/auth/login", {"username": user["username"], "password": PASSWORD, **body}
    )
    assert code(answer) == (403, "second_factor"), answer.text
    return str(answer.json()["challenge"])


async def show(rest: Rest, challenge: str, shown: str) -> httpx.Response:
    return await rest.post("/auth/second-factor", {"challenge": challenge, "code": shown})


async def test_signing_in_asks_for_a_code_that_counts_once(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest, "VIEWER")
    async with signed_in(hub, user) as caller, anybody(hub) as stranger:
        secret, recovery = await with_program(caller)
        assert len(recovery) == 10
        assert (await caller.data("/auth/me"))["secondFactors"] == ["totp"]
        assert code(await caller.post("/auth/totp")) == (409, "conflict")
        used = await challenge_of(stranger, user)
        assert (await show(stranger, used, code_of(secret, -1))).status_code == 401
        first = code_of(secret)
        signed = await show(stranger, used, first)
        assert signed.status_code == 200, signed.text
        assert signed.json()["data"]["user"]["id"] == user["id"]
        assert (await show(stranger, used, code_of(secret, 1))).status_code == 401
        again = await challenge_of(stranger, user)
        assert (await show(stranger, again, first)).status_code == 401
        assert (await show(stranger, again, recovery[0].upper())).status_code == 200
        once = await challenge_of(stranger, user)
        assert (await show(stranger, once, recovery[0])).status_code == 401


async def test_a_challenge_takes_five_tries_and_a_cookie_is_remembered(
    hub: HubProcess, rest: Rest
) -> None:
    user = await make_user(rest, "VIEWER")
    async with signed_in(hub, user) as caller, anybody(hub) as stranger:
        secret, recovery = await with_program(caller)
        challenge = await challenge_of(stranger, user)
        for _ in range(5):
            assert (await show(stranger, challenge, "000000")).status_code == 401
        assert (await show(stranger, challenge, code_of(secret))).status_code == 401
        challenge = await challenge_of(stranger, user, cookie=True)
        signed = await show(stranger, challenge, recovery[1])
        assert signed.json()["data"]["refreshToken"] is None
        assert "longline_refresh_" in signed.headers["set-cookie"]
        removed = await caller.client.delete("/auth/totp")
        assert removed.status_code == 200
        assert code(await caller.client.delete("/auth/totp")) == (404, "not_found")
        body = {"username": user["username"], "password": PASSWORD}
        assert (await stranger.post("/auth/login", body)).status_code == 200


async def test_a_code_shows_again_who_it_is(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest, "VIEWER")
    async with signed_in(hub, user) as caller:
        secret, _ = await with_program(caller)
        wrong = await caller.post("/auth/reauthenticate", {"code": "000000"})
        assert code(wrong) == (403, "forbidden")
        assert (
            await caller.post("/auth/reauthenticate", {"code": code_of(secret)})
        ).status_code == 200
        assert code(await caller.post("/auth/reauthenticate", {})) == (400, "invalid")
        reset = await rest.client.patch(f"/users/{user['id']}", json={"password": PASSWORD + "2"})
        assert reset.status_code == 200
    async with anybody(hub) as stranger:
        body = {"username": user["username"], "password": PASSWORD + "2"}
        assert code(await stranger.post("/auth/login", body)) == (403, "second_factor")


async def authorize(rest: Rest) -> Json:
    answer = await rest.client.post("/auth/device/authorize", data={"client_id": "longline-cli"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: Json = answer.json()
    return found


async def poll(rest: Rest, device_code: str) -> httpx.Response:
    return await rest.client.post(
        "/auth/device/token",
        data={"grant_type": GRANT, "device_code": device_code, "client_id": "longline-cli"},
    )


async def test_a_program_is_signed_in_by_a_person_elsewhere(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest, "OPERATOR")
    async with signed_in(hub, user) as caller, anybody(hub) as program:
        codes = await authorize(program)
        assert codes.keys() == {
            "device_code", "user_code", "verification_uri", "verification_uri_complete",
            "expires_in", "interval",
        }  # fmt: skip
        assert (codes["expires_in"], codes["interval"]) == (600, 5)
        assert codes["verification_uri"].endswith("/device")
        early = await poll(program, codes["device_code"])
        assert (early.status_code, early.json()) == (400, {"error": "authorization_pending"})
        assert (await poll(program, codes["device_code"])).json() == {"error": "slow_down"}
        typed = {"userCode": codes["user_code"].lower().replace("-", "")}
        waiting = (await caller.post("/auth/device/waiting", typed)).json()["data"]
        assert (waiting["clientId"], waiting["address"]) == ("longline-cli", "127.0.0.1")
        approved = await caller.post("/auth/device/approve", {**typed, "approve": True})
        assert approved.status_code == 200, approved.text
        again = await caller.post("/auth/device/approve", {**typed, "approve": True})
        assert code(again) == (404, "not_found")


async def test_an_approved_program_gets_tokens_once(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest, "OPERATOR")
    async with signed_in(hub, user) as caller, anybody(hub) as program:
        codes = await authorize(program)
        body = {"userCode": codes["user_code"], "approve": True}
        await caller.post("/auth/device/approve", body)
        answer = await program.post(
            "/auth/device/token",
            {"grant_type": GRANT, "device_code": codes["device_code"], "client_id": "longline-cli"},
        )
        tokens = answer.json()
        assert answer.status_code == 200, answer.text
        assert (tokens["token_type"], tokens["org_id"]) == ("Bearer", "default")
        async with Rest.open(hub.url, tokens["access_token"]) as signed:
            assert (await signed.data("/auth/me"))["id"] == user["id"]
        refreshed = await program.post("/auth/refresh", {"refreshToken": tokens["refresh_token"]})
        assert refreshed.status_code == 200
        assert (await poll(program, codes["device_code"])).json() == {"error": "invalid_grant"}


async def test_a_program_has_signed_in_no_later_than_who_approved_it(
    hub: HubProcess, rest: Rest
) -> None:
    """Or whoever has an old session could approve a program, and change the account with it."""
    user = await make_user(rest, "OPERATOR")
    async with signed_in(hub, user) as caller, anybody(hub) as program:
        await long_ago(hub, user)
        codes, late = await authorize(program), await authorize(program)
        for each in (codes, late):
            body = {"userCode": each["user_code"], "approve": True}
            assert (await caller.post("/auth/device/approve", body)).status_code == 200
        tokens = (await poll(program, codes["device_code"])).json()
        async with Rest.open(hub.url, tokens["access_token"]) as signed:
            assert code(await signed.post("/auth/totp")) == (403, "reauthenticate")
        assert (await caller.post("/auth/logout")).status_code == 200
        assert (await poll(program, late["device_code"])).json() == {"error": "access_denied"}


async def test_a_program_that_is_refused_or_asks_wrongly_is_told_as_the_rfc_says(
    hub: HubProcess, rest: Rest
) -> None:
    user = await make_user(rest, "OPERATOR")
    async with signed_in(hub, user) as caller, anybody(hub) as program:
        codes = await authorize(program)
        body = {"userCode": codes["user_code"], "approve": False}
        assert (await caller.post("/auth/device/approve", body)).status_code == 200
        assert (await poll(program, codes["device_code"])).json() == {"error": "access_denied"}
        assert (await poll(program, "unknown")).json() == {"error": "invalid_grant"}
        other = await program.client.post("/auth/device/authorize", data={"client_id": "other"})
        assert (other.status_code, other.json()) == (400, {"error": "invalid_client"})
        broken = await program.client.post("/auth/device/token", content=b"{")
        assert (broken.status_code, broken.json()) == (400, {"error": "invalid_request"})
        for _ in range(5):
            wrong = await caller.post(
                "/auth/device/approve", {"userCode": "BBBB-BBBB", "approve": True}
            )
            assert code(wrong) == (404, "not_found")
        fresh = await authorize(program)
        late = {"userCode": fresh["user_code"], "approve": True}
        assert code(await caller.post("/auth/device/approve", late)) == (429, "too_many_requests")
