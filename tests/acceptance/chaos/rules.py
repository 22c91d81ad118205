"""All the rules, by the name under which a violation is reported."""

from typing import Final

from tests.acceptance.chaos import checker, seen
from tests.acceptance.chaos.checker import Rule

RULES: Final[dict[str, Rule]] = {
    "noted": checker.noted,
    "accepted": checker.accepted,
    "transitions": checker.transitions,
    "one command": checker.one_command,
    "ran once": checker.ran_once,
    "success means ran": checker.success_means_ran,
    "unsent means not ran": checker.unsent_means_not_ran,
    "answers agree": checker.answers_agree,
    "in order": checker.in_order,
    "fence": checker.fence,
    "stored once": checker.stored_once,
    "audited": checker.audited,
    "registry": checker.registry_is_true,
    "unbroken": seen.unbroken,
    "events seen once": seen.events_seen_once,
    "results agree": seen.results_agree,
}
