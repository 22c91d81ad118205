"""What the audit says of an act: whom it was about, and what was asked for."""

import hashlib
from typing import Any

import pytest

from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id
from tests.acceptance.hub.process import HubProcess

REBOOT = {"command": {"type": "reboot_os"}}


async def rows_of(rest: Rest, target: str, outcome: str) -> list[Json]:
    return await rest.data("/audit-log", target=target, outcome=outcome)


async def a_group(rest: Rest, fleet: Fleet) -> tuple[str, list[str]]:
    members = [await fleet.enroll() for _ in range(2)]
    made = await rest.post("/device-groups", {"name": new_id("group")})
    group_id = made.json()["data"]["id"]
    await rest.post(f"/device-groups/{group_id}/members", {"deviceIds": members})
    return group_id, members


# Refused


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("POST", "/devices/{id}/commands", "command.dispatch"),
        ("POST", "/device-groups/{id}/commands", "command.dispatch"),
        ("DELETE", "/devices/{id}/commands", "DELETE /api/v1/devices/{id}/commands"),
        ("PATCH", "/devices/{id}", "PATCH /api/v1/devices/{id}"),
        ("DELETE", "/devices/{id}", "DELETE /api/v1/devices/{id}"),
        ("PUT", "/device-groups/{id}", "PUT /api/v1/device-groups/{id}"),
        ("POST", "/device-groups/{id}/members", "POST /api/v1/device-groups/{id}/members"),
        ("PATCH", "/users/{id}", "PATCH /api/v1/users/{id}"),
        ("DELETE", "/firmware/releases/{id}", "DELETE /api/v1/firmware/releases/{id}"),
    ],
)
async def test_a_refused_act_names_what_it_was_about(
    hub: HubProcess, rest: Rest, tokens: dict[str, str], method: str, path: str, action: str
) -> None:
    target = new_id("t")
    async with Rest.open(hub.url, tokens["VIEWER"]) as viewer:
        answer = await viewer.client.request(method, path.format(id=target), json=REBOOT)
        assert answer.status_code == 403
    (row,) = await rows_of(rest, target, "refused")
    assert (row["action"], row["actor"]) == (action, "viewer-1")


async def test_a_refused_bulk_call_has_a_row_for_each_target(
    hub: HubProcess, rest: Rest, tokens: dict[str, str]
) -> None:
    targets = [new_id("t") for _ in range(3)]
    body = {"deviceIds": [*targets, targets[0]], **REBOOT}
    async with Rest.open(hub.url, tokens["OPERATOR"]) as operator:
        for _ in range(2):
            assert (await operator.post("/commands/bulk", body)).status_code == 403
    for target in targets:
        (row,) = await rows_of(rest, target, "refused")
        assert (row["action"], row["detail"]) == ("command.reboot_os", {"targets": 3})


async def test_a_refused_call_over_a_group_has_a_row_for_each_member(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    group_id, members = await a_group(rest, fleet)
    async with Rest.open(hub.url, tokens["OPERATOR"]) as operator:
        answer = await operator.post(f"/device-groups/{group_id}/commands", REBOOT)
        assert answer.status_code == 403
    for device_id in members:
        (row,) = await rows_of(rest, device_id, "refused")
        assert row["action"] == "command.reboot_os"


async def test_every_refused_command_is_in_the_audit_not_only_the_dangerous(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    device_id = await fleet.enroll()
    async with Rest.open(hub.url, tokens["OPERATOR"]) as operator:
        answer = await operator.dispatch(device_id, {"type": "push_config", "patch": {}})
        assert answer.status_code == 403
    (row,) = await rows_of(rest, device_id, "refused")
    assert row["action"] == "command.push_config"


async def test_a_refused_cancel_is_in_the_audit(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    device_id = await fleet.enroll()
    command_id = await rest.accept(device_id, "reboot_os", delivery="queue")
    one, all_of_them = f"/devices/{device_id}/commands/{command_id}", "/devices/{}/commands"
    async with Rest.open(hub.url, tokens["OPERATOR"]) as operator:
        assert (await operator.client.delete(one)).status_code == 403
        path = all_of_them.format(device_id)
        answer = await operator.client.delete(path, params={"status": "PENDING"})
        assert answer.status_code == 403
    (row,) = await rows_of(rest, device_id, "refused")
    assert (row["action"], row["detail"]) == (
        "command.cancel", {"commandId": command_id, "type": "reboot_os"},
    )  # fmt: skip


async def test_a_refused_act_on_api_keys_is_in_the_audit(
    hub: HubProcess, rest: Rest, tokens: dict[str, str]
) -> None:
    name, other = new_id("key"), new_id("other")
    async with Rest.open(hub.url, tokens["OPERATOR"]) as operator:
        answer = await operator.post("/api-keys", {"name": name, "role": "ADMIN"})
        assert answer.status_code == 403
        made = await operator.post("/api-keys", {"name": name, "role": "VIEWER"})
    async with Rest.open(hub.url, made.json()["data"]["key"]) as key:
        assert (await key.client.delete(f"/api-keys/{other}")).status_code == 403
    rows = await rest.data("/audit-log", action="api_key.create", outcome="refused")
    assert {"role": "ADMIN", "name": name} in [row["detail"] for row in rows]
    (row,) = await rows_of(rest, other, "refused")
    assert row["action"] == "api_key.delete"


# What a command was given


@pytest.mark.parametrize(
    ("command", "params"),
    [
        ({"type": "disable_device", "reason": "leaks"}, {"reason": "leaks"}),
        ({"type": "reboot_os", "delaySeconds": 5}, {"delaySeconds": 5}),
        ({"type": "force_sync"}, None),
        (
            {"type": "exec_shell", "template": "t", "args": {"pin": "s3cret"}},
            {"template": "t", "args": {"pin": "hidden"}},
        ),
        (
            {"type": "push_config", "patch": {"wifi": {"password": "s3cret"}}},
            {
                "patch": {
                    "sha256": hashlib.sha256(b'{"wifi":{"password":"s3cret"}}').hexdigest(),
                    "bytes": 30,
                }
            },
        ),
    ],
)
async def test_the_audit_says_what_a_command_was_given_without_its_secrets(
    rest: Rest, fleet: Fleet, command: Json, params: Any
) -> None:
    device_id = await fleet.enroll()
    await rest.accept(device_id, command, delivery="queue")
    action = f"command.{command['type']}"
    answer = await rest.get("/audit-log", target=device_id, action=action)
    (row,) = answer.json()["data"]
    assert row["detail"].get("params") == params
    assert "s3cret" not in answer.text


# Acts on many devices


async def test_a_deleted_group_has_a_row_for_each_member(rest: Rest, fleet: Fleet) -> None:
    group_id, members = await a_group(rest, fleet)
    assert (await rest.client.delete(f"/device-groups/{group_id}")).status_code == 200
    for device_id in members:
        (row,) = await rest.data("/audit-log", target=device_id, action="group.delete")
        assert row["detail"] == {"groupId": group_id}
    (row,) = await rest.data("/audit-log", target=group_id, action="group.delete")
    assert sorted(row["detail"]["deviceIds"]) == sorted(members)
