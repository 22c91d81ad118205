import { Link } from "@tanstack/react-router";
import { titleOf } from "../../../api/commands/specs";
import { type CommandRecord, type Progress, tookMs } from "../../../live/commands/records";
import { CommandProgress, CommandStatus } from "../../../parts/CommandStatus";
import { detailOf } from "../../../parts/RunView";
import { TimeText } from "../../../parts/TimeText";
import { useText } from "../../../text";
import { duration } from "../../../text/format";
import classes from "../device.module.css";

/** One command in a line; all that is known of it opens beside the page. */
export function CommandRow({ record }: { record: CommandRecord }) {
  const text = useText();
  const progress = record.progress as Progress | null;
  const took = tookMs(record);
  return (
    <li data-command={record.commandId}>
      <Link
        to="."
        search={previous => ({ ...previous, command: record.commandId ?? "" })}
        className={classes.command ?? ""}
      >
        <span className={classes.commandName}>{titleOf(record.type)}</span>
        <CommandStatus status={record.status} />
        <span className={classes.commandDetail}>
          {record.status === "RUNNING" ? (
            <CommandProgress
              percent={progress?.percent ?? null}
              stage={progress?.stage ?? progress?.message ?? ""}
            />
          ) : (
            detailOf({ error: record.error ?? null, output: record.output ?? null }, text)
          )}
        </span>
        <span className={classes.commandWhen}>
          {took !== null && <span>{duration(took)}</span>}
          <TimeText at={record.createdAt} />
        </span>
      </Link>
    </li>
  );
}
