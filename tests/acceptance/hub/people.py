"""Organisations, users and bindings of a test's own."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from tests.acceptance.hub.clients import Json, Rest, new_id
from tests.acceptance.hub.conftest import PASSWORD
from tests.acceptance.hub.process import HubProcess


def sign_in(url: str, username: str, **body: str) -> Json:
    """`data` of the answer."""
    answer = httpx.post(
        f"{url}/api/v1/auth/login",
        json={"username": username, "password": PASSWORD, **body},
        timeout=20,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    found: Json = json.loads(answer.content)["data"]
    return found


async def make_user(admin: Rest, role: str = "NONE") -> Json:
    name = new_id("user")
    if role == "ADMIN":
        await admin.show_again()
    made = await admin.post("/users", {"username": name, "password": PASSWORD, "role": role})
    assert made.status_code == 201, made.text
    found: Json = made.json()["data"]
    return found


@asynccontextmanager
async def signed_in(hub: HubProcess, user: Json) -> AsyncGenerator[Rest]:
    async with Rest.open(hub.url, sign_in(hub.url, user["username"])["token"]) as rest:
        yield rest


async def bind(
    admin: Rest, role: str, subject: tuple[str, str], scope: tuple[str, str] | None = None
) -> str:
    """The id of the binding."""
    body: Json = {"role": role, "subject": {"kind": subject[0], "id": subject[1]}}
    if scope is not None:
        body["scope"] = {"kind": scope[0], "id": scope[1]}
    made = await admin.post("/role-bindings", body)
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["id"])


async def make_role(admin: Rest, *rules: Json) -> str:
    name = new_id("role")
    made = await admin.post("/roles", {"name": name, "rules": list(rules)})
    assert made.status_code == 201, made.text
    return name


async def make_group(admin: Rest, *device_ids: str) -> str:
    made = await admin.post("/device-groups", {"name": new_id("group")})
    group = str(made.json()["data"]["id"])
    if device_ids:
        body = {"deviceIds": list(device_ids)}
        added = await admin.post(f"/device-groups/{group}/members", body)
        assert added.status_code == 200, added.text
    return group


@asynccontextmanager
async def new_organisation(hub: HubProcess, admin: Rest) -> AsyncGenerator[tuple[str, Rest]]:
    """(id, its administrator)."""
    org = new_id("org")
    await admin.show_again()
    made = await admin.post("/orgs", {"id": org, "name": "Plant 2"})
    assert made.status_code == 201, made.text
    switched = await admin.post("/auth/switch", {"orgId": org})
    assert switched.status_code == 200, switched.text
    async with Rest.open(hub.url, switched.json()["data"]["token"]) as rest:
        rest.password = admin.password
        yield org, rest
    # Who names no organisation signs in to the last one: that is `default` again.
    password = admin.password or hub.ready["adminPassword"]
    body = {"username": "admin", "password": password, "orgId": "default"}
    back = await admin.post("/auth/login", body)
    assert back.status_code == 200, back.text
