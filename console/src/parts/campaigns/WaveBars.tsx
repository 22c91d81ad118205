import type { Wave, WaveCount } from "../../live/waves";
import { useText } from "../../text";
import { Bar } from "./Bar";
import classes from "./campaigns.module.css";

type Props = {
  waves: readonly WaveCount[];
  terms: readonly Wave[];
  /** The wave that is on; null after the end. */
  present: number | null;
};

/** The waves in their order, each with how its devices stand. */
export function WaveBars({ waves, terms, present }: Props) {
  const words = useText().campaigns;
  return (
    <ol className={classes.bars}>
      {waves.map(({ index, total, counts }) => {
        const term = terms[index];
        const done = counts.SUCCESS + counts.FAILED + counts.SKIPPED;
        return (
          <li key={index} data-wave={index} data-present={index === present || undefined}>
            <span className={classes.waveName}>
              {words.waveName(index + 1)}
              <span className="dim">
                {term?.count ? words.byCount(term.count) : words.byPercent(term?.percent ?? 100)}
              </span>
            </span>
            <Bar tally={counts} total={Math.max(total, 1)} tall />
            <span className={classes.numbers}>{words.of(done, total)}</span>
            <span className={classes.waveState}>
              {index === present
                ? words.isOn
                : present !== null && index > present
                  ? words.waits
                  : ""}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
