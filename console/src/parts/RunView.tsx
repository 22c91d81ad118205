import { Alert, Button, Progress, Switch } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { APPROVALS, withdraw } from "../api/approvals";
import { useChange } from "../api/change";
import { cancelCommand } from "../api/commands/requests";
import { titleOf, typeOf } from "../api/commands/specs";
import { canBeRetried, hasEnded } from "../api/commands/states";
import { problemText } from "../api/problemText";
import { AWAITING, type RunRow, tally } from "../live/commands/run";
import type { Started } from "../live/commands/useRun";
import { fleet } from "../live/fleet";
import { useMay } from "../session/access";
import { type Text, useText } from "../text";
import { CommandProgress, CommandStatus } from "./CommandStatus";
import classes from "./command.module.css";
import { csv, download } from "./csv";
import { DownloadIcon, RefreshIcon, WarningIcon } from "./icons";
import type { Column } from "./table/columns";
import { DataTable } from "./table/DataTable";

const ROW = 36;
const COMPACT_ROW = 52;
const MOST_CANCELLED = 50;

type Props = {
  started: Started;
  /** With the devices on which it did not work. */
  onRetry: (deviceIds: string[]) => void;
  onAnother: () => void;
};

/** What becomes of a dispatch, device by device, as it happens. */
export function RunView({ started, onRetry, onAnother }: Props) {
  const text = useText();
  const words = text.commands.run;
  const { run, wish } = started;
  const [onlyFailed, setOnlyFailed] = useState(false);
  const { total, ended, succeeded, failed } = tally(run);
  const failures = useMemo(() => [...run.values()].filter(row => canBeRetried(row.status)), [run]);
  const rows = onlyFailed ? failures : [...run.values()];
  const [only] = rows;
  const { approvalId } = started.dispatched;
  const waits = [...run.values()].some(({ status }) => status === AWAITING);
  const mayRepeat = failures.some(({ status }) => status === "UNKNOWN" || status === "TIMEOUT");
  return (
    <div className={classes.form}>
      <Progress.Root size={8}>
        <Progress.Section
          value={(100 * succeeded) / total}
          color="teal.8"
          aria-label={words.succeeded(succeeded)}
        />
        <Progress.Section
          value={(100 * failed) / total}
          color="red.8"
          aria-label={words.failed(failed)}
        />
      </Progress.Root>
      <div className={classes.tally} role="status">
        <strong>{words.progress(ended, total)}</strong>
        <span style={{ color: "var(--ok)" }}>{words.succeeded(succeeded)}</span>
        {failed > 0 && <span style={{ color: "var(--bad)" }}>{words.failed(failed)}</span>}
        {ended < total && <span className="dim">{words.under(total - ended)}</span>}
        {total > 1 && failed > 0 && (
          <Switch
            size="xs"
            ml="auto"
            label={words.onlyFailed}
            checked={onlyFailed}
            onChange={event => setOnlyFailed(event.currentTarget.checked)}
          />
        )}
      </div>
      {approvalId !== null && waits && <Awaiting approvalId={approvalId} />}
      <Rows rows={rows} />
      {total === 1 && only?.output && <pre className={`mono ${classes.output}`}>{only.output}</pre>}
      {mayRepeat && (
        <Alert color="yellow" p="xs">
          {words.retryUnknown}
        </Alert>
      )}
      <div className={classes.actions}>
        {failures.length > 0 && (
          <Button
            leftSection={<RefreshIcon size={14} />}
            onClick={() => onRetry(failures.map(({ deviceId }) => deviceId))}
          >
            {words.retry(failures.length)}
          </Button>
        )}
        {!waits && <CancelButton rows={[...run.values()].filter(row => !hasEnded(row.status))} />}
        <Button
          variant="default"
          leftSection={<DownloadIcon size={14} />}
          onClick={() => download(`${typeOf(wish.command)}.csv`, exported([...run.values()], text))}
        >
          {words.export}
        </Button>
        <Button variant="default" onClick={onAnother}>
          {words.another}
        </Button>
      </div>
    </div>
  );
}

/** Nothing of it is sent yet: who approves it, and taking it back. */
function Awaiting({ approvalId }: { approvalId: string }) {
  const words = useText().commands.run;
  const may = useMay();
  const back = useChange(withdraw, { stale: [APPROVALS], done: words.takenBack });
  return (
    <Alert color="yellow" p="xs" icon={<WarningIcon />}>
      {words.awaiting}
      <div className={classes.awaiting}>
        {may("approvals:get") && (
          <Link to="/approvals" search={{ id: approvalId }}>
            {words.toApproval}
          </Link>
        )}
        <Button
          size="compact-sm"
          variant="default"
          loading={back.isPending}
          onClick={() => back.mutate(approvalId)}
        >
          {words.takeBack}
        </Button>
      </div>
    </Alert>
  );
}

/** Asks the hub to cancel what is under way; of many commands the hub is not asked one by one. */
function CancelButton({ rows }: { rows: readonly RunRow[] }) {
  const text = useText();
  const cancel = useMutation({
    mutationFn: () =>
      Promise.all(rows.map(({ deviceId, commandId }) => cancelCommand(deviceId, commandId ?? ""))),
    onSuccess: () => notifications.show({ message: text.commands.run.cancelled }),
    onError: error => notifications.show({ color: "red", message: problemText(error, text) }),
  });
  if (rows.length === 0 || rows.length > MOST_CANCELLED) return null;
  return (
    <Button variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
      {text.commands.run.cancelMany(rows.length)}
    </Button>
  );
}

function Rows({ rows }: { rows: readonly RunRow[] }) {
  const text = useText();
  const compact = useMediaQuery("(max-width: 36em)") ?? false;
  const columns = useMemo(() => columnsOf(text, compact), [text, compact]);
  return (
    <DataTable
      headless
      label={text.commands.run.rows}
      columns={columns}
      rows={rows}
      keyOf={idOf}
      marks={marks}
      rowHeight={compact ? COMPACT_ROW : ROW}
      most="min(420px, 45vh)"
    />
  );
}

const idOf = ({ deviceId }: RunRow) => deviceId;
const marks = ({ deviceId }: RunRow) => ({ "data-run": deviceId });

function columnsOf(text: Text, compact: boolean): Column<RunRow>[] {
  const words = text.commands.run;
  const detail = (row: RunRow) =>
    row.status === "RUNNING" ? (
      <CommandProgress percent={row.percent} stage={row.stage} />
    ) : (
      <span className={classes.detail} title={detailOf(row, text)}>
        {detailOf(row, text)}
      </span>
    );
  const device: Column<RunRow> = {
    key: "device",
    title: words.device,
    width: compact ? "minmax(0, 1fr)" : "minmax(110px, 1fr)",
    className: compact ? classes.under : undefined,
    cell: row => (
      <>
        <span className="truncate" title={row.deviceId}>
          {fleet.device(row.deviceId)?.name ?? row.deviceId}
        </span>
        {compact && detail(row)}
      </>
    ),
  };
  const state: Column<RunRow> = {
    key: "state",
    title: words.state,
    width: compact ? "auto" : "110px",
    cell: ({ status }) => <CommandStatus status={status} />,
  };
  const wide: Column<RunRow> = {
    key: "detail",
    title: words.detail,
    width: "minmax(120px, 1.6fr)",
    cell: detail,
  };
  return compact ? [device, state] : [device, state, wide];
}

/** In one line: the reason when it did not work, the beginning of the output when it did. */
export function detailOf(
  { error, output }: { error: { code?: string; message?: string } | null; output: string | null },
  text: Text,
): string {
  if (error === null) return (output ?? "").trim().split("\n").at(-1) ?? "";
  const known = text.commands.errors[error.code ?? ""];
  return known ?? [error.code, error.message].filter(Boolean).join(": ");
}

function exported(rows: readonly RunRow[], text: Text): string {
  const { run } = text.commands;
  return csv([
    [run.device, "commandId", run.state, "errorCode", "errorMessage", run.output],
    ...rows.map(row => [
      row.deviceId,
      row.commandId,
      row.status,
      row.error?.code,
      row.error?.message,
      row.output,
    ]),
  ]);
}

export function runTitle(started: Started, text: Text): string {
  return text.commands.run.title(titleOf(typeOf(started.wish.command)), started.run.size);
}
