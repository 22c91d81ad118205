"""`enable_device` and `disable_device`: whether production events are taken."""

from device.executors.context import CommandContext, Done
from protocol.commands import DisableDevice, EnableDevice


async def enable_device(_command: EnableDevice, context: CommandContext) -> Done:
    context.no_return()
    await context.tools.production.enable()
    context.tools.report_status()
    await context.tools.heard()
    return Done(output="Production is enabled.")


async def disable_device(command: DisableDevice, context: CommandContext) -> Done:
    context.no_return()
    await context.tools.production.disable(command.reason)
    context.tools.report_status()
    await context.tools.heard()
    return Done(output="Production is disabled.")
