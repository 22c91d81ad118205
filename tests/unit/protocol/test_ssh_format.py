"""Keys and signatures as OpenSSH writes them; ssh-keygen itself is asked in
tests/integration/test_ssh_keygen.py."""

import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.base64url import base64url
from protocol.ssh_format import (
    BadSshFormat,
    key_blob,
    key_id_of,
    key_of_line,
    line_of_key,
    raw_key,
    read_sshsig,
    read_strings,
    ssh_string,
    sshsig,
    sshsig_message,
)
from tests.signing import Signer

ANNA = Signer()
P256 = generate_private_key(SECP256R1()).public_key()
GOOD = sshsig(ANNA.public, "n", b"s" * 64)
HEAD = b"SSHSIG" + struct.pack(">I", 1)


def test_keys_as_lines() -> None:
    assert raw_key(key_of_line(f"  {ANNA.line} anna@laptop\n")) == ANNA.public.public_bytes_raw()
    assert line_of_key(key_of_line(line_of_key(P256))) == line_of_key(P256)


def test_the_id_is_over_the_bytes_of_the_key() -> None:
    assert key_id_of(ANNA.public) == base64url(
        hashlib.sha256(ANNA.public.public_bytes_raw()).digest()
    )
    point = P256.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert key_id_of(P256) == base64url(hashlib.sha256(point).digest())
    assert len(key_id_of(P256)) == 43


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "hello",
        "é",
        "-----BEGIN PUBLIC KEY-----",
        f"{ANNA.line}\n{Signer().line}",
        generate_private_key(SECP384R1()).public_key().public_bytes(
            Encoding.OpenSSH, PublicFormat.OpenSSH
        ).decode(),
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQDc",
    ],
)  # fmt: skip
def test_lines_that_are_no_key(line: str) -> None:
    with pytest.raises(BadSshFormat):
        key_of_line(line)


def test_a_signature_there_and_back() -> None:
    key, message, signature = read_sshsig(GOOD, b"hello", "n")
    assert raw_key(key) == raw_key(ANNA.public)
    assert message == sshsig_message(b"hello", "n")
    assert signature == b"s" * 64


def test_either_hash() -> None:
    assert hashlib.sha256(b"m").digest() in sshsig_message(b"m", "n", b"sha256")
    assert hashlib.sha512(b"m").digest() in sshsig_message(b"m", "n")
    with pytest.raises(BadSshFormat):
        sshsig_message(b"m", "n", b"md5")


def framed(public: bytes = b"", namespace: bytes = b"n", signed: bytes = b"") -> bytes:
    public = public or key_blob(ANNA.public)
    signed = signed or ssh_string(b"ssh-ed25519") + ssh_string(b"s")
    return HEAD + b"".join(map(ssh_string, (public, namespace, b"", b"sha512", signed)))


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        GOOD[:-1],
        GOOD + b"\0",
        HEAD,
        framed(namespace=b"git"),
        framed(public=ssh_string(b"ssh-ed25519") + ssh_string(b"short")),
        framed(public=ssh_string(b"ssh-rsa") + ssh_string(b"k" * 32)),
        framed(signed=ssh_string(b"ssh-rsa") + ssh_string(b"s")),
        framed(signed=ssh_string(b"ssh-ed25519")),
    ],
)
def test_what_is_no_signature(blob: bytes) -> None:
    with pytest.raises(BadSshFormat):
        read_sshsig(blob, b"hello", "n")


def test_strings_are_counted() -> None:
    assert read_strings(ssh_string(b"a") + ssh_string(b""), 2) == [b"a", b""]
