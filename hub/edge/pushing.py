"""What the cloud's answer does to a lane (one company). Pure.

A lane is pushed in the order in which its records were handed in, over all kinds: a fixation never
goes before its batch. A request carries one kind, so it takes the first records as far as they are
of one. One is on its way at a time, from the replica that holds the lane's job. After an
answer its records are done, dead letters, or still waiting; and the lane goes on, or rests until
its next attempt, for whichever replica comes then. `cloud.api` says what an answer means."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from msgspec import Struct

from cloud.api import Answer, Item, Push, Verdict, meaning, wait_after
from protocol.edge import Kind
from protocol.ids import DeviceId, OrgId

LANE: Final = "cloud_lane"
"""The kind of job that pushes one."""
LEASE_SECONDS: Final = 15.0
LATEST_SECONDS: Final = 4.0
"""A request is not begun later than this after the lease was renewed, since it may take ten."""
MOST_ERROR: Final = 500


class Lane(Struct, frozen=True):
    org: OrgId
    company_id: str


class WaitingRecord(Struct, frozen=True, kw_only=True):
    """A record that waits. `queue_id` is its place, and names it."""

    queue_id: int
    device_id: DeviceId
    kind: Kind
    item: Item


class Settlement(Struct, frozen=True, kw_only=True):
    """What to write after one answer. `wait` is None when the lane goes on."""

    done: Sequence[WaitingRecord] = ()
    dead: Sequence[WaitingRecord] = ()
    error: str = ""
    wait: float | None = None
    new_token: bool = False


def of_one_kind(waiting: Sequence[WaitingRecord]) -> list[WaitingRecord]:
    """The first ones, as far as one request may carry them."""
    return list(takewhile(lambda each: each.kind == waiting[0].kind, waiting))


def settle(push: Push[WaitingRecord], answer: Answer, *, failures: int, draw: float) -> Settlement:
    """`failures` in a row before this answer; `draw` from [0, 1)."""
    verdict = meaning(answer.status)
    outcome = push.answered(verdict)
    if outcome.failed:
        return Settlement(
            error=answer.text[:MOST_ERROR],
            wait=wait_after(failures + 1, wish=answer.retry_after, draw=draw),
            new_token=verdict is Verdict.NEW_TOKEN,
        )
    return Settlement(
        done=outcome.done,
        dead=outcome.dead,
        error=answer.text[:MOST_ERROR],
    )


def in_time(held_since: float, now: float) -> bool:
    """Whether a request that begins now ends before the lease does."""
    return now - held_since <= LATEST_SECONDS
