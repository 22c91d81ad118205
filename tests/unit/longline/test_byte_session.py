"""A person's end of a session, with a hub that ends it as no device would."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from longline.byte_session import SessionCaller, carry
from longline.cp import give
from longline.errors import UserError
from protocol.sessions import exited, info


@asynccontextmanager
async def session(
    play: Callable[[ServerConnection], Awaitable[None]],
) -> AsyncGenerator[ClientConnection]:
    async with serve(play, "127.0.0.1", 0) as hub:
        port = hub.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", proxy=None) as connection:
            yield connection


@pytest.fixture(autouse=True)
def _no_input(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        yield


async def test_a_session_that_was_cut_is_no_success() -> None:
    async def cut(hub: ServerConnection) -> None:
        await hub.send(b"\x01some\n")
        await hub.close(1000, "expired")

    async with session(cut) as connection:
        with pytest.raises(UserError, match="the session has ended: expired"):
            await carry(connection, terminal=False)


async def test_the_exit_code_of_the_program() -> None:
    async def whole(hub: ServerConnection) -> None:
        await hub.send(exited(7))
        await hub.close(1000, "finished")

    async with session(whole) as connection:
        assert await carry(connection, terminal=False) == 7


async def test_an_upload_that_is_cut_says_why(tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(bytes(8_000_000))

    async def cut(hub: ServerConnection) -> None:
        await hub.send(info(offset=0))
        await hub.recv()
        await hub.close(1011, "relay_lost")

    async with session(cut) as connection:
        with pytest.raises(UserError, match="the session has ended: relay_lost"):
            await give(connection, source)


async def test_a_fault_of_this_machine_is_none_of_the_connection(tmp_path: Path) -> None:
    async def stays(hub: ServerConnection) -> None:
        await hub.wait_closed()

    token = tmp_path / "token"
    token.write_text("of a person")
    async with serve(stays, "127.0.0.1", 0) as hub:
        url = f"http://127.0.0.1:{hub.sockets[0].getsockname()[1]}"
        caller = SessionCaller(url, token, None, insecure=True)
        with pytest.raises(FileNotFoundError):
            async with caller.connected("/ws/sessions/one"):
                (tmp_path / "none").open()
