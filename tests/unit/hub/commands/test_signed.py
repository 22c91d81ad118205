"""Whether a signature of a command counts for the hub, and what goes along with the command."""

import msgspec
import pytest
from msgspec.structs import replace

from hub.base.errors import BadSignature, Invalid
from hub.commands.signed import (
    ShownSignature,
    SignatureJudge,
    attached,
    id_of_one,
    ids_of_many,
    shown,
)
from protocol.commands import Command, Custom, RebootOs
from protocol.ids import CommandId, DeviceId, OrgId
from protocol.signing import Signature
from protocol.trusted_keys import TrustedKey, TrustedKeys
from tests.signing import Signer, as_json, make_command

NOON = 1_764_417_600.0
"""When the command that `make_command` makes ends."""
ANNA = Signer()
KEYS = TrustedKeys([TrustedKey(ANNA.public)])
C1, C2, EDGE_1, EDGE_2 = CommandId("c1"), CommandId("c2"), DeviceId("edge-1"), DeviceId("edge-2")


def fault(
    signature: Signature, command: Command | None = None, now: float = NOON - 60
) -> str | None:
    judge = SignatureJudge(OrgId("default"), command or RebootOs(), KEYS, now)
    found = judge.fault(EDGE_1, C1, signature)
    assert found is None or isinstance(found, BadSignature)
    return None if found is None else found.detail


def test_what_counts() -> None:
    assert fault(ANNA.sign(make_command())) is None
    params = {"name": "calibrate", "args": {"axis": "x"}}
    own = ANNA.sign(make_command(type="custom", params=params))
    assert fault(own, Custom(name="calibrate", args={"axis": "x"})) is None
    filled = ANNA.sign(make_command(params={"delaySeconds": 0}))
    assert fault(filled) is None  # the same command, signed with its default


@pytest.mark.parametrize(
    ("signature", "why"),
    [
        (Signer().sign(make_command()), "not known here"),
        (ANNA.sign(make_command(org="plant-2")), "not of this command"),
        (ANNA.sign(make_command(params={"delaySeconds": 7})), "others than those of the command"),
        (ANNA.sign(make_command(params={"later": 1})), "do not validate"),
        (replace(ANNA.sign(make_command()), params={"delaySeconds": 2**60}), "do not validate"),
    ],
)
def test_what_does_not(signature: Signature, why: str) -> None:
    assert why in (fault(signature) or "")


@pytest.mark.parametrize(
    ("now", "why"), [(NOON, "has passed"), (NOON - 86_401, "more than 24 h ahead")]
)
def test_by_the_hubs_clock(now: float, why: str) -> None:
    assert why in (fault(ANNA.sign(make_command()), now=now) or "")


def test_what_goes_along_is_what_came() -> None:
    signature = ANNA.sign(make_command(), command_id=C1)
    found = attached(signature)
    assert msgspec.json.decode(found.text) == as_json(ANNA.sign(make_command()))
    assert (found.key_id, found.until) == (ANNA.key_id, NOON)
    assert attached(replace(signature, not_after="tomorrow")).until is None
    assert shown(found.text) == ShownSignature("ed25519", ANNA.key_id, signature.not_after)


def test_the_id_of_one() -> None:
    signature = ANNA.sign(make_command())
    assert id_of_one(RebootOs(id=C1), None) == C1
    assert id_of_one(RebootOs(), None) != id_of_one(RebootOs(), None)
    assert id_of_one(RebootOs(id=C1), signature) == C1
    assert id_of_one(RebootOs(id=C1), replace(signature, command_id=C1)) == C1
    for command, given in (
        (RebootOs(), signature),
        (RebootOs(id=C2), replace(signature, command_id=C1)),
    ):
        with pytest.raises(Invalid):
            id_of_one(command, given)


def test_the_ids_of_many() -> None:
    one = ANNA.sign(make_command(), command_id=C1)
    two = ANNA.sign(make_command(device_id=EDGE_2, command_id=C2), command_id=C2)
    both: dict[DeviceId, Signature] = {EDGE_1: one, EDGE_2: two}
    assert ids_of_many(["edge-1", "edge-2"], both) == {EDGE_1: C1, EDGE_2: C2}
    for targets, signatures, field in (
        (["edge-1"], both, "signatures.edge-2"),
        (["edge-1", "edge-2"], {EDGE_1: one}, "signatures.edge-2"),
        (["edge-1"], {EDGE_1: ANNA.sign(make_command())}, "signatures.edge-1.commandId"),
    ):
        with pytest.raises(Invalid) as raised:
            ids_of_many(targets, signatures)
        (error,) = raised.value.errors
        assert error.field == field
