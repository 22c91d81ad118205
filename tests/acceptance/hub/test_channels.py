"""Channels and silences: who is told of what fires, how often, and who is not."""

import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import Struct

from tests.acceptance.hub.clients import Device, Fleet, Json, Rest, new_id, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.mail_server import MailServer, mail_server
from tests.acceptance.hub.people import make_user, signed_in
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.hub.receiver import ADDRESS, Receiver, answer, receiving

GROUPED = 10.0
"""Seconds that the first alert waits for others."""
SOON = 5.0


class Place(Struct):
    hub: HubProcess
    rest: Rest
    fleet: Fleet
    receiver: Receiver
    mails: MailServer

    async def webhook(self, **settings: object) -> Json:
        return await self.channel("webhook", url=self.receiver.url, **settings)

    async def channel(self, kind: str, **settings: object) -> Json:
        body = {"name": new_id("channel"), "kind": kind, "settings": settings}
        made = await self.rest.post("/notification-channels", body)
        assert made.status_code == 201, made.text
        found: Json = made.json()["data"]
        return found

    async def rule(self, *channels: Json, **fields: object) -> Json:
        body = {
            "name": new_id("rule"),
            "when": {"metric": "cpu", "above": 90},
            "notify": [each["name"] for each in channels],
            **fields,
        }
        made = await self.rest.post("/alert-rules", body)
        assert made.status_code == 201, made.text
        found: Json = made.json()["data"]
        return found


@asynccontextmanager
async def place_of(folder: Path) -> AsyncGenerator[Place]:
    async with receiving() as receiver, mail_server() as mails:
        hub = HubProcess(
            folder,
            webhook_allow=ADDRESS,
            request_rate="0",
            smtp_url=f"smtp://127.0.0.1:{mails.port}",
            smtp_from="longline@example.org",
        )
        hub.start()
        try:
            token = log_in(hub.url, "admin", hub.ready["adminPassword"])
            async with Rest.open(hub.url, token) as rest:
                rest.password = hub.ready["adminPassword"]
                fleet = Fleet(hub.url, hub.ready["enrollmentKey"])
                yield Place(hub, rest, fleet, receiver, mails)
        finally:
            assert hub.stop() == 0
        failures = [line for line in hub.log().splitlines() if '"level": "error"' in line]
        assert failures == [], "\n".join(failures[:5])


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncGenerator[Place]:
    async with place_of(tmp_path) as place:
        yield place


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """With a mail server that nobody asks."""
    folder = tmp_path_factory.mktemp("hub")
    process = HubProcess(
        folder, request_rate="0", smtp_url="smtp://127.0.0.1:1", smtp_from="longline@example.org"
    )
    process.start()
    yield process
    assert process.stop() == 0


@pytest_asyncio.fixture
async def refusing(hub: HubProcess) -> AsyncGenerator[Rest]:
    token = log_in(hub.url, "admin", hub.ready["adminPassword"])
    async with Rest.open(hub.url, token) as rest:
        rest.password = hub.ready["adminPassword"]
        yield rest


async def metric(device: Device, value: float, seq: int) -> None:
    fields = {"status": "ONLINE", "metrics": {"cpu": value}}
    await device.send("status", bootId="boot-1", seq=seq, **fields)
    await device.find("event_ack", seq=seq)


async def test_a_rule_is_told_by_mail_and_by_webhook_once(place: Place) -> None:
    channel = await place.webhook()
    secret = channel["settings"]["secret"]
    mail = await place.channel("email", to=["night@example.org", "day@example.org"])
    rule = await place.rule(channel, mail, severity="CRITICAL")
    async with place.fleet.new_line() as device, place.fleet.new_line() as other:
        began = time.monotonic()
        for each in (device, other):
            await metric(each, 95, 1)
        await place.mails.until(len, seconds=GROUPED + SOON)
        (received,) = await place.receiver.until(len, seconds=SOON)
        assert time.monotonic() - began >= GROUPED
    body = received.verified_by(secret)
    assert (body["type"], body["count"]) == ("longline.alerts", 2)
    assert body["counts"] == {rule["name"]: 2}
    assert {alert["deviceId"] for alert in body["data"]} == {device.device_id, other.device_id}
    assert {alert["status"] for alert in body["data"]} == {"FIRING"}
    (sent,) = place.mails.mails
    assert sent["Subject"] == f"[CRITICAL] 2 alerts: {rule['name']} (2)"
    assert sent["From"] == "longline@example.org"
    assert place.mails.recipients == [["night@example.org", "day@example.org"]]
    assert device.device_id in sent.get_content()
    shown = await place.rest.data(f"/notification-channels/{channel['id']}")
    assert shown["settings"] == {
        "url": place.receiver.url, "secret": "hidden", "headers": {}, "groupSeconds": 60,
        "repeatMinutes": 60,
    }  # fmt: skip


async def test_a_storm_is_one_message_with_a_count(place: Place) -> None:
    channel = await place.webhook()
    await place.rule(channel)
    async with place.fleet.new_line() as device:
        me = device.device_id
    ids = [new_id("storm") for _ in range(40)]
    for each in ids:
        made = await place.rest.post("/devices", {"id": each, "name": each})
        assert made.status_code == 201, made.text
    for each in ids:
        async with place.fleet.line(each) as device:
            await metric(device, 95, 1)
    received = await place.receiver.until(len, seconds=GROUPED + SOON)
    (body,) = [message.verified_by(channel["settings"]["secret"]) for message in received]
    assert body["count"] <= 40
    assert len(body["data"]) <= 20
    assert me not in {alert["deviceId"] for alert in body["data"]}


async def test_what_is_not_taken_comes_again_after_a_kill_with_the_same_id(place: Place) -> None:
    channel = await place.webhook(secret="whsec_" + "A" * 32, headers={"X-Key": "k"})
    assert channel["settings"]["secret"] == "hidden"
    await place.rule(channel)
    place.receiver.says = lambda _: answer(500)
    async with place.fleet.new_line() as device:
        await metric(device, 95, 1)
        await place.receiver.until(len, seconds=GROUPED + SOON)
    place.hub.kill()
    place.receiver.says = lambda _: answer(200)
    place.hub.start()
    first, again = await place.receiver.until(lambda all_: len(all_) > 1, seconds=45)
    assert (first.id, first.body) == (again.id, again.body)
    assert again.verified_by("whsec_" + "A" * 32)["count"] == 1
    assert again.headers["x-key"] == "k"


async def test_nobody_is_told_of_what_is_silenced_until_the_silence_ends(place: Place) -> None:
    channel = await place.webhook()
    rule = await place.rule(channel)
    until_ = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    async with place.fleet.new_line() as quiet, place.fleet.new_line() as loud:
        query = f'id = "{quiet.device_id}"'
        body = {"query": query, "rule": rule["name"], "until": until_, "comment": "being rebuilt"}
        silence = (await place.rest.post("/silences", body)).json()["data"]
        assert (silence["active"], silence["rule"]) == (True, rule["name"])
        for each in (quiet, loud):
            await metric(each, 95, 1)
        (received,) = await place.receiver.until(len, seconds=GROUPED + SOON)
        assert [alert["deviceId"] for alert in received.events] == [loud.device_id]
        (alert,) = await place.rest.data("/alerts", deviceId=quiet.device_id)
        assert (alert["status"], alert["silencedBy"]) == ("FIRING", silence["id"])
        assert (await place.rest.client.delete(f"/silences/{silence['id']}")).status_code == 200

        async def is_heard() -> bool:
            (shown,) = await place.rest.data("/alerts", deviceId=quiet.device_id)
            return shown["silencedBy"] is None

        await until(is_heard, seconds=6)


async def test_a_rule_that_fires_holds_another_back(place: Place) -> None:
    channel = await place.webhook()
    cause = await place.rule(when={"event": "uplink down"})
    rule = await place.rule(
        channel, when={"event": "lost"}, inhibitedBy=[cause["name"]], sharing="label.site"
    )
    async with (
        place.fleet.new_line() as router,
        place.fleet.new_line() as behind,
        place.fleet.new_line() as elsewhere,
    ):
        for device, site in ((router, "a"), (behind, "a"), (elsewhere, "b")):
            body = {"labels": {"site": site}}
            await place.rest.client.patch(f"/devices/{device.device_id}", json=body)
        await router.send("event", name="uplink down", bootId="b", seq=1)
        await router.find("event_ack", seq=1)
        for device in (behind, elsewhere):
            await device.send("event", name="lost", bootId="b", seq=1)
            await device.find("event_ack", seq=1)
        (received,) = await place.receiver.until(len, seconds=GROUPED + SOON)
        assert [alert["deviceId"] for alert in received.events] == [elsewhere.device_id]
        fired = await place.rest.data("/alerts", rule=rule["name"], status="FIRING")
        assert len(fired) == 2


async def test_whom_the_mail_server_refuses_keeps_no_mail_from_the_others(place: Place) -> None:
    mail = await place.channel("email", to=["refused@example.org", "taken@example.org"])
    place.mails.unknown = {"refused@example.org"}
    tested = await place.rest.post(f"/notification-channels/{mail['id']}/test")
    assert tested.json()["data"]["taken"] is True
    assert place.mails.recipients == [["taken@example.org"]]


async def test_a_channel_is_tested_and_kept_while_a_rule_names_it(place: Place) -> None:
    channel, mail = await place.webhook(), await place.channel("email", to=["a@example.org"])
    for each in (channel, mail):
        tested = await place.rest.post(f"/notification-channels/{each['id']}/test")
        assert tested.json()["data"]["taken"] is True
    assert place.receiver.received[0].verified_by(channel["settings"]["secret"])["type"] == (
        "longline.test"
    )
    place.mails.says = lambda: "451 later"
    tested = await place.rest.post(f"/notification-channels/{mail['id']}/test")
    found = tested.json()["data"]
    assert (found["taken"], found["status"], found["error"]) == (False, 451, "refused")
    rule = await place.rule(channel)
    path = f"/notification-channels/{channel['id']}"
    refused = await place.rest.client.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    body = {"name": "renamed", "kind": "webhook", "settings": {"url": place.receiver.url}}
    changed = await place.rest.client.put(path, json=body)
    assert changed.status_code == 200, changed.text
    assert (await place.rest.data(f"/alert-rules/{rule['id']}"))["notify"] == ["renamed"]
    await place.rest.client.delete(f"/alert-rules/{rule['id']}")
    assert (await place.rest.client.delete(path)).status_code == 200


@pytest.mark.parametrize(
    ("kind", "settings", "field"),
    [
        ("webhook", {"url": "http://127.0.0.1/x"}, "settings.url"),
        ("webhook", {"url": "https://[::1]/x"}, "settings.url"),
        ("webhook", {"url": "https://example.org", "secret": "short"}, "settings.secret"),
        ("webhook", {"url": "https://example.org", "to": ["a@example.org"]}, "settings.to"),
        ("webhook", {"url": "https://example.org", "headers": {"Host": "x"}}, "headers.Host"),
        ("email", {}, "settings.to"),
        ("email", {"to": ["nobody"]}, "settings.to[0]"),
        ("email", {"to": ["a@example.org\r\nBcc: b@example.org"]}, "settings.to[0]"),
        ("email", {"to": ["a@example.org"], "url": "https://example.org"}, "settings"),
    ],
)
async def test_a_channel_that_makes_no_sense_is_refused(
    refusing: Rest, kind: str, settings: Json, field: str
) -> None:
    body = {"name": "bad", "kind": kind, "settings": settings}
    made = await refusing.post("/notification-channels", body)
    assert made.status_code == 400, made.text
    assert made.json()["errors"][0]["field"] == field


async def test_silences_end_in_a_month_and_operators_make_them(
    hub: HubProcess, refusing: Rest
) -> None:
    rest = refusing
    late = (datetime.now(UTC) + timedelta(days=31)).isoformat()
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for moment in (late, past):
        body = {"query": "has label.x", "until": moment, "comment": "c"}
        refused = await rest.post("/silences", body)
        assert refused.json()["errors"][0]["field"] == "until"
    none = {"query": "has label.x", "until": soon, "comment": "c", "rule": "none"}
    assert (await rest.post("/silences", none)).json()["errors"][0]["field"] == "rule"
    body = {"query": "has label.x", "until": soon, "comment": "c"}
    async with signed_in(hub, await make_user(rest, "OPERATOR")) as operator:
        assert (await operator.post("/silences", body)).status_code == 201
    async with signed_in(hub, await make_user(rest, "VIEWER")) as viewer:
        assert (await viewer.post("/silences", body)).status_code == 403
        assert len(await viewer.data("/silences")) == 1
