import { Button, Table } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useChange } from "../../api/change";
import { Frame, Hint } from "../../parts/Frame";
import { RefreshIcon } from "../../parts/icons";
import { Section } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { TimeText } from "../../parts/TimeText";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { number } from "../../text/format";
import type { CloudSync } from "./advice";
import { CLOUD, type DeadLetter, retry, useDeadLetters } from "./data";
import classes from "./health.module.css";

/** What waits for the cloud, and what it refused. */
export function CloudQueue({ cloud }: { cloud: CloudSync }) {
  const words = useText().health.cloud;
  const administers = useMay()("administer");
  const { pending, deadLetters, oldestPendingSeconds, lastError } = cloud;
  const dead = useDeadLetters(administers && deadLetters > 0);
  const change = useChange(retry, {
    stale: [CLOUD],
    onDone: count => notifications.show({ message: words.retried(count) }),
  });
  const shown = deadLetters > 0 ? (dead.data ?? []) : [];
  return (
    <Section
      title={words.title}
      actions={
        administers &&
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
        {deadLetters > 0 && <Hint>{administers ? words.deadHint : words.admins}</Hint>}
        {dead.isError && <ProblemLine error={dead.error} onRetry={() => void dead.refetch()} />}
      </div>
      {shown.length > 0 && (
        <Frame
          bare
          label={words.deadTitle}
          least={820}
          heads={[
            words.record,
            words.kind,
            words.company,
            words.device,
            words.error,
            words.attempts,
            words.failed,
            "",
          ]}
        >
          {shown.map(letter => (
            <Row
              key={letter.id}
              letter={letter}
              busy={change.isPending}
              onRetry={() => change.mutate([letter.id])}
            />
          ))}
        </Frame>
      )}
    </Section>
  );
}

type RowProps = { letter: DeadLetter; busy: boolean; onRetry: () => void };

function Row({ letter, busy, onRetry }: RowProps) {
  const words = useText().health.cloud;
  return (
    <Table.Tr data-letter={letter.id}>
      <Table.Td className="mono" title={JSON.stringify(letter.data)}>
        {letter.id}
      </Table.Td>
      <Table.Td>{letter.kind}</Table.Td>
      <Table.Td>{letter.companyId}</Table.Td>
      <Table.Td>{letter.deviceId}</Table.Td>
      <Table.Td className={classes.why ?? ""} title={letter.error}>
        {letter.error}
      </Table.Td>
      <Table.Td>{letter.attempts}</Table.Td>
      <Table.Td>
        <TimeText at={letter.failedAt} />
      </Table.Td>
      <Table.Td data-right>
        <Button
          variant="default"
          size="compact-xs"
          disabled={busy}
          aria-label={words.retryOne(letter.id)}
          onClick={onRetry}
        >
          {words.retry}
        </Button>
      </Table.Td>
    </Table.Tr>
  );
}
