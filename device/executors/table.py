"""Which executor runs which command. A command added to the protocol is missing here by type."""

from typing import assert_never

from device.executors.config import push_config
from device.executors.context import CommandContext, Done
from device.executors.firmware import update_firmware
from device.executors.logs import pull_logs
from device.executors.own import custom
from device.executors.power import reboot_os, restart_service, shutdown_os
from device.executors.production import disable_device, enable_device
from device.executors.queue import clear_queue, force_sync
from device.executors.shell import exec_shell
from device.executors.workloads import restart_workload
from protocol import commands
from protocol.commands import Command


async def execute(command: Command, context: CommandContext) -> Done:  # noqa: C901
    """Raises `CommandFailed`, `JournalUnavailable`."""
    match command:
        case commands.ForceSync():
            return await force_sync(command, context)
        case commands.ClearQueue():
            return await clear_queue(command, context)
        case commands.PullLogs():
            return await pull_logs(command, context)
        case commands.RestartService():
            return await restart_service(command, context)
        case commands.RebootOs():
            return await reboot_os(command, context)
        case commands.ShutdownOs():
            return await shutdown_os(command, context)
        case commands.PushConfig():
            return await push_config(command, context)
        case commands.UpdateFirmware():
            return await update_firmware(command, context)
        case commands.ExecShell():
            return await exec_shell(command, context)
        case commands.EnableDevice():
            return await enable_device(command, context)
        case commands.DisableDevice():
            return await disable_device(command, context)
        case commands.RestartWorkload():
            return await restart_workload(command, context)
        case commands.Custom():
            return await custom(command, context)
        case _:
            assert_never(command)
