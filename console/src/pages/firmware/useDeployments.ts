/** The deployments, newest first, with counts that follow what happens. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, data, page } from "../../api/client";
import { readAgain } from "../../api/readAgain";
import { onceMissed } from "../../live/freshness";
import { useLive } from "../../live/hooks";
import { useSoon } from "../../live/useSoon";
import { isUnfinished } from "../../live/waves";

const PAGE = 50;
/** And also without an event: pausing or a wave that waits makes none. */
const POLL_MS = 5000;

/** Calls `read` soon after events of deployments. */
export function useDeploymentEvents(read: () => void): void {
  const soon = useSoon(read);
  useLive({ types: ["deployment"] }, { onEvent: soon, ...onceMissed(soon) });
}

export function useDeployments() {
  const queries = useQueryClient();
  const key = ["deployments"];
  const list = useInfiniteQuery({
    queryKey: key,
    initialPageParam: "",
    queryFn: ({ pageParam }) => {
      const query = pageParam === "" ? { limit: PAGE } : { limit: PAGE, cursor: pageParam };
      return page(api.GET("/api/v1/firmware/deployments", { params: { query } }));
    },
    getNextPageParam: last => last.next,
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ items }) => items.some(({ status }) => isUnfinished(status)))
        ? POLL_MS
        : false,
  });
  useDeploymentEvents(() => void readAgain(queries, key));
  return { ...list, deployments: list.data?.pages.flatMap(({ items }) => items) ?? [] };
}

export function useDeployment(id: string) {
  const queries = useQueryClient();
  const key = ["deployment", id];
  const found = useQuery({
    queryKey: key,
    queryFn: () => data(api.GET("/api/v1/firmware/deployments/{id}", { params: { path: { id } } })),
    refetchInterval: ({ state }) =>
      state.data === undefined || isUnfinished(state.data.status) ? POLL_MS : false,
  });
  useDeploymentEvents(() => void readAgain(queries, key));
  return found;
}
