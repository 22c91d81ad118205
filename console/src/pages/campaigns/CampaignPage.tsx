import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Wish } from "../../api/campaigns";
import { useChange } from "../../api/change";
import { approveWave, askRun, type Run, retryRun, runKey } from "../../api/runs";
import type { About } from "../../parts/campaigns/about";
import { CampaignControls } from "../../parts/campaigns/CampaignControls";
import { CampaignStatus } from "../../parts/campaigns/CampaignStatus";
import { CampaignView } from "../../parts/campaigns/CampaignView";
import { CheckIcon, RefreshIcon } from "../../parts/icons";
import { Page } from "../../parts/Page";
import { UnreadPage } from "../../parts/UnreadPage";
import { useMay } from "../../session/access";
import { type Text, useText } from "../../text";
import { absoluteTime } from "../../text/format";
import { loadOf, nameOf } from "./title";
import { useRun, useRunRows } from "./useRuns";

export function CampaignPage() {
  const { campaignId } = useParams({ from: "/campaigns/$campaignId" });
  const words = useText().campaigns.page;
  const found = useRun(campaignId);
  if (found.data) return <One key={campaignId} run={found.data} />;
  return (
    <UnreadPage title={words.campaign} reading={found} missing={words.missing}>
      <Link to="/campaigns">{words.toCampaigns}</Link>
    </UnreadPage>
  );
}

function One({ run }: { run: Run }) {
  const text = useText();
  const words = text.campaigns.page;
  const queries = useQueryClient();
  const { rows, reading } = useRunRows(run);
  const about = useMemo<About>(() => {
    const { phases, reasons } = text.campaigns;
    const from = words.from;
    const tab = run.kind === "application" ? "applications" : "commands";
    return { phases, reasons, from, written: version => version, tab };
  }, [text, words, run.kind]);
  const put = (changed: Run) => void queries.setQueryData(runKey(run.id), changed);
  const ask = async (wish: Wish) => put(await askRun(run.id, wish));
  const aborting = {
    title: words.abortTitle,
    explanation: words.abortHint,
    action: words.abortDo,
    wanted: nameOf(run),
  };
  return (
    <Page
      title={nameOf(run)}
      aside={<CampaignStatus status={run.status} />}
      actions={
        <>
          <Next run={run} onDone={put} />
          <CampaignControls campaign={run} ask={ask} aborting={aborting} />
        </>
      }
    >
      <CampaignView
        campaign={run}
        rows={rows}
        reading={reading}
        about={about}
        more={factsOf(run, text)}
      />
    </Page>
  );
}

/** Lets the next wave begin, or opens it again for who failed. */
function Next({ run, onDone }: { run: Run; onDone: (changed: Run) => void }) {
  const words = useText().campaigns.page;
  const may = useMay();
  const approve = useChange(() => approveWave(run.id, run.wave + 1), { onDone });
  const retry = useChange(() => retryRun(run.id), { onDone });
  if (!may("campaigns:update")) return null;
  if (run.status === "AWAITING" && run.approval === undefined)
    return (
      <Button
        leftSection={<CheckIcon size={14} />}
        loading={approve.isPending}
        onClick={() => approve.mutate(undefined)}
      >
        {words.approve(run.wave + 2)}
      </Button>
    );
  if (run.finishedAt !== null && run.counts.failed > 0)
    return (
      <Button
        variant="default"
        leftSection={<RefreshIcon size={14} />}
        loading={retry.isPending}
        onClick={() => retry.mutate(undefined)}
      >
        {words.retry(run.counts.failed)}
      </Button>
    );
  return null;
}

/** What it does, for whom, when: as far as that is not as always. */
function factsOf(run: Run, text: Text): [string, string][] {
  const words = text.campaigns.page;
  const { terms, target, name } = run;
  const facts: [string, string | null | false][] = [
    [words.brings, name !== null && loadOf(run)],
    [words.query, target?.query ?? null],
    [words.owner, run.owner !== run.createdBy && run.owner],
    [words.approval, terms.approval && words.approvals[terms.approval]],
    [words.retries, terms.retries ? String(terms.retries) : null],
    [words.growth, terms.growth && words.growthSaid(terms.growth.factor, terms.growth.after)],
    [words.windows, terms.windows.map(words.window).join(" · ")],
    [words.follow, terms.follow && words.followed],
    [words.startAt, run.startAt && absoluteTime(run.startAt)],
    [words.endsAt, run.endsAt && absoluteTime(run.endsAt)],
    [words.attempt, run.attempt > 1 && String(run.attempt)],
  ];
  return facts.flatMap(([title, said]) => (said ? [[title, said] as [string, string]] : []));
}
