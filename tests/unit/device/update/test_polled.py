from typing import Any

import msgspec
import pytest

from device.update.artifact import UpdateRefused
from device.update.polled import BUILT, Offer, offers_in, reference_time, to_bring, window_of
from device.update.trial import UpdateRecord, failed
from tests.unit.device.update.test_trial import make_record

DIGEST = "ab" * 32


def make_offer(**fields: Any) -> Offer:
    given: dict[str, Any] = {
        "version": "2.0", "path": "stable/agent/2.0/a.tar.gz", "sha256": DIGEST, "size": 7,
    }  # fmt: skip
    return Offer(**{**given, **fields})


def brought(
    *offers: Offer,
    present: dict[str, str | None] | None = None,
    record: UpdateRecord | None = None,
    pins: tuple[str, ...] = (),
    failed: tuple[str, ...] = (),
) -> list[str]:
    here = {"agent": "1.0", "jar": "1.0"} if present is None else present
    return [
        f"{each.type} {each.version}"
        for each in to_bring(offers, here, pins=pins, record=record, failed=failed)
    ]


def test_what_is_newer_is_brought_and_the_agent_last() -> None:
    jar = make_offer(type="jar", version="1.1")
    assert brought(make_offer(), jar) == ["jar 1.1", "agent 2.0"]
    assert brought(make_offer(version="1.0"), make_offer(version="0.9")) == []
    assert brought(jar, present={"jar": None}) == ["jar 1.1"]
    assert brought(make_offer(type="plc")) == []


def test_neither_what_is_pinned_nor_what_failed_here_is_brought() -> None:
    assert brought(make_offer(), pins=("agent",)) == []
    assert brought(make_offer(), failed=(DIGEST,)) == []
    assert brought(make_offer(), record=failed(make_record(sha256=DIGEST), "no hub")) == []
    assert brought(make_offer(), record=failed(make_record(sha256="x"), "no hub")) == ["agent 2.0"]


def test_an_offer_becomes_an_update_that_goes_up_alone() -> None:
    update = make_offer(signature_base64="c2ln", filename="a.tar.gz").update()
    assert (update.url, update.version, update.sha256) == (
        "stable/agent/2.0/a.tar.gz", "2.0", DIGEST,
    )  # fmt: skip
    assert (update.signature_base64, update.allow_downgrade) == ("c2ln", msgspec.UNSET)


def test_a_document_is_read_strictly_and_no_path_leads_out() -> None:
    raw = msgspec.json.encode({"releases": [make_offer()], "later": 1})
    assert offers_in(raw) == [make_offer()]
    bad_paths = ("../x", "/x", "a/../b", "http://x/y", "a//b", ".hidden", "a\\b", "a/b?c", "x\n")
    for bad in [b"", b"[]", b"<html>", b"{}", *map(_with_path, bad_paths)]:
        with pytest.raises(UpdateRefused) as refused:
            offers_in(bad)
        assert refused.value.code == "bad_source"


def _with_path(path: str) -> bytes:
    offer: dict[str, Any] = msgspec.to_builtins(make_offer())
    return msgspec.json.encode({"releases": [offer | {"path": path}]})


def test_a_clock_that_is_behind_makes_nothing_valid_again() -> None:
    assert reference_time(0.0) == BUILT
    assert reference_time(0.0, BUILT + 10, None) == BUILT + 10
    assert reference_time(BUILT + 5, BUILT + 10, BUILT + 20) == BUILT + 20
    assert reference_time(BUILT + 30, BUILT + 10, None) == BUILT + 30


def test_a_window_may_go_past_midnight() -> None:
    day, night = window_of("08:00-17:30"), window_of("22:00-05:30")
    assert [day.is_open(minute) for minute in (479, 480, 1049, 1050)] == [False, True, True, False]
    assert [night.is_open(minute) for minute in (0, 329, 330, 1319, 1320)] == [
        True, True, False, False, True,
    ]  # fmt: skip
