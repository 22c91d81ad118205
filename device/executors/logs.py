"""`pull_logs`: the last lines of a log, as `log_line` events with the command's id."""

from msgspec import UNSET

from device.base.errors import CommandFailed
from device.base.text import log_line
from device.executors.context import CommandContext, Done
from device.line.line import LineLost
from device.logs.own_log import LogEntry
from protocol.codec import encode
from protocol.commands import PullLogs
from protocol.ids import CommandId
from protocol.telemetry import LogLine


async def pull_logs(command: PullLogs, context: CommandContext) -> Done:
    source, entries = await context.tools.logs.pull(
        None if command.source is UNSET else command.source,
        command.lines,
        None if command.level is UNSET else command.level,
    )
    uplink = context.tools.uplink
    try:
        line = await uplink.opened()
        for entry in entries:
            await uplink.hand_over(_frame(entry, source, context.command_id), line)
        await uplink.flushed()
    except LineLost:
        raise CommandFailed("line_lost", "the line ended before all lines were sent") from None
    return Done(output=f"{len(entries)} lines from {source}", data={"lines": len(entries)})


def _frame(entry: LogEntry, source: str, command_id: CommandId) -> bytes:
    return encode(
        LogLine(
            line=log_line(entry.line),
            level=entry.level,
            ts=entry.ts,
            source=source[:256],
            command_id=command_id,
        )
    )
