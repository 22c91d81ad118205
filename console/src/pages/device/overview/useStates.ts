/** The changes of state of a device over a span, live. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, data } from "../../../api/client";
import { readAgain } from "../../../api/readAgain";
import { hubNow } from "../../../live/hubClock";
import { useLiveRead } from "../../../live/useLiveRead";
import type { Change } from "./segments";

/** Heard since the history was read; heartbeats that say the same are left out. */
const MOST_HEARD = 5000;

export function useStates(deviceId: string, spanMs: number) {
  const queries = useQueryClient();
  const key = ["states", deviceId, spanMs];
  const [heard, setHeard] = useState<readonly Change[]>([]);
  const asked = useQuery({
    queryKey: key,
    queryFn: async () => {
      const readAt = hubNow();
      const since = new Date(readAt - spanMs).toISOString();
      const path = { id: deviceId };
      const found = await data(
        api.GET("/api/v1/devices/{id}/states", { params: { path, query: { since } } }),
      );
      return { readAt, changes: found.map(row => ({ ...row, at: Date.parse(row.at) })) };
    },
  });
  const again = () => void readAgain(queries, key);
  useLiveRead(
    { deviceIds: [deviceId], types: ["status"] },
    {
      onEvent: event => {
        const { status, connected, generation } = event as unknown as Partial<Change>;
        setHeard(known => {
          const last = known.at(-1);
          if (connected === undefined && last?.status === status) return known;
          const change: Change = {
            at: hubNow(),
            status: String(status),
            connected: connected ?? null,
            generation: generation ?? null,
          };
          return [...known.slice(-MOST_HEARD), change];
        });
      },
      read: again,
    },
  );
  const changes = useMemo(() => {
    if (asked.data === undefined) return undefined;
    const { readAt, changes: known } = asked.data;
    return [...known, ...heard.filter(({ at }) => at > readAt)];
  }, [asked.data, heard]);
  return { changes, problem: asked.error, retry: () => void asked.refetch() };
}
