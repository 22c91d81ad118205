"""Towards the cloud: what is sent where, what an answer means, when to try again. Pure.

| answer | means |
|---|---|
| 2xx with an empty or a JSON body | done |
| a web page, whatever its status; 2xx with anything else | not the cloud's word: no answer |
| 409 | the cloud has it already: done |
| 401 | our token is refused: again, with a new one; it says nothing about the record |
| 407, 408, 425, 429, 5xx, a redirect, no answer | again with backoff, not before `Retry-After` |
| other 4xx | the cloud will never take it: a dead letter |

Several records travel in one request, and one answer is for all of them. A 409 or a final refusal
of many is therefore asked again in halves, in order, until it is about one record: a single bad
record is a dead letter and takes no neighbour with it, and a record of which the cloud knew nothing
is never counted as done because of its neighbour."""

from collections import deque
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from protocol.answers import WEB_PAGE, doubt_of_success, is_web_page
from protocol.edge import Kind

T = TypeVar("T")

PATHS: Final[dict[Kind, str]] = {
    "bottle": "bottles",
    "batch": "batches",
    "pallet": "pallets",
    "fixation": "batches/fixate",
}
MOST_ITEMS: Final = 200
MOST_BYTES: Final = 1024 * 1024
"""Of one request; a larger record travels alone."""
FIRST_SECONDS: Final = 1.0
CAP_SECONDS: Final = 60.0
LONGEST_WISH: Final = 3600.0
"""The longest `Retry-After` that is obeyed."""
MOST_TEXT: Final = 200
_AGAIN: Final = frozenset({407, 408, 425, 429})


class Item(Struct, frozen=True):
    """A record on its way: `ts` as it travels, `data` the producer's own."""

    id: str
    ts: str
    data: dict[str, Any]


class Answer(Struct, frozen=True):
    """`status` is None when the cloud gave none; `text` says what it was, for people."""

    status: int | None
    text: str
    retry_after: float = 0.0


class Verdict(Enum):
    DONE = auto()
    KNOWN = auto()
    """All, or some, of what was sent was there before."""
    REFUSED = auto()
    AGAIN = auto()
    NEW_TOKEN = auto()


def path_of(company_id: str, kind: Kind) -> str:
    """Below the address of the cloud."""
    return f"/companies/{quote(company_id, safe='')}/{PATHS[kind]}"


def body_of(items: Sequence[Item]) -> bytes:
    """`id` and `ts` are ours, whatever the data says."""
    return msgspec.json.encode(
        {"items": [{**item.data, "id": item.id, "ts": item.ts} for item in items]}
    )


def heard(status: int, *, media: str | None, body: bytes, retry_after: float) -> Answer:
    """What came back, when it is the cloud's own word (`protocol.answers`)."""
    if 200 <= status < 300:
        doubt = doubt_of_success(media, body)
    else:
        doubt = WEB_PAGE if is_web_page(media, body) else None
    if doubt is not None:
        return Answer(None, doubt, retry_after)
    said = body[: 4 * MOST_TEXT].decode(errors="replace")[:MOST_TEXT]
    return Answer(status, f"{status}: {said}".replace("\0", ""), retry_after)


def meaning(status: int | None) -> Verdict:
    """Of the status of an `Answer`."""
    if status is None or status in _AGAIN:
        return Verdict.AGAIN
    if 200 <= status < 300:
        return Verdict.DONE
    if status == 409:
        return Verdict.KNOWN
    if status == 401:
        return Verdict.NEW_TOKEN
    return Verdict.REFUSED if 400 <= status < 500 else Verdict.AGAIN


def wait_after(failures: int, *, wish: float, draw: float) -> float:
    """Seconds until the next attempt after so many failures in a row; `draw` from [0, 1)."""
    ceiling = min(CAP_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 10))
    return max(min(wish, LONGEST_WISH), ceiling * (0.5 + draw / 2))


class Outcome(Struct, Generic[T], frozen=True):
    """What is known after an answer. `failed`: stop here, and come back later."""

    done: Sequence[T] = ()
    dead: Sequence[T] = ()
    failed: bool = False


class Push(Generic[T]):
    """One batch on its way, in the order of its records."""

    def __init__(self, items: Sequence[T]) -> None:
        self._parts: deque[Sequence[T]] = deque([items] if items else [])

    def next(self) -> Sequence[T]:
        """What to send now; empty when all is known."""
        return self._parts[0] if self._parts else ()

    def answered(self, verdict: Verdict) -> Outcome[T]:
        """The answer to what `next` gave."""
        if verdict in (Verdict.AGAIN, Verdict.NEW_TOKEN):
            return Outcome(failed=True)
        part = self._parts.popleft()
        if verdict is Verdict.DONE:
            return Outcome(done=part)
        if len(part) > 1:
            middle = len(part) // 2
            self._parts.extendleft((part[middle:], part[:middle]))
            return Outcome()
        return Outcome(done=part) if verdict is Verdict.KNOWN else Outcome(dead=part)


def fitting(sizes: Sequence[int]) -> int:
    """How many of the first records go into one request; at least one."""
    total = 0
    for number, size in enumerate(sizes[:MOST_ITEMS]):
        total += size
        if total > MOST_BYTES:
            return max(1, number)
    return min(len(sizes), MOST_ITEMS)
