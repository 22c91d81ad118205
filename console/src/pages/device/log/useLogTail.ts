/** The log of a device as it grows: `buffer.ts` with the socket and the history. */
import { useCallback, useEffect, useRef, useState } from "react";
import { api, page } from "../../../api/client";
import { freshnessOf, onceMissed } from "../../../live/freshness";
import { useLive } from "../../../live/hooks";
import { hubNow } from "../../../live/hubClock";
import { live } from "../../../live/socket";
import { SETTLE_MS } from "../../../live/useLiveRead";
import { type Entry, isWanted, LogBuffer, MOST, type Said, saidOf, type Wanted } from "./buffer";

const PAGE = 500;
const MOST_READING = 3 * MOST;
/** Pages read to close a gap, at most. */
const MOST_PAGES = 10;
/** Lines kept while paused; beyond, the history is read at the end of the pause. */
const MOST_WAITING = 10_000;

export type LogTail = {
  entries: readonly Entry[];
  /** Nothing is older than the first. */
  whole: boolean;
  loading: boolean;
  problem: unknown;
  paused: boolean;
  /** Lines that came while paused. */
  waiting: number;
  pause: () => void;
  resume: () => void;
  /** Whether the end is out of sight: then the oldest lines are kept for longer. */
  setReading: (reading: boolean) => void;
  /** Reads what is before the first line; the number of lines that came. */
  older: () => Promise<number>;
  reload: () => void;
};

type Shown = Pick<LogTail, "entries" | "whole" | "loading" | "problem" | "waiting">;

/** Give the component that uses it a `key` of all this: a new filter is a new log. */
export function useLogTail(deviceId: string, { level, source, q }: Wanted): LogTail {
  const buffer = useRef<LogBuffer>(null);
  buffer.current ??= new LogBuffer();
  const held = useRef<Said[]>([]);
  const missed = useRef(false);
  const frame = useRef(0);
  const frozen = useRef(false);
  const reading = useRef(false);
  const [paused, setPaused] = useState(false);
  const [shown, setShown] = useState<Shown>({
    entries: [],
    whole: false,
    loading: true,
    problem: null,
    waiting: 0,
  });

  const draw = useCallback((part: Partial<Shown> = {}) => {
    frame.current = 0;
    const log = buffer.current;
    if (log === null) return;
    if (!frozen.current && held.current.length > 0) {
      // What somebody reads must not be taken away from above it.
      log.append(held.current, hubNow(), reading.current ? MOST_READING : MOST);
      held.current = [];
    }
    setShown(current => ({
      ...current,
      entries: log.all(),
      whole: log.isWhole(),
      waiting: held.current.length,
      ...part,
    }));
  }, []);

  const soon = useCallback(() => {
    frame.current ||= requestAnimationFrame(() => draw());
  }, [draw]);

  const history = useCallback(
    (query: { until?: string; cursor?: string }) =>
      page(
        api.GET("/api/v1/devices/{id}/logs", {
          params: {
            path: { id: deviceId },
            query: {
              limit: PAGE,
              ...query,
              ...(level === null ? {} : { level }),
              ...(source === null ? {} : { source }),
              ...(q === "" ? {} : { q }),
            },
          },
        }),
      ),
    [deviceId, level, source, q],
  );

  const read = useCallback(async () => {
    const log = buffer.current;
    if (log === null) return;
    draw({ loading: true, problem: null });
    try {
      let cursor: string | null = null;
      for (let count = 0; count < MOST_PAGES; count += 1) {
        const { items, next }: Awaited<ReturnType<typeof history>> = await history(
          cursor === null ? {} : { cursor },
        );
        log.join(items, { newest: true, last: next === null });
        cursor = next;
        if (cursor === null || !log.hasOpenGap()) break;
      }
      draw({ loading: false });
    } catch (problem) {
      draw({ loading: false, problem });
    }
  }, [draw, history]);

  const again = useRef<ReturnType<typeof setTimeout>>(undefined);
  const readTwice = useCallback(() => {
    if (frozen.current) {
      missed.current = true;
      return;
    }
    void read();
    clearTimeout(again.current);
    again.current = setTimeout(() => void (frozen.current || read()), SETTLE_MS);
  }, [read]);
  const begin = useRef(readTwice);
  useEffect(() => {
    if (!freshnessOf(live.current()).isLive) begin.current();
    return () => {
      clearTimeout(again.current);
      cancelAnimationFrame(frame.current);
    };
  }, []);

  const minLevel = level === null ? {} : { minLevel: level };
  useLive(
    { deviceIds: [deviceId], types: ["log_line"], ...minLevel },
    {
      onEvent: event => {
        const said = saidOf(event);
        if (!isWanted(said, { level, source, q })) return;
        if (frozen.current && held.current.length >= MOST_WAITING) missed.current = true;
        else held.current.push(said);
        soon();
      },
      ...onceMissed(readTwice),
      onGap: () => {
        if (frozen.current) {
          missed.current = true;
          return;
        }
        draw();
        buffer.current?.gap(hubNow());
        readTwice();
      },
    },
  );

  const pause = () => {
    frozen.current = true;
    setPaused(true);
  };
  const resume = () => {
    frozen.current = false;
    setPaused(false);
    if (missed.current) {
      buffer.current?.gap(hubNow());
      missed.current = false;
      draw();
      readTwice();
    } else {
      draw();
    }
  };

  const older = async () => {
    const log = buffer.current;
    if (log === null) return 0;
    const until = log.olderThan();
    let brought = 0;
    let cursor: string | null = null;
    try {
      for (let count = 0; count < MOST_PAGES && brought === 0; count += 1) {
        const place: { until?: string; cursor?: string } = {};
        if (until !== null) place.until = until;
        if (cursor !== null) place.cursor = cursor;
        const { items, next }: Awaited<ReturnType<typeof history>> = await history(place);
        brought = log.join(items, { newest: false, last: next === null });
        cursor = next;
        if (cursor === null) break;
      }
      draw({ problem: null });
    } catch (problem) {
      draw({ problem });
    }
    return brought;
  };

  return {
    ...shown,
    paused,
    pause,
    resume,
    setReading: now => {
      reading.current = now;
    },
    older,
    reload: () => void read(),
  };
}
