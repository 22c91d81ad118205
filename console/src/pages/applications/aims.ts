/** To which devices a revision is to be rolled out, as it is chosen. Pure. */
import type { Schemas } from "../../api/client";
import type { Device } from "../../live/standing";
import * as named from "../../parts/campaigns/aims";

/** `all`: whoever has the application. */
export type Aim = { by: "all" } | named.Aim;

export const EMPTY: Record<Aim["by"], Aim> = { all: { by: "all" }, ...named.EMPTY };

/** As the hub takes it; null while it is not complete. */
export function targetOf(aim: Aim): Schemas["RollOutTargetBody"] | null {
  return aim.by === "all" ? {} : named.targetOf(aim);
}

/** Whom it reaches, where the fleet says so; null where the hub has to be asked. */
export function reachedBy(aim: Aim, devices: Iterable<Device>): readonly string[] | null {
  if (aim.by === "devices") return aim.deviceIds;
  if (aim.by !== "group") return null;
  return [...devices].flatMap(({ id, groupIds }) =>
    aim.groupId !== null && groupIds.includes(aim.groupId) ? [id] : [],
  );
}
