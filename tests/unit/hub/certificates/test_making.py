import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.certificates.making import (
    BACKDATED,
    Authority,
    AuthorityKey,
    EndedCertificate,
    fingerprint_of,
    id_of,
    list_as_pem,
    make_authority,
    make_for_device,
    make_for_listener,
    make_list,
    pem,
    serial_from,
    serial_of,
    urn_of,
)
from protocol.ids import DEFAULT_ORG, DeviceId
from tests.unit.hub.certificates.some import AUTHORITY, D1, KEY, NOW, device_certificate, signed_by

LONG = DeviceId("x" * 128)


def test_an_authority_signs_certificates_and_lists() -> None:
    made = make_authority("Plant", now=NOW, serial=7)
    constraints = made.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    assert made.id == id_of(made.certificate)
    assert made.trusted == pem(made.certificate)
    assert Authority(certificate=made.certificate, key=made.key, chain="above").trusted.endswith(
        "above"
    )


def test_a_device_is_named_by_its_urn_alone() -> None:
    made = device_certificate()
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["urn:longline:device:default:d1"]
    assert made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "d1"
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert made.not_valid_before_utc == NOW - BACKDATED
    assert timedelta(minutes=10) < BACKDATED
    assert serial_of(made) == f"{made.serial_number:032x}"


def test_a_subject_holds_the_hash_of_a_long_id() -> None:
    made = device_certificate(device_id=LONG)
    (name,) = made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == sha256(LONG.encode()).hexdigest()
    assert urn_of(DEFAULT_ORG, LONG) == f"urn:longline:device:default:{LONG}"


def test_the_listener_is_named_by_hosts_and_addresses() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    hosts = ["hub.example", "127.0.0.1", "::1", "hub.example"]
    until = NOW + timedelta(days=1)
    made = make_for_listener(AUTHORITY, key, hosts, now=NOW, until=until, serial=9)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["hub.example"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
)
def test_an_authority_of_any_kind_of_key_signs(key: AuthorityKey) -> None:
    by = signed_by(key)
    made = make_for_device(
        by, KEY.public_key(), DEFAULT_ORG, D1, now=NOW, until=NOW + timedelta(days=1), serial=3
    )
    made.verify_directly_issued_by(by.certificate)
    listed = x509.load_der_x509_crl(make_list(by, [], now=NOW, number=1))
    assert listed.is_signature_valid(key.public_key())


def test_a_list_names_what_has_ended() -> None:
    ended = [
        EndedCertificate("0a" * 16, NOW, superseded=False),
        EndedCertificate("0b" * 16, NOW, superseded=True),
    ]
    listed = x509.load_der_x509_crl(make_list(AUTHORITY, ended, now=NOW, number=5))
    assert [each.serial_number for each in listed] == [int("0a" * 16, 16), int("0b" * 16, 16)]
    assert listed.next_update_utc == NOW + timedelta(hours=24)
    assert listed.last_update_utc == NOW - BACKDATED
    assert listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 5
    plain, superseded = listed
    assert len(plain.extensions) == 0
    (reason,) = superseded.extensions
    assert isinstance(reason.value, x509.CRLReason)
    assert reason.value.reason is x509.ReasonFlags.superseded


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_openssl_agrees(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    by = make_authority("Plant", now=now, serial=1)
    made = make_for_device(
        by, KEY.public_key(), DEFAULT_ORG, LONG, now=now, until=now + timedelta(days=1), serial=77
    )
    files = {name: tmp_path / name for name in ("ca.pem", "d.pem", "crl.der")}
    files["ca.pem"].write_text(by.trusted)
    files["d.pem"].write_text(pem(made))
    files["crl.der"].write_bytes(make_list(by, [], now=now, number=1))
    verify = ["openssl", "verify", "-crl_check", "-purpose", "sslclient",
              "-CAfile", files["ca.pem"], "-CRLfile", files["crl.der"], files["d.pem"]]  # fmt: skip
    good = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    ended = [EndedCertificate(serial_of(made), now, superseded=False)]
    files["crl.der"].write_bytes(make_list(by, ended, now=now, number=2))
    revoked = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert "certificate revoked" in revoked.stderr + revoked.stdout


@pytest.mark.parametrize("random", [bytes(16), b"\xff" * 16])
def test_a_serial_is_positive_and_as_long_in_every_notation(random: bytes) -> None:
    serial = serial_from(random)
    assert 1 << 126 <= serial < 1 << 127
    assert len(f"{serial:032x}") == 32


def test_a_fingerprint_is_over_the_der() -> None:
    der = device_certificate().public_bytes(Encoding.DER)
    assert fingerprint_of(der) == sha256(der).hexdigest()


def test_a_list_is_the_same_in_both_forms() -> None:
    der = make_list(AUTHORITY, [], now=NOW, number=1)
    assert x509.load_pem_x509_crl(list_as_pem(der).encode()).public_bytes(Encoding.DER) == der
