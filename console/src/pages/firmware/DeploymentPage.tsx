import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, data } from "../../api/client";
import type { Deployment } from "../../api/firmware";
import { Problem } from "../../api/problem";
import { problemText } from "../../api/problemText";
import { countWaves, isUnfinished, STATUSES, tallyOf } from "../../live/waves";
import { ConfirmAction } from "../../parts/ConfirmAction";
import { DeploymentStatus } from "../../parts/DeploymentStatus";
import { Empty } from "../../parts/Empty";
import { PauseIcon, PlayIcon, QuestionIcon, StopIcon, WarningIcon } from "../../parts/icons";
import { Loading } from "../../parts/Loading";
import { Page, Section } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { TimeText } from "../../parts/TimeText";
import { Listed } from "../../parts/table/Listed";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { number } from "../../text/format";
import { DeviceRows } from "./DeviceRows";
import classes from "./firmware.module.css";
import { useDeployment } from "./useDeployments";
import { useRows } from "./useRows";
import { WaveBars } from "./WaveBars";

export function DeploymentPage() {
  const { deploymentId } = useParams({ from: "/firmware/deployments/$deploymentId" });
  const text = useText();
  const words = text.firmware;
  const found = useDeployment(deploymentId);
  if (found.data) return <One deployment={found.data} />;
  const missing = found.error instanceof Problem && found.error.status === 404;
  return (
    <Page title={words.deployment}>
      {missing ? (
        <Empty icon={QuestionIcon} title={words.missing}>
          <Link to="/firmware">{words.toFirmware}</Link>
        </Empty>
      ) : found.isError ? (
        <ProblemLine error={found.error} onRetry={() => void found.refetch()} />
      ) : (
        <Loading height={260} />
      )}
    </Page>
  );
}

function One({ deployment }: { deployment: Deployment }) {
  const text = useText();
  const words = text.firmware;
  const { rows, reading } = useRows(deployment);
  const tally = tallyOf(deployment.counts);
  return (
    <Page
      title={words.title(deployment.version ?? deployment.releaseId)}
      aside={<DeploymentStatus status={deployment.status} />}
      actions={<Controls deployment={deployment} />}
    >
      {deployment.stoppedBecause && (
        <p className={classes.stopped} role="status">
          <WarningIcon />
          {words.stopped(words.stopReasons[deployment.stoppedBecause] ?? deployment.stoppedBecause)}
        </p>
      )}
      {deployment.approval && (
        <p className={classes.stopped} role="status">
          <WarningIcon />
          {words.awaiting}{" "}
          <Link to="/approvals" search={{ id: deployment.approval.approvalId }}>
            {text.commands.run.toApproval}
          </Link>
        </p>
      )}
      <dl className={classes.tiles}>
        {STATUSES.map(status => (
          <div key={status} data-count={status}>
            <dt>{words.tiles[status]}</dt>
            <dd>{number(tally[status])}</dd>
          </div>
        ))}
      </dl>
      <Section title={words.waves} actions={<Facts deployment={deployment} />}>
        <WaveBars
          waves={countWaves(rows.values(), deployment.waves)}
          terms={deployment.terms.waves}
          present={isUnfinished(deployment.status) ? deployment.wave : null}
        />
      </Section>
      <Terms deployment={deployment} />
      <Section title={words.devices} flush>
        <Listed bare count={rows.size} reading={reading} place={180}>
          <DeviceRows rows={[...rows.values()]} />
        </Listed>
      </Section>
    </Page>
  );
}

function Facts({ deployment }: { deployment: Deployment }) {
  const words = useText().firmware;
  return (
    <span className={`dim ${classes.facts}`}>
      {words.begunBy(deployment.createdBy)} <TimeText at={deployment.createdAt} />
      {deployment.finishedAt && (
        <>
          {" · "}
          {words.finished} <TimeText at={deployment.finishedAt} />
        </>
      )}
    </span>
  );
}

function Terms({ deployment: { terms } }: { deployment: Deployment }) {
  const words = useText().firmware;
  const stop = terms.stopAt;
  const said: [string, string][] = [
    [words.rate, terms.ratePerMinute === null ? words.noLimit : String(terms.ratePerMinute)],
    [words.soak, String(terms.soakSeconds)],
    [words.patience, String(Math.round(terms.phaseTimeoutSeconds / 6) / 10)],
    [
      words.stopRule,
      stop ? words.stopSaid(stop.failedPercent, stop.minimum ?? 1) : words.stopDefault,
    ],
    [words.allowDowngrade, terms.allowDowngrade ? words.yes : words.no],
  ];
  return (
    <dl className={classes.said_}>
      {said.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Controls({ deployment }: { deployment: Deployment }) {
  const text = useText();
  const words = text.firmware;
  const may = useMay();
  const queries = useQueryClient();
  const [aborting, setAborting] = useState(false);
  const [busy, setBusy] = useState(false);
  if (!may("campaigns:update") || !isUnfinished(deployment.status)) return null;
  const params = { path: { id: deployment.id } };
  const take = (next: Deployment) => queries.setQueryData(["deployment", deployment.id], next);
  const ask = async (what: "pause" | "resume") => {
    setBusy(true);
    try {
      take(
        await data(
          what === "pause"
            ? api.POST("/api/v1/firmware/deployments/{id}/pause", { params })
            : api.POST("/api/v1/firmware/deployments/{id}/resume", { params }),
        ),
      );
    } catch (error) {
      notifications.show({ color: "red", message: problemText(error, text) });
    }
    setBusy(false);
  };
  const abort = async () => {
    take(await data(api.POST("/api/v1/firmware/deployments/{id}/abort", { params })));
  };
  return (
    <>
      {deployment.status === "AWAITING" ? null : deployment.status === "PAUSED" ? (
        <Button
          loading={busy}
          leftSection={<PlayIcon size={14} />}
          onClick={() => void ask("resume")}
        >
          {words.resume}
        </Button>
      ) : (
        <Button
          variant="default"
          loading={busy}
          leftSection={<PauseIcon size={14} />}
          onClick={() => void ask("pause")}
        >
          {words.pause}
        </Button>
      )}
      <Button
        variant="default"
        leftSection={<StopIcon size={14} />}
        onClick={() => setAborting(true)}
      >
        {words.abort}
      </Button>
      {aborting && (
        <ConfirmAction
          title={words.abortTitle}
          explanation={words.abortHint}
          action={words.abortDo}
          wanted={deployment.version ?? "abort"}
          onConfirm={abort}
          onClose={() => setAborting(false)}
        />
      )}
    </>
  );
}
