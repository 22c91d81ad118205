"""Enrolment by tokens, and devices that wait for a person: device-identity.md, 1 and 12."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import asyncpg
import httpx

from hub.base.embedded import Embedded
from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, until
from tests.acceptance.hub.people import (
    bind,
    make_group,
    make_role,
    make_user,
    new_organisation,
    signed_in,
)
from tests.acceptance.hub.process import HubProcess

SECRET = "X-Enrollment-Request"


async def new_token(rest: Rest, **body: Any) -> Json:
    answer = await rest.post("/enrollment-tokens", {"name": "line 3", **body})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["data"]


async def ask(
    hub: HubProcess, device_id: str, token: str | None = None, **headers: str
) -> httpx.Response:
    shown = {} if token is None else {"X-Enrollment-Token": token}
    async with Rest.open(hub.url) as nobody:
        return await nobody.client.post(f"/devices/{device_id}/token", headers=shown | headers)


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


async def test_a_token_lets_in_as_many_devices_as_it_says(hub: HubProcess, rest: Rest) -> None:
    made = await new_token(rest, maxUses=1)
    assert made["token"].startswith("lle_")
    assert (made["uses"], made["disabled"], made["expiresAt"]) == (0, False, None)
    device, other = new_id("d"), new_id("d")
    assert (await ask(hub, device, made["token"])).status_code == 200
    assert (await ask(hub, device, made["token"])).status_code == 200, "the answer was lost"
    assert refused(await ask(hub, other, made["token"])) == (403, "enrollment_token_used")
    assert (await rest.get(f"/devices/{other}")).status_code == 404
    (row,) = [each for each in await rest.data("/enrollment-tokens") if each["id"] == made["id"]]
    assert row["uses"] == 1
    assert "token" not in row
    (entry,) = await rest.data("/audit-log", target=device, action="device.enroll")
    assert entry["detail"] == {"enrollmentToken": made["id"]}


async def test_the_seeds_header_is_another_name_for_it(hub: HubProcess, rest: Rest) -> None:
    made = await new_token(rest)
    answer = await ask(hub, new_id("d"), **{"X-Register-Token": made["token"]})
    assert answer.status_code == 200


async def test_a_token_that_is_over_lets_nobody_in(hub: HubProcess, rest: Rest) -> None:
    assert refused(await ask(hub, new_id("d"), "lle_nobodys")) == (401, "bad_enrollment_key")
    made = await new_token(rest, maxUses=None)
    assert (await rest.client.delete(f"/enrollment-tokens/{made['id']}")).status_code == 200
    assert refused(await ask(hub, new_id("d"), made["token"])) == (401, "bad_enrollment_key")
    assert (await rest.client.delete(f"/enrollment-tokens/{made['id']}")).status_code == 404
    past = {"name": "x", "expiresAt": "2020-01-01T00:00:00Z"}
    assert refused(await rest.post("/enrollment-tokens", past)) == (400, "invalid")
    for body in (
        {"name": "x", "maxUses": 0},
        {"name": "x", "labels": {"-": ""}},
        {"name": "x", "labels": {"a": "b"}, "tags": ["a"]},
    ):
        assert (await rest.post("/enrollment-tokens", body)).status_code in (400, 409), body
    unknown = {"name": "x", "groupIds": ["none"]}
    assert refused(await rest.post("/enrollment-tokens", unknown)) == (404, "not_found")


async def test_a_device_gets_what_its_token_gives_once(hub: HubProcess, rest: Rest) -> None:
    group = await make_group(rest)
    made = await new_token(rest, maxUses=None, groupIds=[group], labels={"line": "3"}, tags=["new"])
    device = new_id("d")
    assert (await ask(hub, device, made["token"])).status_code == 200
    shown = await rest.data(f"/devices/{device}")
    assert shown["groupIds"] == [group]
    assert (shown["labels"], shown["tags"]) == ({"line": "3", "new": ""}, ["new"])
    await rest.client.patch(f"/devices/{device}", json={"labels": {"line": None, "new": None}})
    assert (await ask(hub, device, made["token"])).status_code == 200
    assert (await rest.data(f"/devices/{device}"))["labels"] == {}, "an administrator's word stays"


async def test_a_pending_device_is_approved_by_its_fingerprint_and_an_impostor_is_not(
    hub: HubProcess, rest: Rest
) -> None:
    group = await make_group(rest)
    gives: Json = {"groupIds": [group], "labels": {"line": "3"}}
    made = await new_token(rest, maxUses=1, approval=True, **gives)
    device = new_id("d")
    first = await ask(hub, device, made["token"])
    impostor = await ask(hub, device, made["token"])  # from the same address: the same use
    for answer in (first, impostor):
        assert refused(answer) == (403, "pending_approval")
        assert answer.headers["retry-after"] == "30"
        assert answer.headers["cache-control"] == "no-store"
    problem = first.json()
    secret, fingerprint = problem["requestSecret"], problem["fingerprint"]
    assert fingerprint == sha256(secret.encode()).digest()[:8].hex(":")
    waiting = await ask(hub, device, made["token"], **{SECRET: secret})
    assert refused(waiting) == (403, "pending_approval")
    assert "requestSecret" not in waiting.json()
    assert waiting.json()["fingerprint"] == fingerprint
    rows = [r for r in await rest.data("/enrollment-requests") if r["deviceId"] == device]
    assert {row["fingerprint"] for row in rows} == {fingerprint, impostor.json()["fingerprint"]}
    assert {row["enrollmentToken"] for row in rows} == {made["id"]}

    path = f"/devices/{device}/approve"
    wrong = await rest.post(path, {"fingerprint": "00:" * 7 + "00"})
    assert refused(wrong) == (409, "conflict")
    assert refused(await rest.post(path, {"fingerprint": "00"})) == (400, "invalid")
    body = {"fingerprint": fingerprint, "tags": ["checked"]}
    for _ in range(2):
        assert (await rest.post(path, body)).status_code == 200
    other = {**body, "tags": ["other"]}
    assert refused(await rest.post(path, other)) == (409, "conflict")
    theirs = {"fingerprint": impostor.json()["fingerprint"]}
    assert refused(await rest.post(path, theirs)) == (409, "conflict")

    granted = await ask(hub, device, **{SECRET: secret})
    assert granted.status_code == 200, granted.text
    shown = await rest.data(f"/devices/{device}")
    assert shown["labels"] == {"line": "3", "checked": ""}, "by the token, and by the person"
    assert shown["groupIds"] == [group]
    stays_out = await ask(hub, device, made["token"], **{SECRET: impostor.json()["requestSecret"]})
    assert refused(stays_out) == (403, "forbidden")
    assert not [r for r in await rest.data("/enrollment-requests") if r["deviceId"] == device]
    (entry,) = await rest.data("/audit-log", target=device, action="device.approve")
    assert entry["detail"]["fingerprint"] == fingerprint
    assert secret not in hub.log()


async def test_a_rejection_is_final_for_that_secret(hub: HubProcess, rest: Rest) -> None:
    made = await new_token(rest, approval=True)
    device = new_id("d")
    problem = (await ask(hub, device, made["token"])).json()
    body = {"fingerprint": problem["fingerprint"].upper()}
    for _ in range(2):
        assert (await rest.post(f"/devices/{device}/reject", body)).status_code == 200
    assert refused(await rest.post(f"/devices/{device}/approve", body)) == (409, "conflict")
    answer = await ask(hub, device, made["token"], **{SECRET: problem["requestSecret"]})
    assert refused(answer) == (403, "forbidden")
    missing = await rest.post(f"/devices/{new_id('d')}/approve", body)
    assert refused(missing) == (404, "not_found")


async def test_a_sixth_request_for_one_id_waits_its_turn(hub: HubProcess, rest: Rest) -> None:
    made = await new_token(rest, approval=True)
    device = new_id("d")
    for _ in range(5):
        assert refused(await ask(hub, device, made["token"])) == (403, "pending_approval")
    sixth = await ask(hub, device, made["token"])
    assert refused(sixth) == (429, "too_many_requests")
    assert "retry-after" in sixth.headers


async def test_a_token_lets_in_while_its_maker_may_make_it(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest, "ADMIN")
    async with signed_in(hub, user) as other:
        made = await new_token(other, maxUses=None)
    assert (await ask(hub, new_id("d"), made["token"])).status_code == 200
    await rest.show_again()
    demoted = await rest.client.patch(f"/users/{user['id']}", json={"role": "VIEWER"})
    assert demoted.status_code == 200, demoted.text

    async def is_refused() -> bool:
        return refused(await ask(hub, new_id("d"), made["token"])) == (403, "forbidden")

    await until(is_refused, seconds=5)
    (row,) = [each for each in await rest.data("/enrollment-tokens") if each["id"] == made["id"]]
    assert row["disabled"] is True
    taken = await rest.post(f"/enrollment-tokens/{made['id']}/take-over")
    assert taken.json()["data"]["disabled"] is False
    assert (await ask(hub, new_id("d"), made["token"])).status_code == 200


async def test_a_device_at_work_is_let_in_again_once(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    made = await new_token(rest, maxUses=None)
    async with fleet.new_line() as device:
        again = await ask(hub, device.device_id, made["token"])
        assert refused(again) == (403, "reenroll_refused")
        opened = await rest.post(f"/devices/{device.device_id}/allow-reenroll")
        assert opened.json()["data"]["until"] > datetime.now(UTC).isoformat()
        assert (await ask(hub, device.device_id, made["token"])).status_code == 200
        await device.closed()
        again = await ask(hub, device.device_id, made["token"])
        assert refused(again) == (403, "reenroll_refused")
    missing = await rest.post(f"/devices/{new_id('d')}/allow-reenroll")
    assert refused(missing) == (404, "not_found")


async def test_another_organisation_lets_in_its_own(hub: HubProcess, rest: Rest) -> None:
    async with new_organisation(hub, rest) as (org, there):
        made = await new_token(there, approval=True)
        device = new_id("d")
        problem = (await ask(hub, device, made["token"])).json()
        assert not [r for r in await rest.data("/enrollment-requests") if r["deviceId"] == device]
        body = {"fingerprint": problem["fingerprint"]}
        assert (await rest.post(f"/devices/{device}/approve", body)).status_code == 404
        assert (await there.post(f"/devices/{device}/approve", body)).status_code == 200
        shown = {SECRET: problem["requestSecret"]}
        assert (await ask(hub, device, **shown)).status_code == 200
        assert (await rest.get(f"/devices/{device}")).status_code == 404
        assert (await there.get(f"/devices/{device}")).status_code == 200
        open_token = await new_token(there, maxUses=None)
        await rest.show_again()
        ended = await rest.client.delete(f"/orgs/{org}", params={"confirm": org})
        assert ended.status_code == 202, ended.text
        late = await ask(hub, new_id("d"), open_token["token"])
        assert refused(late) == (401, "bad_enrollment_key")


async def test_a_device_that_the_database_does_not_know_becomes_a_request(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device = await fleet.enroll()
    token = await fleet.token(device)
    connection = await asyncpg.connect(Embedded(hub.folder / "data").owner_url)
    try:
        await connection.execute("DELETE FROM device WHERE device_id = $1", device)
    finally:
        await connection.close()
    answer = await ask(hub, device, **bearer(token))
    assert refused(answer) == (403, "pending_approval")
    problem = answer.json()
    (row,) = [r for r in await rest.data("/enrollment-requests") if r["deviceId"] == device]
    assert row["enrollmentToken"] is None
    approved = {"fingerprint": problem["fingerprint"]}
    assert (await rest.post(f"/devices/{device}/approve", approved)).status_code == 200
    again = await ask(hub, device, **bearer(token), **{SECRET: problem["requestSecret"]})
    assert again.status_code == 200
    assert again.json()["data"]["token"] != token


async def test_who_may_not_make_tokens_lets_nobody_in(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest, "MANAGER")
    body = {"fingerprint": "00:" * 7 + "00"}
    async with signed_in(hub, user) as other:
        assert (await other.get("/enrollment-tokens")).status_code == 403
        assert (await other.post("/enrollment-tokens", {"name": "x"})).status_code == 403
        assert (await other.post("/devices/d/approve", body)).status_code == 403
        assert (await other.get("/enrollment-requests")).status_code == 200


async def test_a_token_gives_no_group_that_its_maker_may_not_change(
    hub: HubProcess, rest: Rest
) -> None:
    group, scope = await make_group(rest), await make_group(rest)
    rules = [
        {"resources": ["enrollment-tokens"], "verbs": ["*"]},
        {"resources": ["device-groups"], "verbs": ["get"]},
    ]
    user, seer = await make_user(rest), await make_user(rest)
    await bind(rest, await make_role(rest, *rules), ("user", user["id"]))
    await bind(rest, "VIEWER", ("user", seer["id"]), ("group", scope))
    async with signed_in(hub, user) as other:
        assert (await other.post("/enrollment-tokens", {"name": "x"})).status_code == 201
        body = {"name": "x", "groupIds": [group]}
        assert refused(await other.post("/enrollment-tokens", body)) == (403, "escalation")
    more = [*rules, {"resources": ["device-groups"], "verbs": ["update"]}]
    await bind(rest, await make_role(rest, *more), ("user", user["id"]))
    async with signed_in(hub, user) as other:
        assert (await other.post("/enrollment-tokens", body)).status_code == 201
        body = {"name": "x", "groupIds": [scope]}
        assert refused(await other.post("/enrollment-tokens", body)) == (403, "escalation")


async def test_who_takes_over_a_token_may_give_its_groups(hub: HubProcess, rest: Rest) -> None:
    group = await make_group(rest)
    made = await new_token(rest, groupIds=[group])
    user = await make_user(rest)
    role = await make_role(rest, {"resources": ["enrollment-tokens"], "verbs": ["*"]})
    await bind(rest, role, ("user", user["id"]))
    async with signed_in(hub, user) as other:
        taken = await other.post(f"/enrollment-tokens/{made['id']}/take-over")
        assert refused(taken) == (403, "escalation")
        missing = await other.post("/enrollment-tokens/none/take-over")
        assert refused(missing) == (404, "not_found")


async def test_a_request_that_waits_is_no_hindrance_to_what_admits(
    hub: HubProcess, rest: Rest
) -> None:
    asks, admits = await new_token(rest, approval=True), await new_token(rest)
    device = new_id("d")
    problem = (await ask(hub, device, asks["token"])).json()
    shown = {SECRET: problem["requestSecret"]}
    assert (await ask(hub, device, admits["token"], **shown)).status_code == 200
    assert not [r for r in await rest.data("/enrollment-requests") if r["deviceId"] == device]
