import { useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Wish } from "../../api/campaigns";
import { askRollOut, type RollOut, rollOutKey } from "../../api/rollOuts";
import type { About } from "../../parts/campaigns/about";
import { CampaignControls } from "../../parts/campaigns/CampaignControls";
import { CampaignStatus } from "../../parts/campaigns/CampaignStatus";
import { CampaignView } from "../../parts/campaigns/CampaignView";
import { Page } from "../../parts/Page";
import { shortOf } from "../../parts/revisions";
import { UnreadPage } from "../../parts/UnreadPage";
import { useText } from "../../text";
import { useRollOut, useRollOutRows } from "./useRollOuts";

export function RollOutPage() {
  const { name, rollOutId } = useParams({ from: "/applications/$name/rollouts/$rollOutId" });
  const words = useText().applications;
  const found = useRollOut(name, rollOutId);
  if (found.data) return <One key={rollOutId} rollOut={found.data} />;
  return (
    <UnreadPage title={words.rollOut} reading={found} missing={words.missingRollOut}>
      <Link to="/applications/$name" params={{ name }}>
        {words.toApplication(name)}
      </Link>
    </UnreadPage>
  );
}

function One({ rollOut }: { rollOut: RollOut }) {
  const words = useText().applications;
  const queries = useQueryClient();
  const { rows, reading } = useRollOutRows(rollOut);
  const about = useMemo<About>(() => {
    const { phases, rollOutReasons, fromRevision } = words;
    return {
      phases,
      reasons: rollOutReasons,
      from: fromRevision,
      written: shortOf,
      tab: "applications",
    };
  }, [words]);
  const { id, application, revision, status } = rollOut;
  const ask = async (wish: Wish) =>
    void queries.setQueryData(rollOutKey(id), await askRollOut(rollOut, wish));
  const aborting = {
    title: words.abortTitle,
    explanation: words.abortHint,
    action: words.abortDo,
    wanted: application,
  };
  return (
    <Page
      title={words.rollOutTitle(application, shortOf(revision))}
      aside={<CampaignStatus status={status} />}
      actions={<CampaignControls campaign={rollOut} ask={ask} aborting={aborting} />}
    >
      <Link to="/applications/$name" params={{ name: application }}>
        {words.toApplication(application)}
      </Link>
      <CampaignView campaign={rollOut} rows={rows} reading={reading} about={about} />
    </Page>
  );
}
