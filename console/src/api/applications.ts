/** Applications, their revisions, and what devices say of their services. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { inOrder } from "../text/format";
import { isAwaiting } from "./approvals";
import { all, api, data, envelope, page, type Schemas } from "./client";

export type Application = Schemas["ApplicationItem"];
export type Revision = Schemas["RevisionItem"];
export type Workload = Schemas["WorkloadItem"];

export const APPLICATIONS = ["applications"] as const;
export const WORKLOADS = ["workloads"] as const;
const WORKLOADS_ON = "device-workloads";
/** What a device shall run, in all that was read. */
export const workloadsOn = (id: string) => [WORKLOADS_ON, id] as const;
export const EVERY_STATE = [...WORKLOADS, "states"] as const;
export const statesOf = (name: string) => [...EVERY_STATE, name] as const;
const LIMIT = 200;
const MOST = 500;

const pathOf = (name: string) => ({ path: { name } });
const after = (cursor: string | null) => ({ limit: LIMIT, ...(cursor !== null && { cursor }) });

export const useApplications = () =>
  useInfiniteQuery({
    queryKey: [...APPLICATIONS, "list"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) =>
      page(api.GET("/api/v1/applications", { params: { query: after(pageParam) } })),
    getNextPageParam: ({ next }) => next,
  });

/** All of them, by name. */
export const useEveryApplication = () =>
  useQuery({
    queryKey: [...APPLICATIONS, "every"],
    queryFn: async () => {
      const found = await all(cursor =>
        page(api.GET("/api/v1/applications", { params: { query: { limit: MOST, ...cursor } } })),
      );
      return found.sort((one, other) => inOrder(one.name, other.name));
    },
  });

export const useApplication = (name: string) =>
  useQuery({
    queryKey: [...APPLICATIONS, "one", name],
    queryFn: () => data(api.GET("/api/v1/applications/{name}", { params: pathOf(name) })),
  });

export const useRevisions = (name: string) =>
  useQuery({
    queryKey: [...APPLICATIONS, "revisions", name],
    queryFn: async () => {
      const params = { ...pathOf(name), query: { limit: LIMIT } };
      return (await page(api.GET("/api/v1/applications/{name}/revisions", { params }))).items;
    },
  });

export const useWorkloadsOf = (name: string) =>
  useInfiniteQuery({
    queryKey: [...WORKLOADS, "application", name],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => {
      const params = { ...pathOf(name), query: after(pageParam) };
      return page(api.GET("/api/v1/applications/{name}/devices", { params }));
    },
    getNextPageParam: ({ next }) => next,
  });

/** How many of its services are in which state. */
export const useStates = (name: string) =>
  useQuery({
    queryKey: statesOf(name),
    queryFn: () => data(api.GET("/api/v1/applications/{name}/states", { params: pathOf(name) })),
  });

export const useWorkloadsOn = (id: string) =>
  useQuery({
    queryKey: workloadsOn(id),
    queryFn: () => data(api.GET("/api/v1/devices/{id}/workloads", { params: { path: { id } } })),
  });

/** The devices that shall run it. */
export async function devicesWith(name: string): Promise<string[]> {
  const found = await all(cursor => {
    const params = { ...pathOf(name), query: { limit: MOST, ...cursor } };
    return page(api.GET("/api/v1/applications/{name}/devices", { params }));
  });
  const wanted = found.filter(({ desired }) => desired !== null);
  return [...new Set(wanted.map(({ deviceId }) => deviceId))];
}

export async function devicesMatching(query: string): Promise<string[]> {
  const found = await all(cursor =>
    page(api.GET("/api/v1/devices", { params: { query: { query, limit: MOST, ...cursor } } })),
  );
  return found.map(({ id }) => id);
}

export const createApplication = (name: string, compose: string) =>
  data(api.POST("/api/v1/applications", { body: { name, compose } }));

export const changeApplication = (name: string, body: Schemas["ApplicationChange"]) =>
  data(api.PUT("/api/v1/applications/{name}", { params: pathOf(name), body }));

export const setCurrent = (name: string, revision: string) =>
  data(
    api.PUT("/api/v1/applications/{name}/current", { params: pathOf(name), body: { revision } }),
  );

/** Nothing, or the approval that it waits for: over the cap a second person decides. */
export async function deleteApplication(name: string): Promise<string | null> {
  const answer: object = await envelope(
    api.DELETE("/api/v1/applications/{name}", { params: pathOf(name) }),
  );
  return "data" in answer && isAwaiting(answer.data) ? answer.data.approvalId : null;
}

/** By hand. */
export const assign = (id: string, name: string, body: Schemas["AssignmentBody"]) =>
  data(
    api.PUT("/api/v1/devices/{id}/applications/{name}", { params: { path: { id, name } }, body }),
  );

/** `volumes`: its named ones go, too. */
export const unassign = (id: string, name: string, volumes: boolean) =>
  envelope(
    api.DELETE("/api/v1/devices/{id}/applications/{name}", {
      params: { path: { id, name }, query: { volumes } },
    }),
  );

export type Deed = "start" | "stop" | "restart";

export function act({ deviceId, application, service }: Workload, deed: Deed): Promise<unknown> {
  const params = { path: { id: deviceId, name: application, service } };
  const root = "/api/v1/devices/{id}/workloads/{name}/{service}" as const;
  if (deed === "start") return envelope(api.POST(`${root}/start`, { params }));
  if (deed === "stop") return envelope(api.POST(`${root}/stop`, { params }));
  return envelope(api.POST(`${root}/restart`, { params }));
}
