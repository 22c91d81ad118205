import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { CampaignList } from "../../parts/campaigns/CampaignList";
import { Empty } from "../../parts/Empty";
import { CampaignIcon, PlusIcon } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { NewCampaign } from "./NewCampaign";
import { loadOf, nameOf } from "./title";
import { useRuns } from "./useRuns";

/** Whatever goes out in waves, and what is new. */
export function CampaignsPage() {
  const text = useText();
  const words = text.campaigns.page;
  const may = useMay();
  const [begins, setBegins] = useState(false);
  return (
    <Page
      title={text.shell.pages.campaigns}
      actions={
        may("campaigns:create") && (
          <Button leftSection={<PlusIcon size={14} />} onClick={() => setBegins(true)}>
            {words.add}
          </Button>
        )
      }
    >
      <CampaignList
        label={text.shell.pages.campaigns}
        list={useRuns()}
        titleOf={run => (run.name === null ? loadOf(run) : `${nameOf(run)} · ${loadOf(run)}`)}
        link={({ id }, className, content) => (
          <Link to="/campaigns/$campaignId" params={{ campaignId: id }} className={className}>
            {content}
          </Link>
        )}
        empty={
          <Empty icon={CampaignIcon} title={words.none}>
            <p>{words.noneHint}</p>
          </Empty>
        }
      />
      {begins && <NewCampaign onClose={() => setBegins(false)} />}
    </Page>
  );
}
