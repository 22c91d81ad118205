"""Signing in, users, API keys, and who may dispatch what: protocol.md, 4 and 4.2."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from protocol.commands import COMMANDS
from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.conftest import PASSWORD, ROLES
from tests.acceptance.hub.process import HubProcess

PARAMETERS: dict[str, Json] = {
    "push_config": {"patch": {}},
    "exec_shell": {"template": "uptime"},
    "disable_device": {"reason": "test"},
    "restart_workload": {"application": "shop", "service": "web"},
    "update_firmware": {
        "releaseId": "r", "version": "1", "sha256": "0" * 64, "size": 1,
        "url": "/api/v1/firmware/releases/r/artifact",
    },
}  # fmt: skip

MAY_DISPATCH = {
    "VIEWER": set[str](),
    "OPERATOR": {"force_sync", "pull_logs", "enable_device"},
    "MANAGER": {
        "force_sync", "pull_logs", "enable_device", "clear_queue", "push_config",
        "restart_workload",
    },
    "ADMIN": set(COMMANDS),
}  # fmt: skip
"""As the protocol says it, not as the code does."""


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_may_dispatch_its_commands_and_no_other(
    hub: HubProcess, tokens: dict[str, str], fleet: Fleet, rest: Rest, role: str
) -> None:
    device_id = await fleet.enroll()
    allowed: set[str] = set()
    async with Rest.open(hub.url, tokens[role]) as user:
        for kind in COMMANDS:
            command = {"type": kind, **PARAMETERS.get(kind, {})}
            single = await user.dispatch(device_id, command)
            many = await user.post("/commands/bulk", {"deviceIds": [device_id], "command": command})
            assert single.status_code == many.status_code
            if single.status_code == 200:
                allowed.add(kind)
            else:
                assert (single.status_code, single.json()["code"]) == (403, "forbidden")
                assert many.json()["code"] == "forbidden"
        queued = await rest.accept(device_id, "reboot_os", delivery="queue")
        cancelled = await user.client.delete(f"/devices/{device_id}/commands/{queued}")
        assert cancelled.status_code == (202 if role == "ADMIN" else 403)
    assert allowed == MAY_DISPATCH[role]


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_reads_and_writes_what_it_may(
    hub: HubProcess, tokens: dict[str, str], fleet: Fleet, role: str
) -> None:
    device_id = await fleet.enroll()
    at_least = ROLES.index(role)
    async with Rest.open(hub.url, tokens[role]) as user:
        for path in ("/devices", "/commands", "/audit-log", "/device-groups", "/auth/me"):
            assert (await user.get(path)).status_code == 200
        wanted = [
            ("GET", "/users", None, 2),
            ("PATCH", f"/devices/{device_id}", {"name": "n"}, 2),
            ("PUT", f"/devices/{device_id}/connection-mode", {"mode": "DIRECT_CLOUD"}, 2),
            ("POST", "/device-groups", {"name": new_id("g")}, 2),
            ("GET", "/users/nobody", None, 3),
            ("POST", "/devices", {"id": new_id("made")}, 3),
            (
                "POST",
                "/users",
                {"username": new_id("u"), "password": PASSWORD, "role": "VIEWER"},
                3,
            ),
            ("DELETE", f"/devices/{device_id}", None, 3),
        ]
        for method, path, body, least in wanted:
            answer = await user.client.request(method, path, json=body)
            assert (answer.status_code == 403) == (at_least < least), (method, path, answer.text)


async def test_without_a_token_every_route_is_401(hub: HubProcess) -> None:
    async with Rest.open(hub.url) as nobody:
        for path in ("/devices", "/auth/me", "/users", "/commands", "/devices/x/logs"):
            answer = await nobody.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"


def forged(token: str) -> list[str]:
    header, payload, signature = token.split(".")

    def part(value: Json) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims: Json = json.loads(base64.urlsafe_b64decode(payload + "=="))
    kid = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    return [
        f"{part({'alg': 'none', 'typ': 'JWT', 'kid': kid})}.{payload}.",
        f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{payload}.{signature}",
        f"{part({'alg': 'EdDSA', 'typ': 'JWT', 'kid': 'other'})}.{payload}.{signature}",
        f"{header}.{part({**claims, 'role': 'ADMIN'})}.{signature}",
        f"{header}.{payload}.{'A' * len(signature)}",
        f"{header}.{payload}",
        "é" * 30,
        "a.b.c",
        "ll_nonsense",
    ]


async def test_forged_tokens_are_401(hub: HubProcess, tokens: dict[str, str]) -> None:
    for token in forged(tokens["VIEWER"]):
        async with Rest.open(hub.url) as caller:
            answer = await caller.client.get(
                "/auth/me", headers=[(b"Authorization", f"Bearer {token}".encode())]
            )
            assert answer.status_code == 401, token


class User(Rest):
    """Somebody who can sign in."""

    user_id: str
    username: str
    refresh_token: str

    async def log_in(self, password: str = PASSWORD) -> httpx.Response:
        answer = await self.client.post(
            "/auth/login", json={"username": self.username, "password": password}
        )
        if answer.status_code == 200:
            data = answer.json()["data"]
            self.refresh_token = data["refreshToken"]
            self.client.headers["Authorization"] = f"Bearer {data['token']}"
        return answer

    async def refresh(self, token: str | None = None) -> httpx.Response:
        return await self.client.post(
            "/auth/refresh", json={"refreshToken": token or self.refresh_token}
        )


@asynccontextmanager
async def new_user(hub: HubProcess, rest: Rest, role: str = "VIEWER") -> AsyncGenerator[User]:
    username = new_id("user")
    body = {"username": username, "password": PASSWORD, "role": role, "displayName": "A User"}
    created = await rest.post("/users", body)
    assert created.status_code == 201, created.text
    async with Rest.open(hub.url) as client:
        user = User(client.client)
        user.user_id = created.json()["data"]["id"]
        user.username = username
        assert (await user.log_in()).status_code == 200
        yield user


async def test_login_answers_the_token_pair_and_the_user(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest, "OPERATOR") as user:
        data = (await user.log_in()).json()["data"]
        assert data.keys() == {"token", "expiresAt", "refreshToken", "orgId", "user"}
        assert data["user"]["username"] == user.username
        assert data["user"]["role"] == "OPERATOR"
        assert data["user"]["displayName"] == "A User"
        about = {"orgId", "organisations", "instanceAdmin", "secondFactors", "lacks"}
        me = await user.data("/auth/me")
        assert {name: me[name] for name in me.keys() - about} == data["user"]


async def test_a_wrong_password_and_an_unknown_name_are_refused_alike(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_user(hub, rest) as user:
        wrong = await user.log_in("wrong")
        user.username = new_id("nobody")
        unknown = await user.log_in("wrong")
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json() == unknown.json()


async def test_after_ten_failed_logins_of_a_name_the_next_is_429(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_user(hub, rest) as user:
        for _ in range(10):
            assert (await user.log_in("wrong")).status_code == 401
        answer = await user.log_in()
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
        assert int(answer.headers["retry-after"]) > 0
        assert (await user.get("/auth/me")).status_code == 200


async def test_a_refresh_token_is_used_once_and_its_second_use_ends_the_session(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_user(hub, rest) as user:
        first = user.refresh_token
        answer = await user.refresh()
        assert answer.status_code == 200
        second = answer.json()["data"]["refreshToken"]
        user.client.headers["Authorization"] = f"Bearer {answer.json()['data']['token']}"
        assert (await user.get("/auth/me")).status_code == 200
        stolen = await user.refresh(first)
        assert (stolen.status_code, stolen.json()["code"]) == (401, "unauthenticated")
        assert (await user.refresh(second)).status_code == 401
        assert (await user.get("/auth/me")).status_code == 401
        assert (await user.refresh("nonsense")).status_code == 401


async def test_logout_ends_the_session_and_no_other(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as user:
        old = user.client.headers["Authorization"]
        assert (await user.log_in()).status_code == 200
        answer = await user.post("/auth/logout")
        assert answer.json() == {"success": True, "data": None}
        assert (await user.get("/auth/me")).status_code == 401
        assert (await user.refresh()).status_code == 401
        user.client.headers["Authorization"] = old
        assert (await user.get("/auth/me")).status_code == 200


async def test_a_new_password_ends_every_session(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as user:
        old = user.client.headers["Authorization"]
        await user.log_in()
        wrong = await user.post("/auth/password", {"current": "wrong", "new": "n" * 12})
        assert wrong.status_code == 403
        short = await user.post("/auth/password", {"current": PASSWORD, "new": "short"})
        assert short.status_code == 400
        answer = await user.post("/auth/password", {"current": PASSWORD, "new": "n" * 12})
        assert answer.status_code == 200
        for header in (user.client.headers["Authorization"], old):
            user.client.headers["Authorization"] = header
            assert (await user.get("/auth/me")).status_code == 401
        assert (await user.log_in()).status_code == 401
        assert (await user.log_in("n" * 12)).status_code == 200


async def test_a_user_with_less_rights_has_sessions_and_keys_with_less(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_user(hub, rest, "MANAGER") as user:
        key = await api_key(user, "MANAGER")
        answer = await rest.client.patch(f"/users/{user.user_id}", json={"role": "VIEWER"})
        assert answer.json()["data"]["role"] == "VIEWER"
        async with Rest.open(hub.url, key) as program:
            for caller in (user, program):
                assert (await caller.get("/auth/me")).json()["data"]["role"] == "VIEWER"
                assert (await caller.get("/devices")).status_code == 200
                group = await caller.post("/device-groups", {"name": new_id("g")})
                assert group.status_code == 403


async def test_user_names_are_unique_whatever_their_case(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as user:
        body = {"username": user.username.upper(), "password": PASSWORD, "role": "VIEWER"}
        answer = await rest.post("/users", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "sign_in_first")
        assert (await rest.data(f"/users/{user.user_id}"))["username"] == user.username
        for bad in ("", "a b", "a\r\nb", "a\0b", "x" * 129):
            body = {"username": bad, "password": PASSWORD, "role": "VIEWER"}
            assert (await rest.post("/users", body)).status_code == 400, bad


# API keys


async def api_key(user: Rest, role: str, **fields: object) -> str:
    answer = await user.post("/api-keys", {"name": new_id("key"), "role": role, **fields})
    assert answer.status_code == 201, answer.text
    key = str(answer.json()["data"]["key"])
    assert key.startswith("ll_")
    return key


async def status_of_key(hub: HubProcess, key: str, path: str = "/auth/me") -> int:
    async with Rest.open(hub.url, key) as caller:
        return (await caller.get(path)).status_code


async def test_an_api_key_has_the_role_it_was_given(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    async with new_user(hub, rest, "MANAGER") as user:
        too_much = await user.post("/api-keys", {"name": "k", "role": "ADMIN"})
        assert too_much.status_code == 403
        key = await api_key(user, "OPERATOR")
        async with Rest.open(hub.url, key) as caller:
            device_id = await fleet.enroll()
            command_id = await caller.accept(device_id, delivery="queue")
            record = await caller.record(device_id, command_id)
            assert record["actor"].startswith(f"{user.username}/")
            assert (await caller.dispatch(device_id, "push_config")).status_code == 400
            assert (await caller.dispatch(device_id, "clear_queue")).status_code == 403
            assert (await caller.post("/auth/logout")).status_code == 403
            assert (await caller.post("/auth/ws-ticket")).status_code == 403
            higher = await caller.post("/api-keys", {"name": "k", "role": "MANAGER"})
            assert higher.status_code == 403


async def test_an_api_key_dies_with_its_end_its_deletion_or_its_user(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_user(hub, rest) as user:
        past = {"name": "k", "role": "VIEWER", "expiresAt": "2001-01-01T00:00:00Z"}
        assert (await user.post("/api-keys", past)).status_code == 400
        soon = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
        short = await api_key(user, "VIEWER", expiresAt=soon)

        async def over() -> bool:
            return await status_of_key(hub, short) == 401

        await until(over)
        key = await api_key(user, "VIEWER")
        listed = (await user.data("/api-keys"))[0]
        assert listed["key"] is None
        assert listed["prefix"] == key[:9]
        assert listed["lastUsedAt"] is None
        assert (await user.client.delete(f"/api-keys/{listed['id']}")).status_code == 200
        assert await status_of_key(hub, key) == 401
        assert (await user.client.delete(f"/api-keys/{listed['id']}")).status_code == 404
        key = await api_key(user, "VIEWER")
        await rest.client.patch(f"/users/{user.user_id}", json={"disabled": True})
        assert await status_of_key(hub, key) == 401
        assert (await user.log_in()).status_code == 401


async def test_one_sees_and_deletes_ones_own_keys_only(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as one, new_user(hub, rest) as other:
        await api_key(one, "VIEWER")
        (listed,) = await one.data("/api-keys")
        assert await other.data("/api-keys") == []
        assert (await other.client.delete(f"/api-keys/{listed['id']}")).status_code == 404
        assert listed["id"] in [key["id"] for key in await rest.data("/api-keys", limit=500)]
        assert (await rest.client.delete(f"/api-keys/{listed['id']}")).status_code == 200


# Audit


async def test_g16_privileged_actions_are_in_the_audit_log(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device_id = new_id("audited")
    await rest.post("/devices", {"id": device_id})
    await rest.client.patch(f"/devices/{device_id}", json={"name": "n"})
    queued = await rest.accept(device_id, "clear_queue", delivery="queue")
    await rest.client.delete(f"/devices/{device_id}/commands/{queued}")
    await fleet.token(device_id)
    await rest.client.delete(f"/devices/{device_id}")
    rows = await rest.data("/audit-log", target=device_id)
    assert [row["action"] for row in reversed(rows)] == [
        "device.create", "device.update", "command.clear_queue", "command.cancel",
        "device.token", "device.delete",
    ]  # fmt: skip
    assert {row["actor"] for row in rows} == {"admin", device_id}
    assert rows[0].keys() == {
        "id", "at", "actor", "actorKind", "actorId", "actorName", "credential", "address",
        "requestId", "action", "target", "outcome", "reason", "detail", "changes",
    }  # fmt: skip
    assert {(row["actorKind"], row["address"]) for row in rows} == {
        ("user", "127.0.0.1"), ("device", "127.0.0.1"),
    }  # fmt: skip
    (renamed,) = [row for row in rows if row["action"] == "device.update"]
    assert renamed["changes"] == {"name": [device_id, "n"]}
    only = await rest.data("/audit-log", target=device_id, action="device.create", actor="admin")
    assert len(only) == 1
    async with new_user(hub, rest) as user:
        await user.post("/auth/logout")
        rows = await rest.data("/audit-log", actor=user.username)
        assert [row["action"] for row in rows] == ["auth.logout", "auth.login"]
        assert PASSWORD not in json.dumps(rows)


async def test_public_keys_are_at_the_well_known_address(hub: HubProcess) -> None:
    async with httpx.AsyncClient(base_url=hub.url, trust_env=False) as client:
        keys = (await client.get("/.well-known/jwks.json")).json()["keys"]
    assert [(key["kty"], key["crv"], key["alg"]) for key in keys] == [("OKP", "Ed25519", "EdDSA")]
    assert "d" not in keys[0]
