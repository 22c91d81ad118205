import base64

import pytest
from msgspec import structs

from device.core import update
from protocol.commands import UpdateFirmware

UPDATE = UpdateFirmware(
    release_id="r",
    version="2",
    url="/api/v1/firmware/releases/r/artifact",
    sha256="a" * 64,
    size=1000,
)
SIGNED = structs.replace(UPDATE, signature_base64=base64.b64encode(b"good").decode())


def test_an_older_version_is_taken_only_when_it_is_wanted() -> None:
    update.check_version(UPDATE, present="1")
    update.check_version(UPDATE, present="2")
    with pytest.raises(update.UpdateRefused, match="2 is older than 3"):
        update.check_version(UPDATE, present="3")
    update.check_version(structs.replace(UPDATE, allow_downgrade=True), present="3")


def fits(key: str, signature: bytes) -> bool:
    return (key, signature) == ("k2", b"good")


def code_of(command: UpdateFirmware, keys: list[str]) -> str | None:
    try:
        update.verify_signature(command, keys, fits)
    except update.UpdateRefused as refused:
        return refused.code
    return None


def test_with_keys_to_trust_one_of_them_has_signed() -> None:
    assert code_of(UPDATE, []) is None
    assert code_of(UPDATE, ["k1"]) == "signature_missing"
    assert code_of(SIGNED, ["k1"]) == "signature_mismatch"
    assert code_of(SIGNED, ["k1", "k2"]) is None
    nonsense = structs.replace(UPDATE, signature_base64="?")
    assert code_of(nonsense, ["k2"]) == "signature_mismatch"


def test_an_artifact_must_have_room() -> None:
    update.check_unpacked([10, 20], free_bytes=update.SPARE_BYTES + 30)
    for sizes, code in (([31], "disk_full"), ([0] * (update.MOST_FILES + 1), "bad_artifact")):
        with pytest.raises(update.UpdateRefused) as refused:
            update.check_unpacked(sizes, free_bytes=update.SPARE_BYTES + 30)
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"product":"longline-device","version":"2","more":1}', None),
        (b'{"product":"toaster","version":"2"}', "other_product"),
        (b'{"product":"longline-device","version":"3"}', "version_mismatch"),
        (b'{"version":"2"}', "bad_artifact"),
        (b"\xff", "bad_artifact"),
    ],
)
def test_an_artifact_says_what_it_is(raw: bytes, code: str | None) -> None:
    if code is None:
        update.check_manifest(UPDATE, raw)
        return
    with pytest.raises(update.UpdateRefused) as refused:
        update.check_manifest(UPDATE, raw)
    assert refused.value.code == code
