"""Replies: what devices say of their commands, committed together, then acknowledged.

What a device sent before a result is committed before it. A result is committed, then acknowledged
to the device, then told to whoever waits. A reply on a line that has been superseded changes
nothing.
"""

import asyncio
from functools import partial
from typing import Final

import structlog

from hub.base import metrics
from hub.base.batch import Batcher
from hub.base.database import Connection
from hub.base.errors import Overloaded, Unavailable
from hub.commands.announce import Announcer
from hub.commands.decisions import Folded, Replied, fold, given_to
from hub.commands.ledger import PROGRESS, RESULT, Listeners, commit
from hub.commands.records import CommandRow, RepliedCommand
from hub.commands.store import CommandStore
from hub.lines.session import LineSession
from hub.telemetry.writer import TelemetryWriter
from protocol.closing import CloseCode
from protocol.codec import encode
from protocol.errors import FrameErrorCode
from protocol.frames import ResultAck
from protocol.ids import CommandId, CommandKey
from protocol.replies import Ack, Progress, Reply, Result

log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 0.02

Arrived = tuple[LineSession, Reply]

MOST_HELD: Final = 20_000


class Replies:
    def __init__(
        self,
        store: CommandStore,
        announcer: Announcer,
        listeners: Listeners,
        telemetry: TelemetryWriter,
    ) -> None:
        self._telemetry = telemetry
        self._held = 0
        self._store = store
        self._announcer = announcer
        self._listeners = listeners
        self._batcher = Batcher(self._apply, limit=1000, bound=100_000, urgent=_is_result)

    def put(self, line: LineSession, reply: Reply) -> None:
        """A reply arrived. When too many wait for the database the line is closed: what was not
        acknowledged comes again. A result follows what its device sent before it: whoever reads
        SUCCESS finds the log lines that it speaks of."""
        stored = self._telemetry.stored(line) if isinstance(reply, Result) else None
        if stored is None:
            self._put(line, reply)
        elif self._held >= MOST_HELD:
            line.close(CloseCode.TRY_LATER)
        else:
            self._held += 1
            stored.add_done_callback(lambda _: self._let_go(line, reply))

    def _let_go(self, line: LineSession, reply: Reply) -> None:
        self._held -= 1
        self._put(line, reply)

    def _put(self, line: LineSession, reply: Reply) -> None:
        try:
            self._batcher.put((line, reply))
        except Overloaded:
            line.close(CloseCode.TRY_LATER)

    async def run(self) -> None:
        await self._batcher.run()

    def waiting(self) -> int:
        return len(self._batcher) + self._held

    async def idle(self) -> None:
        while self._held:  # noqa: ASYNC110 - until the telemetry floor lets them go
            await asyncio.sleep(IDLE_SECONDS)
        await self._batcher.idle()

    async def _apply(self, replies: list[Arrived]) -> list[None]:
        metrics.batch_size.labels("replies").observe(len(replies))
        with metrics.batch_seconds.labels("replies").time():
            await self._commit_all(replies)
        return [None] * len(replies)

    async def _commit_all(self, replies: list[Arrived], *, locked: bool = False) -> None:
        """However long the database is away: lines stay open and their replies wait. A batch that
        fails otherwise is halved until the reply that cannot be committed stands alone."""
        while True:
            try:
                again = await self._commit(replies, locked=locked)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("replies_not_committed", replies=len(replies))
                break
            else:
                if again:
                    await self._commit_all(again, locked=True)
                return
        if len(replies) == 1:
            ((line, _),) = replies
            line.close(CloseCode.TRY_LATER)  # what was not acknowledged comes again
            return
        middle = len(replies) // 2
        await self._commit_all(replies[:middle], locked=locked)
        await self._commit_all(replies[middle:], locked=locked)

    async def _commit(self, replies: list[Arrived], *, locked: bool) -> list[Arrived]:
        """Answers the replies that want to be `locked`: what was read does not hold any more, or
        they take a transaction."""
        write = partial(self._fold_and_write, replies)
        found, changed, rows, left = await commit(self._store.database, write, locked=locked)
        left |= changed.keys() - rows.keys()
        self._acknowledge([a for a in replies if _name(a) not in left], found)
        self._announce([(f, rows[name]) for name, f in changed.items() if name in rows])
        return [a for a in replies if _name(a) in left]

    async def _fold_and_write(
        self, replies: list[Arrived], connection: Connection, locked: bool
    ) -> tuple[
        dict[CommandKey, RepliedCommand],
        dict[CommandKey, Folded],
        dict[CommandKey, CommandRow],
        set[CommandKey],
    ]:
        names = sorted({_name(arrived) for arrived in replies})
        if locked:
            await self._store.lock_replied(connection, names)
        found = await self._store.replied(connection, names)
        left = set[CommandKey]() if locked else self._listened_among(found)
        changed = self._fold([a for a in replies if _name(a) not in left], found)
        if not locked:
            left |= {name for name, f in changed.items() if self._is_kept(name, f)}
            changed = {name: f for name, f in changed.items() if name not in left}
        rows = await self._store.apply(
            connection, [(found[name].command.status, f.command) for name, f in changed.items()]
        )
        if locked:
            ended = [rows[name] for name, f in changed.items() if f.ended]
            progressed = [
                (rows[name], event) for name, f in changed.items() for event in f.progress
            ]
            await self._listeners.progressed(connection, progressed)
            await self._listeners.ended(connection, ended)
        return found, changed, rows, left

    def _listened_among(self, found: dict[CommandKey, RepliedCommand]) -> set[CommandKey]:
        return {name for name, one in found.items() if one.command.type in self._listeners.types}

    def _is_kept(self, name: CommandKey, folded: Folded) -> bool:
        """Whether somebody keeps what has become of it."""
        org, kind = name[0], folded.command.type
        return (folded.ended and self._listeners.concern(org, kind, RESULT)) or (
            bool(folded.progress) and self._listeners.concern(org, kind, PROGRESS)
        )

    def _fold(
        self, replies: list[Arrived], found: dict[CommandKey, RepliedCommand]
    ) -> dict[CommandKey, Folded]:
        """The commands that are changed."""
        folded = {name: Folded(command=one.command) for name, one in found.items()}
        ts = self._announcer.now()
        for line, reply in replies:
            name = (line.org, reply.command_id)
            one = found.get(name)
            given = one is not None and given_to(one.command, _replied(line, reply))
            if one is not None and given and one.newest == line.generation:
                fold(folded[name], reply, ts=ts)
        return {name: f for name, f in folded.items() if f.changed}

    def _acknowledge(self, replies: list[Arrived], found: dict[CommandKey, RepliedCommand]) -> None:
        """After the commit. A superseded line hears nothing: its device asks again on the new."""
        for line, reply in replies:
            one = found.get((line.org, reply.command_id))
            command = None if one is None else one.command
            mine = command is not None and command.device_id == line.device_id
            if one is not None and mine and one.newest != line.generation:
                continue
            match reply:
                case Progress():
                    pass
                case Ack() | Result():
                    known = given_to(command, _replied(line, reply))
                    _answer(line, reply.command_id, known=known, result=isinstance(reply, Result))

    def _announce(self, changed: list[tuple[Folded, CommandRow]]) -> None:
        for folded, command in changed:
            for event in folded.progress:
                self._announcer.progressed(command, event)
        for folded, command in changed:
            if folded.ended:
                self._announcer.ended(command)


def _name(arrived: Arrived) -> CommandKey:
    line, reply = arrived
    return line.org, reply.command_id


def _is_result(item: Arrived) -> bool:
    return isinstance(item[1], Result)


def _answer(line: LineSession, command_id: CommandId, *, known: bool, result: bool) -> None:
    if not known:
        line.refuse(
            FrameErrorCode.UNKNOWN_COMMAND,
            "this device has no such command",
            command_id=command_id,
        )
    if result or not known:
        line.send(encode(ResultAck(command_id=command_id)))


def _replied(line: LineSession, reply: Reply) -> Replied:
    return Replied(line.org, line.device_id, line.generation, reply)
