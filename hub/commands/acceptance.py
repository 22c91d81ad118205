"""One group of calls on its way into the ledger: what to read, what to decide, what to write. Pure.

Calls of a moment are committed together. Within the group each sees what the ones before it have
taken: a command id, an idempotency key, a place among a device's unfinished commands.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct, structs

from hub.audit.entries import AuditEntry, audit_entry
from hub.base.errors import Conflict, HubError
from hub.commands.decisions import CommandTarget, Insert, NewCommand, ReadyLine, accept
from hub.commands.evidence import evidence_of
from hub.commands.records import CommandRow, IdempotencyKey, IdempotencyRow
from protocol.ids import CommandKey, DeviceId, DeviceKey, OrgId
from protocol.replies import ErrorObject


class Submission(Struct, frozen=True, kw_only=True):
    """One call's commands: one request, for each of its targets. `key` is its Idempotency-Key with
    what it stands for. `problem` is why they may not be accepted, unless they were before."""

    commands: list[NewCommand]
    problem: HubError | None = None
    key: tuple[IdempotencyKey, IdempotencyRow] | None = None


RequestKey = tuple[OrgId, DeviceId, bytes]
"""A device, and the hash of what is asked of it."""
CommandOutcome = CommandRow | HubError
Decision = Insert | CommandRow | HubError | CommandKey
"""A row to insert, what was there already, why not, or the name of a twin in the same group."""


class SubmissionOutcome(Struct, frozen=True):
    """An outcome for each command of the call, in order; or what its idempotency key stands for,
    which was used before for the same request; or why the whole call is refused."""

    outcomes: list[CommandOutcome]
    joined: IdempotencyRow | None = None
    refused: HubError | None = None


class Acceptance:
    """Used once: what is wanted is looked up, then `decide`, then what that left is written."""

    def __init__(self, submissions: list[Submission]) -> None:
        self._submissions = submissions
        self._decisions: list[list[Decision]] = []
        self._joined: dict[int, IdempotencyRow] = {}
        self._refused: dict[int, HubError] = {}
        self.inserts: list[Insert] = []
        self.keys: list[tuple[IdempotencyKey, IdempotencyRow]] = []
        self.entries: list[AuditEntry] = []

    def commands(self) -> list[NewCommand]:
        return [new for submission in self._submissions for new in submission.commands]

    def keys_wanted(self) -> list[IdempotencyKey]:
        return [submission.key[0] for submission in self._submissions if submission.key is not None]

    def places_wanted(self) -> list[DeviceKey]:
        return sorted({(new.org, new.device_id) for new in self.commands()})

    def names_wanted(self) -> list[CommandKey]:
        return sorted({(new.org, new.command_id) for new in self.commands() if new.chosen})

    def requests_wanted(self) -> list[RequestKey]:
        """What may join an equal command that waits."""
        return sorted({
            (c.org, c.device_id, c.request_hash)
            for submission in self._submissions
            if submission.key is None
            for c in submission.commands
            if c.coalesces
        })  # fmt: skip

    def decide(
        self,
        *,
        keys: dict[IdempotencyKey, IdempotencyRow],
        targets: dict[DeviceKey, CommandTarget],
        existing: dict[CommandKey, CommandRow],
        waiting: Mapping[RequestKey, CommandRow] = MappingProxyType({}),
        ready: Callable[[DeviceKey], ReadyLine | None],
        refused: Mapping[CommandKey, HubError] = MappingProxyType({}),
        reserved: Mapping[CommandKey, str] = MappingProxyType({}),
    ) -> None:
        """Moves `targets` on, and adds to `keys` what is taken here. `refused` are new commands
        that must not be accepted; `reserved` are ids, each for its approval."""
        taken: dict[CommandKey, Insert] = {}
        for number, submission in enumerate(self._submissions):
            used = keys.get(submission.key[0]) if submission.key else None
            if used is not None and submission.key is not None:
                self._use_again(number, submission.key[1], used)
                continue
            if submission.problem is not None and not _all_in(existing, submission.commands):
                self._decisions.append([])
                self._refused[number] = submission.problem
                continue
            decisions: list[Decision] = []
            for new in submission.commands:
                equal = waiting.get((new.org, new.device_id, new.request_hash))
                if (
                    equal is not None
                    and submission.key is None
                    and new.coalesces
                    and not _is_quarantined(new, targets)
                ):
                    decisions.append(equal)
                    continue
                decision = _refusal(
                    new, refused, reserved, targets, existing, taken
                ) or _decide_one(new, targets, existing, taken, ready)
                if isinstance(decision, Insert):
                    taken[new.org, new.command_id] = decision
                    self.inserts.append(decision)
                decisions.append(decision)
            self._decisions.append(decisions)
            self._note(submission, decisions, keys)

    def _use_again(self, number: int, wanted: IdempotencyRow, used: IdempotencyRow) -> None:
        self._decisions.append([])
        if used.request_hash == wanted.request_hash:
            self._joined[number] = used
        else:
            self._refused[number] = Conflict("this Idempotency-Key was used for another request")

    def _note(
        self,
        submission: Submission,
        decisions: list[Decision],
        keys: dict[IdempotencyKey, IdempotencyRow],
    ) -> None:
        """The rows that go with a call of which something was accepted."""
        inserts = [decision for decision in decisions if isinstance(decision, Insert)]
        if not inserts:
            return
        if submission.key is not None:
            key, row = submission.key
            row = structs.replace(row, refused=_refused(submission, decisions))
            keys[key] = row
            self.keys.append((key, row))
        kept = evidence_of(inserts[0].new.type, inserts[0].new.params)  # the same for each target
        self.entries.extend(_entry(insert.new, kept) for insert in inserts)

    def outcomes(self, rows: dict[CommandKey, CommandRow]) -> list[SubmissionOutcome]:
        """What each call is told, once the inserts have become `rows`."""
        return [
            SubmissionOutcome(
                [_outcome(decision, rows) for decision in decisions],
                self._joined.get(number),
                self._refused.get(number),
            )
            for number, decisions in enumerate(self._decisions)
        ]


def _all_in(existing: dict[CommandKey, CommandRow], commands: list[NewCommand]) -> bool:
    return all((new.org, new.command_id) in existing for new in commands)


def refusal_of(error: HubError) -> ErrorObject:
    """The `error` of a target that a bulk call refused."""
    return {"code": str(error.code), "message": error.detail}


def _refused(submission: Submission, decisions: list[Decision]) -> dict[str, ErrorObject]:
    return {
        new.device_id: refusal_of(decision)
        for new, decision in zip(submission.commands, decisions, strict=True)
        if isinstance(decision, HubError)
    }


def _is_quarantined(new: NewCommand, targets: Mapping[DeviceKey, CommandTarget]) -> bool:
    target = targets.get((new.org, new.device_id))
    return target is not None and target.quarantined


def _refusal(
    new: NewCommand,
    refused: Mapping[CommandKey, HubError],
    reserved: Mapping[CommandKey, str],
    targets: dict[DeviceKey, CommandTarget],
    existing: dict[CommandKey, CommandRow],
    taken: dict[CommandKey, Insert],
) -> HubError | None:
    """Of what would be accepted otherwise: a repeat joins what came of the first."""
    name = (new.org, new.command_id)
    is_new = name not in existing and name not in taken
    if not is_new or (new.org, new.device_id) not in targets:
        return None
    if reserved.get(name, new.approval_id) != new.approval_id:
        return Conflict("this command id waits for an approval")
    return None if new.end is not None else refused.get(name) or new.problem


def _decide_one(
    new: NewCommand,
    targets: dict[DeviceKey, CommandTarget],
    existing: dict[CommandKey, CommandRow],
    taken: dict[CommandKey, Insert],
    ready: Callable[[DeviceKey], ReadyLine | None],
) -> Decision:
    name = (new.org, new.command_id)
    twin = taken.get(name)
    if twin is not None:  # twice in one group
        same = twin.new.device_id == new.device_id and twin.new.request_hash == new.request_hash
        return name if same else Conflict("this command id was used for another request")
    place = (new.org, new.device_id)
    return accept(new, targets.get(place), existing.get(name), ready(place))


def _outcome(decision: Decision, rows: dict[CommandKey, CommandRow]) -> CommandOutcome:
    match decision:
        case Insert():
            return rows[decision.new.org, decision.new.command_id]
        case tuple():
            return rows[decision]
        case _:
            return decision


def _entry(new: NewCommand, kept: dict[str, Any]) -> AuditEntry:
    """One row a device: whoever asks what was done to a device finds bulk calls, too. `kept` of
    its parameters."""
    detail: dict[str, Any] = {"commandId": new.command_id}
    if new.batch_id is not None:
        detail["batchId"] = new.batch_id
    if kept:
        detail["params"] = kept
    if new.signature is not None:
        detail["signedBy"] = new.signature.key_id
    if new.approval_id is not None:
        detail["approvalId"] = new.approval_id
    action = f"command.{new.type}"
    if new.end is None or new.end.error is None:
        return audit_entry(new.by, action, new.device_id, **detail)
    why = new.end.error["code"]
    return audit_entry(new.by, action, new.device_id, outcome="refused", reason=why, **detail)
