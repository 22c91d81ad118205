"""`longline shell`, `logs`, `cp` and `forward` as processes, with a real hub and a real agent."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process

import httpx

from tests.acceptance.test_sessions import Bench, bench

__all__ = ["bench"]


async def start(bench: Bench, *arguments: str) -> Process:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LONGLINE_")}
    where = {"LONGLINE_HUB_URL": bench.plant.hub.url, "LONGLINE_TOKEN": bench.token}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "longline", *arguments,
        stdin=PIPE, stdout=PIPE, stderr=PIPE, env=inherited | where,
    )  # fmt: skip


async def longline(bench: Bench, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    process = await start(bench, *arguments)
    async with asyncio.timeout(20):
        out, err = await process.communicate(stdin)
    return process.returncode or 0, out.decode(), err.decode()


async def test_tools(bench: Bench) -> None:
    shell = await longline(bench, "shell", "edge-1", stdin=b"echo hello; exit 7\n")
    assert shell == (7, "hello\n", "")
    logs = await longline(
        bench, "logs", "edge-1", "--source", f"file:{bench.folder}/app.log", "--tail", "1"
    )
    assert logs == (0, "three\n", "")
    unknown = await longline(bench, "logs", "edge-1", "--source", "none")
    assert (unknown[0], "NotFound" in unknown[2]) == (1, True)

    mine = bench.folder.parent / "mine.bin"
    mine.write_bytes(data := os.urandom(200_000))
    assert await longline(bench, "cp", str(mine), f"edge-1:{bench.folder}/") == (0, "", "")
    assert (bench.folder / "mine.bin").read_bytes() == data
    mine.unlink()
    (bench.folder.parent / ".mine.bin.part").write_bytes(data[:1000])
    copied = await longline(bench, "cp", f"edge-1:{bench.folder}/mine.bin", str(mine.parent))
    assert copied == (0, "", "")
    assert mine.read_bytes() == data
    code, _, err = await longline(bench, "cp", "edge-1:/etc/passwd", str(mine))
    assert (code, "not read here" in err) == (1, True)
    code, _, err = await longline(bench, "exec", "edge-1", "shop/web", "--", "true")
    assert (code, "refused (422)" in err) == (1, True)

    forward = await start(bench, "forward", "edge-1", f"0:127.0.0.1:{bench.port}")
    assert forward.stdout is not None
    said = (await forward.stdout.readline()).decode()
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://{said.split()[0]}") as http:
        pages = await asyncio.gather(*(http.get(f"/{number}") for number in range(5)))
    assert [page.text for page in pages] == [f"/{number}" for number in range(5)]
    forward.send_signal(signal.SIGINT)
    assert await forward.wait() == 130
