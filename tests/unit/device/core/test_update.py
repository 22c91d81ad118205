import base64

import pytest
from msgspec import structs

from device.core import update
from protocol.commands import UpdateFirmware
from tests.unit.device.core.factories import make_update

UPDATE = make_update()
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


@pytest.mark.parametrize(
    ("sizes", "free", "code"),
    [
        ([10, 20], update.SPARE_BYTES + 30, None),
        ([10, 21], update.SPARE_BYTES + 30, "disk_full"),
        ([0] * update.MOST_FILES, update.SPARE_BYTES, None),
        ([0] * (update.MOST_FILES + 1), update.SPARE_BYTES, "bad_artifact"),
        ([update.MOST_UNPACKED, 1], 2**50, "bad_artifact"),
    ],
)
def test_an_artifact_holds_no_more_than_there_is_room_for(
    sizes: list[int], free: int, code: str | None
) -> None:
    unpacking = update.Unpacking(free_bytes=free)
    for size in sizes[:-1]:
        unpacking.add(size)
    if code is None:
        unpacking.add(sizes[-1])
        return
    with pytest.raises(update.UpdateRefused) as refused:
        unpacking.add(sizes[-1])
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"product":"longline-device","version":"2","more":1}', None),
        (b'{"product":"toaster","version":"2"}', "other_product"),
        (b'{"product":"longline-device","version":"3"}', "version_mismatch"),
        (b'{"version":"2"}', "bad_artifact"),
        (b"\xff", "bad_artifact"),
        (b'{"product":' + b"[" * 100_000, "bad_artifact"),
    ],
)
def test_an_artifact_says_what_it_is(raw: bytes, code: str | None) -> None:
    if code is None:
        update.check_manifest(UPDATE, raw)
        return
    with pytest.raises(update.UpdateRefused) as refused:
        update.check_manifest(UPDATE, raw)
    assert refused.value.code == code
