import { useQuery } from "@tanstack/react-query";
import { isAwaiting } from "../approvals";
import { api, data, envelope, page, type Schemas } from "../client";
import { PREFIX } from "../prefix";
import { problemOf, unreachable } from "../problem";
import { type CommandType, inCommon, specOf } from "./own";
import { type CommandSpec, type Contract, isOwn, specsOf } from "./specs";

/** The commands this hub knows, from its own contract. */
export function useCommandSpecs() {
  return useQuery({
    queryKey: ["contract"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<CommandSpec[]> => {
      const response = await fetch(`${PREFIX}/api/v1/openapi.json`).catch(error => {
        throw unreachable(error);
      });
      if (!response.ok) throw problemOf(response, null);
      return specsOf((await response.json()) as Contract);
    },
  });
}

/** Of an address: device ids are long. */
const AT_ONCE = 50;

/** The own commands that all of these devices have. */
export function useOwnSpecs(deviceIds: readonly string[]) {
  return useQuery({
    queryKey: ["command-types", deviceIds],
    queryFn: async (): Promise<CommandSpec[]> => (await ownTypes(deviceIds)).map(specOf),
  });
}

/** Those that each of these have, however many there are; mostly one call tells that there are none. */
async function ownTypes(deviceIds: readonly string[]): Promise<CommandType[]> {
  let common: CommandType[] | null = null;
  for (let first = 0; first < deviceIds.length; first += AT_ONCE) {
    const query = { deviceId: deviceIds.slice(first, first + AT_ONCE) };
    const items: CommandType[] = await data(
      api.GET("/api/v1/command-types", { params: { query } }),
    );
    common = inCommon(
      common,
      items.filter(({ type }) => isOwn(type)),
    );
    if (common.length === 0) break;
  }
  return common ?? [];
}

export type Wish = {
  command: Record<string, unknown> & { type: string };
  timeoutMs: number | null;
  delivery: "now" | "queue";
  expiresAt: string | null;
  /** By a person; then the command has an id. */
  signature?: Schemas["DispatchBody"]["signature"];
  /** Whether another person shall approve it first, whatever is set. */
  approval: boolean;
};

export type Dispatched = {
  batchId: string | null;
  /** Of what waits for another person. */
  approvalId: string | null;
  results: Record<string, Pick<Schemas["CommandResult"], "commandId" | "status">>;
};

/**
 * Hands a command in for these devices, and does not wait for its end. The same `key` again is the
 * same call: after a broken connection it is safe to repeat. Raises `Problem`.
 */
export async function dispatch(
  deviceIds: readonly string[],
  wish: Wish,
  key: string,
): Promise<Dispatched> {
  const header = { "Idempotency-Key": key, Prefer: "respond-async" };
  const body = wish as unknown as Schemas["DispatchBody"];
  const [only] = deviceIds;
  if (deviceIds.length === 1 && only !== undefined) {
    const { data: found } = await envelope(
      api.POST("/api/v1/devices/{id}/commands", { params: { path: { id: only }, header }, body }),
    );
    const one = found as { commandId: string; status: string };
    return { batchId: null, approvalId: approvalOf(found), results: { [only]: one } };
  }
  const { data: found } = await envelope(
    api.POST("/api/v1/commands/bulk", {
      params: { header },
      body: { ...body, deviceIds: [...deviceIds] },
    }),
  );
  const approvalId = approvalOf(found);
  if (approvalId === null) return { ...(found as unknown as Dispatched), approvalId };
  const waits = { commandId: null, status: "AWAITING" };
  return {
    batchId: (found as unknown as Dispatched).batchId,
    approvalId,
    results: Object.fromEntries(deviceIds.map(id => [id, waits])),
  };
}

const approvalOf = (answer: unknown) => (isAwaiting(answer) ? answer.approvalId : null);

/** Raises `Problem`: `ended` when it was too late. */
export function cancelCommand(deviceId: string, commandId: string) {
  const path = { id: deviceId, command_id: commandId };
  return data(api.DELETE("/api/v1/devices/{id}/commands/{command_id}", { params: { path } }));
}

export function commandRecord(deviceId: string, commandId: string) {
  const path = { id: deviceId, command_id: commandId };
  return data(api.GET("/api/v1/devices/{id}/commands/{command_id}", { params: { path } }));
}

/** Every record of a batch. */
export async function batchRecords(batchId: string): Promise<Schemas["CommandRecord"][]> {
  const found: Schemas["CommandRecord"][] = [];
  let cursor: string | null = null;
  do {
    const query: { batchId: string; limit: number; cursor?: string } = { batchId, limit: 500 };
    if (cursor !== null) query.cursor = cursor;
    const part: { items: Schemas["CommandRecord"][]; next: string | null } = await page(
      api.GET("/api/v1/commands", { params: { query } }),
    );
    found.push(...part.items);
    cursor = part.next;
  } while (cursor !== null);
  return found;
}
