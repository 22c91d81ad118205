"""What a chaos run must not have done: one pure function over its history.

Each rule reads the facts and the ledger and yields what it finds; `RULES` is the list of them. A
rule never assumes that a fault was absent: it uses only what the promises say holds under any of
them. What nobody can know (a call that was never answered, an event that was never acknowledged) is
never a violation by itself.

Four rules need a word:

- *fence*: a result counts for the line it was sent on. If it was sent after the same device's newer
  line had been welcomed, believing it is wrong. A result on its way at that moment may still win.
- *dashboards*: a dashboard owes its reader every acknowledged event since its first subscription,
  or a gap. An event at (epoch, offset) that another dashboard saw is covered by a gap over that
  place; by any later change of epoch, when it lay beyond what was seen of its own epoch. An event
  that nobody saw never had a place: any gap that was told after it was sent covers it.
- *registry*: a line counts when it has stood, or been gone, for as long as the registry may take.
- *ended*: a use counts from its beginning, so that a replica that stood still with it in its kernel
  has no excuse. One that could not read the database has a minute of it: then it refuses by itself.
"""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from tests.acceptance.chaos import commands, lines, rights, seen
from tests.acceptance.chaos.history import History

Rule = Callable[[History], Iterator[str]]
RULES: Final[dict[str, Rule]] = {
    "noted": commands.noted,
    "accepted": commands.accepted,
    "transitions": commands.transitions,
    "refused in order": commands.refused_in_order,
    "one command": commands.one_command,
    "ran once": commands.ran_once,
    "success means ran": commands.success_means_ran,
    "unsent means not ran": commands.unsent_means_not_ran,
    "answers agree": commands.answers_agree,
    "audited": commands.audited,
    "in order": lines.in_order,
    "fence": lines.fence,
    "stored once": lines.stored_once,
    "registry": lines.registry_is_true,
    "ended": rights.ended_is_ended,
    "owners": rights.owners_have_rights,
    "unbroken": seen.unbroken,
    "events seen once": seen.events_seen_once,
    "results agree": seen.results_agree,
}


class Violation(Struct, frozen=True):
    rule: str
    text: str


def check(history: History) -> list[Violation]:
    return [Violation(name, text) for name, rule in RULES.items() for text in rule(history)]
