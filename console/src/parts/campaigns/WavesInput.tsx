import { ActionIcon, Button, NumberInput, SegmentedControl } from "@mantine/core";
import type { Wave, WaveProblem } from "../../live/waves";
import { useText } from "../../text";
import { CrossIcon, PlusIcon } from "../icons";
import classes from "./campaigns.module.css";

type Props = {
  waves: readonly Wave[];
  /** How many devices each takes; null where nobody can say. */
  sizes: readonly number[] | null;
  problem: WaveProblem | null;
  onChange: (waves: Wave[]) => void;
};

/** The steps: so many more devices, or up to a share of all. */
export function WavesInput({ waves, sizes, problem, onChange }: Props) {
  const words = useText().campaigns;
  const put = (index: number, wave: Wave) => onChange(waves.with(index, wave));
  return (
    <fieldset className={classes.waves}>
      <legend>{words.waves}</legend>
      <p className="dim">{words.wavesHint}</p>
      {waves.map((wave, index) => {
        const counted = wave.count !== undefined && wave.count !== null;
        const value = counted ? wave.count : wave.percent;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a wave is its place
          <div key={index} className={classes.wave}>
            <span className={classes.waveName}>{words.waveName(index + 1)}</span>
            <NumberInput
              aria-label={words.waveSize(index + 1)}
              className={classes.waveSize ?? ""}
              min={counted ? 1 : 0.1}
              max={counted ? 1_000_000 : 100}
              allowDecimal={!counted}
              hideControls
              value={value ?? ""}
              onChange={next =>
                put(index, counted ? { count: Number(next) } : { percent: Number(next) })
              }
            />
            <SegmentedControl
              size="xs"
              aria-label={words.waveKind(index + 1)}
              value={counted ? "count" : "percent"}
              onChange={kind =>
                put(
                  index,
                  kind === "count"
                    ? { count: 1 }
                    : { percent: index === waves.length - 1 ? 100 : 50 },
                )
              }
              data={[
                { value: "count", label: words.more },
                { value: "percent", label: words.percent },
              ]}
            />
            <span className="dim">{sizes && words.takes(sizes[index] ?? 0)}</span>
            {waves.length > 1 && (
              <ActionIcon
                size={26}
                aria-label={words.removeWave(index + 1)}
                onClick={() => onChange(waves.filter((_, at) => at !== index))}
              >
                <CrossIcon size={14} />
              </ActionIcon>
            )}
          </div>
        );
      })}
      <div className={classes.adding}>
        <Button
          variant="default"
          size="compact-xs"
          leftSection={<PlusIcon size={12} />}
          disabled={waves.length >= 100}
          onClick={() => onChange([...waves, { count: 1 }])}
        >
          {words.addWave}
        </Button>
        {problem !== null && (
          <span role="alert" className={classes.wrong}>
            {words.waveProblems[problem]}
          </span>
        )}
      </div>
    </fieldset>
  );
}
