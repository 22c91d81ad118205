"""What the cloud's answer does to a lane (one company and kind). Pure.

A lane is pushed in order, one request at a time, by the replica that holds its lease. After an
answer its records are done, dead letters, or still waiting; and the lane goes on, or rests until
its next attempt, for whichever replica comes then. `cloud.api` says what an answer means."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from cloud.api import Answer, Item, Push, Verdict, meaning, wait_after
from protocol.edge import Kind
from protocol.ids import OrgId

LEASE_SECONDS: Final = 15.0
LATEST_SECONDS: Final = 4.0
"""A request is not begun later than this after the lease was renewed, since it may take ten."""
MOST_ERROR: Final = 500


class Lane(Struct, frozen=True):
    org: OrgId
    company_id: str
    kind: Kind


class Claimed(Struct, frozen=True):
    """A lane that this replica holds now, and how often in a row it has failed."""

    lane: Lane
    failures: int


class Settlement(Struct, frozen=True, kw_only=True):
    """What to write after one answer. `wait` is None when the lane goes on."""

    done: Sequence[str] = ()
    dead: Sequence[str] = ()
    error: str = ""
    failures: int = 0
    wait: float | None = None
    new_token: bool = False


def settle(push: Push[Item], answer: Answer, *, failures: int, draw: float) -> Settlement:
    """`failures` in a row before this answer; `draw` from [0, 1)."""
    verdict = meaning(answer.status)
    outcome = push.answered(verdict)
    if outcome.failed:
        return Settlement(
            error=answer.text[:MOST_ERROR],
            failures=failures + 1,
            wait=wait_after(failures + 1, wish=answer.retry_after, draw=draw),
            new_token=verdict is Verdict.NEW_TOKEN,
        )
    return Settlement(
        done=[item.id for item in outcome.done],
        dead=[item.id for item in outcome.dead],
        error=answer.text[:MOST_ERROR],
    )


def in_time(held_since: float, now: float) -> bool:
    """Whether a request that begins now ends before the lease does."""
    return now - held_since <= LATEST_SECONDS
