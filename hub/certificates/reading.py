"""What others show: a request for a certificate, a certificate, an authority to be imported. Pure:
no time is asked for here."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import Struct

from hub.certificates.making import (
    URN,
    Authority,
    AuthorityKey,
    DeviceKey,
    fingerprint_of,
    id_of,
    pem,
    serial_of,
)
from protocol.ids import DeviceId, OrgId, is_device_id

SMALLEST_RSA: Final = 2048
LARGEST_RSA: Final = 8192
"""Above it a signature takes longer to check than anybody should wait."""
KEYS: Final = "must be RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519"
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1)
_UNREADABLE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises for what it does not read."""


class NotUsable(ValueError):
    """The message says why, in one line."""


class NotOurs(Exception):
    """A certificate that no authority of ours gave to a device."""


class ShownCertificate(Struct, frozen=True, kw_only=True):
    """One of ours. Whether it is good is another question."""

    org: OrgId
    device_id: DeviceId
    serial: str
    fingerprint: str
    begins_at: datetime
    expires_at: datetime


def key_of_request(text: str) -> DeviceKey:
    """The public key of a request (PKCS #10, PEM), whose holder has signed it. Raises
    `NotUsable`."""
    try:
        request = x509.load_pem_x509_csr(text.encode())
        key = request.public_key()
    except _UNREADABLE:
        raise NotUsable("is not a certificate request in PEM") from None
    if not isinstance(key, DeviceKey) or not _is_strong(key):
        raise NotUsable(f"its key {KEYS}")
    if not request.is_signature_valid:
        raise NotUsable("is not signed by its own key")
    return key


def key_bytes(key: DeviceKey) -> bytes:
    """SubjectPublicKeyInfo in DER: what fingerprints of keys are over."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def read_shown(der: bytes, authorities: Iterable[x509.Certificate]) -> ShownCertificate:
    """Raises `NotOurs`."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        if not any(_signed(certificate, each) for each in authorities):
            raise NotOurs
        org, device_id = _identity_of(certificate)
    except (*_UNREADABLE, x509.ExtensionNotFound):
        raise NotOurs from None
    return ShownCertificate(
        org=org,
        device_id=device_id,
        serial=serial_of(certificate),
        fingerprint=fingerprint_of(der),
        begins_at=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
    )


def read_authority(certificates: str, key: bytes) -> Authority:
    """An authority of the owner's own: PEM of it and then of those above it, and its key. Raises
    `NotUsable`."""
    try:
        own, *above = x509.load_pem_x509_certificates(certificates.encode())
    except ValueError:
        raise NotUsable("holds no certificate in PEM") from None
    loaded = _private(key)
    if key_bytes(_public(own)) != key_bytes(loaded.public_key()):
        raise NotUsable("the key is not that of the first certificate")
    _require_authority(own)
    _require_chain([own, *above])
    return Authority(certificate=own, key=loaded, chain="".join(map(pem, above)))


def _require_chain(chain: Sequence[x509.Certificate]) -> None:
    for below, above in pairwise(chain):
        if not _signed(below, above):
            raise NotUsable("each certificate must be signed by the one behind it")


def _require_authority(certificate: x509.Certificate) -> None:
    extensions = certificate.extensions
    try:
        is_authority = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        id_of(certificate)
    except x509.ExtensionNotFound as error:
        raise NotUsable(f"the authority lacks {error.oid.dotted_string}") from None
    if not is_authority or not usage.key_cert_sign or not usage.crl_sign:
        raise NotUsable("it may not sign certificates and lists: CA:TRUE, keyCertSign, cRLSign")


def _private(pem_bytes: bytes) -> AuthorityKey:
    try:
        key = serialization.load_pem_private_key(pem_bytes, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise NotUsable("the key is not an open PEM file") from None
    if not isinstance(key, AuthorityKey) or not _is_strong(key.public_key()):
        raise NotUsable(f"the key {KEYS}")
    return key


def _public(certificate: x509.Certificate) -> DeviceKey:
    key = certificate.public_key()
    if not isinstance(key, DeviceKey):
        raise NotUsable(f"the key {KEYS}")
    return key


def _is_strong(key: DeviceKey) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return SMALLEST_RSA <= key.key_size <= LARGEST_RSA
    return isinstance(key, ed25519.Ed25519PublicKey) or isinstance(key.curve, _CURVES)


def _signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _identity_of(certificate: x509.Certificate) -> tuple[OrgId, DeviceId]:
    extensions = certificate.extensions
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if list(usage) != [ExtendedKeyUsageOID.CLIENT_AUTH]:
        raise NotOurs
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(names) != 1 or len(uris) != 1 or not uris[0].startswith(URN):
        raise NotOurs
    org, _, device_id = uris[0].removeprefix(URN).partition(":")
    if not org or not is_device_id(device_id):
        raise NotOurs
    return OrgId(org), DeviceId(device_id)
