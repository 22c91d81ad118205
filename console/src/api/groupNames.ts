import { useQuery } from "@tanstack/react-query";
import { api, page } from "./client";

/** Group id → name, of all groups. */
export function useGroupNames(enabled = true): ReadonlyMap<string, string> {
  const { data: names } = useQuery({
    queryKey: ["groups", "names"],
    enabled,
    queryFn: async () => {
      const found = new Map<string, string>();
      let cursor: string | null = null;
      do {
        const query: { limit: number; cursor?: string } = { limit: 500 };
        if (cursor !== null) query.cursor = cursor;
        const part: { items: { id: string; name: string }[]; next: string | null } = await page(
          api.GET("/api/v1/device-groups", { params: { query } }),
        );
        for (const { id, name } of part.items) found.set(id, name);
        cursor = part.next;
      } while (cursor !== null);
      return found;
    },
  });
  return names ?? NONE;
}

const NONE: ReadonlyMap<string, string> = new Map();
