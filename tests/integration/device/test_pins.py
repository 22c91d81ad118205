"""Pinned versions that the hub hands over to real agents: brought, proven, refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from device.update.own_version import installed_version
from protocol.canonical import hash_of
from tests.integration.device.agents import Bench, eventually
from tests.integration.device.scripted_hub import Frame, ScriptedHub, scripted_hub
from tests.integration.device.test_desired import taken
from tests.integration.device.test_installers import FAIL, Site
from tests.integration.device.updates import BROKEN, SupervisedDevice, make_artifact, offer

Json = dict[str, Any]
NOTHING: Json = {"pins": {}, "allow": []}
OLD = installed_version()


def pins(allow: tuple[str, ...] = (), **versions: str) -> Json:
    return {"pins": versions, "allow": list(allow)}


def artifact(offered: Frame) -> Json:
    """What the hub says of a release beside the document."""
    names = ("releaseId", "url", "sha256", "size", "signatureBase64")
    found = {name: offered[name] for name in names if name in offered}
    return {**found, "filename": "line.jar", "later": "is ignored"}


async def pinned(site: Site, version: str, wanted: str, **fields: Any) -> Json:
    """The last word of the device about a pin of its JAR."""
    artifacts = {"jar": artifact(site.offer(wanted, **fields))}
    return await taken(site.bench, "software", version, pins(jar=wanted), artifacts=artifacts)


async def test_a_pin_installs_goes_down_as_well_and_is_kept(bench: Bench) -> None:
    site = Site(bench)
    async with bench.agent() as agent:
        assert await says(bench.hub) == NOTHING
        await bench.hub.frame("status")
        assert (await pinned(site, "1", "1.2.3"))["status"] == "applied"
        assert (await pinned(site, "2", "0.9"))["status"] == "applied"
        assert [line.split()[-1] for line in site.read("installed").splitlines()] == [
            "1.2.3", "0.9",
        ]  # fmt: skip
        refused = await site.update("c1", "2.0")
        assert refused["error"]["code"] == "pinned"
        await agent.stop()
    begin = len(bench.hub.frames)
    async with bench.agent():
        hello = await bench.hub.frame("hello", begin)
        await bench.hub.frame("status", begin)
        assert hello["versions"] == {"jar": "0.9"}
        assert hello["sections"]["software"] == {"version": "2", "hash": hash_of(pins(jar="0.9"))}
        # Without a pin it takes what comes.
        assert (await taken(bench, "software", "3", NOTHING))["status"] == "applied"
        assert (await site.update("c2", "2.0"))["success"]


async def says(hub: ScriptedHub, begin: int = 0) -> Json | None:
    """What the device says that it has: nothing, as each begins; None for anything else."""
    section = (await hub.frame("hello", begin))["sections"]["software"]
    return NOTHING if section["hash"] == hash_of(NOTHING) else None


async def test_only_a_pin_that_is_met_is_reported(bench: Bench) -> None:
    site = Site(bench)
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        assert (await pinned(site, "1", "1.2.3"))["status"] == "applied"
        await agent.stop()
    site.version.write_text("1.0\n")  # somebody restored a backup
    begin = len(bench.hub.frames)
    async with bench.agent():
        assert await says(bench.hub, begin) == NOTHING
        await bench.hub.frame("status", begin)
        assert (await pinned(site, "1", "1.2.3"))["status"] == "applied"
    assert site.read("version") == "1.2.3\n"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"pins": {"plc": "1"}, "allow": []}, "unsupported"),
        ({"pins": {"agent": "9.9"}, "allow": []}, "unsupported"),
        ({"pins": {"jar": "7"}, "allow": []}, "no_release"),
        ({"pins": {"../jar": "7"}, "allow": []}, "invalid_section"),
        ({"pins": [], "allow": []}, "invalid_section"),
        ({"pins": {}, "allow": ["no digest"]}, "invalid_section"),
    ],
)
async def test_what_cannot_be_brought_is_refused_and_rests(
    bench: Bench, document: Json, code: str
) -> None:
    site = Site(bench)
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        status = await taken(bench, "software", "5", document)
        assert (status["status"], status["error"]["code"]) == ("failed", code)
        await agent.stop()
    begin = len(bench.hub.frames)
    async with bench.agent():
        section = (await bench.hub.frame("hello", begin))["sections"]["software"]
    assert (section["refused"], section["hash"]) == ("5", hash_of(NOTHING))
    assert site.read("installed") == ""


async def test_a_pin_brings_nothing_unsigned_and_nothing_below_the_floor(bench: Bench) -> None:
    site = Site(bench)
    site.bench.settings = site.bench.settings.replace(
        "[installers.jar]", 'floor = { jar = "0.9" }\n[installers.jar]'
    )
    async with bench.agent():
        await bench.hub.frame("status")
        for number, (version, fields, code) in enumerate(
            [
                ("1.2.3", {"signed": False}, "signature_missing"),
                ("1.2.3", {"signatureBase64": "AAAA"}, "signature_mismatch"),
                ("1.2.3", {"sha256": "0" * 64}, "sha256_mismatch"),
                ("0.8", {}, "below_floor"),
                ("1.2.3", {"url": "https://elsewhere/x"}, "invalid_section"),
            ]
        ):
            status = await pinned(site, str(number), version, **fields)
            assert (status["status"], status["error"]["code"]) == ("failed", code)
    assert site.read("installed") == ""


async def test_a_pin_that_fails_its_proof_is_undone(bench: Bench) -> None:
    site = Site(bench, FAIL)
    async with bench.agent():
        await bench.hub.frame("status")
        status = await pinned(site, "1", "1.2.3")
        assert (status["status"], status["error"]["code"]) == ("failed", "exit_code")
        assert status["error"]["message"].startswith("jar: ended with 3; undone")
        assert status["error"]["message"].endswith("THE-REAL-ERROR-IS-LAST")
    assert site.read("version") == "1.0\n"


async def test_other_sections_do_not_wait_for_an_installation(bench: Bench) -> None:
    site = Site(bench, "#!/bin/sh\nwhile [ ! -e {folder}/go ]; do sleep 0.05; done\nexit 3\n")
    async with bench.agent():
        await bench.hub.frame("status")
        document = pins(jar="1.2.3")
        artifacts = {"jar": artifact(site.offer("1.2.3"))}
        await bench.hub.hand_over("software", "1", document, artifacts=artifacts)
        await bench.hub.frame("desired_status", kind="software", status="trial")
        paused = {"enabled": False, "reason": "cleaning"}
        assert (await taken(bench, "production", "3", paused))["status"] == "applied"
        (site.folder / "go").touch()
        await bench.hub.frame("desired_status", kind="software", status="failed")


async def test_an_artifact_that_cannot_be_fetched_now_is_fetched_later(bench: Bench) -> None:
    site = Site(bench)
    async with bench.agent():
        await bench.hub.frame("status")
        offered = site.offer("1.2.3")
        bench.hub.pages += [(offered["url"], 404, b"gone")]
        status = await pinned(site, "1", "1.2.3")
        assert status["status"] == "applied"
    assert "section_not_settled" in bench.log()


async def handed(hub: ScriptedHub, version: str, offered: Frame, *allow: str) -> int:
    """A pin of the agent; the frames before it."""
    begin = len(hub.frames)
    document = pins(allow, agent=offered["version"])
    await hub.hand_over("software", version, document, artifacts={"agent": artifact(offered)})
    return begin


async def test_a_pinned_agent_is_tried_and_applied_when_it_is_confirmed(tmp_path: Path) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        async with device.running():
            await hub.frame("hello", agentVersion=OLD)
            await hub.frame("status")
            offered = offer(hub, "2.0", make_artifact(tmp_path / "artifact", "2.0"))
            begin = await handed(hub, "1", offered)
            hello = await hub.frame("hello", begin, agentVersion="2.0")
            assert hello["sections"]["software"]["hash"] == hash_of(NOTHING)
            begin = await handed(hub, "1", offered)  # as the hub does, of what differs
            await hub.frame("desired_status", begin, kind="software", status="applied")
            assert device.record()["state"] == "confirmed"


async def test_a_pinned_agent_that_goes_back_is_rolled_back_and_rests(tmp_path: Path) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        async with device.running():
            await hub.frame("hello", agentVersion=OLD)
            await hub.frame("status")
            offered = offer(hub, "3.0", make_artifact(tmp_path / "bad", "3.0", BROKEN["crash"]))
            begin = await handed(hub, "1", offered)
            await device.until_state("failed")
            hello = await hub.frame("hello", begin, agentVersion=OLD)
            begin = await handed(hub, "1", offered)
            status = await hub.frame("desired_status", begin, kind="software", status="rolled_back")
            assert status["error"]["code"] == "rolled_back"
            assert "no such scanner" in status["error"]["message"]
            assert hello["sections"]["software"]["hash"] == hash_of(NOTHING)
            starts = device.log().count("update_on_trial")
            assert starts == 0  # it never got so far, and was not tried again


async def test_what_is_barred_is_refused_until_it_is_pardoned(tmp_path: Path) -> None:
    async with scripted_hub() as hub:
        device = SupervisedDevice(tmp_path, hub.url)
        offered = offer(hub, "2.0", make_artifact(tmp_path / "artifact", "2.0"))
        digest: str = offered["sha256"]
        device.versions.mkdir()
        bars = [{"sha256": digest, "version": "2.0", "reason": "it crashed"}]
        (device.versions / "barred.json").write_text(json.dumps(bars))
        async with device.running():
            hello = await hub.frame("hello", agentVersion=OLD)
            assert hello["barred"] == [digest]
            await hub.frame("status")
            begin = await handed(hub, "1", offered)
            status = await hub.frame("desired_status", begin, kind="software", status="failed")
            assert status["error"]["code"] == "barred"
            begin = await handed(hub, "2", offered, digest)
            later = await hub.frame("hello", begin, agentVersion="2.0")
            assert later["barred"] == []
            await eventually(lambda: device.record()["state"] == "confirmed")
