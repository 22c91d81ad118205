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


class UpdateState(StrEnum):
    TRIAL = "trial"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class UpdateRecord(Struct, frozen=True, kw_only=True, rename="camel"):
    """The last update, on disk as `update.json`."""

    slot: Slot
    previous: Slot | None
    version: str
    from_version: str
    installed: str
    """The version of the installation when it was made."""
    release_id: str
    command_id: str
    state: UpdateState = UpdateState.TRIAL
    starts: int = 0
    started: float | None = None
    """Of the last start: seconds since the machine was booted."""
    reason: str | None = None
    said: str = ""
    """The end of what it wrote to standard error before it failed."""
    told: bool = False
    """Whether the hub was told of its failure."""


class StartDecision(Struct, frozen=True, kw_only=True):
    """What the launcher does: write `record` if there is one, then run `slot` (None: what is
    installed)."""

    slot: Slot | None
    record: UpdateRecord | None = None
    on_trial: bool = False


class StartConditions(Struct, frozen=True, kw_only=True):
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
    said: str = ""
    """The end of what the version on trial wrote to standard error."""


def at_start(record: UpdateRecord | None, conditions: StartConditions) -> StartDecision:
    linked, usable = conditions.linked, conditions.usable
    if record is None:
        return StartDecision(slot=linked if linked in usable else None)
    if record.installed != conditions.installed:
        return StartDecision(slot=None)
    match record.state:
        case UpdateState.TRIAL:
            return _on_trial(record, conditions)
        case UpdateState.CONFIRMED:
            return StartDecision(slot=_first(usable, record.slot, record.previous))
        case UpdateState.FAILED:
            slot = _first(usable, record.previous)
            return StartDecision(slot=slot, record=_with_words(record, conditions.said))
        case _:
            assert_never(record.state)


def _on_trial(record: UpdateRecord, conditions: StartConditions) -> StartDecision:
    usable = conditions.usable
    if record.slot not in usable:
        return _go_back(record, conditions, "the new version is not complete")
    if record.starts >= MOST_STARTS:
        return _go_back(record, conditions, f"it did not come up in {MOST_STARTS} starts")
    if record.started is not None and conditions.now - record.started >= conditions.trial_seconds:
        return _go_back(record, conditions, f"it hung for {conditions.trial_seconds:g} s")
    counted = structs.replace(record, starts=record.starts + 1, started=conditions.now)
    return StartDecision(slot=record.slot, record=counted, on_trial=True)


def _go_back(record: UpdateRecord, conditions: StartConditions, reason: str) -> StartDecision:
    slot = _first(conditions.usable, record.previous)
    return StartDecision(slot=slot, record=failed(record, reason, conditions.said))


def _with_words(record: UpdateRecord, said: str) -> UpdateRecord | None:
    """What a version that gave up by itself said until then; None when it is known, or nothing."""
    if record.said or record.told or not said:
        return None
    return structs.replace(record, said=said)


def _first(usable: frozenset[Slot], *wanted: Slot | None) -> Slot | None:
    return next((slot for slot in wanted if slot in usable), None)


def instead(record: UpdateRecord | None, *, usable: frozenset[Slot]) -> Slot | None:
    """What to run when the record cannot be written: a start that is not counted must not be of
    a version on trial."""
    return None if record is None else _first(usable, record.previous)


def free_slot(record: UpdateRecord | None, *, running: Slot | None) -> Slot | None:
    """Where the next version may be unpacked; None while one is on trial."""
    if record is not None and record.state is UpdateState.TRIAL:
        return None
    return next(slot for slot in SLOTS if slot != running)


def is_on_trial(record: UpdateRecord | None, *, running: Slot | None) -> bool:
    """Whether the version that asks has still to prove itself."""
    return record is not None and record.state is UpdateState.TRIAL and record.slot == running


def confirmed(record: UpdateRecord) -> UpdateRecord:
    return structs.replace(record, state=UpdateState.CONFIRMED)


def failed(record: UpdateRecord, reason: str, said: str = "") -> UpdateRecord:
    return structs.replace(record, state=UpdateState.FAILED, reason=reason, said=said)


def to_tell(record: UpdateRecord | None) -> str | None:
    """What the hub is to be told of an update that failed; None = nothing, or it was told."""
    if record is None or record.state is not UpdateState.FAILED or record.told:
        return None
    said = f"\n{record.said}" if record.said else ""
    return f"version {record.version} was rolled back: {record.reason}{said}"
