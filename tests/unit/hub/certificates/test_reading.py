import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.certificates.making import AuthorityKey, make_authority, pem
from hub.certificates.reading import (
    NotOurs,
    NotUsable,
    ShownCertificate,
    key_bytes,
    key_of_request,
    read_authority,
    read_shown,
)
from protocol.ids import DEFAULT_ORG
from tests.unit.hub.certificates.some import (
    AUTHORITY,
    D1,
    KEY,
    NOW,
    Extensions,
    crafted,
    device_certificate,
    signed_by,
    signs,
)

CLIENT = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
SERVER = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)


def uris(*names: str) -> tuple[x509.ExtensionType, bool]:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(n) for n in names]), False


def request(key: object) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whoever")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    by_itself = isinstance(key, ed25519.Ed25519PrivateKey)
    made = builder.sign(key, None if by_itself else hashes.SHA256())  # pyright: ignore[reportArgumentType]
    return made.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_only_the_key_of_a_request_counts(key: ec.EllipticCurvePrivateKey) -> None:
    assert key_bytes(key_of_request(request(key))) == key_bytes(key.public_key())


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),  # noqa: S505
        ec.generate_private_key(ec.SECP521R1()),
        ec.generate_private_key(ec.SECP256K1()),
        dsa.generate_private_key(2048),
    ],
)
def test_a_weak_or_odd_key_is_refused(key: object) -> None:
    with pytest.raises(NotUsable, match="its key must be"):
        key_of_request(request(key))


def test_a_request_with_another_signature_is_refused() -> None:
    text = request(KEY)
    der = bytearray(x509.load_pem_x509_csr(text.encode()).public_bytes(Encoding.DER))
    der[-1] ^= 1
    changed = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM).decode()
    with pytest.raises(NotUsable, match="signed by its own key"):
        key_of_request(changed)


def test_a_request_that_is_signed_in_an_unknown_way_is_refused() -> None:
    der = x509.load_pem_x509_csr(request(KEY).encode()).public_bytes(Encoding.DER)
    ecdsa_with_sha256 = b"\x2a\x86\x48\xce\x3d\x04\x03\x02"
    changed = x509.load_der_x509_csr(
        der.replace(ecdsa_with_sha256, ecdsa_with_sha256[:-1] + b"\x09")
    )
    with pytest.raises(NotUsable, match="signed by its own key"):
        key_of_request(changed.public_bytes(Encoding.PEM).decode())


def test_a_key_that_does_not_count_is_not_asked_for_its_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a large one that takes its time."""

    class Asked:
        def public_key(self) -> object:
            return dsa.generate_private_key(2048).public_key()

        @property
        def is_signature_valid(self) -> bool:
            raise AssertionError

    def load(_: bytes) -> Asked:
        return Asked()

    monkeypatch.setattr(x509, "load_pem_x509_csr", load)
    with pytest.raises(NotUsable, match="its key must be"):
        key_of_request("")


def test_a_request_of_another_version_is_refused() -> None:
    der = x509.load_pem_x509_csr(request(KEY).encode()).public_bytes(Encoding.DER)
    changed = der.replace(b"\x02\x01\x00", b"\x02\x01\x05", 1)
    text = base64.encodebytes(changed).decode()
    with pytest.raises(NotUsable, match="not a certificate request"):
        key_of_request(
            f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"
        )


def test_a_certificate_of_another_version_is_not_ours() -> None:
    der = device_certificate().public_bytes(Encoding.DER)
    with pytest.raises(NotOurs):
        read_shown(der.replace(b"\x02\x01\x02", b"\x02\x01\x09", 1), [AUTHORITY.certificate])


@pytest.mark.parametrize("name", [b"\xa3\x00", b"\xa5\x00"])
def test_a_name_that_nobody_reads_is_not_ours(name: bytes) -> None:
    """x400Address and ediPartyName: an authority of the owner's own has signed others, too."""
    names = x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid, b"\x30" + bytes([len(name)]) + name
    )
    made = crafted(AUTHORITY, [CLIENT, (names, False)])
    with pytest.raises(NotOurs):
        read_shown(made.public_bytes(Encoding.DER), [AUTHORITY.certificate])


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n"])
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(NotUsable, match="not a certificate request"):
        key_of_request(text)


def test_ours_says_whose_it_is() -> None:
    made = device_certificate()
    shown = read_shown(
        made.public_bytes(Encoding.DER),
        [make_authority("x", now=NOW, serial=2).certificate, AUTHORITY.certificate],
    )
    assert shown == ShownCertificate(
        org=DEFAULT_ORG,
        device_id=D1,
        serial=f"{1 << 126:032x}",
        fingerprint=made.fingerprint(hashes.SHA256()).hex(),
        begins_at=made.not_valid_before_utc,
        expires_at=made.not_valid_after_utc,
    )


@pytest.mark.parametrize(
    "extensions",
    [
        [],
        [CLIENT],
        [SERVER, uris("urn:longline:device:default:d1")],
        [CLIENT, uris("urn:longline:device:default:d1", "urn:longline:device:default:d2")],
        [CLIENT, uris("urn:longline:device::d1")],
        [CLIENT, uris("urn:longline:device:default:")],
        [CLIENT, uris("urn:longline:device:default:a b")],
        [CLIENT, uris("urn:else:default:d1")],
        [CLIENT, (x509.SubjectAlternativeName([x509.DNSName("d1")]), False)],
    ],
)
def test_what_our_authority_signed_otherwise_is_no_device(extensions: Extensions) -> None:
    der = crafted(AUTHORITY, extensions).public_bytes(Encoding.DER)
    with pytest.raises(NotOurs):
        read_shown(der, [AUTHORITY.certificate])


def test_a_foreign_certificate_is_not_ours() -> None:
    same_name = make_authority("Plant", now=NOW, serial=2)
    der = device_certificate(same_name).public_bytes(Encoding.DER)
    for authorities in ([], [AUTHORITY.certificate]):
        with pytest.raises(NotOurs):
            read_shown(der, authorities)
    with pytest.raises(NotOurs):
        read_shown(b"no certificate", [AUTHORITY.certificate])


def open_key(key: AuthorityKey | dsa.DSAPrivateKey) -> bytes:
    return key.private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_an_owners_authority_is_read_with_those_above_it() -> None:
    root = signed_by(ec.generate_private_key(ec.SECP384R1()))
    key = rsa.generate_private_key(65537, 2048)
    below = signed_by(key, above=root)
    chain = pem(below.certificate) + pem(root.certificate)
    found = read_authority(chain, open_key(key))
    assert found.id == below.id
    assert found.trusted == chain


def test_an_authority_that_cannot_be_one_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    good = signed_by(key)
    other = open_key(ec.generate_private_key(ec.SECP256R1()))
    for certificates, private, why in [
        ("", open_key(key), "holds no certificate"),
        (pem(good.certificate), b"nonsense", "not an open PEM file"),
        (pem(good.certificate), open_key(dsa.generate_private_key(2048)), "the key must be"),
        (pem(good.certificate), other, "not that of the first certificate"),
        (pem(signed_by(key, bare=True).certificate), open_key(key), "lacks"),
        (pem(signed_by(key, ca=False).certificate), open_key(key), "may not sign"),
        (
            pem(signed_by(key, usage=lambda: signs(lists=False)).certificate),
            open_key(key),
            "may not sign",
        ),
        (pem(good.certificate) + pem(AUTHORITY.certificate), open_key(key), "by the one behind"),
    ]:
        with pytest.raises(NotUsable, match=why):
            read_authority(certificates, private)


def test_the_key_of_an_owners_certificate_is_one_that_we_can_use() -> None:
    odd = dsa.generate_private_key(2048)
    builder = x509.CertificateBuilder(
        AUTHORITY.certificate.subject, AUTHORITY.certificate.subject, odd.public_key(), 3, NOW, NOW
    )
    made = builder.sign(AUTHORITY.key, hashes.SHA256())
    with pytest.raises(NotUsable, match="the key must be"):
        read_authority(pem(made), open_key(KEY))
