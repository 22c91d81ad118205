/** Whom a roll-out would reach now. */
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { devicesMatching, devicesWith, WORKLOADS } from "../../api/applications";
import { fleet, useFleet } from "../../live/fleet";
import { type Aim, reachedBy } from "./aims";

const TYPING_MS = 400;

/** `ids` is null while nobody knows; `error` says why nobody will. */
export function useReach(
  name: string,
  aim: Aim,
): { ids: readonly string[] | null; error: unknown } {
  useFleet(({ roster }) => roster);
  const wanted = aim.by === "query" ? aim.query.trim() : "";
  const [query] = useDebouncedValue(wanted, TYPING_MS);
  const having = useQuery({
    queryKey: [...WORKLOADS, "having", name],
    enabled: aim.by === "all",
    queryFn: () => devicesWith(name),
  });
  const matching = useQuery({
    queryKey: ["devices-matching", query],
    enabled: query !== "",
    retry: false,
    queryFn: () => devicesMatching(query),
  });
  const known = reachedBy(aim, fleet.current().devices.values());
  if (known !== null) return { ids: known, error: null };
  if (aim.by === "all") return { ids: having.data ?? null, error: having.error };
  if (wanted === "") return { ids: [], error: null };
  if (wanted !== query) return { ids: null, error: null };
  return { ids: matching.data ?? null, error: matching.error };
}
