"""The limits of requests: which there are, what an answer says of them, what replicas tell of them.

Each request is judged where it is known who asks. The judgement stays in the scope of the request,
and goes out with the answer as `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-
headers, 10), whatever the answer is. Replicas tell each other by hints: the decision is in
`hub/base/limiter.py`, and never waits for anybody.
"""

from collections.abc import Callable
from typing import Final, cast

import msgspec
import structlog
from msgspec import Struct
from starlette.types import Scope

from hub.base import metrics
from hub.base.addresses import block_of
from hub.base.errors import TooManyRequests
from hub.base.limiter import Limiter, LimitState, LimitUse, Policy
from hub.base.principal import Principal
from hub.base.settings import Settings

log = structlog.get_logger(__name__)

CHANNEL: Final = "longline:limits"
TELL_EVERY: Final = 0.2
"""Seconds from one message of a replica to its next, at least."""
LIMITED: Final = "longline.limited"
"""In the scope of a request that was judged."""

DEVICE: Final = Policy("device", 200, 2.0)
WRONG_KEYS: Final = Policy("wrong_keys", 50, 60.0)
ADDRESS_SECONDS: Final = 4
"""So many seconds' requests an address may send at once."""


class RequestLimit:
    """One of them; a quota of 0 = no limit. `clock` gives monotonic seconds, `tell_soon` is called
    when other replicas should know."""

    def __init__(
        self, policy: Policy, clock: Callable[[], float], tell_soon: Callable[[], None]
    ) -> None:
        self.limiter = Limiter(policy) if policy.quota else None
        self._clock = clock
        self._tell_soon = tell_soon
        self._is_used_up = (
            f'the limit "{policy.name}" of {policy.quota} in {policy.window:g} s is used up'
        )
        self._refused = metrics.requests_limited.labels(policy.name)
        self._policy = f'"{policy.name}";q={policy.quota};w={policy.window:.0f}'.encode()
        self._now = f'"{policy.name}";r=%d;t=%d'.encode()

    def take(self, scope: Scope, key: str, units: int = 1, *, held: int = 0) -> None:
        """Count a request. Raises `TooManyRequests`."""
        limiter = self.limiter
        if limiter is None:
            return
        standing = limiter.take(key, self._clock(), units, held=held)
        scope[LIMITED] = self, standing
        if standing.wait:
            raise self._refusal(standing)
        if limiter.is_due:
            self._tell_soon()

    def take_too(self, scope: Scope, key: str, units: int = 1, *, held: int = 0) -> None:
        """Count a request that is counted elsewhere: the answer says how that stands, unless this
        is what is used up. Raises `TooManyRequests`."""
        counted = scope.get(LIMITED)
        self.take(scope, key, units, held=held)
        if counted is not None:
            scope[LIMITED] = counted

    def check(self, scope: Scope, key: str) -> None:
        """Count nothing. Raises `TooManyRequests` when there is nothing left."""
        standing = self.show(scope, key)
        if standing is not None and standing.wait:
            raise self._refusal(standing)

    def show(self, scope: Scope, key: str) -> LimitState | None:
        """Have the answer say how it stands; None when there is no limit."""
        if self.limiter is None:
            return None
        standing = self.limiter.look(key, self._clock())
        scope[LIMITED] = self, standing
        return standing

    def headers(self, standing: LimitState) -> list[tuple[bytes, bytes]]:
        return [
            (b"ratelimit-policy", self._policy),
            (b"ratelimit", self._now % (standing.left, standing.reset)),
        ]

    def _refusal(self, standing: LimitState) -> TooManyRequests:
        self._refused.inc()
        wait = standing.wait
        return TooManyRequests(f"{self._is_used_up}: wait {wait} s", retry_after=wait)


def headers_of(scope: Scope) -> list[tuple[bytes, bytes]]:
    """What the answer to this request says of the limit that it was judged by."""
    judged: tuple[RequestLimit, LimitState] | None = scope.get(LIMITED)
    return [] if judged is None else judged[0].headers(judged[1])


class _Message(Struct, frozen=True, array_like=True):
    replica_id: str
    taken: list[LimitUse]


class RequestLimits:
    """All of them. `publish` hints to every replica, `later` calls after some seconds."""

    def __init__(
        self,
        settings: Settings,
        replica_id: str,
        *,
        clock: Callable[[], float],
        publish: Callable[[str, bytes], None],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._replica_id = replica_id
        self._clock = clock
        self._publish = publish
        self._later = later
        self._told_at = float("-inf")
        self._is_to_tell = False
        self._decoder = msgspec.msgpack.Decoder(_Message)
        self._limiters: dict[str, Limiter] = {}
        self._requests = self._limit(Policy("requests", settings.request_rate, 1.0))
        self._commands = self._limit(Policy("commands", settings.command_rate, 1.0))
        self._org_requests = self._limit(Policy("org_requests", settings.org_request_rate, 1.0))
        self._org_commands = self._limit(Policy("org_commands", settings.org_command_rate, 1.0))
        self._device = self._limit(DEVICE)
        of_address = settings.address_rate * ADDRESS_SECONDS
        self._address = self._limit(Policy("address", of_address, ADDRESS_SECONDS))
        self._wrong_keys = self._limit(WRONG_KEYS)
        self._enrollments = self._limit(Policy("enrollments", settings.enrollment_rate, 60.0))

    def _limit(self, policy: Policy) -> RequestLimit:
        limit = RequestLimit(policy, self._clock, self._tell_soon)
        if limit.limiter is not None:
            self._limiters[policy.name] = limit.limiter
        return limit

    # Each of these raises `TooManyRequests`.

    def caller(self, scope: Scope, principal: Principal, *, dispatches: bool) -> None:
        """A request of somebody who is known. What one of an organisation is refused, the others
        do not pay for."""
        if principal.kind == "device":
            self.device(scope, principal.org, principal.subject)
            return
        limit = self._commands if dispatches else self._requests
        limit.take(scope, _key_of(principal))
        of_all = self._org_commands if dispatches else self._org_requests
        of_all.take_too(scope, principal.org)

    def further_commands(self, scope: Scope, principal: Principal, count: int) -> None:
        """What a bulk call has beside the one command that it counted for as a request."""
        if count > 0:
            self._commands.take(scope, _key_of(principal), count, held=1)
            self._org_commands.take_too(scope, principal.org, count, held=1)

    def device(self, scope: Scope, org: str, device_id: str) -> None:
        self._device.take(scope, f"{org}/{device_id}")

    def stranger(self, scope: Scope, address: str | None) -> None:
        """A request of somebody who has not said who he is, or not truly."""
        self._address.take(scope, block_of(address or ""))

    def show_stranger(self, scope: Scope, address: str | None) -> None:
        """The same for an endpoint that judges by itself: nothing is counted or refused."""
        self._address.show(scope, block_of(address or ""))

    def may_show_key(self, scope: Scope, address: str | None) -> None:
        """Whether an enrolment key from this address is looked at."""
        self._wrong_keys.check(scope, block_of(address or ""))

    def wrong_key(self, scope: Scope, address: str | None) -> None:
        self._wrong_keys.take(scope, block_of(address or ""))

    def new_device(self, scope: Scope, address: str | None, key_id: str) -> None:
        self._enrollments.take(scope, f"{block_of(address or '')}/{key_id}")

    # What replicas tell each other

    def _tell_soon(self) -> None:
        if not self._is_to_tell:
            self._is_to_tell = True
            self._later(max(0.0, self._told_at + TELL_EVERY - self._clock()), self._tell)

    def _tell(self) -> None:
        self._is_to_tell = False
        self._told_at = now = self._clock()
        taken = [row for limiter in self._limiters.values() for row in limiter.due(now)]
        self._publish(CHANNEL, msgspec.msgpack.encode(_Message(self._replica_id, taken)))
        if any(limiter.is_due for limiter in self._limiters.values()):
            self._tell_soon()

    def told(self, payload: bytes) -> None:
        """A message of a replica, this one's own included."""
        try:
            message = self._decoder.decode(payload)
        except (msgspec.MsgspecError, ValueError):
            log.warning("hint_not_understood", channel=CHANNEL)
            return
        if message.replica_id == self._replica_id:
            return
        now = self._clock()
        for row in message.taken:
            limiter = self._limiters.get(row.limit)
            if limiter is not None:
                limiter.told(row, now)


def _key_of(principal: Principal) -> str:
    """An account with all its sessions, or one API key."""
    if principal.kind == "api_key":
        return f"{principal.org}/key/{cast('str', principal.key_id)}"
    return f"{principal.org}/{principal.subject}"
