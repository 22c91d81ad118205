import { useElementSize, useMergedRef } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { axisTime, figure, measure } from "../../../text/format";
import type { Columns } from "./series";

const HEIGHT = 190;

type Props = {
  columns: Columns;
  /** Unix seconds. */
  since: number;
  until: number;
  /** Whose unit the axis has. */
  metric: string;
  label: string;
  /** The place under the pointer, here or in another chart of the page; null when there is none. */
  onPoint: (index: number | null) => void;
};

/** One metric: its mean as a line, its least and most as a band. Where there is a hole there is none. */
export function Chart({ columns, since, until, metric, label, onPoint }: Props) {
  const { ref: sized, width } = useElementSize();
  const ref = useRef<HTMLDivElement>(null);
  const both = useMergedRef(sized, ref);
  const plot = useRef<uPlot | null>(null);
  const point = useRef(onPoint);
  point.current = onPoint;
  const newest = useRef({ columns, since, until });
  newest.current = { columns, since, until };
  const wide = width > 0;

  useEffect(() => {
    const root = ref.current;
    if (!wide || root === null) return;
    const chart = new uPlot(
      options(root, metric, index => point.current(index)),
      dataOf(newest.current.columns),
      root,
    );
    plot.current = chart;
    draw(chart, newest.current);
    return () => {
      chart.destroy();
      plot.current = null;
    };
  }, [wide, metric]);

  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height: HEIGHT });
  }, [width]);

  useEffect(() => {
    if (plot.current) draw(plot.current, { columns, since, until });
  }, [columns, since, until]);

  return <div ref={both} role="img" aria-label={label} style={{ height: HEIGHT, minWidth: 0 }} />;
}

function draw(
  chart: uPlot,
  { columns, since, until }: { columns: Columns; since: number; until: number },
) {
  chart.batch(() => {
    chart.setData(dataOf(columns), false);
    chart.setScale("x", { min: since, max: until });
  });
}

function dataOf({ x, min, max, avg }: Columns): uPlot.AlignedData {
  return [x, min, max, avg];
}

function options(
  root: HTMLElement,
  metric: string,
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const colour = (name: string) => resolved(root, name);
  const accent = colour("--info");
  const band = colour("--band");
  const line = colour("--line");
  const dim = colour("--dim");
  const font = `11px ${getComputedStyle(root).fontFamily}`;
  const axis = { stroke: dim, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const edge = { stroke: "transparent", width: 0, points: { show: false } };
  return {
    width: root.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 12, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: "device-charts" } },
    scales: { x: { time: true }, y: { range: (_, least, most) => padded(least, most) } },
    bands: [{ series: [2, 1], fill: band }],
    series: [
      {},
      edge,
      edge,
      { stroke: accent, width: 1.6, points: { size: 4, fill: accent, stroke: accent } },
    ],
    axes: [
      {
        ...axis,
        space: 70,
        size: 28,
        values: (chart, splits) => {
          const { min = 0, max = 0 } = chart.scales.x ?? {};
          return splits.map(at => axisTime(at * 1000, 1000 * ((max ?? 0) - (min ?? 0))));
        },
      },
      {
        ...axis,
        size: 58,
        space: 34,
        values: (_, splits) => splits.map(value => measure(metric, value, figure)),
      },
    ],
    hooks: { setCursor: [chart => onPoint(chart.cursor.idx ?? null)] },
  };
}

/** Room above and below; what does not change at all is in the middle. */
function padded(least: number | null, most: number | null): [number, number] {
  if (least === null || most === null) return [0, 1];
  const room = most > least ? (most - least) * 0.08 : Math.max(Math.abs(most) * 0.1, 1);
  return [least >= 0 ? Math.max(0, least - room) : least - room, most + room];
}

/** What a variable of the theme is at this moment: a canvas does not know variables. */
function resolved(root: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  root.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
