import { useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Wish } from "../../api/campaigns";
import { askOf, type Deployment } from "../../api/firmware";
import type { About } from "../../parts/campaigns/about";
import { CampaignControls } from "../../parts/campaigns/CampaignControls";
import { CampaignStatus } from "../../parts/campaigns/CampaignStatus";
import { CampaignView } from "../../parts/campaigns/CampaignView";
import { Page } from "../../parts/Page";
import { UnreadPage } from "../../parts/UnreadPage";
import { useText } from "../../text";
import { deploymentKey, useDeployment, useRows } from "./useDeployments";

export function DeploymentPage() {
  const { deploymentId } = useParams({ from: "/firmware/deployments/$deploymentId" });
  const words = useText().firmware;
  const found = useDeployment(deploymentId);
  if (found.data) return <One deployment={found.data} />;
  return (
    <UnreadPage title={words.deployment} reading={found} missing={words.missing}>
      <Link to="/firmware">{words.toFirmware}</Link>
    </UnreadPage>
  );
}

function One({ deployment }: { deployment: Deployment }) {
  const words = useText().firmware;
  const queries = useQueryClient();
  const { rows, reading } = useRows(deployment);
  const about = useMemo<About>(() => {
    const { phases, reasons, from } = words;
    return { phases, reasons, from, written: version => version, tab: "firmware" };
  }, [words]);
  const { id, status, version, releaseId, terms } = deployment;
  const ask = async (wish: Wish) =>
    void queries.setQueryData(deploymentKey(id), await askOf(id, wish));
  const aborting = {
    title: words.abortTitle,
    explanation: words.abortHint,
    action: words.abortDo,
    wanted: version ?? "abort",
  };
  return (
    <Page
      title={words.title(version ?? releaseId)}
      aside={<CampaignStatus status={status} />}
      actions={<CampaignControls campaign={deployment} ask={ask} aborting={aborting} />}
    >
      <CampaignView
        campaign={deployment}
        rows={rows}
        reading={reading}
        about={about}
        more={[[words.allowDowngrade, terms.allowDowngrade ? words.yes : words.no]]}
      />
    </Page>
  );
}
