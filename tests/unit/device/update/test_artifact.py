import base64

import pytest
from msgspec import structs

from device.update import artifact
from protocol.answers import WEB_PAGE
from protocol.commands import UpdateFirmware
from tests.unit.device.factories import make_update

UPDATE = make_update()
SIGNED = structs.replace(UPDATE, signature_base64=base64.b64encode(b"good").decode())


def test_an_older_version_is_taken_only_when_it_is_wanted() -> None:
    artifact.check_version(UPDATE, present="1")
    artifact.check_version(UPDATE, present="2")
    with pytest.raises(artifact.UpdateRefused, match="2 is older than 3"):
        artifact.check_version(UPDATE, present="3")
    artifact.check_version(structs.replace(UPDATE, allow_downgrade=True), present="3")


def test_a_staged_name_is_never_a_path() -> None:
    assert artifact.staged_name("1.2.3-rc+1") == "longline-device-1.2.3-rc+1"
    assert artifact.staged_name("../../etc") == "longline-device-.._.._etc"


def test_where_a_download_begins_and_when_it_cannot() -> None:
    def begin(*, part: int = 0, free: int = 10**9, most: int = 10**9) -> int:
        return artifact.resume_at(UPDATE, part_size=part, free_bytes=free, most_bytes=most)

    assert begin() == 0
    assert begin(part=400) == 400
    assert begin(part=1000) == 0
    for wrong, code in (({"most": 999}, "too_large"), ({"free": 999}, "disk_full")):
        with pytest.raises(artifact.UpdateRefused) as refused:
            begin(**wrong)
        assert refused.value.code == code


def test_what_the_hub_answered_says_where_the_body_begins() -> None:
    assert artifact.accepted_offset(400, status=206) == 400
    assert artifact.accepted_offset(400, status=200) == 0
    for offset, status in ((0, 206), (400, 416), (0, 404)):
        with pytest.raises(artifact.UpdateRefused, match=str(status)):
            artifact.accepted_offset(offset, status=status)


def test_an_artifact_is_right_when_size_and_digest_are() -> None:
    artifact.verify(UPDATE, size=1000, sha256="a" * 64)
    with pytest.raises(artifact.UpdateRefused, match="999 bytes"):
        artifact.verify(UPDATE, size=999, sha256="a" * 64)
    with pytest.raises(artifact.UpdateRefused, match="SHA-256"):
        artifact.verify(UPDATE, size=1000, sha256="b" * 64)


def test_what_is_no_word_of_the_hub_about_an_artifact() -> None:
    assert artifact.doubt_of_answer(200, "application/octet-stream") is None
    assert artifact.doubt_of_answer(206, None) is None
    assert artifact.doubt_of_answer(404, "application/problem+json") is None
    assert artifact.doubt_of_answer(200, "text/html; charset=utf-8") == WEB_PAGE
    for status in (302, 407, 503):
        assert artifact.doubt_of_answer(status, None) == f"the hub answered {status}"


def fits(key: str, signature: bytes) -> bool:
    return (key, signature) == ("k2", b"good")


def code_of(command: UpdateFirmware, keys: list[str]) -> str | None:
    try:
        artifact.verify_signature(command, keys, fits)
    except artifact.UpdateRefused as refused:
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
        ([10, 20], artifact.SPARE_BYTES + 30, None),
        ([10, 21], artifact.SPARE_BYTES + 30, "disk_full"),
        ([0] * artifact.MOST_FILES, artifact.SPARE_BYTES, None),
        ([0] * (artifact.MOST_FILES + 1), artifact.SPARE_BYTES, "bad_artifact"),
        ([artifact.MOST_UNPACKED, 1], 2**50, "bad_artifact"),
    ],
)
def test_an_artifact_holds_no_more_than_there_is_room_for(
    sizes: list[int], free: int, code: str | None
) -> None:
    unpacking = artifact.UnpackLimits(free_bytes=free)
    for size in sizes[:-1]:
        unpacking.add(size)
    if code is None:
        unpacking.add(sizes[-1])
        return
    with pytest.raises(artifact.UpdateRefused) as refused:
        unpacking.add(sizes[-1])
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"product":"longline-device","version":"2","more":1}', None),
        (b'{"product":"toaster","version":"2"}', "other_product"),
        (b'{"product":"longline-device","version":"3"}', "version_mismatch"),
        (b'{"product":"longline-device","version":"2","floor":"2"}', None),
        (b'{"product":"longline-device","version":"2","floor":"3"}', "bad_artifact"),
        (b'{"version":"2"}', "bad_artifact"),
        (b"\xff", "bad_artifact"),
        (b'{"product":' + b"[" * 100_000, "bad_artifact"),
    ],
)
def test_an_artifact_says_what_it_is(raw: bytes, code: str | None) -> None:
    if code is None:
        artifact.check_manifest(UPDATE, raw)
        return
    with pytest.raises(artifact.UpdateRefused) as refused:
        artifact.check_manifest(UPDATE, raw)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("named", "place"),
    [
        (("plc", "1.2.3", "line 1.jar"), "plc/1.2.3/line 1.jar"),
        (("plc", "../1", "x"), "plc/_1/x"),
        (("plc", "..", "..."), "plc/_/_"),
        (("plc", "1", "staged.json"), "plc/1/artifact"),
        (("plc", "1", "a/b"), "plc/1/a_b"),
    ],
)
def test_software_is_staged_below_its_type_and_version(
    named: tuple[str, str, str], place: str
) -> None:
    assert artifact.staged_place(*named) == place


def test_a_part_belongs_to_one_artifact() -> None:
    assert artifact.part_name("ab") == ".part-ab"


def test_nothing_is_installed_whose_maker_nobody_could_tell() -> None:
    artifact.check_keys(["key"], unsigned=False)
    artifact.check_keys([], unsigned=True)
    with pytest.raises(artifact.UpdateRefused) as refused:
        artifact.check_keys([], unsigned=False)
    assert refused.value.code == "no_trusted_key"


def test_what_need_not_be_signed_is_looked_at_when_it_is() -> None:
    def fits(key: str, signature: bytes) -> bool:
        return False

    artifact.verify_signature(make_update(), ["key"], fits, unsigned=True)
    signed = make_update(signature_base64=base64.b64encode(b"another").decode())
    with pytest.raises(artifact.UpdateRefused):
        artifact.verify_signature(signed, ["key"], fits, unsigned=True)
