"""What callers may send, and how they are refused: protocol.md, 4; promises.md, 2."""

import base64
import json
import unicodedata
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from protocol.canonical import hash_of
from tests.acceptance.hub.clients import Fleet, Rest, new_id
from tests.acceptance.hub.process import HubProcess

LISTS = (
    "/devices", "/commands", "/audit-log", "/device-groups", "/users", "/api-keys",
    "/firmware/releases", "/firmware/signing-keys", "/firmware/deployments", "/devices/connected",
    "/cloud-sync/dead-letters",
)  # fmt: skip
HOSTILE = (
    "'; DROP TABLE device; --",
    '" OR 1=1 --',
    "%' ESCAPE '%",
    "\\",
    "a\r\nSet-Cookie: x=1",
    "${jndi:ldap://x}",
    "‮é\u0301 \U0001f600",
    "_%",
)


def problem_of(answer: httpx.Response, status: int, code: str) -> Any:
    """The problem document, which must have every field of RFC 9457 that the protocol names."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() - {"errors"} == {
        "type", "title", "status", "detail", "code", "success",
    }  # fmt: skip
    assert (problem["status"], problem["code"], problem["success"]) == (status, code, False)
    return problem


async def test_every_refusal_is_a_problem_document(rest: Rest) -> None:
    problem_of(await rest.get("/nothing"), 404, "not_found")
    problem_of(await rest.get("/devices/none"), 404, "not_found")
    refused = await rest.client.delete("/auth/login")
    problem_of(refused, 405, "invalid")
    assert "POST" in refused.headers["allow"]
    problem = problem_of(await rest.post("/device-groups", {"name": 5}), 400, "invalid")
    assert [error["field"] for error in problem["errors"]] == ["name"]
    assert problem["errors"][0]["message"]


async def test_a_body_may_have_a_mebibyte(rest: Rest) -> None:
    name = "x" * (2**20 - 30)
    small = await rest.client.post("/device-groups", content=json.dumps({"name": name}))
    problem_of(small, 400, "invalid")
    body = json.dumps({"name": "x" * 2**20})
    problem_of(await rest.client.post("/device-groups", content=body), 413, "too_large")

    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(20):
            yield b" " * 2**16

    problem_of(await rest.client.post("/device-groups", content=chunks()), 413, "too_large")


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "multipart/form-data"])
async def test_another_content_type_is_415(rest: Rest, media: str) -> None:
    answer = await rest.client.post(
        "/device-groups", content=b'{"name":"x"}', headers={"Content-Type": media}
    )
    problem_of(answer, 415, "unsupported_media")


@pytest.mark.parametrize("media", [None, "application/json", "Application/JSON; charset=utf-8"])
async def test_a_missing_content_type_is_json(rest: Rest, media: str | None) -> None:
    body = json.dumps({"name": new_id("group")}).encode()
    headers = {"Content-Type": media} if media else {}
    answer = await rest.client.post("/device-groups", content=body, headers=headers)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"name":"a","name2":"b"}',
        b'{"name":"a\\u0000b"}',
        b'{"name":"\\ud800"}',
        b'{"name":"\xff"}',
        b'{"name":' + b"9" * 5000 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"na\\u0000me":"x"}',
    ],
)
async def test_a_body_that_does_not_decode_is_400(rest: Rest, body: bytes) -> None:
    problem_of(await rest.client.post("/device-groups", content=body), 400, "invalid")


async def test_of_duplicate_keys_the_last_wins(rest: Rest) -> None:
    last = new_id("group")
    body = f'{{"name":"first","name":"{last}"}}'
    answer = await rest.client.post("/device-groups", content=body)
    assert answer.json()["data"]["name"] == last


@pytest.mark.parametrize(
    "patch",
    [
        '{"a":"b\\u0000c"}',
        '{"a\\u0000":1}',
        '{"a":[{"b":"\\u0000"}]}',
        '{"a":18446744073709551616}',
        '{"a":-9223372036854775809}',
        '{"a":NaN}',
        '{"a":1e999}',
    ],
)
async def test_what_postgres_could_not_take_is_400_also_deep_inside(
    fleet: Fleet, rest: Rest, patch: str
) -> None:
    device_id = await fleet.enroll()
    body = f'{{"command":{{"type":"push_config","patch":{patch}}},"delivery":"queue"}}'
    answer = await rest.client.post(f"/devices/{device_id}/commands", content=body)
    problem_of(answer, 400, "invalid")


@pytest.mark.parametrize("depth", [50, 240, 300, 700, *range(900, 1000, 10), 5000])
async def test_a_deep_patch_is_taken_or_refused_and_harms_nobody(
    fleet: Fleet, rest: Rest, depth: int
) -> None:
    device_id = await fleet.enroll()
    patch = '{"a":' * depth + "1" + "}" * depth
    body = f'{{"command":{{"type":"push_config","patch":{patch}}},"delivery":"queue"}}'
    answer = await rest.client.post(f"/devices/{device_id}/commands", content=body)
    assert answer.status_code == (202 if depth < 250 else 400), answer.text
    read = await rest.get(f"/devices/{device_id}/commands")
    assert read.status_code == 200
    assert len(read.json()["data"]) == (1 if answer.status_code == 202 else 0)
    assert (await rest.get(f"/devices/{device_id}/config")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/devices/a%00b",
        "/devices/a%00b/commands",
        "/devices/a%00b/commands/c",
        "/devices/a/commands/c%00d",
        "/device-groups/a%00b",
        "/users/a%00b",
        "/firmware/releases/a%00b",
        "/devices/%FF%FE",
        "/devices/..%2f..%2fetc",
    ],
)
async def test_hostile_paths_are_404(rest: Rest, path: str) -> None:
    problem_of(await rest.get(path), 404, "not_found")


async def test_nul_in_the_path_of_a_dispatch_is_404(rest: Rest) -> None:
    answer = await rest.post("/devices/a%00b/commands", {"command": {"type": "force_sync"}})
    problem_of(answer, 404, "not_found")
    problem_of(await rest.client.delete("/devices/a/commands/a%00b"), 404, "not_found")


@pytest.mark.parametrize("path", LISTS)
async def test_lists_refuse_what_they_do_not_know(rest: Rest, path: str) -> None:
    for query in (
        {"limit": 0},
        {"limit": 501},
        {"limit": "many"},
        {"no_such_filter": "x"},
        {"cursor": "nonsense"},
        {"cursor": "é"},
        {"cursor": "WyIyMDI2LTAxLTAxIiwgIngiXQ"},
        {"cursor": ""},
    ):
        problem_of(await rest.get(path, **query), 400, "invalid")


@pytest.mark.parametrize(
    ("path", "query", "takes"),
    [
        ("/devices", "connected=null", "true or false"),
        ("/devices", "status=online", "one of DEGRADED, DISABLED, ERROR, OFFLINE, ONLINE"),
        ("/devices", "tag=a&tag=b", "once"),
        ("/audit-log", "since=null", "a time such as"),
        ("/audit-log", "until=", "a time such as"),
        ("/commands", "type=forcesync", "force_sync, "),
        ("/commands", "status=failed", "one of PENDING, "),
        ("/commands", "status=FAILED&status=x", "one of PENDING, "),
        ("/commands", "finished=maybe", "true or false"),
        ("/commands", "deviceId=-", "text of the pattern"),
        ("/device-groups", "limit=5&limit=6", "once"),
    ],
)
async def test_a_wrong_filter_is_400_and_says_what_it_takes(
    rest: Rest, path: str, query: str, takes: str
) -> None:
    problem = problem_of(await rest.client.get(f"{path}?{query}"), 400, "invalid")
    (error,) = problem["errors"]
    assert error["field"] == query.partition("=")[0]
    assert takes in error["message"]


async def test_wrong_filters_of_one_device_are_400(rest: Rest, fleet: Fleet) -> None:
    device = f"/devices/{await fleet.enroll()}"
    for path, query in (
        ("/logs", "level=info"),
        ("/logs", "since=yesterday"),
        ("/events", "type=log_line"),
        ("/events", "presence=null"),
        ("/states", "until=null"),
        ("/metrics", "name=x&step=null"),
        ("/metrics", "name=x&name=y"),
        ("/metrics", "since=2026-01-01T00:00:00Z"),
        ("/commands", "offset=-1"),
        ("/config/history", "other=1"),
    ):
        problem_of(await rest.client.get(f"{device}{path}?{query}"), 400, "invalid")


async def test_a_filter_that_holds_several_matches_any(rest: Rest, fleet: Fleet) -> None:
    device_id = await fleet.enroll()
    queued = await rest.accept(device_id, delivery="queue")
    failed = json.loads((await rest.dispatch(device_id)).content)["data"]["commandId"]
    path = f"/devices/{device_id}/commands"

    async def ids(query: str) -> set[str]:
        answer = await rest.client.get(f"{path}?{query}")
        return {row["commandId"] for row in answer.json()["data"]}

    assert await ids("status=FAILED&status=PENDING") == {queued, failed}
    assert await ids("status=FAILED") == {failed}
    assert await ids("status=PENDING&type=force_sync&type=pull_logs") == {queued}
    assert await ids("type=pull_logs") == set()
    found = await rest.client.get(f"/devices?q={device_id}&status=OFFLINE&status=ERROR")
    assert [row["id"] for row in found.json()["data"]] == [device_id]
    events = await rest.client.get(f"/devices/{device_id}/events?type=alert&type=status")
    assert events.status_code == 200


async def test_a_cursor_is_good_for_its_list_and_filters_only(rest: Rest) -> None:
    prefix = new_id("bound")
    for number in range(3):
        await rest.post("/devices", {"id": f"{prefix}-{number}"})
    cursor = (await rest.get("/devices", q=prefix, limit=1)).json()["page"]["next"]
    following = await rest.data("/devices", q=prefix, limit=2, cursor=cursor)
    assert len(following) == 2
    others: list[tuple[str, dict[str, str]]] = [
        ("/commands", {}),
        ("/users", {}),
        ("/devices", {}),
        ("/devices", {"q": prefix, "connected": "false"}),
        ("/devices/connected", {}),
    ]
    for path, query in others:
        problem_of(await rest.get(path, cursor=cursor, **query), 400, "invalid")


async def test_the_connected_come_page_by_page(rest: Rest, fleet: Fleet) -> None:
    async with fleet.new_line() as one, fleet.new_line() as two:
        found: list[str] = []
        query: dict[str, Any] = {"limit": 1}
        while True:
            page = (await rest.get("/devices/connected", **query)).json()
            assert len(page["data"]) <= 1
            found += [row["id"] for row in page["data"]]
            if page["page"]["next"] is None:
                break
            query["cursor"] = page["page"]["next"]
        assert found[:2] == [two.device_id, one.device_id]
        assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/auth/login", {}),
        ("/auth/refresh", {}),
        ("/devices/d/token", {"X-Enrollment-Key": "wrong"}),
    ],
)
async def test_an_open_route_takes_8_kib(
    hub: HubProcess, path: str, headers: dict[str, str]
) -> None:
    async def spaces() -> AsyncGenerator[bytes]:
        for _ in range(9):
            yield b" " * 1024

    async with Rest.open(hub.url) as nobody:
        for body in (b" " * 8193, spaces()):
            answer = await nobody.client.post(path, content=body, headers=headers)
            problem_of(answer, 413, "too_large")
        answer = await nobody.client.post(path, content=b" " * 8192, headers=headers)
        assert answer.status_code in (400, 401)


async def test_a_content_coding_is_415_on_every_body(rest: Rest, hub: HubProcess) -> None:
    async with Rest.open(hub.url) as nobody:
        for path in ("/auth/login", "/auth/refresh", "/devices/d/token"):
            answer = await nobody.client.post(
                path, content=b"{}", headers={"Content-Encoding": "gzip"}
            )
            problem_of(answer, 415, "unsupported_media")
    for method, path in (
        ("POST", "/device-groups"),
        ("POST", "/firmware/releases?version=1"),
        ("PATCH", "/settings"),
        ("POST", "/commands/bulk"),
        ("PUT", "/config-schema"),
    ):
        answer = await rest.client.request(
            method, path, content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"}
        )
        problem_of(answer, 415, "unsupported_media")
        assert answer.headers["accept-encoding"] == "identity"


async def test_answers_say_how_to_handle_them(hub: HubProcess, rest: Rest) -> None:
    """Secrets are kept by nobody, and nothing is taken for another type."""
    made = await rest.post("/api-keys", {"name": "k", "role": "VIEWER"})
    ticket = await rest.post("/auth/ws-ticket")
    async with Rest.open(hub.url) as nobody:
        body = {"username": "admin", "password": hub.ready["adminPassword"]}
        login = await nobody.post("/auth/login", body)
        again = {"refreshToken": login.json()["data"]["refreshToken"]}
        refreshed = await nobody.post("/auth/refresh", again)
        key = {"X_Enrollment_Key": hub.ready["enrollmentKey"]}
        token = await nobody.post(f"/devices/{new_id('d')}/token", **key)
        none = await nobody.get("/none")
    for answer in (made, ticket, login, refreshed, token):
        assert answer.is_success, answer.text
        assert answer.headers["cache-control"] == "no-store"
    for answer in (made, none, await rest.get("/devices")):
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert "strict-transport-security" not in made.headers


CURSORS = {
    '["2026-01-01T00:00:00+00:00","not a number"]': "text where a number may be expected",
    '["2026-01-01T00:00:00+00:00","99999999999999999999999"]': "a number beyond 64 bits",
    '["0001-01-01T00:00:00+23:59","1"]': "before all time",
    '["9999-12-31T23:59:59-23:59","1"]': "after all time",
}


@pytest.mark.parametrize("raw", CURSORS, ids=CURSORS.get)
async def test_a_forged_cursor_is_a_page_or_400(rest: Rest, fleet: Fleet, raw: str) -> None:
    cursor = base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")
    device = f"/devices/{await fleet.enroll()}"
    below = ("/commands", "/logs", "/events", "/config/history")
    for path in (*LISTS, *(device + part for part in below)):
        answer = await rest.get(path, cursor=cursor)
        assert answer.status_code in (200, 400), (path, answer.text)


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
async def test_any_moment_is_a_filter_or_400(rest: Rest, fleet: Fleet, since: str) -> None:
    device = f"/devices/{await fleet.enroll()}"
    for path in ("/audit-log", f"{device}/logs", f"{device}/events", f"{device}/metrics"):
        query = {"name": "m"} if path.endswith("metrics") else {}
        for bound in ("since", "until"):
            answer = await rest.get(path, **{bound: since}, **query)
            assert answer.status_code in (200, 400), (path, answer.text)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_kept_as_it_is_or_refused(
    rest: Rest, fleet: Fleet, text: str
) -> None:
    device_id = await fleet.enroll()
    tagged = await rest.client.patch(f"/devices/{device_id}", json={"tags": [text]})
    assert tagged.json()["data"]["tags"] == [text]
    named = await rest.client.patch(f"/devices/{device_id}", json={"name": text})
    group = await rest.post("/device-groups", {"name": new_id("g") + text})
    assert "set-cookie" not in group.headers
    shows = not any(unicodedata.category(c) in ("Cc", "Cf") for c in text)
    if shows:
        assert named.json()["data"]["name"] == text
        assert group.json()["data"]["name"].endswith(text)
    else:
        problem_of(named, 400, "invalid")
        problem_of(group, 400, "invalid")
    for path, query in (
        ("/devices", {"q": text}),
        ("/devices", {"tag": text}),
        ("/devices", {"groupId": text}),
        ("/commands", {"batchId": text}),
        ("/audit-log", {"actor": text, "action": text, "target": text}),
        (f"/devices/{device_id}/logs", {"source": text}),
    ):
        answer = await rest.get(path, **query)
        assert answer.status_code == 200, (path, answer.text)
    found = await rest.data("/devices", q=text)
    named_so = [device["name"] for device in found if device["id"] == device_id]
    assert named_so == ([text] if shows else [])
    assert all(text in device["name"] for device in found)
    config = {"type": "push_config", "patch": {text: text}}
    command_id = await rest.accept(device_id, config, delivery="queue")
    record = await rest.record(device_id, command_id)
    assert record["params"] == {"patch": {text: text}}


async def test_pages_follow_each_other_while_rows_are_added(rest: Rest) -> None:
    prefix = new_id("page")
    made = [(await rest.post("/devices", {"id": f"{prefix}-{n}"})).status_code for n in range(7)]
    assert made == [201] * 7
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await rest.get("/devices", q=prefix, limit=3, **cursor)).json()
        found += [device["id"] for device in page["data"]]
        await rest.post("/devices", {"id": f"{prefix}-new-{len(found)}"})
        if page["page"]["next"] is None:
            break
        cursor = {"cursor": page["page"]["next"]}
    assert found == [f"{prefix}-{n}" for n in reversed(range(7))]


async def test_history_takes_the_seeds_offset(fleet: Fleet, rest: Rest) -> None:
    device_id = await fleet.enroll()
    ids = [await rest.accept(device_id, delivery="queue", timeoutMs=20_000 + n) for n in range(5)]
    rows = await rest.data(f"/devices/{device_id}/commands", limit=2, offset=1)
    assert [row["commandId"] for row in rows] == [ids[3], ids[2]]
    rows = await rest.data(f"/devices/{device_id}/commands", status="PENDING", type="force_sync")
    assert len(rows) == 5
    assert await rest.data(f"/devices/{device_id}/commands", status="SUCCESS") == []


async def test_devices_are_found_by_their_filters(fleet: Fleet, rest: Rest) -> None:
    tag = new_id("tag")
    offline = await fleet.enroll()
    async with fleet.new_line() as device:
        for device_id in (offline, device.device_id):
            await rest.client.patch(f"/devices/{device_id}", json={"tags": [tag]})

        async def ids(**query: Any) -> set[str]:
            return {row["id"] for row in await rest.data("/devices", tag=tag, **query)}

        assert await ids() == {offline, device.device_id}
        assert await ids(connected="true") == {device.device_id}
        assert await ids(connected="false") == {offline}
        assert await ids(status="OFFLINE") == {offline}
        assert await ids(status="ONLINE") == {device.device_id}
        assert await ids(q=offline[3:9]) == {offline}
    mode = await rest.client.put(
        f"/devices/{offline}/connection-mode", json={"mode": "DIRECT_CLOUD"}
    )
    assert mode.json()["data"]["connectionMode"] == "DIRECT_CLOUD"
    row = await rest.data(f"/devices/{offline}")
    assert row.keys() >= {
        "id", "name", "status", "connected", "replicaId", "generation", "connectionMode",
        "version", "companyId", "productionLineId", "tags", "metrics", "agents", "lastSeen",
        "createdAt",
    }  # fmt: skip


async def test_a_device_is_registered_once_and_may_come_back_by_an_administrator(
    rest: Rest, fleet: Fleet, hub: HubProcess
) -> None:
    device_id = new_id("made")
    created = await rest.post("/devices", {"id": device_id, "name": "n", "tags": ["t"]})
    assert created.status_code == 201
    assert created.headers["location"] == f"/api/v1/devices/{device_id}"
    problem_of(await rest.post("/devices", {"id": device_id}), 409, "conflict")
    problem_of(await rest.post("/devices", {"id": "-x"}), 400, "invalid")
    assert (await rest.client.delete(f"/devices/{device_id}")).status_code == 200
    problem_of(await rest.client.delete(f"/devices/{device_id}"), 404, "not_found")
    async with Rest.open(hub.url) as nobody:
        answer = await nobody.post(
            f"/devices/{device_id}/token", X_Enrollment_Key=hub.ready["enrollmentKey"]
        )
        problem_of(answer, 403, "forbidden")
    problem_of(await rest.dispatch(device_id), 404, "not_found")
    assert (await rest.post("/devices", {"id": device_id})).status_code == 201
    async with fleet.line(device_id) as device:
        assert await device.settled() == []


async def test_the_configuration_is_desired_and_then_reported(fleet: Fleet, rest: Rest) -> None:
    async with fleet.new_line() as device:
        path = f"/devices/{device.device_id}/config"
        assert await rest.data(path) == {
            "desired": {}, "own": {}, "from": {},
            "desiredVersion": 0, "desiredHash": hash_of({}), "reported": {},
            "reportedVersion": None, "reportedHash": None, "status": "in_sync", "error": None,
        }  # fmt: skip
        for patch in ({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": [1]}}):
            config = {"type": "push_config", "patch": patch}
            command_id = await rest.accept(device.device_id, config)
            await device.command("push_config", patch=patch)
        found = await rest.data(path)
        assert (found["desired"], found["desiredVersion"]) == ({"a": {"c": 2, "d": [1]}}, 2)
        assert found["status"] == "pending"
        await device.succeed(command_id, data={"version": 2, "applied": [], "restartRequired": []})
        history = await rest.data(f"{path}/history")
        assert [row["version"] for row in history] == [2, 1]
        assert history[0]["outcome"] == "applied"


async def test_addresses_outside_the_api(hub: HubProcess) -> None:
    async with httpx.AsyncClient(base_url=hub.url, trust_env=False) as client:
        assert (await client.get("/healthz")).json()["status"] == "ok"
        assert (await client.get("/readyz")).status_code == 200
        metrics = (await client.get("/metrics")).text
        assert "longline" in metrics
        for document in ("openapi", "asyncapi"):
            answer = await client.get(f"/api/v1/{document}.json")
            assert answer.status_code == 200


@pytest.mark.parametrize("word", ["connected", "bulk"])
async def test_no_device_comes_in_by_an_id_that_no_path_can_name(
    rest: Rest, hub: HubProcess, word: str
) -> None:
    registered = await rest.post("/devices", {"id": word})
    key = {"X-Enrollment-Key": hub.ready["enrollmentKey"]}
    enrolled = await rest.client.post(f"/devices/{word}/token", headers=key)

    for answer in (registered, enrolled):
        (error,) = problem_of(answer, 400, "invalid")["errors"]
        assert error["field"] == "id"
        assert f"`{word}`" in error["message"]
    found = (await rest.get("/devices", q=word)).json()["data"]
    assert word not in {device["id"] for device in found}


@pytest.mark.parametrize("command_id", [".", ".."])
async def test_no_command_has_an_id_that_no_path_can_name(rest: Rest, command_id: str) -> None:
    device_id = new_id("d")
    await rest.post("/devices", {"id": device_id})
    body = {"command": {"type": "force_sync", "id": command_id}}

    refused = problem_of(await rest.post(f"/devices/{device_id}/commands", body), 400, "invalid")

    assert [error["field"] for error in refused["errors"]] == ["command.id"]
    assert (await rest.get(f"/devices/{device_id}/commands")).json()["data"] == []


async def test_labels_are_merged_and_tags_are_those_without_a_value(
    rest: Rest, fleet: Fleet
) -> None:
    device_id = await fleet.enroll()
    path = f"/devices/{device_id}"

    async def patched(**body: Any) -> dict[str, Any]:
        answer = await rest.client.patch(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    assert (await patched(labels={"site": "north", "spare": ""}))["tags"] == ["spare"]
    assert (await patched(labels={"line": "3", "site": None}))["labels"] == {
        "line": "3",
        "spare": "",
    }
    assert (await patched(tags=["hall"]))["labels"] == {"line": "3", "hall": ""}
    assert (await rest.data(path))["labels"] == {"line": "3", "hall": ""}
    (row,) = await rest.data("/audit-log", target=device_id, limit=1)
    assert row["changes"] == {"labels": [{"line": "3", "spare": ""}, {"line": "3", "hall": ""}]}
    conflict = await rest.client.patch(path, json={"tags": ["line"]})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "conflict")
    for body in (
        {"tags": ["a"], "labels": {"b": "c"}},
        {"labels": {"-a": "b"}},
        {"labels": {"a" * 64: "b"}},
        {"labels": {"a": "b" * 257}},
        {"labels": {f"k{n}": "v" for n in range(70)}},
    ):
        answer = await rest.client.patch(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), body
    assert (await rest.data(path))["labels"] == {"line": "3", "hall": ""}


async def test_a_new_device_has_its_labels(rest: Rest) -> None:
    device_id = new_id("d")
    labels = {"site": "north", "a": ""}
    made = await rest.post("/devices", {"id": device_id, "labels": labels, "tags": ["b"]})
    assert made.json()["data"]["labels"] == {**labels, "b": ""}
    wrong = {"id": new_id("d"), "labels": labels, "tags": ["site"]}
    assert (await rest.client.post("/devices", json=wrong)).status_code == 409
