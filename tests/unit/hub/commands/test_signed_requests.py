"""A call with signatures, as what acceptance takes."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hub.base.errors import BadSignature, TooLarge
from hub.commands.acceptance import Acceptance, Submission
from hub.commands.decisions import CommandTarget
from hub.commands.requests import MOST_PARAMS, CommandRequest, submission_of
from protocol.commands import Command, ForceSync, PushConfig
from protocol.ids import DEFAULT_ORG, CommandId, DeviceId
from tests.factories import make_principal
from tests.signing import Signer, make_command

NOW = 1_764_417_600.0 - 3600.0
"""An hour before the command that `make_command` makes ends."""
ANNA = Signer()
D1, D2, C1, C2 = DeviceId("d1"), DeviceId("d2"), CommandId("c1"), CommandId("c2")
FAULT = BadSignature("no")


def submitted(
    command: Command | None = None,
    *,
    faults: dict[DeviceId, BadSignature] | None = None,
    not_after: str = "2025-11-29T12:00:00Z",
    **request: Any,
) -> Submission:
    """To two devices, signed for each."""
    params = command.patch if isinstance(command, PushConfig) else {}
    signatures = {
        device_id: ANNA.sign(
            make_command(device_id=device_id, not_after=not_after, params={"patch": params})
        )
        for device_id in (D1, D2)
    }
    full = CommandRequest(command=command or ForceSync(), signatures=signatures, **request)
    targets = [(D1, C1), (D2, C2)]
    return submission_of(full, make_principal(), targets, now=NOW, faults=faults or {})


def test_each_has_its_own_signature_and_a_chosen_id() -> None:
    one, two = submitted().commands
    assert one.signature is not None
    assert two.signature is not None
    assert one.signature.text != two.signature.text
    assert one.chosen
    assert two.chosen
    assert not submitted(delivery="queue").commands[0].coalesces


def test_the_signature_is_part_of_what_is_asked() -> None:
    plain = submission_of(
        CommandRequest(command=ForceSync()), make_principal(), [(D1, C1), (D2, C2)], now=NOW
    )
    assert plain.commands[0].signature is None
    assert submitted().commands[0].request_hash == submitted().commands[1].request_hash
    assert submitted().commands[0].request_hash != plain.commands[0].request_hash


def test_what_does_not_count_is_the_problem_of_its_target() -> None:
    one, two = submitted(faults={D2: FAULT}, delivery="queue").commands
    assert (one.problem, two.problem) == (None, FAULT)


def test_what_waits_ends_with_its_signature() -> None:
    def expiry(**more: Any) -> datetime | None:
        return submitted(delivery="queue", **more).commands[0].expires_at

    now = datetime.fromtimestamp(NOW, UTC)
    assert expiry() == now + timedelta(hours=1)
    soon = now + timedelta(minutes=1)
    assert expiry(expires_at=soon) == soon
    day = now + timedelta(days=1)
    assert expiry(not_after="tomorrow") == day  # it is refused


def test_the_frame_is_longer_by_its_signature() -> None:
    command = PushConfig(patch={"a": "x" * (MOST_PARAMS // 2)})
    one = submitted(command).commands[0]
    assert isinstance(one.problem, TooLarge)
    assert submitted(command, faults={D1: FAULT}).commands[0].problem is FAULT
    half = PushConfig(patch={"a": "x" * (MOST_PARAMS // 2 - 1000)})
    assert submitted(half).commands[0].problem is None
    assert submitted(half).commands[0].frame_bytes > MOST_PARAMS - 2000


def test_the_audit_says_who_signed() -> None:
    group = Acceptance([submitted()])
    targets = {
        (DEFAULT_ORG, device_id): CommandTarget(
            seq=0, online=False, generation=None, commands=None, unfinished=0, owner=None
        )
        for device_id in (D1, D2)
    }
    group.decide(keys={}, targets=targets, existing={}, ready=lambda _: None)
    assert [entry.detail["signedBy"] for entry in group.entries] == [ANNA.key_id] * 2
