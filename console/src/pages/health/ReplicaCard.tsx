import { type Point, pathOf } from "../../live/history";
import { Hint, Label } from "../../parts/Label";
import { TimeText } from "../../parts/TimeText";
import { useText } from "../../text";
import { bytes, NONE, number, percent, short } from "../../text/format";
import { type Replica, type Standing, standing } from "./advice";
import { CHART_MINUTES, CHARTS, type Chart } from "./data";
import classes from "./health.module.css";

const WIDTH = 120;
const HEIGHT = 28;

const TONES: Record<Standing, "ok" | "warn" | "bad" | undefined> = {
  ok: "ok",
  draining: "warn",
  silent: "bad",
  new: undefined,
  bad: "warn",
};

type Props = {
  replica: Replica;
  serverTime: string;
  charts: Record<Chart, readonly Point[]> | undefined;
};

/** One replica, as it last told of itself. */
export function ReplicaCard({ replica, serverTime, charts }: Props) {
  const words = useText().health;
  const { id, address, version, startedAt, lastSeen, figures } = replica;
  const stands = standing(replica, serverTime);
  return (
    <article className={classes.card} data-replica={id} aria-label={`${words.replica} ${id}`}>
      <header>
        <div className={classes.title}>
          <h2>{id}</h2>
          <Label tone={TONES[stands]}>{words.states[stands]}</Label>
        </div>
        <p className="dim">
          {address}
          {version && ` · ${words.version(version)}`} · {words.started} <TimeText at={startedAt} />{" "}
          · {words.seen} <TimeText at={lastSeen} />
        </p>
      </header>
      {figures === null ? (
        <Hint>{words.noFigures}</Hint>
      ) : (
        <>
          <div className={classes.charts}>
            {CHARTS.map(chart => (
              <LiveChart key={chart} chart={chart} points={charts?.[chart] ?? []} />
            ))}
          </div>
          <Figures figures={figures} />
        </>
      )}
    </article>
  );
}

function LiveChart({ chart, points }: { chart: Chart; points: readonly Point[] }) {
  const words = useText().health;
  const last = points.at(-1)?.value;
  const shown = last === undefined ? NONE : withUnit(chart, last, words);
  return (
    <figure
      className={classes.chart}
      aria-label={words.chart(words.charts[chart], shown, CHART_MINUTES)}
    >
      <figcaption>
        <span>{words.charts[chart]}</span>
        <strong>{shown}</strong>
      </figcaption>
      <svg
        viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`}
        preserveAspectRatio="none"
        height={HEIGHT}
        aria-hidden="true"
      >
        <path d={pathOf(points, WIDTH, HEIGHT)} vectorEffect="non-scaling-stroke" />
      </svg>
    </figure>
  );
}

function withUnit(
  chart: Chart,
  value: number,
  words: ReturnType<typeof useText>["health"],
): string {
  if (chart === "cpuPercent") return percent(value / 100);
  if (chart === "latencyMs") return words.milliseconds(value);
  return short(value);
}

function Figures({ figures }: { figures: NonNullable<Replica["figures"]> }) {
  const text = useText();
  const words = text.health.figures;
  const { queues, database, streamLag, redis } = figures;
  const rows: [string, string, boolean?][] = [
    [words.lines, number(figures.lines)],
    [words.dashboards, number(figures.dashboards)],
    [words.refusals, short(figures.refusalsPerSecond), figures.refusalsPerSecond > 0],
    [words.errors, short(figures.errorsPerSecond), figures.errorsPerSecond > 0],
    [words.eventQueue, short(queues.events)],
    [words.streamQueue, short(queues.stream)],
    [words.batchQueue, short(queues.batches)],
    [words.streamLag, streamLag === null ? words.noLag : short(streamLag)],
    [words.pool, words.poolOf(database.busy, database.most), database.busy >= database.most],
    [words.redis, words.redisStates[redis], redis === "away"],
    [words.memory, bytes(figures.memoryBytes)],
    [words.hotPath, words.hotPaths[figures.hotPath]],
  ];
  return (
    <dl className={classes.figures}>
      {rows.map(([name, value, bad]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd data-bad={bad || undefined}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
