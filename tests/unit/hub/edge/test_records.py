import msgspec
from msgspec import Raw

from hub.edge.records import Judged, decide, judge
from protocol.edge import Refusal


def raw(**changes: object) -> Raw:
    record = {
        "id": "r1", "kind": "bottle", "companyId": "acme", "ts": "2026-01-02T03:04:05Z",
        "data": {"code": "010"}, **changes,
    }  # fmt: skip
    return Raw(msgspec.json.encode(record))


def judged(**changes: object) -> Judged:
    found = judge(raw(**changes))
    assert isinstance(found, Judged), found
    return found


def refused(content: Raw | bytes) -> Refusal:
    found = judge(Raw(content))
    assert isinstance(found, Refusal), found
    return found


def test_a_record_that_does_not_validate_is_refused_with_its_reason() -> None:
    bad = refused(raw(kind="crate"))
    assert (bad.id, bad.code) == ("r1", "invalid")
    assert bad.message.startswith("kind: ")
    assert refused(raw(ts="2026-01-02T03:04:05")).message.startswith("ts: ")
    assert refused(raw(more=1)).code == "invalid"
    assert refused(raw(id="a/b")).id == "a/b"
    assert refused(b'{"id":"r1","data":"\\u0000"}').code == "invalid"
    assert refused(b"[1]").id == ""
    assert refused(b'{"id":"r1","kind":"bottle","companyId":"a","ts":"2026-01-02T03:04:05Z",'
                   b'"data":{"text":"\\u0000"}}').message == "U+0000 is not allowed"  # fmt: skip


def test_the_digest_is_of_the_content_and_not_of_its_form() -> None:
    one = judged(data={"a": 1, "b": [1.5, True, None]}, ts="2026-01-02T03:04:05Z")
    same = judged(data={"b": [1.5, True, None], "a": 1.0}, ts="2026-01-02T04:04:05+01:00")
    other = judged(data={"a": 1, "b": [1.5, 1, None]})
    assert one.digest == same.digest
    assert one.digest != other.digest
    assert judged(kind="batch").digest != judged(kind="pallet").digest


def test_the_same_again_is_accepted_and_another_content_is_a_conflict() -> None:
    first, again, other = judged(), judged(), judged(data={})
    bad = Refusal("x", "invalid", "why")
    intake = decide([first, bad, again, other, judged(id="r2")], {}, "acme")
    assert [each.record.id for each in intake.new] == ["r1", "r2"]
    assert intake.answer.accepted == ["r1", "r2"]
    assert [(refusal.id, refusal.code) for refusal in intake.answer.refused] == [
        ("x", "invalid"), ("r1", "conflict"),
    ]  # fmt: skip


def test_what_is_there_already_is_not_written_again() -> None:
    here = judged()
    intake = decide([here, judged(id="r2", data={})], {"r1": here.digest, "r2": b"another"}, "acme")
    assert intake.new == []
    assert intake.answer.accepted == ["r1"]
    assert [refusal.id for refusal in intake.answer.refused] == ["r2"]


def test_a_device_hands_in_records_of_its_own_company_only() -> None:
    before, foreign, own = judged(id="r0"), judged(id="r1", companyId="victim"), judged(id="r2")
    intake = decide([before, foreign, own], {"r0": before.digest}, "acme")
    assert [each.record.id for each in intake.new] == ["r2"]
    (refusal,) = intake.answer.refused
    assert refusal == Refusal("r1", "forbidden", "the device belongs to company acme")
    moved = decide([before, own], {"r0": before.digest}, "other")
    assert (moved.answer.accepted, [r.code for r in moved.answer.refused]) == (
        ["r0"],
        ["forbidden"],
    )
    nobody = decide([own], {}, None)
    assert nobody.answer.refused[0].message == "the device belongs to no company"
