"""The token broker of a real agent, with a real issuer: files, renewals, failures."""

import asyncio
import grp
import json
import os
import ssl
import stat
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.acceptance.clock import Clock, needs_faketime
from tests.certificates import Authority
from tests.forward_proxy import ForwardProxy
from tests.integration.device.agents import Bench, eventually
from tests.integration.device.local_program import local_program
from tests.integration.device.test_fleet import ended, longline
from tests.integration.device.tokens import GROUP, Desk, desk_with
from tests.issuer import PAGE
from tests.plain_http import Json, Reply

APART = 9.5
"""Seconds between two requests of one client, less what the way to the issuer may vary."""


@pytest_asyncio.fixture
async def desk(bench: Bench) -> AsyncGenerator[Desk]:
    async with desk_with(bench) as found:
        yield found


async def alerts(desk: Desk, code: str, count: int = 1, *, within: float = 15) -> list[Json]:
    def found() -> list[Json]:
        return [each for each in desk.bench.hub.of("alert") if each["code"] == code]

    await desk.bench.hub.until(lambda: len(found()) >= count, within=within)
    return found()


async def test_each_client_finds_its_token(desk: Desk) -> None:
    desk.client("node-agent")
    desk.client("telemetry")
    more = '{ name = "telemetry", scope = "metrics", audience = "https://metrics" }'
    desk.bench.settings = desk.settings(f'["node-agent", {more}]', desk.released_by("node-agent"))
    async with desk.bench.agent():
        tokens = [await desk.has(name) for name in ("node-agent", "telemetry", "release-service")]
        async with local_program(desk.bench.socket) as program:
            await program.ask({"type": "watch", "sections": ["tokens"]})
            state = await program.state(lambda _: True)
            report: Json = {"type": "report", "agent": "telemetry", "status": "READY"}
            reported = await program.ask(report)
        info = await desk.info()

    assert len(set(tokens)) == 3
    assert state == {"type": "state", "tokensDir": str(desk.tokens)}
    assert reported["ok"] is True, "each client is one of the agents"
    assert info["tokensDir"] == str(desk.tokens)
    said = {each["name"]: each for each in info["tokens"]}
    assert said.keys() == {"node-agent", "telemetry", "release-service"}
    assert all(each["ready"] and 200 < each["expiresIn"] <= 300 for each in said.values())
    (form,) = [each.form for each in desk.issuer.asked if each.client == "telemetry"]
    assert (form["scope"], form["audience"]) == ("metrics", "https://metrics")
    assert "refresh_token" not in form
    assert SECRETS.isdisjoint(desk.bench.log().split())


SECRETS = {"s3cret"}


async def test_the_command_line_shows_how_tokens_stand(desk: Desk) -> None:
    name = desk.client("node-agent")
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent():
        token = await desk.has(name)
        shown = await longline("device", "tokens", "--socket", str(desk.bench.socket))
        code, out, err = await ended(shown)

    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["tokensDir"] == str(desk.tokens)
    (said,) = found["tokens"]
    assert (said["name"], said["ready"], said["error"]) == (name, True, None)
    assert token not in out


async def test_modes_and_group_whatever_the_umask(desk: Desk) -> None:
    name = desk.client("node-agent")
    desk.bench.settings = desk.settings('["node-agent"]')
    before = os.umask(0o077)
    try:
        async with desk.bench.agent():
            await desk.has(name)
    finally:
        os.umask(before)

    gid = grp.getgrnam(GROUP).gr_gid if os.geteuid() == 0 else os.getegid()
    for path, mode in (
        (desk.tokens, 0o750),
        (desk.tokens / name, 0o750),
        (desk.file(name), 0o640),
        (desk.tokens / ".longline.json", 0o600),
    ):
        found = path.stat()
        assert stat.S_IMODE(found.st_mode) == mode, path
        assert mode == 0o600 or found.st_gid == gid, path


async def test_credentials_that_others_may_read_are_refused(desk: Desk) -> None:
    name = desk.client("node-agent")
    place = desk.credentials / name / "client_secret"
    place.chmod(0o640)
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent():
        await desk.bench.hub.until(lambda: any(_agents(desk)))
        (said,) = next(filter(None, _agents(desk)))
        assert (said["name"], said["ready"]) == (name, False)
        assert said["detail"] == f"{place} is 0640: it must be 0600"
        assert desk.issuer.asked == []
        place.chmod(0o600)
        await desk.has(name)


def _agents(desk: Desk) -> list[list[Json]]:
    return [status["agents"] for status in desk.bench.hub.of("status") if "agents" in status]


async def test_no_link_is_followed(desk: Desk) -> None:
    outside = desk.bench.directory / "outside"
    outside.mkdir()
    (outside / "kept").write_text("as it was")
    for name in ("node-agent", "telemetry"):
        desk.client(name)
    (desk.tokens / "node-agent").mkdir(parents=True)
    desk.file("node-agent").symlink_to(outside / "kept")
    (desk.tokens / "telemetry").symlink_to(outside)
    desk.bench.settings = desk.settings('["node-agent", "telemetry"]')
    async with desk.bench.agent():
        await desk.has("node-agent")
        await desk.issuer.until(1, "telemetry")
        await eventually(lambda: "token_not_renewed" in desk.bench.log())
        info = await desk.info()

    assert not desk.file("node-agent").is_symlink()
    assert (outside / "kept").read_text() == "as it was"
    assert [path.name for path in outside.iterdir()] == ["kept"]
    (said,) = [each for each in info["tokens"] if each["name"] == "telemetry"]
    assert "cannot write the token" in said["error"]
    (desk.tokens / "node-agent" / "access_token").unlink()
    desk.file("node-agent").symlink_to(outside / "kept")
    async with desk.bench.agent():
        await eventually(lambda: not desk.file("node-agent").is_symlink())
        await eventually(lambda: desk.token("node-agent") is not None)
    assert (outside / "kept").read_text() == "as it was"


async def test_only_what_the_agent_has_written_is_removed(desk: Desk) -> None:
    for name in ("node-agent", "telemetry"):
        desk.client(name)
    (desk.tokens / "foreign").mkdir(parents=True)
    desk.file("foreign").write_text("somebody else's")
    desk.bench.settings = desk.settings('["node-agent", "telemetry"]')
    async with desk.bench.agent() as agent:
        await desk.has("node-agent")
        await desk.has("telemetry")
        await agent.stop()
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent():
        await eventually(lambda: not (desk.tokens / "telemetry").exists())
        assert desk.token("node-agent") is not None
        assert desk.token("foreign") == "somebody else's"
        await eventually(lambda: desk.notes()["tokens"].keys() == {"node-agent"})


async def test_a_restart_asks_no_sooner_and_goes_on_with_the_token(desk: Desk) -> None:
    name = desk.client("node-agent")
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent() as agent:
        token = await desk.has(name)
        await agent.kill()
    before = len(desk.bench.hub.of("hello"))
    async with desk.bench.agent():
        await desk.bench.hub.until(lambda: len(desk.bench.hub.of("hello")) > before)
        info = await desk.info()
        assert info["tokens"][0]["ready"] is True
        assert desk.token(name) == token
        assert len(desk.issuer.asked) == 1


async def test_a_restart_after_a_failure_asks_no_sooner(desk: Desk) -> None:
    name = desk.client("node-agent")
    desk.issuer.always = Reply(500)
    desk.bench.settings = desk.settings('["node-agent"]')
    for count in (1, 1):
        async with desk.bench.agent() as agent:
            await desk.issuer.until(count)
            await agent.kill()
    desk.issuer.always = None
    async with desk.bench.agent():
        await eventually(lambda: desk.token(name) is not None, within=30)

    assert len(desk.issuer.asked) == 2
    assert desk.issuer.pauses(name)[0] >= APART


async def test_after_another_boot_a_token_is_removed_and_asked_for_at_once(desk: Desk) -> None:
    name = desk.client("node-agent")
    desk.bench.settings = desk.settings(
        '["node-agent"]', f'[power]\nos_boot_id_file = "{desk.bench.boot_id_file}"\n'
    )
    async with desk.bench.agent() as agent:
        first = await desk.has(name)
        await agent.stop()
    desk.bench.boot_id_file.write_text("boot-2\n")
    async with desk.bench.agent():
        await desk.issuer.until(2)
        await eventually(lambda: desk.token(name) not in (None, first), within=10)
    assert desk.issuer.pauses(name)[0] < 10


async def test_of_two_ways_to_prove_itself_what_worked_is_remembered(desk: Desk) -> None:
    name = desk.client("node-agent")
    desk.issuer.accepts = {"client_secret_post"}
    desk.issuer.life = 15
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent() as agent:
        await desk.has(name)
        await agent.stop()
        async with desk.bench.agent():
            await desk.issuer.until(3, seconds=20)

    methods = [each.method for each in desk.issuer.asked]
    assert methods == ["client_secret_basic", "client_secret_post", "client_secret_post"]


async def test_a_key_in_place_of_a_secret_by_the_issuers_clock(desk: Desk) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    name = desk.client("node-agent", **{"private_key.pem": pem})
    desk.issuer.key = key.public_key()
    desk.issuer.accepts = {"private_key_jwt"}
    desk.issuer.ahead = -3600
    desk.bench.settings = desk.settings(f'[{{ name = "{name}", auth = "private_key_jwt" }}]')
    async with desk.bench.agent():
        await desk.has(name)
        (skew,) = await alerts(desk, "clock_skew")

    assert [each.method for each in desk.issuer.asked] == ["private_key_jwt"]
    assert "ahead of the issuer's" in skew["message"]


@needs_faketime
@pytest.mark.parametrize("steps", [("+1h", "-1h"), ("-1h", "+1h")])
async def test_a_clock_that_is_wrong_and_jumps_changes_nothing(
    desk: Desk, steps: tuple[str, str]
) -> None:
    name = desk.client("node-agent")
    first, second = steps
    clock = Clock(desk.bench.directory / "clock", first)
    desk.bench.environment = clock.environment()
    desk.issuer.life = 16
    desk.issuer.says_life = False
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent():
        token = await desk.has(name)
        clock.step(second)
        await desk.issuer.until(2)
        assert desk.issuer.is_good(token), "it was renewed before its end"
        await eventually(lambda: desk.token(name) != token)
        assert desk.issuer.is_good(desk.token(name) or "")
        assert len(await alerts(desk, "clock_skew")) == 1
    assert min(desk.issuer.pauses(name)) >= APART


ODD_ANSWERS = [
    Reply(401, {"error": "invalid_grant"}),
    Reply(500),
    PAGE,
    Reply(200, {"access_token": "with space"}),
    Reply(200, {"access_token": "t", "expires_in": 0}),
    Reply(200, b"{"),
    Reply(302, None, {"Location": "/elsewhere"}),
    None,
]


@pytest.mark.parametrize("odd", ODD_ANSWERS, ids=str)
async def test_what_is_no_token_is_none(desk: Desk, odd: Reply | None) -> None:
    name = desk.client("node-agent")
    desk.issuer.script.append(odd)
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent():
        await eventually(lambda: "token_not_renewed" in desk.bench.log())
        info = await desk.info()
        assert desk.token(name) is None

    (said,) = info["tokens"]
    assert said["ready"] is False
    assert said["error"]
    assert "s3cret" not in desk.bench.log()


async def test_a_token_stays_until_its_end_and_no_longer(desk: Desk) -> None:
    """Its renewals fail: it is told once, and the file goes before the token is over."""
    name = desk.client("node-agent")
    desk.issuer.life = 16
    desk.issuer.ahead = 3600
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent():
        token = await desk.has(name)
        desk.issuer.always = Reply(500)
        (alert,) = await alerts(desk, "token_expiring", within=20)
        assert desk.token(name) == token
        await eventually(lambda: desk.token(name) is None, within=20)
        assert desk.issuer.is_good(token), "it went before its end"
        assert time.monotonic() > desk.issuer.given[token].at + 14
        await desk.bench.hub.until(lambda: not _agents(desk)[-1][0]["ready"])
        assert len(await alerts(desk, "token_expiring")) == 1

    assert alert["message"].startswith("node-agent: the token ends in ")
    assert alert["message"].endswith("answered 500")
    assert min(desk.issuer.pauses(name)) >= APART


async def test_readers_find_whole_tokens_through_renewals(desk: Desk) -> None:
    name = desk.client("node-agent")
    desk.issuer.life = 15
    desk.bench.settings = desk.settings('["node-agent"]')
    seen: set[str] = set()
    reads = 0
    async with desk.bench.agent():
        await desk.has(name)
        while len(desk.issuer.asked) < 3:
            for _ in range(100):
                token = desk.token(name)
                assert token is not None
                assert desk.issuer.is_good(token)
                seen.add(token)
            reads += 100
            await asyncio.sleep(0.05)

    assert reads >= 10_000
    assert seen <= desk.issuer.given.keys()
    assert len(seen) >= 2
    assert min(desk.issuer.pauses(name)) >= APART


async def test_no_release_token_is_needed(desk: Desk) -> None:
    desk.client("node-agent")
    desk.issuer.release = Reply(200, b"anonymous\n", {"Content-Type": "text/plain"})
    desk.bench.settings = desk.settings('["node-agent"]', desk.released_by("node-agent"))
    for _ in range(2):
        async with desk.bench.agent() as agent:
            await eventually(lambda: desk.token("release-service") == "anonymous")
            await desk.bench.hub.frame("status")
            await agent.stop()

    assert desk.issuer.released == 1


async def test_notes_that_are_torn_are_put_aside(desk: Desk) -> None:
    name = desk.client("node-agent")
    desk.tokens.mkdir()
    (desk.tokens / ".longline.json").write_text('{"boot":')
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent():
        await desk.has(name)
        await alerts(desk, "state_damaged")

    assert list(desk.tokens.glob(".longline.json.damaged-*"))


ISSUER = "idp.plant.example"


async def certified(desk: Desk) -> Path:
    """The issuer has a certificate now; the file of who has signed it."""
    authority = Authority(desk.bench.directory)
    await desk.issuer.stop()
    desk.issuer.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    desk.issuer.tls.load_cert_chain(*authority.issue("127.0.0.1", ISSUER))
    await desk.issuer.start()
    return authority.file


@pytest.mark.parametrize("place", ["tls", "broker", "nowhere"])
async def test_an_issuer_with_a_private_certificate(desk: Desk, place: str) -> None:
    name = desk.client("node-agent")
    own = f'ca_file = "{await certified(desk)}"\n'
    desk.bench.settings = desk.settings('["node-agent"]', own if place == "broker" else "")
    desk.bench.settings += f"[tls]\n{own}" if place == "tls" else ""
    async with desk.bench.agent():
        if place == "nowhere":
            await eventually(lambda: "no answer: ConnectError" in desk.bench.log())
            assert desk.token(name) is None
        else:
            await desk.has(name)


async def test_an_issuer_behind_the_proxy_of_the_device(desk: Desk) -> None:
    """It alone knows the name of the issuer; the endpoint that it names is reached without it."""
    name = desk.client("node-agent")
    trusted = await certified(desk)
    port = desk.issuer.port
    async with ForwardProxy({ISSUER: ("127.0.0.1", port)}).serving() as way:
        desk.issuer.names_itself = f"https://{ISSUER}:{port}"
        settings = desk.settings('["node-agent"]', f'ca_file = "{trusted}"\n')
        desk.bench.settings = f'proxy = "{way.url}"\nno_proxy = ["127.0.0.1"]\n' + settings.replace(
            desk.issuer.url, desk.issuer.names_itself
        )
        async with desk.bench.agent():
            await desk.has(name)
    assert way.connected == [f"{ISSUER}:{port}"]
    assert len(desk.issuer.asked) == 1


async def test_tokens_need_no_hub(desk: Desk) -> None:
    name = desk.client("node-agent")
    desk.bench.hub.refuses = True
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent():
        await desk.has(name)
    assert desk.bench.hub.of("hello") == []


async def test_endpoints_are_probed(desk: Desk) -> None:
    desk.bench.settings = (
        f'[broker]\ntokens_dir = "{desk.tokens}"\n'
        f'[[broker.endpoint]]\nname = "files"\nurl = "{desk.issuer.url}/health"\nrequired = true\n'
        '[[broker.endpoint]]\nname = "gone"\nurl = "http://127.0.0.1:9/"\nrequired = true\n'
        f'[[broker.endpoint]]\nname = "lost"\nurl = "{desk.issuer.url}/nowhere"\n'
    )
    async with desk.bench.agent():
        await desk.bench.hub.until(lambda: any(len(each) == 3 for each in _agents(desk)))
        said = {each["name"]: (each["ready"], each["detail"]) for each in _agents(desk)[-1]}
        status = desk.bench.hub.of("status")[-1]

    assert not desk.tokens.exists(), "there are no tokens"
    assert said["files"] == (True, "answered 200")
    assert said["gone"] == (False, "no answer: ConnectError")
    assert said["lost"] == (False, "answered 404")
    assert status["status"] == "DEGRADED"


async def test_the_other_parts_live_without_a_place_for_tokens(desk: Desk) -> None:
    desk.client("node-agent")
    desk.tokens.write_text("a file")
    desk.bench.settings = desk.settings('["node-agent"]')
    async with desk.bench.agent():
        await desk.bench.hub.frame("status")
        await desk.bench.hub.until(lambda: any(_agents(desk)))
        assert "cannot use" in next(filter(None, _agents(desk)))[0]["detail"]
        result = await desk.bench.hub.run("exec_shell", "c1", template="uptime")
        assert result["success"] is True
        desk.tokens.unlink()
        await eventually(lambda: desk.token("node-agent") is not None, within=20)
