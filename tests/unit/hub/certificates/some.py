"""Authorities and certificates for tests."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from hub.certificates.making import (
    Authority,
    AuthorityKey,
    DeviceKey,
    make_authority,
    make_for_device,
)
from protocol.ids import DEFAULT_ORG, DeviceId

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
D1 = DeviceId("d1")
KEY = ec.generate_private_key(ec.SECP256R1())
AUTHORITY = make_authority("Plant", now=NOW, serial=1)

Extensions = Sequence[tuple[x509.ExtensionType, bool]]


def device_certificate(
    by: Authority = AUTHORITY, device_id: DeviceId = D1, life: timedelta = timedelta(days=90)
) -> x509.Certificate:
    key = KEY.public_key()
    until = NOW + life
    return make_for_device(by, key, DEFAULT_ORG, device_id, now=NOW, until=until, serial=1 << 126)


def crafted(by: Authority, extensions: Extensions) -> x509.Certificate:
    """Signed by an authority, with whatever extensions."""
    builder = _builder("d1", by.certificate.subject, KEY.public_key())
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(by.key, hashes.SHA256())


def signed_by(
    key: AuthorityKey,
    *,
    above: Authority | None = None,
    usage: Callable[[], x509.KeyUsage] | None = None,
    ca: bool = True,
    bare: bool = False,
) -> Authority:
    """An authority of this key, its own root or below another."""
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Owner")])
    signer = key if above is None else above.key
    builder = _builder(
        "Owner", issuer if above is None else above.certificate.subject, key.public_key()
    )
    if not bare:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        builder = builder.add_extension((usage or signs)(), critical=True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    by_itself = isinstance(signer, ed25519.Ed25519PrivateKey)
    return Authority(
        certificate=builder.sign(signer, None if by_itself else hashes.SHA256()), key=key
    )


def signs(*, certificates: bool = True, lists: bool = True) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=certificates,
        crl_sign=lists,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(subject: str, issuer: x509.Name, key: DeviceKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(5)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=3650))
    )
