"""Things of two organisations and two scopes for `contract.py`: who is not to be told of which."""

from collections.abc import Iterator

import httpx
from msgspec import Struct

from tests.acceptance.hub.clients import Json, bearer, new_id
from tests.acceptance.hub.conftest import PASSWORD, ROLES, log_in

SCOPED_ROLE: Json = {"resources": ["*"], "verbs": ["get", "list", "create", "update", "use"]}
"""All that can be had over a group, but nothing that would end it."""


class Things(Struct, frozen=True):
    ids: frozenset[str]
    """What others may try."""
    marks: frozenset[str]
    """Names, which nobody else knows."""

    @property
    def words(self) -> frozenset[str]:
        return self.ids | self.marks


class Caller(Struct, frozen=True):
    name: str
    headers: dict[str, str]
    ids: frozenset[str] = frozenset()
    """It hands these in, beside what everybody does."""
    hidden: frozenset[str] = frozenset()
    """No answer names one of these, but those that its organisation has named itself."""


class _Maker:
    """In the organisation of who calls."""

    def __init__(self, client: httpx.Client, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers
        self.ids: set[str] = set()
        self.mark = new_id("mark")

    def post(self, path: str, body: Json) -> Json:
        answer = self._client.post(f"/api/v1{path}", json=body, headers=self._headers)
        assert answer.is_success, f"{path}: {answer.text}"
        made: Json = answer.json()["data"]
        return made

    def keep(self, path: str, body: Json) -> str:
        made = str(self.post(path, body)["id"])
        self.ids.add(made)
        return made

    def everything(self, outside: str) -> Things:
        """One of each; the device of a scope is `outside`."""
        mark = self.mark
        role = f"role-{mark}"
        user = self.keep("/users", {"username": f"user-{mark}", "password": PASSWORD,
                                    "role": "VIEWER", "displayName": mark})  # fmt: skip
        self.post("/roles", {"name": role, "rules": [SCOPED_ROLE]})
        subject = {"kind": "user", "id": user}
        scope = {"kind": "device", "id": outside}
        self.keep("/role-bindings", {"role": role, "subject": subject, "scope": scope})
        self.keep("/teams", {"name": f"team-{mark}"})
        self.keep("/invitations", {"role": "VIEWER", "username": f"guest-{mark}"})
        # A name of a private address: nothing is connected.
        self.keep("/webhooks", {"name": f"hook-{mark}", "url": "https://localhost/"})
        self.keep("/alert-rules", {"name": f"rule-{mark}", "when": {"offline": True}})
        settings = {"url": "https://localhost/"}
        self.keep(
            "/notification-channels",
            {"name": f"channel-{mark}", "kind": "webhook", "settings": settings},
        )
        service = self.keep("/service-accounts", {"name": f"service-{mark}"})
        key: Json = {"name": f"key-{mark}", "role": "VIEWER", "serviceAccountId": service}
        self.keep("/api-keys", key)
        release = self._release()
        self.keep("/firmware/deployments",
                  {"releaseId": release, "target": {"deviceIds": [outside]}})  # fmt: skip
        self.keep("/campaigns", {"command": {"type": "force_sync"}, "name": f"campaign-{mark}",
                                 "target": {"deviceIds": [outside]}})  # fmt: skip
        self.keep("/schedules", {"command": {"type": "force_sync"}, "name": f"schedule-{mark}",
                                 "at": "2100-01-01T00:00:00Z",
                                 "target": {"deviceIds": [outside]}})  # fmt: skip
        self._command(outside)
        return Things(frozenset(self.ids), frozenset({mark}))

    def device(self, device_id: str) -> Things:
        """With a group of its own."""
        mark = new_id("mark")
        made = {"id": device_id, "name": f"name-{mark}", "tags": [f"tag-{mark}"]}
        self.post("/devices", made)
        group = str(self.post("/device-groups", {"name": f"group-{mark}"})["id"])
        self.post(f"/device-groups/{group}/members", {"deviceIds": [device_id]})
        return Things(frozenset({device_id, group}), frozenset({mark}))

    def scoped(self, name: str, group: str) -> dict[str, str]:
        """The headers of who may do much over a group."""
        user = {"username": new_id("scoped"), "password": PASSWORD, "role": "NONE"}
        subject = {"kind": "user", "id": self.post("/users", user)["id"]}
        self.post("/roles", {"name": name, "rules": [SCOPED_ROLE]})
        scope = {"kind": "group", "id": group}
        self.post("/role-bindings", {"role": name, "subject": subject, "scope": scope})
        return bearer(log_in(str(self._client.base_url), user["username"], PASSWORD))

    def _release(self) -> str:
        made = self._client.post(
            "/api/v1/firmware/releases",
            params={"version": f"v-{self.mark}", "channel": f"channel-{self.mark}"},
            content=b"an artifact",
            headers={**self._headers, "Content-Type": "application/octet-stream"},
        )
        assert made.is_success, made.text
        release = str(made.json()["data"]["id"])
        self.ids.add(release)
        return release

    def _command(self, device_id: str) -> None:
        sent = self._client.post(
            f"/api/v1/devices/{device_id}/commands",
            json={"command": {"type": "force_sync"}, "delivery": "queue"},
            headers={**self._headers, "Prefer": "respond-async"},
        )
        assert sent.is_success, sent.text
        self.ids.add(str(sent.json()["data"]["commandId"]))


def strangers(client: httpx.Client, admin: dict[str, str]) -> Iterator[Caller]:
    """Somebody scoped in the organisation of the caller; one of each role, and somebody scoped, in
    another. Both organisations have a device `d1`."""
    ours = _Maker(client, admin)
    outside, inside = ours.device(new_id("outside")), ours.device(new_id("inside"))
    of_default = ours.everything(min(outside.ids - {_group_of(outside)}))
    scoped = ours.scoped(new_id("role"), _group_of(inside))
    yield Caller("scoped", scoped, ids=inside.ids | outside.ids, hidden=outside.words)

    org = ours.post("/orgs", {"id": new_id("org"), "name": "Plant 2"})["id"]
    there = bearer(ours.post("/auth/switch", {"orgId": org})["token"])
    theirs = _Maker(client, there)
    own = theirs.device("d1")
    hidden = of_default.words | outside.words | inside.words
    ids = of_default.ids | outside.ids | own.ids
    for role in ROLES:
        user = {"username": new_id(role.lower()), "password": PASSWORD, "role": role}
        theirs.post("/users", user)
        token = log_in(str(client.base_url), user["username"], PASSWORD)
        yield Caller(f"{role} of another organisation", bearer(token), ids=ids, hidden=hidden)
    scoped = theirs.scoped(new_id("role"), _group_of(own))
    yield Caller("scoped in another organisation", scoped, ids=ids, hidden=hidden)


def _group_of(of_device: Things) -> str:
    """Ids of groups are made by the hub."""
    return next(each for each in of_device.ids if not each.startswith(("d1", "inside", "outside")))
