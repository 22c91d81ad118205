"""Which commands run on a device that wants them signed, and what of them runs."""

from typing import Any

import pytest
from msgspec.structs import replace

from device.base.signed_settings import OperatorSettings, SignedSettings
from device.commands.book import Book, Received, Run
from device.commands.recovery import JournalRow
from device.commands.signed import Clocks, SignatureCheck
from protocol.commands import Command, Custom, Delivery, ForceSync, RebootOs, ShutdownOs
from protocol.ids import CommandId
from protocol.signing import SignatureRefused
from tests.signing import Signer, as_json, make_command
from tests.unit.device.factories import error_of, make_result, marks, recorded, runs, sent

NOON = 1_764_417_600.0
"""When the command that `make_command` makes ends."""
ANNA = Signer()
SETTINGS = SignedSettings(
    org="default",  # pyright: ignore[reportArgumentType]
    require=("reboot_os", "custom.calibrate"),
    operators=(OperatorSettings(key=ANNA.line),),
)


class Device:
    """Its clocks stand still, an hour before the signature ends."""

    def __init__(self) -> None:
        self.own = NOON - 3600.0
        self.hub: float | None = NOON - 3600.0
        self.lost_for = 0.0
        clocks = Clocks(lambda: self.own, lambda _: self.hub)
        self.check = SignatureCheck(SETTINGS, "edge-1", clocks, lambda: self.lost_for)
        self.book = Book(lambda _deadline, _now: False, signed=self.check)

    def refuses(self, delivery: Delivery, why: str) -> None:
        with pytest.raises(SignatureRefused, match=why):
            self.check.judge(delivery, 0.0)


def deliver(
    command: Command | None = None, signature: object = None, command_id: str = "c1"
) -> Delivery:
    return Delivery(
        id=CommandId(command_id),
        deadline=None,
        command=command or RebootOs(id=CommandId(command_id)),
        signature=signature,
    )


def signed(**fields: Any) -> Delivery:
    """A reboot with a signature of this."""
    return deliver(signature=as_json(ANNA.sign(make_command(**fields))))


def test_what_needs_no_signature_runs_without() -> None:
    plain = deliver(ForceSync())
    assert Device().check.judge(plain, 0.0) == plain
    other = deliver(Custom(name="print"))
    assert Device().check.judge(other, 0.0) == other


@pytest.mark.parametrize("command", [RebootOs(), Custom(name="calibrate")])
def test_what_needs_one_does_not(command: Command) -> None:
    Device().refuses(deliver(command), "only when a person has signed it")


def test_what_was_signed_runs_and_nothing_else() -> None:
    framed = replace(signed(params={"delaySeconds": 5}), command=RebootOs(delay_seconds=9))
    found = Device().check.judge(framed, 0.0)
    assert found.command == RebootOs(id=CommandId("c1"), delay_seconds=5)
    assert found.signed_until == NOON


def test_a_command_of_the_devices_own() -> None:
    params = {"name": "calibrate", "args": {"axis": "x"}}
    signature = as_json(ANNA.sign(make_command(type="custom", params=params)))
    framed = deliver(Custom(name="print"), signature)
    found = Device().check.judge(framed, 0.0)
    assert found.command == Custom(id=CommandId("c1"), name="calibrate", args={"axis": "x"})


@pytest.mark.parametrize(
    "fields",
    [
        {"org": "plant-2"},
        {"device_id": "edge-2"},
        {"command_id": "c2"},
        {"type": "shutdown_os"},
        {"params": {"delaySeconds": 0}},
        {"not_after": "2025-11-29T12:00:00.000Z"},
    ],
)
def test_a_signature_of_something_else(fields: dict[str, Any]) -> None:
    signature = ANNA.sign(make_command(**fields))
    as_claimed = replace(signature, params={}, not_after="2025-11-29T12:00:00Z")
    Device().refuses(deliver(signature=as_json(as_claimed)), "not of this command")


def test_also_of_what_needs_none() -> None:
    signature = as_json(ANNA.sign(make_command()))
    Device().refuses(deliver(ShutdownOs(), signature), "not of this command")
    Device().refuses(deliver(ShutdownOs(), as_json(Signer().sign(make_command()))), "not known")


@pytest.mark.parametrize("odd", ["", [], {}, {"kind": "rsa"}, {"kind": "ed25519", "keyId": 1}])
def test_what_is_no_signature(odd: object) -> None:
    Device().refuses(deliver(signature=odd), "does not validate")


@pytest.mark.parametrize(
    ("own", "hub", "why"),
    [
        (0.0, -3600.0, "has passed, by this device's clock"),
        (-3600.0, 0.0, "has passed, by the hub's clock"),
        (3600.0, -86_000.0, "has passed, by this device's clock"),
        (-60.0, -60.0 - 86_400.0, "more than 24 h ahead, by the hub's clock"),
        (-60.0 - 86_400.0, -60.0, "more than 24 h ahead, by this device's clock"),
        (-3600.0, None, "has not said what time it is"),
    ],
)
def test_by_its_own_clock_and_by_the_hubs(own: float, hub: float | None, why: str) -> None:
    device = Device()
    device.own, device.hub = NOON + own, None if hub is None else NOON + hub
    device.refuses(signed(), why)


def test_a_device_that_has_lost_its_journal() -> None:
    device = Device()
    device.lost_for = 86_400.0
    device.refuses(signed(), "another 86400 s")
    device.lost_for = 0.0
    assert device.check.judge(signed(), 0.0).signed_until == NOON


# In the book


def test_a_refusal_is_the_result_and_nothing_ran() -> None:
    book = Device().book
    effects = recorded(book, book.deliver(deliver(), 0.0))
    assert runs(effects) == []
    (result,) = sent(effects)
    assert error_of(result).code == "bad_signature"
    assert getattr(result, "outcome", None) == "rejected"
    assert marks(effects)[0] == Received(CommandId("c1"), "reboot_os")


def test_the_journal_knows_until_when_it_was_signed() -> None:
    book = Device().book
    effects = recorded(book, book.deliver(signed(params={"delaySeconds": 5}), 0.0))
    assert marks(effects)[0] == Received(CommandId("c1"), "reboot_os", NOON)
    (run,) = [each for each in effects if isinstance(each, Run)]
    assert run.command == RebootOs(id=CommandId("c1"), delay_seconds=5)


def test_once_its_result_is_acknowledged_it_is_refused() -> None:
    book = Device().book
    recorded(book, book.deliver(signed(), 0.0))
    recorded(book, book.finished(make_result()))
    assert sent(book.deliver(signed(), 1.0)) == [make_result()]  # the hub has not had it
    book.result_ack(CommandId("c1"))
    (mark,) = marks(book.deliver(signed(), 2.0))
    stored = JournalRow(id=CommandId("c1"), result=make_result())
    (answer,) = sent(book.recorded(mark, 2.0, stored))
    assert error_of(answer).message == "a command of this id was here before"
    book.result_ack(CommandId("c1"))
    (mark,) = marks(book.deliver(deliver(), 3.0))  # without its signature
    (answer,) = sent(book.recorded(mark, 3.0, stored))
    assert error_of(answer).code == "bad_signature"
    book.result_ack(CommandId("c1"))
    (mark,) = marks(book.deliver(deliver(ForceSync()), 4.0))  # of another type, which needs none
    assert sent(book.recorded(mark, 4.0, stored)) == [make_result()]


def test_what_an_earlier_process_did_not_start_is_judged_again() -> None:
    device = Device()
    device.book.load([JournalRow(id=CommandId("c1"))], "boot-1")
    effects = recorded(device.book, device.book.deliver(deliver(), 0.0))
    assert error_of(sent(effects)[0]).code == "bad_signature"
    device = Device()
    device.book.load([JournalRow(id=CommandId("c1"))], "boot-1")
    assert runs(recorded(device.book, device.book.deliver(signed(), 0.0))) == ["c1"]
