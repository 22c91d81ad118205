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

A version that was confirmed may crash all the same. Each start of it that follows an end in one
boot of the machine is counted, unless that end was in order (`ended_well`): with the fifth within
ten minutes it has failed as well, and is barred.

A slot that is not complete is never run. When the installation itself was replaced since (by a
package), the record is void: what was installed last runs. What a package of the system does to it
stands below: it ends a trial, which says nothing of the version that was tried (`REPLACED`), and
one that is older than the version that was confirmed leaves that running (`kept`).
"""

from enum import StrEnum
from typing import Final, Literal, assert_never

from msgspec import Struct, structs

from device.update.bars import Bar
from protocol.versions import is_downgrade

Slot = Literal["a", "b"]
SLOTS: Final[tuple[Slot, ...]] = ("a", "b")

MOST_STARTS: Final = 3
"""Of a version on trial. More than one, because the machine may go down meanwhile."""
MOST_CRASHES: Final = 5
CRASH_SECONDS: Final = 600.0
"""A confirmed version that is started again so often within that time is none to keep."""
REPLACED: Final = "replaced"
"""Why a trial failed that a package ended."""


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
    sha256: str = ""
    """Of its artifact."""
    floor: str | None = None
    """Below which the device shall go no more once it is confirmed, as whoever signed it says."""
    state: UpdateState = UpdateState.TRIAL
    starts: int = 0
    started: float | None = None
    """Of the last start: seconds since the machine was booted."""
    boot: str = ""
    """The boot of the machine that the last start was in."""
    crashes: tuple[float, ...] = ()
    """Starts that followed a crash of the confirmed version, in that boot."""
    ended_well: bool = False
    """Its last end was in order: the next start follows no crash."""
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
    has_crashed: bool = False
    """Confirmed, and crashed lately: what it writes to standard error is to be kept, too."""
    bar: Bar | None = None
    """To be noted first."""


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
    boot: str = ""


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
            return _confirmed(record, conditions)
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
    counted = structs.replace(
        record, starts=record.starts + 1, started=conditions.now, boot=conditions.boot
    )
    return StartDecision(slot=record.slot, record=counted, on_trial=True)


def _confirmed(record: UpdateRecord, conditions: StartConditions) -> StartDecision:
    if record.slot not in conditions.usable:
        return StartDecision(slot=_first(conditions.usable, record.previous))
    crashes = _crashes(record, conditions)
    if len(crashes) < MOST_CRASHES:
        counted = structs.replace(record, crashes=crashes, boot=conditions.boot, ended_well=False)
        written = counted if counted != record else None
        return StartDecision(slot=record.slot, record=written, has_crashed=bool(crashes))
    reason = f"it crashed {MOST_CRASHES} times within {CRASH_SECONDS / 60:g} min"
    bar = Bar(sha256=record.sha256, version=record.version, reason=reason)
    return structs.replace(_go_back(record, conditions, reason), bar=bar if record.sha256 else None)


def _crashes(record: UpdateRecord, conditions: StartConditions) -> tuple[float, ...]:
    """The late ones, with this start if it is one of them. A new boot begins anew, and where none
    can be told from another, nothing is counted."""
    if not conditions.boot or record.boot != conditions.boot:
        return ()
    late = tuple(each for each in record.crashes if conditions.now - each < CRASH_SECONDS)
    return late if record.ended_well else (*late, conditions.now)


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


def ended_well(record: UpdateRecord | None, *, running: Slot | None) -> UpdateRecord | None:
    """To be written when the running version ends in order; None when that changes nothing."""
    if record is None or record.state is not UpdateState.CONFIRMED or record.slot != running:
        return None
    return structs.replace(record, ended_well=True)


def failed(record: UpdateRecord, reason: str, said: str = "") -> UpdateRecord:
    return structs.replace(record, state=UpdateState.FAILED, reason=reason, said=said)


def ended_by_package(record: UpdateRecord | None) -> UpdateRecord | None:
    """To be written before a package replaces the installation; None when nothing is on trial."""
    if record is None or record.state is not UpdateState.TRIAL:
        return None
    return failed(record, REPLACED)


class SlotStanding(Struct, frozen=True):
    """The version that was confirmed last, in its slot."""

    slot: Slot
    version: str


def standing(record: UpdateRecord | None) -> SlotStanding | None:
    """None when that is what was installed."""
    if record is None:
        return None
    if record.state is UpdateState.CONFIRMED:
        return SlotStanding(record.slot, record.version)
    return None if record.previous is None else SlotStanding(record.previous, record.from_version)


def kept(record: UpdateRecord | None, *, installed: str) -> UpdateRecord | None:
    """To be written after a package has put `installed` in place: the record under which the
    confirmed version runs on, because the package is older. None when the package's runs."""
    found = standing(record)
    if record is None or found is None:
        return None
    if not is_downgrade(present=found.version, wanted=installed):
        return None
    return structs.replace(record, installed=installed)


def given_up(record: UpdateRecord) -> UpdateRecord:
    """Void, so that what is installed runs, whatever its version."""
    return structs.replace(record, installed="")


def replaced_update(record: UpdateRecord | None) -> str | None:
    """The command of the update that a package ended, for the hub to know that it was no fault of
    the version."""
    if record is None or record.state is not UpdateState.FAILED or record.reason != REPLACED:
        return None
    return record.command_id


def to_tell(record: UpdateRecord | None) -> str | None:
    """What the hub is to be told of an update that failed; None = nothing, or it was told. Of one
    that a package ended `hello` tells, and it is no alarm."""
    if record is None or record.state is not UpdateState.FAILED or record.told:
        return None
    if record.reason == REPLACED:
        return None
    said = f"\n{record.said}" if record.said else ""
    return f"version {record.version} was rolled back: {record.reason}{said}"
