import { Alert, Button, Drawer } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { cancelCommand, commandRecord, useCommandSpecs } from "../api/commands/requests";
import { commandFrom, isOwn, titleOf } from "../api/commands/specs";
import { canBeRetried, hasEnded } from "../api/commands/states";
import { problemText } from "../api/problemText";
import { readAgain } from "../api/readAgain";
import { type CommandRecord, type Progress, tookMs, touched } from "../live/commands/records";
import { useDevice } from "../live/fleet";
import { onceMissed } from "../live/freshness";
import { useLive } from "../live/hooks";
import { covers } from "../session/access";
import { useSession } from "../session/context";
import { useText } from "../text";
import { duration } from "../text/format";
import { CommandDialog } from "./CommandDialog";
import { CommandProgress, CommandStatus } from "./CommandStatus";
import classes from "./command.module.css";
import { Json } from "./Json";
import { Loading } from "./Loading";
import { ProblemLine } from "./ProblemLine";
import { TimeText } from "./TimeText";

type Props = { deviceId: string; commandId: string; onClose: () => void };

/** One command beside the page: its true state, live; what it said; cancel, or send it again. */
export function CommandDrawer({ deviceId, commandId, onClose }: Props) {
  const text = useText();
  const key = ["command", deviceId, commandId];
  const queries = useQueryClient();
  const record = useQuery({ queryKey: key, queryFn: () => commandRecord(deviceId, commandId) });
  useLive(
    { deviceIds: [deviceId], types: ["command_accepted", "command_progress", "command_result"] },
    {
      onEvent: event => {
        const known = queries.getQueryData<CommandRecord>(key);
        if (known === undefined) return;
        const { records, ended } = touched([known], event);
        queries.setQueryData(key, records[0]);
        if (ended !== null) void readAgain(queries, key);
      },
      ...onceMissed(() => void readAgain(queries, key)),
    },
  );
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={record.data ? titleOf(record.data.type) : text.commands.page.record}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {record.isError && <ProblemLine error={record.error} onRetry={() => void record.refetch()} />}
      {record.isPending && <Loading height={220} />}
      {record.data && <Content record={record.data} />}
    </Drawer>
  );
}

function Content({ record }: { record: CommandRecord }) {
  const text = useText().commands;
  const device = useDevice(record.deviceId);
  const progress = record.progress as Progress | null;
  const took = tookMs(record);
  const facts: [string, ReactNode][] = [
    [
      text.page.device,
      <Link key="device" to="/devices/$deviceId" params={{ deviceId: record.deviceId }}>
        {device?.name ?? record.deviceId}
      </Link>,
    ],
    [text.page.actor, record.actor],
    [text.page.signedBy, record.signature && <code key="signed">{record.signature.keyId}</code>],
    [text.page.created, <TimeText key="created" at={record.createdAt} full />],
    [text.page.sent, record.sentAt && <TimeText key="sent" at={record.sentAt} full />],
    [text.page.finished, record.finishedAt && <TimeText key="end" at={record.finishedAt} full />],
    [text.page.took, took !== null && duration(took)],
    [
      text.page.deadline,
      !hasEnded(record.status) && record.deadline && (
        <TimeText key="dl" at={record.deadline} full />
      ),
    ],
    [
      text.page.expires,
      record.status === "PENDING" && record.expiresAt && (
        <TimeText key="exp" at={record.expiresAt} full />
      ),
    ],
    [
      text.page.approval,
      record.approval && (
        <Link key="approval" to="/approvals" search={{ id: record.approval.approvalId }}>
          {text.run.toApproval}
        </Link>
      ),
    ],
    [
      text.page.approveBy,
      record.approval && <TimeText key="until" at={record.approval.expiresAt} full />,
    ],
    [text.page.batch, record.batchId && <span className="mono">{record.batchId}</span>],
    [
      text.page.id,
      <span key="id" className="mono">
        {record.commandId}
      </span>,
    ],
  ];
  return (
    <div className={classes.form}>
      <div className={classes.tally}>
        <CommandStatus status={record.status} />
        {record.status === "RUNNING" && (
          <CommandProgress percent={progress?.percent ?? null} stage={progress?.stage ?? ""} />
        )}
      </div>
      <p className={classes.means} data-state={record.status}>
        {text.means[record.status]}
      </p>
      <Actions record={record} />
      <dl className={classes.facts}>
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <Part title={text.page.error} value={record.error} />
      {(record.hidden?.length ?? 0) > 0 && <p className="dim">{text.page.hidden}</p>}
      {record.output && !record.hidden?.includes("output") && (
        <section>
          <h3>{text.run.output}</h3>
          <pre className={`mono ${classes.output}`}>{record.output}</pre>
        </section>
      )}
      <Part title={text.page.data} value={record.data} />
      <Part title={text.page.late} hint={text.page.lateHint} value={record.lateResult} />
      <Part title={text.page.parameters} value={paramsOf(record)} />
    </div>
  );
}

/** Null where this user does not see them. */
function paramsOf({ params }: CommandRecord): Record<string, unknown> | null {
  return params === "hidden" ? null : params;
}

function Part({
  title,
  hint,
  value,
}: {
  title: string;
  hint?: string;
  value: object | null | undefined;
}) {
  if (!value || Object.keys(value).length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      {hint && <p className="dim">{hint}</p>}
      <Json value={value} />
    </section>
  );
}

/** Cancel what is under way; send again what did not work. */
function Actions({ record }: { record: CommandRecord }) {
  const text = useText();
  const { role } = useSession();
  const specs = useCommandSpecs();
  const device = useDevice(record.deviceId);
  const queries = useQueryClient();
  const [again, setAgain] = useState(false);
  const cancel = useMutation({
    mutationFn: () => cancelCommand(record.deviceId, record.commandId ?? ""),
    onSuccess: () => notifications.show({ message: text.commands.run.cancelled }),
    onError: error => notifications.show({ color: "red", message: problemText(error, text) }),
    onSettled: () => queries.invalidateQueries({ queryKey: ["command", record.deviceId] }),
  });
  const needed = isOwn(record.type)
    ? "ADMIN"
    : specs.data?.find(({ type }) => type === record.type)?.role;
  if (needed === undefined || !covers(role, needed)) return null;
  const params = paramsOf(record);
  return (
    <>
      <div className={classes.actions}>
        {!hasEnded(record.status) && (
          <Button variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
            {text.commands.run.cancel}
          </Button>
        )}
        {canBeRetried(record.status) && device && params && (
          <Button variant="default" onClick={() => setAgain(true)}>
            {text.commands.run.again}
          </Button>
        )}
      </div>
      {(record.status === "UNKNOWN" || record.status === "TIMEOUT") && (
        <Alert color="yellow" p="xs">
          {text.commands.run.retryUnknown}
        </Alert>
      )}
      {again && device && params && (
        <CommandDialog
          targets={[device]}
          start={{ command: commandFrom(record.type, params) }}
          onClose={() => setAgain(false)}
        />
      )}
    </>
  );
}
