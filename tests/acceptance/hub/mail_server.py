"""A mail server on loopback (RFC 5321, what a client needs of it): it keeps what it gets."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Final

from tests.acceptance.hub.clients import DEADLINE

HOST: Final = "127.0.0.1"


class MailServer:
    """`says` answers a whole mail; who is in `unknown` gets none."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.says: Callable[[], str] = lambda: "250 taken"
        self.unknown: set[str] = set()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._came = asyncio.Condition()

    async def open(self) -> None:
        """At the same port as before."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org\r\n")
        recipients: list[str] = []
        try:
            while line := (await reader.readline()).decode().strip():
                verb = line.upper()
                answer = "250 ok"
                if verb.startswith("RCPT TO:"):
                    recipient = line[8:].strip().strip("<>").split(">")[0]
                    if recipient in self.unknown:
                        answer = "550 nobody here"
                    else:
                        recipients.append(recipient)
                elif verb == "DATA":
                    writer.write(b"354 go on\r\n")
                    answer = await self._take(await reader.readuntil(b"\r\n.\r\n"), recipients)
                elif verb == "QUIT":
                    writer.write(b"221 bye\r\n")
                    return
                writer.write(answer.encode() + b"\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _take(self, raw: bytes, recipients: list[str]) -> str:
        answer = self.says()
        if answer.startswith("250"):
            content = raw.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
            mail = message_from_bytes(content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients.append(recipients)
            async with self._came:
                self._came.notify_all()
        return answer

    async def until(
        self, condition: Callable[[list[EmailMessage]], Any], *, seconds: float = DEADLINE
    ) -> list[EmailMessage]:
        """All that came, once `condition` holds of it."""
        async with asyncio.timeout(seconds), self._came:
            await self._came.wait_for(lambda: condition(self.mails))
        return list(self.mails)


@asynccontextmanager
async def mail_server() -> AsyncGenerator[MailServer]:
    server = MailServer()
    await server.open()
    try:
        yield server
    finally:
        await server.close()
