"""`longline audit` against a running `longline up`, and what somebody does behind it."""

import asyncio
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from hub.base.embedded import Embedded
from protocol.canonical import canonical_json
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import fails_in_one_line, longline, until
from tests.certificates import Authority


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    folder = tmp_path_factory.mktemp("up")
    process = HubProcess(folder, audit_anchor=f"file:{folder / 'anchor'}")
    process.start()
    until((folder / "anchor").exists, seconds=15)  # the sealer goes by within seconds
    yield process
    process.stop()


def data_of(up: HubProcess) -> Path:
    return up.folder / "data"


def change(up: HubProcess, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(Embedded(data_of(up)).owner_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def test_what_is_exported_can_be_computed_by_anybody(up: HubProcess) -> None:
    done = longline("audit", "verify", "--data-dir", data_of(up), "--anchor", up.folder / "anchor")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("rows in the chain, 0 findings\n")

    lines = longline("audit", "export", "--data-dir", data_of(up)).stdout.splitlines()
    rows = sorted(map(json.loads, lines), key=lambda line: line["number"])
    before = bytes(32)
    for number, line in enumerate(rows, start=1):
        before = hashlib.sha256(before + canonical_json(line["row"])).digest()
        assert (line["number"], line["hash"]) == (number, before.hex())
    assert rows[0]["row"]["action"] == "ca.create"
    anchored = json.loads((up.folder / "anchor").read_text().splitlines()[-1])
    assert anchored["hash"] == before.hex()


def test_an_export_of_a_span_has_what_is_within(up: HubProcess) -> None:
    since = longline(
        "audit", "export", "--data-dir", data_of(up), "--since", "2999-01-01T00:00:00Z"
    )
    until = longline(
        "audit", "export", "--data-dir", data_of(up), "--until", "2999-01-01T00:00:00Z"
    )
    assert (since.stdout, bool(until.stdout)) == ("", True)
    other = longline("audit", "export", "--data-dir", data_of(up), "--org", "nobody")
    assert (other.returncode, other.stdout) == (0, "")
    wrong = longline("audit", "export", "--data-dir", data_of(up), "--since", "yesterday")
    assert "yesterday" in fails_in_one_line(wrong)


def collected(address: tuple[str, int], tls: ssl.SSLContext, ready: threading.Event) -> bytes:
    """All that one client sends to a collector of syslog."""
    found = b""
    with socket.create_server(address) as server, tls.wrap_socket(server, server_side=True) as safe:
        safe.settimeout(30)
        ready.set()
        connection, _ = safe.accept()
        with connection:
            while some := connection.recv(65536):
                found += some
    return found


def test_a_collector_of_syslog_gets_each_row_over_tls(up: HubProcess, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*authority.issue("localhost"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    there = f"localhost:{port}"
    command = ("audit", "export", "--data-dir", data_of(up), "--syslog", there)
    gone = longline(*command)
    assert (gone.returncode, f"no syslog at {there}" in gone.stderr) == (1, True)
    ready = threading.Event()
    with ThreadPoolExecutor(1) as other:
        taken = other.submit(collected, ("127.0.0.1", port), tls, ready)
        assert ready.wait(10)
        done = longline(*command, "--syslog-ca", authority.file)
        found = taken.result(timeout=30)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    rows: list[object] = []
    while found:
        length, _, found = found.partition(b" ")
        message, found = found[: int(length)], found[int(length) :]
        assert message.startswith((b"<109>1 ", b"<108>1 "))
        rows.append(json.loads(message[message.index(b"{") :])["row"])
    lines = longline("audit", "export", "--data-dir", data_of(up)).stdout.splitlines()
    assert rows[0] in [json.loads(line)["row"] for line in lines]
    assert f"{len(rows)} rows were sent to {there}" in done.stderr
    wrong = longline("audit", "export", "--data-dir", data_of(up), "--syslog", "nowhere:port")
    assert "nowhere:port" in fails_in_one_line(wrong)


def test_a_collector_that_nobody_vouches_for_gets_nothing(up: HubProcess, tmp_path: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*Authority(tmp_path).issue("localhost"))
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        tls.wrap_socket(server, server_side=True) as safe,
        ThreadPoolExecutor(1) as other,
    ):
        safe.settimeout(30)
        refused = other.submit(safe.accept)
        there = f"localhost:{safe.getsockname()[1]}"
        done = longline("audit", "export", "--data-dir", data_of(up), "--syslog", there)
        assert (done.returncode, "certificate verify failed" in done.stderr) == (1, True)
        with pytest.raises(ssl.SSLError, match="SSL"):
            refused.result(timeout=30)


def test_an_anchor_that_is_not_there_is_said(up: HubProcess) -> None:
    done = longline("audit", "verify", "--data-dir", data_of(up), "--anchor", "/nowhere/anchor")
    assert "/nowhere/anchor" in fails_in_one_line(done)


def test_an_edit_is_named_and_ends_with_one(up: HubProcess) -> None:
    change(up, "UPDATE audit_log SET actor = 'x' WHERE audit_id = 1")
    done = longline("audit", "verify", "--data-dir", data_of(up))
    assert done.returncode == 1
    finding, total = done.stdout.splitlines()
    assert finding == "default: number 1 (row 1) was edited"
    assert "1 findings; without an anchor" in total
