from typing import Any

import pytest

from device.base.signed_settings import OperatorSettings, SignedSettings
from device.workloads.signed_revision import RevisionCheck
from protocol.base64url import base64url
from protocol.canonical import hash_of
from protocol.ids import OrgId
from protocol.signing import SignatureRefused
from protocol.workloads import AssignedApplication, revision_bytes
from tests.signing import Signer
from tests.unit.device.workloads.factories import make_application

ANNA = Signer()
CHECK = RevisionCheck(
    SignedSettings(org=OrgId("default"), operators=(OperatorSettings(key=ANNA.line),))
)
COMPOSE = {"services": {"web": {"image": "busy:1"}}}


def make_signed(by: Signer = ANNA, org: str = "default", **fields: Any) -> AssignedApplication:
    sha256 = hash_of(COMPOSE)
    value = base64url(by.private.sign(revision_bytes(org, "shop", sha256)))
    signature = {"kind": "ed25519", "keyId": by.key_id, "value": value}
    made = {"compose": COMPOSE, "sha256": sha256, "signature": signature}
    return make_application({}, **made | fields)


def test_what_was_signed_is_taken() -> None:
    CHECK.check(make_signed())


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"signature": None}, "nobody has signed"),
        ({"signature": {"kind": "sshsig"}}, "nobody has signed"),
        ({"compose": {"services": {}}}, "is not what was signed"),
        ({"compose": {}, "sha256": hash_of({})}, "not of this revision"),
        ({"name": "other"}, "not of this revision"),
        ({"org": "acme"}, "not of this revision"),
        ({"by": Signer()}, "not known here"),
        ({"signature": {"kind": "ed25519", "keyId": ANNA.key_id, "value": "?"}}, "not base64url"),
    ],
)
def test_all_else_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(SignatureRefused, match=reason):
        CHECK.check(make_signed(**fields))
