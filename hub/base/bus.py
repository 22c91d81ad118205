"""The bus: the organisation's event stream, and hints between replicas. No other module sees redis.

The stream is written by one script (stream.lua) and read by offset, never by pub/sub: a reader that
was away goes on where it was, or finds that it cannot. Hints are pub/sub: they may be lost by
definition, and whoever listens is told when some may have been.

Every call has a deadline of ours, because a frozen server outlasts every timeout of the client
library, and ends in an answer or in `BusUnavailable`. Nothing that is promised lives only here.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, NoReturn, Protocol, cast

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from hub.base.breaker import Breaker
from hub.base.tail import Unreachable, backoff, follow
from protocol.dashboard import GapReason, Position
from protocol.errors import InvalidMessage
from protocol.ids import OrgId
from protocol.stream import Appended, EventBatch, StreamEntry, TailItem, pack, unpack

WINDOW_EVENTS: Final = 50_000
WINDOW_SECONDS: Final = 600.0
DEADLINE: Final = 1.0
CONNECTIONS: Final = 16
READ_COUNT: Final = 10
"""Entries that one read of the tail brings at most."""
BLOCK_MS: Final = 1000
HINTS_QUEUED: Final = 10_000
HINTS_A_PIPELINE: Final = 500
PING_EVERY: Final = 1.0
SILENCE: Final = 3.0
"""Seconds without a byte, pings unanswered, after which a subscription is dead."""

_SCRIPT: Final = files("hub.base").joinpath("stream.lua").read_text("utf-8")
_SHA: Final = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_log = structlog.get_logger(__name__)


class BusUnavailable(Unreachable):
    """Redis does not answer, refuses, or is left alone for a moment after it did not."""


class HintHandler(Protocol):
    """Neither method may block or raise."""

    def hint(self, channel: str, payload: bytes) -> None: ...

    def resubscribed(self) -> None:
        """The subscription stands (first, or again); hints sent before may have been lost."""
        ...


class Bus:
    """`clock` gives monotonic seconds. `run()` sends the hints; it, every `tail()` and every
    `subscribe()` run until they are cancelled and belong in the root's task group."""

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float],
        window_events: int = WINDOW_EVENTS,
        window_seconds: float = WINDOW_SECONDS,
        deadline: float = DEADLINE,
        hints_a_pipeline: int = HINTS_A_PIPELINE,
    ) -> None:
        self._hints_a_pipeline = hints_a_pipeline
        self._url = url
        self._clock = clock
        self._window = (window_events, int(window_seconds * 1000))
        self._deadline = deadline
        self._client = self._connect(CONNECTIONS)
        self._breaker = Breaker()
        self._seen: dict[OrgId, Position] = {}
        self._hints: deque[tuple[str, bytes]] = deque(maxlen=HINTS_QUEUED)
        self._hinted = asyncio.Event()

    async def append(self, org: OrgId, batch: EventBatch) -> Appended:
        """Append the events of one tick. Raises `BusUnavailable`; then repeating the same batch is
        safe: a number that is in already changes nothing and gets the same answer."""
        return await self._append(
            org,
            f"batch:{batch.replica_id}",
            batch.number,
            count=len(batch.events),
            packed=pack(batch.events),
            writer=batch.replica_id,
        )

    async def append_gap(self, org: OrgId, reason: GapReason, *, source: str) -> Appended:
        """Publish a gap. `source` names its cause (a dead replica's id): a second finder of the
        same one changes nothing within the hour. The marker takes one offset."""
        return await self._append(org, f"gap:{source}", 1, count=1, reason=reason)

    async def open(self, org: OrgId) -> Position:
        """The stream's head. Starts an epoch when there is none, or one that is behind what this
        replica has seen (an old copy came back). Raises `BusUnavailable`."""
        at = await self._append(org, "", 0, count=0)
        return Position(epoch=at.epoch, offset=at.last_offset)

    async def _append(
        self,
        org: OrgId,
        last: str,
        number: int,
        *,
        count: int,
        packed: bytes = b"",
        reason: str = "",
        writer: str = "",
    ) -> Appended:
        keys = [_key(org, name) for name in ("head", last, "marks", "stream:")]
        seen = self._seen.get(org, Position(epoch="", offset=0))
        arguments = [number, count, packed, reason, seen.epoch, seen.offset, secrets.token_hex(2)]
        async with self._guarded(self._deadline):
            answer = await self._run_script([*keys, *arguments, *self._window, writer])
        appended = Appended(
            epoch=answer[0].decode(), first_offset=int(answer[1]), last_offset=int(answer[2])
        )
        self._note(org, Position(epoch=appended.epoch, offset=appended.last_offset))
        return appended

    async def _run_script(self, arguments: list[Any]) -> list[bytes]:
        try:
            return await _execute(self._client, "EVALSHA", _SHA, 4, *arguments)
        except NoScriptError:
            return await _execute(self._client, "EVAL", _SCRIPT, 4, *arguments)

    async def head(self, org: OrgId) -> Position | None:
        """The last offset given out, None when there is no stream. Raises `BusUnavailable`."""
        async with self._guarded(self._deadline):
            epoch, offset = await _execute(
                self._client, "HMGET", _key(org, "head"), "epoch", "offset"
            )
        if epoch is None:
            return None
        position = Position(epoch=epoch.decode(), offset=int(offset))
        self._note(org, position)
        return position

    async def read(self, org: OrgId, epoch: str, *, after: int, count: int) -> list[StreamEntry]:
        """At most `count` entries with an offset above `after`; the first may begin below it. What
        was trimmed is missing without a word: look at `first`. Raises `BusUnavailable`."""
        async with self._guarded(self._deadline):
            return await _read(self._client, org, epoch, after, ["COUNT", count])

    async def tail(self, org: OrgId, receive: Callable[[TailItem], None]) -> NoReturn:
        """Follow the stream from its head, for ever, through outages and new epochs (see
        `hub.base.tail`); `receive` must neither block nor raise."""
        client = self._connect(1)  # of its own, because its reads block

        async def wait(position: Position) -> list[StreamEntry]:
            options = ["COUNT", READ_COUNT, "BLOCK", BLOCK_MS]
            async with self._guarded(self._deadline + BLOCK_MS / 1000):
                entries = await _read(client, org, position.epoch, position.offset, options)
            if entries:
                self._note(org, Position(epoch=position.epoch, offset=entries[-1].last))
            return entries

        try:
            await follow(partial(self.open, org), wait, receive)
        finally:
            await _close(client)

    def _note(self, org: OrgId, position: Position) -> None:
        seen = self._seen.get(org)
        if seen is None or (seen.epoch, seen.offset) < (position.epoch, position.offset):
            self._seen[org] = position

    def seen(self, org: OrgId) -> Position | None:
        """The newest position of the stream that this replica knows of."""
        return self._seen.get(org)

    def is_well(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return not self._breaker.is_open

    async def about(self) -> dict[str, Any]:
        """What the server says of itself (INFO). Raises `BusUnavailable`."""
        async with self._guarded(self._deadline):
            return await _execute(self._client, "INFO")

    def publish(self, channel: str, payload: bytes) -> None:
        """Send a hint soon, or never: when the queue is full the oldest is forgotten."""
        self._hints.append((channel, payload))
        self._hinted.set()

    async def run(self) -> NoReturn:
        """The one writer of hints: what has come together goes out in one pipeline."""
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            while self._hints:
                some = min(len(self._hints), self._hints_a_pipeline)
                await self._send_hints([self._hints.popleft() for _ in range(some)])

    async def _send_hints(self, hints: list[tuple[str, bytes]]) -> None:
        try:
            async with (
                self._guarded(self._deadline),
                self._client.pipeline(transaction=False) as pipeline,
            ):
                for channel, payload in hints:
                    pipeline.publish(channel, payload)  # pyright: ignore[reportUnknownMemberType]
                await pipeline.execute()
        except BusUnavailable as error:
            _log.info("bus_hints_lost", count=len(hints), error=str(error))

    async def subscribe(self, channels: Sequence[str], handler: HintHandler) -> NoReturn:
        """Listen for ever. The client library would resubscribe by itself and say nothing; here
        every loss ends the subscription, and the next one begins with `resubscribed()`."""
        failures = 0
        while True:
            began = self._clock()
            try:
                await self._listen(channels, handler)
            except BusUnavailable as error:
                _log.info("bus_subscription_lost", error=str(error))
            failures = 0 if self._clock() - began > SILENCE else failures + 1
            await asyncio.sleep(backoff(failures))

    async def _listen(self, channels: Sequence[str], handler: HintHandler) -> None:
        """One subscription, until it is lost."""
        client = self._connect(1)
        pubsub = client.pubsub()  # pyright: ignore[reportUnknownMemberType]
        unconfirmed = {channel.encode() for channel in channels}
        heard = self._clock()
        try:
            async with self._guarded(self._deadline):
                await pubsub.subscribe(*channels)
            while self._clock() - heard < SILENCE:
                async with self._guarded(self._deadline + PING_EVERY):
                    message = cast(
                        "dict[str, Any] | None", await pubsub.get_message(timeout=PING_EVERY)
                    )
                    if message is None:
                        await pubsub.ping()  # pyright: ignore[reportUnknownMemberType]
                        continue
                heard = self._clock()
                _dispatch(message, unconfirmed, handler)
        finally:
            await _close(pubsub)
            await _close(client)

    def _connect(self, connections: int) -> "Redis":
        # RESP 2: one shape of answers with every server; no retries: each call has its own floor.
        pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]
            self._url,
            protocol=2,
            max_connections=connections,
            timeout=self._deadline,
            socket_timeout=None,
            socket_connect_timeout=self._deadline,
            retry=Retry(NoBackoff(), 0),
        )
        return Redis.from_pool(pool)

    @asynccontextmanager
    async def _guarded(self, seconds: float) -> AsyncGenerator[None]:
        """A call to Redis: refused by the breaker or given a deadline. Raises `BusUnavailable`."""
        if not self._breaker.admits(self._clock()):
            raise BusUnavailable("left alone after failures")
        try:
            async with asyncio.timeout(seconds):
                yield
        except (RedisError, OSError, EOFError) as error:
            self._breaker.failed(self._clock())
            raise BusUnavailable(str(error) or type(error).__name__) from error
        self._breaker.succeeded()

    async def close(self) -> None:
        """Close the connections of calls; `tail` and `subscribe` close theirs when cancelled."""
        await _close(self._client)


async def _execute(client: "Redis", *command: Any) -> Any:
    return await client.execute_command(*command)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


async def _close(resource: "Redis | PubSub") -> None:
    # A frozen server must not hold up whoever is being cancelled.
    with suppress(RedisError, OSError):
        async with asyncio.timeout(DEADLINE):
            await resource.aclose()


def _key(org: OrgId, name: str) -> str:
    """One hash tag an organisation: its keys are in one slot of a cluster."""
    return f"longline:{{{org}}}:{name}"


async def _read(
    client: "Redis", org: OrgId, epoch: str, after: int, options: list[str | int]
) -> list[StreamEntry]:
    key = _key(org, f"stream:{epoch}")
    # [[key, [(id, {name: value, …}), …]]], or nothing
    answer = await _execute(client, "XREAD", *options, "STREAMS", key, f"{after}-0")
    return [_entry(epoch, row) for row in answer[0][1]] if answer else []


def _entry(epoch: str, row: tuple[bytes, dict[bytes, bytes]]) -> StreamEntry:
    last = int(row[0].split(b"-")[0])
    try:
        return _read_entry(epoch, last, row[1])
    except (InvalidMessage, KeyError, ValueError):
        # Somebody else wrote here. What it was is lost, and dashboards are told so.
        return StreamEntry(epoch=epoch, first=last, last=last, at_ms=0, events=[], gap="bus")


def _read_entry(epoch: str, last: int, fields: dict[bytes, bytes]) -> StreamEntry:
    gap = cast("GapReason | None", fields[b"g"].decode() or None)
    return StreamEntry(
        epoch=epoch,
        first=last - int(fields[b"n"]) + 1,
        last=last,
        at_ms=int(fields[b"t"]),
        events=[] if gap else unpack(fields[b"e"]),
        gap=gap,
        writer=fields[b"w"].decode(),
        number=int(fields[b"b"]),
    )


def _dispatch(message: dict[str, Any], unconfirmed: set[bytes], handler: HintHandler) -> None:
    match message["type"]:
        case "message":
            handler.hint(message["channel"].decode(), message["data"])
        case "subscribe":
            unconfirmed.discard(message["channel"])
            if not unconfirmed:
                handler.resubscribed()
        case _:
            pass
