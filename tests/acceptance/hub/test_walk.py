"""Every route and the socket, walked by the administrator of another organisation, with the ids of
the first one's things: nothing is seen or changed. The walk is made from the table of routes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import pytest_asyncio

from hub.rights.access import FOR_DEVICES, OPEN_TO_ALL, Door
from hub.routes import ROUTES
from hub.web.contract.examples import EXAMPLES
from hub.web.contract.rules import key_of
from hub.web.route import Route
from tests.acceptance.hub.certified import certify
from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, open_socket, until
from tests.acceptance.hub.conftest import PASSWORD, Entrance
from tests.acceptance.hub.people import (
    bind,
    make_group,
    make_role,
    make_user,
    new_organisation,
    signed_in,
)
from tests.acceptance.hub.process import HubProcess

OF_THE_CALLER: Final = {Door.SESSION, Door.ANY_USER}
OF_THE_INSTALLATION: Final = {Door.INSTANCE, Door.DEVICE}
ENDS_ITSELF: Final = {("POST", "/auth/logout")}
REFUSED: Final = {400, 403, 404, 409}
NAMED: Final[dict[str, str]] = {
    "/devices": "device",
    "/device-groups": "group",
    "/users": "user",
    "/api-keys": "key",
    "/auth/sessions": "session",
    "/auth/passkeys": "user",
    "/auth/command-keys": "user",
    "/auth/providers": "provider",
    "/auth/oidc": "provider",
    "/teams": "team",
    "/roles": "role",
    "/secrets": "secret",
    "/schedules": "schedule",
    "/webhooks": "webhook",
    "/alerts": "alert",
    "/alert-rules": "alert_rule",
    "/notification-channels": "channel",
    "/silences": "silence",
    "/applications": "application",
    "/config-maps": "config_map",
    "/registries": "registry",
    "/approvals": "approval",
    "/sessions": "byte_session",
    "/role-bindings": "binding",
    "/invitations": "invitation",
    "/enrollment-tokens": "enrollment_token",
    "/certificates": "certificate",
    "/service-accounts": "service",
    "/firmware/releases": "release",
    "/firmware/signing-keys": "signing_key",
    "/firmware/deployments": "deployment",
    "/campaigns": "campaign",
    "/cloud-sync/dead-letters": "dead_letter",
}
"""What the id of a path is, by how it begins."""
IN_A_WHILE: Final = (datetime.now(UTC) + timedelta(days=1)).isoformat()
COMPOSE: Final = {"services": {"web": {"image": "busybox"}}}
PROVIDER = {
    "kind": "oidc", "name": "walked", "issuer": "https://login.example.org", "clientId": "walked",
    "clientSecret": "walked", "installation": False,
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def things(
    hub: HubProcess, entrance: Entrance, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[dict[str, str]]:
    """One of each kind, in the organisation `default`."""
    admin_token = entrance.token("admin", hub.ready["adminPassword"])
    async with Rest.open(hub.url, admin_token) as rest:
        fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
        device = await fleet.enroll("walked")
        user = await make_user(rest, "VIEWER")
        role = await make_role(rest, {"resources": ["devices"], "verbs": ["get"]})
        found = {
            "device": device,
            "command": await rest.accept(device, delivery="queue"),
            "group": await make_group(rest, device),
            "user": user["id"],
            "role": role,
            "binding": await bind(rest, role, ("user", user["id"])),
            "dead_letter": new_id("none"),
        }
        for kind, path, body in (
            ("key", "/api-keys", {"name": "walked", "role": "VIEWER"}),
            ("team", "/teams", {"name": new_id("walked")}),
            ("invitation", "/invitations", {"role": "VIEWER"}),
            ("enrollment_token", "/enrollment-tokens", {"name": "walked"}),
            ("service", "/service-accounts", {"name": "walked"}),
            ("provider", "/auth/providers", PROVIDER),
            ("secret", "/secrets", {"name": new_id("walked"), "data": {"a": "walked"}}),
            (
                "schedule",
                "/schedules",
                {
                    "name": "walked",
                    "cron": "0 0 1 1 *",
                    "target": {"deviceIds": [device]},
                    "command": {"type": "force_sync"},
                },
            ),
            (
                "webhook",
                "/webhooks",
                {"name": "walked", "url": "https://example.org", "types": ["print"]},
            ),
            ("alert_rule", "/alert-rules", {"name": "walked", "when": {"offline": True}}),
            (
                "channel",
                "/notification-channels",
                {"name": "walked", "kind": "webhook", "settings": {"url": "https://example.org"}},
            ),
            (
                "silence",
                "/silences",
                {"query": f'id = "{device}"', "until": IN_A_WHILE, "comment": "walked"},
            ),
            ("config_map", "/config-maps", {"name": new_id("walked"), "data": {"a": "walked"}}),
            ("registry", "/registries", {"name": new_id("walked"), "url": f"https://{device}"}),
            ("application", "/applications", {"name": new_id("walked"), "compose": COMPOSE}),
            (
                "campaign",
                "/campaigns",
                {"command": {"type": "force_sync"}, "target": {"deviceIds": [device]}},
            ),
        ):
            found[kind] = (await rest.post(path, body)).json()["data"]["id"]
        await assign(rest, device, found["application"])
        async with fleet.new_line() as line:
            await line.hello(accepts=["session_open"])
            asking = rest.post(f"/devices/{line.device_id}/sessions", {"kind": "logs"})
            found["byte_session"] = (await asking).json()["data"]["id"]
            await line.send("alert", code="walked", severity="WARN", message="walked")

            async def is_kept() -> bool:
                return await rest.data("/alerts", deviceId=line.device_id) != []

            await until(is_kept)
            found["alert"] = (await rest.data("/alerts", deviceId=line.device_id))[0]["id"]
        certified = await certify(hub, device, tmp_path_factory.mktemp("walked"))
        found["certificate"] = certified.serial
        found["session"] = (await rest.data("/auth/sessions"))[0]["id"]
        version = new_id("v")
        made = await rest.client.post(
            "/firmware/releases",
            params={"version": version, "channel": "walked"},
            content=b"an artifact",
            headers={"Content-Type": "application/octet-stream"},
        )
        found["release"] = made.json()["data"]["id"]
        found["signing_key"] = new_id("none")
        body = {"releaseId": found["release"], "target": {"deviceIds": [device]}}
        deployed = await rest.post("/firmware/deployments", body)
        found["deployment"] = deployed.json()["data"]["id"]
        waits = await rest.dispatch(device, approval=True)
        found["approval"] = waits.json()["data"]["approvalId"]
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stranger(hub: HubProcess, entrance: Entrance) -> AsyncGenerator[str]:
    """The token of an administrator of another organisation, who is in no other."""
    admin_token = entrance.token("admin", hub.ready["adminPassword"])
    async with (
        Rest.open(hub.url, admin_token) as rest,
        recent(hub, rest),
        new_organisation(hub, rest) as (_, there),
    ):
        user = await make_user(there, "ADMIN")
        async with Rest.open(hub.url) as anybody:
            body = {"username": user["username"], "password": PASSWORD}
            yield (await anybody.post("/auth/login", body)).json()["data"]["token"]


async def assign(rest: Rest, device: str, application: str) -> None:
    (revision,) = await rest.data(f"/applications/{application}/revisions")
    path = f"/devices/{device}/applications/{application}"
    answer = await rest.client.put(path, json={"revision": revision["revision"]})
    assert answer.status_code == 200, answer.text


@asynccontextmanager
async def recent(hub: HubProcess, rest: Rest) -> AsyncGenerator[None]:
    """The administrator can show the password again."""
    rest.password = hub.ready["adminPassword"]
    yield


def path_of(route: Route, things: dict[str, str]) -> str:
    start = max((prefix for prefix in NAMED if route.path.startswith(prefix)), key=len, default="")
    path = route.path.replace("{command_id}", things["command"]).replace("{service}", "web")
    path = path.replace("{delivery_id}", things["command"])
    if start == "/devices":
        path = path.replace("{name}", things["application"])
    for name in ("{id}", "{name}", "{serial}"):
        if name in path:
            path = path.replace(name, things[NAMED[start]])
    return path


def walked() -> list[Route]:
    return [
        route
        for route in ROUTES
        if route.action not in OPEN_TO_ALL | OF_THE_INSTALLATION
        and key_of(route) not in ENDS_ITSELF
        and not route.raw_body
    ]


def body_of(route: Route, things: dict[str, str]) -> Any:
    """The example of the document, about the other organisation's things."""
    body: Json = dict(EXAMPLES.get(key_of(route), {}))
    for name, kind in (("deviceIds", "device"), ("userIds", "user")):
        if name in body:
            body[name] = [things[kind]]
    if "releaseId" in body:
        body |= {"releaseId": things["release"], "target": {"deviceIds": [things["device"]]}}
    if "subject" in body:
        body |= {"role": "VIEWER", "subject": {"kind": "user", "id": things["user"]}}
    return body


async def snapshot(rest: Rest, things: dict[str, str]) -> Json:
    """What the walk would change."""
    of_device = f"/devices/{things['device']}"
    paths = {
        "device": of_device,
        "command": f"{of_device}/commands/{things['command']}",
        "config": f"{of_device}/config",
        "group": f"/device-groups/{things['group']}",
        "user": f"/users/{things['user']}",
        "role": f"/roles/{things['role']}",
        "team": f"/teams/{things['team']}",
        "application": f"/applications/{things['application']}",
        "assignment": f"{of_device}/applications/{things['application']}",
        "workloads": f"{of_device}/workloads",
        "variables": f"{of_device}/variables",
        "config_map": f"/config-maps/{things['config_map']}",
        "registry": f"/registries/{things['registry']}",
        "release": f"/firmware/releases/{things['release']}",
        "webhook": f"/webhooks/{things['webhook']}",
        "alert": f"/alerts/{things['alert']}",
        "alert_rule": f"/alert-rules/{things['alert_rule']}",
        "channel": f"/notification-channels/{things['channel']}",
        "silence": f"/silences/{things['silence']}",
        "schedule": f"/schedules/{things['schedule']}",
        "settings": "/settings",
        "schema": "/config-schema",
    }
    found = {name: (await rest.get(path)).json() for name, path in paths.items()}
    deployment = await rest.data(f"/firmware/deployments/{things['deployment']}")
    campaign = await rest.data(f"/campaigns/{things['campaign']}")
    keys = [key["id"] for key in await rest.data("/api-keys", limit=200)]
    found["listed"] = {
        "deployment": deployment["status"] in ("PENDING", "IN_PROGRESS"),
        "campaign": campaign["status"] in ("PENDING", "IN_PROGRESS"),
        "key": things["key"] in keys,
        "enrollment_token": things["enrollment_token"]
        in str(await rest.data("/enrollment-tokens")),
        "certificate": [
            row["status"] for row in await rest.data("/certificates", deviceId=things["device"])
        ],
        "invitation": things["invitation"] in str(await rest.data("/invitations", limit=200)),
        "binding": things["binding"] in str(await rest.data("/role-bindings", limit=200)),
    }
    return found


async def walk(other: Rest, things: dict[str, str], open_to_it: frozenset[str]) -> list[str]:
    """What answers as it should not. `open_to_it`: kinds of things that are no secret."""
    wrong: list[str] = []
    hidden = [value for kind, value in things.items() if kind not in open_to_it]
    for route in walked():
        path = path_of(route, things)
        status, text = await other.answered(
            route.method, path, json=None if route.method == "GET" else body_of(route, things)
        )
        named = any(value in path for value in hidden)
        mine = route.action in OF_THE_CALLER and not named
        bad = status >= 500 or (named and status not in REFUSED)
        told = [value for value in hidden if value in text]
        if route.path == "/audit-log":  # by which session somebody did something to one's device
            told = [value for value in told if value != things["session"]]
        shown = not mine and route.method == "GET" and bool(told)
        if bad or shown:
            wrong.append(f"{route.method} {path}: {status} {text[:200]}")
    return wrong


async def test_no_route_shows_or_changes_what_is_of_another_organisation(
    hub: HubProcess, admin_token: str, stranger: str, things: dict[str, str]
) -> None:
    async with Rest.open(hub.url, admin_token) as rest, Rest.open(hub.url, stranger) as other:
        before = await snapshot(rest, things)
        assert await walk(other, things, frozenset()) == []
        assert await snapshot(rest, things) == before


async def test_no_route_shows_or_changes_what_is_outside_of_a_scope(
    hub: HubProcess, admin_token: str, things: dict[str, str]
) -> None:
    """By somebody who is an administrator over another group of the same organisation."""
    async with Rest.open(hub.url, admin_token) as rest:
        fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
        group = await make_group(rest, await fleet.enroll())
        user = await make_user(rest)
        await bind(rest, "ADMIN", ("user", user["id"]), ("group", group))
        before = await snapshot(rest, things)
        async with signed_in(hub, user) as other:
            assert await walk(other, things, frozenset({"release", "signing_key"})) == []
        assert await snapshot(rest, things) == before


async def test_no_socket_shows_what_happens_in_another_organisation(
    hub: HubProcess, admin_token: str, stranger: str
) -> None:
    fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
    async with (
        fleet.new_line() as device,
        open_socket(f"{hub.url}/ws/dashboard", **bearer(stranger)) as theirs,
        open_socket(f"{hub.url}/ws/dashboard", **bearer(admin_token)) as ours,
    ):
        for socket in (theirs, ours):
            await socket.send("subscribe", id="s", deviceIds=[device.device_id])
            await socket.expect("subscribed", id="s")
        await device.send("event", seq=1, bootId="b", name="seen", ts="2026-01-01T00:00:00.000Z")
        await ours.find("event", deviceId=device.device_id)
        assert await theirs.settled() == []


def test_the_walk_leaves_out_only_what_is_open_or_a_device_s() -> None:
    left_out = {route.action for route in ROUTES} - {route.action for route in walked()}
    assert left_out <= OPEN_TO_ALL | OF_THE_INSTALLATION | FOR_DEVICES | {"releases:create"}
