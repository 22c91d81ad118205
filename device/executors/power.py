"""`restart_service`, `reboot_os`, `shutdown_os`, through argvs from the settings.

The first two have no result in this process: their success is the next one, see
`device.core.recovery`. `shutdown_os` has succeeded when it is accepted, so its result goes first.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from device import process
from device.core.text import decode
from device.errors import CommandFailed
from device.executors.context import Context, Done
from device.uplink import Uplink
from protocol.commands import RebootOs, RestartService, ShutdownOs

_log = structlog.stdlib.get_logger()

PROGRAM_SECONDS: Final = 30.0
_OUTPUT_BYTES: Final = 4096


async def restart_service(command: RestartService, context: Context) -> Done:
    await context.delay(command.delay_seconds)
    context.no_return()
    context.tools.restart()
    context.awaits_end = True
    await asyncio.Event().wait()
    raise AssertionError("waited for ever")


async def reboot_os(command: RebootOs, context: Context) -> Done:
    power = context.tools.settings.power
    await context.delay(command.delay_seconds)
    context.no_return()
    await _run(power.reboot_argv)
    context.awaits_end = True
    await asyncio.sleep(power.reboot_grace_seconds)
    raise CommandFailed("not_rebooted", "the program succeeded, but the system did not go down")


async def shutdown_os(command: ShutdownOs, context: Context) -> Done:
    tools = context.tools
    await context.delay(command.delay_seconds)
    context.no_return()
    return Done(
        output="Shutting down.",
        afterwards=partial(_shut_down, tools.settings.power.shutdown_argv, tools.uplink),
    )


async def _shut_down(argv: Sequence[str], uplink: Uplink) -> None:
    await uplink.say_goodbye()
    try:
        await _run(argv)
    except CommandFailed as error:
        _log.error("shutdown failed", code=error.code, reason=error.message)


async def _run(argv: Sequence[str]) -> None:
    """Raises `CommandFailed` unless the program ends with 0."""
    try:
        finished = await process.run(
            argv,
            timeout_seconds=PROGRAM_SECONDS,
            stdout_limit=_OUTPUT_BYTES,
            stderr_limit=_OUTPUT_BYTES,
        )
    except process.CannotRun as error:
        raise CommandFailed("program_missing", error.message) from None
    except process.TimedOut:
        raise CommandFailed("timeout", f"{argv[0]} took over {PROGRAM_SECONDS:g} s") from None
    if finished.exit_code != 0:
        said = decode(finished.stderr or finished.stdout).strip()
        raise CommandFailed("exit_code", f"{argv[0]} ended with {finished.exit_code}: {said}")
