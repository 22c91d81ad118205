/** Campaigns of every kind over REST: commands, releases, applications. */
import { isAwaiting } from "./approvals";
import type { Wish } from "./campaigns";
import { all, api, data, page, type Schemas } from "./client";

export type Run = Schemas["CampaignItem"];
export type NewRun = Schemas["CampaignBody"];
/** How many it would be for, some of them, and how many it would leave out. */
export type Preview = { count: number; sample: string[]; refused: number };

export const RUNS = ["campaigns"] as const;
export const runKey = (id: string) => ["campaign", id] as const;
const LIMIT = 500;
const ONE = "/api/v1/campaigns/{id}";

export const readRuns = (query: { limit: number; cursor?: string }) =>
  page(api.GET("/api/v1/campaigns", { params: { query } }));

export const readRun = (id: string) => data(api.GET(ONE, { params: { path: { id } } }));

export const readRunDevices = (id: string) =>
  all(cursor => {
    const params = { path: { id }, query: { limit: LIMIT, ...cursor } };
    return page(api.GET(`${ONE}/devices`, { params }));
  });

export function askRun(id: string, wish: Wish): Promise<Run> {
  const params = { path: { id } };
  if (wish === "pause") return data(api.POST(`${ONE}/pause`, { params }));
  if (wish === "resume") return data(api.POST(`${ONE}/resume`, { params }));
  return data(api.POST(`${ONE}/abort`, { params }));
}

/** Lets the wave behind this one begin; `wave` from 1. */
export const approveWave = (id: string, wave: number): Promise<Run> =>
  data(api.POST(`${ONE}/approve`, { params: { path: { id } }, body: { wave } }));

/** Opens it again for the devices that failed. */
export const retryRun = (id: string): Promise<Run> =>
  data(api.POST(`${ONE}/retry`, { params: { path: { id } }, body: {} }));

/** Its id; it may wait for an approval. */
export async function beginRun(body: NewRun): Promise<string> {
  const made = await data<object>(api.POST("/api/v1/campaigns", { body }));
  if (isAwaiting(made)) return made.campaignId ?? "";
  return (made as Run).id;
}

/** Whom it would be for. */
export async function previewRun(body: NewRun): Promise<Preview> {
  const found = await data<object>(
    api.POST("/api/v1/campaigns", { body: { ...body, dryRun: true } }),
  );
  return found as Preview;
}
