"""Sessions as they are shown, who may be a side, and why they end."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

from hub.base.principal import Principal
from hub.sessions.channels import is_info, is_relayed, other
from hub.sessions.ending import CODES, EndReason, reason_of, reason_of_close
from hub.sessions.records import (
    ByteSessionRow,
    ConnectionRow,
    SessionKey,
    credential_of,
    is_owner,
    item_of,
    may_join,
    opened_of,
    right_to,
)
from protocol.closing import CloseCode
from protocol.ids import DEFAULT_ORG, DeviceId, ReplicaId

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ROW = ByteSessionRow(
    org=DEFAULT_ORG, id="s", device_id=DeviceId("d"), kind="shell", params={"tty": True},
    status="OPEN", owner_kind="user", owner_id="u", credential="sign-in", opened_by="ann",
    address="10.0.0.1", created_at=NOW, expires_at=NOW, asked_at=NOW, opened_at=NOW,
    ended_at=None, reason=None, refusal_code=None, refusal_message=None, bytes_down=1,
    bytes_up=2, recorded=True, recorded_bytes=3, recorded_whole=False, width=80, height=24,
)  # fmt: skip
PERSON = Principal(org=DEFAULT_ORG, kind="user", subject="u", actor="ann", session_id="sign-in")
KEY = structs.replace(PERSON, kind="api_key", session_id=None, key_id="k")
DEVICE = Principal(org=DEFAULT_ORG, kind="device", subject="d", actor="d")


def test_a_row_as_it_is_shown() -> None:
    item = item_of(ROW)
    assert (item.id, item.opened_by, item.ended_at, item.recording) == ("s", "ann", None, True)
    assert item.opened_at == "2026-11-30T00:00:00.000Z"
    assert opened_of(ROW).url == "/ws/sessions/s"
    assert not structs.replace(ROW, opened_at=None).has_recording
    assert ROW.key == SessionKey(DEFAULT_ORG, "s")


def test_a_recording_that_was_cut() -> None:
    assert not ROW.is_truncated
    ended = structs.replace(ROW, ended_at=NOW)
    assert ended.is_truncated
    assert not structs.replace(ended, recorded_whole=True).is_truncated


def test_who_may_be_a_side() -> None:
    assert may_join(ROW, PERSON)
    assert not may_join(ROW, structs.replace(PERSON, session_id="another"))
    assert not may_join(ROW, structs.replace(PERSON, subject="other"))
    assert not may_join(ROW, KEY)
    by_key = structs.replace(ROW, owner_kind="api_key", credential="k")
    assert may_join(by_key, KEY)
    assert not may_join(by_key, structs.replace(KEY, key_id="other"))
    assert may_join(ROW, DEVICE)
    assert not may_join(ROW, structs.replace(DEVICE, subject="other"))
    assert is_owner(ROW, structs.replace(PERSON, session_id="another"))
    assert credential_of(structs.replace(PERSON, session_id=None)) == ""


def test_who_holds_a_side() -> None:
    row = ConnectionRow(
        key=ROW.key, name="", person=ReplicaId("a"), device=None, ended=False,
        session_ended=False, reason=None,
    )  # fmt: skip
    assert (row.holder("person"), row.holder("device")) == ("a", None)
    assert right_to("shell", "create") == "sessions/shell:create"


@pytest.mark.parametrize(
    ("message", "person", "device"),
    [
        (b"", False, False),
        (b"\x00", False, False),
        (b"\x00a", True, False),
        (b"\x01a", False, True),
        (b"\x02a", False, True),
        (b"\x03a", False, True),
        (b"\x04a", True, False),
        (b"\x05a", False, False),
        (b"\xff\x00", True, False),
        (b"\xff\x01", False, True),
        (b"\xff\x09", False, False),
    ],
)
def test_whose_channels(message: bytes, *, person: bool, device: bool) -> None:
    assert is_relayed("person", message) is person
    assert is_relayed("device", message) is device


def test_sides_and_info() -> None:
    assert (other("person"), other("device")) == ("device", "person")
    assert is_info(b'\x03{"info":{}}')
    assert not is_info(b'\x03{"status":"Success"}')
    assert not is_info(b'\x01{"info":{}}')


def test_every_reason_has_its_codes() -> None:
    assert CODES.keys() == set(EndReason)
    gone = CODES[EndReason.SIGNED_OUT]
    assert (gone.person, gone.device) == (CloseCode.NOT_AUTHENTICATED, CloseCode.FORBIDDEN)
    assert reason_of("AgentRestarted") is EndReason.AGENT_RESTARTED
    assert reason_of(None) is reason_of("Io") is EndReason.FINISHED
    assert reason_of_close(4408) is EndReason.NO_PONG
    assert reason_of_close(1006) is EndReason.CLOSED
