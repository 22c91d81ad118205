/** A dispatch and what becomes of it, live: `run.ts` with a socket and a way to read again. */
import { useCallback, useEffect, useRef, useState } from "react";
import {
  batchRecords,
  commandRecord,
  type Dispatched,
  dispatch,
  type Wish,
} from "../../api/commands/requests";
import type { LiveEvent } from "../frames";
import { useLive } from "../hooks";
import { begin, follow, type Run, refresh, tally } from "./run";

/** Even with a live socket, unfinished commands are read again this often. */
const READ_MS = 10_000;
/** Events that came before the hub's answer did. */
const MOST_EARLY = 20_000;

export type Started = { wish: Wish; dispatched: Dispatched; run: Run };

export function useRun() {
  const [started, show] = useState<Started | null>(null);
  /** The newest, between two renderings. */
  const newest = useRef<Started | null>(null);
  const waiting = useRef<LiveEvent[]>([]);
  const frame = useRef(0);

  const put = useCallback((next: Started | null) => {
    newest.current = next;
    show(next);
  }, []);

  const apply = useCallback(() => {
    frame.current = 0;
    const known = newest.current;
    if (known === null) return; // the hub has not answered yet: they wait
    const run = follow(known.run, waiting.current);
    waiting.current = [];
    if (run !== known.run) put({ ...known, run });
  }, [put]);

  const read = useCallback(async () => {
    if (newest.current === null) return;
    const records = await recordsOf(newest.current).catch(() => []);
    const known = newest.current;
    if (known !== null) put({ ...known, run: refresh(known.run, records) });
  }, [put]);

  useLive(
    { types: ["command_accepted", "command_progress", "command_result"] },
    {
      onEvent: event => {
        if (waiting.current.length < MOST_EARLY) waiting.current.push(event);
        frame.current ||= requestAnimationFrame(apply);
      },
      onSubscribed: () => void read(),
      onGap: () => void read(),
    },
  );

  const approvalId = started?.dispatched.approvalId ?? null;
  useLive(
    { types: ["record_changed"] },
    { onEvent: event => event.id === approvalId && approvalId !== null && void read() },
  );

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
      const dispatched = await dispatch(deviceIds, wish, key);
      put({ wish, dispatched, run: begin(dispatched.results) });
      frame.current ||= requestAnimationFrame(apply);
    },
    [put, apply],
  );

  const reset = useCallback(() => put(null), [put]);

  return { started, start, read, reset };
}

async function recordsOf({ dispatched, run }: Started) {
  if (dispatched.batchId !== null) return batchRecords(dispatched.batchId);
  const rows = [...run.values()].flatMap(({ deviceId, commandId }) =>
    commandId === null ? [] : [commandRecord(deviceId, commandId)],
  );
  return Promise.all(rows);
}
