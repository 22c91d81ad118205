"""What a credential may do to others, and how it ends: identity.md, 3, 5, 7 and 8."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, open_socket, until
from tests.acceptance.hub.conftest import PASSWORD
from tests.acceptance.hub.people import make_user, sign_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_accounts import new_user


async def make_key(rest: Rest, role: str = "ADMIN", **fields: object) -> Json:
    answer = await rest.post("/api-keys", {"name": new_id("key"), "role": role, **fields})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()["data"]
    return made


# API keys


async def test_an_api_key_makes_no_key_and_administers_nobody(hub: HubProcess, rest: Rest) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = await make_key(rest, expiresAt=soon)
    async with Rest.open(hub.url, made["key"]) as key:
        answers = [
            await key.post("/api-keys", {"name": "k2", "role": "ADMIN"}),
            await key.get("/users"),
            await key.post("/users", {"username": "x", "password": PASSWORD, "role": "ADMIN"}),
            await key.client.patch("/settings", json={"autoEnroll": False}),
            await key.post("/settings/enrollment-key"),
            await key.post("/auth/ws-ticket"),
            await key.get("/auth/sessions"),
            await key.post("/firmware/signing-keys", {"name": "n", "publicKey": "x"}),
        ]
        assert [answer.status_code for answer in answers] == [403] * len(answers)
        assert (await key.get("/devices")).status_code == 200


async def test_an_api_key_sees_and_ends_itself_only(hub: HubProcess, rest: Rest) -> None:
    viewer, other = await make_key(rest, "VIEWER"), await make_key(rest, "ADMIN")
    async with Rest.open(hub.url, viewer["key"]) as key:
        assert [row["id"] for row in await key.data("/api-keys")] == [viewer["id"]]
        assert (await key.client.delete(f"/api-keys/{other['id']}")).status_code == 403
        put = await key.client.put("/auth/me/preferences", json={"x": 1})
        assert put.status_code == 403
        assert (await key.client.delete(f"/api-keys/{viewer['id']}")).status_code == 200
        assert (await key.get("/auth/me")).status_code == 401


async def test_api_keys_end_with_a_reset_of_the_password_and_at_a_change_if_wanted(
    hub: HubProcess, rest: Rest
) -> None:
    async with new_user(hub, rest, "MANAGER") as user:
        key = await make_key(user, "VIEWER")
        async with Rest.open(hub.url, key["key"]) as by_key:
            keeps = {"current": PASSWORD, "new": PASSWORD + "1"}
            assert (await user.post("/auth/password", keeps)).status_code == 200
            assert (await by_key.get("/auth/me")).status_code == 200
            await user.log_in(PASSWORD + "1")
            ends = {"current": PASSWORD + "1", "new": PASSWORD, "endApiKeys": True}
            assert (await user.post("/auth/password", ends)).status_code == 200
            assert (await by_key.get("/auth/me")).status_code == 401
        await user.log_in()
        key = await make_key(user, "VIEWER")
        reset = await rest.client.patch(f"/users/{user.user_id}", json={"password": PASSWORD})
        assert reset.status_code == 200
        async with Rest.open(hub.url, key["key"]) as by_key:
            assert (await by_key.get("/auth/me")).status_code == 401


async def test_a_user_has_twenty_keys_at_most(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest, "MANAGER") as user:
        for _ in range(20):
            await make_key(user, "VIEWER")
        answer = await user.post("/api-keys", {"name": "one more", "role": "VIEWER"})
        assert (answer.status_code, answer.json()["code"]) == (409, "too_many")


# Sessions


async def test_sessions_are_listed_and_ended_one_by_one(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as user:
        first = str(user.client.headers["Authorization"]).removeprefix("Bearer ")
        await user.log_in()
        listed = await user.data("/auth/sessions")
        assert [row["current"] for row in listed] == [True, False]
        assert listed[0]["address"] == "127.0.0.1"
        begun, ends = (datetime.fromisoformat(listed[0][n]) for n in ("createdAt", "endsAt"))
        assert ends - begun == timedelta(days=90)
        assert listed == [
            {**row, "current": row["current"]} for row in await user.data("/auth/sessions")
        ]
        seen = await rest.data("/auth/sessions", userId=user.user_id)
        assert [row["id"] for row in seen] == [row["id"] for row in listed]
        ended = await user.client.delete(f"/auth/sessions/{listed[1]['id']}")
        assert ended.status_code == 200
        async with Rest.open(hub.url, first) as other:
            assert (await other.get("/auth/me")).status_code == 401
        assert (await user.get("/auth/me")).status_code == 200
        async with new_user(hub, rest) as stranger:
            answer = await stranger.client.delete(f"/auth/sessions/{listed[0]['id']}")
            assert answer.status_code == 404
            assert (await stranger.get("/auth/sessions", userId=user.user_id)).status_code == 404


async def test_what_needs_a_recent_sign_in_says_how(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest, "ADMIN") as user:
        wrong = await user.post("/auth/reauthenticate", {"password": "wrong"})
        assert (wrong.status_code, wrong.json()["code"]) == (403, "forbidden")
        right = await user.post("/auth/reauthenticate", {"password": PASSWORD})
        assert (right.status_code, right.json()["data"]) == (200, None)


# Signing in


@pytest.mark.parametrize(
    "password", ["password", "12345678", "password123", " " * 12, "1234567890", "qwertyuiop"]
)
async def test_a_weak_password_is_refused(rest: Rest, password: str) -> None:
    body = {"username": new_id("weak"), "password": password, "role": "VIEWER"}
    answer = await rest.post("/users", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "password")


@pytest.mark.parametrize(
    "name", ["\u0430dmin", "admin\u200b", "x\u202e", "a b", "a\tb", "", "a" * 129, "\ufeff"]
)
async def test_a_name_that_deceives_is_refused(rest: Rest, name: str) -> None:
    body = {"username": name, "password": PASSWORD, "role": "VIEWER"}
    answer = await rest.post("/users", body)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/devices", {"id": "x"}),
        ("/device-groups", {}),
        ("/api-keys", {"role": "VIEWER"}),
        ("/firmware/signing-keys", {"publicKey": ""}),
    ],
)
async def test_a_name_for_people_that_deceives_is_refused(
    rest: Rest, path: str, more: Json
) -> None:
    for name in ("\u0430dmin line", "admin\u200b", "x\u202e"):
        answer = await rest.post(path, {"name": name, **more})
        assert answer.status_code == 400, answer.text
        assert answer.json()["errors"][0]["field"] == "name"


async def test_names_that_differ_by_case_or_width_are_one(rest: Rest) -> None:
    for name in ("ADMIN", "\uff41dmin"):
        body = {"username": name, "password": PASSWORD, "role": "VIEWER"}
        assert (await rest.post("/users", body)).status_code == 409


# Devices


async def test_the_enrolment_key_does_not_take_over_a_device_at_work(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    key = hub.ready["enrollmentKey"]
    async with Rest.open(hub.url) as nobody, fleet.new_line() as device:
        path = f"/devices/{device.device_id}/token"
        answer = await nobody.client.post(
            path, params={"name": "pwned", "companyId": "evil"}, headers={"X-Enrollment-Key": key}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "reenroll_refused")
        assert int(answer.headers["retry-after"]) > 0
        found = await rest.data(f"/devices/{device.device_id}")
        assert (found["name"], found["companyId"]) == (device.device_id, None)
        assert await device.settled() == []


async def test_a_device_that_lost_its_first_token_enrols_again(fleet: Fleet) -> None:
    device_id = await fleet.enroll()
    fleet.forget(device_id)  # the answer was lost: it never had a line
    await fleet.token(device_id)


async def test_a_newer_token_ends_the_older_when_a_line_is_opened_with_it(
    hub: HubProcess, fleet: Fleet
) -> None:
    device_id = new_id("dev")
    old = await fleet.token(device_id)
    url = f"{hub.url}/ws/device"
    async with Rest.open(hub.url, old) as rest:
        answer = await rest.post(f"/devices/{device_id}/token")
        new = answer.json()["data"]["token"]
    async with open_socket(url, **bearer(old)) as line:
        await line.expect("welcome")
    async with open_socket(url, **bearer(new)) as line:
        await line.expect("welcome")
        assert await end_of(url, old) in (401, 4403)
    async with Rest.open(hub.url, old) as rest:
        assert (await rest.post("/sync", {"records": []})).status_code == 401


async def test_a_newer_token_on_an_open_line_ends_the_older(hub: HubProcess, fleet: Fleet) -> None:
    async with fleet.new_line() as device:
        old = await fleet.token(device.device_id)
        async with Rest.open(hub.url, old) as rest:
            answer = await rest.post(f"/devices/{device.device_id}/token")
            new = answer.json()["data"]["token"]
        await device.send("auth", token=new)
        await device.expect("auth_ok")

        async def refused() -> bool:
            async with Rest.open(hub.url, old) as rest:
                return (await rest.post("/sync", {"records": []})).status_code == 401

        await until(refused)
        assert await device.settled() == []


async def end_of(url: str, token: str) -> int:
    """The status of a refused upgrade, or the close code."""
    try:
        async with open_socket(url, **bearer(token)) as line:
            return (await line.closed())[0]
    except Exception as error:
        response = getattr(error, "response", None)
        if response is None:
            raise
        return int(response.status_code)


# The audit


async def test_the_audit_says_what_changed_and_hides_secrets(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as user:
        for change in ({"role": "OPERATOR"}, {"password": PASSWORD + "2"}, {"disabled": True}):
            await rest.client.patch(f"/users/{user.user_id}", json=change)
        rows = await rest.data("/audit-log", target=user.username, action="user.update")
        assert [row["changes"] for row in reversed(rows)] == [
            {"role": ["VIEWER", "OPERATOR"]},
            {"password": ["hidden", "hidden"]},
            {"disabled": [False, True]},
        ]
        assert {row["outcome"] for row in rows} == {"ok"}
        assert all(row["address"] == "127.0.0.1" and row["requestId"] for row in rows)


async def test_a_device_cannot_write_as_somebody_else(hub: HubProcess, rest: Rest) -> None:
    async with Rest.open(hub.url) as nobody:
        key = hub.ready["enrollmentKey"]
        await nobody.post("/devices/admin/token", X_Enrollment_Key=key)
    rows = await rest.data("/audit-log", target="admin", action="device.enroll")
    assert [(row["actorKind"], row["actorId"]) for row in rows] == [("device", "admin")]


async def test_refusals_are_in_the_audit(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    device_id = await fleet.enroll()
    async with new_user(hub, rest) as user:
        for _ in range(3):
            await user.log_in("wrong")
        rows = await rest.data("/audit-log", target=user.username, outcome="failed")
        assert [row["action"] for row in rows] == ["auth.login"]
        assert (rows[0]["actorId"], rows[0]["address"]) == ("", "127.0.0.1")
    async with Rest.open(hub.url, tokens["VIEWER"]) as viewer:
        await viewer.dispatch(device_id, "reboot_os")
        await viewer.client.delete(f"/devices/{device_id}")
    rows = await rest.data("/audit-log", outcome="refused", actor="viewer-1")
    assert {row["action"] for row in rows} >= {
        "command.dispatch", "DELETE /api/v1/devices/{id}",
    }  # fmt: skip


async def test_no_setting_empties_the_audit(rest: Rest) -> None:
    answer = await rest.client.patch("/settings", json={"retention": {"auditDays": 29}})
    assert answer.status_code == 400


# Secrets


async def test_what_a_shell_wrote_is_hidden_from_who_may_not_send_it(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    async with (
        fleet.new_line() as device,
        open_socket(f"{hub.url}/ws/dashboard", **bearer(tokens["VIEWER"])) as dashboard,
    ):
        await dashboard.send("subscribe", id="s", types=["command_result"])
        await dashboard.expect("subscribed")
        shell = {"type": "exec_shell", "template": "t", "args": {"p": "s3cret"}}
        command_id = await rest.accept(device.device_id, shell)
        await device.command("exec_shell", id=command_id)
        written = {"exitCode": 0, "stdout": "s3cret", "stderr": "", "truncated": False}
        await device.succeed(command_id, output="s3cret", data=written)
        event = await dashboard.find("command_result", commandId=command_id)
        assert event["output"] == "hidden"
        path = f"/devices/{device.device_id}/commands"
        async with Rest.open(hub.url, tokens["VIEWER"]) as viewer:
            for answer in (await viewer.get(path), await viewer.get(f"{path}/{command_id}")):
                assert "s3cret" not in answer.text
            (shown,) = await viewer.data(path)
            assert (shown["params"], shown["output"]) == ("hidden", "hidden")
            assert shown["hidden"] == ["params", "output"]
        assert (await rest.record(device.device_id, command_id))["output"] == "s3cret"


async def test_what_a_shell_wrote_is_in_no_words_about_its_failure_and_progress(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    async with (
        fleet.new_line() as device,
        open_socket(f"{hub.url}/ws/dashboard", **bearer(tokens["VIEWER"])) as viewers,
        open_socket(f"{hub.url}/ws/dashboard", **bearer(tokens["ADMIN"])) as admins,
    ):
        for dashboard in (viewers, admins):
            await dashboard.send("subscribe", id="s", types=["command_progress", "command_result"])
            await dashboard.expect("subscribed")
        command_id = await rest.accept(device.device_id, {"type": "exec_shell", "template": "t"})
        await device.command("exec_shell", id=command_id)
        await device.send("ack", commandId=command_id)
        await device.send("progress", commandId=command_id, stage="s3cret", message="s3cret")
        error = {"code": "failed", "message": "s3cret"}
        await device.send("result", commandId=command_id, success=False, error=error)
        await device.find("result_ack", commandId=command_id)
        for dashboard, shown in ((viewers, "hidden"), (admins, "s3cret")):
            progress = await dashboard.find("command_progress", commandId=command_id)
            assert (progress["stage"], progress["message"]) == (shown, shown)
            result = await dashboard.find("command_result", commandId=command_id)
            assert result["error"] == {"code": "failed", "message": shown}
        path = f"/devices/{device.device_id}/commands"
        async with Rest.open(hub.url, tokens["VIEWER"]) as viewer:
            for of in (path, f"{path}/{command_id}"):
                assert "s3cret" not in (await viewer.get(of)).text
            listed = await viewer.get("/commands", deviceId=device.device_id)
            assert command_id in listed.text
            assert "s3cret" not in listed.text
        assert (await rest.record(device.device_id, command_id))["error"] == error


@pytest.mark.parametrize("command", [
    {"type": "push_config", "patch": {"wifi": {"password": {"$secret": "nope"}}}},
    {"type": "exec_shell", "template": "t", "args": {"$secret": "nope"}},
])  # fmt: skip
async def test_a_secret_that_is_not_known_is_handed_on_by_no_call(
    rest: Rest, fleet: Fleet, command: Json
) -> None:
    device_id = await fleet.enroll()
    group = (await rest.post("/device-groups", {"name": new_id("g")})).json()["data"]["id"]
    await rest.post(f"/device-groups/{group}/members", {"deviceIds": [device_id]})
    body = {"command": command, "delivery": "queue"}
    for path, more in (
        (f"/devices/{device_id}/commands", {}),
        ("/commands/bulk", {"deviceIds": [device_id]}),
        (f"/device-groups/{group}/commands", {}),
    ):
        answer = await rest.post(path, {**body, **more})
        assert answer.status_code == 400, answer.text
        (error,) = answer.json()["errors"]
        assert error["field"].startswith("command.")
    assert await rest.data(f"/devices/{device_id}/commands") == []


# Ids belong to who hands them in


async def test_an_idempotency_key_joins_nobody_elses_command(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    device_id, headers = (
        await fleet.enroll(),
        {"Idempotency-Key": new_id("k"), "Prefer": "respond-async"},
    )
    async with Rest.open(hub.url, tokens["OPERATOR"]) as operator:
        answers = [
            await caller.dispatch(device_id, headers=headers, delivery="queue")
            for caller in (operator, operator, rest)
        ]
        one, again, other = (answer.json()["data"]["commandId"] for answer in answers)
    assert one == again != other


async def test_a_command_id_of_somebody_else_is_joined_and_the_audit_says_so(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    device_id = await fleet.enroll()
    command: Json = {"type": "force_sync", "id": new_id("c")}
    async with Rest.open(hub.url, tokens["OPERATOR"]) as operator:
        await operator.dispatch(device_id, command, delivery="queue")
    await rest.dispatch(device_id, command, delivery="queue")
    rows = await rest.data("/audit-log", target=device_id, action="command.force_sync")
    assert [(row["actor"], row["detail"].get("joined")) for row in rows] == [
        ("admin", True), ("operator-1", None),
    ]  # fmt: skip


async def test_a_user_has_fifty_dashboard_sockets_at_most(hub: HubProcess, rest: Rest) -> None:
    async with new_user(hub, rest) as user, AsyncExitStack() as sockets:
        token = str(user.client.headers["Authorization"]).removeprefix("Bearer ")
        url = f"{hub.url}/ws/dashboard"
        for _ in range(50):
            await sockets.enter_async_context(open_socket(url, **bearer(token)))
        assert await end_of(url, token) == 429
        late = await sockets.enter_async_context(open_socket(url))
        await late.send("auth", token=token)
        assert (await late.closed())[0] == 1013


async def test_an_id_registered_anew_shares_nothing_with_the_former_device(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    async with fleet.new_line() as device:
        device_id = device.device_id
        await device.hello(bootId="b1")
        await device.send("status", status="ONLINE", metrics={"cpu": 1.0})
        await device.send("log_line", line="former", level="WARN")
        await device.send("scan", code="former", valid=True, seq=1)
        await device.find("event_ack", bootId="b1", seq=1)
        sent = await rest.accept(device_id, "clear_queue")
        await device.command("clear_queue", id=sent)
    path = f"/devices/{device_id}"
    pushed = await rest.accept(
        device_id, {"type": "push_config", "patch": {"a": 1}}, delivery="queue"
    )
    await rest.client.delete(path)
    assert (await rest.post("/devices", {"id": device_id})).status_code == 201
    found = await rest.data(path)
    assert (found["lastSeen"], found["metrics"], found["version"]) == (None, {}, None)
    assert (await rest.data(f"{path}/config"))["desired"] == {}
    for below in ("events", "logs", "commands", "states", "metrics/names", "config/history"):
        assert await rest.data(f"{path}/{below}") == [], below
    ends = [(await rest.record(device_id, each))["status"] for each in (sent, pushed)]
    assert ends == ["UNKNOWN", "CANCELLED"]
    fleet.forget(device_id)
    async with fleet.line(device_id) as heir:
        await heir.hello(bootId="b1")
        await heir.send("scan", code="own", valid=True, seq=1)
        await heir.find("event_ack", bootId="b1", seq=1)
        assert await heir.settled() == []
    (event,) = await rest.data(f"{path}/events", type="scan")
    assert event["event"]["code"] == "own"


async def test_what_a_schema_marks_as_write_only_is_read_by_nobody(
    rest: Rest, fleet: Fleet
) -> None:
    secret = {"type": "string", "writeOnly": True}
    schema = {"properties": {"wifi": {"properties": {"password": secret}}}}
    try:
        assert (await rest.client.put("/config-schema", json={"schema": schema})).status_code == 200
        async with fleet.new_line() as device:
            await device.hello()
            patch = {"wifi": {"password": "s3cret", "ssid": "plant"}}
            push: Json = {"type": "push_config", "patch": patch}
            command_id = await rest.accept(device.device_id, push)
            frame = await device.command("push_config", id=command_id)
            assert frame["patch"] == patch
            await device.succeed(
                command_id, data={"version": 1, "applied": [], "restartRequired": []}
            )
            path = f"/devices/{device.device_id}"
            for below in ("config", "config/history", "commands", f"commands/{command_id}"):
                text = (await rest.get(f"{path}/{below}")).text
                assert "s3cret" not in text, below
                assert '"ssid":"plant"' in text, below
            assert "s3cret" not in (await rest.get("/audit-log", target=device.device_id)).text
            bad = {"type": "push_config", "patch": {"wifi": {"password": ["s3cret"]}}}
            refused = await rest.dispatch(device.device_id, bad)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (
                400, "config.wifi.password",
            )  # fmt: skip
            assert "s3cret" not in refused.text
            await rest.client.put("/config-schema", json={"schema": {"type": "object"}})
            await nobody_reads(rest, path, command_id)
            await rest.client.delete("/config-schema")
            await nobody_reads(rest, path, command_id)
    finally:
        await rest.client.delete("/config-schema")


async def nobody_reads(rest: Rest, path: str, command_id: str) -> None:
    """What was hidden stays so, whatever the schema is now."""
    for below in ("config", "config/history", "commands", f"commands/{command_id}"):
        assert "s3cret" not in (await rest.get(f"{path}/{below}")).text, below


@pytest.mark.parametrize("round_", range(5))
async def test_renewals_and_the_end_of_their_user_wait_for_each_other(
    hub: HubProcess, rest: Rest, round_: int
) -> None:
    """Everybody locks the account, the member and the session in this order: nobody gets a 503."""
    user = await make_user(rest, "OPERATOR")
    signed = [sign_in(hub.url, user["username"]) for _ in range(4)]
    statuses: list[int] = []

    async def renew(token: str) -> None:
        async with Rest.open(hub.url) as client:
            while True:
                answer = await client.post("/auth/refresh", {"refreshToken": token})
                statuses.append(answer.status_code)
                if answer.status_code != 200:
                    return
                token = answer.json()["data"]["refreshToken"]

    async def end() -> None:
        for change in ({"role": "VIEWER"}, {"displayName": f"x{round_}"}, {"role": "NONE"}):
            answer = await rest.client.patch(f"/users/{user['id']}", json=change)
            statuses.append(answer.status_code)
        statuses.append((await rest.client.delete(f"/users/{user['id']}")).status_code)

    async with asyncio.timeout(30):
        await asyncio.gather(end(), *(renew(each["refreshToken"]) for each in signed))
    assert set(statuses) <= {200, 401}, statuses
