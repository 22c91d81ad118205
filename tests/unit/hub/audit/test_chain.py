"""The chain of the audit: what a hash is over, and each way of touching it that is found."""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from hub.audit.anchor_book import AnchorBook
from hub.audit.chain import START, Head, Sealable, canonical, document_of, next_hash, sealed
from hub.audit.verifying import (
    ChainCheck,
    Drop,
    Link,
    Unplaced,
    conflicts_of,
    drops_unknown,
    unplaced_findings,
)
from protocol.canonical import canonical_json
from protocol.ids import OrgId

A, B = OrgId("a"), OrgId("b")
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


def row(number: int, **columns: Any) -> str:
    return json.dumps({"org_id": "a", "audit_id": number, "detail": {}, **columns})


def links(count: int, org: OrgId = A) -> list[Link]:
    rows = [Sealable(org=org, audit_id=i + 10, at=AT, row=row(i + 10)) for i in range(count)]
    return [
        Link(
            org=org, number=seal.number, audit_id=seal.audit_id, at=AT, hash=seal.hash, row=each.row
        )
        for seal, each in zip(sealed({}, rows), rows, strict=True)
    ]


def findings(
    chain: list[Link],
    anchor: AnchorBook | None = None,
    drops: dict[OrgId, Drop] | None = None,
    moved: Collection[tuple[OrgId, int]] = (),
) -> list[str]:
    check = ChainCheck(drops or {}, anchor, moved)
    found = [each for link in chain for each in check.look(link)]
    return found + check.end()


def book(*lines: Mapping[str, object]) -> AnchorBook:
    known = AnchorBook()
    known.add(json.dumps({"org": "a", "at": "", **line}).encode() for line in lines)
    return known


def with_row(link: Link, text: str | None) -> Link:
    return msgspec.structs.replace(link, row=text)


@given(st.dictionaries(TEXT, JSON))
@example({chr(i): chr(i) for i in range(128)})
@example({"\U00010000": "", "\ue000": ""})
@example({"é": "é", "e": "e"})
def test_text_is_written_as_the_rfc_asks(document: dict[str, Any]) -> None:
    assert canonical(document) == canonical_json(document)


def test_a_hash_is_over_the_one_before_and_the_row() -> None:
    text = (
        '{"b": 1.10, "a": null, "c": {"n": [12345678901234567890, null, true]}, "at": "",'
        ' "e": [true, -7], "d": 1.0}'
    )
    written = (
        b'{"at":"2026-01-02T03:04:05.678901Z","b":"1.10",'
        b'"c":{"n":["12345678901234567890",null,true]},"d":"1.0","e":[true,"-7"]}'
    )
    assert canonical(document_of(text, AT)) == written
    assert next_hash(b"x" * 32, text, AT) == hashlib.sha256(b"x" * 32 + written).digest()
    assert bytes(32) == START


def test_a_time_has_microseconds_of_utc() -> None:
    whole = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=1)))
    assert document_of("{}", whole) == {"at": "2026-01-02T02:00:00.000000Z"}


def test_a_column_that_came_later_changes_no_hash() -> None:
    assert next_hash(START, row(1), AT) == next_hash(START, row(1, newer=None), AT)


def test_each_organisation_has_its_chain() -> None:
    rows = [Sealable(org=org, audit_id=i, at=AT, row=row(i)) for i, org in enumerate([A, B, A, B])]
    first, other, second, last = sealed({B: Head(7, b"h" * 32)}, rows)
    assert [(each.org, each.number) for each in (first, second)] == [(A, 1), (A, 2)]
    assert [each.number for each in (other, last)] == [8, 9]
    assert first.hash == next_hash(START, rows[0].row, AT)
    assert second.hash == next_hash(first.hash, rows[2].row, AT)
    assert other.hash == next_hash(b"h" * 32, rows[1].row, AT)


def test_a_chain_that_nobody_touched_is_well() -> None:
    chain = [*links(5), *links(2, B)]
    head = {"number": 5, "hash": chain[4].hash.hex()}
    assert findings(chain, book(head)) == []


def test_an_edited_row_is_named_and_no_other() -> None:
    chain = links(5)
    chain[2] = with_row(chain[2], row(12, actor="x"))
    assert findings(chain) == ["a: number 3 (row 12) was edited"]


def test_a_row_whose_time_was_changed_is_edited() -> None:
    chain = links(3)
    chain[1] = with_row(chain[1], None)
    assert findings(chain, moved={(A, 11)}) == ["a: number 2 (row 11) was edited: its time"]


def test_a_missing_row_is_named() -> None:
    chain = links(5)
    chain[4] = with_row(chain[4], None)
    assert findings(chain) == ["a: number 5 (row 14) is missing"]


def test_missing_seals_are_named() -> None:
    chain = links(6)
    assert findings([chain[0], *chain[2:]]) == ["a: number 2 is missing in the chain"]
    assert findings(chain[3:]) == ["a: numbers 1 to 3 are missing in the chain"]


def test_a_chain_made_anew_is_not_what_the_anchor_knows() -> None:
    anchor = book({"number": 3, "hash": links(5)[2].hash.hex()})
    rows = [Sealable(org=A, audit_id=i, at=AT, row=row(i, actor="x")) for i in range(5)]
    anew = [
        Link(org=A, number=each.number, audit_id=each.audit_id, at=AT, hash=each.hash, row=of.row)
        for each, of in zip(sealed({}, rows), rows, strict=True)
    ]
    assert findings(anew) == []
    assert findings(anew, anchor) == ["a: number 3 is not the one that the anchor knows"]


def test_a_cut_tail_is_known_to_the_anchor() -> None:
    chain = links(5)
    anchor = book(*({"number": n, "hash": chain[n - 1].hash.hex()} for n in (2, 5)))
    cut = "a: the tail was cut: {} missing that the anchor knows"
    assert findings(chain[:4], anchor) == [cut.format("number 5 is")]
    assert findings([], anchor) == [cut.format("numbers 1 to 5 are")]


def test_what_went_with_its_partition_is_not_missing() -> None:
    chain = links(6)
    dropped = {A: Drop(Head(2, chain[1].hash), through=4)}
    rest = [chain[2], with_row(chain[3], None), *chain[4:]]
    assert findings(rest, None, dropped) == []
    rest[2] = with_row(rest[2], None)
    assert findings(rest, None, dropped) == ["a: number 5 (row 14) is missing"]
    assert findings([], book({"number": 2, "hash": chain[1].hash.hex()}), dropped) == []


def test_only_the_anchor_says_what_was_dropped() -> None:
    digest = b"h" * 32
    drops = {A: Drop(Head(2, digest), through=4)}
    head = {"number": 2, "hash": digest.hex()}
    unknown = [
        "a: the chain begins behind number 2, and rows up to number 4 may be gone:"
        " the anchor knows of no such partition"
    ]
    assert drops_unknown(drops, book(head)) == unknown
    assert drops_unknown(drops, book({**head, "dropped": True, "through": 3})) == unknown
    twice = book({**head, "dropped": True, "through": 4}, {**head, "dropped": True, "through": 2})
    assert drops_unknown(drops, twice) == []
    none = {A: Drop(Head(0, START), through=1)}
    begun = {"number": 0, "hash": START.hex(), "dropped": True, "through": 1}
    assert drops_unknown(none, book(begun)) == []


def test_an_anchor_that_says_two_things_is_told() -> None:
    twice = book({"number": 2, "hash": "aa"}, {"number": 2, "hash": "bb"})
    assert conflicts_of(twice) == ["a: the anchor knows two hashes of number 2"]


def test_what_a_crash_has_cut_off_is_counted() -> None:
    known = AnchorBook()
    known.add([b"\n", b'{"org":"a","num\n', b'{"org":"a","number":1,"hash":"aa","at":""}\n'])
    assert known.unreadable == 1
    assert known.hashes == {A: {1: "aa"}}


def test_a_row_without_a_place_was_inserted_or_waits() -> None:
    rows = [
        Unplaced(org=A, audit_id=i, at=AT, actor="u", action="x", is_past=i > 1)
        for i in range(1, 4)
    ]
    assert unplaced_findings(rows, {(A, 3)}) == [
        "a: row 1 (x by u at 2026-01-02T03:04:05.678Z) is not sealed: is a hub at work?",
        "a: row 2 (x by u at 2026-01-02T03:04:05.678Z) was inserted: it is not in the chain",
    ]
