/** Keeps the answers that were read over REST current: `records.ts` with the socket. */
import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { onceMissed } from "./freshness";
import { EVERYTHING, type Key, staleAfter } from "./records";
import { live } from "./socket";

/** A change of many records is one reading. */
const SOON_MS = 500;

/**
 * Reads these again. A reading that is under way may bring an older answer: it is shown, and read again
 * after it, which `invalidateQueries` alone does not do for a first reading.
 */
export async function readAgain(queries: QueryClient, queryKey: QueryKey): Promise<void> {
  const underWay = queries.getQueryCache().findAll({ queryKey, fetchStatus: "fetching" });
  await Promise.allSettled(underWay.map(({ promise }) => promise));
  await queries.invalidateQueries({ queryKey });
}

/** Until what it returns is called: queries whose records change are read again, soon. */
export function keepCurrent(queries: QueryClient): () => void {
  const stale = new Map<string, Key>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = (keys: readonly Key[]) => {
    for (const key of keys) stale.set(key.join("\n"), key);
    timer ??= setTimeout(() => {
      timer = undefined;
      const now = [...stale.values()];
      stale.clear();
      for (const queryKey of now) void readAgain(queries, queryKey);
    }, SOON_MS);
  };
  const unsubscribe = live.subscribe(
    { types: ["record_changed"] },
    {
      onEvent: event => again(staleAfter(event)),
      ...onceMissed(() => again(EVERYTHING)),
    },
  );
  return () => {
    clearTimeout(timer);
    unsubscribe();
  };
}
