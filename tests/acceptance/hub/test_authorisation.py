"""Every route with every kind of credential, living and ended: the matrix is made from the table of
routes, so a new route is in it. What is allowed stands here by the words of the protocol."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from msgspec import Struct

from hub.rights.access import OPEN_TO_ALL, Action, Door
from hub.routes import ROUTES
from hub.web.contract.rules import ENROL, key_of
from hub.web.route import Route
from tests.acceptance.hub.clients import Fleet, Rest, new_id
from tests.acceptance.hub.conftest import PASSWORD, ROLES, log_in
from tests.acceptance.hub.process import HubProcess

AT_ONCE: Final = 8
RANKS: Final = ("NONE", *ROLES)
LEAST: Final = {
    "ADMIN": """
        devices:create devices:delete devices/quarantine:update config-schema:update
        config-schema:delete campaigns:create campaigns:update penalties:delete releases:create
        releases:update releases:delete signing-keys:create signing-keys:delete artifacts:get
        dead-letters:list dead-letters:update dead-letters:delete users:get users:create
        users:update users:delete settings:update enrollment-keys:create pins:update
        service-accounts:list service-accounts:create service-accounts:delete invitations:list
        invitations:create invitations:delete teams:list teams:get teams:create teams:update
        teams:delete roles:list roles:get roles:create roles:update roles:delete role-bindings:list
        role-bindings:create role-bindings:delete enrollment-tokens:list enrollment-tokens:create
        enrollment-tokens:update enrollment-tokens:delete providers:get providers:create
        providers:update providers:delete
        certificates:update
        secrets:list secrets:get secrets:create secrets:update secrets:delete secrets:use
        approvals:update sessions/recordings:get
        webhooks:create webhooks:update webhooks:delete
        schedules:create schedules:update schedules:delete
        alert-rules:create alert-rules:update alert-rules:delete notification-channels:create
        notification-channels:update notification-channels:delete
    """,
    "MANAGER": """
        devices:update device-groups:create device-groups:update device-groups:delete
        configurations:update users:list
        applications:create applications:update applications:delete workloads:update
        config-maps:list config-maps:get config-maps:create config-maps:update config-maps:delete
        registries:list registries:get registries:create registries:update registries:delete
    """,
    "OPERATOR": "commands:create alerts:update silences:create silences:delete",
    "VIEWER": """
        devices:get devices:list device-groups:get device-groups:list telemetry:list events:list
        edge-records:get edge-records:list
        configurations:get configurations:list config-schema:get commands:get commands:list
        campaigns:get campaigns:list penalties:list releases:get releases:list signing-keys:list
        approvals:get approvals:list cloud-sync:get settings:get usage:get health:get audit-log:list
        certificates:list applications:get applications:list workloads:get workloads:list
        webhooks:get webhooks:list schedules:get schedules:list alerts:get alerts:list
        alert-rules:get alert-rules:list notification-channels:get notification-channels:list
        silences:get silences:list
    """,
}
"""As the protocol says it, not as the code does."""
ROLE_OF: Final = {right: role for role, rights in LEAST.items() for right in rights.split()} | {
    Door.ANY_USER: "NONE", Door.SESSION: "NONE",
}  # fmt: skip
MANAGED: Final = (
    "service-accounts:", "invitations:", "teams:", "roles:", "role-bindings:", "enrollment-tokens:",
)  # fmt: skip
NOT_FOR_KEYS: Final = {
    Door.SESSION, "users:list", "users:get", "users:create", "users:update", "users:delete",
    "settings:update", "enrollment-keys:create", "signing-keys:create", "signing-keys:delete",
    *(right for right in ROLE_OF if right.startswith((*MANAGED, "providers:"))),
}  # fmt: skip
FOR_DEVICES: Final = {Door.DEVICE, "artifacts:get"}
LISTS_SESSIONS: Final = ("GET", "/sessions")
"""Open to whoever may list some kind: logs, at least."""
ENDS_ITSELF: Final = {("POST", "/auth/logout")}
"""Called last, by whoever may."""


ENDS_A_KEY: Final = {("DELETE", "/api-keys/{id}")}
"""A key ends itself only, and the id asked for here is another."""


class Credential(Struct, frozen=True):
    kind: str
    """`session`, `key`, `device` or `none`."""
    token: str
    role: str | None = None
    ended: bool = False


class Cast(Struct, frozen=True):
    url: str
    living: list[Credential]
    ended: list[Credential]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everybody(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Cast]:
    folder: Path = tmp_path_factory.mktemp("matrix")
    hub = HubProcess(folder, request_rate="0", address_rate="0")
    hub.start()
    async with Rest.open(hub.url, log_in(hub.url, "admin", hub.ready["adminPassword"])) as admin:
        fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
        living = [Credential("device", await fleet.token(new_id("device")))]
        for role in RANKS:
            living += await user_and_key(hub, admin, role)
        ended = await ended_ones(hub, admin, fleet)
        yield Cast(hub.url, living, ended)
    hub.stop()


async def user_and_key(hub: HubProcess, admin: Rest, role: str) -> list[Credential]:
    name = new_id(role.lower())
    await admin.post("/users", {"username": name, "password": PASSWORD, "role": role})
    token = log_in(hub.url, name, PASSWORD)
    async with Rest.open(hub.url, token) as user:
        made = (await user.post("/api-keys", {"name": "k", "role": role})).json()["data"]
    return [Credential("session", token, role), Credential("key", made["key"], role)]


async def ended_ones(hub: HubProcess, admin: Rest, fleet: Fleet) -> list[Credential]:
    """Of each kind, by each way of ending it."""
    found: list[Credential] = []
    for how in ("log out", "disable", "delete", "reset", "end the key"):
        session, key = await user_and_key(hub, admin, "ADMIN")
        async with Rest.open(hub.url, session.token) as user:
            me = (await user.data("/auth/me"))["id"]
            match how:
                case "log out":
                    await user.post("/auth/logout")
                    found.append(session)
                    continue
                case "disable":
                    await admin.client.patch(f"/users/{me}", json={"disabled": True})
                case "delete":
                    await admin.client.delete(f"/users/{me}")
                case "reset":
                    await admin.client.patch(f"/users/{me}", json={"password": PASSWORD + "2"})
                case _:
                    (row,) = await user.data("/api-keys", limit=1)
                    await admin.client.delete(f"/api-keys/{row['id']}")
                    found.append(key)
                    continue
            found += [session, key]
    for how in ("disable", "delete"):
        device = new_id("device")
        found.append(Credential("device", await fleet.token(device)))
        if how == "disable":
            await admin.client.patch(f"/devices/{device}", json={"disabled": True})
        else:
            await admin.client.delete(f"/devices/{device}")
    nobody = [Credential("none", token) for token in ("", "nonsense", "ll_nonsense", "a.b.c")]
    return [*found, *nobody]


def expected(route: Route, who: Credential) -> int | None:
    """The status of a refusal; None = it is for the endpoint to say."""
    action: Action = route.action
    if action in OPEN_TO_ALL:
        return None
    if who.kind == "device":
        return None if action in FOR_DEVICES else 401
    if action is Door.DEVICE:
        return 403
    if action is Door.INSTANCE:
        return 403
    least = "OPERATOR" if key_of(route) == LISTS_SESSIONS else ROLE_OF[action]
    if who.kind == "key" and (action in NOT_FOR_KEYS or key_of(route) in ENDS_A_KEY):
        return 403
    return None if RANKS.index(who.role or "") >= RANKS.index(least) else 403


async def status(rest: Rest, route: Route, who: Credential) -> tuple[int, str]:
    path = (
        route.path.replace("{id}", "nobody")
        .replace("{name}", "nothing")
        .replace("{command_id}", "nothing")
    )
    headers = {"Authorization": f"Bearer {who.token}"} if who.token else {}
    return await rest.answered(route.method, path, headers=headers)


def others(table: Iterable[Route]) -> list[Route]:
    return [route for route in table if key_of(route) not in ENDS_ITSELF]


async def test_who_may_call_what(everybody: Cast) -> None:
    table = ROUTES
    last = [route for route in table if key_of(route) in ENDS_ITSELF]
    wrong: list[str] = []
    async with Rest.open(everybody.url) as rest:
        turn = asyncio.Semaphore(AT_ONCE)

        async def cell(route: Route, who: Credential) -> None:
            async with turn:
                got, text = await status(rest, route, who)
            wanted = expected(route, who)
            fits = got not in (401, 403, 500) if wanted is None else got == wanted
            if not fits and not opens_by_itself(route, got):
                wrong.append(f"{route.method} {route.path} {who.kind} {who.role}: {got} {text}")

        for routes in (others(table), last):
            await asyncio.gather(*(cell(r, who) for r in routes for who in everybody.living))
    assert wrong == []


def opens_by_itself(route: Route, status: int) -> bool:
    """Renewing and enrolling have a credential of their own, which is missing here; only a session
    asks to show a passkey again."""
    again = ("POST", "/auth/passkeys/login/options")
    opening = key_of(route) in {*ENROL, ("POST", "/auth/refresh"), again}
    return opening and status in (401, 403)


async def test_what_has_ended_opens_nothing(everybody: Cast) -> None:
    closed = [route for route in ROUTES if route.action not in OPEN_TO_ALL]
    wrong: list[str] = []
    async with Rest.open(everybody.url) as rest:
        turn = asyncio.Semaphore(AT_ONCE)

        async def cell(route: Route, who: Credential) -> None:
            async with turn:
                got, text = await status(rest, route, who)
            if got != 401:
                wrong.append(
                    f"{route.method} {route.path} {who.kind} {who.token[:8]}: {got} {text}"
                )

        await asyncio.gather(*(cell(r, who) for r in closed for who in everybody.ended))
    assert wrong == []
