"""What is refused of a passkey's answer; the rest is in tests/acceptance/hub/test_passkeys.py."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from fido2.cose import ES256, RS1, RS256, CoseKey, EdDSA
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestedCredentialData
from hypothesis import given
from hypothesis import strategies as st

from hub.accounts.webauthn import (
    LONGEST_ID,
    BadPasskey,
    RelyingParty,
    challenge_of_made,
    party_of,
    public_key_of,
    signed_of,
)
from hub.base.errors import PublicUrlMissing, Unsupported
from protocol.ssh_format import line_of_key
from protocol.trusted_keys import PasskeyPlace
from tests.passkeys import Json, SoftPasskey
from tests.signing import Signer

PAGE = "https://hub.example.org"
CHALLENGE = b"c" * 32
PARTY = party_of(PAGE, frozenset({PAGE}))


def making(**more: Any) -> Json:
    options = PARTY.creation_options(
        CHALLENGE, user_id="u1", username="anna", shown="Anna", known=[b"old"]
    )
    return options | more


def asking() -> Json:
    return PARTY.request_options(CHALLENGE)


def test_a_passkey_is_made_and_signs() -> None:
    passkey = SoftPasskey(PAGE)
    answer = passkey.make(making())
    made = PARTY.made(answer, challenge_of_made(answer))
    assert (made.credential_id, made.sign_count) == (passkey.id, 0)
    signed = passkey.sign(asking())
    said = signed_of(signed)
    assert (said.challenge, said.credential_id, said.user_handle) == (
        CHALLENGE, passkey.id, b"u1",
    )  # fmt: skip
    assert PARTY.signed(signed, CHALLENGE, made.credential) == 1
    with pytest.raises(BadPasskey):
        PARTY.signed(signed, CHALLENGE, None)
    with pytest.raises(BadPasskey):
        PARTY.signed(signed, b"d" * 32, made.credential)


def test_a_page_inside_another_may_neither_make_nor_use_one() -> None:
    passkey = SoftPasskey(PAGE)
    with pytest.raises(BadPasskey, match="inside another"):
        PARTY.made(passkey.make(making(), cross_origin=True), CHALLENGE)
    made = PARTY.made(passkey.make(making()), CHALLENGE)
    with pytest.raises(BadPasskey, match="inside another"):
        PARTY.signed(passkey.sign(asking(), cross_origin=True), CHALLENGE, made.credential)


def test_the_id_is_that_of_the_credential_and_not_too_long() -> None:
    passkey = SoftPasskey(PAGE)
    other = websafe_encode(b"other")
    with pytest.raises(BadPasskey, match="another credential"):
        PARTY.made(passkey.make(making()) | {"id": other, "rawId": other}, CHALLENGE)
    long = SoftPasskey(PAGE, b"l" * (LONGEST_ID + 1))
    with pytest.raises(BadPasskey, match="too long"):
        PARTY.made(long.make(making()), CHALLENGE)


def weak() -> CoseKey:
    """Signs with SHA-1."""
    numbers = generate_private_key(65537, 2048).public_key()
    key = RS256.from_cryptography_key(numbers)
    return RS1({**key, 3: RS1.ALGORITHM})


def off_the_curve() -> CoseKey:
    return ES256({1: 2, 3: -7, -1: 1, -2: b"\1" * 32, -3: b"\2" * 32})


@pytest.mark.parametrize("key", [weak, off_the_curve])
def test_a_key_is_one_that_was_offered(key: Callable[[], CoseKey]) -> None:
    passkey = SoftPasskey(PAGE)
    passkey.public = key()
    with pytest.raises(BadPasskey):
        PARTY.made(passkey.make(making()), CHALLENGE)


def test_a_passkey_without_a_key_is_none() -> None:
    passkey = SoftPasskey(PAGE)
    made = passkey.make(making())
    made["response"]["attestationObject"] = passkey.unattested()
    with pytest.raises(BadPasskey):
        PARTY.made(made, CHALLENGE)


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(["cdj", "data", "both"]))
def test_bytes_of_anybody_are_refused_as_such(one: bytes, two: bytes, where: str) -> None:
    passkey = SoftPasskey(PAGE)
    made, signed = passkey.make(making()), passkey.sign(asking())
    if where != "data":
        made["response"]["clientDataJSON"] = signed["response"]["clientDataJSON"] = websafe_encode(
            one
        )
    if where != "cdj":
        made["response"]["attestationObject"] = websafe_encode(two)
        signed["response"]["authenticatorData"] = websafe_encode(two)
    with pytest.raises(BadPasskey):
        PARTY.made(made, CHALLENGE)
    with pytest.raises(BadPasskey):
        PARTY.signed(signed, CHALLENGE, None)


def test_a_passkey_is_bound_to_the_host_of_the_public_address() -> None:
    assert PARTY.request_options(CHALLENGE)["rpId"] == "hub.example.org"
    with pytest.raises(PublicUrlMissing):
        party_of(None, frozenset())
    for url in ("http://192.0.2.1:8080", "https://[2001:db8::1]"):
        with pytest.raises(Unsupported):
            party_of(url, frozenset())


def test_only_pages_of_ours_may_ask() -> None:
    party = RelyingParty("example.org", frozenset({"https://hub.example.org"}))
    passkey = SoftPasskey("https://evil.example.org")
    options = party.creation_options(
        CHALLENGE, user_id="u1", username="anna", shown="Anna", known=[]
    )
    with pytest.raises(BadPasskey):
        party.made(passkey.make(options), CHALLENGE)


def test_the_key_of_a_passkey_that_signs_commands() -> None:
    passkey = SoftPasskey(PAGE)
    made = PARTY.made(answer := passkey.make(making()), challenge_of_made(answer))
    found = public_key_of(made.credential)
    assert found is not None
    assert line_of_key(found) == line_of_key(passkey.key.public_key())
    assert PARTY.place == PasskeyPlace("hub.example.org", frozenset({PAGE}))

    def credential(key: CoseKey) -> bytes:
        return bytes(AttestedCredentialData.create(Aaguid.NONE, b"id", key))

    anna = Signer()
    found = public_key_of(credential(EdDSA.from_cryptography_key(anna.public)))
    assert found is not None
    assert line_of_key(found) == anna.line
    by_rsa = RS256.from_cryptography_key(generate_private_key(65537, 2048).public_key())
    assert public_key_of(credential(by_rsa)) is None
