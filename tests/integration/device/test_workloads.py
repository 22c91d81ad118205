"""Applications on a real agent with a real container engine and a real registry."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from device.workloads.engine import engine_at
from device.workloads.sealed import SEALED, SealedFile
from protocol.base64url import base64url
from protocol.canonical import hash_of
from protocol.workloads import revision_bytes
from tests.engines import Engine, Registry, container_engine, missing, registry
from tests.integration.device.agents import Bench, eventually
from tests.integration.device.scripted_hub import Frame
from tests.integration.device.workloads import (
    IMAGE,
    Device,
    application,
    data,
    document,
    service,
)
from tests.signing import Signer

Json = dict[str, Any]
absent = missing()
pytestmark = pytest.mark.skipif(absent is not None, reason=str(absent))


@pytest.fixture(scope="module")
def _engine() -> Generator[Engine]:
    folder = Path(tempfile.mkdtemp(prefix="eng-", dir="/dev/shm"))
    try:
        with container_engine(folder) as found:
            found.make_image(IMAGE)
            yield found
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def engine(_engine: Engine) -> Generator[Engine]:
    yield _engine
    for each in _engine.docker("ps", "-aq").split():
        _engine.docker("rm", "-f", "-v", each)
    for each in _engine.docker("volume", "ls", "-q").split():
        _engine.docker("volume", "rm", each)
    shutil.rmtree(_engine.folder / "files", ignore_errors=True)


@pytest.fixture
def images(_engine: Engine) -> Generator[Registry]:
    with registry(_engine.folder) as found:
        yield found


def pushed(engine: Engine, images: Registry, note: str) -> str:
    """An image that is in the registry alone, by its digest."""
    name = f"{images.host}/app:{note}"
    engine.make_image(name, note)
    digest = engine.push(name)
    engine.forget_image(name)
    return f"{images.host}/app@{digest}"


async def test_an_application_runs_and_goes_and_the_hub_hears_of_it(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine)
    async with bench.agent():
        hello = await bench.hub.frame("hello")
        assert hello["sections"]["workloads"] == {"version": "", "hash": ""}
        assert "restart_workload" in hello["commands"]
        shop = application("shop", {"web": service(), "db": service()})
        found = await device.give(shop)
        frame = await device.said("shop", web="running", db="running")
        assert frame["version"] == found["version"]
        assert frame["seq"] > 0
        container = engine.containers()["shop-web"]
        assert frame["services"][0] == {
            "service": "web", "revision": shop["revision"], "state": "running", "code": None,
            "message": None, "image": IMAGE, "digest": None, "containerId": container["Id"][:12],
            "restarts": 0, "startedAt": container["State"]["StartedAt"],
        }  # fmt: skip
        labels = container["Config"]["Labels"]
        assert labels["longline.device"] == "edge-1"
        assert labels["longline.application"] == "shop"
        assert labels["longline.service"] == "web"
        assert labels["longline.revision"] == shop["revision"]
        begin = len(bench.hub.frames)
        await device.give()
        await device.said("shop", begin)
        assert engine.containers() == {}


@pytest.mark.parametrize(
    ("more", "top"),
    [
        ({"volumes": [{"type": "bind", "source": "/", "target": "/host"}]}, {}),
        ({"volumes": [{"type": "bind", "source": "/etc", "target": "/host"}]}, {}),
        ({"volumes": ["/var/../etc:/host"]}, {}),
        ({"volumes": [{"type": "bind", "source": "{engine}", "target": "/run/d.sock"}]}, {}),
        ({"volumes": [{"type": "bind", "source": "{state}", "target": "/state"}]}, {}),
        ({"volumes": [{"type": "bind", "source": "{allowed}/out", "target": "/out"}]}, {}),
        ({"volumes": [{"type": "bind", "source": "{allowed}/none", "target": "/out"}]}, {}),
        ({"volumes": ["disk:/host"]}, {"volumes": {"disk": {"driver_opts": {"device": "/"}}}}),
        ({"privileged": True}, {}),
        ({"cap_add": ["SYS_ADMIN"]}, {}),
        ({"devices": ["/dev/mem:/dev/mem"]}, {}),
        ({"network_mode": "host"}, {}),
        ({"pid": "host"}, {}),
        ({"image": "elsewhere.example/app:1"}, {}),
    ],
)
async def test_what_the_devices_own_file_does_not_allow_is_refused_before_a_pull(
    bench: Bench, engine: Engine, more: Json, top: Json
) -> None:
    allowed = bench.directory / "allowed"
    allowed.mkdir()
    (allowed / "out").symlink_to("/etc")
    table = f'binds = ["{allowed}", "{bench.state}"]\nregistries = ["docker.io"]'
    device = Device(bench, engine, table)
    text = json.dumps(more)
    for name, path in (("engine", engine.socket), ("state", bench.state), ("allowed", allowed)):
        text = text.replace(f"{{{name}}}", str(path))
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(application("bad", {"web": service(**json.loads(text))}, **top))
        frame = await device.said("bad", web=("error", "refused_by_device"))
        assert frame["services"][0]["message"]
    assert engine.containers() == {}


async def test_what_it_allows_is_there(bench: Bench, engine: Engine) -> None:
    allowed = bench.directory / "allowed"
    (allowed / "below").mkdir(parents=True)
    (allowed / "below" / "file").write_text("found")
    device = Device(
        bench, engine, f'binds = ["{allowed}"]\nhost_network = true\ncap_add = ["NET_ADMIN"]'
    )
    async with bench.agent():
        await bench.hub.frame("hello")
        web = service(
            network_mode="host",
            cap_add=["NET_ADMIN"],
            volumes=[f"{allowed}/below:/mine:ro", "kept:/kept"],
            mem_limit="64m",
            user="plant",
            environment={"GREETING": "hello"},
        )
        await device.give(application("good", {"web": web}, volumes={"kept": {}}))
        await device.said("good", web="running")
    assert engine.execute("good-web", "cat", "/mine/file") == "found"
    shown = engine.containers()["good-web"]
    assert shown["HostConfig"]["Memory"] == 64 * 1024 * 1024
    assert "GREETING=hello" in shown["Config"]["Env"]
    assert "good_kept" in engine.docker("volume", "ls", "-q").split()


async def test_containers_of_others_are_left_alone(bench: Bench, engine: Engine) -> None:
    other = ("run", "-d", "--network", "none")
    engine.docker(*other, "--name", "mine", IMAGE, "sleep", "1000")
    engine.docker(*other, "--label", "longline.device=edge-2", "--name", "its", IMAGE, "sleep", "9")
    device = Device(bench, engine)
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(application("shop", {"web": service()}))
        await device.said("shop", web="running")
        begin = len(bench.hub.frames)
        await device.give()
        await device.said("shop", begin)
    assert {"mine", "its"} <= engine.containers().keys()


async def test_a_device_follows_an_older_document(bench: Bench, engine: Engine) -> None:
    device = Device(bench, engine)
    old = application("shop", {"web": service(command=["sleep", "1001"])})
    async with bench.agent():
        await bench.hub.frame("hello")
        for seconds in ("1001", "1002", "1003"):
            shop = application("shop", {"web": service(command=["sleep", seconds])})
            begin = len(bench.hub.frames)
            await device.give(shop)
            await device.heard(
                lambda f, of=shop: any(
                    s["state"] == "running" and s["revision"] == of["revision"]
                    for s in f["services"]
                ),
                begin,
            )
        begin = len(bench.hub.frames)
        await device.give(old)
        await device.heard(
            lambda f: (
                f["services"][0]["revision"] == old["revision"]
                and f["services"][0]["state"] == "running"
            ),
            begin,
        )
        containers = engine.containers()
        assert list(containers) == ["shop-web"]
        assert containers["shop-web"]["Config"]["Cmd"] == ["sleep", "1001"]


async def test_a_revision_that_changes_another_service_restarts_nothing(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine)
    async with bench.agent() as agent:
        await bench.hub.frame("hello")
        await device.give(application("shop", {"web": service()}))
        await device.said("shop", web="running")
        before = engine.containers()["shop-web"]["State"]["StartedAt"]
        shop = application("shop", {"web": service(), "db": service()})
        await device.give(shop)
        frame = await device.said("shop", web="running", db="running")
        assert {each["revision"] for each in frame["services"]} == {shop["revision"]}
        await agent.kill()
    begin = len(bench.hub.frames)
    async with bench.agent():
        await device.said("shop", begin, web="running", db="running")
        assert engine.containers()["shop-web"]["State"]["StartedAt"] == before


async def test_a_stop_outlives_reboots_and_revisions(bench: Bench, engine: Engine) -> None:
    device = Device(bench, engine)
    shop = application("shop", {"web": service()})
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(shop)
        await device.said("shop", web="running")
        await device.give({**shop, "stopped": ["web"]})
        await device.said("shop", web="exited")
        assert engine.running() == []
    engine.cut_power()
    engine.start()
    newer = application("shop", {"web": service(command=["sleep", "77"])}, stopped=("web",))
    device.have(newer)
    begin = len(bench.hub.frames)
    async with bench.agent():
        await device.heard(
            lambda f: (
                f["services"][0]["revision"] == newer["revision"]
                and f["services"][0]["state"] == "exited"
            ),
            begin,
        )
        assert engine.running() == []
        begin = len(bench.hub.frames)
        await device.give({**newer, "stopped": []})
        await device.said("shop", begin, web="running")
        assert engine.containers()["shop-web"]["Config"]["Cmd"] == ["sleep", "77"]
        await device.give({**newer, "stopped": ["web"]})
        await device.said("shop", begin, web="exited")
        begin = len(bench.hub.frames)
        await device.give(newer | {"stopped": []})
        await device.said("shop", begin, web="running")


def with_secret(**more: Any) -> Json:
    return application(
        "shop", {"web": service(secrets=["db"], **more)}, secrets={"db": {"external": True}}
    )


async def test_after_a_power_cut_a_service_with_a_secret_runs_without_the_hub(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine)
    shop, secrets = with_secret(user="plant"), {"db": data(1, password="hush")}
    async with bench.agent() as agent:
        await bench.hub.frame("hello")
        await device.give(shop, secrets=secrets)
        await device.said("shop", web="running")
        assert engine.execute("shop-web", "cat", "/run/secrets/db/password") == "hush"
        listed = engine.execute("shop-web", "ls", "-ln", "/run/secrets/db/password").split()
        assert (listed[0], listed[2], listed[3]) == ("-r--------", "4711", "4712")
        assert "hush" not in bench.log()
        for each in bench.state.rglob("*"):
            assert not each.is_file() or b"aHVzaA" not in each.read_bytes()
        await agent.kill()
    engine.cut_power()
    shutil.rmtree(device.files)
    bench.hub.refuses = True
    engine.start()
    async with bench.agent():
        await device.runs("shop-web")
        assert engine.execute("shop-web", "cat", "/run/secrets/db/password") == "hush"
        assert list(engine.containers()) == ["shop-web"]


async def test_where_secrets_are_not_kept_a_service_waits_for_the_hub(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine, "keep_secrets = false")
    shop, secrets = with_secret(), {"db": data(1, password="hush")}
    async with bench.agent() as agent:
        await bench.hub.frame("hello")
        await device.give(shop, secrets=secrets)
        await device.said("shop", web="running")
        await agent.kill()
    engine.cut_power()
    shutil.rmtree(device.files)
    bench.hub.refuses = True
    engine.start()
    async with bench.agent():
        await eventually(lambda: "waiting_for_hub" in shown(bench))
        assert engine.running() == []
        bench.hub.refuses = False
        await device.runs("shop-web")


async def test_secrets_that_are_not_kept_any_more_are_forgotten_at_the_start(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine, "keep_secrets = true")
    async with bench.agent() as agent:
        await bench.hub.frame("hello")
        await device.give(with_secret(), secrets={"db": data(1, password="hush")})
        await device.said("shop", web="running")
        await agent.kill()
    (sealed,) = bench.state.rglob(SEALED)
    kept = SealedFile(sealed.parent).read()
    assert kept is not None
    assert kept.document.secrets
    bench.settings = bench.settings.replace("keep_secrets = true", "keep_secrets = false")
    bench.hub.refuses = True

    def are_forgotten() -> bool:
        found = SealedFile(sealed.parent).read()
        return found is not None and not found.document.secrets

    async with bench.agent():
        await eventually(are_forgotten)


def shown(bench: Bench) -> str:
    """What `longline device status` says."""
    command = [sys.executable, "-m", "longline", "device", "status", "--socket", str(bench.socket)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=20)
    return done.stdout.decode()


@pytest.mark.parametrize("on_change", ["restart", {"signal": "SIGHUP"}, "none"])
async def test_another_version_of_a_secret_is_a_file_that_is_replaced(
    bench: Bench, engine: Engine, on_change: str | Json
) -> None:
    device = Device(bench, engine)
    marks = "trap 'echo hup >> /tmp/marks' HUP; while true; do sleep 0.1; done"
    mounted = [{"source": "db", "x-onChange": on_change}]
    shop = application(
        "shop",
        {"web": service(command=["sh", "-c", marks], secrets=mounted)},
        secrets={"db": {"external": True}},
    )
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(shop, secrets={"db": data(1, password="old", gone="x")})
        await device.said("shop", web="running")
        before = engine.containers()["shop-web"]
        newer = {**shop, "revision": "f" * 64}
        begin = len(bench.hub.frames)
        await device.give(newer, secrets={"db": data(2, password="new")})
        await device.heard(lambda f: f["services"][0]["revision"] == "f" * 64, begin)
        await eventually(
            lambda: engine.execute("shop-web", "cat", "/run/secrets/db/password") == "new"
        )
        assert engine.execute("shop-web", "ls", "/run/secrets/db") == "password"
        if on_change == "restart":
            await eventually(
                lambda: (
                    engine.containers()["shop-web"]["State"]["StartedAt"]
                    != before["State"]["StartedAt"]
                )
            )
        elif on_change != "none":
            await eventually(
                lambda: "hup" in engine.execute("shop-web", "sh", "-c", "cat /tmp/marks; true")
            )
        after = engine.containers()["shop-web"]
        assert after["Id"] == before["Id"]
        if on_change != "restart":
            assert after["State"]["StartedAt"] == before["State"]["StartedAt"]


async def test_config_maps_are_files_and_variables(bench: Bench, engine: Engine) -> None:
    device = Device(bench, engine)
    web = service(configs=[{"source": "site", "target": "www"}], env_file=[{"config": "site"}])
    shop = application("shop", {"web": web}, configs={"site": {"external": True, "name": "main"}})
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(shop, configMaps={"main": data(1, title="Plant")})
        await device.said("shop", web="running")
    assert engine.execute("shop-web", "cat", "/run/configs/www/title") == "Plant"
    assert "title=Plant" in engine.containers()["shop-web"]["Config"]["Env"]


async def test_an_image_comes_by_its_digest_and_the_old_one_stays_meanwhile(
    bench: Bench, engine: Engine, images: Registry
) -> None:
    device = Device(bench, engine)
    first, second = pushed(engine, images, "one"), pushed(engine, images, "two")
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(application("shop", {"web": service(image=first)}))
        frame = await device.said("shop", web="running")
        assert frame["services"][0]["digest"] == first.partition("@")[2]
        images.stop()
        begin = len(bench.hub.frames)
        await device.give(application("shop", {"web": service(image=second)}))
        frame = await device.said("shop", begin, web=("error", "registry_unavailable"))
        assert frame["services"][0]["containerId"]
        assert engine.execute("shop-web", "cat", "/etc/note") == "one"
        images.start()
        await device.said("shop", begin, web="running")
        assert engine.execute("shop-web", "cat", "/etc/note") == "two"
        begin = len(bench.hub.frames)
        absent = f"{images.host}/app@sha256:{'0' * 64}"
        await device.give(application("shop", {"web": service(image=absent)}))
        await device.said("shop", begin, web=("error", "image_not_found"))
        assert engine.execute("shop-web", "cat", "/etc/note") == "two"


async def test_two_applications_that_want_one_port_conflict_until_the_first_goes(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine)
    ports = [{"target": 80, "published": "18080", "protocol": "tcp"}]
    first = application("first", {"web": service(ports=ports)})
    second = application("second", {"web": service(ports=ports)})
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(first, second)
        await device.said("first", web="running")
        frame = await device.said("second", web=("error", "conflict"))
        assert "18080" in frame["services"][0]["message"]
        await device.give(second)
        await device.said("second", web="running")
        assert list(engine.containers()) == ["second-web"]


async def test_services_start_when_what_they_need_is_there(bench: Bench, engine: Engine) -> None:
    device = Device(bench, engine)
    gate = bench.directory / "gate"
    gate.mkdir()
    test = ["CMD", "test", "-e", "/gate/open"]
    check = {"test": test, "interval": "200ms", "retries": 1000}
    bench.settings = bench.settings.replace("[workloads]", f'[workloads]\nbinds = ["{gate}"]')
    services = {
        "db": service(healthcheck=check, volumes=[f"{gate}:/gate"]),
        "job": service(command=["true"], restart="no"),
        "web": service(
            depends_on={
                "db": {"condition": "service_healthy"},
                "job": {"condition": "service_completed_successfully"},
            }
        ),
    }
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(application("shop", services))
        await device.heard(
            lambda f: [each["message"] for each in f["services"]][-1] == "waits for db"
        )
        assert engine.running() == ["shop-db"]
        (gate / "open").touch()
        await device.said("shop", db="running", job="exited", web="running")
        assert engine.containers()["shop-job"]["RestartCount"] == 0


async def test_a_service_starts_anew_by_command(bench: Bench, engine: Engine) -> None:
    device = Device(bench, engine)
    async with bench.agent():
        await bench.hub.frame("hello")
        shop = application("shop", {"web": service()})
        await device.give(shop)
        await device.said("shop", web="running")
        before = engine.containers()["shop-web"]
        named = {"application": "shop", "service": "web"}
        result = await bench.hub.run("restart_workload", "c1", **named)
        assert result["success"] is True
        after = engine.containers()["shop-web"]
        assert after["Id"] == before["Id"]
        assert after["State"]["StartedAt"] != before["State"]["StartedAt"]
        unknown = await bench.hub.run("restart_workload", "c2", **{**named, "service": "db"})
        assert unknown["error"]["code"] == "workload_not_found"
        await device.give({**shop, "stopped": ["web"]})
        await device.said("shop", web="exited")
        stopped = await bench.hub.run("restart_workload", "c3", **named)
        assert stopped["error"]["code"] == "workload_stopped"


async def test_what_restarts_again_and_again_is_in_backoff(bench: Bench, engine: Engine) -> None:
    device = Device(bench, engine)
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(application("shop", {"web": service(command=["false"])}))
        frame = await device.said("shop", web="backoff")
        assert frame["services"][0]["restarts"] >= 5


async def test_a_hundred_services_with_long_messages_fit_a_frame(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine)
    long = "\N{SNOWMAN}" * 250
    many = {f"service-{number:03}": service(cap_add=[long]) for number in range(100)}
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(application("many", many))
        frame = await device.heard(lambda f: f["application"] == "many")
        assert len(frame["services"]) == 100
        assert {each["code"] for each in frame["services"]} == {"refused_by_device"}
        assert len(json.dumps(frame, ensure_ascii=False).encode()) <= 48 * 1024
        assert len(bench.hub.lines) == 1
        assert (await bench.hub.run("force_sync", "c1"))["success"] is True


async def test_a_hub_that_asks_is_told_everything_anew(bench: Bench, engine: Engine) -> None:
    device = Device(bench, engine)
    async with bench.agent():
        await bench.hub.frame("hello")
        found = await device.give(application("shop", {"web": service()}))
        frame = await device.said("shop", web="running")
        begin = len(bench.hub.frames)
        named = {"version": found["version"], "hash": hash_of(found)}
        await bench.hub.send({"type": "desired", "kind": "workloads", **named, "report": True})
        again = await device.said("shop", begin, web="running")
        assert again["services"] == frame["services"]
        begin = len(bench.hub.frames)
        bench.hub.cut()
        await device.said("shop", begin, web="running")


async def test_without_an_engine_a_device_has_no_workloads(bench: Bench) -> None:
    async with bench.agent():
        hello = await bench.hub.frame("hello")
        assert "workloads" not in hello["sections"]
        assert "restart_workload" not in hello["commands"]


async def test_an_engine_that_is_away_is_said_and_comes_back(bench: Bench, engine: Engine) -> None:
    device = Device(bench, engine)
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(application("shop", {"web": service()}))
        await device.said("shop", web="running")
        begin = len(bench.hub.frames)
        engine.cut_power()
        await device.said("shop", begin, web=("error", "engine_unavailable"))
        begin = len(bench.hub.frames)
        engine.start()
        await device.said("shop", begin, web="running")
        assert list(engine.containers()) == ["shop-web"]


async def test_an_engine_that_only_fails_ends_nothing_else(bench: Bench) -> None:
    """A stand-in: no engine fails like that when one wants it to."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        socket = Path(folder, "d.sock")
        server = await asyncio.start_unix_server(answer_badly, socket)
        bench.settings += f'[workloads]\nengine = "{socket}"\nruntime_dir = "{folder}"\n'
        async with server, bench.agent():
            await bench.hub.frame("hello")
            found = document(application("shop", {"web": service()}))
            await bench.hub.hand_over("workloads", found["version"], found)
            await bench.hub.until(
                lambda: any(
                    each.get("services", [{}])[0].get("code") == "engine_unavailable"
                    for each in bench.hub.frames
                    if each["type"] == "workload_status"
                )
            )
            (said,) = await bench.emit('{"type":"event","name":"alive"}')
            assert json.loads(said) == {"ok": True}


async def answer_badly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """`/version` as an engine does, and 500 to all else."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            status = b"200 OK" if b"/version" in head.split(b"\r\n")[0] else b"500 Bad"
            body = b'{"ApiVersion":"1.41"}'
            fields = b"Content-Type: application/json\r\nContent-Length: %d" % len(body)
            writer.write(b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, fields, body))
    except asyncio.IncompleteReadError:
        writer.close()


async def test_a_secret_that_is_taken_away_is_gone_while_its_container_runs(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine)
    both: Json = {"a": data(1, key="one"), "b": data(1, key="two")}
    top: Json = {"secrets": {name: {"external": True} for name in both}}
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(
            application("shop", {"web": service(secrets=["a", "b"])}, **top), secrets=both
        )
        await device.said("shop", web="running")
        assert "b" in engine.execute("shop-web", "ls", "/run/secrets")
        one = {"a": both["a"]}
        web = service(secrets=["a"])
        await device.give(application("shop", {"web": web}, **top), secrets=one)
        await eventually(lambda: engine.execute("shop-web", "ls", "/run/secrets").split() == ["a"])


STEPS = ("CreateContainer", "RemoveContainer", "RenameContainer", "StartContainer")
ANNA = Signer()
SIGNED = f"""
[firmware]
trusted_keys = ["{"A" * 43}="]
[signed_commands]
org = "default"
operators = [{{ key = "{ANNA.line}" }}]
"""


def signed_by(signer: Signer, of: Json, *, org: str = "default") -> Json:
    value = base64url(signer.private.sign(revision_bytes(org, of["name"], of["sha256"])))
    return {**of, "signature": {"kind": "ed25519", "keyId": signer.key_id, "value": value}}


async def test_only_what_a_person_has_signed_runs(bench: Bench, engine: Engine) -> None:
    device = Device(bench, engine, "signed = true", SIGNED)
    shop = application("shop", {"web": service(command=["sleep", "1001"])})
    other = application("shop", {"web": service(command=["sleep", "1002"])})
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(signed_by(ANNA, shop))
        await device.said("shop", web="running")
        for bad in (
            other,  # nobody has
            signed_by(Signer(), other),
            signed_by(ANNA, other, org="acme"),
            {**signed_by(ANNA, shop), "compose": other["compose"], "revision": other["revision"]},
            {**signed_by(ANNA, other), "name": "shop2"},
        ):
            begin = len(bench.hub.frames)
            await device.give(bad, *([] if bad["name"] == "shop" else [signed_by(ANNA, shop)]))
            await device.said(bad["name"], begin, web=("error", "bad_signature"))
        containers = engine.containers()
        assert list(containers) == ["shop-web"]
        assert containers["shop-web"]["Config"]["Cmd"] == ["sleep", "1001"]
        begin = len(bench.hub.frames)
        await device.give(signed_by(ANNA, other))
        await device.said("shop", begin, web="running")


async def test_volumes_go_when_the_hub_says_so_and_no_others(bench: Bench, engine: Engine) -> None:
    engine.docker("volume", "create", "mine")
    device = Device(bench, engine)
    top: Json = {"volumes": {"kept": {}}}
    of_shop, of_bar = service(volumes=["kept:/kept"]), service(volumes=["kept:/kept"])

    def volumes() -> set[str]:
        return set(engine.docker("volume", "ls", "-q").split())

    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(
            application("shop", {"web": of_shop}, **top), application("bar", {"web": of_bar}, **top)
        )
        await device.said("shop", web="running")
        await device.said("bar", web="running")
        begin = len(bench.hub.frames)
        await device.give()
        await device.said("shop", begin)
        await device.said("bar", begin)
        assert volumes() == {"mine", "shop_kept", "bar_kept"}
        await device.give(removeVolumes=["shop"])
        await eventually(lambda: volumes() == {"mine", "bar_kept"})


async def test_purge_takes_everything_off_a_stopped_device(bench: Bench, engine: Engine) -> None:
    engine.docker("run", "-d", "--network", "none", "--name", "mine", IMAGE, "sleep", "1000")
    device = Device(bench, engine)
    web = service(volumes=["kept:/kept"], secrets=["db"])
    top: Json = {"volumes": {"kept": {}}, "secrets": {"db": {"external": True}}}
    async with bench.agent() as agent:
        await bench.hub.frame("hello")
        await device.give(application("shop", {"web": web}, **top), secrets={"db": data(1, a="b")})
        await device.said("shop", web="running")
        assert b"another agent uses" in purged(bench, 1).stderr
        await agent.kill()
    assert purged(bench, 0).stdout == b"removed container shop-web\n"
    assert list(engine.containers()) == ["mine"]
    assert not (bench.state / "workloads.sealed").exists()
    assert "shop_kept" in engine.docker("volume", "ls", "-q").split()
    assert purged(bench, 0, "--volumes").stdout == b"removed volume shop_kept\n"


def purged(bench: Bench, code: int, *flags: str) -> subprocess.CompletedProcess[bytes]:
    file = bench.directory / "agent.toml"
    command = [sys.executable, "-m", "longline", "device", "workloads", "purge", "--config", file]
    done = subprocess.run(
        [*command, *flags], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stderr
    return done


async def test_a_kill_between_any_two_steps_leaves_no_container_twice_and_none_out(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine)
    async with bench.agent() as agent:
        await bench.hub.frame("hello")
        await device.give(application("shop", {"web": service(command=["sleep", "1000"])}))
        await device.said("shop", web="running")
        await agent.kill()
    for number in range(1, 9):
        since = time.time()
        argv = ["sleep", str(1000 + number)]
        shop = application("shop", {"web": service(command=argv), "db": service(command=argv)})
        device.have(shop)
        step = STEPS[number % 4]
        await killed_at(bench, step)
        begin = len(bench.hub.frames)
        async with bench.agent() as agent:
            await device.heard(partial(all_run, shop["revision"]), begin)
            await agent.kill()
        found = engine.containers()
        assert sorted(found) == ["shop-db", "shop-web"]
        assert all(each["Config"]["Cmd"] == argv for each in found.values())
        assert engine.starts(since) == 2


async def killed_at(bench: Bench, step: str) -> None:
    """An agent that dies while it does this."""
    async with bench.agent() as agent:
        begin = bench.log().count(f'"step": "{step}"')
        await eventually(lambda: bench.log().count(f'"step": "{step}"') > begin)
        await agent.kill()


def all_run(revision: str, frame: Frame) -> bool:
    found = [(each["revision"], each["state"]) for each in frame["services"]]
    return found == [(revision, "running")] * len(found) != []


async def test_images_that_no_service_needs_are_removed_when_the_disk_is_full(
    bench: Bench, engine: Engine, images: Registry
) -> None:
    mine = f"{images.host}/mine:1"
    engine.make_image(mine)
    device = Device(bench, engine, "disk_percent = 1")
    ballast = engine.folder / "files" / "ballast"
    ballast.parent.mkdir()
    fill(ballast, percent=1)
    one, two, three = (pushed(engine, images, each) for each in ("one", "two", "three"))
    async with bench.agent():
        await bench.hub.frame("hello")
        for image in (one, two, three):
            shop = application("shop", {"web": service(image=image)})
            begin = len(bench.hub.frames)
            await device.give(shop)
            await device.heard(partial(all_run, shop["revision"]), begin)
        there = engine.docker("images", "--digests", "--format", "{{.Repository}}@{{.Digest}}")
        assert one not in there
        assert {two, three} <= set(there.split())
        assert f"{images.host}/mine@" in there


def fill(file: Path, *, percent: int) -> None:
    """So much of the disk."""
    disk = os.statvfs(file.parent)
    with file.open("wb") as opened:
        os.posix_fallocate(opened.fileno(), 0, disk.f_blocks * disk.f_frsize * percent // 100)


async def test_what_a_container_uses_is_measured(bench: Bench, engine: Engine) -> None:
    device = Device(bench, engine)
    busy = service(command=["sh", "-c", "while true; do true; done"])
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(application("shop", {"web": busy}))
        await device.said("shop", web="running")
        async with engine_at(str(engine.socket), "edge-1") as asked:
            usage = await asked.usage("shop-web")
            assert await asked.usage("nobody") is None
    assert usage is not None
    assert usage.cpu_percent > 1


async def test_a_tag_that_somebody_moves_moves_a_container_once(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine)
    engine.make_image("moved:1", "one")
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(application("shop", {"web": service(image="moved:1")}))
        await device.said("shop", web="running")
        engine.make_image("moved:1", "two")
        before = engine.containers()["shop-web"]
        begin = len(bench.hub.frames)
        engine.docker("rm", "-f", "shop-web")
        await device.heard(
            lambda f: (
                f["services"][0]["state"] == "running"
                and f["services"][0]["containerId"] != before["Id"][:12]
            ),
            begin,
        )
        assert engine.execute("shop-web", "cat", "/etc/note") == "two"
        assert list(engine.containers()) == ["shop-web"]


async def test_a_device_that_is_turned_away_keeps_its_containers(
    bench: Bench, engine: Engine
) -> None:
    device = Device(bench, engine)
    async with bench.agent():
        await bench.hub.frame("hello")
        await device.give(application("shop", {"web": service()}))
        await device.said("shop", web="running")
        await bench.hub.lines[-1].close(4403)
        await eventually(lambda: "containers_stay" in bench.log())
        assert engine.running() == ["shop-web"]
