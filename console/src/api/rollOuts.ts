/** Roll-outs of applications over REST. */
import { isAwaiting } from "./approvals";
import type { Wish } from "./campaigns";
import { all, api, data, page, type Schemas } from "./client";

export type RollOut = Schemas["RollOutItem"];

export const ROLLOUTS = "rollouts";
export const rollOutKey = (id: string) => ["rollout", id] as const;
const LIMIT = 500;

export const readRollOuts = (name: string, query: { limit: number; cursor?: string }) =>
  page(api.GET("/api/v1/applications/{name}/rollouts", { params: { path: { name }, query } }));

export const readRollOut = (name: string, id: string) =>
  data(api.GET("/api/v1/applications/{name}/rollouts/{id}", { params: { path: { name, id } } }));

export const readRollOutDevices = (name: string, id: string) =>
  all(cursor => {
    const params = { path: { name, id }, query: { limit: LIMIT, ...cursor } };
    return page(api.GET("/api/v1/applications/{name}/rollouts/{id}/devices", { params }));
  });

/** Its id; it may wait for an approval. */
export async function beginRollOut(name: string, body: Schemas["RollOutBody"]): Promise<string> {
  const made: object = await data(
    api.POST("/api/v1/applications/{name}/rollouts", { params: { path: { name } }, body }),
  );
  if (isAwaiting(made)) return made.campaignId ?? "";
  return (made as RollOut).id;
}

export function askRollOut({ application, id }: RollOut, wish: Wish): Promise<RollOut> {
  const params = { path: { name: application, id } };
  const root = "/api/v1/applications/{name}/rollouts/{id}" as const;
  if (wish === "pause") return data(api.POST(`${root}/pause`, { params }));
  if (wish === "resume") return data(api.POST(`${root}/resume`, { params }));
  return data(api.POST(`${root}/abort`, { params }));
}
