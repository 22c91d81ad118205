"""Devices with certificates: raw clients of the device listener, and of a proxy in front."""

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect

from tests.acceptance.hub.clients import Device, Json, Rest, Socket
from tests.acceptance.hub.process import HubProcess

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PEM = serialization.Encoding.PEM


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def request_of(key: PrivateKey, *extensions: x509.ExtensionType) -> str:
    """A request, PEM, with whatever extensions."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whoever")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    by_itself = isinstance(key, ed25519.Ed25519PrivateKey)
    return builder.sign(key, None if by_itself else hashes.SHA256()).public_bytes(PEM).decode()


class Certified:
    """A device's certificate with its key, in files of `folder`."""

    def __init__(self, device_id: str, key: PrivateKey, answer: Json, folder: Path) -> None:
        self.device_id = device_id
        self.key = key
        self.serial: str = answer["serial"]
        self.expires_at: str = answer["expiresAt"]
        self.certificate = x509.load_pem_x509_certificate(answer["certificate"].encode())
        self.file = folder / f"{self.serial}.pem"
        private = key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.file.write_bytes(private + answer["certificate"].encode())
        self.chain = folder / f"{self.serial}-chain.pem"
        self.chain.write_text(answer["chain"])

    @property
    def header(self) -> dict[str, str]:
        """As a proxy passes it on."""
        return client_cert(self.certificate)

    @property
    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.chain)
        context.load_cert_chain(self.file)
        return context

    @asynccontextmanager
    async def rest(self, hub: HubProcess) -> AsyncGenerator[Rest]:
        """`/api/v1` of the device listener."""
        async with httpx.AsyncClient(
            base_url=f"{hub.ready['deviceUrl']}/api/v1",
            verify=self.tls,
            timeout=12,
            trust_env=False,
        ) as client:
            yield Rest(client)

    @asynccontextmanager
    async def socket(self, hub: HubProcess, path: str = "/ws/device") -> AsyncGenerator[Socket]:
        url = hub.ready["deviceUrl"].replace("https", "wss") + path
        async with connect(
            url, ssl=self.tls, compression=None, proxy=None, open_timeout=8, close_timeout=2
        ) as connection:
            yield Socket(connection)

    @asynccontextmanager
    async def line(self, hub: HubProcess) -> AsyncGenerator[Device]:
        async with self.socket(hub) as socket:
            welcome = await socket.expect("welcome", deviceId=self.device_id)
            yield Device(socket.connection, self.device_id, welcome)


def client_cert(certificate: x509.Certificate) -> dict[str, str]:
    """RFC 9440."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    return {"Client-Cert": f":{base64.b64encode(der).decode()}:"}


async def ask(rest: Rest, device_id: str, csr: str, **headers: str) -> httpx.Response:
    return await rest.post(f"/devices/{device_id}/certificate", {"csr": csr}, **headers)


async def certify(
    hub: HubProcess, device_id: str, folder: Path, key: PrivateKey | None = None, **headers: str
) -> Certified:
    """A certificate by the enrolment key, or by what the headers show."""
    key = key or new_key()
    shown = headers or {"X_Enrollment_Key": hub.ready["enrollmentKey"]}
    async with Rest.open(hub.url) as nobody:
        answer = await ask(nobody, device_id, request_of(key), **shown)
    assert answer.status_code == 200, answer.text
    return Certified(device_id, key, answer.json()["data"], folder)


async def renew(hub: HubProcess, present: Certified, folder: Path) -> Certified:
    """With the present certificate, for another key."""
    key = new_key()
    async with present.rest(hub) as device:
        answer = await ask(device, present.device_id, request_of(key))
    assert answer.status_code == 200, answer.text
    return Certified(present.device_id, key, answer.json()["data"], folder)


async def shake_hands(hub: HubProcess, context: ssl.SSLContext) -> bytes:
    """What the device listener says to a request in the clear of TLS. Raises `ssl.SSLError`."""
    url = httpx.URL(hub.ready["deviceUrl"])
    reader, writer = await asyncio.open_connection(
        url.host, url.port, ssl=context, server_hostname="localhost"
    )
    try:
        writer.write(b"GET /api/v1/device/desired/mode HTTP/1.1\r\nHost: hub\r\n\r\n")
        return await reader.readline()
    finally:
        writer.close()


def session_of(writer: Any) -> ssl.SSLSession | None:
    return writer.get_extra_info("ssl_object").session
