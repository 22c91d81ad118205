"""`restart_workload`: a new start of the container of one service."""

from device.base.errors import CommandFailed
from device.executors.context import CommandContext, Done
from protocol.commands import RestartWorkload


async def restart_workload(command: RestartWorkload, context: CommandContext) -> Done:
    workloads = context.tools.workloads
    if workloads is None:
        raise CommandFailed("unsupported", "this device has no workloads")
    context.no_return()
    await workloads.restart(command.application, command.service)
    return Done(output=f"Restarted {command.application}/{command.service}.")
