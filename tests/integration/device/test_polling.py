"""Agents that look for their versions by themselves: from a plain `latest.json`, and from a TUF
repository that the command line wrote."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from device.update.own_version import installed_version
from tests.integration.device.agents import Bench, eventually
from tests.integration.device.file_server import FileServer, file_server
from tests.integration.device.scripted_hub import scripted_hub
from tests.integration.device.test_desired import taken
from tests.integration.device.test_installers import CONTENT, KEY, TRUSTED, Site
from tests.integration.device.test_pins import artifact, pins
from tests.integration.device.updates import BROKEN, SupervisedDevice, make_artifact

OLD = installed_version()
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def plain(url: str, **more: Any) -> str:
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in more.items())
    return f'[update]\nsource = "{url}"\nverify = "sha256"\ninterval = 1\n{lines}'


def offered(folder: Path, version: str, content: bytes = CONTENT, **fields: Any) -> None:
    """As the newest JAR of the channel."""
    (folder / "stable").mkdir(parents=True, exist_ok=True)
    (folder / "stable" / f"{version}.jar").write_bytes(content)
    release = {
        "type": "jar", "version": version, "path": f"stable/{version}.jar", "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(), "filename": "line.jar",
        "signatureBase64": base64.b64encode(KEY.sign(content)).decode(),
    }  # fmt: skip
    document = {"releases": [release | fields]}
    (folder / "stable" / "latest.json").write_text(json.dumps(document))


async def test_a_plain_source_is_polled_and_gets_no_token(bench: Bench, tmp_path: Path) -> None:
    site, folder = Site(bench), tmp_path / "www"
    offered(folder, "1.2.3")
    with file_server(folder) as source:
        site.settle(more=plain(source.url))
        async with bench.agent():
            hello = await bench.hub.frame("hello")
            await eventually(lambda: site.read("version") == "1.2.3\n")
            offered(folder, "1.3")
            await eventually(lambda: site.read("version") == "1.3\n")
            offered(folder, "1.2.9")
            await has_looked(source, "/stable/latest.json", times=2)
    assert hello["updateSource"] == source.url
    assert site.read("version") == "1.3\n"
    assert {credential for _, credential in source.asked} == {None}
    assert not any("artifact" in path for path in bench.hub.asked)


async def has_looked(source: FileServer, path: str, times: int) -> None:
    before = len(source.asked)
    await eventually(lambda: [each for each, _ in source.asked[before:]].count(path) >= times)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"signatureBase64": "AAAA"}, "signature_mismatch"),
        ({"sha256": "0" * 64}, "sha256_mismatch"),
        ({"size": 5}, "size_mismatch"),
    ],
)
async def test_of_a_plain_source_nothing_is_believed_and_what_fails_is_told_once(
    bench: Bench, tmp_path: Path, fields: dict[str, Any], code: str
) -> None:
    site, folder = Site(bench), tmp_path / "www"
    offered(folder, "1.2.3", **fields)
    with file_server(folder) as source:
        site.settle(more=plain(source.url))
        async with bench.agent():
            await bench.hub.frame("status")
            alert = await bench.hub.frame("alert", code="update_failed")
            await has_looked(source, "/stable/latest.json", times=2)
    assert alert["message"].startswith("jar 1.2.3: ")
    assert bench.log().count(f'"code": "{code}", "event": "update_failed"') == 1
    assert len(bench.hub.of("alert")) == 1
    assert site.read("installed") == ""


async def test_a_pin_comes_from_the_hub_and_the_source_is_not_asked_for_it(
    bench: Bench, tmp_path: Path
) -> None:
    site, folder = Site(bench), tmp_path / "www"
    offered(folder, "1.0")
    with file_server(folder) as source:
        site.settle(more=plain(source.url))
        async with bench.agent():
            await bench.hub.frame("status")
            artifacts = {"jar": artifact(site.offer("0.9"))}
            status = await taken(bench, "software", "1", pins(jar="0.9"), artifacts=artifacts)
            offered(folder, "1.3")
            await has_looked(source, "/stable/latest.json", times=2)
    assert status["status"] == "applied"
    assert site.read("version") == "0.9\n"


async def test_a_source_that_is_away_or_talks_nonsense_harms_nobody(
    bench: Bench, tmp_path: Path
) -> None:
    site, folder = Site(bench), tmp_path / "www"
    (folder / "stable").mkdir(parents=True)
    with file_server(folder) as source:
        site.settle(more=plain(source.url))
        async with bench.agent():
            await bench.hub.frame("status")
            await eventually(lambda: "source_not_reached" in bench.log())
            (folder / "stable" / "latest.json").write_text("<html>")
            await eventually(lambda: "source_not_believed" in bench.log())
            offered(folder, "1.3")
            await eventually(lambda: site.read("version") == "1.3\n")


async def test_outside_of_its_window_a_device_asks_nothing(bench: Bench, tmp_path: Path) -> None:
    site, folder = Site(bench), tmp_path / "www"
    offered(folder, "1.2.3")
    with file_server(folder) as source:
        site.settle(more=plain(source.url, window="03:00-03:00"))
        async with bench.agent():
            await bench.hub.frame("status")
            site.settle(more=plain(source.url))
        assert source.asked == []
        async with bench.agent():
            await eventually(lambda: site.read("version") == "1.2.3\n")


# TUF


class Published:
    """A TUF repository, written by the command line."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("tuf", reason="the extra `update` is not installed")
        self.folder = folder / "repository"
        self.keys = folder / "keys"
        self.root = folder / "root.json"
        self.run("init", "--root-keys", "2", "--threshold", "2")
        shutil.copy(self.folder / "metadata" / "1.root.json", self.root)
        self.signing_key = folder / "signing.pem"
        pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.signing_key.write_bytes(pem)

    def run(self, command: str, *arguments: str | Path, **environ: str) -> str:
        done = subprocess.run(
            [
                sys.executable, "-m", "longline", "firmware", "repo", command, self.folder,
                *arguments, "--keys", self.keys,
            ],
            env={**os.environ, **environ},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def publish(self, file: Path, *arguments: str) -> str:
        return self.run("publish", file, "--key", self.signing_key, *arguments)

    def settings(self, url: str, **more: Any) -> str:
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in more.items())
        return f'[update]\nsource = "{url}"\nroot_file = "{self.root}"\ninterval = 1\n{lines}'


def jar(folder: Path, content: bytes = CONTENT) -> Path:
    file = folder / "line.jar"
    file.write_bytes(content)
    return file


async def test_what_a_repository_publishes_is_installed(bench: Bench, tmp_path: Path) -> None:
    site, published = Site(bench), Published(tmp_path)
    path = published.publish(jar(tmp_path), "--type", "jar", "--version", "1.2.3")
    assert path == "stable/jar/1.2.3/line.jar"
    with file_server(published.folder) as source:
        site.settle(more=published.settings(source.url))
        async with bench.agent():
            await eventually(lambda: site.read("version") == "1.2.3\n")
            published.run("refresh")
            published.publish(jar(tmp_path), "--type", "jar", "--version", "1.4")
            await eventually(lambda: site.read("version") == "1.4\n")
    assert {credential for _, credential in source.asked} == {None}


async def test_an_agent_updates_itself_and_goes_back_once(tmp_path: Path) -> None:
    published = Published(tmp_path)
    async with scripted_hub() as hub:
        with file_server(published.folder) as source:
            device = SupervisedDevice(tmp_path, hub.url)
            device.settings = TRUSTED.removeprefix("[firmware]\n") + published.settings(source.url)
            async with device.running():
                await hub.frame("hello", agentVersion=OLD)
                make_artifact(tmp_path / "two", "2.0")
                published.publish(tmp_path / "two")
                await hub.frame("hello", agentVersion="2.0")
                await device.until_state("confirmed")
                make_artifact(tmp_path / "three", "3.0", BROKEN["import"])
                published.publish(tmp_path / "three", "--version", "3.0")
                await device.until_state("failed")
                alert = await hub.frame("alert", code="firmware_rolled_back")
                await has_looked(source, "/metadata/timestamp.json", times=2)
                assert device.record()["state"] == "failed"
    assert "ModuleNotFoundError: No module named 'not_there'" in alert["message"]
    assert device.log().count('"version": "3.0", "event": "update_found"') == 1


async def test_what_the_root_does_not_vouch_for_is_not_believed(
    bench: Bench, tmp_path: Path
) -> None:
    site, published = Site(bench), Published(tmp_path)
    (tmp_path / "other").mkdir()
    forged = Published(tmp_path / "other")
    forged.publish(jar(tmp_path), "--type", "jar", "--version", "6.6.6")
    with file_server(forged.folder) as source:
        site.settle(more=published.settings(source.url))
        async with bench.agent():
            await eventually(lambda: "source_not_believed" in bench.log())
    assert site.read("installed") == ""


async def test_a_repository_that_went_back_is_not_believed(bench: Bench, tmp_path: Path) -> None:
    site, published = Site(bench), Published(tmp_path)
    published.publish(jar(tmp_path), "--type", "jar", "--version", "1.2.3")
    shutil.copytree(published.folder, tmp_path / "before")
    published.publish(jar(tmp_path), "--type", "jar", "--version", "1.3")
    with file_server(published.folder) as source:
        site.settle(more=published.settings(source.url))
        async with bench.agent():
            await eventually(lambda: site.read("version") == "1.3\n")
            shutil.copytree(tmp_path / "before", published.folder, dirs_exist_ok=True)
            await eventually(lambda: "BadVersionNumberError" in bench.log())


@pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not installed")
async def test_a_repository_is_renewed_with_the_keys_that_are_there(
    bench: Bench, tmp_path: Path
) -> None:
    site, published = Site(bench), Published(tmp_path)
    published.publish(jar(tmp_path), "--type", "jar", "--version", "1.2.3")
    later = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+300d"}
    aside = tmp_path / "aside"
    aside.mkdir()
    for name in ("root-1", "targets"):
        shutil.move(published.keys / f"{name}.pem", aside)
    published.run("refresh", **later)
    metadata = published.folder / "metadata"
    assert not (metadata / "2.root.json").exists()  # one of the two keys is not enough
    for name in ("root-1", "targets"):
        shutil.move(aside / f"{name}.pem", published.keys)
    told = published.run("refresh", **later)
    assert [line.split()[0] for line in told.splitlines()] == ["root", "targets"]
    published.run("refresh", **later)
    assert not (metadata / "3.root.json").exists()
    bench.environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+370d"}
    published.run("refresh", **later | {"FAKETIME": "+370d"})
    with file_server(published.folder) as source:
        site.settle(more=published.settings(source.url))
        async with bench.agent():  # which has the first root, of before
            await eventually(lambda: site.read("version") == "1.2.3\n")


@pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not installed")
async def test_what_has_expired_is_not_believed_whatever_the_clock_of_the_device_says(
    bench: Bench, tmp_path: Path
) -> None:
    site, published = Site(bench), Published(tmp_path)
    published.publish(jar(tmp_path), "--type", "jar", "--version", "1.2.3")
    published.run("refresh", LD_PRELOAD=str(FAKETIME), FAKETIME="-30d")
    bench.environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "-29d"}
    with file_server(published.folder) as source:
        site.settle(more=published.settings(source.url))
        async with bench.agent():
            await bench.hub.frame("status")  # by now the hub has said the time
            await eventually(lambda: "ExpiredMetadataError" in bench.log())
            assert site.read("installed") == ""
            published.run("refresh")
            await eventually(lambda: site.read("version") == "1.2.3\n")
