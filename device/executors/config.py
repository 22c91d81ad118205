"""`push_config`: a merge patch to the pushed configuration. `expectVersion` is of what the hub
desires, and was decided there."""

from msgspec import UNSET

from device.config.commit import Origin
from device.config.patch import ConfigChange
from device.config.store import ConfigStore
from device.executors.context import CommandContext, Done
from protocol.commands import PushConfig


async def push_config(command: PushConfig, context: CommandContext) -> Done:
    """A trial that takes a restart ends in the next process."""
    context.no_return()
    tools = context.tools
    given = command.confirm_seconds

    def begins(restarts: bool) -> None:
        context.awaits_end = restarts
        context.progress(stage="restarting" if restarts else "confirming")

    change = await tools.trials.patch(
        command.patch,
        Origin(command_id=context.command_id),
        seconds=tools.settings.config.confirm_seconds if given is UNSET else given,
        begins=begins,
    )
    await tools.told()
    return pushed(tools.config, change)


def pushed(config: ConfigStore, change: ConfigChange) -> Done:
    """What the hub hears of a push that stays."""
    return Done(
        output=f"Configuration is at version {config.version}.",
        data={
            "version": config.version,
            "hash": config.hash,
            "applied": change.applied,
            "restartRequired": change.restart_required,
        },
    )
