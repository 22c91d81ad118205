"""A command of the device's own: its program, given arguments in its argv or on standard input."""

import time
from typing import Any, Final

import msgspec

from device import process
from device.base.errors import CommandFailed
from device.base.output import Written, excerpt, is_longer
from device.base.own_commands import ArgumentsRefused, OwnCommandSettings, fill_in
from device.base.percent import PercentLines, without_percents
from device.executors.context import CommandContext, Done
from device.executors.shell import OUTPUT_BYTES, STDERR_BYTES, STDOUT_BYTES, exit_error, streams
from protocol.codec import decode
from protocol.commands import Custom
from protocol.errors import InvalidMessage
from protocol.replies import ResultError

_anything: Final = msgspec.json.Decoder(Any)


async def custom(command: Custom, context: CommandContext) -> Done:
    own = context.tools.settings.commands.get(command.name)
    if own is None:
        raise CommandFailed("unsupported", f"there is no command {command.name!r} on this device")
    try:
        argv, stdin = fill_in(own, command.args)
    except ArgumentsRefused as error:
        raise CommandFailed("bad_argument", str(error)) from None
    context.progress(stage="running", message=own.title or command.name)
    return _done(own, await _run(own, argv, stdin, context))


async def _run(
    own: OwnCommandSettings, argv: list[str], stdin: bytes, context: CommandContext
) -> process.CompletedProcess:
    """Raises `CommandFailed` when it cannot be run to its end."""
    percents = PercentLines(context.progress, time.monotonic)
    try:
        return await process.run(
            argv,
            timeout_seconds=own.timeout_seconds,
            stdout_limit=STDOUT_BYTES,
            stderr_limit=STDERR_BYTES,
            stdin=stdin,
            seen=percents.take,
            secrets=context.secrets.values(),
        )
    except process.CannotRun as error:
        raise CommandFailed("program_missing", error.message) from None
    except process.TimedOut as error:
        message = f"killed after {own.timeout_seconds:g} s"
        raise CommandFailed("timeout", message, data=streams(error.finished, failed=True)) from None


def _done(own: OwnCommandSettings, finished: process.CompletedProcess) -> Done:
    failed = finished.exit_code != 0
    if own.output == "text":
        return Done(
            output=excerpt(finished.stdout, OUTPUT_BYTES, failed=failed),
            data=streams(finished, failed=failed),
            error=exit_error(finished),
        )
    value, fault = _value(finished.stdout)
    said = finished.stderr if failed or fault else None
    return Done(
        output=excerpt(said, OUTPUT_BYTES, failed=True) if said else None,
        data={"exitCode": finished.exit_code, "value": value},
        error=exit_error(finished) or fault,
    )


def _value(written: Written) -> tuple[Any, ResultError | None]:
    """What the program wrote, as JSON; or why it is none."""
    if is_longer(written, STDOUT_BYTES):
        return None, _no_json(f"it takes more than {STDOUT_BYTES} bytes")
    try:
        return decode(_anything, without_percents(written.head + written.tail)), None
    except InvalidMessage as error:
        return None, _no_json(error.message)


def _no_json(why: str) -> ResultError:
    return ResultError(code="bad_output", message=f"standard output is no JSON: {why}")
