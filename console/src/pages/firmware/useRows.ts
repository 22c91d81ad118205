/** Every device of a deployment: read once, then followed. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { type Deployment, deploymentDevices } from "../../api/firmware";
import { readAgain } from "../../api/readAgain";
import type { LiveEvent } from "../../live/frames";
import { onceMissed } from "../../live/freshness";
import { useLive } from "../../live/hooks";
import { follow, isUnfinished, type Row } from "../../live/waves";

type Rows = ReadonlyMap<string, Row>;
/** Reasons and moments of what is shown come with the next reading; of many devices it comes later. */
const POLL_MS = 15_000;
const POLL_MS_EACH = 10;
const NONE: Rows = new Map();

export function useRows({ id, status, finishedAt }: Deployment) {
  const queries = useQueryClient();
  const key = ["deployment-devices", id];
  const waiting = useRef<LiveEvent[]>([]);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const asked = useQuery({
    queryKey: key,
    queryFn: async (): Promise<Rows> =>
      new Map((await deploymentDevices(id)).map(row => [row.deviceId, row])),
    refetchInterval: ({ state }) =>
      isUnfinished(status) ? POLL_MS + POLL_MS_EACH * (state.data?.size ?? 0) : false,
  });
  const again = () => void readAgain(queries, key);
  // Who was skipped at the end is told by no event.
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again when it has another state
  useEffect(() => void queries.invalidateQueries({ queryKey: key }), [status, finishedAt]);
  useLive(
    { types: ["deployment"] },
    {
      onEvent: event => {
        waiting.current.push(event);
        frame.current ||= requestAnimationFrame(() => {
          frame.current = 0;
          const events = waiting.current;
          waiting.current = [];
          queries.setQueryData<Rows>(key, known => known && follow(known, id, events));
        });
      },
      ...onceMissed(again),
    },
  );
  return { rows: asked.data ?? NONE, reading: asked };
}
