"""G2, G23: what two replicas approve at once is sent once, with the rights of that moment."""

import asyncio
from collections.abc import Sequence

import httpx

from tests.acceptance.chaos.cluster import PASSWORD, Cluster
from tests.acceptance.hub.clients import Json, Rest, new_id, until

SPREAD_SECONDS = 5.0
"""What is set at one replica counts at the other by then."""
REBOOT: Json = {"type": "reboot_os"}
ASYNC = {"Prefer": "respond-async"}


async def test_approved_at_two_replicas_at_once_it_is_sent_once(two: Cluster) -> None:
    name = new_id("bert")
    async with (
        Rest.open(two.urls[0], two.admin_token) as anna,
        Rest.open(two.urls[1], two.admin_token) as there,
        two.fleet(1).new_line() as device,
    ):
        made = await anna.post(
            "/users", {"username": name, "password": PASSWORD, "role": "MANAGER"}
        )
        assert made.status_code == 201, made.text
        rule = {"resources": ["approvals", "commands/reboot_os"], "verbs": ["*"]}
        role = await anna.post("/roles", {"name": new_id("approver"), "rules": [rule]})
        binding = {
            "role": role.json()["data"]["name"],
            "subject": {"kind": "user", "id": made.json()["data"]["id"]},
        }
        assert (await anna.post("/role-bindings", binding)).status_code == 201
        settings = {"approvals": {"resources": ["commands/reboot_os"]}}
        assert (await anna.client.patch("/settings", json=settings)).status_code == 200

        async def waits_there() -> bool:
            """Else it is refused: the device is not there."""
            answer = await there.dispatch(device.device_id, REBOOT, headers=ASYNC)
            return bool(answer.json()["data"]["status"] == "AWAITING")

        await until(waits_there, seconds=SPREAD_SECONDS)
        token = two.log_in(name)
        async with (
            Rest.open(two.urls[0], token) as here,
            Rest.open(two.urls[1], token) as elsewhere,
        ):
            waiting = await anna.data("/approvals", status="AWAITING")
            for held in waiting:
                path = f"/approvals/{held['id']}/approve"
                answers = await asyncio.gather(here.post(path, {}), elsewhere.post(path, {}))
                assert sorted(codes(answers)) == [(200, ""), (409, "ended")]
        last = await anna.accept(device.device_id)
        sent: list[str] = []
        while last not in sent:
            sent.append((await device.frame())["id"])
        assert [sent.count(held["commandId"]) for held in waiting] == [1] * len(waiting)


def codes(answers: Sequence[httpx.Response]) -> list[tuple[int, str]]:
    return [(answer.status_code, answer.json().get("code", "")) for answer in answers]
