import { Button } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { hubNow } from "../../../live/hubClock";
import { DownIcon, WarningIcon } from "../../../parts/icons";
import { useText } from "../../../text";
import { absoluteTime, exactTime } from "../../../text/format";
import { type Line, oldestOf, parts, plain, type Wanted } from "./buffer";
import classes from "./log.module.css";
import type { LogTail } from "./useLogTail";

const ROW = 20;
/** This close to the end is at the end. */
const END_PX = 30;

type Props = {
  tail: LogTail;
  wanted: Wanted;
  wrap: boolean;
};

/** The lines, only those in sight drawn. At the end it follows what comes; scrolled up it stays. */
export function LogRows({ tail, wanted, wrap }: Props) {
  const text = useText();
  const words = text.device.log;
  const shown = tail.entries;
  const scroller = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  const [busy, setBusy] = useState(false);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    getItemKey: index => shown[index]?.key ?? index,
    estimateSize: () => ROW,
    overscan: 20,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured anew when lines may wrap
  useEffect(() => virtual.measure(), [wrap]);

  useEffect(() => tail.setReading(!following), [tail.setReading, following]);
  const last = shown.at(-1)?.key;
  const oldest = oldestOf(shown);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows what comes
  useLayoutEffect(() => {
    if (following) toEnd(scroller.current);
  }, [following, last, shown.length, wrap]);

  const jump = () => {
    setFollowing(true);
    toEnd(scroller.current);
  };
  /** What was the first row stays where it is. */
  const older = async () => {
    const box = scroller.current;
    const before = box?.scrollHeight ?? 0;
    setFollowing(false);
    setBusy(true);
    await tail.older();
    setBusy(false);
    requestAnimationFrame(() => {
      if (box) box.scrollTop += box.scrollHeight - before;
    });
  };

  return (
    <div className={classes.frame}>
      <div
        ref={scroller}
        className={classes.scroller}
        data-wrap={wrap || undefined}
        role="log"
        aria-live="off"
        aria-label={words.title}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        onScroll={event => setFollowing(isAtEnd(event.currentTarget))}
      >
        <div className={classes.head}>
          {shown.length === 0 ? (
            <p className="dim">
              {tail.loading && text.common.loading}
              {!tail.loading &&
                tail.problem === null &&
                (isAll(wanted) ? words.empty : words.noMatch)}
            </p>
          ) : tail.whole ? (
            <span className="dim">{words.beginning}</span>
          ) : (
            <Button variant="subtle" size="compact-xs" loading={busy} onClick={older}>
              {words.older}
            </Button>
          )}
        </div>
        <div className={classes.lines} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start, key }) => {
            const entry = shown[index];
            if (entry === undefined) return null;
            return (
              <div
                key={key}
                ref={wrap ? virtual.measureElement : undefined}
                data-index={index}
                className={classes.place}
                style={{ transform: `translateY(${start}px)` }}
              >
                {entry.kind === "gap" ? (
                  <div className={classes.gap} data-gap={entry.filled ? "filled" : "open"}>
                    <WarningIcon size={13} />
                    {entry.filled ? words.gapFilled : words.gapOpen}
                  </div>
                ) : (
                  <LineRow line={entry} looked={wanted.q} />
                )}
              </div>
            );
          })}
        </div>
      </div>
      <div className={classes.foot}>
        <span>{words.count(shown.length)}</span>
        {!tail.loading && tail.problem === null && !isAll(wanted) && (
          <span>
            {tail.whole || oldest === null
              ? words.searchedAll
              : words.searchedTo(absoluteTime(new Date(oldest).toISOString()))}
          </span>
        )}
        {tail.paused ? (
          <strong className={classes.paused}>{words.paused}</strong>
        ) : following ? (
          <span>{words.following}</span>
        ) : (
          <Button size="compact-xs" leftSection={<DownIcon size={12} />} onClick={jump}>
            {words.jump}
          </Button>
        )}
      </div>
    </div>
  );
}

function LineRow({ line, looked }: { line: Line; looked: string }) {
  const said = parts(plain(line.line), looked);
  return (
    <div className={classes.line} data-level={line.level}>
      <time dateTime={line.ts} title={`${absoluteTime(line.ts)} (${line.ts})`}>
        {exactTime(Date.parse(line.ts), hubNow())}
      </time>
      <span className={classes.level}>{line.level}</span>
      {line.source && <span className={classes.source}>{line.source}</span>}
      <span className={classes.said}>
        {said.map((part, index) =>
          index % 2 === 1 ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text have no other name
            <mark key={index}>{part}</mark>
          ) : (
            part
          ),
        )}
      </span>
    </div>
  );
}

function isAll({ level, source, q }: Wanted): boolean {
  return level === null && source === null && q === "";
}

function isAtEnd(box: HTMLElement): boolean {
  return box.scrollHeight - box.scrollTop - box.clientHeight < END_PX;
}

function toEnd(box: HTMLElement | null): void {
  if (box) box.scrollTop = box.scrollHeight;
}
