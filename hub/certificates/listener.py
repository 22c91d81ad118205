"""TLS of the device listener: who may shake hands there, and what it shows itself.

TLS 1.3 alone, and a client certificate of one of our authorities. Whether a certificate has run out
or was ended is asked by us, of the database's time (`judging`), so that the device hears why. There
are no session tickets: with one a device would come back without showing its certificate again.
"""

import os
import ssl
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub.base.errors import HubError
from hub.certificates.authority import CertificateAuthority
from hub.certificates.making import Authority, make_for_listener, pem, serial_from
from hub.socket.tls import load_certificate, server_context

log = structlog.get_logger(__name__)

LIFE: Final = timedelta(days=90)
RENEWED_AFTER: Final = timedelta(days=60)
NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, which the standard library does not name."""
AT_HOME: Final = ("localhost", "127.0.0.1", "::1")
"""Beside the public names."""


class DeviceListenerTls:
    """`context` stays the same: what it trusts and shows changes in it. `own`: files of the owner's
    certificate and key; without them our authority gives one, for `hosts`. Raises
    `ConfigurationError`, `MasterKeyMissing`, and `Conflict` when that has expired."""

    def __init__(
        self,
        authority: CertificateAuthority,
        hosts: Sequence[str],
        own: tuple[str, str] | None,
    ) -> None:
        authority.require()
        self._authority = authority
        self._hosts = [*hosts, *AT_HOME]
        self._own = own
        self._shown_since: datetime | None = None
        self._shown_by = ""
        self.context = _context()
        self._trust()
        if own is not None:
            load_certificate(self.context, *own)
        else:
            self._show()
        authority.on_change(self.look)

    def look(self) -> None:
        """The authorities may be others, or our own certificate old."""
        try:
            self._trust()
            if self._own is None:
                self._show()
        except HubError as error:
            log.warning("listener_not_renewed", error=error.detail)

    def _trust(self) -> None:
        """Those before are trusted still; a chain ends at ours, whoever is above."""
        bundle = "".join(pem(each) for each in self._authority.trusted)
        self.context.load_verify_locations(cadata=bundle)

    def _show(self) -> None:
        by, now = self._authority.vouching(), self._authority.now()
        is_current = self._shown_since is not None and now - self._shown_since < RENEWED_AFTER
        if is_current and self._shown_by == by.id:
            return
        self._shown_since, self._shown_by = now, by.id
        _load_made(self.context, by, self._hosts, now)


def _context() -> ssl.SSLContext:
    context = server_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | NO_CHECK_TIME
    return context


def _load_made(context: ssl.SSLContext, by: Authority, hosts: Sequence[str], now: datetime) -> None:
    """The library reads files only: one of this user's own, gone at once."""
    key = ec.generate_private_key(ec.SECP256R1())
    until = min(now + LIFE, by.certificate.not_valid_after_utc)
    serial = serial_from(os.urandom(16))
    made = make_for_listener(by, key.public_key(), hosts, now=now, until=until, serial=serial)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor, name = tempfile.mkstemp(prefix="longline-listener-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text + (pem(made) + by.trusted).encode())
        context.load_cert_chain(name)
    finally:
        Path(name).unlink(missing_ok=True)
