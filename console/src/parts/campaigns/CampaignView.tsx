import { Link } from "@tanstack/react-router";
import type { Campaign } from "../../api/campaigns";
import { countWaves, isUnfinished, type Row, STATUSES, tallyOf } from "../../live/waves";
import { useText } from "../../text";
import { number } from "../../text/format";
import { FactLine } from "../FactLine";
import { Notice } from "../Notice";
import { Section } from "../Page";
import { TimeText } from "../TimeText";
import type { Reading } from "../table/columns";
import { Listed } from "../table/Listed";
import type { About } from "./about";
import classes from "./campaigns.module.css";
import { DeviceRows } from "./DeviceRows";
import { WaveBars } from "./WaveBars";

type Props = {
  campaign: Campaign;
  rows: ReadonlyMap<string, Row>;
  reading: Reading;
  about: About;
  /** Further terms, by name. */
  more?: readonly [string, string][];
};

/** A campaign as it goes on: why it stands still, its waves, its terms, its devices. */
export function CampaignView({ campaign, rows, reading, about, more }: Props) {
  const words = useText().campaigns;
  const tally = tallyOf(campaign.counts);
  return (
    <>
      <Standstill campaign={campaign} />
      <dl className={classes.tiles}>
        {STATUSES.map(status => (
          <div key={status} data-count={status}>
            <dt>{words.tiles[status]}</dt>
            <dd>{number(tally[status])}</dd>
          </div>
        ))}
      </dl>
      <Section title={words.waves} actions={<Facts campaign={campaign} />}>
        <WaveBars
          waves={countWaves(rows.values(), campaign.waves)}
          terms={campaign.terms.waves}
          present={isUnfinished(campaign.status) ? campaign.wave : null}
        />
      </Section>
      <Terms campaign={campaign} more={more ?? []} />
      <Section title={words.devices} flush>
        <Listed bare count={rows.size} reading={reading} place={180}>
          <DeviceRows rows={[...rows.values()]} about={about} />
        </Listed>
      </Section>
    </>
  );
}

/** Why nothing is sent, or nothing further. */
function Standstill({ campaign: { status, stoppedBecause, approval } }: { campaign: Campaign }) {
  const text = useText();
  const words = text.campaigns;
  const why = stoppedBecause && (words.stopReasons[stoppedBecause] ?? stoppedBecause);
  return (
    <>
      {why && <Notice>{status === "PAUSED" ? words.paused(why) : words.stopped(why)}</Notice>}
      {status === "AWAITING" && !approval && <Notice>{words.waitsForWave}</Notice>}
      {approval && (
        <Notice>
          {words.awaiting}{" "}
          <Link to="/approvals" search={{ id: approval.approvalId }}>
            {text.commands.run.toApproval}
          </Link>
        </Notice>
      )}
    </>
  );
}

function Facts({ campaign }: { campaign: Campaign }) {
  const words = useText().campaigns;
  return (
    <span className={`dim ${classes.facts}`}>
      {words.begunBy(campaign.createdBy)} <TimeText at={campaign.createdAt} />
      {campaign.finishedAt && (
        <>
          {" · "}
          {words.finished} <TimeText at={campaign.finishedAt} />
        </>
      )}
    </span>
  );
}

type TermsProps = { campaign: Campaign; more: readonly [string, string][] };

function Terms({ campaign: { terms }, more }: TermsProps) {
  const words = useText().campaigns;
  const stop = terms.stopAt;
  const said: [string, string][] = [
    [words.rate, terms.ratePerMinute === null ? words.noLimit : String(terms.ratePerMinute)],
    [words.soak, String(terms.soakSeconds)],
    [words.patience, String(Math.round(terms.phaseTimeoutSeconds / 6) / 10)],
    [
      words.stopRule,
      stop ? words.stopSaid(stop.failedPercent, stop.minimum ?? 1) : words.stopDefault,
    ],
    ...more,
  ];
  return <FactLine facts={said} />;
}
