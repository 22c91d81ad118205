/** Every device, to choose from in a list. */
import { useMemo } from "react";
import { fleet, useFleet } from "../live/fleet";

export function useDeviceOptions(): readonly { value: string; label: string }[] {
  const roster = useFleet(state => state.roster);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when devices come or go
  return useMemo(
    () =>
      [...fleet.current().devices.values()].map(({ id, name }) => ({
        value: id,
        label: name === id ? id : `${name} (${id})`,
      })),
    [roster],
  );
}
