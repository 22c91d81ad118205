"""The device's certificate: asked for with its token, renewed with itself, shown at the device
listener of the hub.

A key is made here and stays here. At two thirds of the life another is made. Which is shown says
`device.line.certificate_choice`; where the hub takes none, a new one is asked for with the token,
at the open listener.

`certificate.json` and `certificate_candidate.json` are readable by the agent alone.
"""

import asyncio
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import httpx
import msgspec
import structlog
from msgspec import Meta, Struct

from device.base.errors import HubUnreachable
from device.base.files import write_atomically
from device.line.asking import asked, life_of, retry_after
from device.line.certificate_choice import CertificateChoice, KeptCertificate
from device.line.hub_clock import HubClock
from device.line.renewal import SHORTEST_SECONDS
from protocol.codec import decode, encode
from protocol.errors import InvalidMessage

_log = structlog.stdlib.get_logger()

FILE: Final = "certificate.json"
CANDIDATE: Final = "certificate_candidate.json"
LOOK_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 30.0
"""After a renewal that did not come about."""
REFUSED: Final = frozenset({401, 403, 404})


class _Issued(Struct, frozen=True, rename="camel"):
    certificate: str
    chain: str
    serial: str
    expires_at: Annotated[datetime, Meta(tz=True)]


class _Answer(Struct, frozen=True):
    data: _Issued


_answer: Final = msgspec.json.Decoder(_Answer)


class DeviceCertificate:
    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        at_listener: httpx.AsyncClient,
        at_hub: httpx.AsyncClient,
        device_id: str,
        token: Callable[[], Awaitable[str]],
        folder: Path,
        hub_clock: HubClock,
        reconnect: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`context` is that of every connection to the device listener, also of `at_listener`.
        `at_hub` reaches the open listener."""
        self._context = context
        self._at_listener = at_listener
        self._at_hub = at_hub
        self._url = f"api/v1/devices/{quote(device_id, safe='')}/certificate"
        self._token = token
        self._folder = folder
        self._hub_clock = hub_clock
        self._reconnect = reconnect
        self._clock = clock
        self._changed = asyncio.Event()
        self._choice = CertificateChoice(_read(folder / FILE), _read(folder / CANDIDATE))
        self._show()

    async def ready(self) -> None:
        """Before an attempt: see to it that there is one to be shown. Raises `HubUnreachable`."""
        if self._choice.shown is None:
            kept = await self._obtain(self._at_hub)
            await self._keep(FILE, kept)
            self._choice.obtained(kept)
            self._show()
        self._choice.offer()

    def refused(self) -> None:
        """The hub does not take what the attempt showed: the next shows another."""
        dropped = self._choice.refused()
        if dropped is not None:
            _log.warning("certificate_refused", serial=dropped.serial)
        if not self._choice.has_candidate:
            with suppress(OSError):  # the next start shows it once more
                (self._folder / CANDIDATE).unlink(missing_ok=True)
        self._show()

    def opened(self) -> None:
        """The attempt became a line."""
        if self._choice.opened():
            with suppress(OSError):  # the next start shows the candidate again
                (self._folder / CANDIDATE).replace(self._folder / FILE)
        elif self._choice.is_behind:
            self._reconnect()
        self._changed.set()

    async def run(self) -> None:
        """Renew when it is due, for ever."""
        while True:
            self._changed.clear()
            due = self._choice.due_in(self._hub_clock.time(self._clock()))
            if due == 0.0:
                await self._renew()
                await asyncio.sleep(SHORTEST_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS if due is None else min(due, LOOK_SECONDS)):
                    await self._changed.wait()

    async def _renew(self) -> None:
        try:
            kept = await self._obtain(self._at_listener)
        except HubUnreachable as error:
            _log.warning("certificate_not_renewed", reason=error.message)
            await asyncio.sleep(max(error.retry_after, AGAIN_SECONDS))
            return
        await self._keep(CANDIDATE, kept)
        _log.info("certificate_renewed", serial=kept.serial)
        self._choice.renewed(kept)
        self._show()
        self._reconnect()

    async def _obtain(self, http: httpx.AsyncClient) -> KeptCertificate:
        """A certificate for a new key. Raises `HubUnreachable`."""
        key, csr = await asyncio.to_thread(_new_key)
        token = await self._token()
        headers = {"Authorization": f"Bearer {token}"}
        answer = await asked(http, self._url, json={"csr": csr}, headers=headers)
        if answer.status_code != 200:
            raise HubUnreachable(
                f"no certificate: the hub answered {answer.status_code}",
                retry_after=retry_after(answer.headers),
            )
        try:
            issued = decode(_answer, answer.content).data
        except InvalidMessage:
            raise HubUnreachable("the hub's answer is not a certificate") from None
        return KeptCertificate(
            key=key,
            certificate=issued.certificate,
            chain=issued.chain,
            serial=issued.serial,
            expires=issued.expires_at,
            life_seconds=life_of(issued.expires_at, answer, self._hub_clock, self._clock()),
        )

    def _show(self) -> None:
        """From the next connection on. The library reads files only."""
        kept = self._choice.shown
        if kept is None:
            return
        try:
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".shown-") as file:
                file.write((kept.key + kept.certificate).encode())
                file.flush()
                self._context.load_cert_chain(file.name)
            self._context.load_verify_locations(cadata=kept.chain)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            _log.error("certificate_not_usable", reason=str(error))

    async def _keep(self, name: str, kept: KeptCertificate) -> None:
        try:
            await asyncio.to_thread(write_atomically, self._folder / name, encode(kept))
        except OSError as error:
            # In memory it serves until the next start, which asks for another.
            _log.warning("certificate_not_kept", reason=error.strerror)


def is_refusal(status: int, body: bytes) -> bool:
    """Whether an answer to an upgrade says that the certificate does not count."""
    return status in REFUSED and b'"certificate_' in body


def is_alert(error: BaseException | None) -> bool:
    """Whether the hub ended the TLS handshake: a certificate of another authority, or none."""
    while error is not None:
        if isinstance(error, ssl.SSLError) and "ALERT" in str(error.reason or ""):
            return True
        error = error.__cause__ or error.__context__
    return False


def _new_key() -> tuple[str, str]:
    """(private key, request for a certificate), PEM. Who has no certificate needs no library."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    signed = request.sign(key, hashes.SHA256())
    return private.decode(), signed.public_bytes(serialization.Encoding.PEM).decode()


def _read(path: Path) -> KeptCertificate | None:
    """What cannot be read is as good as none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=KeptCertificate)
    except (OSError, msgspec.MsgspecError):
        return None
