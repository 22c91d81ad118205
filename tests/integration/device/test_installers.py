"""Software by an installer: real agents, a hub by script."""

import base64
import hashlib
import json
import os
import stat
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.integration.device.agents import Bench, eventually
from tests.integration.device.local_program import local_program
from tests.integration.device.scripted_hub import Frame

KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
CONTENT = bytes(range(256)) * 2000
TRUSTED = f'[firmware]\ntrusted_keys = ["{PUBLIC}"]\n'

INSTALL = """#!/bin/sh
echo percent 10
echo "$@" >> {folder}/installed
cp "$1" {folder}/line.jar
echo percent 100
echo "$2" > {folder}/version
"""
FAIL = """#!/bin/sh
echo broken > {folder}/version
seq 1 20000 >&2
echo THE-REAL-ERROR-IS-LAST >&2
exit 3
"""
SILENT = "#!/bin/sh\necho 0.0 > {folder}/version\necho it did nothing >&2\n"
HANG = "#!/bin/sh\necho begun > {folder}/begun\nexec sleep 600\n"
UNDO = "#!/bin/sh\necho 1.0 > {folder}/version\necho undone >> {folder}/undone\n"


class Site:
    """A folder with a program that installs JARs, one that undoes it, and a version."""

    def __init__(self, bench: Bench, script: str = INSTALL) -> None:
        self.bench = bench
        self.folder = bench.directory / "site"
        self.folder.mkdir()
        self.version = self.folder / "version"
        self.version.write_text("1.0\n")
        self.write("install", script)
        self.write("undo", UNDO)
        self.settle()

    def write(self, name: str, script: str) -> None:
        program = self.folder / name
        program.write_text(script.replace("{folder}", str(self.folder)))
        program.chmod(0o755)

    def settle(self, *, firmware: str = TRUSTED, proof: str = "", more: str = "") -> None:
        proof = proof or f'{{ version_file = "{self.version}" }}'
        self.bench.settings = (
            f'{firmware}[installers.jar]\nargv = ["{self.folder}/install", "{{file}}", '
            f'"{{version}}"]\nundo_argv = ["{self.folder}/undo"]\nproof = {proof}\n'
            f"proof_seconds = 1\n{more}"
        )

    def settle_seconds(self, proof: int) -> None:
        seconds = f"proof_seconds = {proof}"
        self.bench.settings = self.bench.settings.replace("proof_seconds = 1", seconds)

    def read(self, name: str) -> str:
        found = self.folder / name
        return found.read_text() if found.exists() else ""

    def offer(self, version: str = "1.2.3", *, signed: bool = True, **fields: Any) -> Frame:
        url = f"/api/v1/firmware/releases/r{version}/artifact"
        self.bench.hub.artifacts[url] = CONTENT
        update: Frame = {
            "releaseId": f"r{version}", "version": version, "url": url, "installer": "jar",
            "filename": "line.jar", "sha256": hashlib.sha256(CONTENT).hexdigest(),
            "size": len(CONTENT),
        }  # fmt: skip
        if signed:
            update["signatureBase64"] = base64.b64encode(KEY.sign(CONTENT)).decode()
        return update | fields

    async def update(self, command_id: str, version: str = "1.2.3", **fields: Any) -> Frame:
        offer = self.offer(version, **fields)
        return await self.bench.hub.run("update_firmware", command_id, **offer)


async def test_a_jar_is_verified_staged_installed_and_proven(bench: Bench) -> None:
    site = Site(bench)
    async with bench.agent():
        hello = await bench.hub.frame("hello")
        await bench.hub.frame("status")
        result = await site.update("c1")
        again = await site.update("c2")
        begin = len(bench.hub.frames)
        bench.hub.cut()
        later = await bench.hub.frame("hello", begin)

    assert (hello["installers"], hello["versions"]) == (["jar"], {"jar": "1.0"})
    assert (hello["barred"], hello["unsigned"]) == ([], False)
    target = bench.state / "firmware" / "jar" / "1.2.3" / "line.jar"
    assert result["success"], result
    assert result["data"] == {"stagedPath": str(target), "version": "1.2.3"}
    assert target.read_bytes() == (site.folder / "line.jar").read_bytes() == CONTENT
    assert site.read("installed") == f"{target} 1.2.3\n"
    staged = json.loads((target.parent / "staged.json").read_text())
    assert (staged["type"], staged["path"], staged["version"]) == ("jar", str(target), "1.2.3")
    percents = [
        frame.get("percent") for frame in bench.hub.of("progress")
        if frame.get("stage") == "installing"
    ]  # fmt: skip
    assert percents == [0, 10, 100]
    assert again["output"] == "jar 1.2.3 is installed already."
    assert later["versions"] == {"jar": "1.2.3"}


async def test_what_fails_is_undone_and_says_its_last_words(bench: Bench) -> None:
    site = Site(bench, FAIL)
    async with bench.agent():
        await bench.hub.frame("status")
        result = await site.update("c1")

    assert result["error"]["code"] == "exit_code"
    assert result["error"]["message"].startswith("ended with 3; undone\n")
    for told in (result["error"]["message"], result["data"]["stderr"], result["output"]):
        assert told.endswith("\n19999\n20000\nTHE-REAL-ERROR-IS-LAST")
        assert 3000 < len(told) <= 4096
    assert len(result["data"]["stderr"]) > 4080
    assert result["data"]["version"] == "1.0"
    assert site.read("undone") == "undone\n"


async def test_a_proof_that_names_another_version_is_a_failure(bench: Bench) -> None:
    site = Site(bench, SILENT)
    async with bench.agent():
        await bench.hub.frame("status")
        result = await site.update("c1")

    assert result["error"] == {
        "code": "version_mismatch",
        "message": "the proof names 0.0; undone\nit did nothing",
    }
    assert site.read("undone") == "undone\n"


async def test_a_program_that_hangs_is_killed(bench: Bench) -> None:
    site = Site(bench, HANG)
    site.settle(more="timeout_seconds = 0.5\n")
    async with bench.agent():
        await bench.hub.frame("status")
        result = await site.update("c1")

    assert result["error"]["code"] == "timeout"
    assert result["error"]["message"].startswith("killed after 0.5 s; undone")


async def test_a_program_proves_it_too(bench: Bench) -> None:
    site = Site(bench)
    site.settle(proof=f'{{ argv = ["cat", "{site.version}", "/dev/null"] }}')
    async with bench.agent():
        hello = await bench.hub.frame("hello")
        await bench.hub.frame("status")
        result = await site.update("c1")

    assert hello["versions"] == {"jar": "1.0"}
    assert result["success"], result


async def test_a_program_that_reports_its_version_proves_it_and_hears_of_it(bench: Bench) -> None:
    site = Site(bench, "#!/bin/sh\necho done > {folder}/begun\n")
    site.settle(proof='{ report = "line-app" }', more='[[agents]]\nname = "line-app"\n')
    site.settle_seconds(30)
    report = {"type": "report", "agent": "line-app", "status": "READY"}
    async with bench.agent():
        await bench.hub.frame("status")
        async with local_program(bench.socket) as program:
            await program.ask({**report, "version": "1.0"})
            await program.ask({"type": "watch", "sections": ["versions"]})
            begin = len(bench.hub.frames)
            await bench.hub.command("update_firmware", "c1", **site.offer())
            staged = await program.state(
                lambda line: _of(line) == {"current": "1.0", "staged": "1.2.3"}
            )
            await bench.hub.frame("progress", begin, stage="proving")
            for version in ("1.2.2", "1.2.3"):
                await program.ask({**report, "version": version})
            result = await bench.hub.frame("result", begin, commandId="c1")
            there = await program.state(
                lambda line: _of(line) == {"current": "1.2.3", "staged": None}
            )
    begin = len(bench.hub.frames)
    async with bench.agent():
        hello = await bench.hub.frame("hello", begin)

    assert result["success"], result
    assert staged["type"] == there["type"] == "state"
    assert hello["versions"] == {"jar": "1.2.3"}


def _of(state: Frame) -> Frame | None:
    """What a `state` line says of the JAR."""
    found: Frame | None = state.get("versions", {}).get("jar")
    return found


async def test_what_a_program_reports_by_itself_is_told_with_the_next_hello(bench: Bench) -> None:
    Site(bench).settle(proof='{ report = "line-app" }', more='[[agents]]\nname = "line-app"\n')
    report = {"type": "report", "agent": "line-app", "status": "READY", "version": "7.1"}
    async with bench.agent():
        hello = await bench.hub.frame("hello")
        async with local_program(bench.socket) as program:
            await program.ask({"type": "watch", "sections": ["versions"]})
            await program.ask(report)
            await program.state(lambda line: _of(line) == {"current": "7.1", "staged": None})
        begin = len(bench.hub.frames)
        bench.hub.cut()
        later = await bench.hub.frame("hello", begin)

    assert hello["versions"] == {}
    assert later["versions"] == {"jar": "7.1"}


async def test_without_a_trusted_key_nothing_is_installed(bench: Bench) -> None:
    site = Site(bench)
    site.settle(firmware="")
    async with bench.agent():
        hello = await bench.hub.frame("hello")
        await bench.hub.frame("status")
        unsigned = await site.update("c1")
    log = (bench.state / "agent.log").read_text()
    site.settle(firmware="", more="unsigned = true\n")
    begin = len(bench.hub.frames)
    async with bench.agent():
        await bench.hub.frame("status", begin)
        allowed = await site.update("c2", signed=False)

    assert hello["unsigned"] is True
    assert unsigned["error"]["code"] == "no_trusted_key"
    assert log.count("firmware_unsigned") == 1
    assert allowed["success"], allowed


async def test_what_is_not_right_is_not_installed(bench: Bench) -> None:
    site = Site(bench)
    other = base64.b64encode(Ed25519PrivateKey.generate().sign(CONTENT)).decode()
    async with bench.agent():
        await bench.hub.frame("status")
        wrong: list[dict[str, Any]] = [
            {"signed": False}, {"signatureBase64": other}, {"sha256": "0" * 64}, {"size": 9},
            {"version": "0.9"}, {"installer": "plc"},
        ]  # fmt: skip
        codes = [
            (await site.update(f"c{n}", **fields))["error"]["code"]
            for n, fields in enumerate(wrong)
        ]

    assert codes == [
        "signature_missing", "signature_mismatch", "sha256_mismatch", "size_mismatch",
        "downgrade", "unsupported",
    ]  # fmt: skip
    assert site.read("installed") == ""
    assert list((bench.state / "firmware").rglob("line.jar")) == []


async def test_a_downgrade_goes_down_to_the_floor(bench: Bench) -> None:
    site = Site(bench)
    site.version.write_text("3.0\n")
    site.settle(firmware=f'{TRUSTED}floor = {{ jar = "2.0" }}\n')
    async with bench.agent():
        await bench.hub.frame("status")
        refused = await site.update("c1", "1.9", allowDowngrade=True)
        taken = await site.update("c2", "2.0", allowDowngrade=True)

    assert refused["error"]["code"] == "below_floor"
    assert taken["success"], taken


async def test_the_version_before_stays_staged_and_no_other(bench: Bench) -> None:
    site = Site(bench)
    async with bench.agent():
        await bench.hub.frame("status")
        for number, version in enumerate(("1.1", "1.2", "1.3")):
            assert (await site.update(f"c{number}", version))["success"]

    kept = sorted(path.name for path in (bench.state / "firmware" / "jar").iterdir())
    assert kept == ["1.2", "1.3"]


async def test_an_end_in_between_is_unknown_and_the_next_start_says_what_is_there(
    bench: Bench,
) -> None:
    site = Site(bench, HANG)
    async with bench.agent() as agent:
        await bench.hub.frame("status")
        await bench.hub.command("update_firmware", "c1", **site.offer())
        await eventually(lambda: site.read("begun") != "")
        await agent.kill()
    site.version.write_text("1.2.3-half\n")
    begin = len(bench.hub.frames)
    async with bench.agent():
        hello = await bench.hub.frame("hello", begin)
        result = await bench.hub.frame("result", begin)

    assert hello["versions"] == {"jar": "1.2.3-half"}
    assert (result["commandId"], result["outcome"]) == ("c1", "unknown")
    assert site.read("undone") == ""


async def test_a_version_file_that_is_none_holds_up_nothing(bench: Bench) -> None:
    site = Site(bench)
    site.version.unlink()
    os.mkfifo(site.version)
    async with bench.agent():
        hello = await bench.hub.frame("hello")

    assert stat.S_ISFIFO(site.version.stat().st_mode)
    assert hello["versions"] == {}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('[installers.agent]\nargv = ["x"]\nproof = { report = "x" }\n', "launcher"),
        ('[installers.jar]\nargv = ["x"]\nproof = { }\n', "one of version_file"),
        ('[installers.jar]\nargv = []\nproof = { report = "x" }\n', "argv"),
    ],
)
async def test_settings_that_make_no_sense_end_the_start(
    bench: Bench, settings: str, said: str
) -> None:
    bench.settings = settings
    async with bench.agent() as agent:
        assert await agent.ended() == 2
    assert said in (bench.directory / "agent.log").read_text()
