import { SegmentedControl } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { type PointerEvent, useState } from "react";
import { useHubNow } from "../../../live/hubClock";
import { Loading } from "../../../parts/Loading";
import { Section } from "../../../parts/Page";
import { ProblemLine } from "../../../parts/ProblemLine";
import { StatusShape } from "../../../parts/StatusBadge";
import { useText } from "../../../text";
import { absoluteTime, axisTime, clockTime, lasting } from "../../../text/format";
import { availability, type Segment, segments, ticks } from "./segments";
import classes from "./timeline.module.css";
import { useStates } from "./useStates";

const HOUR = 3_600_000;
const SPANS: Record<string, number> = {
  "1h": HOUR,
  "6h": 6 * HOUR,
  "1d": 24 * HOUR,
  "7d": 168 * HOUR,
};
const TICK_PX = 90;
const SHOWN = 6;

export function Timeline({ deviceId }: { deviceId: string }) {
  const text = useText().device;
  const [span, setSpan] = useState("1d");
  const spanMs = SPANS[span] ?? HOUR;
  const { changes, problem, retry } = useStates(deviceId, spanMs);
  const now = useHubNow();
  const pieces = changes && segments(changes, now - spanMs, now);
  return (
    <Section
      title={text.timeline.title}
      actions={
        <SegmentedControl
          size="xs"
          aria-label={text.span}
          value={span}
          onChange={setSpan}
          data={Object.keys(SPANS).map(value => ({ value, label: text.spans[value] ?? value }))}
        />
      }
    >
      {problem ? (
        <ProblemLine error={problem} onRetry={retry} />
      ) : pieces === undefined ? (
        <Loading height={150} />
      ) : (
        <Drawn pieces={pieces} since={now - spanMs} until={now} />
      )}
    </Section>
  );
}

type DrawnProps = { pieces: readonly Segment[]; since: number; until: number };

function Drawn({ pieces, since, until }: DrawnProps) {
  const text = useText();
  const words = text.device.timeline;
  const { ref, width } = useElementSize();
  const [hovered, setHovered] = useState<number | null>(null);
  const share = availability(pieces);
  const left = (at: number) => `${(100 * (at - since)) / (until - since)}%`;
  const under = hovered === null ? undefined : pieces.find(({ to }) => to >= hovered);
  const offset = -new Date(until).getTimezoneOffset() * 60_000;
  const marks = ticks(since, until, Math.max(2, Math.floor(width / TICK_PX)), offset);
  const point = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    setHovered(since + ((event.clientX - box.left) / box.width) * (until - since));
  };
  const newest = [...pieces].reverse().slice(0, SHOWN);
  return (
    <div className={classes.timeline}>
      <div className={classes.readout}>
        {under && hovered !== null ? (
          <>
            <strong>{nameOf(under.state, text)}</strong>
            <span className="dim">
              {clockTime(under.from)} – {clockTime(under.to)}, {lasting(under.to - under.from)}
            </span>
          </>
        ) : (
          <>
            <strong>{share === null ? text.common.unknown : words.share(share)}</strong>
            <span className="dim">{words.shareHint}</span>
          </>
        )}
      </div>
      <div
        ref={ref}
        className={classes.bar}
        role="img"
        aria-label={words.label(
          share === null ? text.common.unknown : words.share(share),
          pieces.length - 1,
        )}
        onPointerMove={point}
        onPointerLeave={() => setHovered(null)}
      >
        {pieces.map(({ from, to, state }) => (
          <div
            key={from}
            className={classes.piece}
            data-state={state ?? "UNKNOWN"}
            style={{ left: left(from), width: `calc(${left(since + to - from)} + 0.5px)` }}
          />
        ))}
        {hovered !== null && <div className={classes.cursor} style={{ left: left(hovered) }} />}
      </div>
      <div className={classes.axis} aria-hidden="true">
        {marks.map(at => (
          <span key={at} style={{ left: left(at) }}>
            {axisTime(at, until - since)}
          </span>
        ))}
      </div>
      <ul className={classes.pieces} aria-label={words.newest}>
        {newest.map(({ from, to, state }, index) => (
          <li key={from}>
            <StatusShape status={state ?? ""} />
            <span className={classes.state}>{nameOf(state, text)}</span>
            <span className="dim" title={absoluteTime(new Date(from).toISOString())}>
              {from === since
                ? words.before
                : words.since(clockTime(from, until - from > 20 * HOUR))}
            </span>
            <span className={classes.length}>
              {lasting(to - from)}
              {index === 0 && <span className="dim"> {words.soFar}</span>}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function nameOf(state: string | null, text: ReturnType<typeof useText>): string {
  if (state === null) return text.device.timeline.unknown;
  return text.common.statuses[state] ?? state;
}
