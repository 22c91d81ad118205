"""Rows of the audit as syslog has them: RFC 5424, 6, and RFC 5425, 4.3."""

import json

import pytest

from hub.audit.syslog import frame_of

ROW = {"at": "2026-01-31T00:00:00.000001Z", "action": "user.create", "outcome": "ok", "actor": "é"}


def message(frame: bytes) -> bytes:
    length, _, rest = frame.partition(b" ")
    assert int(length) == len(rest)
    return rest


def test_a_row_is_a_message_of_its_length() -> None:
    found = message(frame_of(ROW, 7, b"\1\2", host="hub-1"))
    header, _, said = found.partition(b" - {")
    assert header == b"<109>1 2026-01-31T00:00:00.000001Z hub-1 longline - user.create"
    assert json.loads(b"{" + said) == {"number": "7", "hash": "0102", "row": ROW}


def test_what_was_refused_is_a_warning_and_what_is_not_sealed_has_no_place() -> None:
    found = message(frame_of({**ROW, "outcome": "refused"}, None, None, host=""))
    assert found.startswith(b"<108>1 2026-01-31T00:00:00.000001Z - longline - ")
    assert json.loads(found[found.index(b"{") :])["number"] == "-"


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        ("DELETE /api/v1/devices/{id}", "DELETE_/api/v1/devices/{id}"),
        ("a\nb", "a_b"),
        ("x" * 40, "x" * 32),
    ],
)
def test_an_action_is_a_word_of_the_header(action: str, shown: str) -> None:
    found = message(frame_of({**ROW, "action": action}, 1, b"", host="h"))
    assert f" longline - {shown} - {{".encode() in found
    assert b"\n" not in found
