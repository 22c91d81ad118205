import { Button, Collapse, UnstyledButton } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { type ReactNode, useId, useState } from "react";
import { cancelCommand } from "../../../api/commands";
import { useMay } from "../../../app/access";
import { titleOf } from "../../../commands/specs";
import { canBeRetried, hasEnded } from "../../../commands/states";
import { CommandProgress, CommandStatus } from "../../../parts/CommandStatus";
import { DownIcon, RefreshIcon, StopIcon } from "../../../parts/icons";
import { problemText } from "../../../parts/ProblemLine";
import { detailOf } from "../../../parts/RunView";
import { TimeText } from "../../../parts/TimeText";
import { useText } from "../../../text";
import classes from "../device.module.css";
import { duration } from "../times";
import { errorOf, progressOf, type Record_ } from "./history";

type Props = {
  record: Record_;
  onChange: (record: Record_) => void;
  onRetry: () => void;
};

/** One command: its true state, and all that is known of it when it is opened. */
export function CommandRow({ record, onChange, onRetry }: Props) {
  const text = useText();
  const may = useMay();
  const [opened, setOpened] = useState(false);
  const detail = useId();
  const ended = hasEnded(record.status);
  const cancel = async () => {
    try {
      onChange(await cancelCommand(record.deviceId, record.commandId ?? ""));
      notifications.show({ message: text.commands.run.cancelled });
    } catch (error) {
      notifications.show({ color: "red", message: problemText(error, text) });
    }
  };
  return (
    <li className={classes.item} data-command={record.commandId}>
      <UnstyledButton
        className={classes.itemHead ?? ""}
        aria-expanded={opened}
        aria-controls={detail}
        onClick={() => setOpened(!opened)}
      >
        <DownIcon size={14} className={classes.chevron} data-opened={opened || undefined} />
        <span className={classes.itemName}>{titleOf(record.type)}</span>
        <CommandStatus status={record.status} />
        <span className={classes.itemDetail}>
          {ended ? (
            detailOf({ error: errorOf(record), output: record.output }, text)
          ) : record.status === "RUNNING" ? (
            <CommandProgress {...progressOf(record)} />
          ) : null}
        </span>
        <span className={classes.itemWhen}>
          <TimeText at={record.createdAt} />
        </span>
      </UnstyledButton>
      <Collapse expanded={opened} id={detail}>
        {opened && <Detail record={record} />}
        {opened && may("dispatch") && (
          <div className={classes.itemActions}>
            {!ended && (
              <Button variant="default" leftSection={<StopIcon size={14} />} onClick={cancel}>
                {text.commands.run.cancel}
              </Button>
            )}
            {canBeRetried(record.status) && (
              <Button variant="default" leftSection={<RefreshIcon size={14} />} onClick={onRetry}>
                {text.device.commands.again}
              </Button>
            )}
          </div>
        )}
      </Collapse>
    </li>
  );
}

function Detail({ record }: { record: Record_ }) {
  const { commands, device } = useText();
  const words = commands.page;
  const error = errorOf(record);
  const took =
    record.finishedAt && Date.parse(record.finishedAt) - Date.parse(record.sentAt ?? record.createdAt);
  return (
    <div className={classes.detail}>
      <p className={classes.said}>{commands.means[record.status]}</p>
      <dl className={classes.pairs}>
        <Pair name={words.id} value={<span className="mono">{record.commandId}</span>} />
        <Pair name={words.actor} value={record.actor} />
        <Pair name={words.created} value={<TimeText at={record.createdAt} full />} />
        {record.sentAt && <Pair name={words.sent} value={<TimeText at={record.sentAt} full />} />}
        {record.finishedAt && (
          <Pair name={words.finished} value={<TimeText at={record.finishedAt} full />} />
        )}
        {took !== null && took !== "" && <Pair name={words.took} value={duration(Number(took))} />}
        {!hasEnded(record.status) && record.deadline && (
          <Pair name={words.deadline} value={<TimeText at={record.deadline} full />} />
        )}
        {error && <Pair name={words.error} value={`${error.code}: ${error.message}`} />}
      </dl>
      <Block title={words.parameters} value={asJson(record.params)} />
      <Block title={commands.run.output} value={record.output} />
      <Block title={words.data} value={asJson(record.data)} />
      <Block title={words.late} hint={words.lateHint} value={asJson(record.lateResult)} />
      {record.output === "" && record.data === null && (
        <p className="dim">{device.commands.noOutput}</p>
      )}
    </div>
  );
}

export function Pair({ name, value }: { name: string; value: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Block({ title, hint, value }: { title: string; hint?: string; value: string | null }) {
  if (value === null || value === "") return null;
  return (
    <div className={classes.block}>
      <h3>{title}</h3>
      {hint && <p className="dim">{hint}</p>}
      <pre className="mono">{value}</pre>
    </div>
  );
}

function asJson(value: object | null): string | null {
  return value === null || Object.keys(value).length === 0 ? null : JSON.stringify(value, null, 2);
}
