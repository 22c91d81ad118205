"""What a chaos run must not have done: one pure function over its history.

Each rule reads the facts and the ledger and yields what it finds; `RULES` is the list of them. A
rule never assumes that a fault was absent: it uses only what the promises say holds under any of
them. What nobody can know (a call that was never answered, an event that was never acknowledged) is
never a violation by itself.

Three rules need a word:

- *fence*: a result counts for the line it was sent on. If it was sent after the same device's newer
  line had been welcomed, believing it is wrong. A result on its way at that moment may still win.
- *dashboards*: a dashboard owes its reader every acknowledged event since its first subscription,
  or a gap. An event at (epoch, offset) that another dashboard saw is covered by a gap over that
  place; by any later change of epoch, when it lay beyond what was seen of its own epoch. An event
  that nobody saw never had a place: any gap that was told after it was sent covers it.
- *registry*: a line counts when it has stood, or been gone, for as long as the registry may take.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from tests.acceptance.chaos.history import (
    Acked,
    Answered,
    AnyFact,
    Asked,
    Closed,
    Grouped,
    History,
    Noted,
    Opened,
    Ran,
    Received,
    Registry,
    Row,
    Sent,
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
REGISTRY_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 30.0
SLACK: Final = 3.0


class Violation(Struct, frozen=True):
    rule: str
    text: str


Rule = Callable[[History], Iterator[str]]


def check(history: History, rules: "dict[str, Rule]") -> list[Violation]:
    return [Violation(name, text) for name, rule in rules.items() for text in rule(history)]


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


def in_order(history: History) -> Iterator[str]:
    """G5: on each line the numbers of the commands rise."""
    rows = {row.command: row for row in history.ledger.rows}
    last: dict[tuple[str, int], Row] = {}
    for fact in of(history.facts, Received):
        line, row = (fact.device, fact.generation), rows.get(fact.command)
        if row is None:
            continue  # told of by `unsent_means_not_ran`
        before = last.get(line)
        if before is not None and before.seq >= row.seq:
            yield f"{line} received {row.command} ({row.seq}) after {before.command} ({before.seq})"
        last[line] = row


def fence(history: History) -> Iterator[str]:
    """G6: no result, and no durable event, of an older line counts."""
    opened: defaultdict[str, list[Opened]] = defaultdict(list)
    for fact in of(history.facts, Opened):
        opened[fact.device].append(fact)

    def stale(device: str, generation: int, at: float) -> bool:
        return any(line.generation > generation and line.at < at for line in opened[device])

    for row in history.ledger.rows:
        if row.said is not None and row.status in {"SUCCESS", "FAILED", "CANCELLED"}:
            generation, at = row.said
            if stale(row.device, generation, at):
                yield f"{row.command}: a result of the old line {row.device} {generation} counts"
    yield from _stale_events(history, stale)


def _stale_events(history: History, stale: Callable[[str, int, float], bool]) -> Iterator[str]:
    sent: defaultdict[tuple[str, str, int], list[Sent]] = defaultdict(list)
    for fact in of(history.facts, Sent):
        sent[fact.device, fact.boot, fact.seq].append(fact)
    for mark in history.ledger.stored:
        tries = sent[mark]
        if tries and all(stale(one.device, one.generation, one.at) for one in tries):
            yield f"event {mark} was only sent on old lines, and is stored"


def stored_once(history: History) -> Iterator[str]:
    """G4 for events: what was acknowledged is stored, once; nothing else was made up."""
    stored = Counter(history.ledger.stored)
    sent = {(fact.device, fact.boot, fact.seq) for fact in of(history.facts, Sent)}
    for mark, times in stored.items():
        if times > 1:
            yield f"event {mark} is stored {times} times"
        if mark not in sent:
            yield f"event {mark} is stored and was never sent"
    for mark in acknowledged(history.facts):
        if mark not in stored:
            yield f"event {mark} was acknowledged and is not stored"


def acknowledged(facts: list[AnyFact]) -> dict[tuple[str, str, int], float]:
    """Each durable event that was acknowledged, and when it was first sent."""
    up_to: dict[tuple[str, str], int] = {}
    for fact in of(facts, Acked):
        key = (fact.device, fact.boot)
        up_to[key] = max(fact.seq, up_to.get(key, 0))
    first: dict[tuple[str, str, int], float] = {}
    for fact in of(facts, Sent):
        if fact.seq <= up_to.get((fact.device, fact.boot), 0):
            first.setdefault((fact.device, fact.boot, fact.seq), fact.at)
    return first


def audited(history: History) -> Iterator[str]:
    """G16: a row for each privileged call that had an effect, and for nothing else."""
    deeds = Counter((deed.action, deed.subject) for deed in history.ledger.deeds)
    expected: set[tuple[str, str]] = set()
    for row in history.ledger.rows:
        expected.add((f"command.{row.type}", row.batch or row.command))
    names = {fact.name: fact.http for fact in of(history.facts, Grouped)}
    made = {("group.create", name) for name, http in names.items() if http == 201}
    for action, subject in sorted(expected | made):
        if deeds[action, subject] != 1:
            yield f"{action} {subject} has {deeds[action, subject]} audit rows"
    for action, subject in deeds:
        dispatched = action.startswith("command.") and action != "command.cancel"
        if dispatched and (action, subject) not in expected:
            yield f"an audit row tells of {action} {subject}, which is not there"
        if action == "group.create" and subject not in names:
            yield f"an audit row tells of the group {subject}, which nobody made"
    yield from _cancels(history, deeds)


def _cancels(history: History, deeds: Counter[tuple[str, str]]) -> Iterator[str]:
    done = {fact.call for fact in of(history.facts, Answered) if fact.http == 202}
    calls = [fact for fact in of(history.facts, Asked) if fact.kind == "cancel" and fact.command]
    asked = Counter(str(fact.command) for fact in calls)
    for command in {str(fact.command) for fact in calls if fact.call in done}:
        if deeds["command.cancel", command] == 0:
            yield f"the cancel of {command} has no audit row"
    for (action, command), times in deeds.items():
        if action == "command.cancel" and times > asked[command]:
            yield f"{command} has {times} audit rows of {asked[command]} cancels"


def registry_is_true(history: History) -> Iterator[str]:
    """G7: who has stood for 15 s is listed with its generation; who is gone is not."""
    lives = _lives(history.facts)
    for sample in of(history.facts, Registry):
        for device, (opened, closed) in lives.items():
            listed = sample.lines.get(device)
            if closed is None:
                if sample.at - opened.at > REGISTRY_SECONDS + SLACK:
                    true = (opened.generation, opened.replica)
                    if listed != true:
                        yield f"{sample.asked} lists {device} as {listed}, it stands at {true}"
            elif listed is not None:
                allowed = SILENT_SECONDS if closed.silent else REGISTRY_SECONDS
                if closed.at < sample.at - allowed - SLACK:
                    yield f"{sample.asked} lists {device} as {listed}, it is gone"


def _lives(facts: list[AnyFact]) -> dict[str, tuple[Opened, Closed | None]]:
    """The newest line of each device."""
    newest: dict[str, Opened] = {}
    for fact in of(facts, Opened):
        if fact.generation >= getattr(newest.get(fact.device), "generation", 0):
            newest[fact.device] = fact
    closed = {(fact.device, fact.generation): fact for fact in of(facts, Closed)}
    return {
        device: (opened, closed.get((device, opened.generation)))
        for device, opened in newest.items()
    }
