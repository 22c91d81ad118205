import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { Campaign } from "../../api/campaigns";
import { tallyOf } from "../../live/waves";
import { useText } from "../../text";
import { TimeText } from "../TimeText";
import type { Reading } from "../table/columns";
import { Listed } from "../table/Listed";
import { Bar } from "./Bar";
import { CampaignStatus } from "./CampaignStatus";
import classes from "./campaigns.module.css";

type List<C> = Reading & {
  campaigns: readonly C[];
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
};

type Props<C> = {
  label: string;
  list: List<C>;
  /** What it brings. */
  titleOf: (campaign: C) => string;
  /** A link to its page, of this class and content. */
  link: (campaign: C, className: string, content: ReactNode) => ReactNode;
  empty: ReactNode;
  /** Inside of a section, which has a frame of its own. */
  bare?: boolean;
};

/** Campaigns with how far they are, the newest first. */
export function CampaignList<C extends Campaign>(props: Props<C>) {
  const { label, list, titleOf, link, empty, bare } = props;
  const text = useText();
  return (
    <>
      <Listed
        bare={bare ?? false}
        count={list.campaigns.length}
        reading={list}
        place={bare ? 60 : 220}
        empty={empty}
      >
        <ul className={classes.list} data-bare={bare || undefined} aria-label={label}>
          {list.campaigns.map(campaign => (
            <li key={campaign.id} data-campaign-id={campaign.id}>
              {link(
                campaign,
                classes.row ?? "",
                <Summary campaign={campaign} title={titleOf(campaign)} />,
              )}
            </li>
          ))}
        </ul>
      </Listed>
      {list.hasNextPage && (
        <Button
          m={bare ? "sm" : 0}
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

function Summary({ campaign, title }: { campaign: Campaign; title: string }) {
  const words = useText().campaigns;
  const because = campaign.stoppedBecause;
  const tally = tallyOf(campaign.counts);
  const total = Object.values(tally).reduce((sum, count) => sum + count, 0);
  return (
    <>
      <span className={classes.name}>{title}</span>
      <CampaignStatus status={campaign.status} />
      <Bar tally={tally} total={total} />
      <span className={classes.numbers}>{words.ended(tally.SUCCESS, total)}</span>
      <span className={classes.because}>
        {because === null
          ? campaign.waves > 1
            ? words.wave(campaign.wave + 1, campaign.waves)
            : ""
          : (words.stopReasons[because] ?? because)}
      </span>
      <span className={classes.when}>
        {campaign.createdBy} · <TimeText at={campaign.createdAt} />
      </span>
    </>
  );
}
