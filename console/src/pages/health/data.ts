import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, data, envelope, page, type Schemas } from "../../api/client";
import type { Point } from "../../live/history";
import type { Health, Replica } from "./advice";
import { STUCK_MS, UNDER_WAY } from "./fleetAdvice";

export type DeadLetter = Schemas["DeadLetter"];

export const CLOUD = ["cloud-sync"] as const;
/** Replicas tell every three seconds. */
const EVERY_MS = 3000;
const CLOUD_EVERY_MS = 10_000;
export const CHART_MINUTES = 10;
const SHOWN = 50;
const MOST_STUCK = 500;

export const CHARTS = ["eventsPerSecond", "commandsPerSecond", "cpuPercent", "latencyMs"] as const;
export type Chart = (typeof CHARTS)[number];

/** Of each replica, each chart. */
export type Histories = ReadonlyMap<string, Record<Chart, readonly Point[]>>;

export function useHealth() {
  const health = useQuery({
    queryKey: ["health"],
    queryFn: () => data(api.GET("/api/v1/health")),
    refetchInterval: EVERY_MS,
  });
  const [histories, setHistories] = useState<Histories>(new Map());
  useEffect(() => {
    if (health.data) setHistories(known => grown(known, health.data));
  }, [health.data]);
  return { ...health, histories };
}

/** With what was told since; replicas that are gone go. Pure. */
export function grown(known: Histories, { replicas }: Health): Histories {
  return new Map(
    replicas.map(replica => {
      const at = Date.parse(replica.lastSeen);
      const before = known.get(replica.id);
      const charts = CHARTS.map(chart => {
        const value = told(replica, chart);
        const points = before?.[chart] ?? [];
        const isNew = value !== null && points.at(-1)?.at !== at;
        const oldest = at - CHART_MINUTES * 60_000;
        return [
          chart,
          isNew ? [...points.filter(point => point.at >= oldest), { at, value }] : points,
        ];
      });
      return [replica.id, Object.fromEntries(charts) as Record<Chart, readonly Point[]>];
    }),
  );
}

export function told({ figures }: Replica, chart: Chart): number | null {
  if (figures === null) return null;
  return chart === "latencyMs" ? figures.database.latencyMs : figures[chart];
}

export const useCloud = () =>
  useQuery({
    queryKey: [...CLOUD, "overview"],
    queryFn: () => data(api.GET("/api/v1/cloud-sync")),
    refetchInterval: CLOUD_EVERY_MS,
  });

/** Commands that devices have had for too long; `now` is the hub's, in milliseconds. */
export const useStuck = (now: number) => {
  // A minute more or less does not matter, and a new key each time would never be answered twice.
  const until = new Date(Math.floor((now - STUCK_MS) / 60_000) * 60_000).toISOString();
  return useQuery({
    queryKey: ["commands-stuck", until],
    placeholderData: known => known,
    queryFn: async () => {
      const query = { status: [...UNDER_WAY], until, limit: MOST_STUCK };
      return (await page(api.GET("/api/v1/commands", { params: { query } }))).items;
    },
    refetchInterval: CLOUD_EVERY_MS,
  });
};

export const useRecentDeployments = () =>
  useQuery({
    queryKey: ["deployments", "recent"],
    queryFn: async () => {
      const query = { limit: SHOWN };
      return (await page(api.GET("/api/v1/firmware/deployments", { params: { query } }))).items;
    },
    refetchInterval: CLOUD_EVERY_MS,
  });

export const useDeadLetters = (enabled: boolean) =>
  useQuery({
    queryKey: [...CLOUD, "dead-letters"],
    enabled,
    queryFn: async () =>
      (
        await page(
          api.GET("/api/v1/cloud-sync/dead-letters", { params: { query: { limit: SHOWN } } }),
        )
      ).items,
    refetchInterval: CLOUD_EVERY_MS,
  });

export async function retry(ids: readonly string[]): Promise<number> {
  for (const id of ids) {
    await envelope(
      api.POST("/api/v1/cloud-sync/dead-letters/{id}/retry", { params: { path: { id } } }),
    );
  }
  return ids.length;
}
