/** Groups over REST, and their members out of the live fleet. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, data, envelope, page, type Schemas } from "../../api/client";
import { Problem } from "../../api/problem";
import { fleet, useFleet } from "../../live/fleet";
import type { Device } from "../../live/standing";
import { inOrder } from "../../text/format";

export type Group = Schemas["Group"];

export const GROUPS = ["groups"] as const;

/** All of them, by name. */
export function useGroups() {
  return useQuery({
    queryKey: [...GROUPS, "list"],
    queryFn: async () => {
      const found: Group[] = [];
      let cursor: string | null = null;
      do {
        const query: { limit: number; cursor?: string } = { limit: 500 };
        if (cursor !== null) query.cursor = cursor;
        const part: { items: Group[]; next: string | null } = await page(
          api.GET("/api/v1/device-groups", { params: { query } }),
        );
        found.push(...part.items);
        cursor = part.next;
      } while (cursor !== null);
      return found.sort((a, b) => inOrder(a.name, b.name));
    },
  });
}

/** Connected members of each group. */
export function useConnectedCounts(): ReadonlyMap<string, number> {
  const devices = useFleet(({ devices }) => devices);
  const version = useFleet(({ version }) => version);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the map is changed in place
  return useMemo(() => {
    const counts = new Map<string, number>();
    for (const { connected, groupIds } of devices.values()) {
      if (connected) for (const id of groupIds) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  }, [devices, version]);
}

/** The devices of a group, by name; they are drawn live by themselves. */
export function useMembers(groupId: string): readonly Device[] {
  const devices = useFleet(({ devices }) => devices);
  const roster = useFleet(({ roster }) => roster);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the map is changed in place
  return useMemo(
    () =>
      [...devices.values()]
        .filter(({ groupIds }) => groupIds.includes(groupId))
        .sort((a, b) => inOrder(a.name, b.name)),
    [devices, roster, groupId],
  );
}

export const create = (name: string, query: string | null) =>
  data(api.POST("/api/v1/device-groups", { body: bodyOf(name, query) }));

export const change = (id: string, name: string, query: string | null) =>
  data(
    api.PUT("/api/v1/device-groups/{id}", { params: { path: { id } }, body: bodyOf(name, query) }),
  );

const bodyOf = (name: string, query: string | null) =>
  query === null ? { name } : { name, query };

/** Devices have come into a group by themselves, or left it. */
export const readMembers = () => fleet.load();

export async function remove(id: string): Promise<void> {
  await envelope(api.DELETE("/api/v1/device-groups/{id}", { params: { path: { id } } }));
  regroup([...fleet.current().devices.keys()], id, false);
}

export async function addMembers(id: string, deviceIds: string[]): Promise<void> {
  const params = { path: { id } };
  await data(api.POST("/api/v1/device-groups/{id}/members", { params, body: { deviceIds } }));
  regroup(deviceIds, id, true);
}

export async function removeMembers(id: string, deviceIds: string[]): Promise<void> {
  const params = { path: { id } };
  await data(api.DELETE("/api/v1/device-groups/{id}/members", { params, body: { deviceIds } }));
  regroup(deviceIds, id, false);
}

/** What the hub has done, in the records that are here. */
function regroup(deviceIds: readonly string[], groupId: string, member: boolean): void {
  const changed = deviceIds.flatMap(id => {
    const device = fleet.device(id);
    if (device === undefined || device.groupIds.includes(groupId) === member) return [];
    const others = device.groupIds.filter(one => one !== groupId);
    return [{ ...device, groupIds: member ? [...others, groupId].sort() : others }];
  });
  fleet.put(...changed);
}

export type GroupConfig = Schemas["GroupConfig"];

/** What a group gives of the configuration; null when it gives nothing. */
export function useGroupConfig(id: string) {
  return useQuery({
    queryKey: configOf(id),
    queryFn: async (): Promise<GroupConfig | null> => {
      try {
        const params = { path: { id } };
        return await data(api.GET("/api/v1/device-groups/{id}/config", { params }));
      } catch (error) {
        if (error instanceof Problem && error.status === 404) return null;
        throw error;
      }
    },
  });
}

export const configOf = (id: string) => ["group-config", id] as const;

type Given = { document: Record<string, unknown>; priority: number };

export const previewConfig = (id: string, given: Given) => putConfig(id, given, true);
export const setConfig = (id: string, given: Given) => putConfig(id, given, false);

const putConfig = (id: string, given: Given, dryRun: boolean) =>
  data(
    api.PUT("/api/v1/device-groups/{id}/config", {
      params: { path: { id } },
      body: { ...given, dryRun },
    }),
  );

export async function deleteConfig(id: string): Promise<void> {
  await envelope(api.DELETE("/api/v1/device-groups/{id}/config", { params: { path: { id } } }));
}
