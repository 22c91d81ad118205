import { Link } from "@tanstack/react-router";
import { CampaignList } from "../../parts/campaigns/CampaignList";
import { Empty } from "../../parts/Empty";
import { FirmwareIcon } from "../../parts/icons";
import { useText } from "../../text";
import { useDeployments } from "./useDeployments";

export function Deployments() {
  const words = useText().firmware;
  return (
    <CampaignList
      label={words.tabs.deployments}
      list={useDeployments()}
      titleOf={({ version, releaseId }) => version ?? releaseId}
      link={({ id }, className, content) => (
        <Link
          to="/firmware/deployments/$deploymentId"
          params={{ deploymentId: id }}
          className={className}
        >
          {content}
        </Link>
      )}
      empty={
        <Empty icon={FirmwareIcon} title={words.noDeployments}>
          <p>{words.noDeploymentsHint}</p>
        </Empty>
      }
    />
  );
}
