"""Commands that a person signs: device-identity.md, 7.1. The devices are raw sockets: what one
decides is tested in tests/integration/device/test_signed_commands.py."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from protocol.codec import rfc3339
from protocol.signing import SignedCommand
from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id
from tests.acceptance.hub.people import make_group, make_user, new_organisation, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.test_organisations import code
from tests.acceptance.hub.test_passkeys import add_passkey
from tests.signing import Signer, as_json, make_command, sign_by_passkey


def soon(**ahead: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(**ahead or {"minutes": 10}))


async def add_key(caller: Rest, name: str = "Laptop") -> Signer:
    signer = Signer()
    answer = await caller.post("/auth/command-keys", {"name": name, "publicKey": signer.line})
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert (made["keyId"], made["publicKey"]) == (signer.key_id, signer.line)
    return signer


def reboot(device: str, **fields: Any) -> SignedCommand:
    made = {"device_id": device, "command_id": new_id("c"), "not_after": soon()}
    return make_command(**made | fields)


def body_of(command: SignedCommand, signature: Json, **more: Any) -> Json:
    named = {"type": command.type, "id": command.command_id, **command.params}
    return {"command": named, "signature": signature, **more}


async def post(rest: Rest, command: SignedCommand, signature: Json, **more: Any) -> httpx.Response:
    path = f"/devices/{command.device_id}/commands"
    headers = {"Prefer": "respond-async"}
    body = body_of(command, signature, **more)
    return await rest.client.post(path, json=body, headers=headers)


@pytest_asyncio.fixture
async def anna(hub: HubProcess, rest: Rest) -> AsyncGenerator[Rest]:
    """An administrator without keys."""
    async with signed_in(hub, await make_user(rest, "ADMIN")) as caller:
        yield caller


# The keys of people


async def test_a_key_is_added_listed_and_removed(hub: HubProcess, rest: Rest) -> None:
    user = await make_user(rest, "VIEWER")
    async with signed_in(hub, user) as caller:
        signer = await add_key(caller)
        (listed,) = await caller.data("/auth/command-keys")
        assert (listed["name"], listed["keyId"]) == ("Laptop", signer.key_id)
        again = {"name": "Again", "publicKey": f"{signer.line} anna@laptop"}
        assert code(await caller.post("/auth/command-keys", again)) == (409, "conflict")
        gone = await caller.client.delete(f"/auth/command-keys/{listed['id']}")
        assert gone.status_code == 200
        again_gone = await caller.client.delete(f"/auth/command-keys/{listed['id']}")
        assert code(again_gone) == (404, "not_found")
        assert await caller.data("/auth/command-keys") == []
    rows = await rest.data("/audit-log", actor=user["username"])
    kept = {row["action"]: row["detail"] for row in rows}
    assert kept["auth.command_key_add"]["keyId"] == signer.key_id
    assert kept["auth.command_key_remove"]["keyId"] == signer.key_id


@pytest.mark.parametrize("line", ["hello", "ssh-ed25519 AAAA", "ssh-rsa AAAAB3NzaC1yc2E="])
async def test_what_is_no_key(rest: Rest, line: str) -> None:
    answer = await rest.post("/auth/command-keys", {"name": "k", "publicKey": line})
    assert code(answer) == (400, "invalid")


async def test_keys_are_ones_own(hub: HubProcess, rest: Rest, anna: Rest) -> None:
    await add_key(anna)
    (mine,) = await anna.data("/auth/command-keys")
    async with signed_in(hub, await make_user(rest, "ADMIN")) as other:
        assert await other.data("/auth/command-keys") == []
        gone = await other.client.delete(f"/auth/command-keys/{mine['id']}")
        assert code(gone) == (404, "not_found")


async def test_an_account_has_twenty_at_most(hub: HubProcess, rest: Rest) -> None:
    async with signed_in(hub, await make_user(rest, "VIEWER")) as caller:
        for _ in range(20):
            await add_key(caller)
        more = {"name": "k", "publicKey": Signer().line}
        assert code(await caller.post("/auth/command-keys", more)) == (409, "too_many")


# Dispatch


async def test_it_goes_down_the_line_unchanged(anna: Rest, fleet: Fleet) -> None:
    signer, device = await add_key(anna), await fleet.enroll()
    command = reboot(device, params={"delaySeconds": 5})
    signature = as_json(signer.sign(command))
    async with fleet.line(device) as line:
        answer = await post(anna, command, signature)
        assert answer.status_code == 202, answer.text
        frame = await line.find("reboot_os")
        assert frame["signature"] == signature
        assert frame["delaySeconds"] == 5
        record = await anna.data(f"/devices/{device}/commands/{command.command_id}")
        said = {name: signature[name] for name in ("kind", "keyId", "notAfter")}
        assert record["signature"] == said
    (row,) = await anna.data("/audit-log", target=device, action="command.reboot_os")
    assert row["detail"]["signedBy"] == signer.key_id


async def test_each_kind_goes_without_defaults(hub: HubProcess, anna: Rest, fleet: Fleet) -> None:
    device = await fleet.enroll()
    signer, passkey = await add_key(anna), await add_passkey(hub, anna)
    (listed,) = await anna.data("/auth/passkeys")
    assert listed["publicKey"].startswith("ecdsa-sha2-nistp256 ")
    assert listed["credentialId"] == passkey.made_id
    async with fleet.line(device) as line:
        for number in range(3):
            command = reboot(device)
            made = (
                signer.sign(command),
                signer.sign_as_ssh(command),
                sign_by_passkey(passkey, command, listed["keyId"]),
            )
            signature = as_json(made[number])
            answer = await post(anna, command, signature)
            assert answer.status_code == 202, answer.text
            frame = await line.find("reboot_os", id=command.command_id)
            assert frame["signature"] == signature
            assert frame["signature"]["params"] == {}
            assert frame["delaySeconds"] == 0


async def test_what_does_not_count(hub: HubProcess, anna: Rest, fleet: Fleet) -> None:
    signer, device = await add_key(anna), await fleet.enroll()
    elsewhere = await fleet.enroll()
    async with fleet.line(device) as line:
        for how, signature in {
            "by a stranger": Signer().sign(command := reboot(device)),
            "for another device": signer.sign(reboot(elsewhere, command_id=command.command_id)),
            "for another organisation": signer.sign(reboot(device, org="plant-2")),
            "for another command": signer.sign(reboot(device)),
        }.items():
            answer = await post(anna, command, as_json(signature))
            assert code(answer) == (400, "bad_signature"), how
        other = as_json(signer.sign(reboot(device, params={"delaySeconds": 7})))
        assert code(await post(anna, command, other)) == (400, "bad_signature")
        for not_after in (soon(seconds=-1), soon(hours=25), "tomorrow"):
            command = reboot(device, not_after=not_after)
            answer = await post(anna, command, as_json(signer.sign(command)))
            assert code(answer) == (400, "bad_signature"), not_after
        assert await anna.data(f"/devices/{device}/commands") == []
        assert [frame["type"] for frame in await line.settled()] == []
    rows = await anna.data("/audit-log", target=device, action="command.reboot_os")
    assert {row["outcome"] for row in rows} == {"refused"}


async def test_an_integer_that_no_double_holds(anna: Rest, fleet: Fleet) -> None:
    signer, device = await add_key(anna), await fleet.enroll()
    signed = reboot(device, type="push_config", params={"patch": {"n": 1}})
    signature = as_json(signer.sign(signed)) | {"params": {"patch": {"n": 2**53}}}
    beyond = reboot(device, type="push_config", params={"patch": {"n": 2**53}})
    answer = await post(anna, beyond, signature)
    assert code(answer) == (400, "bad_signature")
    assert "2^53" in answer.json()["detail"]


async def test_whoever_signs_makes_the_id(anna: Rest, fleet: Fleet) -> None:
    signer, device = await add_key(anna), await fleet.enroll()
    command = reboot(device)
    signature = as_json(signer.sign(command))
    nameless = {"command": {"type": "reboot_os"}, "signature": signature}
    answer = await anna.post(f"/devices/{device}/commands", nameless)
    assert code(answer) == (400, "invalid")
    assert answer.json()["errors"][0]["field"] == "command.id"
    answer = await post(anna, command, signature | {"commandId": "another"})
    assert code(answer) == (400, "invalid")


async def test_the_same_call_again_joins_and_another_conflicts(anna: Rest, fleet: Fleet) -> None:
    signer, device = await add_key(anna), await fleet.enroll()
    command = reboot(device)
    signature = as_json(signer.sign(command))
    async with fleet.line(device) as line:
        for _ in range(2):
            answer = await post(anna, command, signature)
            assert answer.status_code == 202, answer.text
        anew = as_json(signer.sign_as_ssh(command))
        assert code(await post(anna, command, anew)) == (409, "conflict")
        unsigned = {"command": {"type": "reboot_os", "id": command.command_id}}
        answer = await anna.post(f"/devices/{device}/commands", unsigned)
        assert code(answer) == (409, "conflict")
        await anna.accept(device)
        sent = [frame["type"] for frame in await line.settled()]
        assert sent == ["reboot_os", "force_sync"]


async def test_what_waits_takes_its_signature_along_and_ends_with_it(
    anna: Rest, fleet: Fleet
) -> None:
    signer, device = await add_key(anna), await fleet.enroll()
    command = reboot(device)
    signature = as_json(signer.sign(command))
    answer = await post(anna, command, signature, delivery="queue")
    assert answer.status_code == 202, answer.text
    record = await anna.data(f"/devices/{device}/commands/{command.command_id}")
    assert record["expiresAt"] == command.not_after
    async with fleet.line(device) as line:
        assert (await line.find("reboot_os"))["signature"] == signature


async def test_an_api_key_has_the_keys_of_its_owner(
    hub: HubProcess, anna: Rest, fleet: Fleet
) -> None:
    signer, device = await add_key(anna), await fleet.enroll()
    made = await anna.post("/api-keys", {"name": "ci", "role": "ADMIN"})
    async with Rest.open(hub.url, made.json()["data"]["key"]) as key, fleet.line(device):
        command = reboot(device)
        answer = await post(key, command, as_json(signer.sign(command)))
        assert answer.status_code == 202, answer.text
        assert (await key.client.get("/auth/command-keys")).status_code == 403


async def test_with_its_signature_it_is_too_large(anna: Rest, fleet: Fleet) -> None:
    signer, device = await add_key(anna), await fleet.enroll()
    command = reboot(device, type="push_config", params={"patch": {"a": "x" * 200_000}})
    answer = await post(anna, command, as_json(signer.sign(command)))
    assert code(answer) == (413, "too_large")


# Many


async def bulk(rest: Rest, targets: list[str], signatures: Json) -> httpx.Response:
    body = {"deviceIds": targets, "command": {"type": "reboot_os"}, "signatures": signatures}
    headers = {"Prefer": "respond-async"}
    return await rest.client.post("/commands/bulk", json=body, headers=headers)


def in_bulk(signer: Signer, command: SignedCommand) -> Json:
    return {**as_json(signer.sign(command)), "commandId": command.command_id}


async def test_in_bulk_each_has_its_own(anna: Rest, fleet: Fleet) -> None:
    signer = await add_key(anna)
    devices = [await fleet.enroll() for _ in range(3)]
    commands = {device: reboot(device) for device in devices}
    signatures = {device: in_bulk(signer, command) for device, command in commands.items()}
    signatures[devices[2]] = in_bulk(Signer(), commands[devices[2]])
    async with fleet.line(devices[0]) as line, fleet.line(devices[1]):
        answer = await bulk(anna, devices, signatures)
        assert answer.status_code == 202, answer.text
        results = answer.json()["data"]["results"]
        for device in devices[:2]:
            assert results[device]["commandId"] == commands[device].command_id
        assert results[devices[2]]["error"]["code"] == "bad_signature"
        frame = await line.find("reboot_os")
        assert frame["signature"] == as_json(signer.sign(commands[devices[0]]))
        again = (await bulk(anna, devices, signatures)).json()["data"]["results"]
        assert again[devices[0]]["commandId"] == commands[devices[0]].command_id


async def test_in_bulk_none_may_be_missing(anna: Rest, fleet: Fleet) -> None:
    signer = await add_key(anna)
    devices = [await fleet.enroll() for _ in range(2)]
    signatures = {device: in_bulk(signer, reboot(device)) for device in devices}
    missing = {devices[0]: signatures[devices[0]]}
    assert code(await bulk(anna, devices, missing)) == (400, "invalid")
    assert code(await bulk(anna, devices[:1], signatures)) == (400, "invalid")
    nameless = {name: {**of, "commandId": None} for name, of in signatures.items()}
    assert code(await bulk(anna, devices, nameless)) == (400, "invalid")
    for of in nameless.values():
        del of["commandId"]
    assert code(await bulk(anna, devices, nameless)) == (400, "invalid")


async def test_a_group_has_no_signature(anna: Rest, fleet: Fleet) -> None:
    signer, device = await add_key(anna), await fleet.enroll()
    group, command = await make_group(anna, device), reboot(device)
    body = body_of(command, as_json(signer.sign(command)))
    answer = await anna.post(f"/device-groups/{group}/commands", body)
    assert code(answer) == (400, "invalid")
    assert answer.json()["errors"][0]["field"] == "signature"


async def test_a_key_is_the_accounts_and_what_it_signs_one_organisations(
    hub: HubProcess, rest: Rest, fleet: Fleet
) -> None:
    device = await fleet.enroll()
    async with new_organisation(hub, rest) as (org, there):
        signer = await add_key(there)
        command = reboot(device, org=org)
        answer = await post(there, command, as_json(signer.sign(command)))
        assert code(answer) == (404, "not_found")
        answer = await post(rest, command, as_json(signer.sign(command)))
        assert code(answer) == (400, "bad_signature")
        command = reboot(device)
        async with fleet.line(device):
            answer = await post(rest, command, as_json(signer.sign(command)))
            assert answer.status_code == 202, answer.text
