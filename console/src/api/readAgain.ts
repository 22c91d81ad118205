import type { QueryClient, QueryKey } from "@tanstack/react-query";

/**
 * Reads these again. A reading that is under way may bring an older answer: it is shown, and read again
 * after it, which `invalidateQueries` alone does not do for a first reading.
 */
export async function readAgain(queries: QueryClient, queryKey: QueryKey): Promise<void> {
  const underWay = queries.getQueryCache().findAll({ queryKey, fetchStatus: "fetching" });
  await Promise.allSettled(underWay.map(({ promise }) => promise));
  await queries.invalidateQueries({ queryKey });
}
