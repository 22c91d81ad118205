"""Sessions over a real hub, with raw ends."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.acceptance.hub.byte_streams import (
    ACCEPTS,
    SUCCESS,
    Opened,
    asking,
    open_end,
    session,
)
from tests.acceptance.hub.clients import Device, Fleet, Rest, new_id, until
from tests.acceptance.hub.people import bind, make_group, make_role, make_user, sign_in
from tests.acceptance.hub.process import HubProcess


class Plant:
    """The hub, its administrator and devices."""

    def __init__(self, hub: HubProcess, rest: Rest, fleet: Fleet, token: str) -> None:
        self.hub = hub
        self.rest = rest
        self.fleet = fleet
        self.token = token

    @asynccontextmanager
    async def line(self, accepts: list[str] | None = None) -> AsyncGenerator[Device]:
        async with self.fleet.new_line() as line:
            await line.hello(accepts=ACCEPTS if accepts is None else accepts)
            yield line

    @asynccontextmanager
    async def session(self, line: Device, **options: Any) -> AsyncGenerator[Opened]:
        given = {"token": self.token, "url": self.hub.url} | options
        device_token = await self.fleet.token(line.device_id)
        async with session(self.rest, line, device_token=device_token, **given) as opened:
            yield opened

    @asynccontextmanager
    async def shell(self, **options: Any) -> AsyncGenerator[tuple[Device, Opened]]:
        async with self.line() as line, self.session(line, **options) as opened:
            yield line, opened

    async def row(self, session_id: str) -> Any:
        return await self.rest.data(f"/sessions/{session_id}")

    async def ended(self, session_id: str) -> Any:
        async def has_ended() -> bool:
            return bool((await self.row(session_id))["status"] == "ENDED")

        await until(has_ended)
        return await self.row(session_id)


@pytest.fixture
def plant(hub: HubProcess, rest: Rest, fleet: Fleet, admin_token: str) -> Plant:
    return Plant(hub, rest, fleet, admin_token)


async def test_bytes_go_both_ways_until_the_last_status(plant: Plant) -> None:
    async with plant.shell(kind="exec", workload="shop/web", command=["sh"]) as (_, opened):
        assert opened.asked["kind"] == "exec"
        assert opened.asked["params"] == {"workload": "shop/web", "command": ["sh"]}
        assert opened.person.connection.subprotocol == "longline.session.v1"
        await opened.person.send(0, b"ls\n")
        assert await opened.device.message() == b"\x00ls\n"
        await opened.person.connection.send(b"\xff\x00")
        assert await opened.device.message() == b"\xff\x00"
        await opened.device.send(1, b"a\xff")
        await opened.device.send(2, b"err")
        await opened.device.send(3, {"info": {"n": 1}})
        failed = {
            "status": "Failure", "reason": "NonZeroExitCode", "message": "m",
            "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
        }  # fmt: skip
        await opened.device.send(3, failed)
        found = await opened.person.rest()
        assert found[:3] == [b"\x01a\xff", b"\x02err", b'\x03{"info": {"n": 1}}']
        assert json.loads(found[3][1:]) == failed
        assert await opened.person.closed() == (1000, "finished")
        assert await opened.device.closed() == (1000, "finished")
        row = await plant.ended(opened.id)
        assert (row["reason"], row["bytesDown"]) == ("finished", 4)
        assert row["params"] == {"workload": "shop/web", "command": ["sh"]}


async def test_kubernetes_clients_get_no_info(plant: Plant) -> None:
    options = {"kind": "exec", "workload": "shop/web", "command": ["sh"]}
    async with plant.shell(subprotocol="v5.channel.k8s.io", **options) as (_, opened):
        assert opened.person.connection.subprotocol == "v5.channel.k8s.io"
        await opened.device.send(3, {"info": {"n": 1}})
        await opened.device.connection.send(SUCCESS)
        assert await opened.person.rest() == [SUCCESS]


async def test_what_the_wrong_side_says_is_not_relayed(plant: Plant) -> None:
    async with plant.shell() as (_, opened):
        for message in (b"\x01no", b"\x03{}", b"\x09no", b"\xff\x01", b"\x00", b""):
            await opened.person.connection.send(message)
        for message in (b"\x00no", b"\x04{}", b"\xff\x00"):
            await opened.device.connection.send(message)
        await opened.person.send(0, b"yes")
        await opened.device.send(1, b"yes")
        assert await opened.device.message() == b"\x00yes"
        assert await opened.person.message() == b"\x01yes"


async def test_what_came_before_the_person_is_kept(plant: Plant) -> None:
    async with plant.line() as line:
        call = asking(plant.rest, line.device_id, "logs", source="agent")
        asked = await line.find("session_open")
        path = f"/ws/sessions/{asked['sessionId']}"
        async with open_end(plant.hub.url, path, await plant.fleet.token(line.device_id)) as device:
            assert (await call).status_code == 201
            await device.send(1, b"a line\n")
            await device.connection.send(SUCCESS)
            assert await device.closed() == (1000, "finished")
            assert (await plant.row(asked["sessionId"]))["status"] == "OPEN"
            async with open_end(plant.hub.url, path, plant.token) as person:
                assert await person.rest() == [b"\x01a line\n", SUCCESS]
                assert await person.closed() == (1000, "finished")
        assert (await plant.ended(asked["sessionId"]))["reason"] == "finished"


async def test_a_device_that_refuses_says_why(plant: Plant) -> None:
    async with plant.line() as line:
        call = asking(plant.rest, line.device_id, "shell")
        asked = await line.find("session_open")
        await line.send(
            "session_refused", sessionId=asked["sessionId"], code="not_allowed", message="off here"
        )
        answer = await call
        assert answer.status_code == 422
        problem = answer.json()
        assert (problem["code"], problem["detail"]) == ("refused_by_device", "off here")
        assert problem["device"] == {"code": "not_allowed", "message": "off here"}
        row = await plant.row(asked["sessionId"])
        assert (row["status"], row["reason"], row["code"]) == (
            "ENDED", "refused_by_device", "not_allowed",
        )  # fmt: skip


async def test_who_cannot_be_asked(plant: Plant) -> None:
    async with plant.line(accepts=[]) as line:
        answer = await asking(plant.rest, line.device_id, "shell")
        assert (answer.status_code, answer.json()["code"]) == (409, "unsupported")
    async with plant.line(accepts=["session_open"]) as line:
        answer = await asking(plant.rest, line.device_id, "forward", host="127.0.0.1", port=80)
        assert (answer.status_code, answer.json()["code"]) == (409, "unsupported")
    offline = await plant.fleet.enroll()
    answer = await asking(plant.rest, offline, "shell")
    assert (answer.status_code, answer.json()["code"]) == (409, "device_offline")
    answer = await asking(plant.rest, new_id("none"), "shell")
    assert answer.status_code == 404
    await plant.rest.post(f"/devices/{offline}/quarantine", {"reason": "odd"})
    answer = await asking(plant.rest, offline, "shell")
    assert (answer.status_code, answer.json()["code"]) == (409, "quarantined")


async def test_a_line_whose_hello_has_not_come_is_waited_for(plant: Plant) -> None:
    async with plant.fleet.new_line() as line:
        call = asking(plant.rest, line.device_id, "shell")
        await line.hello(accepts=ACCEPTS)
        asked = await line.find("session_open")
        async with open_end(
            plant.hub.url,
            f"/ws/sessions/{asked['sessionId']}",
            await plant.fleet.token(line.device_id),
        ):
            assert (await call).json()["data"]["status"] == "OPEN"


async def test_who_may_not_join(plant: Plant, tokens: dict[str, str]) -> None:
    async with plant.line() as line, plant.fleet.new_line() as another:
        call = asking(plant.rest, line.device_id, "shell")
        asked = await line.find("session_open")
        path = f"/ws/sessions/{asked['sessionId']}"

        async def status_of(token: str | None, path: str = path, **headers: str) -> int:
            with pytest.raises(InvalidStatus) as refused:
                async with open_end(plant.hub.url, path, token, **headers):
                    pass
            return refused.value.response.status_code

        assert await status_of(plant.token, "/ws/sessions/none") == 404
        assert await status_of("rubbish") == 401
        assert await status_of(tokens["OPERATOR"]) == 404  # may not list shells
        assert await status_of(tokens["ADMIN"]) == 403  # another sign-in session
        assert await status_of(await plant.fleet.token(another.device_id)) == 403
        assert await status_of(plant.token, Origin="http://elsewhere.example") == 403
        assert await status_of(plant.token, path + "?connection=a") == 400
        mine = await plant.fleet.token(line.device_id)
        async with open_end(plant.hub.url, path, mine), open_end(plant.hub.url, path, plant.token):
            assert (await call).status_code == 201
            assert await status_of(mine) == 409
            assert await status_of(plant.token) == 409
            async with open_end(plant.hub.url, path) as late:
                await late.connection.send(json.dumps({"type": "auth", "token": plant.token}))
                assert (await late.closed())[0] == 1008
        async with open_end(plant.hub.url, path) as silent:
            await silent.send(0, b"x")
            assert (await silent.closed())[0] == 4401


async def test_by_ticket_and_by_first_frame(plant: Plant) -> None:
    for way in ("ticket", "auth"):
        async with plant.line() as line:
            call = asking(plant.rest, line.device_id, "shell")
            asked = await line.find("session_open")
            path = f"/ws/sessions/{asked['sessionId']}"
            mine = await plant.fleet.token(line.device_id)
            query = ""
            if way == "ticket":
                ticket = (await plant.rest.post("/auth/ws-ticket")).json()["data"]["ticket"]
                query = f"?ticket={ticket}"
            async with (
                open_end(plant.hub.url, path, mine) as device,
                open_end(plant.hub.url, path + query) as person,
            ):
                if way == "auth":
                    auth = json.dumps({"type": "auth", "token": plant.token})
                    await person.connection.send(auth)
                    await person.connection.send(auth)
                await person.send(0, b"hi")
                assert await device.message() == b"\x00hi"
                await person.connection.send('{"type":"ping"}')
                assert (await person.closed())[0] == 4400
                assert await device.closed() == (1000, "closed")
            assert (await call).status_code == 201


async def test_ends_that_somebody_asks_for(plant: Plant) -> None:
    async with plant.shell() as (line, opened):
        answer = await plant.rest.client.delete(f"/sessions/{opened.id}")
        assert answer.json()["data"]["reason"] == "deleted"
        assert await opened.person.closed() == (1000, "deleted")
        assert await opened.device.closed() == (1000, "deleted")
        rows = await plant.rest.data("/audit-log", target=line.device_id)
        acts = [(row["actor"], row["action"], row["reason"]) for row in rows]
        assert acts[:2] == [("admin", "session.end", "deleted"), ("admin", "session.open", None)]
        assert rows[0]["detail"]["sessionId"] == opened.id
    async with plant.shell(ttl=10) as (_, opened):
        assert await opened.person.closed(seconds=15) == (1000, "expired")
        assert await opened.device.closed() == (1000, "expired")


@pytest.mark.parametrize("act", ["disable", "quarantine", "delete"])
async def test_a_device_that_is_blocked(plant: Plant, act: str) -> None:
    async with plant.shell() as (line, opened):
        path = f"/devices/{line.device_id}"
        if act == "disable":
            answer = await plant.rest.client.patch(path, json={"disabled": True})
        elif act == "delete":
            answer = await plant.rest.client.delete(path)
        else:
            answer = await plant.rest.post(f"{path}/quarantine", {"reason": "odd"})
        assert answer.status_code == 200, answer.text
        assert (await opened.person.closed(seconds=5))[0] == 4403
        assert (await opened.device.closed(seconds=5))[0] == 4403


async def test_another_start_of_the_agent(plant: Plant) -> None:
    async with plant.shell() as (line, opened):
        async with plant.fleet.line(line.device_id) as newer:
            await newer.hello(bootId="boot-1", accepts=ACCEPTS)
            await opened.person.send(0, b"still here")
            assert await opened.device.message() == b"\x00still here"
        async with plant.fleet.line(line.device_id) as newer:
            await newer.hello(bootId="boot-2", accepts=ACCEPTS)
            assert await opened.person.closed(seconds=5) == (4403, "superseded")
            assert await opened.device.closed(seconds=5) == (4403, "superseded")


async def test_a_key_opens_and_its_end_ends(plant: Plant) -> None:
    made = await plant.rest.post("/api-keys", {"name": new_id("key"), "role": "ADMIN"})
    key = made.json()["data"]
    async with Rest.open(plant.hub.url, key["key"]) as by_key, plant.line() as line:
        device_token = await plant.fleet.token(line.device_id)
        async with session(
            by_key, line, url=plant.hub.url, token=key["key"], device_token=device_token
        ) as opened:
            await plant.rest.client.delete(f"/api-keys/{key['id']}")
            assert (await opened.person.closed(seconds=6))[0] == 4401
            assert (await opened.device.closed())[0] == 4403


async def test_how_many_there_may_be(plant: Plant) -> None:
    async with plant.line() as line:
        made: list[str] = []
        for _ in range(5):
            call = asking(plant.rest, line.device_id, "logs")
            made.append((await line.find("session_open"))["sessionId"])
            call.cancel()
        answer = await plant.rest.post(f"/devices/{line.device_id}/sessions", {"kind": "logs"})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_sessions")
        for session_id in made:
            await plant.rest.client.delete(f"/sessions/{session_id}")
        listed = await plant.rest.data("/sessions", deviceId=line.device_id, status="ENDED")
        assert [row["id"] for row in listed] == made[::-1]
        assert await plant.rest.data("/sessions", deviceId=line.device_id, kind="shell") == []


async def test_each_connection_of_a_forward_is_a_pair_of_its_own(plant: Plant) -> None:
    async with plant.line() as line:
        call = asking(plant.rest, line.device_id, "forward", host="127.0.0.1", port=80)
        asked = await line.find("session_open")
        await line.send("session_accepted", sessionId=asked["sessionId"])
        made = (await call).json()["data"]
        assert made["status"] == "OPEN"
        mine = await plant.fleet.token(line.device_id)
        for name in ("a", "b"):
            path = f"{made['url']}?connection={name}"
            async with open_end(plant.hub.url, path, plant.token) as person:
                wanted = await line.find("session_connect", sessionId=made["id"])
                assert wanted["connection"] == name
                async with open_end(plant.hub.url, path, mine) as device:
                    await person.send(0, b"GET")
                    assert await device.message() == b"\x00GET"
                    await device.connection.send(SUCCESS)
                    assert await person.rest() == [SUCCESS]
        assert (await plant.row(made["id"]))["status"] == "OPEN"


async def test_a_terminal_is_recorded(plant: Plant) -> None:
    async with plant.shell() as (line, opened):
        await opened.person.connection.send(b'\x04{"Width":100,"Height":30}')
        assert await opened.device.message() == b'\x04{"Width":100,"Height":30}'
        await opened.person.send(0, b"secret")
        await opened.device.send(1, "é".encode()[:1])
        await opened.device.send(1, "é".encode()[1:] + b"\xff")
        await opened.device.connection.send(SUCCESS)
        await opened.person.rest()
        assert (await plant.ended(opened.id))["recording"] is True
        answer = await plant.rest.get(f"/sessions/{opened.id}/recording")
        assert answer.headers["content-type"].startswith("application/x-asciicast")
        head, *events = [json.loads(line) for line in answer.text.splitlines()]
        assert (head["version"], head["width"], head["height"]) == (2, 100, 30)
        assert "truncated" not in head
        assert [event[1:] for event in events] == [["r", "100x30"], ["o", "é\ufffd"]]
        assert "secret" not in answer.text
        rows = await plant.rest.data("/audit-log", target=line.device_id)
        assert rows[0]["action"] == "session.recording.read"


async def test_a_message_that_is_too_long(plant: Plant) -> None:
    async with plant.shell() as (_, opened):
        await opened.person.send(0, bytes(32 * 1024 - 1))
        assert len(await opened.device.message()) == 32 * 1024
        await opened.person.send(0, bytes(32 * 1024))
        assert (await opened.person.closed())[0] == 1009
        assert await opened.device.closed() == (1000, "closed")


async def test_a_reader_that_stops_slows_its_sender(plant: Plant) -> None:
    async with plant.shell(kind="exec", workload="shop/web", command=["cat"]) as (_, opened):
        block, sent = bytes((1,)) + bytes(32 * 1024 - 1), 0
        try:
            async with asyncio.timeout(3):
                while True:
                    await opened.device.connection.send(block)
                    sent += len(block)
        except TimeoutError:
            pass
        assert sent < 16 * 2**20


@asynccontextmanager
async def scoped_shell(plant: Plant) -> AsyncGenerator[tuple[Opened, Rest, str, str]]:
    """A shell of somebody who may open shells on the devices of one group."""
    rules = {"resources": ["sessions/shell"], "verbs": ["list", "create"]}
    role = await make_role(plant.rest, rules)
    user = await make_user(plant.rest)
    token = sign_in(plant.hub.url, user["username"])["token"]
    async with plant.line() as line, Rest.open(plant.hub.url, token) as rest:
        group = await make_group(plant.rest, line.device_id)
        binding = await bind(plant.rest, role, ("user", user["id"]), ("group", group))
        device_token = await plant.fleet.token(line.device_id)
        async with session(
            rest, line, url=plant.hub.url, token=token, device_token=device_token
        ) as opened:
            await opened.person.send(0, b"x")
            assert await opened.device.message() == b"\x00x"
            yield opened, rest, binding, f"{group}/{line.device_id}"


async def test_the_right_that_is_taken(plant: Plant) -> None:
    async with scoped_shell(plant) as (opened, rest, binding, _):
        await plant.rest.client.delete(f"/role-bindings/{binding}")
        assert await opened.person.closed(seconds=5) == (4403, "forbidden")
        assert await opened.device.closed(seconds=5) == (4403, "forbidden")
        assert (await rest.get("/sessions")).status_code == 403


async def test_a_device_that_leaves_the_group(plant: Plant) -> None:
    async with scoped_shell(plant) as (opened, rest, _, member):
        assert [row["id"] for row in await rest.data("/sessions")] == [opened.id]
        assert (await rest.get(f"/sessions/{opened.id}")).status_code == 200
        async with plant.line() as other:
            answer = await asking(rest, other.device_id, "shell")
            assert answer.status_code == 404
            answer = await asking(rest, other.device_id, "exec", workload="a/b", command=["x"])
            assert answer.status_code == 403
        group, _, device_id = member.partition("/")
        body = {"deviceIds": [device_id]}
        await plant.rest.client.request("DELETE", f"/device-groups/{group}/members", json=body)
        assert await opened.person.closed(seconds=6) == (4403, "forbidden")
        assert await rest.data("/sessions") == []
        assert (await rest.get(f"/sessions/{opened.id}")).status_code == 404


async def test_who_logs_out(plant: Plant) -> None:
    user = await make_user(plant.rest, "ADMIN")
    token = sign_in(plant.hub.url, user["username"])["token"]
    async with plant.line() as line, Rest.open(plant.hub.url, token) as rest:
        device_token = await plant.fleet.token(line.device_id)
        async with session(
            rest, line, url=plant.hub.url, token=token, device_token=device_token
        ) as opened:
            await rest.post("/auth/logout")
            assert await opened.person.closed(seconds=5) == (4401, "signed_out")
            assert await opened.device.closed(seconds=5) == (4403, "signed_out")


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("shell", {"shell": "/bin/zsh"}),
        ("exec", {"workload": "a/b", "command": []}),
        ("file", {"path": "relative", "direction": "down"}),
        ("nothing", {}),
    ],
)
async def test_what_is_no_session(plant: Plant, kind: str, params: dict[str, Any]) -> None:
    async with plant.line() as line:
        answer = await asking(plant.rest, line.device_id, kind, **params)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        for seconds in (9, 28_801):
            answer = await asking(plant.rest, line.device_id, "logs", ttl=seconds)
            assert answer.status_code == 400


async def test_a_device_that_does_not_come(plant: Plant) -> None:
    async with plant.line() as line:
        call = asking(plant.rest, line.device_id, "shell")
        await line.find("session_open")
        made = (await call).json()["data"]
        assert made["status"] == "WAITING"
        async with open_end(plant.hub.url, made["url"], plant.token) as person:
            assert await person.closed(seconds=15) == (1011, "device_missing")


async def test_the_environment_is_for_the_device_alone(plant: Plant) -> None:
    options = {"kind": "exec", "workload": "a/b", "command": ["env"], "env": {"KEY": "s3cret"}}
    async with plant.shell(**options) as (line, opened):
        assert opened.asked["params"]["env"] == {"KEY": "s3cret"}
        shown = await plant.row(opened.id)
        rows = await plant.rest.data("/audit-log", target=line.device_id)
        assert "s3cret" not in json.dumps([shown, rows])
