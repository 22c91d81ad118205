"""`push_config`: a merge patch to the pushed configuration."""

from msgspec import UNSET

from device.executors.context import Context, Done
from protocol.commands import PushConfig


async def push_config(command: PushConfig, context: Context) -> Done:
    context.no_return()
    config = context.tools.config
    expected = None if command.expect_version is UNSET else command.expect_version
    change = await config.push(command.patch, expected)
    return Done(
        output=f"Configuration is at version {config.version}.",
        data={
            "version": config.version,
            "applied": change.applied,
            "restartRequired": change.restart_required,
        },
    )
