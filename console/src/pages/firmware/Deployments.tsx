import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Deployment } from "../../api/firmware";
import { tallyOf } from "../../live/waves";
import { DeploymentStatus } from "../../parts/DeploymentStatus";
import { Empty } from "../../parts/Empty";
import { FirmwareIcon } from "../../parts/icons";
import { TimeText } from "../../parts/TimeText";
import { Listed } from "../../parts/table/Listed";
import { useText } from "../../text";
import { Bar } from "./Bar";
import classes from "./firmware.module.css";
import { useDeployments } from "./useDeployments";

export function Deployments() {
  const text = useText();
  const words = text.firmware;
  const { deployments, ...list } = useDeployments();
  return (
    <>
      <Listed
        count={deployments.length}
        reading={list}
        place={220}
        empty={
          <Empty icon={FirmwareIcon} title={words.noDeployments}>
            <p>{words.noDeploymentsHint}</p>
          </Empty>
        }
      >
        <ul className={classes.list} aria-label={words.tabs.deployments}>
          {deployments.map(deployment => (
            <Row key={deployment.id} deployment={deployment} />
          ))}
        </ul>
      </Listed>
      {list.hasNextPage && (
        <Button
          mt="md"
          variant="default"
          loading={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          {text.common.more}
        </Button>
      )}
    </>
  );
}

function Row({ deployment }: { deployment: Deployment }) {
  const words = useText().firmware;
  const because = deployment.stoppedBecause;
  const tally = tallyOf(deployment.counts);
  const total = Object.values(tally).reduce((sum, count) => sum + count, 0);
  return (
    <li data-deployment-id={deployment.id}>
      <Link
        to="/firmware/deployments/$deploymentId"
        params={{ deploymentId: deployment.id }}
        className={classes.deployment ?? ""}
      >
        <span className={classes.version}>{deployment.version ?? deployment.releaseId}</span>
        <DeploymentStatus status={deployment.status} />
        <Bar tally={tally} total={total} />
        <span className={classes.numbers}>{words.ended(tally.SUCCESS, total)}</span>
        <span className={classes.because}>
          {because === null
            ? deployment.waves > 1
              ? words.wave(deployment.wave + 1, deployment.waves)
              : ""
            : (words.stopReasons[because] ?? because)}
        </span>
        <span className={classes.when}>
          {deployment.createdBy} · <TimeText at={deployment.createdAt} />
        </span>
      </Link>
    </li>
  );
}
