"""A second opinion on keys and signatures: OpenSSH's own, and OpenSSL's."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.base64url import base64url
from protocol.signing import NAMESPACE, SshSignature
from protocol.ssh_format import key_id_of, key_of_line, sshsig, sshsig_message
from protocol.trusted_keys import TrustedKey, TrustedKeys
from tests.signing import Signer, make_command

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen here")

COMMAND = make_command(params={"delaySeconds": 5})


def run(*argv: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(argv, input=stdin, capture_output=True, check=True, timeout=30)
    return done.stdout


def armored(blob: bytes) -> bytes:
    lines = base64.encodebytes(blob)
    return b"-----BEGIN SSH SIGNATURE-----\n" + lines + b"-----END SSH SIGNATURE-----\n"


def blob_of(armor: bytes) -> bytes:
    lines = armor.splitlines()
    return base64.b64decode(b"".join(lines[1:-1]))


def test_what_ssh_keygen_signs_counts(tmp_path: Path) -> None:
    file = tmp_path / "id"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "anna@laptop", "-f", str(file))
    key = key_of_line(file.with_suffix(".pub").read_text())
    message = COMMAND.to_bytes()
    made = run("ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", str(file), stdin=message)
    signature = SshSignature(
        key_id=key_id_of(key),
        not_after=COMMAND.not_after,
        params=COMMAND.params,
        value=base64url(blob_of(made)),
    )
    TrustedKeys([TrustedKey(key)]).check(signature, message)


def test_ssh_keygen_accepts_what_we_make(tmp_path: Path) -> None:
    anna, message = Signer(), COMMAND.to_bytes()
    signed = anna.private.sign(sshsig_message(message, NAMESPACE))
    file, allowed = tmp_path / "sig", tmp_path / "allowed"
    file.write_bytes(armored(sshsig(anna.public, NAMESPACE, signed)))
    allowed.write_text(f'anna namespaces="{NAMESPACE}" {anna.line}\n')
    said = run(
        "ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", "anna", "-n", NAMESPACE,
        "-s", str(file), stdin=message,
    )  # fmt: skip
    assert b"Good" in said


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_openssl_accepts_what_a_key_signs(tmp_path: Path) -> None:
    anna, message = Signer(), COMMAND.to_bytes()
    signature = base64.urlsafe_b64decode(anna.sign(COMMAND).value + "==")
    public, signed, text = tmp_path / "key.pem", tmp_path / "sig", tmp_path / "message"
    public.write_bytes(anna.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    signed.write_bytes(signature)
    text.write_bytes(message)
    said = run(
        "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(public), "-rawin",
        "-in", str(text), "-sigfile", str(signed),
    )  # fmt: skip
    assert b"Success" in said
