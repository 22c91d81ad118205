"""Which of the requests of an id is decided."""

from datetime import UTC, datetime

import pytest

from hub.base.errors import Conflict, NotFound
from hub.enrollment.choosing import chosen, is_approved_so
from hub.enrollment.deciding import RequestStatus
from hub.enrollment.records import EnrollmentRequest
from protocol.ids import DEFAULT_ORG, DeviceId


def request(fingerprint: str, status: RequestStatus, *groups: str) -> EnrollmentRequest:
    return EnrollmentRequest(
        org=DEFAULT_ORG,
        request_id=f"{fingerprint} {status}",
        device_id=DeviceId("d1"),
        fingerprint=fingerprint,
        address=None,
        token_id=None,
        status=status,
        group_ids=groups,
        tags=[],
        requested_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_the_one_that_waits_with_this_fingerprint_is_decided() -> None:
    mine, impostor = request("aa", "pending"), request("bb", "pending")
    assert chosen([impostor, mine], "AA", "approved") is mine
    assert chosen([request("aa", "rejected"), mine], "aa", "rejected") is mine


def test_what_was_decided_so_before_is_found_again() -> None:
    done = request("aa", "approved")
    assert chosen([request("bb", "ended"), done], "aa", "approved") is done


def test_what_was_decided_otherwise_is_a_conflict() -> None:
    for status in ("rejected", "ended"):
        with pytest.raises(Conflict, match=status):
            chosen([request("aa", status)], "aa", "approved")
    with pytest.raises(Conflict, match="this fingerprint"):
        chosen([request("aa", "pending")], "bb", "approved")
    with pytest.raises(NotFound):
        chosen([], "aa", "approved")


def test_an_approval_is_repeated_or_is_another_one() -> None:
    assert not is_approved_so(request("aa", "pending"), ["g"], [])
    assert is_approved_so(request("aa", "approved", "g", "h"), ["h", "g"], [])
    with pytest.raises(Conflict):
        is_approved_so(request("aa", "approved", "g"), ["g"], ["tag"])
