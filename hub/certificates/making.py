"""Certificates and lists of what has ended, made and signed. Pure: whoever calls brings time,
serial and keys.

Identity is one name of the kind URI, `urn:longline:device:<org>:<id>`; ids of organisations have no
colon. What stands in the subject is for people.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from protocol.ids import DeviceId, OrgId

URN: Final = "urn:longline:device:"
LONGEST_NAME: Final = 64
"""Of a subject (RFC 5280, A.1)."""
BACKDATED: Final = timedelta(minutes=15)
"""So far another clock may be behind ours; a tenth of a life that is shorter."""
AUTHORITY_LIFE: Final = timedelta(days=3650)
LIST_LIFE: Final = timedelta(hours=24)

AuthorityKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
DeviceKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class Authority(Struct, frozen=True, kw_only=True):
    certificate: x509.Certificate
    key: AuthorityKey
    chain: str = ""
    """PEM of those above it."""

    @property
    def id(self) -> str:
        return id_of(self.certificate)

    @property
    def trusted(self) -> str:
        """PEM of itself and those above it."""
        return pem(self.certificate) + self.chain


class EndedCertificate(Struct, frozen=True):
    """A certificate on the list of those that are good no more."""

    serial: str
    at: datetime
    superseded: bool


def id_of(authority: x509.Certificate) -> str:
    """Its subject key identifier in hex."""
    found = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return found.value.digest.hex()


def urn_of(org: OrgId, device_id: DeviceId) -> str:
    return f"{URN}{org}:{device_id}"


def make_authority(name: str, *, now: datetime, serial: int) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    certificate = (
        _builder(subject, subject, key.public_key(), now, now + AUTHORITY_LIFE, serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_others=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate=certificate, key=key)


def make_for_device(
    by: Authority,
    key: DeviceKey,
    org: OrgId,
    device_id: DeviceId,
    *,
    now: datetime,
    until: datetime,
    serial: int,
) -> x509.Certificate:
    """Of the request only the key is taken."""
    name = device_id if len(device_id) <= LONGEST_NAME else sha256(device_id.encode()).hexdigest()
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(urn_of(org, device_id))])
    return _leaf(by, key, name, names, ExtendedKeyUsageOID.CLIENT_AUTH, now, until, serial)


def make_for_listener(
    by: Authority,
    key: ec.EllipticCurvePublicKey,
    hosts: Iterable[str],
    *,
    now: datetime,
    until: datetime,
    serial: int,
) -> x509.Certificate:
    """Of the hub itself, for these names and addresses."""
    wanted = list(dict.fromkeys(hosts))
    names = x509.SubjectAlternativeName([_host(host) for host in wanted])
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    return _leaf(by, key, wanted[0][:LONGEST_NAME], names, usage, now, until, serial)


def make_list(
    by: Authority, ended: Iterable[EndedCertificate], *, now: datetime, number: int
) -> bytes:
    """DER of the certificates of an authority that are good no more (RFC 5280, 5)."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(by.certificate.subject)
        .last_update(now - BACKDATED)
        .next_update(now + LIST_LIFE)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_issuer_of(by), critical=False)
    )
    for each in ended:
        flag = x509.ReasonFlags.superseded if each.superseded else x509.ReasonFlags.unspecified
        revoked = x509.RevokedCertificateBuilder().serial_number(int(each.serial, 16))
        revoked = revoked.revocation_date(each.at)
        if each.superseded:  # "unspecified" is said by saying nothing (RFC 5280, 5.3.1)
            revoked = revoked.add_extension(x509.CRLReason(flag), critical=False)
        builder = builder.add_revoked_certificate(revoked.build())
    return builder.sign(by.key, _hash_of(by.key)).public_bytes(serialization.Encoding.DER)


def list_as_pem(der: bytes) -> str:
    made = x509.load_der_x509_crl(der)
    return made.public_bytes(serialization.Encoding.PEM).decode()


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def fingerprint_of(der: bytes) -> str:
    return sha256(der).hexdigest()


def serial_of(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:032x}"


def serial_from(random: bytes) -> int:
    """Of 16 random bytes: positive, and as long in every notation (RFC 5280, 4.1.2.2)."""
    return int.from_bytes(random) & ~(1 << 127) | 1 << 126


def _leaf(
    by: Authority,
    key: DeviceKey,
    subject: str,
    names: x509.SubjectAlternativeName,
    usage: x509.ObjectIdentifier,
    now: datetime,
    until: datetime,
    serial: int,
) -> x509.Certificate:
    return (
        _builder(_name(subject), by.certificate.subject, key, now, until, serial)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_others=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_issuer_of(by), critical=False)
        .sign(by.key, _hash_of(by.key))
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: DeviceKey,
    now: datetime,
    until: datetime,
    serial: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(now - min(BACKDATED, (until - now) / 10))
        .not_valid_after(until)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _issuer_of(by: Authority) -> x509.AuthorityKeyIdentifier:
    own = by.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _hash_of(key: AuthorityKey) -> hashes.SHA256 | None:
    """Ed25519 hashes by itself."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
