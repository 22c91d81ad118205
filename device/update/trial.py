"""Which version of the agent is to run: the one file that decides, and its three states. Pure.

New code can fail in every way: it does not import, it hangs, it runs and cannot reach the hub. So
an update is a *trial* that is over when the new version itself has proven that the hub is reached,
and that anything else ends by going back. Who decides is the launcher, which is never updated with
the agent and runs before each start of it:

    swap ─→ TRIAL ─ the hub was reached ───────────────→ CONFIRMED    run `slot`
              │  ↺ each start is counted first
              └─ too many starts, a start that hung, or
                 the agent gives up ─────────────────────→ FAILED       run `previous`

There are two *slots*, `a` and `b`; a version is unpacked into the one that does not run. `previous`
is the slot of the version before, None for the version that was installed with the launcher. One
record says all of that, and each transition is one atomic replacement of its file, so a crash
leaves the state before or after it, and either names a version that can run. The link `current`
follows the record; nothing is ever decided by it.

A slot that is not complete is never run. When the installation itself was replaced since (by a
package), the record is void: what was installed last runs.
"""

from enum import StrEnum
from typing import Final, Literal, assert_never

from msgspec import Struct, structs

Slot = Literal["a", "b"]
SLOTS: Final[tuple[Slot, ...]] = ("a", "b")

MOST_STARTS: Final = 3
"""Of a version on trial. More than one, because the machine may go down meanwhile."""


class State(StrEnum):
    TRIAL = "trial"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class Record(Struct, frozen=True, kw_only=True, rename="camel"):
    """The last update, on disk as `update.json`."""

    slot: Slot
    previous: Slot | None
    version: str
    from_version: str
    installed: str
    """The version of the installation when it was made."""
    release_id: str
    command_id: str
    state: State = State.TRIAL
    starts: int = 0
    started: float | None = None
    """Of the last start: seconds since the machine was booted."""
    reason: str | None = None
    told: bool = False
    """Whether the hub was told of its failure."""


class Start(Struct, frozen=True, kw_only=True):
    """What the launcher does: write `record` if there is one, then run `slot` (None: what is
    installed)."""

    slot: Slot | None
    record: Record | None = None
    on_trial: bool = False


class Place(Struct, frozen=True, kw_only=True):
    """What the launcher finds at a start."""

    linked: Slot | None
    """Where `current` points."""
    usable: frozenset[Slot]
    """The slots that are complete."""
    installed: str
    now: float
    """Seconds since the machine was booted."""
    trial_seconds: float
    """How long a version on trial may run before it is killed."""


def at_start(record: Record | None, place: Place) -> Start:
    linked, usable = place.linked, place.usable
    if record is None:
        return Start(slot=linked if linked in usable else None)
    if record.installed != place.installed:
        return Start(slot=None)
    match record.state:
        case State.TRIAL:
            return _on_trial(record, place)
        case State.CONFIRMED:
            return Start(slot=_first(usable, record.slot, record.previous))
        case State.FAILED:
            return Start(slot=_first(usable, record.previous))
        case _:
            assert_never(record.state)


def _on_trial(record: Record, place: Place) -> Start:
    usable = place.usable
    if record.slot not in usable:
        return _go_back(record, usable, "the new version is not complete")
    if record.starts >= MOST_STARTS:
        return _go_back(record, usable, f"it did not come up in {MOST_STARTS} starts")
    if record.started is not None and place.now - record.started >= place.trial_seconds:
        return _go_back(record, usable, f"it hung for {place.trial_seconds:g} s")
    counted = structs.replace(record, starts=record.starts + 1, started=place.now)
    return Start(slot=record.slot, record=counted, on_trial=True)


def _go_back(record: Record, usable: frozenset[Slot], reason: str) -> Start:
    return Start(slot=_first(usable, record.previous), record=failed(record, reason))


def _first(usable: frozenset[Slot], *wanted: Slot | None) -> Slot | None:
    return next((slot for slot in wanted if slot in usable), None)


def instead(record: Record | None, *, usable: frozenset[Slot]) -> Slot | None:
    """What to run when the record cannot be written: a start that is not counted must not be of
    a version on trial."""
    return None if record is None else _first(usable, record.previous)


def free_slot(record: Record | None, *, running: Slot | None) -> Slot | None:
    """Where the next version may be unpacked; None while one is on trial."""
    if record is not None and record.state is State.TRIAL:
        return None
    return next(slot for slot in SLOTS if slot != running)


def is_on_trial(record: Record | None, *, running: Slot | None) -> bool:
    """Whether the version that asks has still to prove itself."""
    return record is not None and record.state is State.TRIAL and record.slot == running


def confirmed(record: Record) -> Record:
    return structs.replace(record, state=State.CONFIRMED)


def failed(record: Record, reason: str) -> Record:
    return structs.replace(record, state=State.FAILED, reason=reason)


def to_tell(record: Record | None) -> str | None:
    """What the hub is to be told of an update that failed; None = nothing, or it was told."""
    if record is None or record.state is not State.FAILED or record.told:
        return None
    return f"version {record.version} was rolled back: {record.reason}"
