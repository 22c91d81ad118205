/** A dispatch and what becomes of it, live: `run.ts` with a socket and a way to read again. */
import { useCallback, useEffect, useRef, useState } from "react";
import { batchRecords, commandRecord, type Dispatched, dispatch, type Wish } from "../api/commands";
import type { LiveEvent } from "../live/frames";
import { useLive } from "../live/hooks";
import { begin, follow, type Run, refresh, tally } from "./run";

/** Even with a live socket, unfinished commands are read again this often. */
const READ_MS = 10_000;
/** Events that came before the hub's answer did. */
const MOST_EARLY = 20_000;

export type Started = { wish: Wish; dispatched: Dispatched; run: Run };

export function useRun() {
  const [started, setStarted] = useState<Started | null>(null);
  const [watching, setWatching] = useState(false);
  const waiting = useRef<LiveEvent[]>([]);
  const frame = useRef(0);

  const apply = useCallback(() => {
    frame.current = 0;
    setStarted(current => {
      if (current === null) return null;
      const events = waiting.current;
      waiting.current = [];
      const run = follow(current.run, events);
      return run === current.run ? current : { ...current, run };
    });
  }, []);

  const read = useCallback(async () => {
    if (started === null) return;
    const records = await recordsOf(started).catch(() => []);
    setStarted(current => current && { ...current, run: refresh(current.run, records) });
  }, [started]);

  useLive(watching ? { types: ["command_accepted", "command_progress", "command_result"] } : null, {
    onEvent: event => {
      if (waiting.current.length < MOST_EARLY) waiting.current.push(event);
      frame.current ||= requestAnimationFrame(apply);
    },
    onGap: () => void read(),
  });

  const { total, ended } = tally(started?.run ?? new Map());
  const unfinished = started !== null && ended < total;
  useEffect(() => {
    if (!unfinished) return;
    const timer = setInterval(() => void read(), READ_MS);
    return () => clearInterval(timer);
  }, [unfinished, read]);

  /** Raises `Problem`. */
  const start = useCallback(
    async (deviceIds: readonly string[], wish: Wish, key: string) => {
      waiting.current = [];
      setWatching(true);
      const dispatched = await dispatch(deviceIds, wish, key);
      setStarted({ wish, dispatched, run: begin(dispatched.results) });
      frame.current ||= requestAnimationFrame(apply);
    },
    [apply],
  );

  const reset = useCallback(() => {
    setStarted(null);
    setWatching(false);
  }, []);

  return { started, start, read, reset };
}

async function recordsOf({ dispatched, run }: Started) {
  if (dispatched.batchId !== null) return batchRecords(dispatched.batchId);
  const rows = [...run.values()].flatMap(({ deviceId, commandId }) =>
    commandId === null ? [] : [commandRecord(deviceId, commandId)],
  );
  return Promise.all(rows);
}
