/** Some metrics of a device over a span: the history, and live points while they come. */
import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useReducer, useRef } from "react";
import { api, data } from "../../../api/client";
import { hubNow } from "../../../live/hubClock";
import { useLiveRead } from "../../../live/useLiveRead";
import { Series, SPANS } from "./series";

export type OneSeries = { name: string; series: Series; loading: boolean; problem: unknown };

/** `version` rises when there is something new to draw. */
export function useSeries(deviceId: string, names: readonly string[], span: string) {
  const queries = useQueryClient();
  const { spanMs, stepMs } = SPANS[span] ?? { spanMs: 3_600_000, stepMs: 15_000 };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another device is another set
  const all = useMemo(() => new Map<string, Series>(), [deviceId, stepMs, spanMs]);
  const [version, changed] = useReducer((count: number) => count + 1, 0);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);

  const seriesOf = (name: string) => {
    const known = all.get(name);
    if (known !== undefined) return known;
    const made = new Series(stepMs, spanMs);
    all.set(name, made);
    return made;
  };

  const asked = useQueries({
    queries: names.map(name => ({
      queryKey: ["metric", deviceId, name, span],
      staleTime: 0,
      refetchOnWindowFocus: false,
      queryFn: async () => {
        const readAt = hubNow();
        const since = new Date(readAt - spanMs).toISOString();
        const path = { id: deviceId };
        const query = { name, since, step: stepMs / 1000 };
        const points = await data(
          api.GET("/api/v1/devices/{id}/metrics", { params: { path, query } }),
        );
        seriesOf(name).load(points, readAt);
        return readAt;
      },
    })),
  });

  useLiveRead(
    { deviceIds: [deviceId], types: ["status"] },
    {
      onEvent: event => {
        const metrics = event.metrics as Record<string, number> | undefined;
        if (metrics === undefined) return;
        for (const name of names) {
          const value = metrics[name];
          if (value !== undefined) seriesOf(name).add(hubNow(), value);
        }
        cancelAnimationFrame(frame.current);
        frame.current = requestAnimationFrame(changed);
      },
      read: () => void queries.invalidateQueries({ queryKey: ["metric", deviceId] }),
    },
  );

  const list: OneSeries[] = names.map((name, index) => ({
    name,
    series: seriesOf(name),
    loading: asked[index]?.isPending ?? true,
    problem: asked[index]?.error ?? null,
  }));
  const readAt = Math.max(0, ...asked.map(one => one.data ?? 0));
  return { list, version: version + readAt, spanMs };
}
