import { Button, Drawer, Stack, Textarea } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Fragment, type ReactNode, useState } from "react";
import {
  APPROVALS,
  type Approval,
  decide,
  useApproval,
  type Verdict,
  withdraw,
} from "../../api/approvals";
import { useChange } from "../../api/change";
import { Json } from "../../parts/Json";
import { Actions, Hint } from "../../parts/Label";
import { Loading } from "../../parts/Loading";
import { ProblemLine } from "../../parts/ProblemLine";
import { TimeText } from "../../parts/TimeText";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import classes from "./approvals.module.css";
import { whatOf } from "./whatOf";

const MOST_SHOWN = 200;

/** Exactly what will be sent, to whom; approve or reject it, or take the own back. */
export function ApprovalDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const text = useText();
  const found = useApproval(id);
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={found.data ? whatOf(found.data, text) : text.approvals.title}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {found.isError && <ProblemLine error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Loading height={220} />}
      {found.data && <Content approval={found.data} />}
    </Drawer>
  );
}

function Content({ approval }: { approval: Approval }) {
  const text = useText();
  const words = text.approvals;
  const hidden = approval.command?.params === "hidden";
  const refused = Object.entries(approval.refused);
  return (
    <Stack gap="sm">
      <p className={classes.reason}>{words.reasons[approval.reason]}</p>
      <Facts approval={approval} />
      {approval.command !== null && (
        <section>
          <h3>{words.exactly}</h3>
          {hidden ? <Hint>{words.hidden}</Hint> : <Json value={approval.command} />}
        </section>
      )}
      {approval.settings !== null && (
        <section>
          <h3>{words.changes}</h3>
          <Json value={approval.settings} />
        </section>
      )}
      {approval.terms !== null && (
        <section>
          <h3>{words.terms}</h3>
          <Json value={approval.terms} />
        </section>
      )}
      {approval.targetCount > 0 && (
        <section>
          <h3>{words.targetCount(approval.targetCount)}</h3>
          <ul className={classes.targets}>
            {approval.targets.slice(0, MOST_SHOWN).map(device => (
              <li key={device}>
                <Link to="/devices/$deviceId" params={{ deviceId: device }}>
                  {device}
                </Link>
              </li>
            ))}
            {approval.targetCount > MOST_SHOWN && (
              <li>{words.more(approval.targetCount - MOST_SHOWN)}</li>
            )}
          </ul>
        </section>
      )}
      {refused.length > 0 && (
        <section>
          <h3>{words.refused}</h3>
          <Json value={approval.refused} />
        </section>
      )}
      {approval.status === "AWAITING" && <Decide approval={approval} />}
    </Stack>
  );
}

function Facts({ approval }: { approval: Approval }) {
  const words = useText().approvals;
  const facts: [string, ReactNode][] = [
    [words.state, words.statuses[approval.status]],
    [words.by, approval.askedBy],
    [words.asked, <TimeText key="asked" at={approval.askedAt} full />],
    [words.ends, approval.decidedAt === null && <TimeText at={approval.expiresAt} full />],
    [words.decidedBy, approval.decidedBy],
    [words.decidedAt, approval.decidedAt && <TimeText at={approval.decidedAt} full />],
    [words.comment, approval.comment],
    [words.became, becameOf(approval)],
  ];
  return (
    <dl className={classes.facts}>
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
    </dl>
  );
}

/** To what became of it, or waits to. */
function becameOf(approval: Approval): ReactNode {
  const { command, commandId, batchId, campaignId } = approval;
  const [device = ""] = approval.targets;
  if (campaignId !== undefined && command?.type === "application")
    return (
      <Link
        to="/applications/$name/rollouts/$rollOutId"
        params={{ name: String(command.name), rollOutId: campaignId }}
      >
        {campaignId}
      </Link>
    );
  if (campaignId !== undefined)
    return (
      <Link to="/firmware/deployments/$deploymentId" params={{ deploymentId: campaignId }}>
        {campaignId}
      </Link>
    );
  if (batchId !== undefined)
    return (
      <Link to="/commands" search={{ batch: batchId }}>
        {batchId}
      </Link>
    );
  if (commandId === undefined) return null;
  return (
    <Link to="/commands" search={{ device, command: commandId }}>
      {commandId}
    </Link>
  );
}

/** Another person's part; whoever asked may only take it back. */
function Decide({ approval: { id, mine } }: { approval: Approval }) {
  const words = useText().approvals;
  const may = useMay();
  const [comment, setComment] = useState("");
  const options = { stale: [APPROVALS] };
  const approving = useChange(decide, { ...options, done: words.approved });
  const rejecting = useChange(decide, { ...options, done: words.rejected });
  const back = useChange(withdraw, { ...options, done: words.takenBack });
  if (mine)
    return (
      <>
        <Hint>{words.mine}</Hint>
        <Actions>
          <Button variant="default" loading={back.isPending} onClick={() => back.mutate(id)}>
            {words.takeBack}
          </Button>
        </Actions>
      </>
    );
  if (!may("approvals:update")) return null;
  const say = (verdict: Verdict) => ({ id, verdict, comment });
  const busy = approving.isPending || rejecting.isPending;
  return (
    <>
      <Textarea
        label={words.comment}
        description={words.commentHint}
        inputWrapperOrder={["label", "input", "description"]}
        maxLength={2000}
        autosize
        minRows={2}
        value={comment}
        onChange={event => setComment(event.currentTarget.value)}
      />
      <Actions>
        <Button
          variant="default"
          disabled={busy}
          loading={rejecting.isPending}
          onClick={() => rejecting.mutate(say("reject"))}
        >
          {words.reject}
        </Button>
        <Button
          disabled={busy}
          loading={approving.isPending}
          onClick={() => approving.mutate(say("approve"))}
        >
          {words.approve}
        </Button>
      </Actions>
    </>
  );
}
