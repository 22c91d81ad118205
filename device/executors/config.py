"""`push_config`: a merge patch to the pushed configuration, which stays when the hub can be reached
with it. `expectVersion` is of what the hub desires, and was decided there."""

import asyncio
from typing import Final

import structlog
from msgspec import UNSET

from device.base.errors import CommandFailed
from device.executors.context import CommandContext, Done
from protocol.commands import PushConfig

_log = structlog.stdlib.get_logger()

EFFECT_SECONDS: Final = 0.2
"""For what was changed to take effect, before it is asked whether the hub can be reached."""


async def push_config(command: PushConfig, context: CommandContext) -> Done:
    context.no_return()
    config = context.tools.config
    change = await config.begin(command.patch, context.command_id)
    if change.applied or change.restart_required:
        await _confirm(command, context)
    return Done(
        output=f"Configuration is at version {config.version}.",
        data={
            "version": config.version,
            "hash": config.hash,
            "applied": change.applied,
            "restartRequired": change.restart_required,
        },
    )


async def _confirm(command: PushConfig, context: CommandContext) -> None:
    """Raises `CommandFailed` when it was undone. Should the agent end meanwhile, its next start
    undoes it."""
    tools = context.tools
    given = command.confirm_seconds
    seconds = tools.settings.config.confirm_seconds if given is UNSET else given
    context.progress(stage="confirming")
    try:
        async with asyncio.timeout(seconds):
            await asyncio.sleep(EFFECT_SECONDS)
            await tools.uplink.reached()
    except TimeoutError:
        await tools.config.undo()
        _log.error("configuration_rolled_back", now=tools.config.version)
        raise CommandFailed(
            "rolled_back",
            f"the hub could not be reached within {seconds:g} s; back at version"
            f" {tools.config.version}",
            data={"version": tools.config.version, "hash": tools.config.hash},
        ) from None
    await tools.config.confirm()
