"""Whose signature of a command counts."""

from typing import Any, cast

import msgspec
import pytest
from fido2.webauthn import AuthenticatorData
from msgspec.structs import replace

from protocol.base64url import base64url
from protocol.signing import Signature, SignatureRefused
from protocol.ssh_format import key_id_of, sshsig, sshsig_message
from protocol.trusted_keys import PasskeyPlace, TrustedKey, TrustedKeys
from tests.passkeys import SoftPasskey
from tests.signing import Signer, as_json, make_command, sign_by_passkey

PAGE = "https://hub.example"
PLACE = PasskeyPlace("hub.example", {PAGE})
COMMAND = make_command()
OTHER = make_command(type="shutdown_os")
FLAG = AuthenticatorData.FLAG
ANNA = Signer()


def make_passkey() -> tuple[SoftPasskey, TrustedKey]:
    passkey = SoftPasskey(PAGE)
    passkey.rp_id = "hub.example"
    return passkey, TrustedKey(passkey.key.public_key(), PLACE)


PASSKEY, TRUSTED_PASSKEY = make_passkey()
PASSKEY_ID = key_id_of(TRUSTED_PASSKEY.key)
KEYS = TrustedKeys([TrustedKey(ANNA.public), TRUSTED_PASSKEY])


def by_passkey(**how: Any) -> Signature:
    return sign_by_passkey(PASSKEY, COMMAND, PASSKEY_ID, **how)


def refused(signature: Signature, why: str, keys: TrustedKeys = KEYS) -> None:
    with pytest.raises(SignatureRefused, match=why):
        keys.check(signature, COMMAND.to_bytes())


@pytest.mark.parametrize(
    "signature", [ANNA.sign(COMMAND), ANNA.sign_as_ssh(COMMAND), by_passkey()], ids=type
)
def test_each_kind_counts_for_its_command_alone(signature: Signature) -> None:
    KEYS.check(signature, COMMAND.to_bytes())
    for other in (OTHER, make_command(org="plant-2"), make_command(params={"delaySeconds": 0})):
        with pytest.raises(SignatureRefused):
            KEYS.check(signature, other.to_bytes())
    padded = replace(signature, value=signature.value + "==")
    KEYS.check(padded, COMMAND.to_bytes())
    travelled = msgspec.json.decode(msgspec.json.encode(signature), type=Signature)
    KEYS.check(travelled, COMMAND.to_bytes())


@pytest.mark.parametrize("kind", ["ed25519", "sshsig", "webauthn"])
def test_how_it_travels(kind: str) -> None:
    made = {
        "ed25519": ANNA.sign(COMMAND),
        "sshsig": ANNA.sign_as_ssh(COMMAND),
        "webauthn": by_passkey(),
    }[kind]
    names = {"kind", "keyId", "notAfter", "params", "value"}
    if kind == "webauthn":
        names |= {"authenticatorData", "clientDataJSON"}
    assert set(as_json(made)) == names
    assert as_json(made)["kind"] == kind


def test_a_stranger() -> None:
    refused(Signer().sign(COMMAND), "not known here")
    refused(replace(Signer().sign(COMMAND), key_id=ANNA.key_id), "not of this command")
    refused(replace(Signer().sign_as_ssh(COMMAND), key_id=ANNA.key_id), "names another key")
    other, trusted = make_passkey()
    refused(sign_by_passkey(other, COMMAND, key_id_of(trusted.key)), "not known here")
    refused(sign_by_passkey(other, COMMAND, PASSKEY_ID), "not of this command")


def test_a_passkey_and_a_key_do_not_stand_for_each_other() -> None:
    only_passkey = TrustedKeys([TrustedKey(ANNA.public, PLACE)])
    refused(ANNA.sign(COMMAND), "not known here", only_passkey)
    refused(ANNA.sign_as_ssh(COMMAND), "not known here", only_passkey)
    only_key = TrustedKeys([TrustedKey(TRUSTED_PASSKEY.key)])
    refused(by_passkey(), "not known here", only_key)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"challenge": b"\0" * 32}, "something else"),
        ({"origin": "https://hub.example.evil"}, "another page"),
        ({"cross_origin": True}, "another page"),
        ({"kind": "webauthn.create"}, "not asked to sign"),
        ({"flags": FLAG.UP}, "not verified its user"),
        ({"flags": FLAG.UV}, "not verified its user"),
    ],
)
def test_what_a_passkey_must_say(how: dict[str, Any], why: str) -> None:
    refused(by_passkey(**how), why)


def test_a_passkey_of_another_name() -> None:
    elsewhere, trusted = make_passkey()
    elsewhere.rp_id = "other.example"
    signature = sign_by_passkey(elsewhere, COMMAND, key_id_of(trusted.key))
    refused(signature, "another name", TrustedKeys([trusted]))


@pytest.mark.parametrize(
    "said",
    [b"", b"[]", b"{", b'{"type":"webauthn.get"}', b'{"type":"webauthn.get","challenge":1}',
     b'{"type":"webauthn.get","challenge":"+"}', b'{"type":"webauthn.get","challenge":"\xc3\xa9"}',
     b"[" * 9000, b"\xff"],
)  # fmt: skip
def test_what_no_browser_writes(said: bytes) -> None:
    with pytest.raises(SignatureRefused):
        KEYS.check(replace(by_passkey(), client_data_json=base64url(said)), COMMAND.to_bytes())


def test_authenticator_data_that_is_cut_off() -> None:
    signature = cast("Any", by_passkey())
    refused(
        replace(signature, authenticator_data=signature.authenticator_data[:40]), "another name"
    )


def test_what_is_no_ssh_signature() -> None:
    good = ANNA.sign_as_ssh(COMMAND)
    refused(replace(good, value=base64url(b"SSHSIG\0\0\0\2")), "version 1")
    refused(replace(good, value="A"), "not base64url")
    signed = ANNA.private.sign(sshsig_message(COMMAND.to_bytes(), "git"))
    refused(replace(good, value=base64url(sshsig(ANNA.public, "git", signed))), "another purpose")
