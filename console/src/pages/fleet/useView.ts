/** The ids that are shown, in order, as devices come, go and change. */
import { useEffect, useMemo, useState } from "react";
import { fleet, useFleet } from "../../live/fleet";
import type { FleetSearch } from "./search";
import { arrange, type Facets, facetsOf, isLiveView } from "./view";

/** Rows that moved with every heartbeat could not be read, let alone clicked. */
const REARRANGE_MS = 1000;

/** Those that match `search`; with `only` these alone, whatever else is asked for. */
export function useView(search: FleetSearch, only: ReadonlySet<string> | null): readonly string[] {
  const roster = useFleet(({ roster }) => roster);
  const beat = useBeat(isLiveView(search));
  // biome-ignore lint/correctness/useExhaustiveDependencies: roster and beat say that devices changed
  return useMemo(() => {
    const { devices } = fleet.current();
    if (only === null) return arrange(devices.values(), search);
    const these = [...only].flatMap(id => devices.get(id) ?? []);
    return arrange(these, search.sort ? { sort: search.sort } : {});
  }, [roster, beat, search, only]);
}

/** Rises once a second while devices change, when that matters. */
function useBeat(matters: boolean): number {
  const [beat, setBeat] = useState(0);
  useEffect(() => {
    if (!matters) return;
    const timer = setInterval(() => setBeat(fleet.current().version), REARRANGE_MS);
    return () => clearInterval(timer);
  }, [matters]);
  return beat;
}

export function useFacets(): Facets {
  const roster = useFleet(({ roster }) => roster);
  // biome-ignore lint/correctness/useExhaustiveDependencies: roster says that devices changed
  return useMemo(() => facetsOf(fleet.current().devices.values()), [roster]);
}
