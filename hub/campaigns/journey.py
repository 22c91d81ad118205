"""The way of one device through a campaign: every step that it can take. Pure.

A command that succeeded proves little: a device that has *staged* an update still runs what it ran
before. So a device goes through phases, and each is proven by what the database knows of it:

    waiting ─sent→ downloading ─result→ staged ─line gone→ restarting ─hello: new version→ soaking
                        │                                                                    │
                        └ its result says no: FAILED               steady for the soak: SUCCESS

The proof is the `hello` of a later line. A device that says the wanted version has *arrived*,
whatever was heard of its command: results get lost, versions do not. One that was started anew and
says another version has *returned*: it rolled back by itself, and FAILED. What tells a restart from
a line that merely broke is `bootId`. A device that gives no new one is taken at its word when it
has been back for some seconds on a new line: by then an agent that is about to restart has done so.

A command that was never delivered leads back to waiting, as the next attempt with a command id of
its own, until it was lost too often. So does one that failed, or of which nothing can be known any
more (`UNKNOWN`), as often as `retries` says, if twice does no harm; an update may get lost without
`retries`. Each phase has a deadline. In the soak, a line that breaks or a status other than ONLINE
makes the clock begin anew; DISABLED counts as ONLINE, for a device whose production somebody paused
is as well as any, and so does DEGRADED where the device was so before.

What is no agent (`Goal.software`) is installed without a restart, and the device says which version
it has when its command ends: `versions` instead of the agent's own. A device that says nothing of
installers only stages it; for that it has to come back, as with an agent.

A revision of an application is desired state, and needs no command: it is on its way when it is
assigned, has arrived when the device says that all its services are well in it
(`application_seen`), and soaks as above.

A campaign without a wanted version ends for a device with the success of its command, or with the
soak behind it, where one is asked for. A device that
is deleted, disabled or put into quarantine is out of it at once, in whatever phase: that says
nothing of the release.

`happened` looks, `STEPS` is the table, `stepped` applies it. An illegal step is `IllegalStep`.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

from protocol.codec import rfc3339
from protocol.errors import CommandErrorCode
from protocol.ids import CommandId, DeviceId
from protocol.lifecycle import State
from protocol.replies import ErrorObject
from protocol.versions import is_downgrade

MOST_LOSSES: Final = 4
"""How often a command may be lost before it was delivered; of an update, also afterwards."""
STRAY_SECONDS: Final = 5.0
"""How long a device may be back on an old version, without a sign of a restart, before it counts
as returned."""
WELL: Final = frozenset({"ONLINE", "DISABLED"})


class Status(StrEnum):
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class Phase(StrEnum):
    WAITING = "waiting"
    DOWNLOADING = "downloading"
    STAGED = "staged"
    RESTARTING = "restarting"
    SOAKING = "soaking"


class TargetEvent(StrEnum):
    START = "its turn has come"
    STAGE = "its command succeeded"
    DONE = "its command succeeded, and nothing more is expected"
    SETTLE = "its command succeeded, and it has to stay well"
    REFUSE = "its command failed"
    WITHDRAW = "its command was cancelled"
    POSTPONE = "its command was cancelled because its window closed"
    LACK = "it does not install such software, or updates itself"
    LOSE = "nothing became of its command"
    AGAIN = "its command failed, and may be sent again"
    GIVE_UP = "nothing became of its last command"
    LEAVE = "its line is gone"
    ARRIVE = "it reports the wanted version"
    RETURN = "it restarted and reports another version"
    WAVER = "its line broke, or it is unhealthy"
    PROVE = "it stayed healthy for the soak time"
    LATE = "the deadline of the phase passed"
    BLOCK = "it was deleted, disabled or put into quarantine"


ENDED: Final = frozenset({Status.SUCCESS, Status.FAILED, Status.SKIPPED})

_H, _P, _S = TargetEvent, Phase, Status
STEPS: Final[dict[tuple[Phase, TargetEvent], Phase | Status]] = {
    (_P.WAITING, _H.START): _P.DOWNLOADING,
    (_P.WAITING, _H.ARRIVE): _P.SOAKING,
    (_P.DOWNLOADING, _H.STAGE): _P.STAGED,
    (_P.DOWNLOADING, _H.DONE): _S.SUCCESS,
    (_P.DOWNLOADING, _H.SETTLE): _P.SOAKING,
    (_P.DOWNLOADING, _H.REFUSE): _S.FAILED,
    (_P.DOWNLOADING, _H.WITHDRAW): _S.SKIPPED,
    (_P.DOWNLOADING, _H.POSTPONE): _P.WAITING,
    (_P.DOWNLOADING, _H.LACK): _S.SKIPPED,
    (_P.DOWNLOADING, _H.LOSE): _P.WAITING,
    (_P.DOWNLOADING, _H.AGAIN): _P.WAITING,
    (_P.DOWNLOADING, _H.GIVE_UP): _S.FAILED,
    (_P.DOWNLOADING, _H.ARRIVE): _P.SOAKING,
    (_P.DOWNLOADING, _H.LATE): _S.FAILED,
    (_P.STAGED, _H.LEAVE): _P.RESTARTING,
    (_P.STAGED, _H.ARRIVE): _P.SOAKING,
    (_P.STAGED, _H.RETURN): _S.FAILED,
    (_P.STAGED, _H.LATE): _S.FAILED,
    (_P.RESTARTING, _H.ARRIVE): _P.SOAKING,
    (_P.RESTARTING, _H.RETURN): _S.FAILED,
    (_P.RESTARTING, _H.LATE): _S.FAILED,
    (_P.SOAKING, _H.ARRIVE): _P.SOAKING,
    (_P.SOAKING, _H.WAVER): _P.SOAKING,
    (_P.SOAKING, _H.PROVE): _S.SUCCESS,
    (_P.SOAKING, _H.RETURN): _S.FAILED,
    (_P.SOAKING, _H.LATE): _S.FAILED,
    **{(phase, _H.BLOCK): _S.SKIPPED for phase in _P if phase is not _P.WAITING},
}


class IllegalStep(Exception):
    """The table has no such step: a defect of ours."""


class Goal(Struct, frozen=True, kw_only=True):
    """What a device must come to, and how long each phase may take. `retries`: how often what
    failed is sent again; None: an update may get lost, and what fails is not sent again."""

    version: str | None
    allow_downgrade: bool
    soak_seconds: int
    phase_timeout_seconds: int
    retries: int | None = None


ONE_FOR_ALL: Final = "UTC"
"""The time zone of each, where no window follows the devices."""


class CampaignTarget(Struct, frozen=True, kw_only=True):
    """A device of a campaign. `from_…` is what it was when it got its command. `losses` and
    `failures` are counted since the campaign began, or was opened again: of commands of which
    nothing became, and of such that failed and were sent again."""

    device_id: DeviceId
    position: int
    wave: int
    since: datetime
    """When the present phase began."""
    zone: str = ONE_FOR_ALL
    """Whose time it has for windows that follow the devices."""
    status: Status = Status.PENDING
    phase: Phase = Phase.WAITING
    attempt: int = 0
    losses: int = 0
    failures: int = 0
    recalled: bool = False
    """Its window closed: its command is cancelled, and it waits for the next."""
    command_id: CommandId | None = None
    from_version: str | None = None
    from_boot_id: str | None = None
    from_generation: int | None = None
    from_health: str | None = None
    error: ErrorObject | None = None
    started_at: datetime | None = None
    steady_since: datetime | None = None
    steady_generation: int | None = None
    finished_at: datetime | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """What the database knows of a device now. `boot_id` and `agent_version` are those of the
    hello on its present line, None when there was none. Both versions are of the software that the
    campaign brings, where the device says what it has of it."""

    online: bool = False
    generation: int | None = None
    line_seconds: float = 0.0
    """The age of its line."""
    boot_id: str | None = None
    agent_version: str | None = None
    version: str | None = None
    """The last that it said, on whichever line."""
    replaced: str | None = None
    """The command whose trial a package of the device ended, as its present line says."""
    health: str = "OFFLINE"
    command: State | None = None
    """Of the present attempt; None = not in the ledger."""
    command_error: ErrorObject | None = None
    redeliverable: bool = False
    """Whether that may be delivered twice."""
    cancel_asked: bool = False
    penalty_until: datetime | None = None
    """It is held back until then, for what it failed lately."""
    pin: str | None = None
    """The version of the campaign's software that an administrator has pinned for it."""
    has_engine: bool | None = None
    """Whether it runs applications; None where that is not known, or does not matter."""
    deleted: bool = False
    disabled: bool = False
    quarantined: bool = False

    @property
    def blocked(self) -> bool:
        return self.deleted or self.disabled or self.quarantined


# Before the command


def reason_to_skip(target: CampaignTarget, seen: Seen, goal: Goal) -> ErrorObject | None:
    """Why a device whose turn has come gets no command; None = it does."""
    if target.attempt:
        return None
    if seen.has_engine is False:
        return NO_ENGINE
    if goal.version is not None and seen.pin not in (None, goal.version):
        return error("pinned", f"it is pinned to version {seen.pin}")
    if goal.version is not None and seen.version is not None:
        if seen.version == goal.version:
            return error("already_there", f"it is at version {goal.version}")
        may_be_older = goal.allow_downgrade or not is_downgrade(
            present=seen.version, wanted=goal.version
        )
        if not may_be_older:
            return error("downgrade", f"it is at version {seen.version}, which is newer")
    if goal.version is not None and seen.penalty_until is not None:
        text = f"several releases failed on it: held back until {rfc3339(seen.penalty_until)}"
        return error("penalty_box", text)
    return None


def skipped(target: CampaignTarget, why: ErrorObject, now: datetime) -> CampaignTarget:
    return structs.replace(target, status=Status.SKIPPED, error=why, finished_at=now)


def began(
    target: CampaignTarget, seen: Seen, goal: Goal, *, command_id: CommandId | None, now: datetime
) -> CampaignTarget:
    """Its turn has come: the target with the next attempt's command (None for what needs none), or
    in the soak if it has come to the wanted version since an attempt before."""
    if target.attempt and goal.version is not None and seen.agent_version == goal.version:
        return stepped(target, TargetEvent.ARRIVE, seen, now)
    moved = stepped(target, TargetEvent.START, seen, now)
    return structs.replace(
        moved,
        attempt=target.attempt + 1,
        command_id=command_id,
        from_version=seen.version,
        from_boot_id=seen.boot_id,
        from_generation=seen.generation,
        from_health=seen.health,
        started_at=now,
        error=None,
    )


# Under way


def happened(target: CampaignTarget, seen: Seen, goal: Goal, now: datetime) -> TargetEvent | None:
    """What the device has done since the last look, if it is anything."""
    if seen.blocked:
        return TargetEvent.BLOCK
    if target.phase is Phase.SOAKING:
        found = _in_the_soak(target, seen, goal, now)
    else:
        found = _before_the_soak(target, seen, goal)
    return found or (TargetEvent.LATE if _is_late(target, goal, now) else None)


def withdrawn(target: CampaignTarget, seen: Seen) -> bool:
    """Whether a target whose campaign has ended waits for a command that will not be sent."""
    return target.phase is Phase.DOWNLOADING and seen.command is None


def _before_the_soak(target: CampaignTarget, seen: Seen, goal: Goal) -> TargetEvent | None:
    if _says_wanted(seen, goal):
        return TargetEvent.ARRIVE
    if target.phase is Phase.DOWNLOADING:
        return _of_command(target, seen, goal)
    if _is_back(target, seen):
        return TargetEvent.RETURN
    gone = not seen.online or seen.generation != target.from_generation
    return TargetEvent.LEAVE if gone and target.phase is Phase.STAGED else None


def _says_wanted(seen: Seen, goal: Goal) -> bool:
    return seen.online and goal.version is not None and seen.agent_version == goal.version


def _is_back(target: CampaignTarget, seen: Seen) -> bool:
    """Whether it says a version (which is not the wanted one) after a restart."""
    if not seen.online or seen.agent_version is None:
        return False
    if seen.boot_id != target.from_boot_id and target.from_boot_id is not None:
        return True
    return seen.generation != target.from_generation and seen.line_seconds >= STRAY_SECONDS


def _of_command(target: CampaignTarget, seen: Seen, goal: Goal) -> TargetEvent | None:
    match seen.command:
        case State.SUCCESS:
            return _of_success(goal)
        case State.CANCELLED:
            return TargetEvent.POSTPONE if target.recalled else TargetEvent.WITHDRAW
        case State.UNKNOWN | State.EXPIRED:
            return _again(target, seen, goal, TargetEvent.GIVE_UP)
        case State.FAILED | State.TIMEOUT | State.REJECTED:
            if _code(seen) in (CommandErrorCode.UNSUPPORTED, CommandErrorCode.SELF_UPDATING):
                return TargetEvent.LACK
            return _again(target, seen, goal, TargetEvent.REFUSE)
        case _:
            return None


def _of_success(goal: Goal) -> TargetEvent:
    if goal.version is not None:
        return TargetEvent.STAGE
    return TargetEvent.SETTLE if goal.soak_seconds else TargetEvent.DONE


def _again(target: CampaignTarget, seen: Seen, goal: Goal, otherwise: TargetEvent) -> TargetEvent:
    """Whether the command is sent once more."""
    if _was_never_sent(seen) or (goal.retries is None and otherwise is TargetEvent.GIVE_UP):
        return TargetEvent.LOSE if target.losses < MOST_LOSSES else TargetEvent.GIVE_UP
    may = seen.redeliverable and seen.command is not State.REJECTED
    return TargetEvent.AGAIN if may and target.failures < (goal.retries or 0) else otherwise


def _was_never_sent(seen: Seen) -> bool:
    return _code(seen) in (CommandErrorCode.DEVICE_OFFLINE, CommandErrorCode.NOT_DELIVERED)


def _code(seen: Seen) -> str | None:
    return None if seen.command_error is None else str(seen.command_error["code"])


def _in_the_soak(
    target: CampaignTarget, seen: Seen, goal: Goal, now: datetime
) -> TargetEvent | None:
    is_there = seen.online and goal.version in (None, seen.agent_version)
    if seen.online and seen.agent_version is not None and not is_there:
        return TargetEvent.RETURN
    if not is_there or not (seen.health in WELL or seen.health == target.from_health == "DEGRADED"):
        return None if target.steady_since is None else TargetEvent.WAVER
    if target.steady_since is None or target.steady_generation != seen.generation:
        return TargetEvent.ARRIVE
    steady = now - target.steady_since
    return TargetEvent.PROVE if steady >= timedelta(seconds=goal.soak_seconds) else None


def _is_late(target: CampaignTarget, goal: Goal, now: datetime) -> bool:
    seconds = goal.phase_timeout_seconds
    if target.phase is Phase.SOAKING:
        seconds += goal.soak_seconds
    return now - target.since >= timedelta(seconds=seconds)


def stepped(
    target: CampaignTarget, event: TargetEvent, seen: Seen, now: datetime
) -> CampaignTarget:
    """The target after a step of the table. Raises `IllegalStep`."""
    to = STEPS.get((target.phase, event))
    if to is None or target.status in ENDED:
        raise IllegalStep(f"{event.name} in {target.status} {target.phase}")
    if isinstance(to, Status):
        why = None if to is Status.SUCCESS else _why(target, event, seen)
        return structs.replace(target, status=to, error=why, finished_at=now)
    return structs.replace(
        target,
        phase=to,
        status=Status.PENDING if to is Phase.WAITING else Status.IN_PROGRESS,
        losses=target.losses + (event is TargetEvent.LOSE),
        failures=target.failures + (event is TargetEvent.AGAIN),
        recalled=target.recalled and to is not Phase.WAITING,
        since=target.since if to is target.phase else now,
        steady_since=now if event is TargetEvent.ARRIVE else None,
        steady_generation=seen.generation if event is TargetEvent.ARRIVE else None,
        error=seen.command_error if event in (TargetEvent.LOSE, TargetEvent.AGAIN) else None,
    )


def _why(target: CampaignTarget, event: TargetEvent, seen: Seen) -> ErrorObject:
    match event:
        case TargetEvent.RETURN:
            if seen.replaced is not None and seen.replaced == target.command_id:
                return error("replaced", f"a package brought version {seen.agent_version}")
            return error("rolled_back", f"it came back on version {seen.agent_version}")
        case TargetEvent.LATE:
            return error("timeout", f"too long in the phase {target.phase}")
        case TargetEvent.BLOCK:
            if seen.quarantined and not (seen.deleted or seen.disabled):
                return QUARANTINED
            return DELETED if seen.deleted else DISABLED
        case TargetEvent.WITHDRAW:
            return seen.command_error or error("cancelled", "its command was never sent")
        case _:
            return seen.command_error or error("failed", "the command did not succeed")


def error(code: str, message: str) -> ErrorObject:
    return {"code": code, "message": message}


DELETED: Final = error("device_deleted", "the device was deleted")
DISABLED: Final = error("device_disabled", "the device was disabled")
QUARANTINED: Final = error("quarantined", "the device is in quarantine")
BLOCKED: Final = (DELETED, DISABLED, QUARANTINED)
UNSUPPORTED: Final = error(
    CommandErrorCode.UNSUPPORTED, "the device does not install software of this type"
)
SELF_UPDATING: Final = error(
    CommandErrorCode.SELF_UPDATING, "the device looks for its versions by itself"
)
NO_ENGINE: Final = error(CommandErrorCode.UNSUPPORTED, "the device has no engine for containers")
