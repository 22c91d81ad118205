import { useInfiniteQuery } from "@tanstack/react-query";
import { api, page, type Schemas } from "../../api/client";
import { hubNow } from "../../live/hubClock";
import type { AuditSearch } from "./search";

export type AuditRow = Schemas["AuditRow"];
type Part = { items: AuditRow[]; next: string | null };

const PAGE = 100;
const LARGE_PAGE = 500;
export const MOST_EXPORTED = 20_000;

/** Of many deeds no event tells: sign-ins, refusals, commands of devices nobody looks at. */
const REFRESH_MS = 2_000;

/** How long what is shown, this many pages, is good for: one call in two seconds, however many. */
export function refreshMs(pages: number): number {
  return REFRESH_MS * Math.max(1, pages);
}

export function useAudit(search: AuditSearch) {
  return useInfiniteQuery({
    queryKey: ["audit", search],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => read(search, PAGE, pageParam, signal),
    getNextPageParam: last => last.next,
    refetchInterval: ({ state }) => refreshMs(state.data?.pages.length ?? 1),
  });
}

/** All that match, the newest first, up to a bound. */
export async function readAll(search: AuditSearch): Promise<AuditRow[]> {
  const found: AuditRow[] = [];
  let cursor: string | null = null;
  do {
    const part: Part = await read(search, LARGE_PAGE, cursor);
    found.push(...part.items);
    cursor = part.next;
  } while (cursor !== null && found.length < MOST_EXPORTED);
  return found.slice(0, MOST_EXPORTED);
}

function read(
  search: AuditSearch,
  limit: number,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Part> {
  const query = { ...asked(search, hubNow()), limit, ...(cursor && { cursor }) };
  return page(api.GET("/api/v1/audit-log", { params: { query }, ...(signal && { signal }) }));
}

/** What the hub is asked: hours back become a moment. */
export function asked({ hours, ...others }: AuditSearch, now: number): Omit<AuditSearch, "hours"> {
  if (hours === undefined) return others;
  return { ...others, since: new Date(now - hours * 3_600_000).toISOString() };
}
