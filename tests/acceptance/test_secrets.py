"""Secrets from `/secrets` to the program that uses them: a value is nowhere else on its way."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest_asyncio

from tests.acceptance.edge import Factory, factory
from tests.acceptance.hub.clients import Fleet, Json, Rest, new_id, open_socket
from tests.acceptance.hub.people import make_user, signed_in
from tests.acceptance.up import dump
from tests.cloud import stand_in_cloud

VALUE = 'corréct-horse-battery-"staple"'
LINES = "-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIEIEq9\n-----END KEY-----"
PROGRAM = """\
import json, os, sys, time
given = json.load(sys.stdin) if sys.argv[1] == "-" else {"key": sys.argv[1]}
open("{folder}/used", "w").write(given["key"])
data = ("out " + given["key"] + " " + json.dumps(given) + "\\n").encode() * 3
for at in range(0, len(data), 7):
    os.write(1, data[at:at + 7])
    time.sleep(0.001)
os.write(2, ("err " + given["key"]).encode())
sys.exit(int(given.get("exit", 0)))
"""
DECLARED = """\
[shell.templates.show]
argv = ["{python}", "{folder}/show.py", "{{key}}"]

[shell.templates.show.args]
key = {{ pattern = "(?s).*" }}

[commands.show]
argv = ["{python}", "{folder}/show.py", "-"]
stdin = "json"
danger = "no"

[commands.show.schema]
type = "object"
required = ["key"]
properties = {{ key = {{ type = "string", minLength = 5 }}, exit = {{ type = "integer" }} }}
"""


@pytest_asyncio.fixture
async def plant(tmp_path: Path) -> AsyncGenerator[Factory]:
    async with (
        stand_in_cloud() as cloud,
        factory(tmp_path, cloud, log_level="debug", request_rate="0") as plant,
    ):
        yield plant


def declared(folder: Path) -> str:
    (folder / "show.py").write_text(PROGRAM.replace("{folder}", str(folder)))
    return DECLARED.format(python=sys.executable, folder=folder)


async def keep(rest: Rest, name: str, **data: str) -> Json:
    made = await rest.post("/secrets", {"name": name, "data": data})
    assert made.status_code == 201, made.text
    found: Json = made.json()["data"]
    return found


def shell(reference: str) -> Json:
    return {"type": "exec_shell", "template": "show", "args": {"key": {"$secret": reference}}}


def own(reference: str, **more: int) -> Json:
    args = {"key": {"$secret": reference}, **more}
    return {"type": "custom", "name": "show", "args": args}


async def problem(rest: Rest, device_id: str, command: Json) -> tuple[int, str]:
    """(status, the field or code)."""
    answer = await rest.dispatch(device_id, command)
    said = answer.json()
    return answer.status_code, (said.get("errors") or [{"field": said.get("code")}])[0]["field"]


def files_with(folder: Path, value: str) -> list[Path]:
    """What of all that is below it holds the value."""
    needles = [value.encode(), *(line.encode() for line in value.splitlines())]
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]


async def test_what_is_kept_is_shown_without_its_values(plant: Factory) -> None:
    async with plant.rest() as rest:
        made = await keep(rest, "wifi", password=VALUE)
        assert (made["name"], made["keys"], made["version"]) == ("wifi", ["password"], 1)
        assert (
            await rest.post("/secrets", {"name": "wifi", "data": {"a": "b"}})
        ).status_code == 409
        assert await rest.data("/secrets") == [made]
        again = await rest.client.put("/secrets/wifi", json={"data": {"password": VALUE}})
        assert again.json()["data"] == made
        other = (await rest.client.put("/secrets/wifi", json={"data": {"pin": "1"}})).json()["data"]
        assert (other["version"], other["keys"]) == (2, ["pin"])
        assert other["hash"] != made["hash"]
        for data, status in (({}, 400), ({"a/b": "x"}, 400), ({"a": "x" * 65_536}, 413)):
            refused = await rest.post("/secrets", {"name": new_id("s"), "data": data})
            assert refused.status_code == status, refused.text
        assert (await rest.post("/secrets", {"name": "a/b", "data": {"a": "b"}})).status_code == 400
        assert (await rest.client.delete("/secrets/wifi")).status_code == 200
        assert (await rest.get("/secrets/wifi")).status_code == 404
        rows = await rest.data("/audit-log", target="wifi")
        assert {row["action"] for row in rows} == {
            "secret.create",
            "secret.update",
            "secret.delete",
        }
        changed = next(row for row in rows if row["action"] == "secret.update")
        assert changed["changes"]["data"] == ["hidden", "hidden"]


async def test_names_and_rights(plant: Factory) -> None:
    fleet = Fleet(plant.hub.url, plant.hub.ready["enrollmentKey"])
    async with plant.rest() as rest, fleet.new_line() as device:
        await keep(rest, "mine", key="value-of-mine")
        await keep(rest, "other", key="value-of-other")
        name = new_id("role")
        rules = [
            {"resources": ["secrets"], "verbs": ["get", "list", "use"], "names": ["mine"]},
            {"resources": ["commands/exec_shell", "devices", "commands"], "verbs": ["*"]},
        ]
        assert (await rest.post("/roles", {"name": name, "rules": rules})).status_code == 201
        user = await make_user(rest)
        binding = {"role": name, "subject": {"kind": "user", "id": user["id"]}}
        assert (await rest.post("/role-bindings", binding)).status_code == 201
        async with signed_in(plant.hub, user) as member:
            assert [each["name"] for each in await member.data("/secrets")] == ["mine"]
            assert (await member.get("/secrets/other")).status_code == 404
            assert await problem(member, device.device_id, shell("other")) == (403, "forbidden")
            assert await problem(member, device.device_id, shell("none")) == (403, "forbidden")
            refused = await member.post("/secrets", {"name": "new", "data": {"a": "b"}})
            assert refused.status_code == 403
            bulk = {"deviceIds": [device.device_id], "command": shell("other")}
            assert (await member.post("/commands/bulk", bulk)).status_code == 403
            command_id = await member.accept(device.device_id, shell("mine"))
            frame = await device.find("exec_shell", id=command_id)
            assert frame["args"] == {"key": {"$secret": "mine"}}
            assert frame["secrets"] == {"mine": "value-of-mine"}
            await device.succeed(command_id)


async def test_what_names_nothing_is_refused(plant: Factory) -> None:
    fleet = Fleet(plant.hub.url, plant.hub.ready["enrollmentKey"])
    async with plant.rest() as rest, fleet.new_line() as device:
        await keep(rest, "two", a="1", b="2")
        at = device.device_id
        for reference in ("none", "two", "two/c", "none/a"):
            assert await problem(rest, at, shell(reference)) == (400, "command.args.key")
        reserved = {**shell("two/a"), "args": {"secrets": "x"}}
        assert await problem(rest, at, reserved) == (400, "command.args.secrets")
        push = {"type": "push_config", "patch": {"a": {"$secret": "two/a"}}}
        assert await problem(rest, at, push) == (400, "command.patch.a")
        command_id = await rest.accept(at, shell("two/b"))
        assert (await device.find("exec_shell", id=command_id))["secrets"] == {"two/b": "2"}
        await device.succeed(command_id)


async def test_what_waits_is_sent_what_is_true_when_it_is_sent(plant: Factory) -> None:
    fleet = Fleet(plant.hub.url, plant.hub.ready["enrollmentKey"])
    device_id = await fleet.enroll()
    async with plant.rest() as rest:
        await keep(rest, "now", key="first")
        await keep(rest, "gone", key="gone")
        kept = await rest.accept(device_id, shell("now"), delivery="queue")
        lost = await rest.accept(device_id, shell("gone"), delivery="queue")
        await rest.client.put("/secrets/now", json={"data": {"key": "second"}})
        await rest.client.delete("/secrets/gone")
        async with fleet.line(device_id) as device:
            await device.hello(journalId="j")
            assert (await device.find("exec_shell", id=kept))["secrets"] == {"now": "second"}
            await rest.until_status(device_id, lost, "CANCELLED")
            assert (await rest.record(device_id, lost))["error"]["code"] == "forbidden"
            await device.settled()
        # The line was lost: sent again, and filled in anew.
        await rest.client.put("/secrets/now", json={"data": {"key": "third"}})
        async with fleet.line(device_id) as device:
            await device.hello(journalId="j")
            assert (await device.find("exec_shell", id=kept))["secrets"] == {"now": "third"}
            await device.succeed(kept)
        await rest.until_status(device_id, kept, "SUCCESS")


async def test_a_value_is_where_it_is_used_and_nowhere_else(plant: Factory, tmp_path: Path) -> None:
    await plant.agent("edge-1", declared(tmp_path))
    async with plant.rest() as rest:
        await keep(rest, "line", key=VALUE)
        await keep(rest, "lines", key=LINES)
        token = str(rest.client.headers["authorization"])
        async with open_socket(f"{plant.hub.url}/ws/dashboard", Authorization=token) as dashboard:
            await dashboard.send("subscribe", id="all")
            await dashboard.find("subscribed", id="all")
            for command, value in (
                (shell("line"), VALUE),
                (own("lines"), LINES),
                (own("line", exit=3), VALUE),
            ):
                (tmp_path / "used").unlink(missing_ok=True)
                answer = await rest.dispatch("edge-1", command)
                assert answer.status_code == 200, answer.text
                assert (tmp_path / "used").exists(), answer.text
                assert (tmp_path / "used").read_text() == value
                (tmp_path / "used").unlink()
                data = answer.json()["data"]
                assert "[secret]" in data["data"]["stdout"]
                assert "err [secret]" in data["data"]["stderr"]
                record = await rest.get(f"/devices/edge-1/commands/{data['commandId']}")
                assert '"$secret"' in record.text
                event = await dashboard.find("command_result", commandId=data["commandId"])
                for text in (answer.text, record.text, str(event)):
                    assert value not in text
                    assert not any(line in text for line in value.splitlines())
        # What the description asks for is asked of the value.
        await keep(rest, "short", key="pin4")
        refused = await rest.dispatch("edge-1", own("short"))
        assert (refused.status_code, "pin4" in refused.text) == (400, False)
    for value in (VALUE, LINES):
        assert await asyncio.to_thread(files_with, tmp_path / "edge-1", value) == []
        assert value not in plant.hub.log()
        assert (await asyncio.to_thread(files_with, tmp_path / "data" / "log", value)) == []
    text = await asyncio.to_thread(dump, plant.hub.ready)
    assert "$secret" in text
    for value in (VALUE, *LINES.splitlines()):
        assert value not in text
