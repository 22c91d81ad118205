"""Carries out what the book decides: writes the journal, sends replies, runs executors.

Effects are carried out strictly in order by one task; records that stand next to each other share a
transaction. A command runs in a task of its own and comes back as one more effect.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, assert_never

import structlog
from msgspec import structs

from device.base.errors import CommandFailed, JournalUnavailable
from device.base.text import FRAME_LIMIT, clean, cut
from device.commands.book import Book, BookEffect, Mark, Run, Send, Stop, WriteJournal
from device.commands.journal import Journal
from device.executors.context import CommandContext, Done, Tools
from device.executors.table import execute
from protocol.codec import encode
from protocol.commands import Command, type_of, with_values
from protocol.ids import CommandId
from protocol.replies import Progress, Result, ResultError
from protocol.secret_values import Redactor, Values

_log = structlog.stdlib.get_logger()

MOST_EFFECTS: Final = 1_000
MESSAGE_BYTES: Final = 4_096


class _Running:
    def __init__(self, context: CommandContext, task: asyncio.Task[None]) -> None:
        self.context = context
        self.task = task
        self.has_begun = False
        self.stop_asked = False


class Runner:
    def __init__(
        self,
        *,
        book: Book,
        journal: Journal,
        tools: Tools,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = book
        self._journal = journal
        self._tools = tools
        self._clock = clock
        self._effects: asyncio.Queue[BookEffect] = asyncio.Queue(MOST_EFFECTS)
        self._running: dict[CommandId, _Running] = {}
        self._afterwards: dict[CommandId, Callable[[], Awaitable[None]]] = {}
        self.journal_failing = False

    async def put(self, effects: Iterable[BookEffect]) -> None:
        """Have `effects` carried out, after those put before; waits while too many are pending."""
        for effect in effects:
            await self._effects.put(effect)

    async def run(self) -> None:
        """Until cancelled; then every command that runs is cancelled too."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                todo = deque([await self._effects.get()])
                while not self._effects.empty():
                    todo.append(self._effects.get_nowait())
                taken = len(todo)
                await self._carry_out(todo, tasks)
                for _ in range(taken):
                    self._effects.task_done()

    async def settled(self) -> None:
        """Wait until no command runs but those that wait for the agent's own end, and what came
        of the others is recorded and sent."""
        while running := [run.task for run in self._running.values() if not run.context.awaits_end]:
            await asyncio.wait(running)
        await self._effects.join()

    async def _carry_out(self, todo: deque[BookEffect], tasks: asyncio.TaskGroup) -> None:
        while todo:
            effect = todo.popleft()
            match effect:
                case WriteJournal():
                    marks = [effect.mark]
                    while todo and isinstance(following := todo[0], WriteJournal):
                        marks.append(following.mark)
                        todo.popleft()
                    todo.extendleft(reversed(await self._record(marks)))
                case Send():
                    self._send(effect, tasks)
                case Run():
                    self._start(effect, tasks)
                case Stop():
                    self._stop(effect.id)
                case _:
                    assert_never(effect)

    async def _record(self, marks: Sequence[Mark]) -> list[BookEffect]:
        try:
            found = await self._journal.record(marks)
        except JournalUnavailable as error:
            self.journal_failing = True
            _log.error("journal_not_written", reason=str(error))
            now = self._clock()
            return [effect for mark in marks for effect in self._book.not_recorded(mark, now)]
        self.journal_failing = False
        now = self._clock()
        return [
            effect
            for mark, stored in zip(marks, found, strict=True)
            for effect in self._book.recorded(mark, now, stored)
        ]

    def _send(self, effect: Send, tasks: asyncio.TaskGroup) -> None:
        self._tools.uplink.send(effect.frame)
        if isinstance(effect.frame, Result):
            afterwards = self._afterwards.pop(effect.frame.command_id, None)
            if afterwards is not None:
                tasks.create_task(_awaited(afterwards))

    def _start(self, effect: Run, tasks: asyncio.TaskGroup) -> None:
        redactor = Redactor(effect.secrets.values())

        def progress(frame: Progress) -> None:
            self._progress(_redacted_progress(frame, redactor) if effect.secrets else frame)

        context = CommandContext(effect.id, self._tools, progress, secrets=effect.secrets)
        task = tasks.create_task(self._run(effect.id, effect.command, context))
        self._running[effect.id] = _Running(context, task)

    def _progress(self, frame: Progress) -> None:
        for effect in self._book.progress(frame):
            if not self._effects.full():
                self._effects.put_nowait(effect)

    def _stop(self, command_id: CommandId) -> None:
        running = self._running.get(command_id)
        if running is not None and running.context.can_cancel:
            running.stop_asked = True
            # A task that is cancelled before it has begun would leave no result.
            if running.has_begun:
                running.task.cancel()

    async def _run(self, command_id: CommandId, command: Command, context: CommandContext) -> None:
        log = _log.bind(command=command_id, type=type_of(command))
        log.info("command_started")
        running = self._running[command_id]
        running.has_begun = True
        if running.stop_asked:
            result = _cancelled(command_id)
        else:
            result = await self._outcome(command_id, command, context)
        # The result is there: a cancel that comes now is too late.
        context.no_return()
        del self._running[command_id]
        log.info("command_finished", success=result.success, code=_code(result))
        await self.put(self._book.finished(fitting(result)))

    async def finish(self, command_id: CommandId, ended: Done | CommandFailed) -> None:
        """Of a command that an earlier process began: record its result and have it sent."""
        if isinstance(ended, Done):
            result = _result(command_id, ended)
        else:
            result = _failure(command_id, ended)
        await self.put(self._book.finished(fitting(result)))
        await self._effects.join()

    async def _outcome(
        self, command_id: CommandId, command: Command, context: CommandContext
    ) -> Result:
        """Without the values of secrets: it goes into the journal, and to the hub."""
        result = await self._outcome_with_secrets(command_id, command, context)
        return _redacted(result, context.secrets) if context.secrets else result

    async def _outcome_with_secrets(
        self, command_id: CommandId, command: Command, context: CommandContext
    ) -> Result:
        try:
            done = await execute(with_values(command, context.secrets), context)
        except CommandFailed as error:
            return _failure(command_id, error)
        except JournalUnavailable as error:
            return _failed(command_id, "journal_unavailable", str(error))
        except asyncio.CancelledError:
            if not self._running[command_id].stop_asked:
                raise
            _take_back_cancel()
            return _cancelled(command_id)
        except Exception as error:
            if context.secrets:  # its text may hold one
                _log.error("executor_failed", command=command_id, error=type(error).__name__)
            else:
                _log.exception("executor_failed", command=command_id)
            return _failed(command_id, "internal", f"{type(error).__name__}: {error}")
        if done.afterwards is not None:
            self._afterwards[command_id] = done.afterwards
        return _result(command_id, done)


def _redacted(result: Result, secrets: Values) -> Result:
    redactor = Redactor(secrets.values())
    error = result.error
    if error is not None:
        error = structs.replace(error, message=redactor.text(error.message))
    return structs.replace(
        result,
        output=result.output if result.output is None else redactor.text(result.output),
        data=redactor.value(result.data),
        error=error,
    )


def _redacted_progress(frame: Progress, redactor: Redactor) -> Progress:
    return structs.replace(
        frame, stage=redactor.value(frame.stage), message=redactor.value(frame.message)
    )


async def _awaited(afterwards: Callable[[], Awaitable[None]]) -> None:
    await afterwards()


def _code(result: Result) -> str | None:
    return result.error.code if result.error else None


def _result(command_id: CommandId, done: Done) -> Result:
    return Result(
        command_id=command_id,
        success=done.error is None,
        output=done.output,
        data=done.data,
        error=_clean(done.error) if done.error else None,
    )


def _failure(command_id: CommandId, error: CommandFailed) -> Result:
    shown = _clean(ResultError(code=error.code, message=error.message))
    return Result(command_id=command_id, success=False, data=error.data, error=shown)


def _failed(command_id: CommandId, code: str, message: str) -> Result:
    error = _clean(ResultError(code=code, message=message))
    return Result(command_id=command_id, success=False, error=error)


def _take_back_cancel() -> None:
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _cancelled(command_id: CommandId) -> Result:
    return Result(
        command_id=command_id,
        success=False,
        outcome="cancelled",
        error=ResultError(code="cancelled", message="cancelled while it ran"),
    )


def _clean(error: ResultError) -> ResultError:
    return ResultError(code=error.code, message=cut(clean(error.message), MESSAGE_BYTES))


def fitting(result: Result) -> Result:
    """`result` as it fits into one frame: if need be without its data."""
    if len(encode(result)) < FRAME_LIMIT:
        return result
    return Result(
        command_id=result.command_id,
        success=result.success,
        outcome=result.outcome,
        output="The result was too large to send.",
        error=result.error,
    )
