"""The checker's rules about commands: the ledger, the runs, the answers, the audit."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.acceptance.chaos.history import (
    Answered,
    Asked,
    Grouped,
    History,
    Noted,
    Ran,
    Received,
    of,
)  # fmt: skip

ENDED: Final = frozenset(
    {"SUCCESS", "FAILED", "REJECTED", "CANCELLED", "TIMEOUT", "EXPIRED", "UNKNOWN"}
)
ON_ITS_WAY: Final = ENDED - {"EXPIRED"}
LEGAL: Final[dict[str | None, frozenset[str]]] = {
    None: frozenset({"PENDING", "SENT", "FAILED", "REJECTED"}),
    "PENDING": frozenset({"SENT", "CANCELLED", "EXPIRED", "TIMEOUT", "REJECTED"}),
    "SENT": ON_ITS_WAY | {"ACKED", "RUNNING"},
    "ACKED": ON_ITS_WAY | {"RUNNING"},
    "RUNNING": ON_ITS_WAY,
}
REPEATABLE: Final = frozenset({"force_sync", "clear_queue"})
NEVER_SENT: Final = frozenset({"device_offline", "not_delivered", "unsupported"})
REFUSED: Final = frozenset({400, 404, 409, 422})
"""No answers to a call that was accepted before."""


def noted(history: History) -> Iterator[str]:
    """What an actor saw itself."""
    for fact in of(history.facts, Noted):
        yield f"{fact.rule}: {fact.text}"


def accepted(history: History) -> Iterator[str]:
    """G1: what was accepted is in the ledger, once, and has ended."""
    rows = {row.command: row for row in history.ledger.rows}
    if len(rows) != len(history.ledger.rows):
        yield "two rows of one command id"
    for answer in of(history.facts, Answered):
        for command, _, _ in answer.commands:
            if command not in rows:
                yield f"{command} was accepted (call {answer.call}) and is not in the ledger"
    for row in rows.values():
        if row.status not in ENDED:
            yield f"{row.command} has not ended: {row.status}"


def transitions(history: History) -> Iterator[str]:
    """G1: legal steps only, and the last of them is the present state."""
    at: dict[str, str] = {}
    for step in history.ledger.steps:
        before = at.get(step.command)
        if step.before != before or step.after not in LEGAL.get(before, frozenset()):
            yield f"{step.command} stood at {before}: {step.before} → {step.after}"
        at[step.command] = step.after
    for row in history.ledger.rows:
        if at.get(row.command, row.status) != row.status:
            yield f"{row.command} is {row.status}, its last step was to {at[row.command]}"


def refused_in_order(history: History) -> Iterator[str]:
    """G17: what cannot be done now is refused (503); no fault is the hub's own failure (500)."""
    for answer in of(history.facts, Answered):
        if answer.http == 500:
            yield f"call {answer.call} was answered 500"


def one_command(history: History) -> Iterator[str]:
    """G2: the same call again is the same command; with another body it is a conflict."""
    answers = {fact.call: fact for fact in of(history.facts, Answered)}
    asked = {fact.call: fact for fact in of(history.facts, Asked)}
    for call in asked.values():
        first = _origin(call, asked)
        ours, theirs = answers.get(call.call), answers.get(first.call)
        if call.same is None or ours is None or theirs is None or theirs.http >= 300:
            continue
        if call.other:
            if ours.http < 300:
                yield f"call {call.call} changed the body of call {first.call}: {ours.http}"
        elif ours.http in REFUSED:
            yield f"call {call.call} repeated call {first.call}: {ours.http}"
        elif ours.http < 300 and _ids(ours) != _ids(theirs):
            yield f"call {call.call} repeated call {first.call} and got another command"


def _origin(call: Asked, asked: dict[int, Asked]) -> Asked:
    while call.same is not None:
        call = asked[call.same]
    return call


def _ids(answer: Answered) -> set[str]:
    return {command for command, _, _ in answer.commands}


def ran_once(history: History) -> Iterator[str]:
    """G3: once per journal; what is not safe to redeliver once at all."""
    runs = of(history.facts, Ran)
    for (device, journal, command), times in Counter(
        (run.device, run.journal, run.command) for run in runs
    ).items():
        if times > 1:
            yield f"{device} ran {command} {times} times with journal {journal}"
    unsafe = Counter((r.device, r.command) for r in runs if r.type not in REPEATABLE)
    for (device, command), times in unsafe.items():
        if times > 1:
            yield f"{device} ran {command} {times} times, which is not safe to redeliver"


def success_means_ran(history: History) -> Iterator[str]:
    ran = {(run.device, run.command) for run in of(history.facts, Ran)}
    for row in history.ledger.rows:
        if row.status == "SUCCESS" and (row.device, row.command) not in ran:
            yield f"{row.command} is SUCCESS and {row.device} never ran it"


def unsent_means_not_ran(history: History) -> Iterator[str]:
    """EXPIRED, offline, not delivered: the device never saw it; and `SENT` comes before the
    write."""
    rows = {row.command: row for row in history.ledger.rows}
    seen = [(fact.device, fact.command) for fact in of(history.facts, Received)]
    for device, command in dict.fromkeys(seen):
        row = rows.get(command)
        if row is None or row.device != device:
            yield f"{device} received {command}, which is not a command to it"
        elif not row.was_sent or row.status == "EXPIRED" or row.error in NEVER_SENT:
            yield f"{device} received {command}, which is {row.status} {row.error}, unsent"


def answers_agree(history: History) -> Iterator[str]:
    """An end that a caller was told is the end. Short answers tell no error."""
    rows = {row.command: row for row in history.ledger.rows}
    for answer in of(history.facts, Answered):
        for command, status, error in answer.commands:
            row = rows.get(command)
            if row is None or status not in ENDED:
                continue
            if status != row.status or error not in {None, row.error}:
                yield f"call {answer.call} was told {command} {status} {error}, it is {row.status}"


def audited(history: History) -> Iterator[str]:
    """G16: a row for each command, however many one call made, and for each other call that had an
    effect; for nothing else. Who joins a command has rows beside that."""
    told = history.ledger.entries
    entries = Counter((entry.action, entry.subject) for entry in told if not entry.joined)
    expected = {(f"command.{row.type}", row.command) for row in history.ledger.rows}
    names = {fact.name: fact.http for fact in of(history.facts, Grouped)}
    made = {("group.create", name) for name, http in names.items() if http == 201}
    for action, subject in sorted(expected | made):
        if entries[action, subject] != 1:
            yield f"{action} {subject} has {entries[action, subject]} audit rows"
    for action, subject in entries:
        dispatched = action.startswith("command.") and action != "command.cancel"
        if dispatched and (action, subject) not in expected:
            yield f"an audit row tells of {action} {subject}, which is not there"
        if action == "group.create" and subject not in names:
            yield f"an audit row tells of the group {subject}, which nobody made"
    for entry in told:
        if entry.joined and (entry.action, entry.subject) not in expected:
            yield f"an audit row tells who joined {entry.subject}, which is not there"
    yield from _cancels(history, entries)


def _cancels(history: History, entries: Counter[tuple[str, str]]) -> Iterator[str]:
    done = {fact.call for fact in of(history.facts, Answered) if fact.http == 202}
    calls = [fact for fact in of(history.facts, Asked) if fact.kind == "cancel" and fact.command]
    asked = Counter(str(fact.command) for fact in calls)
    for command in {str(fact.command) for fact in calls if fact.call in done}:
        if entries["command.cancel", command] == 0:
            yield f"the cancel of {command} has no audit row"
    for (action, command), times in entries.items():
        if action == "command.cancel" and times > asked[command]:
            yield f"{command} has {times} audit rows of {asked[command]} cancels"
