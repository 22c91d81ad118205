/** Campaigns as they go on: a list of them, one, and its devices. What each is read from is the page's. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Campaign, CampaignDevice } from "../api/campaigns";
import { readAgain } from "../api/readAgain";
import type { LiveEvent } from "./frames";
import { onceMissed } from "./freshness";
import { useLive } from "./hooks";
import { useSoon } from "./useSoon";
import { follow, isUnfinished, type Row } from "./waves";

const PAGE = 50;
/** And also without an event: pausing or a wave that waits makes none. */
const POLL_MS = 5000;
/** Reasons and moments of what is shown come with the next reading; of many devices it comes later. */
const ROWS_POLL_MS = 15_000;
const POLL_MS_EACH = 10;

type Rows = ReadonlyMap<string, Row>;
type PageOf<C> = { items: C[]; next: string | null };
const NONE: Rows = new Map();

/** Calls `read` soon after events of campaigns. */
export function useCampaignEvents(read: () => void): void {
  const soon = useSoon(read);
  useLive({ types: ["deployment"] }, { onEvent: soon, ...onceMissed(soon) });
}

/** The newest first, with counts that follow what happens. */
export function useCampaigns<C extends Campaign>(
  key: readonly string[],
  read: (query: { limit: number; cursor?: string }) => Promise<PageOf<C>>,
) {
  const queries = useQueryClient();
  const list = useInfiniteQuery({
    queryKey: key,
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      read(pageParam === "" ? { limit: PAGE } : { limit: PAGE, cursor: pageParam }),
    getNextPageParam: last => last.next,
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ items }) => items.some(({ status }) => isUnfinished(status)))
        ? POLL_MS
        : false,
  });
  useCampaignEvents(() => void readAgain(queries, key));
  return { ...list, campaigns: list.data?.pages.flatMap(({ items }) => items) ?? [] };
}

export function useCampaign<C extends Campaign>(key: readonly string[], read: () => Promise<C>) {
  const queries = useQueryClient();
  const found = useQuery({
    queryKey: key,
    queryFn: read,
    refetchInterval: ({ state }) =>
      state.data === undefined || isUnfinished(state.data.status) ? POLL_MS : false,
  });
  useCampaignEvents(() => void readAgain(queries, key));
  return found;
}

/** Every device of a campaign: read once, then followed. */
export function useCampaignRows(
  { id, status, finishedAt }: Campaign,
  key: readonly string[],
  read: () => Promise<CampaignDevice[]>,
) {
  const queries = useQueryClient();
  const waiting = useRef<LiveEvent[]>([]);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const asked = useQuery({
    queryKey: key,
    queryFn: async (): Promise<Rows> => new Map((await read()).map(row => [row.deviceId, row])),
    refetchInterval: ({ state }) =>
      isUnfinished(status) ? ROWS_POLL_MS + POLL_MS_EACH * (state.data?.size ?? 0) : false,
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
