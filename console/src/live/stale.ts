/** Keeps the answers that were read over REST current: `records.ts` with the socket. */
import type { QueryClient } from "@tanstack/react-query";
import { readAgain } from "../api/readAgain";
import { session } from "../session/session";
import { onceMissed } from "./freshness";
import { EVERYTHING, type Key, staleAfter } from "./records";
import { live } from "./socket";

/** A change of many records is one reading. */
const SOON_MS = 500;

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
      onEvent: event => {
        if (event.kind === "user") session.readRights();
        again(staleAfter(event));
      },
      ...onceMissed(() => again(EVERYTHING)),
    },
  );
  return () => {
    clearTimeout(timer);
    unsubscribe();
  };
}
