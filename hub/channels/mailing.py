"""Sends by the installation's mail server: the only module that sees aiosmtplib."""

import asyncio
import ssl
import time
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog
from msgspec import Struct

from hub.base.errors import ConfigurationError
from hub.base.settings import Settings
from hub.webhooks.deciding import AttemptOutcome

log = structlog.get_logger(__name__)

SECONDS: Final = 20.0
_PORTS: Final = {"smtp": 587, "smtps": 465}


class MailServer(Struct, frozen=True, kw_only=True):
    host: str
    port: int
    is_tls: bool
    username: str | None
    password: str | None
    sender: str

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port})"


def server_of(settings: Settings) -> MailServer | None:
    """None where there is none. Raises `ConfigurationError`."""
    if not settings.smtp_url:
        return None
    try:
        parts = urlsplit(settings.smtp_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = parts = None
    if parts is None or not host or parts.scheme not in _PORTS or parts.path.strip("/"):
        raise ConfigurationError("LONGLINE_SMTP_URL: it is smtp[s]://[user:password@]host[:port]")
    if "@" not in settings.smtp_from:
        raise ConfigurationError("LONGLINE_SMTP_FROM: name the address that mails come from")
    return MailServer(
        host=host,
        port=port or _PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        sender=settings.smtp_from,
    )


class Mailer:
    def __init__(self, server: MailServer | None, tls: ssl.SSLContext) -> None:
        self.server = server
        self._tls = tls

    async def send(
        self, recipients: list[str], message_id: str, subject: str, text: str
    ) -> AttemptOutcome:
        """One attempt, whatever comes of it; by TLS where the server offers it. Whom the server
        refuses for good does not keep it from the others."""
        began = time.monotonic()
        status, error = None, None
        try:
            async with asyncio.timeout(SECONDS):
                status = await self._send(recipients, message_id, subject, text)
        except aiosmtplib.SMTPResponseException as refusal:
            status, error = refusal.code, "refused"
        except aiosmtplib.SMTPRecipientsRefused:
            status, error = 550, "refused"
        except TimeoutError:
            error = "timeout"
        except (aiosmtplib.SMTPException, OSError, ValueError):
            error = "no_connection"
        ms = int((time.monotonic() - began) * 1000)
        return AttemptOutcome(status=status, error=error, ms=ms)

    async def _send(
        self, recipients: list[str], message_id: str, subject: str, text: str
    ) -> int | None:
        server = self.server
        if server is None:
            raise OSError("there is no mail server")
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = server.sender, ", ".join(recipients), subject
        mail["Date"] = formatdate()
        domain = server.sender.rpartition("@")[2].strip("> ")
        mail["Message-ID"] = f"<{message_id}@{domain}>"  # of the message, not of the attempt
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        refused, _ = await aiosmtplib.send(
            mail,
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.is_tls,
            tls_context=self._tls,
            timeout=SECONDS,
        )
        if refused:
            log.warning("mail_refused_for_some", count=len(refused), of=len(recipients))
        return 250
