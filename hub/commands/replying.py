"""Replies: what devices say of their commands, committed together, then acknowledged.

A result is committed, then acknowledged to the device, then told to whoever waits. A reply on a
line that has been superseded changes nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from hub.base import metrics
from hub.base.batch import Batcher
from hub.base.errors import Overloaded, Unavailable
from hub.commands.announce import Announcer, CommandListener
from hub.commands.dispatch import Folded, Replied, fold, given_to
from hub.commands.records import Ledgered
from hub.commands.store import CommandStore, Name
from hub.lines.session import LineSession
from protocol.closing import CloseCode
from protocol.codec import encode
from protocol.errors import FrameErrorCode
from protocol.frames import ResultAck
from protocol.ids import CommandId, Generation
from protocol.replies import Ack, Progress, Reply, Result

log = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 0.5

Locked = dict[Name, tuple[Ledgered, Generation | None]]


class Replies:
    def __init__(
        self,
        store: CommandStore,
        announcer: Announcer,
        listeners: Sequence[CommandListener],
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._listeners = listeners
        self._batcher = Batcher(self._apply, limit=1000, bound=100_000, urgent=_is_result)

    def put(self, line: LineSession, reply: Reply) -> None:
        """A reply arrived. When too many wait for the database the line is closed: what was not
        acknowledged comes again."""
        try:
            self._batcher.put((line, reply))
        except Overloaded:
            line.close(CloseCode.TRY_LATER)

    async def run(self) -> None:
        await self._batcher.run()

    async def idle(self) -> None:
        await self._batcher.idle()

    async def _apply(self, replies: list[tuple[LineSession, Reply]]) -> list[None]:
        metrics.batch_size.labels("replies").observe(len(replies))
        with metrics.batch_seconds.labels("replies").time():
            folded = await self._commit_all(replies)
        for command in folded:
            for event in command.progress:
                self._announcer.event(command.command.org, event)
        for command in folded:
            if command.ended:
                self._announcer.ended(command.command)
        return [None] * len(replies)

    async def _commit_all(self, replies: list[tuple[LineSession, Reply]]) -> list[Folded]:
        """However long the database is away: lines stay open and their replies wait. A batch that
        fails otherwise is halved until the reply that cannot be committed stands alone."""
        while True:
            try:
                return await self._commit(replies)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("replies_not_committed", replies=len(replies))
                break
        if len(replies) == 1:
            ((line, _),) = replies
            line.close(CloseCode.TRY_LATER)  # what was not acknowledged comes again
            return []
        middle = len(replies) // 2
        return [
            *await self._commit_all(replies[:middle]),
            *await self._commit_all(replies[middle:]),
        ]

    async def _commit(self, replies: list[tuple[LineSession, Reply]]) -> list[Folded]:
        names = sorted({(line.org, reply.command_id) for line, reply in replies})
        async with self._store.database.transaction() as connection:
            locked = await self._store.lock_replied(connection, names)
            folded = self._fold(replies, locked)
            changed = [f for f in folded.values() if f.changed]
            rows = await self._store.apply(connection, [f.command for f in changed])
            for f in changed:
                f.command = rows[f.command.org, f.command.command_id]
            ended = [f.command for f in changed if f.ended]
            for listener in self._listeners if ended else ():
                await listener.ended(connection, ended)
        self._acknowledge(replies, locked)
        return changed

    def _fold(self, replies: list[tuple[LineSession, Reply]], locked: Locked) -> dict[Name, Folded]:
        folded = {name: Folded(command=command) for name, (command, _) in locked.items()}
        ts = self._announcer.now()
        for line, reply in replies:
            found = locked.get((line.org, reply.command_id))
            if found and given_to(found[0], _replied(line, reply)) and found[1] == line.generation:
                fold(folded[line.org, reply.command_id], reply, ts=ts)
        return folded

    def _acknowledge(self, replies: list[tuple[LineSession, Reply]], locked: Locked) -> None:
        """After the commit. A superseded line hears nothing: its device asks again on the new."""
        for line, reply in replies:
            command, newest = locked.get((line.org, reply.command_id), (None, None))
            mine = command is not None and command.device_id == line.device_id
            if mine and newest != line.generation:
                continue
            match reply:
                case Progress():
                    pass
                case Ack() | Result():
                    known = given_to(command, _replied(line, reply))
                    _answer(line, reply.command_id, known=known, result=isinstance(reply, Result))


def _is_result(item: tuple[LineSession, Reply]) -> bool:
    return isinstance(item[1], Result)


def _answer(line: LineSession, command_id: CommandId, *, known: bool, result: bool) -> None:
    if not known:
        line.refuse(
            FrameErrorCode.UNKNOWN_COMMAND,
            "no such command was given to this device",
            command_id=command_id,
        )
    if result or not known:
        line.send(encode(ResultAck(command_id=command_id)))


def _replied(line: LineSession, reply: Reply) -> Replied:
    return Replied(line.org, line.device_id, line.generation, reply)
