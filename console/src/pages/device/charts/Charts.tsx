import { Button, MultiSelect, SegmentedControl, useComputedColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { api, data } from "../../../api/client";
import { hubNow } from "../../../live/hubClock";
import type { Device } from "../../../live/standing";
import { Empty } from "../../../parts/Empty";
import { HealthIcon, PauseIcon, PlayIcon } from "../../../parts/icons";
import { Loading } from "../../../parts/Loading";
import { ProblemLine } from "../../../parts/ProblemLine";
import { useText } from "../../../text";
import { figure, measure, timeWithin } from "../../../text/format";
import { Chart } from "./Chart";
import classes from "./charts.module.css";
import { type Columns, chosen, SPANS } from "./series";
import { type OneSeries, useSeries } from "./useSeries";

const MOST = 12;
/** How often the window moves on, whether something came or not. */
const MOVE_MS = 2000;

export function Charts({ device }: { device: Device }) {
  const text = useText();
  const words = text.device.charts;
  const search = useSearch({ from: "/devices/$deviceId" });
  const navigate = useNavigate();
  const names = useQuery({
    queryKey: ["metric-names", device.id],
    queryFn: () =>
      data(api.GET("/api/v1/devices/{id}/metrics/names", { params: { path: { id: device.id } } })),
  });
  // A metric that has just come up live is one, too.
  const reported = Object.keys(device.metrics).join("\n");
  const all = useMemo(
    () => [...new Set([...(names.data ?? []), ...reported.split("\n").filter(Boolean)])].sort(),
    [names.data, reported],
  );
  const span = search.span !== undefined && search.span in SPANS ? search.span : "1h";
  const shown = chosen(search.metrics, all);
  const change = (part: object) =>
    void navigate({ to: ".", replace: true, search: previous => ({ ...previous, ...part }) });

  if (names.isPending) return <Loading height={260} />;
  if (names.isError)
    return <ProblemLine error={names.error} onRetry={() => void names.refetch()} />;
  if (all.length === 0) {
    return (
      <Empty icon={HealthIcon} title={words.none}>
        <p>{words.noneHint}</p>
      </Empty>
    );
  }
  return (
    <Board
      key={`${device.id} ${span}`}
      device={device}
      names={shown}
      span={span}
      picker={
        <>
          <MultiSelect
            className={classes.picker ?? ""}
            aria-label={words.pick}
            placeholder={words.pick}
            searchable
            clearable
            hidePickedOptions
            maxValues={MOST}
            data={all}
            value={shown}
            onChange={value => change({ metrics: value.join(",") || undefined })}
          />
          <SegmentedControl
            size="xs"
            aria-label={text.device.span}
            value={span}
            onChange={value => change({ span: value })}
            data={Object.keys(SPANS).map(value => ({
              value,
              label: text.device.spans[value] ?? value,
            }))}
          />
        </>
      }
    />
  );
}

type BoardProps = {
  device: Device;
  names: readonly string[];
  span: string;
  picker: React.ReactNode;
};

function Board({ device, names, span, picker }: BoardProps) {
  const words = useText().device.charts;
  const scheme = useComputedColorScheme("light");
  const { list, version, spanMs } = useSeries(device.id, names, span);
  const [until, setUntil] = useState(hubNow);
  const [paused, setPaused] = useState(false);
  useEffect(() => {
    if (paused) return;
    setUntil(hubNow());
    const timer = setInterval(() => setUntil(hubNow()), MOVE_MS);
    return () => clearInterval(timer);
  }, [paused]);
  return (
    <div className={classes.board}>
      <div className={classes.bar}>
        {picker}
        <Button
          ml="auto"
          variant={paused ? "filled" : "default"}
          leftSection={paused ? <PlayIcon size={14} /> : <PauseIcon size={14} />}
          onClick={() => setPaused(!paused)}
        >
          {paused ? words.resume : words.pause}
        </Button>
      </div>
      <div className={classes.grid}>
        {list.map(one => (
          <Panel
            key={`${one.name} ${scheme}`}
            one={one}
            version={version}
            since={until - spanMs}
            until={until}
            paused={paused}
          />
        ))}
      </div>
    </div>
  );
}

type PanelProps = {
  one: OneSeries;
  version: number;
  since: number;
  until: number;
  paused: boolean;
};

function Panel({ one, version, since, until, paused }: PanelProps) {
  const words = useText().device.charts;
  const [at, setAt] = useState<number | null>(null);
  const columns = useColumns(one, version, since, until, paused);
  const shown = (value: number | null | undefined) => measure(one.name, value, figure);
  const summary = useMemo(() => summaryOf(columns), [columns]);
  const hovered = at === null ? undefined : columns.x[at];
  const value = at === null ? undefined : columns.avg[at];
  return (
    <section className={classes.panel} aria-label={one.name} data-metric={one.name}>
      <header className={classes.head}>
        <h2 className="truncate" title={one.name}>
          {one.name}
        </h2>
        <output className={classes.value}>
          {hovered === undefined || value === undefined ? (
            shown(summary.last)
          ) : (
            <>
              {value === null ? (
                words.unknown
              ) : (
                <>
                  {shown(value)}
                  <span className="dim">
                    {words.range(shown(columns.min[at ?? 0]), shown(columns.max[at ?? 0]))}
                  </span>
                </>
              )}
              <span className="dim">{timeWithin(hovered * 1000, until - since)}</span>
            </>
          )}
        </output>
      </header>
      {one.problem !== null && <ProblemLine error={one.problem} />}
      {one.loading ? (
        <Loading height={190} />
      ) : (
        <Chart
          columns={columns}
          since={since / 1000}
          until={until / 1000}
          metric={one.name}
          label={words.label(one.name, shown(summary.last), summary.points)}
          onPoint={setAt}
        />
      )}
      <footer className={classes.foot}>
        {summary.points === 0 ? (
          <span>{words.noPoints}</span>
        ) : (
          <>
            <span>{words.least(shown(summary.least))}</span>
            <span>{words.mean(shown(summary.mean))}</span>
            <span>{words.most(shown(summary.most))}</span>
            {summary.holes > 0 && <span data-holes>{words.holes(summary.holes)}</span>}
          </>
        )}
      </footer>
    </section>
  );
}

/** What is drawn; while paused it stays as it was, and what comes is kept for later. */
function useColumns(
  { series }: OneSeries,
  version: number,
  since: number,
  until: number,
  paused: boolean,
): Columns {
  const frozen = useRef<Columns | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the series is changed in place
  const columns = useMemo(() => series.columns(since, until), [series, version, since, until]);
  if (!paused) frozen.current = columns;
  return frozen.current ?? columns;
}

function summaryOf({ avg, min, max }: Columns) {
  const values = avg.filter(value => value !== null);
  return {
    points: values.length,
    holes: avg.length - values.length,
    last: values.at(-1) ?? null,
    least: Math.min(...min.filter(value => value !== null)),
    most: Math.max(...max.filter(value => value !== null)),
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
  };
}
