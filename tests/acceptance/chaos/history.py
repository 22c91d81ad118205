"""What the actors of a chaos run saw and did, and what the hub's ledger says at the end.

An actor appends a fact the moment it knows it. `at` is the monotonic clock of this machine, which
all actors share, so facts of different actors can be put in order. Facts and ledger are plain
data: a run can be written to a file and checked again.

`generation`, `boot` and `seq`, `epoch` and `offset` are those of the wire.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, field


class Fact(Struct, frozen=True, kw_only=True, tag_field="fact", tag=True):
    at: float = field(default_factory=time.monotonic)


class OnLine(Fact, frozen=True, kw_only=True):
    """Something on one line of a device."""

    device: str
    generation: int


class Opened(OnLine, frozen=True, kw_only=True):
    """The welcome was received."""

    replica: str


class Closed(OnLine, frozen=True, kw_only=True):
    """`code` is None when there was no close frame; `silent`: the hub was told nothing at all."""

    code: int | None = None
    silent: bool = False


class Received(OnLine, frozen=True, kw_only=True):
    command: str


class Sent(OnLine, frozen=True, kw_only=True):
    """A durable event."""

    boot: str
    seq: int


class Acked(OnLine, frozen=True, kw_only=True):
    """Durable events up to `seq`."""

    boot: str
    seq: int


class Ran(Fact, frozen=True, kw_only=True):
    """The effect of a command."""

    device: str
    journal: str
    command: str
    type: str


class Stranded(OnLine, frozen=True, kw_only=True):
    """A durable event that was sent up this line when its replica stood still, which it did until a
    newer line had been welcomed."""

    boot: str
    seq: int


class OnSocket(Fact, frozen=True, kw_only=True):
    """Something on one socket of a dashboard; `socket` counts up."""

    dashboard: str
    socket: int


class Subscribed(OnSocket, frozen=True, kw_only=True):
    """`epoch` and `offset` are None when the hub has no stream to stand in."""

    epoch: str | None
    offset: int | None
    recovered: bool
    since: tuple[str, int] | None


class Saw(OnSocket, frozen=True, kw_only=True):
    """An event. `mark` is the (device, boot, seq) that a durable event carries in its data."""

    epoch: str
    offset: int
    type: str
    mark: tuple[str, str, int] | None = None
    command: str | None = None
    status: str | None = None


class Gap(OnSocket, frozen=True, kw_only=True):
    epoch: str | None
    lower: int | None
    upper: int | None
    reason: str


class Asked(Fact, frozen=True, kw_only=True):
    """A call that dispatches or cancels. `same` names the earlier call that it repeats; `other`: it
    has the id or key of that call, and another body."""

    call: int
    kind: str
    command: str | None = None
    same: int | None = None
    other: bool = False


class Answered(Fact, frozen=True, kw_only=True):
    """`commands` are (id, status, error code)."""

    call: int
    http: int
    commands: list[tuple[str, str, str | None]] = []


class Lost(Fact, frozen=True, kw_only=True):
    """No answer came: nobody knows."""

    call: int
    why: str


class Grouped(Fact, frozen=True, kw_only=True):
    """A privileged call besides commands: a group of this name was asked for. `http` is None when
    no answer came."""

    name: str
    http: int | None


class Registry(Fact, frozen=True, kw_only=True):
    """What one replica says at `at` of who is connected: device to (generation, replica)."""

    asked: str
    lines: dict[str, tuple[int, str]]


class Probed(Fact, frozen=True, kw_only=True):
    """A small command to a device that is never hurt; `began` to `at`."""

    began: float
    ok: bool


class Ended(Fact, frozen=True, kw_only=True):
    """The call that ended it was answered 200."""

    credential: str


class Used(Fact, frozen=True, kw_only=True):
    """A replica was shown it, from `began` to `at`; `renewed`: that gave a new token."""

    credential: str
    replica: str
    began: float
    http: int
    renewed: bool = False


class Disowned(Fact, frozen=True, kw_only=True):
    """The owner of this command lost the right to it before the device of it first came."""

    command: str


class Fault(Fact, frozen=True, kw_only=True):
    name: str
    began: bool


class Noted(Fact, frozen=True, kw_only=True):
    """A promise that an actor saw broken itself."""

    rule: str
    text: str


AnyFact = (
    Opened | Closed | Received | Sent | Acked | Stranded | Ran | Subscribed | Saw | Gap | Asked
    | Answered | Lost | Grouped | Registry | Probed | Ended | Used | Disowned | Fault | Noted
)  # fmt: skip


class Row(Struct, frozen=True, kw_only=True):
    """A command at the end. `said` is what the device put into the result that counted: the
    generation of the line, and when it was sent on it."""

    command: str
    device: str
    seq: int
    type: str
    status: str
    error: str | None = None
    was_sent: bool = True
    said: tuple[int, float] | None = None


class Step(Struct, frozen=True, kw_only=True):
    """A change of a command's status, in the order of the ledger; the first is from None."""

    command: str
    before: str | None
    after: str


class AuditEntry(Struct, frozen=True, kw_only=True):
    """An audit row. `subject` is the command, or the name of the group; `joined`: the call got a
    command that waited already."""

    action: str
    subject: str
    joined: bool = False


class Ledger(Struct, frozen=True, kw_only=True):
    rows: list[Row] = []
    steps: list[Step] = []
    stored: list[tuple[str, str, int]] = []
    """Each durable event that is stored: (device, boot, seq)."""
    entries: list[AuditEntry] = []


class History(Struct, frozen=True, kw_only=True):
    facts: list[AnyFact] = []
    ledger: Ledger = Ledger()


Record = Callable[[AnyFact], None]
F = TypeVar("F", bound=Fact)


def of(facts: list[AnyFact], kind: type[F]) -> list[F]:
    return [fact for fact in facts if isinstance(fact, kind)]


def write(history: History, path: Path) -> None:
    path.write_bytes(msgspec.json.encode(history))


def read(path: Path) -> History:
    return msgspec.json.decode(path.read_bytes(), type=History)
