import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useChange } from "../../api/change";
import { RefreshIcon } from "../../parts/icons";
import { Hint } from "../../parts/Label";
import { Section } from "../../parts/Page";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { number } from "../../text/format";
import type { CloudSync } from "./advice";
import { CLOUD, type DeadLetter, retry, useDeadLetters } from "./data";
import classes from "./health.module.css";

/** What waits for the cloud, and what it refused. */
export function CloudQueue({ cloud }: { cloud: CloudSync }) {
  const words = useText().health.cloud;
  const may = useMay();
  const looks = may("dead-letters:list");
  const retries = may("dead-letters:update");
  const { pending, deadLetters, oldestPendingSeconds, lastError } = cloud;
  const dead = useDeadLetters(looks && deadLetters > 0);
  const change = useChange(retry, {
    stale: [CLOUD],
    onDone: count => notifications.show({ message: words.retried(count) }),
  });
  const shown = deadLetters > 0 ? (dead.data ?? []) : [];
  const columns: Column<DeadLetter>[] = [
    {
      key: "record",
      title: words.record,
      className: "mono",
      cell: ({ id, data }) => <span title={JSON.stringify(data)}>{id}</span>,
    },
    { key: "kind", title: words.kind, cell: ({ kind }) => kind },
    { key: "company", title: words.company, cell: ({ companyId }) => companyId },
    { key: "device", title: words.device, cell: ({ deviceId }) => deviceId },
    {
      key: "error",
      title: words.error,
      className: classes.why,
      cell: ({ error }) => <span title={error}>{error}</span>,
    },
    { key: "attempts", title: words.attempts, cell: ({ attempts }) => attempts },
    { key: "failed", title: words.failed, cell: ({ failedAt }) => <TimeText at={failedAt} /> },
    {
      key: "retry",
      title: "",
      right: true,
      cell: ({ id }) =>
        retries && (
          <Button
            variant="default"
            size="compact-xs"
            disabled={change.isPending}
            aria-label={words.retryOne(id)}
            onClick={() => change.mutate([id])}
          >
            {words.retry}
          </Button>
        ),
    },
  ];
  return (
    <Section
      title={words.title}
      actions={
        retries &&
        shown.length > 1 && (
          <Button
            variant="default"
            leftSection={<RefreshIcon size={14} />}
            loading={change.isPending}
            onClick={() => change.mutate(shown.map(({ id }) => id))}
          >
            {words.retryAll(shown.length)}
          </Button>
        )
      }
      flush
    >
      <div className={classes.intro}>
        {pending === 0 && deadLetters === 0 ? (
          <Hint>{words.nothing}</Hint>
        ) : (
          <dl className={classes.line}>
            <dt>{words.pending}</dt>
            <dd>{number(pending)}</dd>
            {oldestPendingSeconds !== null && (
              <>
                <dt>{words.oldest}</dt>
                <dd>{words.seconds(oldestPendingSeconds)}</dd>
              </>
            )}
            <dt>{words.dead}</dt>
            <dd data-bad={deadLetters > 0 || undefined}>{number(deadLetters)}</dd>
            {lastError !== null && (
              <>
                <dt>{words.lastError}</dt>
                <dd className="mono">{lastError}</dd>
              </>
            )}
          </dl>
        )}
        {deadLetters > 0 && <Hint>{looks ? words.deadHint : words.admins}</Hint>}
      </div>
      {deadLetters > 0 && looks && (
        <DataTable
          bare
          label={words.deadTitle}
          least={820}
          columns={columns}
          rows={shown}
          keyOf={({ id }) => id}
          marks={({ id }) => ({ "data-letter": id })}
          reading={dead}
          place={80}
        />
      )}
    </Section>
  );
}
