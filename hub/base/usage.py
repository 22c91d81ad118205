"""What organisations use, as this process counts it until somebody takes it."""

from collections import Counter, defaultdict
from typing import Literal

from protocol.ids import OrgId

Used = Literal["events", "commands", "bytes", "calls"]

_counted: defaultdict[OrgId, Counter[Used]] = defaultdict(Counter)


def count(org: OrgId, used: Used, number: int = 1) -> None:
    _counted[org][used] += number


def take() -> dict[OrgId, Counter[Used]]:
    """All since the last time."""
    taken = dict(_counted)
    _counted.clear()
    return taken


def put_back(taken: dict[OrgId, Counter[Used]]) -> None:
    """It could not be written."""
    for org, counted in taken.items():
        _counted[org].update(counted)
