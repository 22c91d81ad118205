"""How much somebody may ask for in a while, as far as one replica knows. Pure; times are monotonic.

A limit is a bucket a key. It holds `quota` units, which come back once a `window`, counted from
when the bucket was last full: a quarter after half of it, the rest at its end. The early quarter is
for whoever keeps exactly to the limit, by a clock that is not ours. What costs more than a whole
bucket is taken out of a full one, which then owes the rest.

Replicas tell each other what was taken (`due`, `told`), a fifth of a second late, and each takes
that out of its own bucket, too; what was too much is owed. The bucket then counts from the time of
that taking, which is told as an age and not as a time of day. So at the limit nobody is refused,
however he spreads his calls, and over it he gets a little more in the first window only.

Full buckets are forgotten when there are too many, then those that are nearly full.
"""

from math import ceil
from typing import Final

from msgspec import Struct

MOST_KEYS: Final = 8192
MOST_TOLD: Final = 1000
"""Keys in one message."""
EARLY: Final = 0.25
"""The part of a quota that comes back after half a window."""
TELLING: Final = 0.1
"""Told is who has taken more than this part of a quota."""
ON_ITS_WAY: Final = 0.05
"""Seconds by which what is told may be older than it says."""


class Policy(Struct, frozen=True):
    """`quota` units in `window` seconds, for each key."""

    name: str
    quota: int
    window: float


class LimitState(Struct, frozen=True):
    """How a key stands after it asked. `wait` is 0, or it was refused and may come back then."""

    left: int
    reset: int
    """Seconds until it has its whole quota."""
    wait: int = 0


class LimitUse(Struct, frozen=True, array_like=True):
    """What one replica tells the others; the first of it was taken `age` seconds ago."""

    limit: str
    key: str
    units: int
    age: float


class _Bucket:
    __slots__ = ("first", "halves", "left", "since", "turn", "untold")

    def __init__(self, left: float, since: float, turn: float) -> None:
        self.left = left
        self.since = since
        """When it was last full."""
        self.halves = 0
        """Of a window, since then."""
        self.turn = turn
        """When the next one ends."""
        self.untold = 0
        self.first = since
        """When the first of what is not told was taken."""


class Limiter:
    """The buckets of one limit."""

    def __init__(self, policy: Policy, *, most: int = MOST_KEYS) -> None:
        self.policy = policy
        self._quota = policy.quota
        self._early = policy.quota * EARLY
        self._half = policy.window / 2
        self._told_above = policy.quota * TELLING
        self._most = most
        self._buckets: dict[str, _Bucket] = {}
        self._due: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float, units: int = 1, *, held: int = 0) -> LimitState:
        """Take `units` if they are there. Who took `held` of a larger sum before says so: the whole
        is judged, the rest is taken."""
        bucket = self._buckets.get(key)
        if bucket is None or now >= bucket.turn:
            bucket = self._bucket(key, now)
        left, quota = bucket.left, self._quota
        if left + held < quota and left < units:
            return self._refusal(bucket, now, min(units, quota - held))
        if left == quota:
            bucket.since = bucket.first = now
            bucket.turn = now + self._half
            bucket.untold = 0
        elif not bucket.untold:
            bucket.first = now
        bucket.left = left - units
        bucket.untold += units
        if bucket.untold > self._told_above:
            self._due[key] = None
        return self._standing(bucket, now)

    def look(self, key: str, now: float) -> LimitState:
        """What `take` would answer, and nothing is taken."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return LimitState(self._quota, 0)
        self._fill(bucket, now)
        if bucket.left < 1:
            return self._refusal(bucket, now, 1)
        return self._standing(bucket, now)

    @property
    def is_due(self) -> bool:
        """Whether there is something to tell the other replicas."""
        return bool(self._due)

    def due(self, now: float) -> list[LimitUse]:
        """What the other replicas should know; at most `MOST_TOLD`, the others next time."""
        told: list[LimitUse] = []
        while self._due and len(told) < MOST_TOLD:
            key, _ = self._due.popitem()
            bucket = self._buckets.get(key)
            if bucket is not None and bucket.untold:
                told.append(LimitUse(self.policy.name, key, bucket.untold, now - bucket.first))
                bucket.untold = 0
        return told

    def told(self, taken: LimitUse, now: float) -> None:
        """Another replica gave this away."""
        bucket = self._bucket(taken.key, now)
        began = now - max(0.0, taken.age) - ON_ITS_WAY
        if bucket.left == self._quota:
            bucket.since, bucket.untold = began, 0
        elif bucket.halves == 0:
            bucket.since = min(bucket.since, began)
        bucket.turn = bucket.since + (bucket.halves + 1) * self._half
        bucket.left -= max(0, taken.units)
        self._fill(bucket, now)

    def _bucket(self, key: str, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._most:
                self._make_room(now)
            bucket = self._buckets[key] = _Bucket(self._quota, now, now + self._half)
        else:
            self._fill(bucket, now)
        return bucket

    def _fill(self, bucket: _Bucket, now: float) -> None:
        if now < bucket.turn:
            return
        halves = int((now - bucket.since) / self._half)
        bucket.left += self._back(halves) - self._back(bucket.halves)
        bucket.halves = halves
        if bucket.left >= self._quota:
            bucket.left, bucket.since, bucket.halves = self._quota, now, 0
        bucket.turn = bucket.since + (bucket.halves + 1) * self._half

    def _back(self, halves: int) -> float:
        """What has come back in so many halves of a window."""
        return halves // 2 * self._quota + halves % 2 * self._early

    def _make_room(self, now: float) -> None:
        for bucket in self._buckets.values():
            self._fill(bucket, now)
        used = [item for item in self._buckets.items() if item[1].left < self._quota]
        room = self._most - self._most // 10 - 1
        if len(used) > room:
            used = sorted(used, key=lambda item: item[1].left)[:room]
        self._buckets = dict(used)

    def _standing(self, bucket: _Bucket, now: float) -> LimitState:
        left = bucket.left
        reset = 0 if left == self._quota else self._until(bucket, now, self._quota - left)
        return LimitState(int(left) if left > 0 else 0, reset)

    def _refusal(self, bucket: _Bucket, now: float, units: float) -> LimitState:
        """Of a bucket that must have so many `units` first."""
        wait = self._until(bucket, now, units - bucket.left)
        return LimitState(max(0, int(bucket.left)), self._standing(bucket, now).reset, wait)

    def _until(self, bucket: _Bucket, now: float, units: float) -> int:
        """Whole seconds until so many units have come back, at least 1."""
        if bucket.halves:
            units += self._back(bucket.halves)
        halves, rest = 0.0, units
        if units > self._quota:
            windows, rest = divmod(units, self._quota)
            halves = 2 * windows
        halves += (rest > 0) + (rest > self._early)
        return ceil(bucket.since + halves * self._half - now) or 1
