"""`restart_service`, `reboot_os`, `shutdown_os`, through argvs from the settings.

The first two have no result in this process: their success is the next one, see
`device.commands.recovery`. `shutdown_os` has succeeded when its program has, or, when there was no
time left to say so, at the next boot: nobody may cut the power of a machine that still writes.

The program may itself be swept away by what it began. One that a signal ended has therefore not
failed yet: it has when the machine is still up a while later.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from device import process
from device.base.errors import CommandFailed
from device.base.output import excerpt
from device.executors.context import CommandContext, Done
from protocol.commands import RebootOs, RestartService, ShutdownOs

PROGRAM_SECONDS: Final = 30.0
_SAID_BYTES: Final = 1024


async def restart_service(command: RestartService, context: CommandContext) -> Done:
    await context.delay(command.delay_seconds)
    context.no_return()
    context.tools.restart()
    context.awaits_end = True
    await asyncio.Event().wait()
    raise AssertionError("the wait never ends")


async def reboot_os(command: RebootOs, context: CommandContext) -> Done:
    power = context.tools.settings.power
    await context.delay(command.delay_seconds)
    context.no_return()
    await _bring_down(power.reboot_argv, context)
    context.awaits_end = True
    await asyncio.sleep(power.reboot_grace_seconds)
    raise CommandFailed("not_rebooted", "the program succeeded, but the system did not go down")


async def shutdown_os(command: ShutdownOs, context: CommandContext) -> Done:
    await context.delay(command.delay_seconds)
    context.no_return()
    await _bring_down(context.tools.settings.power.shutdown_argv, context)
    return Done(output="Shutting down.")


async def _bring_down(argv: Sequence[str], context: CommandContext) -> None:
    """Run what ends the machine. Raises `CommandFailed` unless it ends with 0."""
    finished = await _run(argv)
    if finished.exit_code < 0:
        context.awaits_end = True
        await asyncio.sleep(context.tools.settings.power.reboot_grace_seconds)
    if finished.exit_code != 0:
        written = finished.stderr if finished.stderr.total else finished.stdout
        said = excerpt(written, _SAID_BYTES, failed=True).strip()
        raise CommandFailed("exit_code", f"{argv[0]} ended with {finished.exit_code}: {said}")


async def _run(argv: Sequence[str]) -> process.CompletedProcess:
    """Raises `CommandFailed` when it cannot be run to its end."""
    try:
        return await process.run(
            argv,
            timeout_seconds=PROGRAM_SECONDS,
            stdout_limit=_SAID_BYTES,
            stderr_limit=_SAID_BYTES,
        )
    except process.CannotRun as error:
        raise CommandFailed("program_missing", error.message) from None
    except process.TimedOut:
        raise CommandFailed("timeout", f"{argv[0]} took over {PROGRAM_SECONDS:g} s") from None
